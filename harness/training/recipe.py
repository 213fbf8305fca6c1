"""RunSpec -> everything that the loop needs: model, batches, optimizer, schedule, luck."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import nn

from harness.factors.augmentation import AUGMENTATION
from harness.factors.loss import LOSS
from harness.factors.optimizer import OPTIMIZER
from harness.factors.preprocessing import PREPROCESSING, Scaling
from harness.factors.schedule import SCHEDULE
from harness.seeding import derive, generator
from harness.spec import RunSpec
from harness.training.model import build_model
from harness.training.split import RunData, Split

# A larger batch is taken in parts whose gradients add up exactly to the whole batch's gradient.
PART_SIZE = 512


@dataclass
class Recipe:
    """One run, built and ready to train."""

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

    @classmethod
    def build(cls, spec: RunSpec, data: RunData) -> "Recipe":
        """Resolve the settings of `spec`; every draw comes from (seed, stream) alone."""
        settings = spec.settings
        train = data.train.subset(settings.data_amount, spec.seed)
        model = build_model(settings, len(data.classes), data.image_size, spec.seed)
        model = model.to(spec.device).to(memory_format=torch.channels_last)
        optimizer = OPTIMIZER.build(settings.optimizer, model.parameters(), settings.learning_rate)
        steps = settings.epochs * ceil(len(data.train) / settings.batch_size)
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
            epoch_images=len(data.train),
            order=generator(spec.seed, "order"),
            luck=generator(spec.seed, "augment", spec.device),
        )

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return float(self.optimizer.param_groups[0]["lr"])

    def batches(self) -> Iterator[torch.Tensor]:
        """Yield the indices (B,) of every batch of one epoch, shuffled anew; the last may be smaller.

        An epoch has as many pictures as the whole training split: where a study uses a part of it, the
        part is gone through several times, so that all arms are compared at equal numbers of updates.
        """
        passes = ceil(self.epoch_images / len(self.train))
        order = torch.cat([torch.randperm(len(self.train), generator=self.order) for _ in range(passes)])
        order = order[: self.epoch_images].to(self.spec.device, non_blocking=True)
        yield from order.split(self.spec.settings.batch_size)

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return augmented, scaled pictures (B, C, H, W) and target probabilities (B, K)."""
        targets = nn.functional.one_hot(self.train.labels[index], len(self.classes)).float()
        images, targets = AUGMENTATION.build(
            self.spec.settings.augmentation, self.train.pictures(index), targets, self.luck
        )
        return self.scale(images), targets

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which convolutions and products run in the run's precision."""
        return torch.autocast(self.spec.device, torch.bfloat16, enabled=self.spec.precision == "bfloat16")

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of float32 logits (B, K), whatever precision produced them."""
        return LOSS.build(self.spec.settings.loss, logits.float(), targets)

    def update(self, index: torch.Tensor) -> torch.Tensor:
        """Take one step on a batch (B,); return its summed loss and right answers, (2,), on the device."""
        totals = torch.zeros(2, device=self.spec.device)
        self.optimizer.zero_grad(set_to_none=True)
        for part in index.split(PART_SIZE):
            images, targets = self.batch(part)
            with self.autocast():
                logits = self.model(images)
            # The last part is smaller: weigh every part by its pictures.
            loss = self.loss(logits, targets) * (len(part) / len(index))
            loss.backward()
            right = logits.argmax(dim=1) == targets.argmax(dim=1)
            totals += torch.stack([loss.detach() * len(index), right.sum()])
        self.optimizer.step()
        self.schedule.step()
        return totals
