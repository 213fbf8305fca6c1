"""How far training is: a live line on a terminal, a plain line now and then elsewhere."""

from collections.abc import Mapping
from math import isclose
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.engines.events import Epoch, Event, Failed, Finished

SECONDS_BETWEEN_LINES = 10.0


def duration(seconds: float) -> str:
    """Return `45 s`, `3 min 20 s` or `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class TrainingProgress:
    """Shows runs done of all, the last accuracy, pictures per second and the time left.

    The time of a run is taken to be proportional to its `work`, the same of all where nothing is said; `later` is the
    work of runs that follow these.
    """

    def __init__(
        self,
        names: dict[str, str],
        epoch_images: int,
        console: Console,
        work: Mapping[str, float] | None = None,
        later: float = 0.0,
    ) -> None:
        self.names, self.epoch_images, self.total = names, epoch_images, len(names)
        self.console = console
        self.work = work or dict.fromkeys(names, 1.0)
        self.all_work = sum(self.work.values()) + later
        self.started = self.last_line = monotonic()
        self.done = self.pictures = 0
        self.judged: dict[str, float] = {}  # the last epoch of each run that was told of
        self.shares: dict[str, float] = {}  # how much of each run is done
        self.current = ""
        self.bar: Progress | None = None

    def __enter__(self) -> "TrainingProgress":
        if self.console.is_terminal:
            columns = (
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self.bar = Progress(*columns, console=self.console)
            self.bar.start()
            self.task = self.bar.add_task("", total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, event: Event) -> None:
        """Take an event into account; draw if it is time."""
        run = event.spec.fingerprint
        name = self.names[run]
        match event:
            case Epoch(point=point, trial=trial):
                # Not every epoch is told of; a trial of a search begins anew.
                before = self.judged.get(run, 0)
                self.judged[run] = point["epoch"]
                epochs = point["epoch"] - (before if before < point["epoch"] else 0)
                self.pictures += self.epoch_images * round(epochs)
                if trial is None:
                    self.shares[run] = point["epoch"] / event.spec.settings.epochs
                # A trial of a search may have fewer epochs than its run.
                place = f" of {event.spec.settings.epochs}" if trial is None else f" of trial {trial}"
                self.current = f"{name}: {point['validation_accuracy']:.1%} after epoch {point['epoch']:g}{place}"
            case Finished(result=result):
                self.done += 1
                self.shares[run] = 1.0
                accuracy = result.metrics.get("test_accuracy")
                outcome = result.status if accuracy is None else f"{accuracy:.1%} on test"
                self.current = f"{name}: {outcome}"
            case Failed():
                self.done += 1
                self.shares[run] = 1.0
                self.current = f"{name}: failed"
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, description=f"{self.rates()} · {self.current}")
        elif monotonic() - self.last_line >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last_line = monotonic()
            self.console.print(f"{self.done} of {self.total} runs · {self.rates()} · {self.current}", soft_wrap=True)

    def rates(self) -> str:
        """Return pictures per second over all workers, and the time left."""
        elapsed = monotonic() - self.started
        speed = f"{self.pictures / elapsed:,.0f} pictures/s" if elapsed else ""
        behind = sum(self.work[run] * share for run, share in self.shares.items())
        if not behind or isclose(behind, self.all_work):
            return speed
        return f"{speed} · {duration(elapsed / behind * (self.all_work - behind))} left"
