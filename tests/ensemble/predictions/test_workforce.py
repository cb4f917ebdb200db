"""Parts that several processes predict: real workers on this machine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data_prep.store.store import Store
from ensemble.predictions.predicting import predict_photos
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.sources import FilesSource
from ensemble.predictions.tables import Outputs
from ensemble.predictions.workforce import THIS_PROCESS, Workforce
from tests.ensemble.predictions.ensembles import fragile, predictor


def run(made: Predictor, source: FilesSource, out: Path, workforce: Workforce) -> list[str]:
    said: list[str] = []
    outputs = Outputs(out, None, out.with_suffix(".parquet"))
    predict_photos(made, source, outputs, workforce=workforce, progress=False, say=said.append)
    return said


def test_two_workers_answer_as_one_does_and_a_lost_one_is_replaced(
    ray_session: None, small_store: Store, source: FilesSource, tmp_path: Path
) -> None:
    run(predictor(small_store), source, tmp_path / "one.csv", THIS_PROCESS)
    said = run(fragile(small_store, tmp_path / "mark"), source, tmp_path / "two.csv", Workforce(workers=2))
    assert "a worker was lost; what it was at is done again" in said
    one, two = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert list(one["ImageID"]) == list(two["ImageID"])
    assert one.drop(columns="ImageID").to_numpy() == pytest.approx(two.drop(columns="ImageID").to_numpy(), abs=2e-3)
