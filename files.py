"""What files are called in a search's folder, and how every small file is written: whole, then renamed.

runs/<search>/search.json            the command, versions, store and budget
              leaderboard.csv        one line a trial, best first
              study.db               the Optuna study, for Optuna's own tools
              ensemble.json          the members of the vote and their scores
              confirm/               the best trials again, a search of its own, with confirmation.json
              <trial>/               Ray's result.json, TensorBoard events, checkpoints, and
              <trial>/best.safetensors, val_predictions.npz      of the trial's best epoch
              <trial>/trial.log      seed, device, versions, and what was chosen for the trial
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SEARCH = "search.json"
LEADERBOARD = "leaderboard.csv"
STUDY = "study.db"
ENSEMBLE = "ensemble.json"
CONFIRMATION = "confirmation.json"
BEST_WEIGHTS = "best.safetensors"
VAL_PREDICTIONS = "val_predictions.npz"
TRIAL_LOG = "trial.log"


def write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, default=str) + "\n")
