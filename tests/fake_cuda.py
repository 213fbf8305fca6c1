"""A GPU that is not there: CUDA tensors without values (torch's FakeTensorMode), CPU tensors as ever.

What it sees: tensors of two devices in one operation, a read of a value that the GPU holds, a copy between devices, a
generator of the wrong device, and operations that torch's deterministic mode refuses on CUDA.
What it can't see: values, time, memory, layouts that a CUDA kernel chooses differently from its description, and the
backward pass, whose engine asks for a real card: gradients are made up here, for the parameters that would get one.
The operations of a real backward pass are looked at on a CPU (`Operations`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

# What torch.use_deterministic_algorithms says it refuses, by the names it has there: operations of ATen.
REFUSED = {
    "torch.nn.AvgPool3d": ["avg_pool3d_backward"],
    "torch.nn.AdaptiveAvgPool2d": ["_adaptive_avg_pool2d_backward"],
    "torch.nn.AdaptiveAvgPool3d": ["_adaptive_avg_pool3d_backward"],
    "torch.nn.AdaptiveMaxPool2d": ["adaptive_max_pool2d_backward"],
    "torch.nn.FractionalMaxPool2d": ["fractional_max_pool2d_backward"],
    "torch.nn.FractionalMaxPool3d": ["fractional_max_pool3d_backward"],
    "torch.nn.MaxUnpool1d": ["max_unpool2d"],
    "torch.nn.MaxUnpool2d": ["max_unpool2d"],
    "torch.nn.MaxUnpool3d": ["max_unpool3d"],
    "torch.nn.MaxPool3d": ["max_pool3d_with_indices_backward"],
    "torch.nn.functional.interpolate": [
        "upsample_linear1d_backward",
        "upsample_bilinear2d_backward",
        "_upsample_bilinear2d_aa_backward",
        "upsample_bicubic2d_backward",
        "_upsample_bicubic2d_aa_backward",
        "upsample_trilinear3d_backward",
    ],
    "torch.nn.ReflectionPad1d": ["reflection_pad1d_backward"],
    "torch.nn.ReflectionPad2d": ["reflection_pad2d_backward"],
    "torch.nn.ReflectionPad3d": ["reflection_pad3d_backward"],
    "torch.nn.ReplicationPad1d": ["replication_pad1d_backward"],
    "torch.nn.ReplicationPad2d": ["replication_pad2d_backward"],
    "torch.nn.ReplicationPad3d": ["replication_pad3d_backward"],
    # Of maps; a batch of logits goes through nll_loss_forward, which is not refused.
    "torch.nn.NLLLoss": ["nll_loss2d_forward"],
    "torch.nn.CTCLoss": ["_ctc_loss_backward"],
    "torch.nn.EmbeddingBag": ["_embedding_bag_backward", "_embedding_bag_dense_backward"],
    "torch.Tensor.put_": ["put", "put_"],
    "torch.histc": ["histc"],
    "torch.bincount": ["bincount"],  # with weights
    "torch.median": ["median.dim", "nanmedian.dim"],
    "torch.nn.functional.grid_sample": [
        "grid_sampler_2d_backward",
        "grid_sampler_3d_backward",
        "cudnn_grid_sampler_backward",
    ],
    "torch.Tensor.scatter_reduce": ["scatter_reduce", "scatter_reduce_"],
    "torch.kthvalue": ["kthvalue"],
    "torch.cumsum": ["cumsum", "cumsum_"],  # of torch before 2.12
    "torch.Tensor.index_reduce": ["index_reduce", "index_reduce_"],
    # Refused elsewhere than on CUDA alone.
    "torch.Tensor.index_put": [],
    "torch.nn.Embedding": [],
    "torch.nn.MaxPool2d": [],
    "torch.Tensor.resize_": [],
}
NAMES = {operation for operations in REFUSED.values() for operation in operations}


def is_refused(func: Any, arguments: tuple[Any, ...]) -> bool:
    """Say whether deterministic mode refuses an operation on CUDA; the weights of bincount are its second argument."""
    if func.overloadpacket.__name__ == "bincount":
        return len(arguments) > 1 and arguments[1] is not None
    return bool(NAMES & {func.overloadpacket.__name__, f"{func.overloadpacket.__name__}.{func._overloadname}"})


class Operations(TorchDispatchMode):
    """Notes what torch does on a CPU, backward pass and optimizer included, that CUDA would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.overloadpacket.__name__)
        if is_refused(func, args):
            self.refused.add(str(func))
        return func(*args, **(kwargs or {}))


class Generator(torch.Generator):
    """Stands for a generator of either device. Operations get another object, which is known by its first seed."""

    on_gpu: ClassVar[set[int]] = set()

    def __new__(cls, device: str = "cpu") -> "Generator":
        made = super().__new__(cls, "cpu")
        made.is_on_gpu = torch.device(device).type == "cuda"
        return made

    def manual_seed(self, seed: int) -> "Generator":
        if self.is_on_gpu:
            self.on_gpu.add(seed)
        return super().manual_seed(seed)


