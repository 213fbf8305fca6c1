import sys

import pytest
import torch

from harness.errors import SettingError
from harness.training.device import PeakMemory, environment, resolve_device, resolve_precision, set_up_process

NO_GPU = not torch.cuda.is_available()


def test_devices() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cpu" if NO_GPU else "cuda")
    if NO_GPU:
        with pytest.raises(SettingError, match=r"engine\.device"):
            resolve_device("cuda")


def test_precisions() -> None:
    assert resolve_precision("float32", "cpu") == "float32"
    assert resolve_precision("bfloat16", "cpu") == "bfloat16"
    assert resolve_precision("auto", "cpu") in ("float32", "bfloat16")


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
