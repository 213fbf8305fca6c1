"""The path of a GPU on a machine that has none: see `fake_cuda` for what that can see and what it can't."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.campaign.trial import estimate
from harness.core.spec import RunSpec
from harness.data.prepared import Prepared
from harness.engines.pace import Try, pace
from harness.probes import PROBE
from harness.probes.timing import activation_op, timed
from harness.procedures import preflight
from harness.procedures.preflight import CHECKS, Preflight
from harness.training.captured import CapturedStep
from harness.training.loop import run
from harness.training.recipe import Recipe
from harness.training.search import execute
from harness.training.split import RunData, load_run_data
from tests.conftest import LIGHT_LEVELS, ROOT
from tests.fake_cuda import REFUSED, FakeCuda, Generator, Operations, fake_cuda

Spec = Callable[..., RunSpec]


def chosen(setting: str, level: str) -> dict[str, Any]:
    """Return the change of settings that a level is; a search of four trials, which is one whatever its kind.

    With dropout, as far as the model has a place for it.
    """
    dropout = {} if setting in ("model", "dropout") else {"dropout": 0.5}
    return dropout | {setting: {level: {"trials": 4}} if setting == "search" and level != "none" else level}


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    update = Recipe.update

    with fake_cuda(monkeypatch) as mode:

        def watched(recipe: Recipe, index: torch.Tensor) -> torch.Tensor:
            with mode.step():
                return update(recipe, index)

        monkeypatch.setattr(Recipe, "update", watched)
        yield mode


@pytest.fixture
def data(cuda: FakeCuda, prepared: Prepared) -> RunData:
    return load_run_data(prepared, "cuda")


@pytest.fixture
def gpu_spec(spec: Spec) -> Spec:
    def make(**changes: Any) -> RunSpec:
        return replace(spec(**{"epochs": 1, "batch_size": 40, **changes}), device="cuda", precision="bfloat16")

    return make


@pytest.mark.parametrize(("setting", "level"), LIGHT_LEVELS)
def test_every_level_trains_on_one_device_and_waits_for_nothing_in_a_step(
    setting: str, level: str, gpu_spec: Spec, data: RunData
) -> None:
    trained = execute(gpu_spec(**chosen(setting, level)), data)
    assert trained.status == "done"
    assert trained.metrics["steps"] == 2 * trained.metrics.get("trials", 1)
    assert trained.environment["gpu"] == "NVIDIA Made Up"


class EmptyGraph:
    """Stands for a graph: without values, a replay has nothing to do."""

    made: ClassVar[list["EmptyGraph"]] = []

    def __init__(self) -> None:
        self.registered: list[int] = []
        self.replays = 0
        self.made.append(self)

    def register_generator_state(self, generator: torch.Generator) -> None:
        self.registered.append(generator.initial_seed())

    def replay(self) -> None:
        self.replays += 1


@pytest.fixture
def graph(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> type[EmptyGraph]:
    EmptyGraph.made.clear()
    calls = {
        "CUDAGraph": EmptyGraph,
        # Captured is what must not wait for the GPU.
        "graph": lambda _: cuda.step(),
        "Stream": lambda: SimpleNamespace(wait_stream=lambda _: None),
        "current_stream": lambda: SimpleNamespace(wait_stream=lambda _: None),
        "stream": lambda _: nullcontext(),
        "current_device": lambda: 0,
        "default_generators": (torch.Generator("cuda").manual_seed(11),),
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": lambda _: None,
    }
    for name, call in calls.items():
        monkeypatch.setattr(torch.cuda, name, call)
    # Tensors without values lie nowhere.
    monkeypatch.setattr("harness.training.captured.places", len)
    return EmptyGraph


@pytest.mark.parametrize("changes", [{}, {"augmentation": "all"}, {"auxiliary": "rotation", "penalty": "l1"}])
def test_a_captured_step_leaves_all_but_the_optimizer_to_the_graph(
    changes: dict[str, Any], gpu_spec: Spec, data: RunData, cuda: FakeCuda, graph: type[EmptyGraph]
) -> None:
    one = replace(gpu_spec(epochs=2, batch_size=30, dropout=0.5, **changes), captured=True)
    assert execute(one, data).environment.get("eager_because") is None
    # Two full batches of three in each epoch, beside the two replays that are compared.
    assert [made.replays for made in graph.made] == [2 + 2 * 2]
    assert len(graph.made[0].registered) == 3 and set(graph.made[0].registered) <= Generator.on_gpu

    recipe = Recipe.build(one, data)
    recipe.model.train()
    step, index = CapturedStep(recipe), next(recipe.batches())
    step(index)
    with cuda.step():
        step(index)


@pytest.mark.filterwarnings("ignore:Accessing the data pointer")  # of a net that is copied
@pytest.mark.parametrize("name", PROBE.names)
def test_every_probe_looks(name: str, gpu_spec: Spec, data: RunData) -> None:
    # Two batches of all pictures: what `batch_cost` waits for.
    result = run(gpu_spec(batch_size="full", dropout=0.5, augmentation="all"), data, [PROBE.get(name)()])
    assert "probe_seconds" in result.metrics


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_of_preflight_gives_plain_values(
    check: Any, gpu_spec: Spec, data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FEW_STEPS", "RANGE_STEPS", "SHORT_STEPS", "RATIO_STEPS"):
        monkeypatch.setattr(preflight, name, 8)
    found = check(Preflight(gpu_spec(), data))
    assert found.found and found.remedy


def test_a_gpu_is_timed_by_its_own_clock_and_by_more_than_a_launch(gpu_spec: Spec, data: RunData) -> None:
    sizes: list[int] = []
    op = activation_op(Recipe.build(gpu_spec(), data))
    with Sizes(sizes):
        op()
    assert max(sizes) == 512 * 64 * 32 * 32
    # A millisecond lies between any two events of the stand-in.
    assert timed([lambda: None], "cuda", 3).tolist()[0][:3] == [0.001] * 3


class Sizes(TorchDispatchMode):
    """Notes the sizes of all tensors that operations give."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.sizes += [one.numel() for one in tree_leaves(result) if isinstance(one, torch.Tensor)]
        return result


