"""RunSpec -> everything that the loop needs: model, batches, optimizer, schedule, luck."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import nn

from harness.core.seeding import derive, generator
from harness.core.spec import RunSpec, Settings
from harness.factors.augmentation import AUGMENTATION
from harness.factors.auxiliary import AUXILIARY
from harness.factors.loss import LOSS
from harness.factors.model import ConvNet
from harness.factors.optimizer import OPTIMIZER
from harness.factors.penalty import PENALTY
from harness.factors.preprocessing import PREPROCESSING, Scaling
from harness.factors.sampling import SAMPLING
from harness.factors.schedule import SCHEDULE
from harness.factors.transfer import TRANSFER
from harness.training.history import History
from harness.training.model import build_model, initialize
from harness.training.split import RunData, Split
from harness.training.task import task_data

# A larger batch is taken in parts whose gradients add up exactly to the whole batch's gradient.
PART_SIZE = 512
# The generators of a run that are its own.
LUCK = ("order", "luck", "turns")


@dataclass
class Recipe:
    """One run and its whole state: what trains, what decides its luck, and what it has shown so far."""

    spec: RunSpec
    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    scale: Scaling
    train: Split
    validation: Split
    test: Split
    classes: list[str]
    epoch_images: int
    order: torch.Generator
    luck: torch.Generator
    # How likely each training picture is drawn, (N,); None: each once per pass.
    weights: torch.Tensor | None
    auxiliary: nn.Module | None
    turns: torch.Generator
    history: History

    @classmethod
    def build(cls, spec: RunSpec, data: RunData, history: History | None = None) -> "Recipe":
        """Resolve the settings of `spec`; every draw comes from (seed, stream) alone."""
        settings = spec.settings
        task = TRANSFER.build(settings.transfer)
        # As many updates for every arm, however few pictures and classes its task has.
        epoch_images = len(data.train)
        data = task_data(data, task, spec.seed)
        train = data.train.subset(settings.data_amount, spec.seed)
        sample = SAMPLING.build(settings.sampling, train.labels.cpu(), generator(spec.seed, "sampling"))
        train = train.part(sample.kept).with_wrong_labels(settings.wrong_labels, len(data.classes), spec.seed)
        model = new_model(spec, settings, len(data.classes), data.image_size)
        if task.frozen:
            layers_before_dense(model).requires_grad_(False)
        auxiliary = AUXILIARY.build(settings.auxiliary, model.features if isinstance(model, ConvNet) else 0)
        heads = [] if auxiliary is None else [auxiliary]
        for head in heads:
            # Drawn on the CPU, as the net is: a generator draws on its own device alone.
            initialize(head, settings, spec.seed, "auxiliary.")
            head.to(spec.device)
        parameters = [parameter for module in (model, *heads) for parameter in module.parameters()]
        optimizer = OPTIMIZER.build(settings.optimizer, parameters, settings.learning_rate)
        steps = settings.epochs * ceil(epoch_images / settings.batch_size)
        # Dropout layers can only draw from torch's global generator.
        torch.manual_seed(derive(spec.seed, "dropout"))
        return cls(
            spec=spec,
            model=model,
            optimizer=optimizer,
            schedule=SCHEDULE.build(settings.schedule, optimizer, steps),
            scale=PREPROCESSING.build(settings.preprocessing, train.images.permute(0, 3, 1, 2)),
            train=train,
            validation=data.validation,
            test=data.test,
            classes=data.classes,
            epoch_images=epoch_images,
            order=generator(spec.seed, "order"),
            luck=generator(spec.seed, "augment", spec.device),
            weights=sample.weights,
            auxiliary=auxiliary,
            turns=generator(spec.seed, "rotation", spec.device),
            history=history or History(),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return all that changes while the run trains; not the settings, from which `build` makes the rest."""
        parts = {name: part.state_dict() for name, part in self._stateful().items()}
        return parts | {"luck": self.luck_state(), "history": vars(self.history)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was taken, to the bit."""
        for name, part in self._stateful().items():
            part.load_state_dict(state[name])
        self.restore_luck(state["luck"])
        vars(self.history).update(state["history"])

    def _stateful(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return parts if self.auxiliary is None else parts | {"auxiliary": self.auxiliary}

    def luck_state(self) -> dict[str, torch.Tensor]:
        """Return the state of everything that this run draws from; dropout draws from torch's own generators."""
        own = {name: getattr(self, name).get_state() for name in LUCK} | {"torch": torch.get_rng_state()}
        return own | ({"cuda": torch.cuda.get_rng_state()} if self.spec.device == "cuda" else {})

    def restore_luck(self, state: Mapping[str, torch.Tensor]) -> None:
        """Draw again what was drawn after `luck_state` was taken."""
        for name in LUCK:
            getattr(self, name).set_state(state[name])
        torch.set_rng_state(state["torch"])
        if self.spec.device == "cuda":
            torch.cuda.set_rng_state(state["cuda"])

    def other_model(self, **changes: Any) -> nn.Module:
        """Return the net that a run with some settings changed would start from."""
        height, width, channels = self.train.images.shape[1:]
        return new_model(self.spec, self.spec.settings.changed(**changes), len(self.classes), (height, width, channels))

    def borrow(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take over weights learned elsewhere; the dense layer, whose classes are others, keeps its own."""
        features = {name: value for name, value in weights.items() if not name.startswith("dense.")}
        self.model.load_state_dict(self.model.state_dict() | features)

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return float(self.optimizer.param_groups[0]["lr"])

    def batches(self) -> Iterator[torch.Tensor]:
        """Yield the indices (B,) of every batch of one epoch, shuffled anew; the last may be smaller.

        An epoch has as many pictures as the whole training split: where a study uses a part of it, the
        part is gone through several times, so that all arms are compared at equal numbers of updates.
        """
        if self.weights is not None:
            order = torch.multinomial(self.weights, self.epoch_images, replacement=True, generator=self.order)
        else:
            passes = ceil(self.epoch_images / len(self.train))
            order = torch.cat([torch.randperm(len(self.train), generator=self.order) for _ in range(passes)])
        order = order[: self.epoch_images].to(self.spec.device, non_blocking=True)
        yield from order.split(self.spec.settings.batch_size)

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return augmented, scaled pictures (B, C, H, W) and target probabilities (B, K)."""
        targets = nn.functional.one_hot(self.train.labels[index], len(self.classes)).float()
        targets = smooth(targets, self.spec.settings.label_smoothing)
        images, targets = AUGMENTATION.build(
            self.spec.settings.augmentation, self.train.pictures(index), targets, self.luck
        )
        # Warps come out channel by channel: laid out anew once, not by every layer.
        return self.scale(images).contiguous(memory_format=torch.channels_last), targets

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which convolutions and products run in the run's precision."""
        return torch.autocast(self.spec.device, torch.bfloat16, enabled=self.spec.precision == "bfloat16")

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of float32 logits (B, K), whatever precision produced them."""
        return LOSS.build(self.spec.settings.loss, logits.float(), targets)

    def update(self, index: torch.Tensor) -> torch.Tensor:
        """Take one step on a batch (B,); return its summed loss and right answers, (2,), on the device."""
        totals = self.gradients(index)
        self.advance()
        return totals

    def gradients(self, index: torch.Tensor) -> torch.Tensor:
        """Leave every parameter the gradient of a batch (B,); return what `update` does."""
        totals = torch.zeros(2, device=self.spec.device)
        self.optimizer.zero_grad(set_to_none=True)
        for part in index.split(PART_SIZE):
            images, targets = self.batch(part)
            with self.autocast():
                logits = self.model(images)
            # The last part is smaller: weigh every part by its pictures.
            share = len(part) / len(index)
            loss = self.loss(logits, targets) * share
            loss.backward()
            self.learn_second_task(images, share)
            right = logits.argmax(dim=1) == targets.argmax(dim=1)
            totals += torch.stack([loss.detach() * len(index), right.sum()])
        self.penalise()
        return totals

    def advance(self) -> None:
        """Move the weights by the gradients that are there, and the learning rate by its schedule."""
        self.optimizer.step()
        self.schedule.step()

    def learn_second_task(self, images: torch.Tensor, share: float) -> None:
        """Add the gradient of the auxiliary loss of pictures (B, C, H, W), weighed by their share of the batch."""
        if self.auxiliary is not None:
            with self.autocast():
                loss = self.auxiliary(layers_before_dense(self.model), images, self.turns)
            (loss * share).backward()

    def penalise(self) -> None:
        """Add the gradient of the norm penalty. The losses in the records are without it."""
        choice = self.spec.settings.penalty
        if choice.name != "none":
            weights = penalised_weights(self.model)
            torch.stack([PENALTY.build(choice, weight) for weight in weights]).sum().backward()


def new_model(spec: RunSpec, settings: Settings, classes: int, image_size: tuple[int, int, int]) -> nn.Module:
    """Return a net as it starts, on the device of the run, in channels-last layout, which convolutions read faster."""
    model = build_model(settings, classes, image_size, spec.seed)
    return model.to(spec.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def layers_before_dense(model: nn.Module) -> nn.Module:
    """Return what a ConvNet's dense layer gets its inputs from; of other models none knows which part that is."""
    assert isinstance(model, ConvNet)
    return model[:-1]


def penalised_weights(model: nn.Module) -> list[torch.Tensor]:
    """Return the weights of convolutions and dense layers that learn: no bias, no parameter of a norm."""
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    return [layer.weight for layer in layers if layer.weight.requires_grad]


def smooth(targets: torch.Tensor, share: float) -> torch.Tensor:
    """Return targets (B, K) with `share` of the right class spread evenly over the others.

    As the lecture has it: 1 - e for the right class and e / (K - 1) for each other. torch's own
    `label_smoothing` spreads e over all K classes, the right one included.
    """
    if share == 0:
        return targets
    return targets * (1 - share) + (1 - targets) * (share / (targets.shape[1] - 1))
