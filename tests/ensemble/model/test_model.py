"""What leaves a search predicts as the search does, and needs nothing of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common.errors import EnsembleError, ModelError, OptionError
from data_prep.prepare.like import Treatment, prepare_like
from data_prep.store.store import Store
from ensemble import export, predict
from ensemble.model import load
from ensemble.model.leaving import Leaving, leaving
from ensemble.model.write import write_folder
from ensemble.selection.kept import Kept
from tests.ensemble.model.searches import SECRET, moved_search

pytestmark = pytest.mark.usefixtures("one_thread", "_small_networks")


@pytest.mark.parametrize("name", ["model", "model.zip"])
def test_it_predicts_what_the_search_predicts_to_the_bit(
    name: str, written: Path, chosen: Leaving, photos: Path
) -> None:
    names, pixels = prepare_like(Treatment.of_store(chosen.store), photos)
    model = load(written / name)
    found = model.probabilities(photos)
    assert found[0] == names and len(names) == 7
    assert np.array_equal(found[1], chosen.choice.load(chosen.store).predict_photos(pixels))
    table = model.predict([photos / "1.png"])
    assert list(table) == ["ImageID", "mask", "gender", "age", "probability"]
    assert " ".join(table.loc[0, ["mask", "gender", "age"]]) == model.meaning.class_names[found[1][1].argmax()]
    assert table["probability"][0] == pytest.approx(found[1][1].max(), abs=1e-4)


def test_fewer_views_are_the_first_of_its_own(written: Path, chosen: Leaving, photos: Path) -> None:
    _, pixels = prepare_like(Treatment.of_store(chosen.store), photos)
    ensemble = chosen.choice.load(chosen.store)
    for tta in (1, 2):
        fewer = replace(ensemble, views=ensemble.views[:tta])
        assert np.array_equal(load(written / "model", tta=tta).probabilities(photos)[1], fewer.predict_photos(pixels))
    with pytest.raises(ModelError, match=r"^--tta: 1 to 3 views, as the model has, are needed, but got 4$"):
        load(written / "model", tta=4)


def test_a_member_may_be_several_models(chosen: Leaving, photos: Path, tmp_path: Path) -> None:
    [first, _] = chosen.choice.members
    both = replace(first, folders=first.folders * 2, weight=1.0)
    leaves = replace(chosen, choice=replace(chosen.choice, members=(both,), class_weights=(0.5,) * 9 + (1.5,) * 9))
    [member] = write_folder(leaves, tmp_path / "model", onnx=True).members
    assert member.weights == ("member-01-1.safetensors", "member-01-2.safetensors")
    assert member.onnx and member.onnx["file"] == "member-01.onnx"
    _, pixels = prepare_like(Treatment.of_store(chosen.store), photos)
    found = load(tmp_path / "model").probabilities(photos)[1]
    assert np.array_equal(found, leaves.choice.load(chosen.store).predict_photos(pixels))


def test_nothing_of_the_users_machine_leaves_with_it(written: Path) -> None:
    for file in (written / "model").iterdir():
        content = file.read_bytes()
        for path in (SECRET, str(written.parent)):
            assert path.encode() not in content, f"{path} in {file.name}"


def test_the_single_file_holds_what_the_folder_holds(written: Path) -> None:
    with zipfile.ZipFile(written / "model.zip") as archive:
        assert sorted(archive.namelist()) == sorted(file.name for file in (written / "model").iterdir())
        about = json.loads(archive.read("model.json"))
    assert about["members"] == json.loads((written / "model/model.json").read_text())["members"]
    assert about["classes"][17] == "none female >=60"


@pytest.mark.parametrize("option", ["--out", "--single-file"])
def test_what_is_there_is_never_written_over(option: str, search: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("folder/mine.txt", "mine.txt"):
        (tmp_path / place).write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for place in ("folder", "mine.txt", "link"):
        with pytest.raises(OptionError, match=f"^{option} {place}: something is there already; remove it, or"):
            export.main(["--search", str(search), option, place])
    with pytest.raises(OptionError, match=f"^{option} no/model: the folder .*no does not exist; make it first$"):
        export.main(["--search", str(search), option, "no/model"])
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["folder", "link", "mine.txt", "mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_search_that_nothing_was_chosen_from_is_told_what_to_do_first(
    search: Path, smallest_store: Store, tmp_path: Path
) -> None:
    search = moved_search(search, tmp_path / "search", smallest_store)
    (search / "ensemble.json").unlink()
    with pytest.raises(EnsembleError, match=r"nothing was chosen from it yet .*; choose: .* -m ensemble\.select_and"):
        export.main(["--search", str(search), "--out", "model"])
    assert not Path("model").exists()


def test_what_test_said_of_other_weights_is_not_said_of_these(
    search: Path, smallest_store: Store, tmp_path: Path
) -> None:
    search = moved_search(search, tmp_path / "search", smallest_store)
    score = {"f1": 0.5, "low": 0.4, "high": 0.6}
    for refit in (False, True):
        said = {"photos": 7, "ensemble": score, "best_single": score, "refit": refit}
        Kept.read(search).with_test(said).write(search)
        figures = leaving(search, None).figures
        assert figures["test"] == (None if refit else said)
    assert figures["test_opened"] == 2
    with pytest.raises(EnsembleError, match=r"^--refit: trial-001 is not refitted yet, which is done by: .* --refit$"):
        export.main(["--search", str(search), "--out", "model", "--refit"])


def test_weights_that_are_others_than_those_that_were_chosen_do_not_leave(
    search: Path, smallest_store: Store, tmp_path: Path
) -> None:
    search = moved_search(search, tmp_path / "search", smallest_store)
    shutil.copy(search / "trial-001/best.safetensors", search / "trial-003/best.safetensors")
    with pytest.raises(EnsembleError, match=r"trial-003/best\.safetensors holds other weights now\); choose anew: .*"):
        export.main(["--search", str(search), "--out", "model"])
    assert not Path("model").exists()


def test_it_is_not_written_over_by_what_it_predicts(model: Path, photos: Path) -> None:
    with pytest.raises(OptionError, match=r"^--out .*model\.json: that would change the model; name another file$"):
        predict.main([str(model), str(photos), "--out", str(model / "model.json")])
    with pytest.raises(OptionError, match=r"^--out .*1\.png: that is what --photos names"):
        predict.main([str(model), str(photos), "--out", str(photos / "1.png")])
