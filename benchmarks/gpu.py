"""What the bench does on a GPU, measured in one go: does everything run, is it repeatable, how good, how fast?

python benchmarks/gpu.py --out benchmarks/results          # on a GPU: eight minutes at most on an H100
python benchmarks/gpu.py --out /tmp/tried --tiny           # everything once and small, on any machine
python benchmarks/gpu.py --grid grid.json                  # write what profile full trains, for part 5 elsewhere

It needs torch and numpy, and the harness beside it. It prints what it finds as it comes, and writes one JSON file,
renewed after every part. A part that fails is noted with its traceback, and the next one begins:

1  every level of every factor, every probe, every check of preflight: a few steps, passed or not; and whether
   a level whose steps are CUDA graphs gives the same, to the bit
2  runs again: equal to the bit, alone, beside a neighbour and as CUDA graphs? What does that cost?
3  the recipe of profile full for 8 epochs in every precision: accuracy, speed, memory
4  runs an hour of 1, 2, 4 and 8 processes, with CUDA graphs and without, beside two loops in plain PyTorch
5  as much of profile full's grid as fits in the time left, and from it the time of the whole
   (its plan needs pydantic and PyYAML; where they are missing, hand over --grid)
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from harness.campaign.rerun import differences
from harness.core.cores import cores
from harness.core.seeding import derive
from harness.core.spec import RunResult, RunSpec, Settings
from harness.data.painting import Painter
from harness.data.prepared import Prepared
from harness.data.shapes import SHAPES
from harness.data.sources import SPLITS
from harness.engines.events import Epoch, Failed, Finished
from harness.engines.local import COUNTS, LocalEngine, start_server
from harness.engines.pace import Try, take
from harness.factors import REGISTRIES
from harness.probes import PROBE
from harness.procedures.preflight import CHECKS, Preflight
from harness.procedures.surfaces import SURFACES, path_of
from harness.training.device import set_up_process, this_card
from harness.training.loop import run
from harness.training.recipe import Recipe
from harness.training.search import execute
from harness.training.split import RunData, Split, load_run_data
from harness.training.step import step_of

ROOT = Path(__file__).parents[1]
Found = dict[str, Any]

# The recipes of params.yaml (a test compares them): what reads that file may be missing where this runs.
FULL = {
    "block": "plain", "depth": 3, "width": 32, "kernel_size": 3, "norm": "batch", "activation": "relu",
    "initialization": "torch", "dropout": 0.0, "dropout_place": "dense", "preprocessing": "standardised",
    "augmentation": "flip_crop", "data_amount": 1.0, "sampling": "balanced", "wrong_labels": 0.0, "transfer": "none",
    "loss": "cross_entropy", "label_smoothing": 0.0, "penalty": "none", "auxiliary": "none", "optimizer": "nesterov",
    "learning_rate": 0.1, "schedule": "one_cycle", "batch_size": 128, "rate_scaling": "fixed", "epochs": 30,
    "evaluate_every": 1, "patience": 0, "target_accuracy": 0.5, "max_train_seconds": 7200.0, "search": "none",
    "ensemble": 1,
}  # fmt: skip
QUICK = FULL | {
    "width": 8, "epochs": 20, "evaluate_every": 2, "batch_size": 40, "learning_rate": 0.05, "augmentation": "none",
    "max_train_seconds": 300.0, "target_accuracy": 0.35,
}  # fmt: skip
# What runs twice in part 2: all that draws, all that adds up in an order of its own.
REPEATED: tuple[Found, ...] = (
    {}, {"dropout": 0.5}, {"dropout": 0.3, "dropout_place": "conv"}, {"augmentation": "all"}, {"augmentation": "crop"},
    {"augmentation": "mixup"}, {"augmentation": "cutout"}, {"norm": "none"}, {"norm": "group"}, {"optimizer": "adam"},
    {"optimizer": "rmsprop"}, {"optimizer": "adadelta"}, {"activation": "maxout"}, {"activation": "prelu"},
    {"block": "residual"}, {"block": "inception"}, {"loss": "mse"}, {"penalty": "l1"}, {"auxiliary": "rotation"},
    {"preprocessing": "zca_whitening"},
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How much is done: pictures of the large and the small data, and what is measured with them."""

    pictures: tuple[int, int, int] = (45_000, 5_000, 10_000)
    few: tuple[int, int, int] = (800, 500, 1_000)
    side: int = 32
    steps: int = 10  # of each level in part 1
    repeated: int = 20
    epochs: int = 8
    seeds: int = 3
    matrix: int = 8192  # side of the product that the rate of multiplication is taken from
    try_seconds: float = 2.0
    sample: int = 500  # of the grid, more than there is time for
    full: Found = field(default_factory=lambda: FULL)
    quick: Found = field(default_factory=lambda: QUICK)


