"""Parts that several processes predict: real workers on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from common.errors import EnsembleError, StoreError
from data_prep.store.store import Store
from ensemble.predictions import spread
from ensemble.predictions.predicting import predict_photos
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.sources import FilesSource
from ensemble.predictions.tables import Outputs
from ensemble.predictions.workforce import THIS_PROCESS, Workforce
from tests.ensemble.predictions.ensembles import fragile, predictor

ONE_WORKER = Workforce(workers=1, cluster="local")
"""A worker takes seconds of a core to start: one does where two would tell no more."""


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


def test_what_a_worker_cannot_do_is_told_as_this_process_would(
    ray_session: None, small_store: Store, source: FilesSource, tmp_path: Path
) -> None:
    background = {"method": "sample", "model": "segmenter.onnx", "sha256": "0" * 64}
    other = replace(source, treatment=replace(source.treatment, background=background))
    for workforce in (THIS_PROCESS, ONE_WORKER):
        with pytest.raises(StoreError, match=r"its background went by .*; prepare it again"):
            run(predictor(small_store), other, tmp_path / "out.csv", workforce)
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]


def test_workers_that_die_again_and_again_end_the_command_and_what_is_done_is_kept(
    ray_session: None, small_store: Store, source: FilesSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "TRIES", 1)
    with pytest.raises(EnsembleError, match="1 workers died while they loaded: look at their machines' memory"):
        run(fragile(small_store, tmp_path / "mark"), source, tmp_path / "out.csv", ONE_WORKER)


def test_workers_share_the_cores_of_machines_without_gpus(ray_session: None) -> None:
    whole = spread.shares(None)
    assert len(whole) == 1 and whole[0][1] == 0
    assert spread.shares(2) == [(max(1, whole[0][0] // 2), 0)] * 2
