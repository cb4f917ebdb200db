"""The kernels for GPUs, run on a CPU, against the other two routes; and what only a kernel can get wrong."""

import functools

import numpy as np
import pytest
import torch

from trainable.config import Augment
from trainable.photos import augment, augment_cuda
from trainable.photos.augment import apply
from trainable.photos.params import Params, draw
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, constant

CPU = torch.device("cpu")
ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
MEAN, STD = (0.55, 0.50, 0.48), (0.24, 0.25, 0.25)

COLOUR, PLACE = 1e-5, 1e-4
"""Tolerances of the colours and of rotation, of 1, between float32 computations that differ in their order only."""
ROTATION = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
COLOURS = {"rotation": 0.0, "brightness": 0.3, "contrast": 0.3, "saturation": 0.5, "hue": 0.5}

SHAPES = [
    ((40, 30), (20, 14), None),
    ((40, 30), (40, 30), None),
    ((41, 30), (20, 29), (31, 8)),
    ((96, 72), (68, 68), None),
    ((96, 72), (68, 68), (42, 42)),
    ((160, 150), (150, 131), None),  # more pixels than threads
    ((9, 7), (5, 3), None),
    ((5, 1), (3, 1), None),
    ((1, 6), (1, 6), (2, 2)),
]


@pytest.fixture
def see(launch, monkeypatch):
    """`apply` by the kernels."""
    monkeypatch.setattr(augment_cuda, "apply", functools.partial(augment_cuda.run, launch))

    def run(photos, params, crop, size=None, mean=ZERO, std=ONE):
        return augment._on_cuda(photos, params, Preprocessing(crop, size or crop, mean, std), CPU)

    return run


def _by_torch(photos, params, crop, size=None, mean=ZERO, std=ONE):
    return augment._by_operators(photos, params, Preprocessing(crop, size or crop, mean, std), CPU)


def _by_numba(photos, params, crop, size=None, mean=ZERO, std=ONE):
    return apply(photos, params, Preprocessing(crop, size or crop, mean, std), CPU)


def _noise(n, height, width):
    return np.random.default_rng(n + height + width).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def _drawn(n, seed=0, **settings):
    return draw(Augment(**settings), n, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("route", [_by_torch, _by_numba])
@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize(("photo", "crop", "size"), SHAPES)
@pytest.mark.parametrize(("settings", "tolerance"), [(ROTATION, PLACE), (COLOURS, COLOUR)], ids=["rotation", "colours"])
def test_the_kernels_agree_with_the_other_routes(see, route, n, photo, crop, size, settings, tolerance):
    photos, params = _noise(n, *photo), _drawn(n, **settings)
    seen, expected = see(photos, params, crop, size), route(photos, params, crop, size)
    assert seen.shape == expected.shape == (n, 3, *(size or crop))
    assert seen.stride() == expected.stride()
    assert torch.allclose(seen, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("seed", range(5))
def test_the_kernels_agree_with_torch_on_random_draws_of_everything(see, seed):
    photos, params = _noise(5, 96, 72), _drawn(5, seed, **{**COLOURS, "rotation": 40})
    seen, expected = (run(photos, params, (68, 68), None, MEAN, STD) for run in (see, _by_torch))
    assert torch.allclose(seen, expected, rtol=0, atol=5e-4)  # in standard deviations, hue magnifies rotation's


@pytest.mark.parametrize("angle", [-180, -90, -45, 30, 90, 135, 180, 270, 360])
def test_outside_the_photo_it_is_black_at_any_angle(see, angle):
    photos, params = _noise(2, 12, 31), constant(View(float(angle), flip=True), 2)
    assert torch.allclose(see(photos, params, (12, 31)), _by_torch(photos, params, (12, 31)), rtol=0, atol=PLACE)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("photo", "crop", "size"), SHAPES)
def test_views_without_rotation_are_torchs_to_the_bit(see, photo, crop, size, flip):
    photos, params = _noise(3, *photo), constant(View(flip=flip), 3)
    seen, expected = (run(photos, params, crop, size, MEAN, STD) for run in (see, _by_torch))
    assert torch.equal(seen, expected)


def test_photos_that_need_nothing_and_photos_that_need_everything_share_a_batch(see):
    everything, nothing = _drawn(6), constant(View(), 6)
    mixed = Params(*(getattr(everything, name).clone() for name in vars(everything)))
    for name, value in vars(nothing).items():
        getattr(mixed, name)[::2] = value[::2]
    photos = _noise(6, 40, 30)
    seen = see(photos, mixed, (20, 14))
    assert torch.equal(seen[::2], see(photos, nothing, (20, 14))[::2])
    assert torch.equal(seen[1::2], see(photos, everything, (20, 14))[1::2])


def test_a_photo_comes_out_the_same_to_the_bit_again_and_alone(see):
    photos, params = _noise(4, 160, 150), _drawn(4)
    together = see(photos, params, (150, 131))
    assert torch.equal(see(photos, params, (150, 131)), together)
    assert torch.equal(torch.cat([see(photos[i : i + 1], params[i : i + 1], (150, 131)) for i in range(4)]), together)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({**COLOURS, "contrast": 0.0}, ["place", "recolour"]),
        (COLOURS, ["place", "tone", "recolour"]),
    ],
)
def test_the_greys_are_summed_only_where_contrast_asks_for_their_mean(launch, settings, names):
    launched = []

    def noting(name, *call):
        launched.append(name)
        launch(name, *call)

    photos = torch.from_numpy(_noise(2, 40, 30))
    params = _drawn(2, **settings).stacked()
    augment_cuda.run(noting, photos, params, (20, 14), (20, 14), ONE, ZERO)
    assert launched == names


