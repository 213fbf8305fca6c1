"""CUDA graphs on a CPU: what torch does while one is captured is recorded, and done again by each replay.

As on a card, a replay reads and writes the very tensors that there were at the capture, numbers that Python calculated
stay what they were then, no code of Python runs, and a draw from a generator that was not registered is refused. What
a capture leaves is not a number until the first replay.
What it can't see: whether CUDA can capture an operation, streams, memory that another graph reuses, other kernels.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Self

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = ("_local_scalar_dense", "nonzero", "masked_select")


class FakeGraph:
    """Stands for `torch.cuda.CUDAGraph`."""

    made: ClassVar[list["FakeGraph"]] = []

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any, list[Any]]] = []
        self.registered: set[int] = set()
        self.replays = 0
        self.made.append(self)

    def register_generator_state(self, generator: torch.Generator) -> None:
        # Operations get another object, which is known by its first seed.
        self.registered.add(generator.initial_seed())

    def reset(self) -> None:
        self.calls = []

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for func, args, kwargs, before in self.calls:
            for old, new in zip(before, tensors(func(*args, **kwargs)), strict=True):
                if writes(func) or old.data_ptr() == new.data_ptr():
                    continue
                old.copy_(new)


class Capture(TorchDispatchMode):
    """Stands for `torch.cuda.graph`."""

    def __init__(self, graph: FakeGraph) -> None:
        super().__init__()
        self.graph = graph
        self.own: set[int] = set()
        self.given: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket.__name__ in READS:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        for one in tree_leaves((args, kwargs)):
            if isinstance(one, torch.Generator) and one.initial_seed() not in self.graph.registered:
                raise RuntimeError("Attempt to increase offset for a CUDA generator not in capture mode.")
        self.given |= {memory(one) for one in tensors((args, kwargs))} - self.own
        result = func(*args, **kwargs)
        if is_view(func):
            # It is where what it shows is.
            return result
        self.graph.calls.append((func, args, kwargs, tensors(result)))
        self.own |= {memory(one) for one in tensors(result)} - self.given
        return result

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        for _, _, _, results in self.graph.calls:
            for one in results:
                if one.is_floating_point() and memory(one) not in self.given:
                    with torch.no_grad():
                        one.fill_(torch.nan)


class Guard(TorchDispatchMode):
    """Refuses to read a value, as `torch.cuda.set_sync_debug_mode("error")` does on a card."""

    active: ClassVar[list["Guard"]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in READS:
            raise RuntimeError("called a synchronizing CUDA operation")
        return func(*args, **(kwargs or {}))

    @classmethod
    def set(cls, mode: str | int) -> None:
        if mode == "error":
            cls.active.append(cls())
            cls.active[-1].__enter__()
        elif cls.active:
            cls.active.pop().__exit__(None, None, None)


class Idle(TorchDispatchMode):
    """Changes nothing; but while any mode is active, autograd adds up gradients in new tensors, as in a `Capture`.

    Such a sum may be laid out otherwise, and what is calculated of it rounds otherwise on a CPU.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Stream:
    """Stands for a stream; everything is done in order anyway."""

    def wait_stream(self, other: Self) -> None: ...


def tensors(tree: Any) -> list[torch.Tensor]:
    """Return the tensors in arguments or results."""
    return [one for one in tree_leaves(tree) if isinstance(one, torch.Tensor)]


def memory(tensor: torch.Tensor) -> int:
    """Return where the numbers of a tensor lie, whatever part of them it shows."""
    return tensor.untyped_storage().data_ptr()


def is_view(func: Any) -> bool:
    """Say whether an operation moves no numbers."""
    infos = [one.alias_info for one in func._schema.returns]
    return bool(infos) and all(info is not None and not info.is_write for info in infos)


def writes(func: Any) -> bool:
    """Say whether an operation changes one of its arguments, which it returns."""
    return any(one.alias_info is not None and one.alias_info.is_write for one in func._schema.returns)


def one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return what torch's own gives; that one looks at the labels on a CPU, and not on CUDA."""
    return torch.zeros(*labels.shape, classes, dtype=torch.int64).scatter_(-1, labels.unsqueeze(-1), 1)


@contextmanager
def fake_graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeGraph]]:
    """Let runs on the CPU capture their steps; yields the graphs that are made."""
    FakeGraph.made.clear()
    calls = {
        "CUDAGraph": FakeGraph,
        "graph": Capture,
        "Stream": Stream,
        "stream": lambda _: nullcontext(),
        "current_stream": Stream,
        "current_device": lambda: 0,
        # Dropout draws from it, as it does from that of the card.
        "default_generators": (torch.default_generator,),
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": Guard.set,
    }
    for name, call in calls.items():
        monkeypatch.setattr(torch.cuda, name, call)
    monkeypatch.setattr(torch.nn.functional, "one_hot", one_hot)
    yield FakeGraph.made
