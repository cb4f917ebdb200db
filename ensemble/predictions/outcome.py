"""What an ensemble says of test, which is opened once, as ensemble.json keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.files import write_json
from common.search_folder import ENSEMBLE
from common.security import terminal
from data_prep.store.store import Store
from ensemble.predictions.scores import score_test
from ensemble.selection.choice import Choice


def open_test(search: Path, store: Store, choice: Choice, out: Path | None) -> Path:
    """Score the vote on test and keep that in ensemble.json, with where the eval photos' predictions are."""
    test = store.labelled("test")
    if len(test) and (search / ENSEMBLE).exists():
        terminal.say("Test was opened before for this search: choose on val, or test stops being a test.")
    on_test = score_test(store, choice, test, choice.ensemble.predict_rows(store, test))
    write_json(search / ENSEMBLE, _about(store, choice, on_test, out))
    return search / ENSEMBLE


def _about(store: Store, choice: Choice, on_test: dict[str, Any] | None, out: Path | None) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "store_hash": store.hash,
        "members": [{"trial": member.name, "val_f1": member.val_f1} for member in choice.chosen],
        "views": [vars(view) for view in choice.ensemble.views],
        "val": choice.on_val,
        "test": on_test,
        "predictions": out and str(out),
    }
