"""What `harness new` writes a bench from. The links lead to the files of this bench; in a package they are files.

None is called dvc.yaml: DVC would take it for a second pipeline of this repository, and look for what it never wrote.
"""

import re
from importlib import resources

from harness.source.plugins import INSTALLED

# A dependency of a stage that lies in the repository of the bench, with the comment above it.
OURS = re.compile(r"(?:      # .*\n)?(?:      - (?:harness/.*|requirements\.lock)\n)")
STAGE = f"""\
stages:
  installed:
    desc: Say which packages do the work, each time anew.
    cmd: harness installed
    always_changed: true
    outs:
      - {INSTALLED}
"""


def files() -> dict[str, str]:
    """Return the text of every file of a new bench, by its path."""
    params = text("params.yaml").replace("plugins: []", "plugins: [plugins/my_levels.py]")
    return {
        "params.yaml": params,
        "dvc.yaml": pipeline(text("pipeline.txt")),
        "experiments/my_study.yaml": text("my_study.txt"),
        "plugins/my_levels.py": text("my_levels.txt"),
        ".gitignore": text("gitignore"),
        ".dvcignore": text("dvcignore"),
        "data/.gitignore": text("data_gitignore") + f"/{INSTALLED.partition('/')[2]}\n",
        "data/raw/.gitkeep": "",
        ".dvc/plots/curves.json": text("curves.json"),
    }


def text(name: str) -> str:
    """Return one of the files beside this one."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def pipeline(ours: str) -> str:
    """Return dvc.yaml for where the bench is an installed package: one file says which, in place of its source."""
    _, _, stages = ours.replace("python -m harness", "harness").partition("stages:\n")
    parts = re.split(r"(?m)^(?=  \w+:\n)", stages)
    changed = [OURS.sub("", OURS.sub(f"      - {INSTALLED}\n", part, count=1)) for part in parts]
    return "# `dvc repro` runs what has changed.\n" + STAGE + "".join(changed)
