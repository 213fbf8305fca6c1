"""On a real Ray cluster of this machine: two nodes of one core each.

Starting a worker takes Ray and torch seconds; what the local engine's tests show of the body too is marked slow.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from harness.core.cores import cores
from harness.core.errors import SettingError
from harness.core.spec import RunSpec
from harness.data.prepared import Prepared
from harness.engines import on_ray
from harness.engines.door import engine_of
from harness.engines.events import Epoch, Event, Failed, Finished
from harness.engines.local import Checkpoints
from harness.engines.on_ray import RayEngine, Terms
from harness.factors.activation import ACTIVATION
from harness.source import plugins
from harness.training.loop import run
from harness.training.split import RunData
from tests.conftest import shared
from tests.engines.test_local import times_seen
from tests.training.test_loop import numbers

Spec = Callable[..., RunSpec]
LONG = 300  # epochs, of a run that is still there when something happens to it, or when a process beside it has begun


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        patch.setenv("RAY_ADDRESS", found.address)
        found.add_node(num_cpus=1)
        yield found
        found.shutdown()


def training() -> list[psutil.Process]:
    """Return the processes that have a run; Ray says so in their title."""
    # The command line of a process that has just died is None.
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if one.info["cmdline"] and one.info["cmdline"][0] == "ray::train"
    ]


def ended(events: list[Event]) -> dict[int, Event]:
    """Return the last event of each seed."""
    return {event.spec.seed: event for event in events if not isinstance(event, Epoch)}


@pytest.mark.slow
def test_without_a_cluster_it_is_this_machine(
    spec: Spec, prepared: Prepared, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with RayEngine(prepared.folder, None) as engine:
        assert ray.cluster_resources()["CPU"] == cores()
        *_, last = engine.execute([spec()])
    assert isinstance(last, Finished) and numbers(last.result) == numbers(run(spec(), run_data))
    assert not ray.is_initialized()


def test_results_are_those_of_this_process_whichever_node_trains(
    cluster: Cluster, spec: Spec, prepared: Prepared, run_data: RunData
) -> None:
    specs = [spec(seed=seed, **changes) for seed in (0, 1) for changes in ({}, {"dropout": 0.5})]
    epochs: dict[str, list[float]] = {one.fingerprint: [] for one in specs}
    found = {}
    with engine_of("ray")(prepared.folder, None) as engine:
        for event in engine.execute(specs):
            if isinstance(event, Epoch):
                epochs[event.spec.fingerprint].append(event.point["epoch"])
            if isinstance(event, Finished):
                assert epochs[event.spec.fingerprint] == list(range(1, event.spec.settings.epochs + 1))
                found[event.spec.fingerprint] = numbers(event.result)
    assert found == {one.fingerprint: numbers(run(one, run_data)) for one in specs}


@pytest.mark.slow
def test_a_bug_is_told_while_others_go_on(cluster: Cluster, spec: Spec, prepared: Prepared) -> None:
    # A width that no study could have: the net can't be built.
    broken = replace(spec(seed=1), settings=spec().settings.changed(width=-1), fingerprint="broken")
    with RayEngine(prepared.folder, 1) as engine:
        found = ended(list(engine.execute([broken, spec(seed=2)])))
    assert isinstance(found[1], Failed) and "Traceback" in found[1].problem and not found[1].lost
    assert isinstance(found[2], Finished)


@pytest.mark.slow
def test_a_process_that_dies_is_followed_by_one_that_goes_on(
    cluster: Cluster, spec: Spec, prepared: Prepared, run_data: RunData, tmp_path: Path
) -> None:
    long, epochs, killed = spec(epochs=LONG), list[float](), False
    with RayEngine(prepared.folder, 1, Checkpoints(tmp_path, minutes=1e-6)) as engine:
        for event in engine.execute([long]):
            if isinstance(event, Epoch):
                epochs.append(event.point["epoch"])
                if not killed and epochs[-1] >= 10:
                    killed = True
                    training()[0].kill()
    assert isinstance(event, Finished)
    assert numbers(event.result) == numbers(run(long, run_data))
    assert epochs.count(1) == 1, "begun anew"


@pytest.mark.slow
def test_a_run_that_kills_its_process_every_time_is_given_up(cluster: Cluster, spec: Spec, prepared: Prepared) -> None:
    with RayEngine(prepared.folder, 1) as engine:
        for event in engine.execute([spec(epochs=100_000)]):
            if isinstance(event, Epoch) and event.point["epoch"] == 1:
                training()[0].kill()
    assert isinstance(event, Failed) and event.lost
    assert "2 times" in event.problem


def test_a_node_that_goes_takes_no_run_with_it(
    cluster: Cluster, spec: Spec, prepared: Prepared, run_data: RunData
) -> None:
    specs = [spec(seed=seed, epochs=LONG, evaluate_every=10) for seed in (0, 1)]
    begun, found = set[int](), {}
    with RayEngine(prepared.folder, None) as engine:
        for event in engine.execute(specs):
            begun.add(event.spec.seed)
            if len(begun) == 2 and len(cluster.worker_nodes) == 1:
                assert len(training()) == 2
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
            if isinstance(event, Finished):
                found[event.spec.fingerprint] = numbers(event.result)
    cluster.add_node(num_cpus=1)
    assert found == {one.fingerprint: numbers(run(one, run_data)) for one in specs}


def crowded(spec: RunSpec, terms: Terms, files: list[Any], folder: Path, _: object) -> Event:
    """A body that runs out of memory under the first try of seed 1, and under every one of seed 3."""
    full = (times_seen(folder, f"seed{spec.seed}") == 0 and spec.seed == 1) or spec.seed == 3
    return Finished(spec, SimpleNamespace(status="out of memory" if full else "done"))  # type: ignore[arg-type]


def test_memory_that_a_neighbour_may_have_taken_is_asked_for_once_more_alone(
    cluster: Cluster, spec: Spec, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_ray, "train", crowded)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.cloudpickle.register_pickle_by_value(sys.modules[times_seen.__module__])
    with RayEngine(prepared.folder, None) as engine:
        engine.checkpoints = tmp_path  # type: ignore[assignment]
        events = list(engine.execute([spec(seed=seed) for seed in range(5)]))
    assert {event.spec.seed for event in events[-2:]} == {1, 3}
    states = {seed: event.result.status for seed, event in ended(events).items() if isinstance(event, Finished)}
    assert states == {0: "done", 1: "done", 2: "done", 3: "out of memory", 4: "done"}
    assert {seed: len(list(tmp_path.glob(f"seed{seed}-*"))) for seed in range(5)} == {0: 1, 1: 2, 2: 1, 3: 2, 4: 1}


MINE = """\
from torch import nn
from harness.factors.activation import ACTIVATION

