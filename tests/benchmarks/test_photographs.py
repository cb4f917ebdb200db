"""What the benchmark of photographs says of its runs, and that none of its programs is run twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import photographs
from benchmarks.photographs import Run
from benchmarks.programs import Programs
from common.errors import OptionError
from data_prep.__main__ import main as data_prep
from tests.data_prep import drawn_layouts

ASKED = {"images": "faces", "size": "64x64"}


def test_a_program_that_has_ended_well_is_not_run_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    called: list[int] = []
    for number in range(2):
        again = Programs(tmp_path / "out", ASKED)
        minutes = again.minutes("calendar", "2026", 2, before=lambda number=number: called.append(number))
        assert 0 < minutes < 1
    said = capfd.readouterr().out
    assert called == [0]
    assert said.count("$ python -m calendar 2026 2\n") == said.count("February 2026") == 1


def test_a_program_that_fails_is_named_and_is_run_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    programs = Programs(tmp_path / "out", ASKED)
    for _ in range(2):
        with pytest.raises(OptionError, match=r"^exit code 2 from: python -m data_prep --size '9 9'$"):
            programs.minutes("data_prep", "--size", "9 9")
    assert capfd.readouterr().err.count("--images, --out") == 2
    assert json.loads((tmp_path / "out" / "minutes.json").read_text()) == {"asked": ASKED, "minutes": {}}


@pytest.mark.parametrize("asked", [{**ASKED, "size": "96x96"}, {**ASKED, "epochs": "3"}])
def test_a_folder_that_was_begun_with_other_options_is_refused(tmp_path: Path, asked: dict[str, str]) -> None:
    Programs(tmp_path / "out", ASKED)
    Programs(tmp_path / "out", ASKED)
    other = ({*asked.items()} - {*ASKED.items()}).pop()[0]
    with pytest.raises(OptionError, match=f"was begun with other {other}; name another folder"):
        Programs(tmp_path / "out", asked)


def test_a_folder_of_someone_elses_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OptionError, match="name a folder that is not"):
        Programs(tmp_path, ASKED)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_what_was_interrupted_is_removed_before_it_is_timed(tmp_path: Path) -> None:
    (tmp_path / "half" / "made").mkdir(parents=True)
    photographs._remove(tmp_path / "half", tmp_path / "never was")
    assert list(tmp_path.iterdir()) == []


def _run(store: Path, f1: float, minutes: float = 1) -> Run:
    return Run(store, {"prepare": minutes}, {"ensemble": {"f1": f1}})


def test_what_removal_changes_is_paired_by_seed(tmp_path: Path) -> None:
    plain, removed = ([_run(tmp_path, f1) for f1 in scores] for scores in ((0.5, 0.6, 0.9), (0.7, 0.5, 0.9)))
    said = photographs._difference(plain, removed, "u2net")
    assert said == "u2net minus keep, by seed: +0.200, -0.100, +0.000; mean +0.033 +/- 0.088 (standard error)"
    one = photographs._difference(plain[:1], removed[:1], "u2net")
    assert one == "u2net minus keep, by seed: +0.200; mean +0.200"


def test_masks_are_counted_for_each_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, _ = drawn_layouts.imagefolder(tmp_path)
    data_prep(["--images", str(images), "--out", "store", "--background", "sample"])
    capsys.readouterr()
    found = json.loads(Path("store/store.json").read_text())
    photos, odd = found["counts"]["photos"], len(found["masks"]["implausible"])
    lines = photographs._masks([_run(Path("store"), 0.5, minutes) for minutes in (1, 2, 4)])
    assert lines[-2] == f"{photos} photos, {photos / 120:.2f}/s"
    assert lines[-1].startswith("implausible by mask: ")
    counts = [each.split()[-3::2] for each in lines[-1].partition(": ")[2].split(", ")]
    assert len(counts) == 3
    assert sum(int(wrong) for wrong, _ in counts) == odd and sum(int(of) for _, of in counts) == photos
