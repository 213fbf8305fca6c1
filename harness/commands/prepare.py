"""Stage prepare."""

from harness.campaign.project import PREPARED
from harness.config import load_params
from harness.console import console


def prepare() -> None:
    """Turn the data source into arrays on disk: splits, a manifest, statistics of the training split."""
    from harness.data.prepare import prepare as prepare_data

    manifest = prepare_data(load_params().data, PREPARED)
    splits = ", ".join(f"{count} {name}" for name, count in manifest["splits"].items())
    console.print(f"{PREPARED}: {manifest['source']}, {splits}, digest {manifest['digest'][:12]}")
