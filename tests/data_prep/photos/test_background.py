import hashlib
import inspect
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from PIL import Image

from common.errors import OptionError, PhotoError, StoreError, WeightsError
from common.files import file_sha256
from common.repository import ROOT
from data_prep.choices import IMPLAUSIBLE, KEEP, LEAVE_OUT, METHODS, REMOVE
from data_prep.photos import background, rembg_models, segmenters
from data_prep.photos.background import Background, load, load_as, named
from data_prep.photos.masks import ImplausibleMask
from data_prep.photos.rembg_models import FREE, REFUSED


def bright_is_person(photo):
    return np.asarray(photo.convert("L")) // 128 * 255


def write_model(file, side=320):
    """A segmenter that takes what is bright for a person, as rembg wants one: [1, 3, side, side] -> [1, 1, ...]."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["photo"], ["mask"], axes=[1], keepdims=1)],
        "bright",
        [helper.make_tensor_value_info("photo", kind, [1, 3, side, side])],
        [helper.make_tensor_value_info("mask", kind, [1, 1, side, side])],
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)
    return file


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "segmenter.onnx")


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


def almost_nothing(photo):
    mask = np.zeros((photo.height, photo.width), np.uint8)
    mask[0, 0] = 255
    return mask


@pytest.mark.parametrize("segment", [almost_nothing, lambda photo: np.zeros((photo.height, photo.width))])
def test_a_photo_with_an_implausible_mask_is_kept_as_it_is_or_left_out_as_asked(segment):
    photo = half_lit()
    kept, mask = Background("own", segment=segment, implausible=KEEP)(photo)
    assert np.array_equal(np.asarray(kept), np.asarray(photo)) and mask.fault
    with pytest.raises(ImplausibleMask, match=r"implausible mask: keeps 0\.\d% of the photo"):
        Background("own", segment=segment, implausible=LEAVE_OUT)(photo)
    needed, _ = Background("own", segment=segment, implausible=LEAVE_OUT)(photo, needed=True)
    assert np.array_equal(np.asarray(needed), np.asarray(photo))


def test_an_implausible_mask_is_used_where_that_is_asked_for():
    pixels = np.asarray(Background("own", segment=almost_nothing, implausible=REMOVE)(half_lit())[0])
    assert pixels[0, 0].any() and not pixels[1:].any()


@pytest.mark.parametrize("implausible", IMPLAUSIBLE)
def test_a_plausible_mask_is_used_whatever_is_asked_of_others(implausible):
    pixels = np.asarray(Background("own", segment=bright_is_person, implausible=implausible)(half_lit())[0])
    assert (pixels[:, :15] == 0).all() and (pixels[:, 15:] == (250, 200, 220)).all()


def test_keeping_the_background_changes_nothing_and_needs_no_rembg():
    kept, mask = load("keep")(half_lit())
    assert mask is None and np.array_equal(np.asarray(kept), np.asarray(half_lit()))
    code = (
        "import sys, data_prep.prepare.prepare, data_prep.photos.background as b; "
        "b.load('keep'); assert 'rembg' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("bria-rmbg", "--background bria-rmbg: its licence asks for a paid agreement"),
        ("atlascloud", "sends photos to a company's servers"),
        ("withoutbg", "sends photos to a company's servers"),
        ("birefnet-portrait", "many times as long as u2net"),
        ("isnet-anime", "made for drawn characters"),
        ("u2net_custom", "name the .onnx file itself"),
        ("isnet-general", "but is 'isnet-general'; did you mean isnet-general-use?"),
        ("U2Net", "did you mean u2net?"),
        ("", "but is ''"),
        ("../x", "but is '../x'"),
    ],
)
def test_only_the_named_methods_are_known_and_others_are_refused_with_the_reason(method, why):
    with pytest.raises(OptionError) as error:
        load(method)
    said = str(error.value)
    assert why in said and f"must be one of {', '.join(METHODS)}, or a model.onnx" in said and "\n" not in said


@pytest.fixture(scope="module")
def sessions():
    """rembg's own, by name; imported as the program does, which keeps numba from compiling for a minute."""
    segmenters.require_rembg()
    from rembg.sessions import sessions

    return sessions


def test_every_name_that_rembg_has_is_used_or_refused(sessions):
    assert (*FREE, "sample", "keep") == METHODS
    assert set(FREE) | set(REFUSED) >= set(sessions) and not set(FREE) & set(REFUSED)


@pytest.mark.parametrize("name", FREE)
def test_a_models_checksum_is_rembgs(sessions, name):
    assert f'"md5:{FREE[name].md5}"' in inspect.getsource(sessions[name].download_models)


@pytest.fixture
def known(home, monkeypatch):
    """Puts a small model where rembg has the one of that name, and makes it the known one."""

    def put(name, side, sha256=None):
        file = write_model(home / "models" / name / f"{name}.onnx", side)
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        monkeypatch.setitem(rembg_models.FREE, name, replace(FREE[name], md5=md5, sha256=sha256))
        return file

    return put


@pytest.mark.parametrize(
    ("name", "side"), [*((name, 320) for name in FREE if "net-" not in name), ("isnet-general-use", 1024)]
)
def test_each_model_is_shown_photos_of_the_size_that_it_computes_at(known, name, side):
    file = known(name, side)
    pixels = np.asarray(load(name)(half_lit())[0]).astype(int)
    assert pixels[:, :10].max() <= 2 and abs(pixels[:, 20:] - (250, 200, 220)).max() <= 20
    assert load(name).describe() == {"method": name, "model": f"{name}.onnx", "sha256": file_sha256(file)}


def test_a_model_that_we_have_not_seen_is_known_by_rembgs_checksum(known, model):
    file = known("silueta", 320)
    described = named("silueta").describe()
    assert described["sha256"] == file_sha256(file)
    assert load_as(described, KEEP).implausible == KEEP
    file.write_bytes(model.read_bytes() + b"\0")
    load.cache_clear()
    with pytest.raises(WeightsError, match=r"MD5 .* is not the known model's; delete the file"):
        named("silueta")


def test_a_model_of_ones_own_must_compute_at_the_size_of_u2net(home, tmp_path):
    with pytest.raises(WeightsError, match="takes photos of 3x1024x1024, and not of 3x320x320 as u2net does"):
        load(str(write_model(tmp_path / "large.onnx", 1024)))
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(WeightsError, match="is no model that can be run") as error:
        load(str(tmp_path / "text.onnx"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("sha256", ["../../../evil", "/tmp/evil", "", None, 7, "0" * 63, f"{'0' * 64}\n"])
def test_a_hash_that_is_a_path_leads_to_no_model(sha256, home, tmp_path):
    with pytest.raises(StoreError, match="64 hexadecimal digits of SHA-256 are needed"):
        load_as({"method": "own", "model": "mine.onnx", "sha256": sha256}, KEEP)


def test_a_model_that_is_not_the_one_of_that_hash_is_not_loaded(home, tmp_path, monkeypatch):
    described = {"method": "own", "model": "mine.onnx", "sha256": "0" * 64}
    write_model(segmenters.kept("0" * 64), 320)
    monkeypatch.setattr(segmenters, "of_file", None)
    with pytest.raises(WeightsError, match=r"is another model, by its SHA-256: copy mine\.onnx there again"):
        load_as(described, KEEP)


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
