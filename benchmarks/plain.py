"""The control of the bench beside a plain PyTorch loop: the same net, pictures, budget and rate, seed by seed in turn.

python benchmarks/plain.py                              # the recipe of params.yaml on data/prepared
python benchmarks/plain.py --set augmentation=flip_crop --set learning_rate=0.1 --seeds 5
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import yaml
from torch import nn

from benchmarks.gpu import plain_net
from harness.campaign.project import PREPARED
from harness.core.config import PARAMS, load_params
from harness.core.spec import RunSpec, Settings
from harness.data.prepared import Prepared
from harness.planning.settings import check_changes, check_recipe, resolve
from harness.planning.target import Target
from harness.training.device import resolve_device, resolve_precision, set_up_process, this_card
from harness.training.loop import run
from harness.training.split import RunData, load_run_data

# Settings that the plain loop follows; the rest of it is as the first tutorial has it.
PLAIN = {"width", "augmentation", "learning_rate", "batch_size", "epochs"}


def plain_loop(settings: Settings, data: RunData, seed: int, device: str) -> float:
    """Train as the first tutorial would, with torch's defaults, and return the accuracy on the test pictures."""
    torch.manual_seed(seed)
    model = plain_net(settings.width, data).to(device)
    train, test = (split.images.permute(0, 3, 1, 2).float() / 255 for split in (data.train, data.test))
    mean, std = train.mean(dim=(0, 2, 3), keepdim=True), train.std(dim=(0, 2, 3), keepdim=True)
    train, test = (train - mean) / std, (test - mean) / std
    steps = settings.epochs * -(-len(train) // settings.batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    for _ in range(settings.epochs):
        for index in torch.randperm(len(train), device=device).split(settings.batch_size):
            images = train[index]
            if settings.augmentation.name == "flip_crop":
                images = flip_and_crop(images)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), data.train.labels[index]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        guesses = torch.cat([model(part).argmax(dim=1) for part in test.split(500)])
    return (guesses == data.test.labels).float().mean().item()


def flip_and_crop(images: torch.Tensor, reach: int = 4) -> torch.Tensor:
    """Mirror every second picture and move each by up to `reach` pixels, one by one."""
    size = images.shape[2]
    padded = nn.functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    moved = []
    for picture in padded:
        y, x = torch.randint(2 * reach + 1, (2,)).tolist()
        part = picture[:, y : y + size, x : x + size]
        moved.append(part.flip(2) if torch.rand(()) < 0.5 else part)
    return torch.stack(moved)


def bench_loop(spec: RunSpec, data: RunData) -> float:
    """Train the control and return its accuracy on the test pictures; a run that failed counts as 0."""
    return run(spec, data).metrics["test_accuracy"] or 0.0


def main() -> None:
    """Train both under every seed in turn; print a line each, then mean, scatter and seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, default=PREPARED, help="folder that `harness prepare` wrote")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another value for both")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be at least 2: one run shows no scatter")
    params = load_params()
    prepared = Prepared.load(arguments.prepared)
    named = dict(pair.partition("=")[::2] for pair in arguments.set)
    changes = dict(check_changes({name: yaml.safe_load(value) for name, value in named.items()}, "--set"))
    settings = resolve(check_recipe(params.recipe, str(PARAMS)), changes, prepared.manifest["splits"]["train"])
    if unknown := set(changes) - PLAIN:
        parser.error(f"the plain loop knows no {', '.join(sorted(unknown))}; --set takes {', '.join(sorted(PLAIN))}")
    if settings.augmentation.name not in ("none", "flip_crop"):
        parser.error(f"the plain loop has no augmentation {settings.augmentation}; it has none and flip_crop")
    device = resolve_device(params.engine.device)
    card = this_card() if device == "cuda" else None
    precision = resolve_precision(params.engine.precision, card)
    spec = Target(prepared.manifest, device, precision, params.engine.threads).spec(settings, 0)
    data = load_run_data(prepared, device)
    set_up_process(params.engine.threads, precision)
    ways = {
        "bench": lambda seed: bench_loop(replace(spec, seed=seed), data),
        "plain": lambda seed: plain_loop(settings, data, seed, device),
    }
    accuracies: dict[str, list[float]] = {name: [] for name in ways}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for name, way in ways.items():
            started = time.perf_counter()
            accuracies[name].append(100 * way(seed))
            seconds[name].append(time.perf_counter() - started)
        print(f"seed {seed}: " + ", ".join(f"{name} {accuracies[name][-1]:.1f} %" for name in ways), flush=True)
    for name in ways:
        mean, scatter = statistics.mean(accuracies[name]), statistics.stdev(accuracies[name])
        time_taken = statistics.median(seconds[name])
        print(f"{name}: {mean:.1f} % (sd {scatter:.1f}, least {min(accuracies[name]):.1f}), {time_taken:.2f} s a run")


if __name__ == "__main__":
    main()
