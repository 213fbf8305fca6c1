"""What the data can't carry is left out, with the reason; nothing else is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.core.config import load_params
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.registry import Pictures
from harness.core.spec import Settings
from harness.data.prepare import prepare
from harness.data.prepared import Prepared
from harness.data.progress import silent
from harness.planning.left_out import LeftOut
from harness.planning.needs import lacking
from harness.planning.plan import Plan, make_plan
from harness.planning.settings import check_changes, resolve
from harness.planning.studies import load_studies
from harness.planning.target import Target
from harness.report.render import render
from harness.training.loop import run
from harness.training.split import load_run_data
from tests.conftest import ROOT

Write = Callable[..., Prepared]
# What every level and number of the shipped studies can live with.
ENOUGH = Pictures(dict.fromkeys("abcdef", 100), coloured=True, side=32)


def with_counts(*counts: int) -> Pictures:
    return replace(ENOUGH, per_class=dict(zip("abcdefgh", counts, strict=False)))


def needed(recipe: dict[str, Any], pictures: Pictures, **changes: Any) -> str | None:
    return lacking(resolve(recipe, dict(check_changes(changes, "test")), pictures.total), pictures)


@pytest.mark.parametrize("study", load_studies("all", ROOT / "experiments"), ids=lambda study: study.name)
def test_every_shipped_study_is_carried_by_enough(study: Any, recipe: dict[str, Any]) -> None:
    for context in study.contexts:
        for level in study.levels:
            settings = resolve(recipe, {**dict(context.changes), **dict(level.changes)}, ENOUGH.total)
            assert lacking(settings, ENOUGH) is None, (context.name, level.label)


GREY = replace(ENOUGH, coloured=False)
LACKING = [
    ({"transfer": "scratch"}, with_counts(50, 50), "transfer needs 4 classes or more, two for each half, and there are 2"),
    ({"transfer": "fine_tuned"}, with_counts(50, 50, 50), "transfer needs 4 classes or more"),
    ({"transfer": "source"}, with_counts(50, 50, 50), "transfer needs 4 classes or more"),
    ({"transfer": "frozen"}, with_counts(50, 9, 50, 50), "transfer needs 10 training pictures of every class, and 'b' has 9"),
    ({"sampling": "long_tailed"}, with_counts(50, 19, 50), "sampling needs 20 training pictures of every class, and 'b' has 19"),
    ({"sampling": "long_tailed_weighted"}, with_counts(50, 19, 50), "sampling needs 20 training pictures"),
    ({"sampling": {"long_tailed": {"imbalance": 2.5}}}, with_counts(50, 2, 50), "sampling needs 3 training pictures"),
    ({"sampling": "long_tailed"}, with_counts(30, 61), "sampling needs classes of about one size, and 'b' has 61"),
    ({"sampling": "long_tailed", "data_amount": 0.1}, ENOUGH, "sampling needs 20 training pictures of every class, and 'a' has 10"),
    ({"augmentation": "colour"}, GREY, "augmentation changes colours, and the pictures are grey"),
    ({"augmentation": "all"}, GREY, "augmentation changes colours"),
    ({"preprocessing": "pca_whitening"}, GREY, "preprocessing decorrelates colours, and the pictures are grey"),
    ({"preprocessing": "zca_whitening"}, GREY, "preprocessing decorrelates colours"),
    ({"data_amount": 0.05}, with_counts(500, 19), "data_amount leaves less than one training picture of 'b', which has 19"),
    ({"data_amount": 0.05, "transfer": "scratch"}, ENOUGH, "data_amount leaves less than one training picture of 'a', which has 10"),
    ({"batch_size": 512}, with_counts(255, 256), "batch_size is larger than the training split, 511 pictures"),
    ({"batch_size": "x16"}, with_counts(255, 256), "batch_size is larger than the training split"),
    ({"label_smoothing": 0.5}, with_counts(50, 50), "label_smoothing leaves the right one of 2 classes no more than each other"),
    ({"wrong_labels": 0.2}, with_counts(2, 2), "wrong_labels changes less than one of 4 training pictures"),
    ({"kernel_size": 5}, replace(ENOUGH, side=8), "kernel_size is more than the last convolutions can use, on maps of 2 x 2"),
]  # fmt: skip
CARRIED = [
    ({"transfer": "scratch"}, with_counts(10, 10, 10, 10)),
    ({"transfer": {"scratch": {"pictures": 2}}}, with_counts(2, 2, 2, 2)),
    ({"sampling": "long_tailed"}, with_counts(30, 60)),
    ({"sampling": "balanced"}, with_counts(1, 60)),
    ({"augmentation": "flip_crop"}, GREY),
    ({"augmentation": "noise"}, GREY),
    ({"preprocessing": "standardised"}, GREY),
    ({"data_amount": 0.05}, with_counts(500, 20)),
    ({"data_amount": 1.0}, with_counts(1, 1)),
    ({"batch_size": 512}, with_counts(256, 256)),
    ({"batch_size": "full"}, with_counts(3, 3)),
    ({"label_smoothing": 0.5}, with_counts(50, 50, 50)),
    ({"kernel_size": 3}, replace(ENOUGH, side=8)),
    ({"kernel_size": 7, "depth": 1}, replace(ENOUGH, side=8)),
    # Nothing is asked of a batch that the recipe has: it is the whole split then.
    ({}, with_counts(3, 3)),
]


@pytest.mark.parametrize(("changes", "pictures", "words"), LACKING)
def test_what_is_lacking_is_said(
    changes: dict[str, Any], pictures: Pictures, words: str, recipe: dict[str, Any]
) -> None:
    found = needed(recipe, pictures, **changes)
    assert found is not None and found.startswith(words)


@pytest.mark.parametrize(("changes", "pictures"), CARRIED)
def test_what_is_there_suffices(changes: dict[str, Any], pictures: Pictures, recipe: dict[str, Any]) -> None:
    assert needed(recipe, pictures, **changes) is None


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Prepare a folder of noise, so many pictures of each class."""

    def write(counts: list[int], mode: str = "RGB", size: int = 16, **more: Any) -> Prepared:
        luck = np.random.default_rng(0)
        for number, count in enumerate(counts):
            folder = tmp_path / "raw" / f"class {number}"
            folder.mkdir(parents=True)
            for picture in range(count):
                shape = (size, size) if mode != "RGB" else (size, size, 3)
                image = Image.fromarray(luck.integers(0, 256, shape, dtype=np.uint8))
                (image.convert("RGB") if mode == "grey as RGB" else image).save(folder / f"{picture}.png")
        source = {"source": "image_folder", "root": tmp_path / "raw", "image_size": size}
        source |= dict.fromkeys(("train_images", "validation_images", "test_images"))
        params = load_params(ROOT / "params.yaml").data.model_copy(update=source | more)
        prepare(params, tmp_path / "prepared", silent)
        return Prepared.load(tmp_path / "prepared")

    return write


