"""Any engine gives what the local one does: its workers are the same code."""

import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from harness.campaign import project
from harness.core.config import load_params
from harness.core.errors import SettingError
from harness.core.spec import RunSpec
from harness.data.prepared import Prepared
from harness.engines.door import ENGINE, Engine, engine_of
from harness.engines.events import Epoch, Event, Finished
from harness.engines.local import Checkpoints, LocalEngine, begin, work
from harness.source import plugins
from tests.conftest import ROOT
from tests.training.test_loop import numbers

Spec = Callable[..., RunSpec]


class OneByOne:
    """A new process for every run, begun as a worker on another machine would be."""

    def __init__(self, prepared: Path, workers: int | None, checkpoints: Checkpoints | None = None) -> None:
        self.prepared, self.checkpoints = prepared, checkpoints

    @staticmethod
    def default_workers(device: str) -> int | None:
        return 1

    @staticmethod
    def warm_up() -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, specs: Sequence[RunSpec]) -> Iterator[Event]:
        context = multiprocessing.get_context("spawn")
        for spec in specs:
            here, there = context.Pipe()
            body = (plugins.loaded(), work, there, self.prepared, self.checkpoints)
            process = context.Process(target=begin, args=body)
            process.start()
            there.close()
            here.send(spec)
            event: Event = here.recv()
            while isinstance(event, Epoch):
                yield event
                event = here.recv()
            yield event
            here.close()
            process.join()


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINE, "_levels", dict(ENGINE._levels))
    ENGINE.level("one_by_one")(lambda: OneByOne)


def test_another_engine_is_one_entry(one_by_one: None, spec: Spec, prepared: Prepared) -> None:
    specs = [spec(dropout=0.5), spec(seed=1)]
    found: dict[str, list[Event]] = {}
    for kind in ("local", "one_by_one"):
        with engine_of(kind)(prepared.folder, 1) as engine:
            found[kind] = list(engine.execute(specs))
    here, there = found.values()
    assert [(type(event), event.spec) for event in here] == [(type(event), event.spec) for event in there]
    for one, other in zip(here, there, strict=True):
        if isinstance(one, Finished) and isinstance(other, Finished):
            assert numbers(one.result) == numbers(other.result)


def test_params_choose_the_engine(one_by_one: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text()
    path = tmp_path / "params.yaml"

    def opened(kind: str) -> Engine:
        path.write_text(re.sub(r"(?m)^  kind: \S+", f"  kind: {kind}", text))
        return project.engine(load_params(path), 3)

    local = opened("local")
    assert isinstance(local, LocalEngine) and local.workers == 3
    assert isinstance(opened("one_by_one"), OneByOne)
    with pytest.raises(
        SettingError, match=r"unknown engine 'locale' in engine\.kind of params\.yaml; did you mean 'local'"
    ):
        opened("locale")
    path.write_text(re.sub(r"(?m)^  kind: .*\n", "", text))
    assert load_params(path).engine.kind == "local"