def test_time_and_pace_are_taken(gpu_spec: Spec, data: RunData) -> None:
    assert estimate([gpu_spec()], data) > 0
    taken = pace(Try(gpu_spec(), 0.01), data)
    assert taken.steps_per_second > 0
    # 70 of 80 GiB are free and a quarter is spared: 50 GiB in parts of 604 MiB.
    assert taken.room == (50 << 10) // 604


@pytest.mark.parametrize(("setting", "level"), LIGHT_LEVELS)
def test_convolutions_read_channels_last_whatever_a_level_does(
    setting: str, level: str, gpu_spec: Spec, data: RunData
) -> None:
    recipe = Recipe.build(gpu_spec(**{setting: level}), data)
    laid_out: list[bool] = []

    def look(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        laid_out.append(inputs[0].is_contiguous(memory_format=torch.channels_last))

    for module in recipe.model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(look)
    images, _ = recipe.batch(next(recipe.batches()))
    assert images.is_contiguous(memory_format=torch.channels_last)
    recipe.model(images)
    # torch norms groups of channels on a GPU picture by picture, and the next convolution lays its maps out anew.
    assert all(laid_out) or level in ("layer", "group"), laid_out


def test_on_a_gpu_an_evaluation_needs_less_memory_than_a_step(gpu_spec: Spec, data: RunData) -> None:
    from harness.training.evaluate import evaluation_batch

    assert evaluation_batch(Recipe.build(gpu_spec(), data)) == 80
    wide = Recipe.build(gpu_spec(), data)
    wide.spec = replace(wide.spec, settings=wide.spec.settings.changed(batch_size=45_000))
    assert evaluation_batch(wide) == 1024, "a step takes so many in parts of 512"


def test_memory_that_cublas_keeps_is_not_the_first_run_s(
    gpu_spec: Spec, data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [0]

    def linear(*tensors: torch.Tensor) -> torch.Tensor:
        held[0] = 32 << 20
        return product(*tensors)

    product = nn.functional.linear
    monkeypatch.setattr(nn.functional, "linear", linear)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: held[0])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: held[0] + (5 << 20))
    for _ in range(2):
        assert run(gpu_spec(), data).metrics["peak_memory_bytes"] == 5 << 20


def test_what_the_stand_in_complains_of(cuda: FakeCuda) -> None:
    here, there = torch.ones(3), torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="device"):
        here + there
    with cuda.step(), pytest.raises(AssertionError, match="waits"):
        there.sum().item()
    with cuda.step(), pytest.raises(AssertionError, match="waits"):
        here.to("cuda")
    with cuda.step(), pytest.raises(AssertionError, match="waits"):
        there.cpu()
    with cuda.step(), pytest.raises(AssertionError, match="shape"):
        there.nonzero()
    with pytest.raises(AssertionError, match="refuses"):
        torch.histc(there)
    with pytest.raises(AssertionError, match="from a generator on cpu"):
        torch.rand(3, device="cuda", generator=torch.Generator().manual_seed(1))
    with pytest.raises(AssertionError, match="from a generator on cuda"):
        torch.rand(3, generator=torch.Generator("cuda").manual_seed(2))


@pytest.mark.parametrize(("setting", "level"), LIGHT_LEVELS)
def test_no_level_uses_what_deterministic_mode_refuses(setting: str, level: str, spec: Spec, run_data: RunData) -> None:
    with Operations() as operations:
        execute(spec(epochs=1, batch_size=40, **chosen(setting, level)), run_data)
    assert not operations.refused
    assert "convolution_backward" in operations.seen


@pytest.mark.parametrize(
    "work",
    [
        lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bilinear").sum().backward(),
        lambda x: nn.functional.pad(x, (1, 1, 1, 1), mode="reflect").sum().backward(),
        lambda x: nn.functional.grid_sample(x, torch.zeros(1, 2, 2, 2), align_corners=False).sum().backward(),
        lambda x: nn.AdaptiveAvgPool2d(2)(x).sum().backward(),
        lambda x: torch.histc(x.detach()),
        lambda x: x.detach().median(dim=0),
        lambda x: torch.bincount(torch.arange(3), weights=torch.ones(3)),
    ],
)
def test_the_guard_knows_refused_operations(work: Callable[[torch.Tensor], object]) -> None:
    with Operations() as operations:
        work(torch.rand(1, 1, 4, 4, requires_grad=True))
    assert operations.refused


def test_the_guard_knows_all_that_torch_lists() -> None:
    words = torch.use_deterministic_algorithms.__doc__ or ""
    refused = words[words.index("operations will throw a") : words.index("In addition")]
    assert set(re.findall(r":(?:class|func):`(torch\.[\w.]+)`", refused)) <= set(REFUSED)


FORKED = """
import torch
def asked(*_): raise SystemExit("CUDA was asked before the fork: no child could use it")
torch._C._cuda_getDeviceCount = torch._C._cuda_init = torch.cuda._lazy_init = torch.cuda.is_available = asked
torch.cuda.device_count = asked
import harness.engines.preload
print("fine")
"""


def test_the_server_that_workers_are_forked_from_does_not_touch_cuda() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
