import shutil

import pytest

from harness.report.render import render
from tests.report.made_up import Bench, claim, expects, procedures

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
)

# Pixels, of a phone and a desk. Two stand for all four, which `make test-all` looks at.
VIEWS = [
    (390, "light"),
    (1440, "dark"),
    pytest.param((390, "dark"), marks=pytest.mark.slow),
    pytest.param((1440, "light"), marks=pytest.mark.slow),
]


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium of this machine; the tests fail, rather than skip, where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail(
            f"no browser found ({', '.join(NAMES)}); install one: `sudo apt-get install chromium` on Debian, "
            "`sudo apt-get install chromium-browser` on Ubuntu, `brew install --cask google-chrome` on macOS",
            pytrace=False,
        )
    from playwright.sync_api import expect, sync_playwright

    # Five seconds, as usual, are short on a machine that tests other things meanwhile.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A report with all that can be on its pages: long names, many levels, tuning, diverged runs, claims."""
    root = tmp_path_factory.mktemp("report")
    bench = Bench(root)
    many = {f"a_level_with_a_long_name_{n}" if n % 4 == 3 else f"level {n}": 0.4 + 0.02 * n for n in range(8)}
    bench.study(
        "many_levels", "optimizer", many, "level 0", {"tuned rate": {}}, diverged={"level 1": 2}, tune=[0.01, 0.1, 1.0],
        title="A study with a title that is longer than a phone is wide and then some",
    )  # fmt: skip
    claims = [
        claim("act-yes", "Better is better.", expects("test_accuracy", "better", "worse", "higher", 0.02)),
        claim("act-no", "Worse is better.", expects("test_accuracy", "worse", "better", "higher", 0.02)),
        claim("act-open", "Nobody measured this.", expects("dead_share", "worse", "better", "higher", 0.02)),
        claim("act-many", "All of it.", *[expects("test_accuracy", "better", "worse", "higher", 0)] * 6),
    ]
    bench.study(
        "activation", "activation", {"worse": 0.4, "control": 0.6, "better": 0.7}, "control",
        {"plain": {}, "deep": {"depth": 8}}, claims=claims,
    )  # fmt: skip
    procedures(root)
    render(bench.save(), root / "reports", "sqlite:///mlflow.db", processes=1)
    return root / "reports"
