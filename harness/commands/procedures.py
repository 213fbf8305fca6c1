"""Stage procedures."""

from harness.campaign.project import PICTURES, PREPARED, parameters
from harness.commands.surfaces import followed, keep_surfaces
from harness.core.console import console


def procedures() -> None:
    """Follow every update rule over surfaces and draw what the data look like, which the report shows."""
    from multiprocessing import get_context

    from harness.core.cores import process_pool
    from harness.source.plugins import loaded, register

    params = parameters()
    # Side by side: both begin with seconds of imports.
    with process_pool(1, get_context("forkserver"), register, (loaded(),)) as pool:
        following = pool.submit(followed)
        keep_pictures(params.data.seed)
        keep_surfaces(following.result())


def keep_pictures(seed: int) -> None:
    """Write what the data look like, and what augmentation and input scaling make of them, for the report."""
    from harness.data.prepared import Prepared
    from harness.procedures.pictures import pictures
    from harness.procedures.store import write

    write(PICTURES, pictures(Prepared.load(PREPARED), seed))
    console.print(f"{PICTURES}: classes, augmentations and input scalings as pictures")
