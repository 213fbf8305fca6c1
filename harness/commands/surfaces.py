"""Update rules on surfaces of two weights."""

from typing import Any

from harness.campaign.project import SURFACES, parameters
from harness.core.console import console


def surfaces() -> None:
    """Follow every update rule over three surfaces of two weights; writes data/surfaces.json for the report."""
    parameters()
    with console.status("following every update rule over three surfaces"):
        result = followed()
    keep_surfaces(result)


def followed() -> dict[str, Any]:
    """Return the paths over the surfaces; torch is imported only here, by the process that follows them."""
    from harness.procedures.surfaces import surfaces as follow

    return follow()


def keep_surfaces(result: dict[str, Any]) -> None:
    """Write the paths for the report."""
    from harness.procedures.store import write

    write(SURFACES, result)
    rules = len(result["surfaces"][0]["rules"])
    console.print(f"{SURFACES}: {rules} update rules on {len(result['surfaces'])} surfaces")
