"""Verdicts in plain words, with the numbers they rest on."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, inf
from typing import Any

from harness.analysis.compared import Compared
from harness.analysis.rules import PLAIN, Rules
from harness.analysis.statistics import Estimate
from harness.analysis.summary import Arm, ContextSummary
from harness.quantities import PRIMARY, Quantity, quantity

LONGEST_LIST = 5  # names; a longer list is counted instead


def level_name(level: str, factor: str) -> str:
    """Return a level as a sentence can hold it: a bare number gets its factor, `dropout 0.25`."""
    try:
        float(level)
    except ValueError:
        return level
    return f"{factor.replace('_', ' ')} {level}"


def interval(estimate: Estimate, shown: Quantity, seeds: bool = True) -> str:
    """Return `95 % interval 25.0 to 37.4, 3 seeds` of a difference, or why there is none."""
    counted = plural(estimate.count, "seed")
    if estimate.error == 0:
        return f"all {counted} agree"
    if estimate.low is None or estimate.high is None:
        return f"{counted}, so no interval"
    low, high = (shown.difference(end, unit=False).lstrip("+") for end in (estimate.low, estimate.high))
    return f"95\u00a0% interval {low} to {high}" + (f", {counted}" if seeds else "")


def versus_control(one: Compared, control: str, factor: str) -> str:
    """Return one sentence on how a level stands against the control."""
    shown = quantity(one.metric)
    level, control = level_name(one.level, factor), level_name(control, factor)
    difference = one.difference
    if one.obstacle:
        seen = f" ({shown.difference(difference.mean)} on average)" if difference else ""
        return f"{level} against {control}: not testable here, as {one.obstacle}{seen}."
    if difference is None:
        return f"{level} was not measured under a seed that {control} has too."
    if difference.count == 1:
        return (
            f"{level} and {control} differ by {shown.difference(difference.mean)} under the one seed there is; "
            "one seed gives no interval, so this settles nothing."
        )
    if difference.mean == 0 and one.exact:
        return f"{level} and {control} agree exactly under all {difference.count} seeds."
    if difference.low is None:
        return (
            f"{level} and {control} differ by {shown.difference(difference.mean)} under every seed, and nothing "
            "shows how much that may scatter, so this settles nothing."
        )
    if one.standing == "unresolved":
        return (
            f"{level} against {control}: no difference that {difference.count} seeds can show "
            f"({shown.difference(difference.mean)}, {interval(difference, shown, seeds=False)})."
        )
    if one.standing == "suggestive":
        return (
            f"{level} against {control}: suggestive, {shown.difference(difference.mean)} "
            f"({interval(difference, shown)}), clear of zero only before adjustment for the study's other comparisons."
        )
    winner, loser = (level, control) if one.standing == "better" else (control, level)
    # The interval is told from the winner's side, like the sentence.
    told = -difference if difference.mean < 0 else difference
    return f"{winner} beats {loser} by {shown.difference(told.mean, sign=False)} ({interval(told, shown)})."


def headline(context: ContextSummary, factor: str) -> str:
    """Return the answer of one context in a sentence or two."""
    others = [arm for arm in context.arms if not arm.is_control]
    if not context.ranked or not others:
        return "Nothing to compare."
    best, worst = (named(arm, factor) for arm in (context.ranked[0], context.ranked[-1]))
    if context.seeds < 2:
        return f"Highest: {best}; lowest: {worst}. One seed gives no interval, so none of this is settled."
    control = level_name(context.control.level, factor)
    better, suggestive = (standing_as(context.ranked, name) for name in ("better", "suggestive"))
    worse = standing_as(reversed(context.ranked), "worse")
    hindered = [arm for arm in others if arm.primary.obstacle]
    parts = []
    if better:
        verb = "beats" if len(better) == 1 else "beat"
        parts.append(f"{group(better, factor)} {verb} {control} by {sizes(better)}")
    if worse:
        verb, behind = ("falls" if len(worse) == 1 else "fall"), ("it" if better else control)
        parts.append(f"{group(worse, factor)} {verb} behind {behind} by {sizes(worse)}")
    told = ("better", "worse", "suggestive")
    undecided = [arm for arm in others if arm.primary.standing not in told and not arm.primary.obstacle]
    if not parts:
        parts.append(f"No level differs from {control} by an amount that {seeds_of(others)} can show")
    elif undecided:
        parts.append(f"{len(undecided)} of {len(others)} can't be told from it with {seeds_of(undecided)}")
    if suggestive:
        parts.append(f"{group(suggestive, factor)}: a suggestion, no more")
    if hindered:
        parts.append(f"{group(hindered, factor)} can't be tested")
    few = context.shared_seeds < context.seeds
    of = f" of the {plural(context.shared_seeds, 'seed')} that all have" if few else ""
    return f"{'; '.join(parts)}. Best to worst mean{of}: {best} to {worst}."


def seeds_of(arms: Iterable[Arm]) -> str:
    """Return `3 seeds` that arms have in common with their controls, `3 to 5 seeds` where some were given more."""
    counts = [arm.primary.difference.count if arm.primary.difference else arm.runs for arm in arms]
    fewest, most = min(counts), max(counts)
    return plural(most, "seed") if fewest == most else f"{fewest} to {plural(most, 'seed')}"


def standing_as(arms: Iterable[Arm], name: str) -> list[Arm]:
    """Return the arms that stand so against the control."""
    return [arm for arm in arms if arm.primary.standing == name]


def contenders(context: ContextSummary, factor: str) -> str:
    """Return which levels can't be told from the best, empty if no two can be compared."""
    if not context.near_best:
        return ""
    names = [level_name(level, factor) for level in context.near_best]
    if len(names) == 1:
        return f"The best is surely {names[0]}."
    told = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) < len(context.arms) else "any of the levels"
    return f"The best may be {told}: the seeds can't tell."


