import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.analysis import sentences
from harness.analysis.compared import Compared, standing
from harness.analysis.moderation import Prior
from harness.analysis.rules import Rule
from harness.analysis.statistics import mean_interval
from harness.analysis.summary import summarise
from harness.analysis.tables import read_study
from harness.data.sources import SOURCE, register_sources
from harness.quantities import quantity
from harness.report.paper.latex import caption_of_levels
from harness.report.paper.methods import design
from tests.report.made_up import Bench


def compared(values, metric="test_accuracy", level="relu", comparisons=1):
    difference = mean_interval(values)
    adjusted = None if difference is None or difference.p is None else min(1.0, difference.p * comparisons)
    stands, exact = standing(metric, difference, adjusted), len(set(values)) == 1
    return Compared("plain", level, metric, None, difference, adjusted, stands, exact=exact)


def said(*arguments):
    """Return the sentence with ordinary spaces."""
    return sentences.versus_control(*arguments).replace("\u00a0", " ")


def test_a_winner_is_told_with_its_interval():
    one = compared([0.312, 0.300, 0.324])
    assert said(one, "sigmoid", "activation") == (
        "relu beats sigmoid by 31.2 points (95 % interval 28.2 to 34.2, 3 seeds)."
    )


def test_what_does_not_survive_adjustment_is_a_suggestion():
    one = compared([0.312, 0.300, 0.324], comparisons=1000)
    assert one.standing == "suggestive"
    assert said(one, "sigmoid", "activation") == (
        "relu against sigmoid: suggestive, +31.2 points (95 % interval 28.2 to 34.2, 3 seeds), clear of zero only before "
        "adjustment for the study's other comparisons."
    )


def test_what_cannot_be_tested_is_said_with_what_was_seen():
    one = replace(compared([0.1, 0.2]), standing="unresolved", obstacle="1 of 2 runs ended at chance")
    assert said(one, "elu", "activation") == (
        "relu against elu: not testable here, as 1 of 2 runs ended at chance (+15.0 points on average)."
    )


def test_a_loser_is_told_from_the_winners_side():
    one = compared([-0.312, -0.300, -0.324], level="sigmoid")
    assert said(one, "relu", "activation").startswith("relu beats sigmoid by 31.2 points (95 % interval 28.2 to 34.2")


def test_less_is_better_for_epochs():
    one = compared([-4, -5, -4.5], metric="epochs_to_target")
    assert said(one, "sigmoid", "activation").startswith("relu beats sigmoid by 4.5 epochs")


def test_a_metric_without_a_better_side_has_no_winner():
    assert compared([0.3, 0.31, 0.29], metric="dead_share").standing == "different"
    assert compared([0.3, -0.31, 0.29], metric="dead_share").standing == "unresolved"


def test_no_difference_is_said_as_such():
    one = compared([0.01, -0.02, 0.02])
    assert said(one, "elu", "activation") == (
        "relu against elu: no difference that 3 seeds can show (+0.3 points, 95 % interval −4.8 to 5.5)."
    )


def test_one_seed_and_none_settle_nothing():
    assert "one seed gives no interval" in said(compared([0.3]), "elu", "activation")
    assert "not measured" in said(compared([]), "elu", "activation")


def test_exact_agreement():
    assert said(compared([0.0, 0.0]), "elu", "activation") == "relu and elu agree exactly under all 2 seeds."


def test_numbers_get_the_name_of_the_factor():
    assert sentences.level_name("0.25", "dropout") == "dropout 0.25"
    assert sentences.level_name("relu", "activation") == "relu"


@pytest.mark.parametrize(
    "metric, stored, value, difference",
    [
        ("test_accuracy", 0.7123, "71.2 %", "+71.2 points"),
        ("dead_share", 0.5, "50.0 %", "+50.0 points"),
        ("test_loss", 1.23456, "1.235", "+1.235"),
        ("test_cross_entropy", 1.23456, "1.235", "+1.235"),
        ("epochs_to_target", 3.0, "3.0 epochs", "+3.0 epochs"),
        ("train_seconds", 0.01234, "0.0123 s", "+0.0123 s"),
        ("peak_memory_bytes", 3.2e8, "320 MB", "+320 MB"),
        ("parameters", 23_456.0, "23,456", "+23,456"),
        ("images_per_second", 2500.0, "2,500/s", "+2,500/s"),
        ("update_ratio", 0.00123, "0.00123", "+0.00123"),
        ("update_ratio", 1.5e-7, "1.50e-07", "+1.50e-07"),
        ("update_ratio", 0.0, "0", "0"),
        ("op_seconds", 12.0, "12 s", "+12 s"),
    ],
)
def test_units(metric, stored, value, difference):
    shown = quantity(metric)
    assert shown.value(stored).replace("\u00a0", " ") == value
    assert shown.difference(stored).replace("\u00a0", " ") == difference
    assert shown.value(None) == shown.value(float("nan")) == "–"


def test_less_cross_entropy_is_better():
    assert quantity("test_cross_entropy").better == quantity("test_loss").better == "lower"


def test_rounded_zero_has_no_sign_and_one_no_plural():
    shown = quantity("test_accuracy")
    assert shown.difference(-0.0001, unit=False) == "0.0"
    assert shown.difference(0.01, sign=False, short=True).replace("\u00a0", " ") == "1 point"
    assert shown.difference(-0.02, unit=False) == "−2.0"


