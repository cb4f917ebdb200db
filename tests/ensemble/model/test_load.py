"""A model that cannot be used is refused in one line that names what is wrong with it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.command_line import exit_code
from common.errors import ModelError
from ensemble import predict
from ensemble.model import load
from ensemble.model.description import Description

pytestmark = pytest.mark.usefixtures("_small_networks")


def changed(model: Path, *path: str | int, value: Any) -> None:
    """Change a value of model.json; ... takes it away."""
    about = json.loads((model / "model.json").read_text())
    *ways, last = path
    within = about
    for way in ways:
        within = within[way]
    if value is ...:
        del within[last]
    else:
        within[last] = value
    (model / "model.json").write_text(json.dumps(about))


def refused(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    """What the program says of it: one line, and exit code 2."""
    capsys.readouterr()
    assert exit_code(lambda: predict.main([str(each) for each in arguments])) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1
    assert not Path("predictions.csv").exists()
    return said.err


def without_weights(model: Path) -> None:
    (model / "member-02.safetensors").unlink()


def with_other_weights(model: Path) -> None:
    content = bytearray((model / "member-02.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "member-02.safetensors").unlink()
    (model / "member-02.safetensors").write_bytes(content)


def with_weights_that_are_no_file(model: Path) -> None:
    (model / "member-01.safetensors").unlink()
    (model / "member-01.safetensors").mkdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (without_weights, "member-02.safetensors is missing; export it anew"),
        (with_other_weights, "member-02.safetensors is another file than model.json says, by its SHA-256"),
        (with_weights_that_are_no_file, "member-01.safetensors cannot be read (it is a folder and no file)"),
        (lambda model: changed(model, "format", value=2), "format 2 of a later masktune, and this one reads up to 1"),
        (lambda model: changed(model, "format", value="1"), "its model.json is none that python -m ensemble.export"),
        (lambda model: (model / "model.json").write_text("{"), "its model.json is no JSON"),
        (
            lambda model: (model / "model.json").write_text("[]"),
            "its model.json is none that python -m ensemble.export",
        ),
        (lambda model: (model / "model.json").unlink(), "no model is there (no model.json)"),
        (shutil.rmtree, "no model is there; name a folder, or a file"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused_in_a_line(
    spoil: Callable[[Path], None], why: str, model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(model)
    assert why in refused(model, photos, capsys=capsys)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("task", "factors"), ["hair"], "task: some of mask, gender, age"),
        (("task",), ..., "'task' is missing"),
        (("bands",), [60, 30], "bands: two whole numbers"),
        (("treatment", "size"), [0, 24], "size: height and width"),
        (("treatment", "background", "sha256"), "../../x", "64 hexadecimal digits"),
        (("treatment", "more"), 1, "more"),
        (("views",), [], "members and views: one or more are needed"),
        (("views", 0), "sideways", "view: a name such as"),
        (("views", 0), {"angle": 1}, "."),
        (("rule", "weights"), [1.0], "temperatures: one above 0 for each weight"),
        (("rule", "weights"), [0.5, float("nan")], "rule: numbers are needed"),
        (("rule", "temperatures"), [1.0, float("nan")], "rule: numbers are needed"),
        (("rule", "class_weights"), [1.0, 2.0], "rule: one weight a class is needed"),
        (("members",), [], "members and views: one or more are needed"),
        (("members", 0, "weights"), [], "files of weights are needed, but trial-001 has none"),
        (("members", 0, "weights"), ["../../etc/passwd"], "plain names are needed, but one is '../../etc/passwd'"),
        (("members", 0, "weights"), ["/etc/passwd"], "plain names are needed"),
        (("members", 0, "weights"), ["README.md"], "the SHA-256 of README.md is needed"),
        (("members", 0, "preprocessing", "crop"), [33, 23], "crop: at most the photo is needed"),
        (("members", 0, "preprocessing", "size"), [99_999, 99_999], "size: too large"),
        (("members", 0, "preprocessing", "std"), [0.1, 0.1, 0.0], "std: three numbers above 0"),
        (("members", 0, "preprocessing", "std"), ..., "'std' is missing"),
        (("files",), {}, "the SHA-256 of member-01.safetensors is needed"),
        (("files",), [], "."),
    ],
)
def test_a_description_that_breaks_a_rule_is_refused_in_a_line(
    path: tuple[str | int, ...], value: Any, why: str, model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(model, *path, value=value)
    said = refused(model, photos, capsys=capsys)
    assert f"error: {model}: its model.json is damaged (" in said and why in said


def test_a_description_is_read_as_it_was_written(model: Path) -> None:
    about = json.loads((model / "model.json").read_text())
    assert json.loads(json.dumps(Description.from_json(about, "model").to_json())) == about


def test_weights_of_another_network_are_refused(model: Path) -> None:
    """Their hashes are right, since whoever writes the file writes the hash."""
    changed(model, "task", value={"factors": ["gender"], "masks": [], "notes": []})
    changed(model, "rule", "class_weights", value=None)
    with pytest.raises(ModelError, match=r"^member-01\.safetensors holds no weights for 2 classes \(") as refusal:
        load(model)
    assert "\n" not in str(refusal.value)


def single_file(file: Path, *members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize("content", [b"", b"PK", b"text" * 100, b"\x80\x04\x95cos\nsystem\n(S'true'\ntR."])
def test_a_file_that_is_no_archive_is_refused_in_a_line(
    content: bytes, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.zip").write_bytes(content)
    assert "model.zip is no model in a single file (" in refused("model.zip", photos, capsys=capsys)


def test_archives_that_are_no_model_are_refused_in_a_line(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = (model / "model.json").read_bytes()
    single_file(tmp_path / "empty.zip", ("README.md", b""))
    single_file(tmp_path / "bomb.zip", ("model.json", about), compression=zipfile.ZIP_DEFLATED)
    single_file(tmp_path / "out.zip", ("model.json", about), ("../x", b""))
    single_file(tmp_path / "half.zip", ("model.json", about))
    assert "empty.zip: no model is there (no model.json)" in refused("empty.zip", photos, capsys=capsys)
    assert "model.json is compressed or encrypted" in refused("bomb.zip", photos, capsys=capsys)
    assert "'../x' is not the plain name of a file" in refused("out.zip", photos, capsys=capsys)
    assert "half.zip: member-01.safetensors is missing" in refused("half.zip", photos, capsys=capsys)


def test_photos_that_are_not_there_are_refused_before_a_model_is_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert "--photos" in (said := refused("nowhere", "empty", capsys=capsys)) and "no photo in it" in said
    assert "no folder" in refused("nowhere", "gone", capsys=capsys)


def test_a_segmenter_that_is_not_here_is_named(
    model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REMBG_HOME", str(tmp_path / "rembg"))
    background = {"method": "own", "model": "mine.onnx", "sha256": "0" * 64}
    changed(model, "treatment", "background", value=background)
    said = refused(model, photos, capsys=capsys)
    assert "mine.onnx, a model of your own; copy it to" in said and f"{'0' * 64}.onnx" in said


def test_another_segmenter_than_the_models_is_refused(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    background = {"method": "sample", "model": "segmenter.onnx", "sha256": "0" * 64}
    changed(model, "treatment", "background", value=background)
    assert f"error: {model}: its background went by" in refused(model, photos, capsys=capsys)


def test_a_class_or_views_that_the_model_has_not_are_refused(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--fallback: a class from 0 to 17" in refused(model, photos, "--fallback", "18", capsys=capsys)
    assert "--tta: 1 to 3 views" in refused(model, photos, "--tta", "4", capsys=capsys)
    assert "--tta: a whole number of at least 1" in refused(model, photos, "--tta", "0", capsys=capsys)