def how_judged(rules: Rules, metric: str) -> str:
    """Return how differences of a quantity are estimated in this grid, in a sentence or two."""
    rule = rules.get(metric, PLAIN)
    prior = rule.priors.get("difference")
    added = (
        f" Seeds were added where something was open, after up to {rule.looks} looks: each p is multiplied by "
        f"{rule.looks} and each interval is one of {100 - 5 / rule.looks:.1f} %, so that they hold however often was "
        "looked (Bonferroni)."
        if rule.looks > 1
        else ""
    )
    if prior is None:
        return (
            "Differences are taken seed by seed, and each interval is Student's t of its own seeds: too few "
            f"comparisons of this grid scatter to learn from them how much one does.{added}"
        )
    how = "taken seed by seed" if rule.paired else "those of means, as if each run had luck of its own"
    found = (
        f" (correlation of level and control over seeds: {rule.correlation:.2f})"
        if rule.correlation is not None
        else ""
    )
    freedom = "as many as all of them have" if prior.freedom == inf else f"{prior.freedom:.1f}"
    return (
        f"Differences are {how}{found}. How far one scatters is learned from its own seeds and from "
        f"{plural(prior.count, 'comparison')} of the whole grid, worth {freedom} degrees of freedom (moderated t, "
        f"Smyth 2004).{added}"
    )


def group(arms: Sequence[Arm], factor: str) -> str:
    """Return the names of arms; of many, the number and the first, which is furthest from the control."""
    names = [level_name(arm.level, factor) for arm in arms]
    if len(names) > LONGEST_LIST:
        return f"{len(names)} levels, {names[0]} the furthest,"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def times(count: int) -> str:
    """Return `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def sizes(arms: Sequence[Arm]) -> str:
    """Return how far arms are from their control, without a sign: one with its interval, of several the range."""
    shown = quantity(PRIMARY)
    # All on one side of the control: told from there, so that no number has a sign.
    found = [-one if one.mean < 0 else one for arm in arms if (one := arm.primary.difference)]
    if len(found) == 1:
        return f"{shown.difference(found[0].mean, sign=False)} ({interval(found[0], shown, seeds=False)})"
    low, high = (pick(one.mean for one in found) for pick in (min, max))
    least, most = (shown.difference(end, unit=False, sign=False) for end in (low, high))
    return f"{least} to {shown.difference(high, sign=False)}" if least != most else shown.difference(high, sign=False)


def named(arm: Arm, factor: str) -> str:
    """Return a level with its mean over the seeds that all levels have, such as `relu with 71.2 %`."""
    return f"{level_name(arm.level, factor)} with {quantity(PRIMARY).value(arm.shared_mean)}"


def precision(context: ContextSummary) -> str:
    """Return what the seeds of a context can resolve."""
    if context.resolvable is None:
        return (
            "One seed resolves nothing: run two or more." if context.seeds < 2 else "Nothing shows what these resolve."
        )
    effect = quantity(PRIMARY).difference(context.resolvable, sign=False)
    return f"{seeds_of(arm for arm in context.arms if not arm.is_control)} resolve differences from about {effect}."


KINDS = {
    "synthetic": "generated pictures",
    "image_folder": "pictures from a folder",
    "cifar10": "CIFAR-10 pictures",
    "cifar100": "CIFAR-100 pictures",
}


def kind_of_pictures(source: str) -> str:
    """Return what pictures of a data source are called in a sentence."""
    return KINDS.get(source, f"pictures of {source}")


def budget(plan: Mapping[str, Any]) -> str:
    """Return how much training everything in a plan rests on."""
    base, data = plan["base"], plan["data"]
    images = data["splits"]["train"]
    size = images if base["batch_size"] == "full" else base["batch_size"]
    updates = base["epochs"] * ceil(images / size)
    widths = ", ".join(str(base["width"] * factor) for factor in (1, 2, 4))
    return (
        f"Profile {plan['profile']}: {plural(updates, 'update')}, which is {plural(base['epochs'], 'epoch')} of "
        f"{images:,} {kind_of_pictures(data['source'])} in batches of {size:,}, by nets of {widths} channels, unless "
        "a study varies it. More pictures, longer training or larger nets may give other answers."
    )


# What an environment tells of the machine that made a record.
MACHINE = {"processor": "processors", "processor_class": "classes of processor", "gpu": "GPUs"}


def machines(environments: Sequence[Mapping[str, Any]]) -> str:
    """Return a warning if records that are compared come from several kinds of machine; empty if they don't."""
    found = {
        words: sorted({str(one[name]) for one in environments if one.get(name)}) for name, words in MACHINE.items()
    }
    mixed = [f"several {words} ({', '.join(names)})" for words, names in found.items() if len(names) > 1]
    if not mixed:
        return ""
    return (
        f"These runs were made on {' and '.join(mixed)}. Machines round differently, so that a part of a difference "
        "may be theirs, and times and memory can't be compared."
    )


def plural(count: int, noun: str) -> str:
    """Return `1 seed` or `3 seeds`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def capital(text: str) -> str:
    """Return text with a capital first letter."""
    return text[:1].upper() + text[1:]
