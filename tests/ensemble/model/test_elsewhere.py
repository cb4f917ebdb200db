"""A model that was taken away predicts where there is nothing but this program: the test takes all else away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.repository import ROOT
from data_prep.store.store import Store
from ensemble import export
from ensemble.model import load
from tests.ensemble.model.searches import CROPS, made_search

SCRIPT = """
import sys
from ensemble.model import load
model = load(sys.argv[1])
model.predict(sys.argv[2]).to_json("python.json")
from ensemble import predict
assert predict.main([*sys.argv[1:3], "--fallback", "worn male <30", "--probabilities", "all.parquet"]) == 0
print(sorted({"ray", "optuna", "rembg"} & set(sys.modules)))
"""


def test_it_needs_no_search_no_store_and_no_ray(
    smallest_store: Store, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(shutil.copytree(smallest_store.path, tmp_path / "store"))
    search = made_search(tmp_path / "search", store, {"trial-001": CROPS["trial-001"]})
    assert export.main(["--search", str(search), "--single-file", "model.zip"]) == 0
    said = capsys.readouterr().out
    assert "model.zip: trial-001 of" in said and "-m ensemble.predict model.zip PHOTOS" in said
    before = load("model.zip").predict(photos)
    shutil.rmtree(search)
    shutil.rmtree(store.path)

    command = [sys.executable, "-c", SCRIPT, "model.zip", str(photos)]
    here = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    after = pd.read_json("python.json")
    assert after["ImageID"].tolist() == before["ImageID"].tolist()
    # Another process may find another dtype to be the faster one on this machine.
    assert np.allclose(after["probability"], before["probability"], atol=0.05)

    table = pd.read_csv("predictions.csv").set_index("ImageID")
    assert list(table.loc["torn.jpg", ["mask", "gender", "age"]]) == ["worn", "male", "<30"]
    assert pd.read_csv("submission.csv").set_index("ImageID").loc["torn.jpg", "ans"] == 0
    everything = pd.read_parquet("all.parquet").set_index("ImageID").drop("torn.jpg")
    assert everything.shape == (7, 18) and np.allclose(everything.sum(axis=1), 1, atol=1e-5)
