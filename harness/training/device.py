"""What this machine has, and how to get equal results from it."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from harness.errors import SettingError

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]


def resolve_device(wanted: str) -> Device:
    """Return cpu or cuda for `auto`; SettingError if a GPU is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SettingError("engine.device is cuda, but torch finds no CUDA GPU; set it to auto or cpu")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda" if wanted == "cuda" else "cpu"


def resolve_precision(wanted: str, device: Device) -> Precision:
    """Return bfloat16 for `auto` where the hardware multiplies it, else float32."""
    if wanted == "auto":
        return "bfloat16" if multiplies_bfloat16(device) else "float32"
    return "bfloat16" if wanted == "bfloat16" else "float32"


def multiplies_bfloat16(device: Device) -> bool:
    """Say whether bfloat16 is faster than float32 here, not merely emulated."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    flags = cpu_info().get("flags", "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


@lru_cache
def cpu_info() -> dict[str, str]:
    """Return the first processor's entries of /proc/cpuinfo; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}


# Parameters of glibc's mallopt: blocks from which on memory comes straight from the system, and how much free
# memory at the end of the heap goes back to it. Bytes.
MALLOPT = {"M_MMAP_THRESHOLD": (-3, 32 << 20), "M_TRIM_THRESHOLD": (-1, 1 << 30)}


@lru_cache
def libc() -> ctypes.CDLL | None:
    """Return glibc, whose memory can be tuned; None on other systems."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "mallopt") else None


def set_up_process(threads: int) -> None:
    """Fix the number of threads, choose kernels that add in a fixed order, and keep freed memory for the next step.

    Maps of activations that go back to the system after every step have to be asked for again, a page at a time.
    """
    if library := libc():
        for parameter, value in MALLOPT.values():
            library.mallopt(parameter, value)
    torch.set_num_threads(threads)
    # cuBLAS reads this at its first call.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    # Filling fresh memory guards against reading it unset, and costs time at every allocation.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def environment(device: Device, precision: Precision, threads: int) -> dict[str, Any]:
    """Return what a reader needs to know about where a run was made."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": cpu_info().get("model name") or platform.processor() or platform.machine(),
        # Which kernels it gets: another class adds in another order.
        "processor_class": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "device": device,
        "threads": threads,
        "precision": precision,
    }


class PeakMemory:
    """The most memory a run held, in bytes, above what was held before it began."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.base: int | None = 0
        self.before: int | None = 0  # the peak until the last pause
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.base = torch.cuda.memory_allocated()
        else:
            self.base = self._restart()

    def _restart(self) -> int | None:
        # Linux alone lets a process restart its high-water mark; elsewhere the peak is unknown,
        # since the mark of the whole process would include earlier runs.
        if sys.platform != "linux":
            return None
        if library := libc():
            # What earlier runs left in the heap would be there already when this run asks for it.
            library.malloc_trim(0)
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return None
        return self._status("VmRSS")

    @staticmethod
    def _status(key: str) -> int | None:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) * 1024
        return None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what the block holds."""
        self.before = self.read()
        yield
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        elif self.base is not None:
            self._restart()

    def read(self) -> int | None:
        """Return the peak since construction; None where the system does not tell."""
        if self.device == "cuda":
            return max(self.before or 0, torch.cuda.max_memory_allocated() - (self.base or 0))
        peak = None if self.base is None else self._status("VmHWM")
        return None if peak is None or self.base is None else max(self.before or 0, peak - self.base)