def test_headlines(tmp_path):
    bench = Bench(tmp_path)
    clear = bench.study("clear", "dropout", {"0": 0.5, "0.5": 0.7, "0.9": 0.2}, "0", spread=0.001)
    same = bench.study("same", "activation", {"relu": 0.5, "elu": 0.5}, "relu", spread=0.02)
    store = bench.save()
    summaries = [summarise(read_study(store, study)) for study in (clear, same)]
    first, second = (sentences.headline(s.contexts[0], s.tables.plan["factor"]) for s in summaries)
    assert first.replace("\u00a0", " ") == (
        "dropout 0.5 beats dropout 0 by 19.9 points (95 % interval 19.4 to 20.5); dropout 0.9 falls behind it by 30.0 points "
        "(95 % interval 29.6 to 30.5). Best to worst mean: dropout 0.5 with 70.0 % to dropout 0.9 with 20.0 %."
    )
    assert second.startswith("No level differs from relu by an amount that 3 seeds can show")
    assert "3 seeds resolve differences from about" in sentences.precision(summaries[0].contexts[0])


def test_seeds_are_those_of_the_levels_that_are_told_of(tmp_path):
    bench = Bench(tmp_path, seeds=5)
    study = bench.study("grown", "dropout", {"0": 0.5, "0.5": 0.7, "0.9": 0.5}, "0", spread=0.01)
    # Seeds were added to all but the last.
    del study["arms"][-1]["runs"][3:]
    summary = summarise(read_study(bench.save(), study))
    context = summary.contexts[0]
    assert (
        "; 1 of 2 can't be told from it with 3 seeds. Best to worst mean of the 3 seeds that all have: "
        in sentences.headline(context, "dropout")
    )
    assert sentences.precision(context).startswith("3 to 5 seeds resolve differences from about")
    assert "Every level was trained under 3 to 5 seeds, which levels share;" in " ".join(design(summary))
    assert "mean over 3 to 5 seeds, " in caption_of_levels(summary)


def test_levels_stand_side_by_side_by_the_seeds_that_all_have(tmp_path):
    """Two seeds that only the control was given, both lucky, would put it above the level that beats it in all others."""
    bench = Bench(tmp_path, seeds=5)
    study = bench.study("lucky", "dropout", {"0": 0.5, "0.5": 0.51}, "0", spread=0.0)
    control, level = study["arms"]
    for run in control["runs"][3:]:
        path = bench.store.root / run["fingerprint"] / "record.json"
        record = json.loads(path.read_text())
        record["metrics"]["test_accuracy"] = 0.9
        path.write_text(json.dumps(record))
    del level["runs"][3:]
    (context,) = summarise(read_study(bench.save(), study)).contexts
    told = sentences.headline(context, "dropout").replace("\u00a0", " ")
    assert told.endswith(
        "Best to worst mean of the 3 seeds that all have: dropout 0.5 with 51.0 % to dropout 0 with 50.0 %."
    )
    assert context.control.primary.value.mean > 0.6 and context.spread == pytest.approx(0.01)


def test_the_headline_names_suggestions_and_what_cannot_be_tested(tmp_path):
    bench = Bench(tmp_path)
    levels = {"relu": 0.7, "elu": 0.694, "exp": 0.5, "sigmoid": 0.3}
    study = bench.study("mixed", "activation", levels, "relu", spread=0.004, diverged={"exp": 1})
    store = bench.save()
    context = summarise(read_study(store, study)).contexts[0]
    arms = tuple(
        replace(arm, primary=replace(arm.primary, standing="suggestive")) if arm.level == "elu" else arm
        for arm in context.arms
    )
    told = sentences.headline(replace(context, arms=arms), "activation")
    assert told.startswith("sigmoid falls behind relu by")
    assert told[told.index(");") :].startswith("); elu: a suggestion, no more; exp can't be tested. Best")
    assert sentences.contenders(context, "activation").startswith("The best may be ")


def test_records_of_several_machines_are_told():
    one, other = {"processor": "A", "processor_class": "AVX2", "gpu": None}, {"processor": "B", "gpu": None}
    assert sentences.machines([one]) == sentences.machines([one, one | {"commit": "c"}]) == ""
    assert sentences.machines([one, other]).startswith("These runs were made on several processors (A, B). ")
    gpus = [one | {"gpu": "H100"}, one | {"gpu": "T4", "processor_class": "AVX512"}]
    assert "several classes of processor (AVX2, AVX512) and several GPUs (H100, T4)" in sentences.machines(gpus)


def test_a_range_without_width_is_one_number():
    arms = [SimpleNamespace(primary=compared([0.621, 0.621, 0.6211])), SimpleNamespace(primary=compared([-0.621] * 3))]
    assert sentences.sizes(arms).replace("\u00a0", " ") == "62.1 points"
    arms.append(SimpleNamespace(primary=compared([0.1, 0.2, 0.3])))
    assert sentences.sizes(arms).replace("\u00a0", " ") == "20.0 to 62.1 points"


@pytest.mark.parametrize("prior", [None, Prior(1e-4, 4.0, 40.0, 20)])
def test_looks_are_told_where_there_were_several(prior):
    rule = Rule(priors={"difference": prior})
    assert "Bonferroni" not in sentences.how_judged({"test_accuracy": rule}, "test_accuracy")
    words = sentences.how_judged({"test_accuracy": replace(rule, looks=3)}, "test_accuracy")
    assert ". Seeds were added where something was open, after up to 3 looks: each p is multiplied by 3" in words


def test_pictures_are_called_by_what_they_are_those_of_a_plugin_by_its_name():
    register_sources()
    own = {name for name in SOURCE.names if SOURCE.get(name).__module__.startswith("harness.")}
    assert own == set(sentences.KINDS)
    assert sentences.kind_of_pictures("satellite") == "pictures of satellite"
