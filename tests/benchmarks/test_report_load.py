"""The benchmark of a report in a browser says when its parts were there."""

from __future__ import annotations

import re

import pytest

from benchmarks import report_load
from data_prep.store.store import Store
from tests.helpers.browser import CHROMIUM


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_words_come_first_and_all_charts_last(small_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--trials", "3", "--epochs", "3", "--rounds", "1"]
    assert report_load.main(["--store", str(small_store.path), *few]) == 0
    written, *lines = capsys.readouterr().out.splitlines()
    assert written.startswith("3 trials of 3 epochs: written in ")
    seen = {what: float(seconds) for what, seconds in (re.findall(r"(.*): ([\d.]+) s \(", line)[0] for line in lines)}
    assert list(seen) == list(report_load.SEEN)
    assert 0 < seen["its words"] <= seen["all of it"] and seen["its first screen"] <= seen["all of it"]