@ACTIVATION.level("gentle")
def gentle() -> nn.Module:
    return nn.LeakyReLU(0.3)
"""


def test_a_plugin_and_the_pictures_travel(
    cluster: Cluster, spec: Spec, prepared: Prepared, run_data: RunData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ACTIVATION, "_levels", dict(ACTIVATION._levels))
    monkeypatch.setattr(plugins, "LOADED", {})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    (tmp_path / "travelling.py").write_text(MINE)
    plugins.load(["travelling.py"], tmp_path)
    gentle = spec(activation="gentle")
    with RayEngine(prepared.folder, 1) as engine:
        # Read when the block is entered or later: neither is there on another machine.
        events = engine.execute([gentle])
        first = next(events)
        (tmp_path / "travelling.py").unlink()
        *_, last = events
    assert isinstance(first, Epoch) and isinstance(last, Finished)
    assert numbers(last.result) == numbers(run(gentle, run_data))


def test_files_that_a_machine_lacks_are_fetched_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(ray, "get", lambda contents: contents)
    contents = {name: np.frombuffer(name.encode(), dtype=np.uint8) for name in ("prepared/one", "prepared/other")}
    terms = Terms.of(contents, "cpu")
    folder = on_ray.unpacked(terms, [contents])
    assert {path.read_bytes() for path in folder.glob("*/*")} == {b"prepared/one", b"prepared/other"}
    on_ray.UNPACKED.clear()
    (folder / "prepared/one").write_bytes(b"cut")
    (folder / "prepared/other").chmod(0o444)
    before = (folder / "prepared/other").stat().st_ino
    assert on_ray.unpacked(terms, [contents]) == folder
    assert (folder / "prepared/one").read_bytes() == b"prepared/one"
    assert (folder / "prepared/other").stat().st_ino == before
    on_ray.UNPACKED.clear()


def test_a_machine_with_other_versions_is_refused_in_one_line(
    cluster: Cluster, spec: Spec, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = plugins.packages()
    other = here | {"versions": here["versions"] | {"torch": "1.0"}}
    monkeypatch.setattr(on_ray, "packages", lambda: other)
    with RayEngine(prepared.folder, None) as engine, pytest.raises(SettingError) as refused:
        list(engine.execute([spec(seed=7)]))
    assert f"torch {here['versions']['torch']} instead of 1.0; install the same requirements.lock" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_no_machine_has_is_refused(cluster: Cluster, spec: Spec, prepared: Prepared) -> None:
    with RayEngine(prepared.folder, None) as engine:
        for wanted, words in (
            (replace(spec(), threads=64), "has 64 CPU for a run"),
            (replace(spec(), device="cuda"), "has 1 GPU for a run"),
        ):
            with pytest.raises(SettingError, match=words):
                list(engine.execute([wanted]))


def test_a_cluster_that_does_not_answer_is_told(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(SettingError, match=r"RAY_ADDRESS=127\.0\.0\.1:1"), RayEngine(prepared.folder, None):
        pass


@pytest.mark.slow
def test_runs_end_with_the_block(cluster: Cluster, spec: Spec, prepared: Prepared) -> None:
    with pytest.raises(KeyboardInterrupt), RayEngine(prepared.folder, None) as engine:
        for _ in engine.execute([spec(seed=seed, epochs=100_000) for seed in (0, 1)]):
            processes = training()
            raise KeyboardInterrupt
    assert processes
    _, left = psutil.wait_procs(processes, timeout=shared(10))
    assert not left
