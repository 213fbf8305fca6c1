"""A search for settings of the recipe by hand: what is asked for, and what was found, in words."""

from rich.table import Table

from harness.core.errors import SettingError, choices
from harness.core.spec import Choice, RunResult
from harness.factors.search import SEARCH, SPACE, settings_of


def as_choice(how: str, trials: int) -> Choice:
    """Return the search that a user asks for; SettingError if there is none of that name or that many trials."""
    names = [name for name in SEARCH.names if SEARCH.build(Choice(name))]
    if how not in names:
        raise SettingError(f"unknown --how {how!r}; {choices(how, names)}")
    return SEARCH.check(Choice.of(how, {"trials": trials}), "--how")


def best_first(result: RunResult) -> Table:
    """Return a row for every trial of a search, the best on validation first."""
    found = {name.removeprefix("search/"): values for name, values in result.arrays.items()}
    accuracy = found["validation_accuracy"]
    table = Table("trial", *(name.replace("_", " ") for name in SPACE), "epochs", "validation accuracy")
    for trial in sorted(range(len(accuracy)), key=lambda trial: -accuracy[trial]):
        values = [f"{found[name][trial]:.2e}" for name in SPACE]
        # A trial that did not finish counts as 0.
        reached = f"{accuracy[trial]:.1%}" if accuracy[trial] else "did not finish"
        table.add_row(str(trial + 1), *values, str(found["epochs"][trial]), reached)
    return table


def as_recipe(result: RunResult) -> str:
    """Return the best settings of a search as lines for params.yaml, or what to do if there are none."""
    if result.status != "done":
        return "No trial finished. Look at the data first: python -m harness preflight"
    # Three digits are more than a search can tell apart.
    found = settings_of({name: float(f"{result.metrics[f'found_{name}']:.2e}") for name in SPACE})
    lines = [f"  {name}: {spelled(value)}" for name, value in found.items()]
    return "\n".join(["For params.yaml:", "recipe:", *lines])


def spelled(value: float | Choice) -> str:
    """Return a setting as YAML has it on one line."""
    if isinstance(value, Choice):
        arguments = ", ".join(f"{name}: {argument:g}" for name, argument in value.items)
        return f"{{{value.name}: {{{arguments}}}}}"
    return f"{value:g}"
