"""Are the runs of two grids equal to the bit? Compares the records of two folders of the bench, by settings and seed.

python benchmarks/equal.py ../before ../after      # each holds data/runs; times and memory don't count
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.campaign.rerun import differences
from harness.core.records import Store
from harness.core.spec import RunResult


def main() -> None:
    """Print what differs; exit with 1 if anything does, or if no run is in both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    arguments = parser.parse_args()
    before, after = (by_run(Store(folder / "data" / "runs")) for folder in (arguments.before, arguments.after))
    both = [run for run in before if run in after]
    differing = 0
    for run in both:
        old, new = before[run], after[run]
        found = [name for name, _, _ in differences(old, new)]
        differing += bool(found)
        if found:
            print(f"{old.fingerprint} and {new.fingerprint}: {', '.join(found)}")
    named = sum(before[run].fingerprint == after[run].fingerprint for run in both)
    print(f"{len(both)} runs in both ({len(before)} and {len(after)}), {named} of one fingerprint; {differing} differ")
    sys.exit(bool(differing) or not both)


def by_run(store: Store) -> dict[str, RunResult]:
    """Return the records of a store with their arrays, by all that identifies a run but the code."""
    found = {}
    for path in sorted(store.root.iterdir()):
        if not path.name.startswith("."):
            record = store.read(path.name)
            record.arrays = store.arrays(path.name)
            members = [seed for seed, _ in record.members or ()]
            run = [record.settings, record.seed, record.data_digest, sorted(record.probes or ()), members]
            found[json.dumps(run, sort_keys=True)] = record
    return found


if __name__ == "__main__":
    main()
