import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from common.errors import OptionError, PhotoError, WeightsError
from common.files import file_sha256
from common.repository import ROOT
from data_prep.photos import background
from data_prep.photos.background import Background, load, named


def bright_is_person(photo):
    return np.asarray(photo.convert("L")) // 128 * 255


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A segmenter that takes what is bright for a person, as rembg wants one: [1, 3, 320, 320] -> [1, 1, 320, 320]."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["photo"], ["mask"], axes=[1], keepdims=1)],
        "bright",
        [helper.make_tensor_value_info("photo", kind, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("mask", kind, [1, 1, 320, 320])],
    )
    file = tmp_path_factory.mktemp("model") / "segmenter.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)
    return file


@pytest.fixture
def sample(home, model, monkeypatch):
    monkeypatch.setattr(background, "SAMPLE_MODEL", model)
    return home


def half_lit():
    pixels = np.full((40, 30, 3), 10, np.uint8)
    pixels[:, 15:] = (250, 200, 220)
    return Image.fromarray(pixels)


def test_what_is_no_person_becomes_black():
    pixels = np.asarray(Background("own", segment=bright_is_person)(half_lit())[0])
    assert (pixels[:, :15] == 0).all() and (pixels[:, 15:] == (250, 200, 220)).all()


def test_the_edge_of_a_person_is_mixed_with_black():
    mask = np.full((40, 30), 128)
    mask[0, 0] = 0
    pixels = np.asarray(Background("own", segment=lambda photo: mask)(half_lit())[0])
    assert pixels[1, 20].tolist() == [round(value * 128 / 255) for value in (250, 200, 220)]


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_that_tells_nothing_apart_is_a_failed_photo(value):
    with pytest.raises(PhotoError, match="no person"):
        Background("own", segment=lambda photo: np.full((40, 30), value))(half_lit())


def test_keeping_the_background_changes_nothing_and_needs_no_rembg():
    kept, mask = load("keep")(half_lit())
    assert mask is None and np.array_equal(np.asarray(kept), np.asarray(half_lit()))
    code = (
        "import sys, data_prep.prepare.prepare, data_prep.photos.background as b; "
        "b.load('keep'); assert 'rembg' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("method", ["u2net", "bria-rmbg", "atlascloud", "withoutbg", "", "../x"])
def test_only_the_named_methods_are_known(method):
    with pytest.raises(OptionError, match="u2net_human_seg, sample, keep"):
        load(method)


def test_the_samples_model_runs_through_rembg(sample, model):
    remover = load("sample")
    pixels = np.asarray(remover(half_lit())[0]).astype(int)
    assert pixels[:, :10].max() <= 2 and abs(pixels[:, 20:] - (250, 200, 220)).max() <= 20
    assert remover.describe() == {"method": "sample", "model": "segmenter.onnx", "sha256": file_sha256(model)}
    assert remover.describe() == named("sample").describe()


def test_loading_rembg_leaves_numba_as_it_was(sample):
    load("sample")
    import numba

    assert type(numba.njit(lambda x: x)).__name__ == "CPUDispatcher"


def test_one_session_serves_the_whole_process(sample):
    assert load("sample") is load("sample")


def test_a_photo_of_nothing_is_a_failed_photo(sample):
    with pytest.raises(PhotoError, match="no person"):
        load("sample")(Image.new("RGB", (30, 40), (90, 90, 90)))


def test_a_damaged_copy_of_the_samples_model_is_replaced(sample, model):
    copy = sample / "models" / "masktune" / f"{file_sha256(model)}.onnx"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"damaged")
    load("sample")
    assert copy.read_bytes() == model.read_bytes()


def test_a_home_that_cannot_be_written_says_what_to_set(sample):
    sample.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="set REMBG_HOME"):
        load("sample")


def test_a_missing_sample_model_is_named(home, monkeypatch):
    monkeypatch.setattr(background, "SAMPLE_MODEL", home / "segmenter.onnx")
    with pytest.raises(WeightsError, match=r"segmenter\.onnx is missing"):
        load("sample")


def test_a_model_that_cannot_be_fetched_says_where_to_put_it(home, monkeypatch):
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match="could not be fetched") as error:
        load("u2net_human_seg")
    assert f"put the file at {home}/models/u2net_human_seg/u2net_human_seg.onnx" in str(error.value)
    assert "\n" not in str(error.value)


def test_another_model_under_the_known_name_is_refused(home, model):
    place = home / "models" / "u2net_human_seg" / "u2net_human_seg.onnx"
    place.parent.mkdir(parents=True)
    shutil.copy(model, place)
    with pytest.raises(WeightsError, match="is not the known model's"):
        load("u2net_human_seg")
