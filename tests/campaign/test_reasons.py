"""`harness plan` says what changed since the newest record of each run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.campaign import reasons
from harness.campaign.reasons import why
from harness.core.records import IDENTITY, Store
from harness.core.spec import RunResult
from harness.planning import fingerprint
from harness.planning.fingerprint import HARNESS, code
from harness.planning.plan import Plan, make_plan
from harness.planning.studies import load_study
from harness.planning.target import Target
from harness.source.code import Code

STUDY = "title: A\nquestion: Q\nfactor: activation\nlevels: [relu, tanh]\ncontrol: relu\n"
PlanOf = Callable[..., Plan]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def plan_of(tmp_path: Path, recipe: dict[str, Any], target: Target, store: Store) -> PlanOf:
    def make(text: str = STUDY, target: Target = target, **changes: Any) -> Plan:
        path = tmp_path / "a.yaml"
        path.write_text(text)
        return make_plan([load_study(path)], recipe | changes, 3, "smoke", target, store)

    return make


def trained(plan: Plan, store: Store, parts: bool = True) -> None:
    """Record every run of a plan, as `train` does."""
    for spec in plan.pending.values():
        result = RunResult(spec.fingerprint, "done", {}, spec.seed, "", {}, {}, {}, {})
        store.write(result, plan.target.identity(spec) if parts else None)
    store.write_plan(plan.to_json())


@contextmanager
def edited(*edits: tuple[str, str, str]) -> Iterator[None]:
    texts = {name: code().text(name) for name, _, _ in edits}
    for name, old, new in edits:
        assert old in texts[name]
        texts[name] = texts[name].replace(old, new, 1)
    other = Code(HARNESS, texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "code", lambda: other)
        yield


LOOP = ("harness.training.loop", "settings.epochs + 1", "settings.epochs + 2")
TANH = ("harness.factors.activation", "return nn.Tanh()", "return nn.Hardtanh()")


def test_nothing_to_train_needs_no_reason(plan_of: PlanOf, store: Store) -> None:
    assert why(plan_of(), store) == ["why:", "  6: never trained before"]
    trained(plan_of(), store)
    assert why(plan_of(), store) == []


def test_a_step_that_is_captured_is_named(plan_of: PlanOf, store: Store, target: Target) -> None:
    trained(plan_of(), store)
    assert why(plan_of(target=replace(target, captured=True)), store) == [
        "why:",
        "  6: captured_step: False -> True",
    ]


def test_changed_definitions_are_named(plan_of: PlanOf, store: Store) -> None:
    trained(plan_of(), store)
    with edited(LOOP, TANH):
        assert why(plan_of(), store) == [
            "why:",
            "  6: harness/training/loop.py: fit changed",
            "  3: harness/factors/activation.py: tanh changed",
        ]
    # The newest record counts: what has been undone is no reason.
    with edited(LOOP):
        trained(plan_of(), store)
    with edited(LOOP, TANH):
        assert why(plan_of(), store) == ["why:", "  3: harness/factors/activation.py: tanh changed"]


def test_an_effect_of_an_import_is_no_definition(plan_of: PlanOf, store: Store) -> None:
    added = ("harness.probes.weights", "BINS = ", "torch.set_flush_denormal(True)\nBINS = ")
    trained(plan_of(), store)
    with edited(added):
        assert why(plan_of(), store) == ["why:", "  6: harness/probes/weights.py: what is done on import new"]


def test_what_was_asked_for_is_named(plan_of: PlanOf, store: Store, target: Target) -> None:
    trained(plan_of(), store)
    assert why(plan_of(epochs=3), store) == ["why:", "  6: epochs: 2 -> 3"]
    # At its default a setting is not in the identity.
    assert why(plan_of(dropout=0.5), store) == ["why:", "  6: dropout: 0.0 -> 0.5"]
    # Three of the places had other settings, three are new.
    moved = STUDY.replace("[relu, tanh]", "[relu, elu]")
    assert why(plan_of(moved), store) == ["why:", "  3: never trained before"]
    asked = STUDY + "probes: [gap]\n"
    assert why(plan_of(asked), store) == ["why:", "  6: probe gap added"]
    other = replace(target, device="cuda", threads=2, data=target.data | {"digest": "e" * 32})
    digest = target.data["digest"][:12]
    assert why(plan_of(target=other), store) == [
        "why:",
        f"  6: data: {digest} -> {'e' * 12}",
        "  6: device: cpu -> cuda",
        "  6: threads: 1 -> 2",
    ]


def test_versions_are_named(plan_of: PlanOf, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "version", lambda name: "1.0")
    trained(plan_of(), store)
    monkeypatch.setattr(fingerprint, "version", lambda name: "1.1" if name == "torch" else "1.0")
    assert why(plan_of(), store) == ["why:", "  6: torch: 1.0 -> 1.1"]


def test_records_without_their_parts(plan_of: PlanOf, store: Store) -> None:
    trained(plan_of(), store, parts=False)
    with edited(LOOP):
        assert why(plan_of(), store) == ["why:", "  6: a record made before reasons were kept"]
        trained(plan_of(), store)
    # Half a file is as good as none.
    for path in store.root.glob(f"*/{IDENTITY}"):
        path.write_text('{"settings')
    assert why(plan_of(epochs=3), store) == ["why:", "  6: a record made before reasons were kept"]


def test_many_reasons_are_cut_off(plan_of: PlanOf, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "MOST_LINES", 2)
    trained(plan_of(), store)
    with edited(LOOP, TANH):
        assert len(why(plan_of(), store)) == 3
        lines = why(plan_of(epochs=3), store)
    assert lines == ["why:", "  6: epochs: 2 -> 3", "  and 2 more reasons"]