SMALL: Found = {"width": 4, "batch_size": 20, "max_train_seconds": 60.0}
TINY = Size(
    (200, 60, 60), (80, 40, 40), 16, 2, 4, 2, 1, 256, 0.1, 6,
    FULL | SMALL | {"epochs": 2}, QUICK | SMALL | {"epochs": 2},
)  # fmt: skip


@dataclass
class Bench:
    """What every part works with, and until when."""

    folder: Path
    size: Size
    device: str
    minutes: float
    prepared: Path | None = None
    grid: Path | None = None
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """The seconds that are left of all."""
        return self.begun + 60 * self.minutes - time.monotonic()

    @property
    def precisions(self) -> list[str]:
        """All that the device multiplies in, the default first."""
        if self.device == "cpu":
            return ["float32", "bfloat16"]
        return ["bfloat16", "tf32", "float32"] if this_card().capability >= (8, 0) else ["float32"]

    @cached_property
    def large(self) -> Path:
        """The folder of the large data: what was handed over, else pictures of its own."""
        return self.prepared or paint(self.folder / "large", self.size.pictures, self.size.side)

    @cached_property
    def small(self) -> Path:
        """The folder of the data of profile quick."""
        return paint(self.folder / "small", self.size.few, self.size.side)

    def spec(self, recipe: Found, seed: int = 0, **changes: Any) -> RunSpec:
        """Return a run of a recipe with some settings changed."""
        precision = changes.pop("precision", self.precisions[0])
        print_ = json.dumps([changes, seed, precision], sort_keys=True)
        return RunSpec(settings(recipe | changes), seed, "benchmark", self.device, precision, 1, print_)  # type: ignore[arg-type]


def settings(values: Found) -> Settings:
    """Return settings with the arguments of their levels spelled out."""
    made = Settings.from_json(values)
    checked = {name: one.check(getattr(made, name), "the benchmark") for name, one in REGISTRIES.items()}
    return replace(made, **checked)


