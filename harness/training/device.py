"""What this machine has, and how to get equal results from it."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from harness.core.errors import SettingError

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "tf32", "bfloat16"]
# Of CUDA, major and minor: from here on GPUs multiply bfloat16 and TF32.
AMPERE = (8, 0)


@dataclass(frozen=True)
class Card:
    """The GPU that runs use: the first one that CUDA shows."""

    model: str
    capability: tuple[int, int]
    memory_bytes: int


def resolve_device(wanted: str) -> Device:
    """Return cpu or cuda for `auto`; SettingError if a GPU is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SettingError("engine.device is cuda, but torch finds no CUDA GPU; set it to auto or cpu")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda" if wanted == "cuda" else "cpu"


def this_card() -> Card:
    """Return what CUDA says of the GPU."""
    properties = torch.cuda.get_device_properties(0)
    return Card(properties.name, (properties.major, properties.minor), properties.total_memory)


def card_or_words() -> Card | str:
    """Return the GPU after having used it, or what to say of one that can't be used.

    From then on this process holds it; `engines.card.find_card` asks in one that ends.
    """
    try:
        torch.ones(1, device="cuda")
        return this_card()
    except RuntimeError as problem:
        words = lost_card(problem)
        if words is None:
            raise
        return f"{words}: {str(problem).splitlines()[0]}"


def resolve_precision(wanted: str, card: Card | None) -> Precision:
    """Return bfloat16 for `auto` where the hardware multiplies it, else float32; `card` None stands for the CPU.

    SettingError if TF32 is asked for where nothing multiplies it.
    """
    if wanted == "auto":
        return "bfloat16" if multiplies_bfloat16(card) else "float32"
    if wanted == "tf32" and (card is None or card.capability < AMPERE):
        raise SettingError(
            f"engine.precision is tf32, which {card.model if card else 'a CPU'} does not multiply; "
            "set it to auto or float32"
        )
    return wanted  # type: ignore[return-value]


def resolve_captured(wanted: bool, device: Device) -> bool:
    """Return whether steps are captured in CUDA graphs; SettingError if they are to be where there is no CUDA."""
    if wanted and device != "cuda":
        raise SettingError(
            "engine.captured_step is true, which needs a CUDA GPU; set it to false, or see engine.device"
        )
    return wanted


def multiplies_bfloat16(card: Card | None) -> bool:
    """Say whether bfloat16 is faster than float32 here, not merely emulated."""
    if card:
        return card.capability >= AMPERE
    flags = cpu_info().get("flags", "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def is_out_of_memory(problem: BaseException) -> bool:
    """Tell memory that ran out, on a GPU or a CPU, from every other error."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    # On a CPU torch raises a plain RuntimeError, as it does for the libraries of a GPU (CUBLAS_STATUS_ALLOC_FAILED,
    # CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED): recognised by its words alone.
    words = ("allocate memory", "not enough memory", "CUDA error: out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
    return any(phrase in str(problem) for phrase in words)


def lost_card(problem: BaseException) -> str | None:
    """Return what to say of an error after which a process can't use its GPU any more; None of any other error."""
    text = str(problem)
    words = ("CUDA error", "cuDNN error", "CUDNN_STATUS_", "CUBLAS_STATUS_", "NVIDIA driver")
    if not (isinstance(problem, torch.AcceleratorError) or any(phrase in text for phrase in words)):
        return None
    if "busy or unavailable" in text:
        return "the GPU is busy: another process has it for itself; `nvidia-smi` names it (or set engine.device to cpu)"
    if is_out_of_memory(problem):
        return "the GPU has no memory left even to begin; `nvidia-smi` says who has it (or set engine.device to cpu)"
    return "the GPU failed; see `nvidia-smi` and the log of the system (or set engine.device to cpu)"


def leave_room(device: Device) -> None:
    """Give memory of a GPU that is free back to it, where a neighbour may need it."""
    if device == "cuda":
        torch.cuda.empty_cache()


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


def set_up_process(threads: int, precision: Precision) -> None:
    """Fix the number of threads, choose kernels that add in a fixed order, and keep freed memory for the next step.

    What a GPU multiplies in float32 it does in full, or in TF32 (a mantissa of 10 bits) where the precision says so:
    left alone, torch convolves in TF32.

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
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    # Both: torch refuses to be asked about them if they differ.
    for kind in (torch.backends.cudnn.conv, torch.backends.cudnn.rnn):  # type: ignore[attr-defined]
        kind.fp32_precision = "tf32" if precision == "tf32" else "ieee"  # type: ignore[union-attr]
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


def make_workspaces() -> None:
    """Let cuBLAS take the memory that it keeps for itself, which would else count as that of a worker's first run."""
    some = torch.ones(16, 16, device="cuda")
    torch.nn.functional.linear(some, some, some[0])


class PeakMemory:
    """The most memory a run held, in bytes, above what was held before it began."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.base: int | None = 0
        self.before: int | None = 0  # the peak until the last pause
        if device == "cuda":
            make_workspaces()
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
