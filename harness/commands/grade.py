"""Which predictions held."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from harness.campaign.project import RUNS, parameters
from harness.core.console import console, plain_console
from harness.core.errors import SettingError
from harness.core.records import Store


def grade(
    predictions: Annotated[Path, typer.Argument(help="The file that the classroom of a report exports.")],
) -> None:
    """Say which predictions held; that nothing would be found counts like any other.

    Try this: python -m harness grade predictions.json
    """
    from rich.table import Table

    from harness.analysis.predictions import NEGATIVE, questions, read_predictions, report_id
    from harness.analysis.predictions import grade as graded_by
    from harness.analysis.summary import summarise_grid

    try:
        text = predictions.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{predictions} can't be read ({error}); name the file that a report exported") from None
    body = read_predictions(text, str(predictions))
    parameters()
    store = Store(RUNS)
    plan = store.read_plan()
    asked = [question for summary in summarise_grid(store, plan) for question in questions(summary)]
    graded = graded_by(asked, body["predictions"], str(predictions))
    if body.get("report") not in (None, report_id(plan)):
        console.print("note: these predictions were made before other runs than those of the present plan")

    table = Table("study", "asked", "predicted", "came out", "result", title="Predictions")
    for one in graded:
        late = ", after the reveal" if one.before is False else ""
        table.add_row(
            one.question.study,
            one.question.words,
            one.question.options[one.answer] if one.answer is not None else "nothing",
            one.question.told,
            one.result + late,
        )
    out = plain_console(soft_wrap=False)
    out.print(table)
    # What was said once the result was known predicts nothing.
    counted = [one for one in graded if one.before is not False]
    counts = Counter(one.result for one in counted)
    said = ", ".join(f"{counts[name]} {name}" for name in ("held", "failed", "undecided", "not graded") if counts[name])
    negative = sum(one.result == "held" and one.answer in NEGATIVE for one in counted)
    out.print(f"Of {len(counted)} predictions: {said or 'none to grade'}.", soft_wrap=True)
    if negative:
        told = f"{negative} of those that held said that nothing would be found for sure: they count the same."
        out.print(told, soft_wrap=True)
