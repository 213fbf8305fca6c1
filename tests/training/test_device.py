import sys
from collections.abc import Iterator

import pytest
import torch

from harness.core.errors import SettingError
from harness.training.device import (
    Card,
    PeakMemory,
    card_or_words,
    environment,
    is_out_of_memory,
    lost_card,
    resolve_captured,
    resolve_device,
    resolve_precision,
    set_up_process,
)

NO_GPU = not torch.cuda.is_available()
HOPPER, TURING = Card("NVIDIA H100", (9, 0), 80 << 30), Card("Tesla T4", (7, 5), 16 << 30)


def test_devices() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cpu" if NO_GPU else "cuda")
    if NO_GPU:
        with pytest.raises(SettingError, match=r"engine\.device"):
            resolve_device("cuda")


def test_precisions() -> None:
    assert resolve_precision("float32", None) == "float32"
    assert resolve_precision("bfloat16", None) == "bfloat16"
    assert resolve_precision("auto", None) in ("float32", "bfloat16")
    assert resolve_precision("auto", HOPPER) == "bfloat16"
    assert resolve_precision("auto", TURING) == "float32"
    assert resolve_precision("tf32", HOPPER) == "tf32"
    for card, name in ((None, "a CPU"), (TURING, "Tesla T4")):
        with pytest.raises(SettingError, match=f"engine.precision is tf32, which {name} does not multiply; set it to"):
            resolve_precision("tf32", card)


@pytest.fixture
def as_it_was() -> Iterator[None]:
    yield
    set_up_process(1, "float32")


@pytest.mark.usefixtures("as_it_was")
def test_float32_is_whole_and_tf32_is_asked_for_by_name() -> None:
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    for precision, kind in (("tf32", "tf32"), ("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")):
        set_up_process(1, precision)  # type: ignore[arg-type]
        assert [backend.fp32_precision for backend in backends] == [kind] * 3
        # torch refuses to answer where settings of its older and newer kind contradict one another.
        assert torch.backends.cuda.matmul.allow_tf32 == (kind == "tf32")


# As torch 2.11 to 2.15 raise them.
BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nSearch for `cudaErrorDevicesUnavailable'"
LOST = [
    torch.AcceleratorError(
        "CUDA error: an illegal memory access was encountered\nSearch for `cudaErrorIllegalAddress'"
    ),
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: device-side assert triggered"),
    torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( ... )`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
]
NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
]


@pytest.mark.parametrize("problem", LOST)
def test_a_lost_card_is_told_from_a_bug_and_from_memory(problem: RuntimeError) -> None:
    assert "the GPU failed; see `nvidia-smi`" in (lost_card(problem) or "")
    assert not is_out_of_memory(problem)


@pytest.mark.parametrize("problem", NO_MEMORY)
def test_memory_of_a_gpu_that_runs_out_is_recognised(problem: RuntimeError) -> None:
    assert is_out_of_memory(problem)


@pytest.mark.parametrize("problem", [RuntimeError("shapes do not match"), ValueError("CUDA"), MemoryError()])
def test_other_errors_are_not_the_card_s(problem: Exception) -> None:
    assert lost_card(problem) is None


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (BUSY, "the GPU is busy: another process has it for itself; `nvidia-smi` names it"),
        ("CUDA error: out of memory\nmore", "the GPU has no memory left even to begin"),
        ("CUDA error: uncorrectable ECC error encountered", "the GPU failed"),
    ],
)
def test_what_is_said_of_a_card_that_can_t_be_used(problem: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.AcceleratorError(problem)

    # Where torch first asks for a context.
    monkeypatch.setattr(torch, "ones", fail)
    found = card_or_words()
    assert isinstance(found, str) and found.startswith(words) and "engine.device to cpu" in found
    assert problem.splitlines()[0] in found and "\n" not in found


def test_threads_are_fixed() -> None:
    set_up_process(1, "float32")
    assert torch.get_num_threads() == 1


def test_environment_says_where() -> None:
    found = environment("cpu", "bfloat16", 1)
    assert found["torch"] == str(torch.__version__)
    assert found["gpu"] is None
    assert found["processor"]
    assert found["processor_class"] == torch.backends.cpu.get_cpu_capability()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak of one run")
def test_peak_memory_forgets_what_was_before() -> None:
    first = PeakMemory("cpu")
    held = torch.ones(64 << 20, dtype=torch.uint8)
    assert (first.read() or 0) >= 60 << 20
    del held
    second = PeakMemory("cpu")
    assert (second.read() or 0) < 30 << 20


def test_steps_are_captured_where_there_is_cuda_alone() -> None:
    assert resolve_captured(True, "cuda") and not resolve_captured(False, "cuda") and not resolve_captured(False, "cpu")
    with pytest.raises(SettingError, match=r"engine.captured_step is true, which needs a CUDA GPU; set it to false"):
        resolve_captured(True, "cpu")
