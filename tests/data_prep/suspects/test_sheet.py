"""The page with the suspects' photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_prep.store import store as stores
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence
from data_prep.suspects.sheet import MAX_PHOTOS, page
from tests.data_prep.suspects.trials import rows_of, search
from tests.helpers.relabelled import coloured


def test_the_page_shows_every_photo_of_a_suspect_and_outlines_those_in_question(
    tmp_path: Path, small_store: Store, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    incorrect, none = (rows_of(small_store, "000004", mask)[0] for mask in (1, 2))
    plant = {
        ("mask", incorrect): 2,
        ("mask", none): 1,
        **{("gender", row): 1 for row in rows_of(small_store, "000002")},
    }
    folder = search(tmp_path, small_store, plant)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    code, _, err = run("--search", folder, "--sheet", tmp_path / "page.html")
    assert code == 0 and all(bar in err for bar in ("reading predictions", "ranking labels", "drawing the page"))
    html = (tmp_path / "page.html").read_text()
    assert html.count("<article>") == 2  # the two that were swapped are one
    assert html.count("<img ") == html.count("data:image/jpeg;base64,") == 14
    assert html.count('<figure class="suspect">') == 2
    assert "http" not in html
    assert run("--search", folder, "--sheet", tmp_path / "page.html", "--top", "2")[0] == 0
    assert (tmp_path / "page.html").read_text().count("<img ") == 7


def test_the_page_escapes_names() -> None:
    store, evidence, suspects = _somebody_called("<b>")
    html = page(store, evidence, suspects, "a & b")
    assert "<b>" not in html and "&lt;b&gt;" in html and "a &amp; b" in html


def test_a_person_of_very_many_photos_is_cut_short() -> None:
    store, evidence, suspects = _somebody_called("album", photos=MAX_PHOTOS + 5)
    html = page(store, evidence, suspects, "")
    assert html.count("<img ") == MAX_PHOTOS and "and 5 more" in html


def _somebody_called(name: str, photos: int = 2) -> tuple[Store, Evidence, pd.DataFrame]:
    index = pd.DataFrame({"path": [f"{name}/{n}.jpg" for n in range(photos)], "person": name, "mask": "none"})
    index = index.assign(gender="male", age=40, split="train")
    store = stores.write(Path("store"), coloured((photos, 16, 12, 3)), index)
    evidence = Evidence(np.arange(photos), np.full((photos, 18), 1 / 18), (0.5,), 2, 0, False)
    row = {
        "rank": 1, "target": name, "field": "gender", "value": "", "suggestion": "female", "label": "male", "why": name,
        "probability_of_label": 0.1, "probability_of_suggestion": 0.9, "score": 0.1, "issue": 1, "photos": photos,
        "person": name, "recorded": "male",
    }  # fmt: skip
    return store, evidence, pd.DataFrame([row])