@pytest.fixture
def plan_of(tmp_path: Path, recipe: dict[str, Any]) -> Callable[..., Plan]:
    def plan(prepared: Prepared, studies: Any = "all", folder: Path = ROOT / "experiments", **changes: Any) -> Plan:
        target = Target(prepared.manifest, "cpu", "float32", 1)
        store = Store(tmp_path / "runs")
        return make_plan(load_studies(studies, folder), recipe | changes, 1, "smoke", target, store)

    return plan


def test_two_classes_of_few_grey_pictures(written: Write, plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(written([30, 22], mode="L"))
    assert [str(one) for one in plan.left_out] == [
        "augmentation: colour, all left out: augmentation changes colours, and the pictures are grey",
        "batch_norm in large batch left out: batch_size is larger than the training split, 42 pictures",
        "batch_size in rate tuned left out: batch_size is larger than the training split, 42 pictures",
        "batch_size: 128, 512 left out: batch_size is larger than the training split, 42 pictures",
        "data_amount: 0.05 left out: data_amount leaves less than one training picture of 'class 1', which has 18",
        "preprocessing: pca_whitening, zca_whitening left out: preprocessing decorrelates colours, and the pictures are grey",
        "sampling left out: sampling needs 20 training pictures of every class, and 'class 1' has 18",
        "transfer left out: transfer needs 4 classes or more, two for each half, and there are 2",
    ]  # fmt: skip
    assert {study.name for study in plan.dropped} == {"sampling", "transfer"}
    assert {study.name for study in plan.studies}.isdisjoint({"sampling", "transfer"})
    planned = {(one.arm.study, one.arm.context, one.arm.level) for one in plan.arms}
    assert ("batch_norm", "usual", "batch") in planned and ("batch_norm", "large batch", "batch") not in planned
    assert ("augmentation", "all data", "flip") in planned and ("augmentation", "all data", "colour") not in planned
    assert plan.remarks[-1].startswith("epochs to target not counted in 22 studies: ")
    assert "guessing reaches 50%; raise recipe.target_accuracy" in plan.remarks[-1]


@pytest.mark.parametrize(("mode", "coloured"), [("RGB", True), ("L", False), ("grey as RGB", False)])
def test_grey_is_grey_however_it_is_stored(
    mode: str, coloured: bool, written: Write, plan_of: Callable[..., Plan]
) -> None:
    prepared = written([40, 40], mode=mode)
    assert prepared.manifest["coloured"] is coloured
    plan = plan_of(prepared, ["augmentation", "preprocessing"])
    assert len(plan.left_out) == (0 if coloured else 2)


def test_a_report_says_what_was_left_out(written: Write, plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    prepared = written([20, 20], mode="L")
    names = ["activation", "preprocessing", "transfer"]
    data = load_run_data(prepared, "cpu")
    store = Store(tmp_path / "runs")
    while (plan := plan_of(prepared, names, epochs=1)).pending:
        for spec in plan.pending.values():
            store.write(run(spec, data))
    store.write_plan(plan.to_json())
    render(store, tmp_path / "reports", processes=1)
    pages = {page.stem: page.read_text() for page in (tmp_path / "reports").glob("*.html")}
    assert "transfer" not in pages
    lines = [str(one).replace("'", "&#39;") for one in plan.left_out]
    assert len(lines) == 2 and all(f"<li>{line}.</li>" in pages["index"] for line in lines)
    assert f"<b>Not on this data:</b> {lines[0]}." in pages["preprocessing"]
    assert "pca_whitening</th>" not in pages["preprocessing"]
    claims = pages["claims"]
    few = claims[claims.index('id="claim-transfer-few"') :]
    assert "Not testable on this data" in few
    assert "Not testable on this data: transfer needs 4 classes or more, two for each half, and there are 2." in few
    # Two classes: guessing reaches the recipe's target.
    fast = claims[claims.index('id="claim-act-relu-fast"') :]
    assert "Not testable on this data: guessing reaches the target accuracy" in fast
    words = "<b>Not on this data:</b> epochs to target in plain, deep, high rate, tuned rate, as guessing reaches the target accuracy."
    assert words in pages["activation"]
    table = (tmp_path / "reports" / "tables" / "claims.csv").read_text()
    assert "transfer,transfer-few,False,not testable here" in table and "needs 4 classes or more" in table


def test_a_plan_of_which_nothing_remains_is_refused(written: Write, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(SettingError, match="carry none of the studies: transfer left out: transfer needs 4") as caught:
        plan_of(written([40, 40, 40]), ["transfer"])
    assert "\n" not in str(caught.value)


def test_a_recipe_that_the_data_cannot_carry_is_refused(
    written: Write, plan_of: Callable[..., Plan], settings: Any
) -> None:
    prepared = written([40, 40, 40])
    with pytest.raises(SettingError, match=r"params.yaml: recipe.transfer needs 4 classes .*; change the recipe"):
        plan_of(prepared, ["dropout"], transfer=settings(transfer="scratch").transfer)


def test_a_recipe_for_more_pictures_takes_them_all(written: Write, plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(written([20, 20]), ["dropout"], batch_size=128)
    assert {one.arm.settings.batch_size for one in plan.arms} == {32} and not plan.left_out


STUDY = """\
title: T
question: Q?
factor: augmentation
levels: [none, colour, flip]
control: none
contexts:
  plain: {}
  whitened: {preprocessing: pca_whitening}
  smooth: {label_smoothing: 0.1, data_amount: 0.02}
"""


def test_contexts_and_levels_are_left_out_for_their_own_reasons(
    written: Write, plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "mine.yaml").write_text(STUDY)
    plan = plan_of(written([20, 20], mode="L"), "all", tmp_path / "studies")
    assert [str(one) for one in plan.left_out] == [
        "mine in whitened left out: preprocessing decorrelates colours, and the pictures are grey",
        "mine in smooth left out: data_amount leaves less than one training picture of 'class 0', which has 16",
        "mine: colour left out: augmentation changes colours, and the pictures are grey",
    ]
    body = json.loads(json.dumps(plan.to_json()))["studies"][0]
    assert [context["name"] for context in body["contexts"]] == ["plain"] and body["levels"] == ["none", "flip"]
    assert [LeftOut.from_json(one) for one in body["left_out"]] == list(plan.left_out)


def test_a_level_alone_with_its_control_is_enough(written: Write, plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "mine.yaml"
    path.write_text(STUDY.replace("levels: [none, colour, flip]", "levels: [none, colour]"))
    with pytest.raises(SettingError, match="carry none of the studies: mine in plain left out: augmentation changes"):
        plan_of(written([20, 20], mode="L"), "all", tmp_path / "studies")


def test_settings_of_a_run_know_its_task(settings: Callable[..., Settings]) -> None:
    # Of five classes the other half are three, of four two.
    assert lacking(settings(transfer="scratch", label_smoothing=0.5), with_counts(20, 20, 20, 20, 20)) is None
    found = lacking(settings(transfer="scratch", label_smoothing=0.5), with_counts(20, 20, 20, 20))
    assert found == "label_smoothing leaves the right one of 2 classes no more than each other"
