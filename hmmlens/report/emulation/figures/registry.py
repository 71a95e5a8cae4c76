"""Every figure of a study of emulating networks, from its tables and its networks' pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures import (
    along_training,
    kick_planes,
    kick_shares,
    kick_tests,
    kicks,
    label_pairs,
    metrics,
    noise,
    objectives,
    orbits,
    plateaus,
    residency,
    stacked_panels,
    state_interventions,
    states,
    training,
    trajectories,
)
from hmmlens.report.emulation.figures.common import FIGURES, examples
from hmmlens.report.emulation.paper_networks import compared
from hmmlens.study.layout import STEPS
from hmmlens.study.rules import Job

__all__ = ["FIGURES", "MODULES", "draw", "pictures"]

#: Modules whose import registers their figures.
MODULES = (
    along_training,
    kick_planes,
    kick_shares,
    kick_tests,
    kicks,
    label_pairs,
    metrics,
    noise,
    objectives,
    orbits,
    plateaus,
    residency,
    stacked_panels,
    state_interventions,
    states,
    training,
    trajectories,
)
#: Tables that are read from the folders of the networks shown, for they are not gathered.
PICTURES = "pictures/"


def draw(
    tables: Path, results: Path, gathered: Collection[Job] | None = None
) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Yield name, figure and what it shows, for all figures that the study has tables for.

    Parameters
    ----------
    tables : Path
        Folder of what is gathered, see :mod:`hmmlens.report.emulation.pipeline`.
    results : Path
        Folder of the study, with the networks' pictures.
    gathered : collection of Job, optional
        Jobs whose pictures are read; by default all that lie there.

    Yields
    ------
    name : str
    figure : Figure
    source : DataFrame
        The numbers that the figure shows.
    """

    @cache
    def _read(name: str) -> pd.DataFrame | None:
        if name.startswith(PICTURES):
            networks = _read("networks")
            return None if networks is None else pictures(results, networks, name, gathered)
        path = tables / f"{name}.csv"
        table = pd.read_csv(path) if path.exists() else None
        networks = _read("networks") if name == "paper" else None
        return table if table is None or networks is None else comparable_numbers(table, networks)

    yield from FIGURES.drawn(_read)


def comparable_numbers(paper: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers of targets with trainings that can be compared with them.

    Parameters
    ----------
    paper : DataFrame
        Table ``paper`` of the study.
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``paper``.
    """
    targets = compared(networks, "")["target"]
    return paper[paper["target"].isna() | paper["target"].isin(targets)]


def pictures(
    results: Path, networks: pd.DataFrame, name: str, gathered: Collection[Job] | None = None
) -> pd.DataFrame | None:
    """Return a table of pictures of the example of each target, None where there is none.

    Of a target's trainings the first that has pictures is its example.

    Parameters
    ----------
    results : Path
        Folder of the study.
    networks : DataFrame
        Table of networks of the study, one row per training.
    name : str
        Path of the table in the folder of an analysis, without ending, such as ``pictures/states``.
    gathered : collection of Job, optional
        Jobs whose tables are read; by default all that lie there.

    Returns
    -------
    DataFrame or None
        With the columns of :data:`WHO`.
    """
    asked = [
        Job(STEPS["reverse"], (str(row.network), str(row.seed))) for row in networks.itertuples()
    ]
    paths = [results / job.outputs[0] / f"{name}.csv" for job in asked]
    some = [
        path.exists() and (gathered is None or job in gathered)
        for job, path in zip(asked, paths, strict=True)
    ]
    parts = [
        pd.read_csv(row["path"]).assign(**row[WHO].to_dict())
        for _, row in examples(networks.assign(path=paths).loc[some]).iterrows()
    ]
    return pd.concat(parts, ignore_index=True) if parts else None
