"""Parts that several processes predict: real workers on this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from common.errors import EnsembleError, StoreError
from data_prep.store.store import Store
from ensemble.predictions import spread
from ensemble.predictions.predicting import predict_photos
from ensemble.predictions.sources import FilesSource
from ensemble.predictions.tables import Outputs
from ensemble.predictions.workforce import THIS_PROCESS, Workforce
from tests.ensemble.predictions.ensembles import predictor
from tests.helpers.patience import HANGS

ONE_WORKER = Workforce(workers=1, cluster="local")
"""A worker takes seconds of a core to start: one does where two would tell no more."""


def run(store: Store, source: FilesSource, out: Path, workforce: Workforce) -> None:
    outputs = Outputs(out, None, out.with_suffix(".parquet"))
    predict_photos(predictor(store), source, outputs, workforce=workforce, progress=False, say=lambda line: None)


def test_two_workers_answer_as_one_process_does(
    ray_session: None, small_store: Store, source: FilesSource, tmp_path: Path
) -> None:
    run(small_store, source, tmp_path / "one.csv", THIS_PROCESS)
    run(small_store, source, tmp_path / "two.csv", Workforce(workers=2))
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
            run(small_store, other, tmp_path / "out.csv", workforce)
    assert [file.name for file in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("when", ["answering", "loading"])
def test_a_lost_worker_is_replaced_and_after_too_many_the_command_ends(
    ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    class Mortal:
        """A worker that dies once, as one without memory does; it needs no torch, and starts in a moment."""

        def __init__(self, mark: str, when: str, cores: int) -> None:
            self._mark, self._when = mark, when

        def _die(self, at: str) -> None:
            if at == self._when and not Path(self._mark).exists():
                Path(self._mark).touch()
                os._exit(1)

        def ready(self) -> None:
            self._die("loading")

        def answer(self, part: slice) -> int:
            self._die("answering")
            return int(part.start)

    monkeypatch.setattr(spread, "Worker", Mortal)
    monkeypatch.setattr(spread, "WAIT_SECONDS", HANGS)
    for tries in (2, 1):
        monkeypatch.setattr(spread, "TRIES", tries)
        said: list[str] = []
        crew = spread.Crew(str(tmp_path / f"mark{tries}"), when)
        crew.hire((1, 0))
        answers = spread._answers(crew, [slice(number, number + 1) for number in range(3)], said.append)
        if tries == 2:
            assert sorted(answers) == [(0, 0), (1, 1), (2, 2)]
            assert said == ["a worker was lost; what it was at is done again"]
        else:
            with pytest.raises(EnsembleError, match=f"1 workers died {'at the same' if when == 'answering' else 'wh'}"):
                list(answers)
        crew.dismiss()


def test_workers_share_the_cores_of_machines_without_gpus(ray_session: None) -> None:
    whole = spread.shares(None)
    assert len(whole) == 1 and whole[0][1] == 0
    assert spread.shares(2) == [(max(1, whole[0][0] // 2), 0)] * 2