def test_no_photos_make_no_images_and_launch_nothing():
    def never(*call):
        raise AssertionError

    photos, params = torch.empty((0, 40, 30, 3), dtype=torch.uint8), torch.empty((6, 0))
    for size in ((20, 14), (9, 9)):
        assert augment_cuda.run(never, photos, params, (20, 14), size, ONE, ZERO).shape == (0, 3, *size)


def test_a_crop_may_be_the_shape_of_a_tensor(see):
    photos = torch.from_numpy(_noise(2, 20, 14))
    for size in (None, torch.Size((7, 9))):
        assert see(photos, constant(View(), 2), photos.shape[1:3], size).shape == (2, 3, *(size or (20, 14)))


@pytest.mark.parametrize("architecture", ["sm_70", "sm_80", "sm_90", "sm_120"])
def test_nvrtc_compiles_the_kernels_for_each_generation_without_a_warning(architecture):
    pytest.importorskip("cuda.bindings.nvrtc", reason="cuda.bindings is not installed")
    cubin, said = _compiled(architecture)
    assert cubin.startswith(b"\x7fELF")
    assert all(name.encode() in cubin for name in augment_cuda.KERNELS)
    # Of sm_70 it says that a later version will not know it.
    assert [line for line in said.splitlines() if "are deprecated and may be removed" not in line] == []


def _compiled(architecture):
    from cuda.bindings import nvrtc

    try:
        major = nvrtc.nvrtcVersion()[1]
    except RuntimeError as error:  # as cuda.pathfinder's own is
        pytest.skip(f"no NVRTC: {error}")
    if architecture == "sm_70" and major >= 13:
        pytest.skip("NVRTC 13 has dropped sm_70, as has torch for CUDA 13")
    return augment_cuda.compiled(architecture)


def test_a_source_that_does_not_compile_is_said_in_nvrtcs_words(monkeypatch, tmp_path):
    pytest.importorskip("cuda.bindings.nvrtc", reason="cuda.bindings is not installed")
    monkeypatch.setattr(augment_cuda, "SOURCE", tmp_path / "wrong.cu")
    augment_cuda.SOURCE.write_text("nonsense")
    with pytest.raises(RuntimeError, match=r"(?s)^NVRTC_ERROR_COMPILATION wrong.cu\(1\): error: "):
        _compiled("sm_80")


@pytest.fixture
def fresh():
    augment_cuda._loaded.cache_clear()
    yield
    augment_cuda._loaded.cache_clear()


@pytest.mark.parametrize("error", [ImportError("No module named\n'cuda'"), RuntimeError("CUDA_ERROR_INVALID_IMAGE")])
def test_kernels_that_cannot_be_loaded_are_left_out_for_good_and_the_reason_is_one_line(monkeypatch, fresh, error):
    tries = []

    def fail(device):
        tries.append(device.index)
        raise error

    monkeypatch.setattr(augment_cuda, "_load", fail)
    for _ in range(2):
        assert augment_cuda.why_not(torch.device("cuda:0")) == " ".join(str(error).split())
    assert tries == [0]


def test_kernels_are_tried_out_before_they_are_trusted(launch):
    augment_cuda._try_out(launch, CPU)

    def without_recolour(name, *call):
        if name != "recolour":
            launch(name, *call)

    with pytest.raises(RuntimeError, match="gave wrong colours"):
        augment_cuda._try_out(without_recolour, CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(("photo", "crop", "size"), SHAPES)
def test_a_gpu_computes_what_the_emulation_does(launch, photo, crop, size):
    gpu, photos, params = torch.device("cuda", 0), _noise(5, *photo), _drawn(5)
    assert augment_cuda.why_not(gpu) is None
    emulated = augment_cuda.run(launch, torch.from_numpy(photos), params.stacked(), crop, size or crop, ONE, ZERO)
    seen = apply(photos, params, Preprocessing(crop, size or crop, ZERO, ONE), gpu)
    assert torch.allclose(seen.cpu(), emulated, rtol=0, atol=PLACE)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same_bits_again_and_on_another_stream():
    gpu, photos, params = torch.device("cuda", 0), _noise(9, 160, 150), _drawn(9)
    preprocessing = Preprocessing((150, 131), (150, 131), MEAN, STD)
    first = apply(photos, params, preprocessing, gpu)
    stream = torch.cuda.Stream(gpu)
    stream.wait_stream(torch.cuda.current_stream(gpu))
    with torch.cuda.stream(stream):
        again = apply(photos, params, preprocessing, gpu)
    torch.cuda.synchronize(gpu)
    assert torch.equal(first, again)