def paint(folder: Path, counts: tuple[int, int, int], side: int) -> Path:
    """Write synthetic pictures as `python -m harness prepare` lays them out; seconds on a machine with many cores."""
    folder.mkdir(parents=True)
    splits = dict(zip(SPLITS, counts, strict=True))
    with ProcessPoolExecutor(cores(), get_context("forkserver")) as pool:
        for name, size in splits.items():
            parts = np.array_split(np.arange(size), -(-size // 1000))
            images = np.concatenate(list(pool.map(painted, [name] * len(parts), parts, [side] * len(parts))))
            np.save(folder / f"{name}_images.npy", images)
            np.save(folder / f"{name}_labels.npy", np.arange(size, dtype=np.int64) % len(SHAPES))
    (folder / "manifest.json").write_text(json.dumps(manifest_of(splits, side)))
    return folder


def manifest_of(splits: dict[str, int], side: int) -> Found:
    """Return what a folder of synthetic pictures says of itself, as far as anything here asks."""
    places = {name: np.arange(size) % len(SHAPES) for name, size in splits.items()}
    return {
        "digest": "benchmark",
        "classes": list(SHAPES),
        "image_size": [side, side, 3],
        "mean": [],
        "std": [],
        "splits": splits,
        "coloured": True,
        "per_class": {name: np.bincount(labels, minlength=len(SHAPES)).tolist() for name, labels in places.items()},
    }


def painted(name: str, places: np.ndarray, side: int) -> np.ndarray:
    """Return the pictures of a split at some places."""
    return Painter(derive(0, f"synthetic:{name}"), side).paint(places, places % len(SHAPES))


def data_of(folder: Path, device: str) -> RunData:
    """Return the splits of a folder on the device."""
    return load_run_data(Prepared.load(folder), device)


def everything_once(bench: Bench, until: float) -> Iterator[Found]:
    """Part 1: a row for each level, probe and check, with what went wrong."""
    whole = data_of(bench.small, bench.device)
    batch = bench.size.quick["batch_size"]
    train = Split(whole.train.images[: bench.size.steps * batch], whole.train.labels[: bench.size.steps * batch])
    data = replace(whole, train=train)
    once = {"epochs": 1, "dropout": 0.5, "augmentation": "flip_crop"}

    def flight() -> Preflight:
        return Preflight(bench.spec(bench.size.quick), whole)

    levels = {
        f"{setting}: {level}": bench.spec(bench.size.quick, **(once | {setting: level}))
        for setting, registry in REGISTRIES.items()
        for level in registry.names
    }
    works: dict[str, Callable[[], object]] = {
        name: lambda spec=spec: trained(spec, data) for name, spec in levels.items()
    }
    if bench.device == "cuda":
        works |= {f"captured: {name}": lambda spec=spec: captured_alike(spec, data) for name, spec in levels.items()}
    for name in PROBE.names:
        # The cost of a batch is measured where a batch is all pictures.
        full = {"batch_size": len(train)} if name == "batch_cost" else {}
        spec = replace(bench.spec(bench.size.quick, **once, **full), probes=(name,))
        works[f"probe: {name}"] = lambda spec=spec: trained(spec, data)
    works |= {f"preflight: {check.__name__}": lambda check=check: check(flight()) for check in CHECKS}
    works["surfaces: a path"] = lambda: path_of("momentum", 0.1, SURFACES[0])
    for name, work in works.items():
        if time.monotonic() > until:
            yield {"what": name, "passed": None, "problem": "no time left"}
            continue
        started = time.monotonic()
        try:
            note = work()
            row = {"what": name, "passed": True, "seconds": time.monotonic() - started}
            yield row | ({"eager": note} if isinstance(note, str) and note else {})
        except ModuleNotFoundError as error:
            yield {"what": name, "passed": None, "problem": f"{error.name} is not installed"}
        except Exception as error:
            yield {"what": name, "passed": False, "problem": first_line(error), "traceback": traceback.format_exc()}


def trained(spec: RunSpec, data: RunData) -> RunResult:
    """Return the result of a run; RuntimeError if it did not finish."""
    result = execute(spec, data)
    if result.status != "done":
        raise RuntimeError(f"{result.status}: {result.error}")
    return result


def captured_alike(spec: RunSpec, data: RunData) -> str:
    """Train with captured steps and without; return why steps were not captured, RuntimeError if results differ."""
    plain, captured = trained(spec, data), trained(replace(spec, captured=True), data)
    if found := next(differences(plain, captured), None):
        raise RuntimeError(f"{found[0]} is {found[2]} with captured steps, and {found[1]} without")
    return str(captured.environment.get("eager_because", ""))


def part_1(bench: Bench, seconds: float) -> Found:
    """Every level, probe and check."""
    rows = []
    for row in everything_once(bench, time.monotonic() + seconds):
        rows.append(row)
        if not row["passed"]:
            say(f"  {row['what']}: {'not run, ' if row['passed'] is None else ''}{row['problem']}")
        elif "eager" in row:
            say(f"  {row['what']}: eager, as {row['eager']}")
    tally = {name: sum(row["passed"] is passed for row in rows) for name, passed in OUTCOMES.items()}
    say("  " + ", ".join(f"{number} {name}" for name, number in tally.items()))
    return tally | {"rows": rows}


OUTCOMES = {"passed": True, "failed": False, "not run": None}


def equal(first: RunResult, second: RunResult) -> bool:
    """Say whether two results of a run are the same to the bit, but for what the clock says."""
    return not any(differences(first, second))


def part_2(bench: Bench, seconds: float) -> Found:
    """Runs again, alone, as CUDA graphs and beside a neighbour; steps a second with and without deterministic mode."""
    until = time.monotonic() + seconds
    data = data_of(bench.small, bench.device)
    specs = [bench.spec(bench.size.quick, epochs=2, **changes) for changes in REPEATED[: bench.size.repeated]]
    first, alone, captured, beside = {}, {}, {}, {}
    for spec in specs:
        if first and time.monotonic() > until - seconds / 2:
            break
        first[spec.fingerprint] = run(spec, data)
        alone[spec.fingerprint] = equal(first[spec.fingerprint], run(spec, data))
        if bench.device == "cuda":
            again = run(replace(spec, captured=True), data)
            captured[spec.fingerprint] = equal(first[spec.fingerprint], again), again.environment.get("eager_because")
    with LocalEngine(bench.small, 2) as engine:
        for event in engine.execute([spec for spec in specs if spec.fingerprint in first]):
            if isinstance(event, Failed):
                raise RuntimeError(event.problem)
            if isinstance(event, Finished):
                beside[event.spec.fingerprint] = equal(first[event.spec.fingerprint], event.result)
    modes = ("deterministic", "free", *(["captured"] if bench.device == "cuda" else []))
    paces = {mode: pace_of(bench, data, mode != "free", mode == "captured") for mode in modes}
    found = {
        "runs": len(first),
        "equal_alone": sum(alone.values()),
        "equal_beside_a_neighbour": sum(beside.values()),
        "equal_as_a_cuda_graph": sum(same for same, _ in captured.values()),
        "eager": {name: words for name, (_, words) in captured.items() if words},
        "differ": [n for n in first if not (alone[n] and beside.get(n) and captured.get(n, (True,))[0])],
        "steps_per_second": paces,
    }
    say(f"  {found['equal_alone']} of {len(first)} equal alone, {found['equal_beside_a_neighbour']} beside a neighbour")
    say(f"  {paces['deterministic']:.0f} steps a second in deterministic mode, {paces['free']:.0f} without")
    if captured:
        eager = f", {len(found['eager'])} of them eager" if found["eager"] else ""
        say(f"  {found['equal_as_a_cuda_graph']} equal as a CUDA graph{eager}; {paces['captured']:.0f} steps a second")
    return found


def pace_of(bench: Bench, data: RunData, deterministic: bool, captured: bool = False) -> float:
    """Return the steps a second of the recipe of profile full, in this process."""
    spec = replace(bench.spec(bench.size.full, epochs=1_000_000), captured=captured)
    set_up_process(1, spec.precision)
    torch.use_deterministic_algorithms(deterministic)
    try:
        recipe = Recipe.build(spec, data)
        recipe.model.train()
        batches = (index for _ in count() for index in recipe.batches())
        update = step_of(recipe)
        return steps_a_second(lambda: take(recipe, update, batches, 10), 10, bench.size.try_seconds)
    finally:
        torch.use_deterministic_algorithms(True)


def steps_a_second(some: Callable[[], object], steps: int, seconds: float) -> float:
    """Return the rate of a callable that takes `steps` steps and waits for their end, after a first call."""
    some()
    started, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds or not done:
        some()
        done += steps
    return done / elapsed


def part_3(bench: Bench, seconds: float) -> Found:
    """The recipe of profile full, a few epochs of it, in every precision and under several seeds."""
    until = time.monotonic() + seconds
    data = data_of(bench.large, bench.device)
    rate = matrix_rate(bench)
    rows: list[Found] = []
    for seed in range(bench.size.seeds):
        for precision in bench.precisions:
            if rows and time.monotonic() + rows[-1]["seconds"] > until:
                say("  no time left for more runs")
                break
            spec = bench.spec(bench.size.full, seed, epochs=bench.size.epochs, precision=precision)
            started = time.monotonic()
            result = run(spec, data)
            metrics = result.metrics
            speed = metrics["images_per_second"] or 0.0
            row = {
                "precision": precision,
                "seed": seed,
                "status": result.status,
                "test_accuracy": metrics["test_accuracy"],
                "seconds": time.monotonic() - started,
                "train_seconds": metrics["train_seconds"],
                "images_per_second": speed,
                "share_of_matrix_rate": speed * flops_of_picture(spec, data) / rate,
                "peak_memory_bytes": metrics["peak_memory_bytes"],
            }
            rows.append(row)
            accuracy = metrics["test_accuracy"] or 0.0
            say(f"  {precision} seed {seed}: {result.status}, {accuracy:.1%}, {speed:,.0f} pictures/s")
    means = {
        precision: statistics.fmean(row["test_accuracy"] or 0.0 for row in rows if row["precision"] == precision)
        for precision in dict.fromkeys(row["precision"] for row in rows)
    }
    apart = 100 * (max(means.values()) - min(means.values()))
    say(f"  precisions are {apart:.2f} points apart at most; bfloat16 products at {rate / 1e12:.3g} TFLOP/s")
    return {
        "epochs": bench.size.epochs,
        "pictures": len(data.train),
        "runs": rows,
        "mean_accuracy": means,
        "points_apart": apart,
        "bfloat16_flops_per_second": rate,
    }


def matrix_rate(bench: Bench) -> float:
    """Return the floating-point operations a second of square bfloat16 products, the best of some."""
    side = bench.size.matrix
    matrix = torch.randn(side, side, device=bench.device).bfloat16()

    def product() -> None:
        torch.mm(matrix, matrix)
        if bench.device == "cuda":
            torch.cuda.synchronize()

    return 2 * side**3 * max(steps_a_second(product, 1, 0.1) for _ in range(3))


def flops_of_picture(spec: RunSpec, data: RunData) -> float:
    """Return the operations that convolutions and dense layer take for one picture, forward and backward.

    A multiplication and an addition count as two; the backward pass is twice the forward pass.
    """
    model = Recipe.build(spec, data).model
    total = 0

    def add(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += 2 * layer.weight[0].numel() * output[0].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model.eval()(data.test.pictures(slice(0, 1)))
    return 3.0 * total


def part_4(bench: Bench, seconds: float) -> Found:
    """Runs an hour, by the steps that processes take together; evaluation is left out on both sides."""
    until = time.monotonic() + seconds
    found: Found = {}
    for name, recipe, folder in (
        ("full", bench.size.full, bench.large),
        ("quick", bench.size.quick, bench.small),
    ):
        spec = bench.spec(recipe)
        train = Prepared.load(folder).manifest["splits"]["train"]
        steps = spec.settings.epochs * -(-train // spec.settings.batch_size)
        rows = found[name] = {"steps_of_a_run": steps, "processes": {}, "captured": {}}
        with LocalEngine(folder, 1) as engine:
            for processes in COUNTS:
                if processes > cores() or (processes > 1 and time.monotonic() > until):
                    break
                engine.grow(processes)
                if not (pace := together(engine, spec, bench.size.try_seconds)):
                    say(f"  {name}: {processes} processes do not fit")
                    break
                rows["processes"][processes] = hourly(pace, steps)
                say(f"  {name}, {processes} process(es): {rows['processes'][processes]:,.0f} runs an hour")
                if bench.device == "cuda":
                    pace = together(engine, replace(spec, captured=True), bench.size.try_seconds)
                    rows["captured"][processes] = hourly(pace, steps)
                    say(f"    with steps as CUDA graphs: {rows['captured'][processes]:,.0f}")
        for way, batches in (("dataloader", from_loader), ("on_device", from_device)):
            rows[way] = hourly(rival_pace(bench, spec, data_of(folder, "cpu"), batches), steps)
            times = max(rows["processes"].values()) / rows[way]
            say(f"  {name}, plain loop ({way}): {rows[way]:,.0f} runs an hour; the bench has {times:.1f} times as many")
    return found


def together(engine: LocalEngine, spec: RunSpec, seconds: float) -> float:
    """Return the steps a second of all processes of an engine; 0 if one of them fails."""
    # All must be ready before any is timed.
    ready = engine.ask_all(Try(spec, 0.0)) and engine.ask_all(Try(spec, seconds))
    return sum(one.steps_per_second for one in ready)


def hourly(steps_per_second: float, steps: int) -> float:
    """Return runs an hour."""
    return 3600 * steps_per_second / steps


Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]


def rival_pace(
    bench: Bench, spec: RunSpec, data: RunData, batches: Callable[[RunSpec, RunData, str], Batches]
) -> float:
    """Return the steps a second of a plain loop with torch's own defaults, on the same net and pictures."""
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.conv.fp32_precision = torch.backends.cudnn.rnn.fp32_precision = "tf32"  # type: ignore[attr-defined]
    try:
        model = plain_net(spec.settings.width, data).to(bench.device)
        rate = spec.settings.learning_rate
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=10_000_000)
        source = batches(spec, data, bench.device)

        def some() -> None:
            for _ in range(10):
                images, labels = next(source)
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(images), labels).backward()
                optimizer.step()
                schedule.step()
            if bench.device == "cuda":
                torch.cuda.synchronize()

        return steps_a_second(some, 10, bench.size.try_seconds)
    finally:
        set_up_process(1, spec.precision)


def plain_net(width: int, data: RunData) -> nn.Sequential:
    """Return the net of the recipe as the first tutorial would write it."""
    height, wide, channels = data.image_size
    layers: list[nn.Module] = []
    for out in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    dense = nn.Linear(channels * (height // 8) * (wide // 8), len(data.classes))
    return nn.Sequential(*layers, nn.Flatten(), dense)


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """The training pictures one by one, with the transforms of torchvision, as its tutorials have them."""

    def __init__(self, data: RunData, augmented: bool) -> None:
        from torchvision import transforms

        moved = [transforms.RandomHorizontalFlip(), transforms.RandomCrop(data.image_size[0], 4)] if augmented else []
        scaled = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)]
        self.transform = transforms.Compose([transforms.ToPILImage(), *moved, *scaled])
        self.images, self.labels = data.train.images.numpy(), data.train.labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[place]), self.labels[place]


