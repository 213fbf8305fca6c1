"""What a run learns: all classes, or the half of them that transfer takes features from or brings them to."""

import torch

from harness.core.seeding import generator
from harness.factors.transfer import Task
from harness.training.split import RunData


def task_data(data: RunData, task: Task, seed: int) -> RunData:
    """Return the splits with the classes of the task alone, numbered from 0; the seed halves the classes."""
    if task.classes == "all":
        return data
    order = torch.randperm(len(data.classes), generator=generator(seed, "transfer classes")).tolist()
    count = task.count(len(order))
    labels = sorted(order[:count] if task.classes == "first half" else order[-count:])
    train = data.train.of_classes(labels)
    if task.pictures_per_class is not None:
        train = train.few(task.pictures_per_class, seed)
    return RunData(
        train,
        data.validation.of_classes(labels),
        data.test.of_classes(labels),
        [data.classes[label] for label in labels],
        data.image_size,
        data.digest,
    )
