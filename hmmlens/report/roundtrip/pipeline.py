"""Tables, figures and report of a round-trip study, from the folders of its networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hmmlens import user_text
from hmmlens.report import document
from hmmlens.report.acceptance import outcome_sentences
from hmmlens.report.roundtrip import summary

#: Tables that the template shows.
SHOWN = ("gates", "tasks", "methods", "misses", "rival_means", "belief_means", "spoken_means")


def read(folders: Iterable[Path]) -> summary.Tables:
    """Put the tables of networks, each in a folder of its own, one below the other."""
    folders = list(folders)

    def gathered(name: str) -> pd.DataFrame:
        parts = [pd.read_csv(folder / f"{name}.csv") for folder in folders]
        # Tables without rows know no types.
        parts = [part for part in parts if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    return summary.Tables(*(gathered(name) for name in summary.Tables._fields))


def make_tables(found: summary.Tables, folder: Path) -> list[str]:
    """Write every table as CSV, and return what the gates say."""
    folder.mkdir(parents=True, exist_ok=True)
    gates = summary.gates(found)
    made = {
        **found._asdict(),
        "gates": gates,
        "tasks": summary.by_trip(found),
        "methods": summary.by_method(found),
        "misses": summary.misses(found),
        **summary.summaries(found),
    }
    for name, table in made.items():
        user_text.table(table).to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    return outcome_sentences(gates)


def draw(tables: Path, folder: Path) -> None:
    """Draw grades, evidence and recovery from the tables of :func:`make_tables`."""
    from hmmlens.report import style
    from hmmlens.report.roundtrip import figures

    style.use()
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = pd.read_csv(tables / "verdicts.csv")
    methods = pd.read_csv(tables / "methods.csv")
    drawn = {"grades": figures.grades(verdicts), "evidence": figures.evidence(verdicts)}
    if verdicts["expected"].eq("D").any():
        drawn["counts"] = figures.counts(verdicts)
    if len(methods):
        drawn["recovery"] = figures.recovery(pd.read_csv(tables / "recovery.csv"), methods)
    for name, (figure, source) in drawn.items():
        style.save(figure, folder / name, source)


def write(
    template: Path, tables: Path, figures: Path, about: Mapping[str, Any], output: Path
) -> None:
    """Set the report; see :func:`hmmlens.report.document.write`."""
    from hmmlens.report.roundtrip.figures import CAPTIONS

    drawn = [name for name in CAPTIONS if (figures / f"{name}.pdf").exists()]
    facts = {
        "about": dict(about),
        "outcome": outcome_sentences(pd.read_csv(tables / "gates.csv")),
        "captions": {name: CAPTIONS[name] for name in drawn},
    }
    paths = [figures / f"{name}.pdf" for name in drawn]
    shown = [tables / f"{name}.csv" for name in SHOWN]
    document.compile_pdf(template, facts, shown, {"": paths}, output)