def from_loader(spec: RunSpec, data: RunData, device: str) -> Batches:
    """Yield batches of a DataLoader with as many processes as there are cores, up to 8."""
    pictures = Pictures(data, spec.settings.augmentation.name != "none")
    loader = DataLoader(
        pictures, spec.settings.batch_size, shuffle=True, drop_last=True, pin_memory=device == "cuda",
        num_workers=min(8, cores()), persistent_workers=True,
    )  # fmt: skip
    while True:
        for images, labels in loader:
            yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def from_device(spec: RunSpec, data: RunData, device: str) -> Batches:
    """Yield batches of pictures that lie on the device, mirrored and moved there."""
    train = (data.train.images.permute(0, 3, 1, 2).float().div(255) - 0.5).div(0.25).to(device)
    labels = data.train.labels.to(device)
    side, reach = train.shape[2], 4
    span = torch.arange(side, device=device)
    while True:
        for index in torch.randperm(len(train), device=device).split(spec.settings.batch_size):
            images = train[index]
            if spec.settings.augmentation.name != "none":
                images = torch.where(torch.rand(len(index), 1, 1, 1, device=device) < 0.5, images.flip(3), images)
                padded = nn.functional.pad(images, (reach,) * 4)
                down, right = torch.randint(2 * reach + 1, (2, len(index), 1), device=device) + span
                every = torch.arange(len(index), device=device)[:, None, None]
                images = padded[every, :, down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2).contiguous()
            yield images, labels[index]


def part_5(bench: Bench, seconds: float) -> Found:
    """A sample of profile full's grid, trained by the engine until the time is over."""
    until = time.monotonic() + seconds
    kinds = json.loads(bench.grid.read_text()) if bench.grid else grid_of_full()
    total = sum(kind["runs"] for kind in kinds)
    epochs = sum(kind["runs"] * kind["settings"]["epochs"] * kind["trials"] for kind in kinds)
    chosen = random.Random(0).choices(kinds, weights=[kind["runs"] for kind in kinds], k=bench.size.sample)
    small = {name: bench.size.full[name] for name in SMALL} | {"epochs": 2} if bench.size is TINY else {}
    specs = [
        replace(
            bench.spec(kind["settings"] | small, seed=number),
            probes=tuple(kind["probes"]),
            fingerprint=f"{number}",
        )
        for number, kind in enumerate(chosen)
        # A search samples settings by a library that may be missing here; its trials are runs like others.
        if kind["trials"] == 1
    ]
    done, runs, failed = 0, 0, []
    started = time.monotonic()
    with LocalEngine(bench.large, None if bench.device == "cuda" else 1) as engine:
        for event in engine.execute(specs):
            done += isinstance(event, Epoch)
            runs += isinstance(event, Finished)
            failed += [event.problem] if isinstance(event, Failed) else []
            if time.monotonic() > until:
                break
        workers = engine.workers
    elapsed = time.monotonic() - started
    hours = elapsed / done * epochs / 3600 if done else None
    say(f"  {runs} runs, {done} epochs in {elapsed:.0f} s by {workers} process(es), {len(failed)} failed")
    say(f"  the whole of {total:,} runs and {epochs:,} epochs would take {hours:.1f} hours" if hours else "  no epoch")
    return {
        "runs": runs,
        "epochs": done,
        "seconds": elapsed,
        "processes": workers,
        "failed": failed,
        "whole_runs": total,
        "whole_epochs": epochs,
        "whole_hours": hours,
    }


def grid_of_full() -> list[Found]:
    """Return every kind of run of profile full: its settings, how many runs, its probes, and trials of a search."""
    from harness.core.config import load_params
    from harness.core.records import Store
    from harness.factors.search import SEARCH
    from harness.planning.plan import make_plan
    from harness.planning.settings import check_recipe
    from harness.planning.studies import load_studies
    from harness.planning.target import Target

    params = load_params(ROOT / "params.yaml", "full")
    data = manifest_of(dict(zip(SPLITS, Size().pictures, strict=True)), Size().side)
    studies = load_studies("all", ROOT / "experiments")
    recipe = check_recipe(params.recipe, "params.yaml")
    with tempfile.TemporaryDirectory() as empty:
        target = Target(data, "cuda", "bfloat16", 1)
        plan = make_plan(studies, recipe, params.seeds, "full", target, Store(Path(empty)), studies)
    kinds: dict[str, Found] = {}
    for spec in [*plan.pending.values(), *plan.stand_ins]:
        values = spec.settings.to_json()
        trials = sum(stage.trials for stage in SEARCH.build(spec.settings.search)) or 1
        new = {"settings": values, "runs": 0, "probes": list(spec.probes), "trials": trials}
        kinds.setdefault(json.dumps([values, spec.probes]), new)["runs"] += 1
    return list(kinds.values())


