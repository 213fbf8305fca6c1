"""What runs need of the data. Arms whose data lacks it are left out of the plan, with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.core.errors import SettingError
from harness.core.registry import Pictures
from harness.core.spec import Settings
from harness.core.study import Context, Level, Study
from harness.factors import REGISTRIES
from harness.factors.transfer import TRANSFER
from harness.planning.left_out import LeftOut

Arm = tuple[str, str]  # context, level


def pictures_of(data: Mapping[str, Any]) -> Pictures:
    """Return what a manifest says of the training pictures."""
    counts = dict(zip(data["classes"], data["per_class"]["train"], strict=True))
    return Pictures(counts, data["coloured"], data["image_size"][0])


def lacking(settings: Settings, pictures: Pictures) -> str | None:
    """Return the first thing that a run of these settings lacks, as words that begin with the setting, or None."""
    return next(lacks(settings, pictures), None)


def lacks(settings: Settings, pictures: Pictures) -> Iterator[str]:
    """Yield what the levels of a run and its numbers lack; it chooses its pictures in this order."""
    task = TRANSFER.build(settings.transfer)
    few = task.pictures_per_class or pictures.total
    taken = replace(pictures, per_class={name: min(count, few) for name, count in pictures.per_class.items()})
    share = settings.data_amount
    left = replace(taken, per_class={name: max(1, round(share * n)) for name, n in taken.per_class.items()})
    for name, registry in REGISTRIES.items():
        if words := registry.lacking(getattr(settings, name), left if name == "sampling" else pictures):
            yield f"{name} {words}"
    rare, fewest = taken.rarest
    if share * fewest < 1:
        yield f"data_amount leaves less than one training picture of {rare!r}, which has {fewest}"
    if 0 < settings.wrong_labels * left.total < 1:
        yield f"wrong_labels changes less than one of {left.total} training pictures"
    if settings.batch_size > pictures.total:
        yield f"batch_size is larger than the training split, {pictures.total} pictures"
    classes = task.count(len(pictures.per_class))
    if settings.label_smoothing * classes >= classes - 1:
        yield f"label_smoothing leaves the right one of {classes} classes no more than each other"
    # Two poolings stand before the last convolutions of a net of three or more.
    last = pictures.side >> (min(settings.depth, 3) - 1)
    if settings.kernel_size > 2 * last - 1:
        yield f"kernel_size is more than the last convolutions can use, on maps of {last} x {last}"


def check_recipe_carried(settings: Settings, data: Mapping[str, Any]) -> None:
    """Raise SettingError where the data can't carry the recipe itself, of which every arm is made."""
    if words := lacking(settings, pictures_of(data)):
        raise SettingError(f"params.yaml: recipe.{words}; change the recipe or the data")


def carried(
    studies: list[Study], settings_of: Callable[[Context, Level], Settings], data: Mapping[str, Any]
) -> tuple[list[Study], list[LeftOut]]:
    """Return the studies with the contexts and levels that the data can carry somewhere, and what is left out.

    A context without its control, or with nothing beside it, is left out as a whole, and so is a study without a
    context. SettingError if nothing remains.
    """
    pictures = pictures_of(data)
    kept, left_out = [], []
    for study in studies:
        reasons = reasons_of(study, settings_of, pictures)
        left_out += grouped(study, reasons)
        contexts = tuple(
            c for c in study.contexts if any((c.name, level.label) not in reasons for level in study.levels_in(c))
        )
        levels = tuple(
            level
            for level in study.levels
            if any(c.sweeps(level.label) and (c.name, level.label) not in reasons for c in contexts)
        )
        if contexts:
            kept.append(replace(study, contexts=contexts, levels=levels))
    if not kept:
        raise SettingError(f"the data can carry none of the studies: {'; '.join(map(str, left_out))}")
    return kept, left_out


def reasons_of(study: Study, settings_of: Callable[[Context, Level], Settings], pictures: Pictures) -> dict[Arm, str]:
    """Return the arms of a study that are left out, with the reason."""
    reasons: dict[Arm, str] = {}
    for context in study.contexts:
        found = {
            level.label: words
            for level in study.levels_in(context)
            if (words := lacking(settings_of(context, level), pictures)) is not None
        }
        if study.control in found or len(found) == len(list(study.levels_in(context))) - 1:
            why = found.get(study.control) or "; ".join(dict.fromkeys(found.values()))
            found = {level.label: why for level in study.levels_in(context)}
        reasons |= {(context.name, label): words for label, words in found.items()}
    return reasons


def grouped(study: Study, reasons: Mapping[Arm, str]) -> list[LeftOut]:
    """Return one entry for all arms of a study with the same reason in the same contexts."""
    whole: dict[str, list[str]] = {}
    parts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for context in study.contexts:
        why = {reasons.get((context.name, level.label)) for level in study.levels_in(context)}
        if None not in why:
            whole.setdefault(reasons[context.name, study.control], []).append(context.name)
    rest = tuple(c.name for c in study.contexts if not any(c.name in names for names in whole.values()))
    for level in study.levels:
        for words in dict.fromkeys(reasons[name, level.label] for name in rest if (name, level.label) in reasons):
            where = tuple(name for name in rest if reasons.get((name, level.label)) == words)
            parts.setdefault((words, () if where == rest else where), []).append(level.label)
    everywhere = len(study.contexts)
    return [
        LeftOut(study.name, () if len(names) == everywhere else tuple(names), (), words)
        for words, names in whole.items()
    ] + [LeftOut(study.name, where, tuple(labels), words) for (words, where), labels in parts.items()]
