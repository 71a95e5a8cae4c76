"""Tables, figures and report of a round-trip study, from the folders of its networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hmmlens import user_text
from hmmlens.report import document
from hmmlens.report.acceptance import outcome_sentences
from hmmlens.report.roundtrip import criteria, summary
from hmmlens.validation.grading.verdict import GRADES

#: Tables that the template shows.
SHOWN = ("gates", "tasks", "methods", "misses", "rival_means", "belief_means", "spoken_means")


def read(folders: Iterable[Path]) -> criteria.Tables:
    """Read and concatenate the tables of networks, each of which has a folder of its own.

    Parameters
    ----------
    folders : iterable of Path
        Folders of the networks.

    Returns
    -------
    Tables
        The tables of all networks.
    """
    folders = list(folders)

    def _gathered(name: str) -> pd.DataFrame:
        parts = [pd.read_csv(folder / f"{name}.csv") for folder in folders]
        # Tables without rows know no types.
        parts = [part for part in parts if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    return criteria.Tables(*(_gathered(name) for name in criteria.Tables._fields))


def make_tables(found: criteria.Tables, folder: Path) -> list[str]:
    """Write every table as CSV, and return the outcome of the acceptance criteria in sentences.

    Parameters
    ----------
    found : Tables
        All networks of the study.
    folder : Path
        Folder that the tables are written to.

    Returns
    -------
    list of str
        Sentences on the acceptance criteria.
    """
    folder.mkdir(parents=True, exist_ok=True)
    gates = criteria.gates(found)
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
    """Draw all figures from the tables of :func:`make_tables`.

    Parameters
    ----------
    tables : Path
        Folder of the tables.
    folder : Path
        Folder that the figures are written to.
    """
    from hmmlens.report import style
    from hmmlens.report.figures import table_reader
    from hmmlens.report.roundtrip.figures import FIGURES

    style.use()
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure, source in FIGURES.drawn(table_reader(tables)):
        style.save(figure, folder / name, source)


def write(
    template: Path, tables: Path, figures: Path, about: Mapping[str, Any], output: Path
) -> None:
    """Set the report; see :func:`hmmlens.report.document.compile_pdf`.

    Parameters
    ----------
    template : Path
        The Typst file.
    tables : Path
        Folder of the tables.
    figures : Path
        Folder of the figures.
    about : mapping of str to object
        Settings that the report prints, see :func:`hmmlens.report.document.head`; with ``partial``
        where the study is not finished.
    output : Path
        The PDF; it appears under its name when it is whole.
    """
    from hmmlens.report.roundtrip.figures import FIGURES

    drawn = [name for name in FIGURES if (figures / f"{name}.pdf").exists()]
    facts = {
        "about": dict(about),
        "grades": [
            {"grade": grade, "text": text}
            for grade, text in GRADES.items()
            # A network of a round trip can always be run.
            if grade not in ("not supported", "not judged")
        ],
        "outcome": outcome_sentences(pd.read_csv(tables / "gates.csv")),
        "figures": [one for part in FIGURES.placed(drawn).values() for one in part],
    }
    paths = [figures / f"{name}.pdf" for name in drawn]
    shown = [tables / f"{name}.csv" for name in SHOWN]
    document.compile_pdf(template, facts, shown, {"": paths}, output)