class Fakes(FakeTensorMode):
    """One mode for all tensors, those of a copied net included."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Fakes":
        return self


class FakeCuda(TorchDispatchMode):
    """Runs what touches a GPU without values, and everything else as it is. In a `step` nothing may be read back."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = Fakes()
        self.in_step = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        given = [one for one in leaves if isinstance(one, torch.Tensor)]
        wanted = torch.device(kwargs["device"]).type if kwargs.get("device") is not None else None
        here = any(isinstance(one, FakeTensor) for one in given)
        self.check_generator(func, leaves, "cuda" if here or wanted == "cuda" else "cpu")
        if not here and wanted != "cuda":
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        assert not is_refused(func, args), f"deterministic mode refuses {func} on CUDA"
        if self.in_step:
            crossing = (here and wanted == "cpu") or (given and not here) or name == "_local_scalar_dense"
            assert not crossing, f"{func} waits for the GPU in a step"
            assert name not in ("nonzero", "masked_select", "bincount"), f"{func} reads a shape back in a step"
        if name == "_local_scalar_dense":
            return made_up(args[0])
        if name == "nonzero":
            return self.empty((args[0].numel(), args[0].dim()))
        if name == "bincount":
            return self.empty((kwargs.get("minlength") or (args[2] if len(args) > 2 else 0) or 10,))
        if name.startswith("_fused_"):
            # It changes weights in place, and torch has no description of it.
            assert all(one.device.type == "cuda" for one in given), f"{func} gets tensors of two devices"
            return None
        if name == "index" and not self.in_step:
            args = (args[0], [self.all_of(one) for one in args[1]])
        args, kwargs = tree_map(self.without_values, (args, kwargs))
        with self.fake:
            result = func(*args, **kwargs)
        return tree_map(on_host, result)

    def without_values(self, one: Any) -> Any:
        """Return a tensor as the operations here want it, with the device that it has."""
        real = isinstance(one, torch.Tensor) and not isinstance(one, FakeTensor)
        return self.fake.from_tensor(one, static_shapes=True) if real else one

    def check_generator(self, func: Any, leaves: list[Any], device: str) -> None:
        """Complain of a draw on one device from a generator of the other."""
        for one in leaves:
            if isinstance(one, Generator.__base__):
                kind = "cuda" if one.initial_seed() in Generator.on_gpu else "cpu"
                assert kind == device, f"{func} draws on {device} from a generator on {kind}"

    def empty(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Return whole numbers on the GPU."""
        with self.fake:
            return torch.empty(shape, dtype=torch.int64, device="cuda")

    def all_of(self, index: Any) -> Any:
        """Return the numbers of all entries for a choice by yes and no, whose count nobody can know here."""
        if isinstance(index, torch.Tensor) and index.dtype == torch.bool:
            return self.empty((index.numel(),))
        return index

    @contextmanager
    def step(self) -> Iterator[None]:
        """Mark a block in which the program must not wait for the GPU."""
        self.in_step = True
        try:
            yield
        finally:
            self.in_step = False


def made_up(tensor: torch.Tensor) -> Any:
    """Return a value for one that was asked for, as there is none: a share, or the last of ten labels."""
    return True if tensor.dtype == torch.bool else 0.5 if tensor.is_floating_point() else 9


def on_host(one: Any) -> Any:
    """Return a CPU tensor with values for one without."""
    if isinstance(one, FakeTensor) and one.device.type == "cpu":
        return torch.full(tuple(one.shape), made_up(one), dtype=one.dtype)
    return one


def leaves_of(node: Any, seen: set[Any]) -> Iterator[torch.Tensor]:
    """Yield what a backward pass from `node` would give gradients to."""
    if node is None or node in seen:
        return
    seen.add(node)
    if hasattr(node, "variable"):
        yield node.variable
    for following, _ in node.next_functions:
        yield from leaves_of(following, seen)


def backward(loss: torch.Tensor) -> None:
    """Give every parameter behind a loss a gradient."""
    assert loss.requires_grad and loss.dim() == 0
    for leaf in leaves_of(loss.grad_fn, set()):
        leaf.grad = torch.empty_like(leaf)


def grad(output: torch.Tensor, inputs: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, ...]:
    """Return a gradient for each input."""
    assert output.requires_grad
    inputs = [inputs] if isinstance(inputs, torch.Tensor) else inputs
    return tuple(torch.empty_like(one) for one in inputs)


class Event:
    """Stands for an event of CUDA; a millisecond lies between any two."""

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None: ...

    def synchronize(self) -> None: ...

    def elapsed_time(self, other: "Event") -> float:
        return 1.0


@contextmanager
def fake_cuda(monkeypatch: Any) -> Iterator[FakeCuda]:
    """Let the block believe that this machine has a GPU of the kind of an H100."""
    # First: it asks whether there is a GPU, and takes care not to look for one.
    mode = FakeCuda()
    torch._C._ensureCUDADeviceGuardSet()
    properties = SimpleNamespace(name="NVIDIA Made Up", major=9, minor=0, total_memory=80 << 30)
    calls: dict[str, Callable[..., Any]] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "is_bf16_supported": lambda *_: True,
        "synchronize": lambda *_: None,
        "empty_cache": lambda: None,
        "reset_peak_memory_stats": lambda *_: None,
        "memory_allocated": lambda *_: 1 << 20,
        "max_memory_allocated": lambda *_: 3 << 20,
        "max_memory_reserved": lambda *_: 4 << 20,
        "mem_get_info": lambda *_: (70 << 30, 80 << 30),
        "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": lambda *_: None,
        "get_device_name": lambda *_: properties.name,
        "get_device_properties": lambda *_: properties,
        "manual_seed_all": lambda *_: None,
        "Event": Event,
    }
    for name, call in calls.items():
        monkeypatch.setattr(torch.cuda, name, call)
    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.autograd, "grad", grad)
    with mode:
        yield mode
