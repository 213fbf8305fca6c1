"""Stage train."""

import os
import sys

from harness.analysis.counts import Runs
from harness.campaign.project import RUNS, runs
from harness.core.config import load_params
from harness.core.console import complain, console
from harness.source import plugins


def train() -> None:
    """Train every run of the plan that has no record yet, in parallel; stop and restart as you like."""
    from harness.engines.door import ENGINE, engine_of

    params = load_params()
    if params.engine.kind in ENGINE.names:
        # While the server of the workers imports torch, this process imports the rest.
        engine_of(params.engine.kind).warm_up()
    plugins.load(params.plugins)
    # Told before anything is planned, if there is none of that name.
    engine_of(params.engine.kind)
    from harness.campaign.train import Campaign

    store = runs()
    store.adopt()
    campaign = Campaign(params, store, console)
    try:
        current = campaign.run()
    except KeyboardInterrupt:
        # An ordinary exit would wait for the thread that imports MLflow, and take torch apart.
        os._exit(130)
    if campaign.failed:
        complain("error:", f"{len(campaign.failed)} run(s) failed, see above; all others are kept")
        sys.exit(1)
    console.print(f"{Runs.of(current.to_json()['studies'])} recorded in {RUNS}")
