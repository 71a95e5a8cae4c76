"""A report of the finished part of a study, with a list of what is missing.

It lies in a folder of its own, whose name no network can have, so that nothing takes it for the
study's report. It only reads what jobs left that have ended well, so it can be made while a study
is running.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from hmmlens.errors import DataError, StoreError
from hmmlens.io import store
from hmmlens.study import emulation_jobs, entries, jobs, layout, table_parts
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import RULES, Job

FOLDER = layout.PARTIAL_REPORT
#: Jobs that a partial report does without: it makes the like itself.
LAST = {name for name, rule in RULES.items() if rule.local}


class Progress(NamedTuple):
    """What of a study is there.

    done : jobs that have ended well
    missing : DataFrame ``what, jobs, done, missing``, a row for each dataset, network (with its
        untrained control), task or objectives' target of which something is missing
    sentence : the same in short
    """

    done: set[Job]
    missing: pd.DataFrame
    sentence: str


def progress(study: jobs.AnyStudy, results: Path) -> Progress:
    """Find which jobs of a study have ended well.

    Parameters
    ----------
    study : Study, EmulationStudy or RoundTripStudy
        The study.
    results : Path
        Folder of the study.

    Returns
    -------
    Progress
        Jobs that are done, and a table of those that are missing.
    """
    every = [job for job in jobs.of_study(study) if job.rule not in LAST]
    done = {job for job in every if jobs.is_done(job, results)}
    total, ended = Counter(map(_subject, every)), Counter(map(_subject, done))
    left: dict[tuple[str, str], dict[str, list[Job]]] = {subject: {} for subject in total}
    for job in every:
        if job not in done:
            left[_subject(job)].setdefault(job.rule, []).append(job)
    rows = [
        {
            "what": " ".join(subject),
            "jobs": total[subject],
            "done": ended[subject],
            "missing": ", ".join(_counted(*item) for item in rules.items()),
        }
        for subject, rules in left.items()
        if rules
    ]
    sentence = f"{len(done)} of {len(every)} jobs are done"
    if isinstance(study, EmulationStudy):
        trained = emulation_jobs.of_step(study, "trained")
        sentence += f", {len(done & set(trained))} of {len(trained)} trainings among them"
    if rows:
        kind = "task" if isinstance(study, RoundTripStudy) else "network"
        mine = [subject for subject in total if subject[0] == kind]
        whole = sum(not left[subject] for subject in mine)
        begun = sum(bool(left[subject] and ended[subject]) for subject in mine)
        sentence += f"; of {len(mine)} {kind}s, {whole} are whole, {begun} are begun, and "
        sentence += f"{len(mine) - whole - begun} are not"
    else:
        sentence += ", all but those that write the study's own report: run snakemake for it"
    table = pd.DataFrame(rows, columns=["what", "jobs", "done", "missing"])
    return Progress(done, table, f"{sentence}.")


def _subject(job: Job) -> tuple[str, str]:
    """Return the kind and the name of what a job is about; controls belong to their network."""
    name = job.place[0]
    if job.rule in layout.STEPS.values():
        return "network", name
    if "target" in job.wildcards:
        return "objectives on", name
    if "trip" in job.wildcards:
        return "task", name
    if "dataset" in job.wildcards or name.startswith(layout.RAW):
        return "dataset", name.removeprefix(layout.RAW)
    return "network", entries.base_name(name)


def _counted(rule: str, missing: list[Job]) -> str:
    """Return how many jobs of a rule are missing; of trainings that emulate, which."""
    if rule not in layout.STEPS.values():
        return f"{rule} {len(missing)}"
    seeds = ", ".join(job.wildcards["seed"] for job in missing)
    return f"{rule} {len(missing)} (seed{'s' if len(missing) > 1 else ''} {seeds})"


def write(study: jobs.AnyStudy, results: Path) -> tuple[Path, Progress]:
    """Write a report of the finished part of a study.

    Parameters
    ----------
    study : Study, EmulationStudy or RoundTripStudy
        The study.
    results : Path
        Folder of the study.

    Returns
    -------
    tuple of (Path, Progress)
        The folder of the report, and the progress that it reports.

    Raises
    ------
    DataError
        When nothing can be reported yet, or a result was replaced while it was read.
    """
    found = progress(study, results)
    if not found.done:
        raise _nothing(study, found, "because no job has ended")
    with store.replacing(results / FOLDER, "partial report") as folder:
        folder.mkdir()
        found.missing.to_csv(folder / "missing.csv", index=False)
        head = {"sentence": found.sentence, "missing": found.missing.to_dict("records")}
        try:
            if isinstance(study, RoundTripStudy):
                _trips(study, results, folder, found, head)
            elif isinstance(study, EmulationStudy):
                _emulation(study, results, folder, found, head)
            else:
                _study(study, results, folder, found, head)
        except (FileNotFoundError, StoreError, pd.errors.EmptyDataError) as error:
            raise DataError(
                f"a result was replaced while it was read ({error}); make the report again"
            ) from error
    return results / FOLDER, found


def _nothing(study: jobs.AnyStudy, found: Progress, what: str) -> DataError:
    return DataError(f"there is nothing to report of {study.study} yet, {what}: {found.sentence}")


def _study(
    study: Study,
    results: Path,
    folder: Path,
    found: Progress,
    head: dict[str, Any],
) -> None:
    from hmmlens.report import document, style
    from hmmlens.report.explain import findings, tables, typeset
    from hmmlens.report.explain import study as whole

    parts = table_parts.parts(study, found.done.__contains__)
    if not any(layer["role"] == "trained" for layer in parts.layers):
        raise _nothing(study, found, "because no network's layer has been read")
    exploratory, criterion = entries.exploratory(study), study.selection.criterion
    made, about = whole.gather_tables(results, parts, exploratory)
    for name, table in made.items():
        tables.save(table, folder / layout.TABLES / name)
    # As the rules of the workflow find them, after what rounding does.
    made = {name: _read(folder / layout.TABLES / f"{name}.csv", made[name]) for name in made}
    found_sentences = findings.study(made, about, criterion)
    (folder / layout.FINDINGS).write_text(json.dumps(found_sentences, indent=2) + "\n")

    style.use()
    drawn = [name for name in parts.judged if _can_be_drawn(study, parts, name)]
    places = {"overview": whole.draw_overview_figures(made.get)}
    for name in drawn:
        network = study.networks[name]
        shown = whole.Shown(
            name, network.dataset, network.layers, exploratory, criterion, study.controls.untrained
        )
        places[name] = whole.draw_network_figures(results, shown, made.get)
    for place, figures in places.items():
        for name, figure, source in figures:
            style.save(figure, folder / layout.FIGURES / place / name, source)
    typeset.write_report(
        document.TEMPLATES / "explain.typ",
        folder / layout.TABLES,
        folder / layout.FINDINGS,
        folder / layout.FIGURES / "overview",
        {name: folder / layout.FIGURES / name for name in drawn},
        {**typeset.describe_study(study), "partial": head},
        folder / layout.REPORT,
    )


def _read(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    # A table without rows has no types that could be read.
    return pd.read_csv(path) if len(table) else table


def _can_be_drawn(study: Study, parts: table_parts.Parts, name: str) -> bool:
    """Return whether all layers of the first training, and of its untrained control, are read."""
    there = {(layer["network"], layer["layer"]) for layer in parts.layers if layer["seed"] == 0}
    names = [name, f"{name}{layout.UNTRAINED}"] if study.controls.untrained else [name]
    return all((n, layer) in there for n in names for layer in study.networks[name].layers)


def _trips(
    study: RoundTripStudy,
    results: Path,
    folder: Path,
    found: Progress,
    head: dict[str, Any],
) -> None:
    from hmmlens.report import document
    from hmmlens.report.roundtrip import pipeline

    done = [job for job in jobs.of_study(study) if job in found.done]
    if not done:
        raise _nothing(study, found, "because no network has been judged")
    tables, figures = folder / layout.TABLES, folder / layout.FIGURES
    pipeline.make_tables(pipeline.read(results / job.outputs[0] for job in done), tables)
    pipeline.draw(tables, figures)
    about = {**document.head(study), "partial": head}
    template = document.TEMPLATES / "roundtrip.typ"
    pipeline.write(template, tables, figures, about, folder / layout.REPORT)


def _emulation(
    study: EmulationStudy,
    results: Path,
    folder: Path,
    found: Progress,
    head: dict[str, Any],
) -> None:
    from hmmlens.report import document, style
    from hmmlens.report.emulation import pipeline
    from hmmlens.report.emulation.figures import registry as figures
    from hmmlens.study.emulation_folders import write_tables

    gathered = emulation_jobs.reported(study, found.done)
    if not gathered & set(emulation_jobs.of_step(study, "trained")):
        raise _nothing(study, found, "because no training has ended and had its plateau looked for")
    tables, drawn = folder / layout.TABLES, folder / layout.FIGURES
    write_tables(pipeline.tables(results, study, gathered), tables)
    style.use()
    for name, figure, source in figures.draw(tables, results, gathered):
        style.save(figure, drawn / name, source)
    # A folder that a job has begun to fill again reads as one with fewer tables.
    for job in gathered:
        if not jobs.is_done(job, results):
            raise FileNotFoundError(job.outputs[0])
    about = {**document.head(study), "partial": head}
    template = document.TEMPLATES / "emulation.typ"
    pipeline.write(template, tables, drawn, about, folder / layout.REPORT)
