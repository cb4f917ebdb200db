"""The command writes the report: of val when it chooses, of test when that is opened."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.store.store import Store
from ensemble.select_and_predict import main
from tests.ensemble.searches import searched, sure_of
from tests.helpers.small_networks import small_networks
from trainable.recipe.metrics import macro_f1


@pytest.fixture
def search(small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    """Two trials, each wrong for photos of its own, and surer of the others."""
    truth = small_store.classes()[small_store.labelled("val")]
    place = np.arange(len(truth)) % 10
    says = [
        sure_of(np.where(place < wrong, (truth + 1) % 18, truth), 18, np.where(place < wrong, 0.5, 0.9))
        for wrong in (2, 3)
    ]
    small_networks(monkeypatch)
    return searched(tmp_path / "runs", small_store, says)


def test_a_choice_is_reported_on_val_and_test_when_it_is_opened(
    search: Path, small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    file, command = search / "ensemble.html", ["--search", str(search), "--members", "trial-001,trial-002"]
    assert main([*command, "--tta", "1"]) == 0
    assert f"The report, for a browser: {file}" in capsys.readouterr().out
    text = file.read_text()
    val = small_store.labelled("val")
    truth, wrong = small_store.classes()[val], np.arange(len(val)) % 10 < 2
    alone = np.where(wrong, (truth + 1) % 18, truth)
    assert f'>trial-001</td><td class="number">{macro_f1(truth, alone):.3f}</td>' in text
    assert "All figures below are of val: 84 photos of 12 people" in text
    assert text.count("data:image/jpeg") == len(set(small_store.person[val[wrong]]))
    assert "train/seed" in text  # in which the members differ

    file.write_text("as it was")
    assert main([*command]) == 0
    assert file.read_text() == "as it was"  # the choice is used again: nothing new to report

    assert main([*command, "--test", "--no-pictures"]) == 0
    text = file.read_text()
    assert "All figures below are of test: 84 photos of 12 people" in text and "Test was opened once" in text
    assert "data:image/jpeg" not in text and re.search(r">\d{6}/\d.jpg</td>", text)


def test_photos_of_ones_own_do_not_need_the_report_again(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", str(search), "--tta", "1"]) == 0
    (search / "ensemble.html").unlink()
    photo = search.parent / "a.jpg"
    shutil.copy(Path(__file__).parents[3] / "docs" / "pictures" / "check.jpg", photo)
    capsys.readouterr()
    assert main(["--search", str(search), "--photos", str(photo), "--out", "new.csv"]) == 0
    assert not (search / "ensemble.html").exists() and "report" not in capsys.readouterr().out