# Seconds that a part may take, of eight minutes; None: all that are left.
PARTS: tuple[tuple[Callable[[Bench, float], Found], float | None], ...] = (
    (part_1, 100), (part_2, 60), (part_3, 100), (part_4, 90), (part_5, None),
)  # fmt: skip


def environment(device: str) -> Found:
    """Return where this was measured."""
    return {
        "date": date.today().isoformat(),
        "commit": said_by("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "driver": said_by("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "cores": cores(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "numpy": np.__version__,
    }


def said_by(*command: str) -> str | None:
    """Return the first line that a command prints; None if there is no such command."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def first_line(error: BaseException) -> str:
    """Return what went wrong on one line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def measure(bench: Bench, wanted: Sequence[int], report: Found, keep: Callable[[], None]) -> bool:
    """Run the parts into `report`, each for its share of the time; say whether all went through."""
    for number in wanted:
        part, share = PARTS[number - 1]
        seconds = bench.left if share is None else min(bench.left, share * bench.minutes / 8)
        say(f"part {number}: {(part.__doc__ or '').splitlines()[0]} ({max(seconds, 0):.0f} s at most)")
        started = time.monotonic()
        try:
            if seconds <= 0:
                raise TimeoutError("no time is left; allow more by --minutes")
            found = part(bench, seconds)
        except Exception as error:
            found = {"problem": first_line(error), "traceback": traceback.format_exc()}
            say(f"  failed: {found['problem']}")
        report[f"part_{number}"] = {"seconds": time.monotonic() - started} | found
        keep()
    return not any("problem" in report[f"part_{number}"] for number in wanted)


def arguments() -> argparse.Namespace:
    """Return what the caller asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the JSON file of results")
    parser.add_argument(
        "--prepared", type=Path, metavar="FOLDER", help="pictures that `harness prepare` wrote: CIFAR-10"
    )
    parser.add_argument("--parts", default="1,2,3,4,5", help="numbers with commas between (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="everything small; so it is anyhow without a GPU")
    parser.add_argument("--grid", type=Path, metavar="FILE", help="with --out: what to read for part 5; else to write")
    found = parser.parse_args()
    if not (found.out or found.grid):
        parser.error("name a folder for the results: --out benchmarks/results")
    try:
        found.parts = [int(number) for number in found.parts.split(",")]
    except ValueError:
        found.parts = [0]
    if not set(found.parts) <= set(range(1, len(PARTS) + 1)):
        parser.error(f"--parts takes numbers from 1 to {len(PARTS)} with commas between, such as 1,3")
    return found


def main() -> None:
    """Measure, print and write; exit with 1 if a part failed."""
    wanted = arguments()
    if not wanted.out:
        wanted.grid.write_text(json.dumps(grid_of_full()) + "\n")
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = TINY if wanted.tiny or device == "cpu" else Size()
    start_server()
    set_up_process(1, "float32")
    where = environment(device)
    name = "".join(c if c.isalnum() else "-" for c in (where["gpu"] or "cpu").lower())
    path = wanted.out / f"gpu-{name}{'-tiny' if size is TINY else ''}-{where['date']}.json"
    command = " ".join(["python benchmarks/gpu.py", *sys.argv[1:]])
    report: Found = {"command": command, "size": "tiny" if size is TINY else "full", "environment": where}
    say(f"{where['gpu'] or 'no GPU: a CPU, at a tiny size'}, torch {where['torch']}, driver {where['driver']}")

    def keep() -> None:
        wanted.out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), size, device, wanted.minutes, wanted.prepared, wanted.grid)
        passed = measure(bench, wanted.parts, report, keep)
        say(f"{path}, after {time.monotonic() - bench.begun:.0f} s")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
