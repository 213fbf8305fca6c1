"""A rate and a penalty for the recipe."""

import sys
from typing import Annotated

import typer

from harness.campaign.project import current_target, engine, parameters, recipe_spec
from harness.core.console import complain, console, plain_console


def search(
    how: Annotated[
        str,
        typer.Option(help="grid, random, or coarse_to_fine: few epochs and wide ranges, then longer and narrower."),
    ] = "coarse_to_fine",
    trials: Annotated[int, typer.Option(help="Trainings of the recipe; a square number for a grid.", min=1)] = 9,
    seed: Annotated[int | None, typer.Option(help="Of search and trainings; by default data.seed.", min=0)] = None,
) -> None:
    """Look for a learning rate and an L2 penalty for the recipe; prints what params.yaml should say.

    Every trial trains the recipe of params.yaml on the prepared data. The best is chosen on the validation split;
    nothing is written.

    Try this: python -m harness search --how random --trials 16
    """
    from harness.campaign.progress import TrainingProgress
    from harness.engines.events import Failed, Finished
    from harness.procedures.search import as_choice, as_recipe, best_first

    params = parameters()
    spec = recipe_spec(params, params.data.seed if seed is None else seed, search=as_choice(how, trials))
    name = {spec.fingerprint: f"search {how}"}
    images = current_target(params).data["splits"]["train"]
    with engine(params, 1) as worker, TrainingProgress(name, images, console) as progress:
        for event in worker.execute([spec]):
            progress.show(event)
    match event:
        case Failed(problem=problem):
            complain("search failed:", f"\n{problem}")
            sys.exit(1)
        case Finished(result=result):
            plain_console().print(best_first(result))
            typer.echo(as_recipe(result))
            sys.exit(0 if result.status == "done" else 1)
