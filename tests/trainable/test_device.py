import os

import pytest
import torch

from common.errors import DeviceError
from trainable.device import (
    CPU_ISA,
    _faster_on_this_cpu,
    _gain_of_bfloat16,
    amp_dtype,
    autocast,
    check_kernels,
    choose,
    is_out_of_memory,
    no_search,
    seeded,
)

TORCH_2_10 = ["sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]
TORCH_2_11 = TORCH_2_10[1:]


def test_a_v100_on_a_build_that_dropped_it_is_told_which_torch_to_install():
    with pytest.raises(DeviceError, match=r"^Tesla V100: sm_70 .* install torch>=2\.8,<2\.11, or use the CPU$"):
        check_kernels("Tesla V100", (7, 0), TORCH_2_11)


def _runs(capability, arch_list):
    try:
        check_kernels("GPU", capability, arch_list)
    except DeviceError:
        return False
    return True


@pytest.mark.parametrize("capability", [(7, 0), (7, 5), (8, 0), (8, 9), (9, 0), (10, 3), (12, 0)])
def test_a_binary_of_the_same_major_version_and_no_higher_minor_runs(capability):
    assert _runs(capability, TORCH_2_10)


@pytest.mark.parametrize("arch_list", [["sm_86"], ["sm_75", "sm_90"], ["sm_60"], [], ["compute_90"], ["gfx90a"]])
def test_a_gpu_without_a_binary_is_refused(arch_list):
    with pytest.raises(DeviceError, match="sm_80"):
        check_kernels("A100", (8, 0), arch_list)


def test_ptx_runs_on_every_later_gpu():
    assert _runs((13, 0), ["sm_80", "compute_90"])
    assert not _runs((13, 0), ["sm_80", "sm_90"])


def test_the_architecture_specific_suffix_is_understood():
    assert _runs((9, 0), ["sm_90a"])
    assert not _runs((8, 0), ["sm_90a"])


def test_the_cpu_can_always_be_chosen():
    assert choose("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_an_error_only_when_asked_for():
    assert choose() == torch.device("cpu")
    with pytest.raises(DeviceError, match="sees 0 GPUs; try cpu"):
        choose("cuda")


def test_an_unknown_device_is_an_error():
    with pytest.raises(DeviceError, match="'gpu0'"):
        choose("gpu0")


def test_autocast_computes_in_the_dtype_of_the_device():
    device = torch.device("cpu")
    with autocast(device):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == amp_dtype(device)
    assert amp_dtype(device) in (torch.bfloat16, torch.float32)


@pytest.mark.parametrize(
    ("gain", "dtype"), [(0.5, torch.float32), (1.1, torch.float32), (1.6, torch.bfloat16), (2.0, torch.bfloat16)]
)
def test_a_cpu_computes_in_bfloat16_only_where_that_is_clearly_faster(monkeypatch, gain, dtype):
    seconds = {torch.float32: gain, torch.bfloat16: 1.0}
    monkeypatch.setattr("trainable.device._seconds_of_a_product", lambda dtype, side: seconds[dtype])
    assert _faster_on_this_cpu.__wrapped__() is dtype


@pytest.mark.parametrize(
    ("gains", "dtype", "tried"),
    [
        ({128: 0.01}, torch.float32, [128]),  # no bfloat16 at all
        ({128: 0.06}, torch.float32, [128]),
        ({128: 0.1, 512: 2.0}, torch.bfloat16, [128, 512]),  # of small matrices most is overhead
        ({128: 3.0, 512: 0.5}, torch.float32, [128, 512]),
    ],
)
def test_large_matrices_are_multiplied_only_where_small_ones_leave_it_open(monkeypatch, gains, dtype, tried):
    asked = []

    def gain(side):
        asked.append(side)
        return gains[side]

    monkeypatch.setattr("trainable.device._gain_of_bfloat16", gain)
    assert _faster_on_this_cpu.__wrapped__() is dtype
    assert asked == tried


def test_a_gain_is_positive_on_this_cpu():
    assert _gain_of_bfloat16(16) > 0


@pytest.mark.parametrize("set_by_user", [None, "AVX2"])
def test_amx_is_left_out_unless_the_user_says_otherwise(monkeypatch, set_by_user):
    monkeypatch.delenv(CPU_ISA, raising=False)
    if set_by_user:
        monkeypatch.setenv(CPU_ISA, set_by_user)
    choose("cpu")
    assert os.environ[CPU_ISA] == (set_by_user or "AVX512_CORE_BF16")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to ..."
        ),
    ],
)
def test_memory_that_is_short_is_known_by_any_of_its_errors(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ValueError("out of memory"),
    ],
)
def test_another_error_is_not_taken_for_short_memory(error):
    assert not is_out_of_memory(error)


def test_a_seed_reaches_no_other_device_and_is_taken_back(monkeypatch):
    reseeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", reseeded.append)
    torch.manual_seed(1)
    reseeded.clear()
    expected, _ = torch.rand(1), torch.manual_seed(1)
    reseeded.clear()
    with seeded(5, torch.device("cpu")):
        assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(5))
    assert torch.rand(1) == expected
    assert reseeded == []


def test_convolutions_are_not_searched_for_where_a_shape_comes_once(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    with no_search(True):
        assert not torch.backends.cudnn.benchmark
    with no_search(False):
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark
