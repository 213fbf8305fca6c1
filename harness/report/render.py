"""Store -> reports/: pages, CSV files, metrics.json, verdicts.json and plot data."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.analysis.outcomes import FILE, outcomes_of
from harness.analysis.rules import Rules
from harness.analysis.summary import StudySummary, rules_of, summarise
from harness.analysis.tables import StudyTables, read_grid
from harness.core.cores import cores, process_pool
from harness.core.errors import SettingError, choices
from harness.core.records import Store
from harness.core.written import PlanJson
from harness.report import RESULT, exports
from harness.report.pages.registry import Bench, page
from harness.report.pages.study import Files, study_page
from harness.report.paper import latex
from harness.report.paper.kit import packed, write_kit
from harness.report.paper.markdown import summary_text
from harness.report.paper.methods import methods
from harness.report.paper.pdf import pdf
from harness.report.paper.references import bibtex, keys_of
from harness.report.paper.single import single_page
from harness.report.placing import Figures, drawings
from harness.report.result import Result
from harness.source.plugins import loaded, register

Progress = Callable[[int, int], None]  # pages written, pages in all
# Five pages took 15.7 and 18.0 s in one process and 11.2 and 11.8 s in two, which have to import first (two idle
# cores); below four there is nothing to gain.
STUDIES_PER_PROCESS = 2


@dataclass(frozen=True)
class Job:
    """What a process needs to write the page of one study."""

    tables: StudyTables
    rules: Rules
    plan: PlanJson
    out: Path
    uri: str | None

    @property
    def data(self) -> Path:
        """The folder that the records lie in, beside what else was found."""
        return self.tables.store.plan_path.parent


def jobs_of(store: Store, plan: PlanJson, out: Path, uri: str | None = None) -> list[Job]:
    """Read all studies of a plan, once, each to be judged by what all of them show of how a quantity scatters."""
    tables = read_grid(store, plan)
    rules = rules_of(tables, plan.get("looks", 1))
    return [Job(one, rules, plan, out, uri) for one in tables]


def render(
    store: Store,
    out: Path | str,
    uri: str | None = None,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Result:
    """Write the report on every study of the plan into `out` and return its result; equal records give equal bytes.

    `uri` is where MLflow keeps its runs, for the hint on the pages.
    SettingError if a record is missing or the plan has no study.
    """
    plan = store.read_plan()
    if not plan["studies"]:
        raise SettingError(f"{store.plan_path} names no study; set `studies: all` in params.yaml and run `dvc repro`")
    out = Path(out)
    jobs = jobs_of(store, plan, out, uri)
    make_folders(out)
    pages = page.all()
    total = len(jobs) + len(pages)
    summaries: list[StudySummary] = []
    for summary in finished(jobs, processes):
        summaries.append(summary)
        if progress:
            progress(len(summaries), total)
    bench = Bench(plan, tuple(summaries), uri, out, store.plan_path.parent)
    for done, (name, write) in enumerate(pages, start=len(summaries) + 1):
        if (html := write(bench)) is not None:
            (out / name).write_text(html, encoding="utf-8")
        if progress:
            progress(done, total)
    outcomes_of(plan, bench.summaries, bench.claims_by_study).write(out / FILE)
    exports.write_shared(bench.summaries, bench.claims_by_study, out)
    text = summary_text(plan, bench.summaries, bench.claims_by_study)
    (out / "summary.md").write_text(text, encoding="utf-8")
    result = Result.of(bench, store)
    metrics = json.dumps(result.metrics, indent=1, allow_nan=False)
    for name, text in (("metrics.json", metrics), (RESULT, "\n".join(result.lines))):
        (out / name).write_text(text + "\n", encoding="utf-8")
    return result


def finished(jobs: list[Job], processes: int | None) -> Iterator[StudySummary]:
    """Yield the summaries in the order of the plan while their pages are written."""
    if processes is None:
        processes = min(2, cores(), len(jobs) // STUDIES_PER_PROCESS)
    if processes < 2:
        yield from map(write_study, jobs)
        return
    # Not a plain fork, which would copy the locks of whatever threads the caller runs.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with process_pool(processes, context, register, (loaded(),)) as pool:
        for job, summary in zip(jobs, pool.map(write_study, jobs), strict=True):
            # The other process sends a copy of the tables; one is enough to keep.
            yield replace(summary, tables=job.tables)


def write_study(job: Job) -> StudySummary:
    """Write page, tables and plot data of one study, and return its summary."""
    summary = summarise(job.tables, job.rules)
    figures = Figures.of(summary)
    files = write_files(summary, job.plan, figures, job.out)
    bench = Bench(job.plan, (summary,), job.uri, job.out, job.data)
    html = study_page(bench, summary, figures, files)
    (job.out / f"{summary.name}.html").write_text(html, encoding="utf-8")
    return summary


def write_files(summary: StudySummary, plan: PlanJson, figures: Figures, out: Path) -> Files:
    """Write what lies beside the page of a study, and return where."""
    csv, tex = exports.write_study_tables(summary, out), latex.write_tables(summary, out)
    kit = f"paper/{summary.name}.zip"
    files = Files(csv, tex, kit, methods(summary, plan), bibtex(keys_of(summary)))
    # The archive holds the tables of the paper; a row an epoch is none.
    tables = {Path(path).name: out / path for path in (*csv.values(), *tex.values()) if "_curves." not in path}
    texts = {"methods.txt": files.methods + "\n", "references.bib": files.bibtex}
    write_kit(out / kit, figures.all(), tables, texts)
    return files


def write_single(store: Store, study: str, to: Path, uri: str | None = None) -> None:
    """Write the page of one study as a single file; SettingError if the plan has no such study."""
    with TemporaryDirectory() as folder:
        out = Path(folder)
        make_folders(out)
        write_study(job_of(store, study, out, uri))
        html = (out / f"{study}.html").read_text(encoding="utf-8")
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(single_page(html, out), encoding="utf-8")


def write_pdfs(store: Store, study: str, to: Path) -> int:
    """Write the figures of one study as PDF into an archive, and return how many; SettingError as `write_single`."""
    job = job_of(store, study, to.parent)
    summary = summarise(job.tables, job.rules)
    files = {f"{anchor}.pdf": pdf(drawing.figure) for anchor, drawing in drawings(summary)}
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(packed(files))
    return len(files)


def job_of(store: Store, study: str, out: Path, uri: str | None = None) -> Job:
    """Return what writes the page of one study, judged by all of them; SettingError if the plan has no such study."""
    plan = store.read_plan()
    names = [one["name"] for one in plan["studies"]]
    if study not in names:
        raise SettingError(f"the plan has no study {study!r}; {choices(study, names)}")
    return next(job for job in jobs_of(store, plan, out, uri) if job.tables.name == study)


def make_folders(out: Path) -> None:
    """Make the folders of a report."""
    for folder in (out, out / "tables", out / "plots", out / "paper"):
        folder.mkdir(parents=True, exist_ok=True)
