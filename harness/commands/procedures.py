"""Stage procedures."""

from harness.commands.preflight import preflight
from harness.commands.surfaces import followed, keep_surfaces


def procedures() -> None:
    """Run preflight and surfaces, which the report shows beside the studies; a failed check stops nothing."""
    from multiprocessing import get_context

    from harness.cores import process_pool

    # Side by side: both begin with seconds of imports.
    with process_pool(1, get_context("spawn")) as pool:
        following = pool.submit(followed)
        preflight(keep_going=True)
        keep_surfaces(following.result())
