"""What the figures of a study of emulating networks share: names, colours, which rows are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hmmlens.report import distinctive, style
from hmmlens.report.emulation.acceptance import WHO, main_size, paper_trained
from hmmlens.report.emulation.paper_networks import compared
from hmmlens.report.figures import FigureRegistry

#: All figures of the report, by section; modules of this package register theirs.
FIGURES = FigureRegistry(
    [
        "Targets, training and agreement with the targets",
        "Dynamics as a whole",
        "Dynamics during training",
        "Local dynamics",
        "Kick units",
        "Fully connected and cyclic targets",
        "Hidden Markov models of the hidden states",
        "The three questions",
    ]
)

#: Target -> how it is called in figures; others are called by their name.
TARGETS = {
    "chain2": "2 states",
    "chain3": "3 states",
    "chain4": "4 states",
    "chain5": "5 states",
    "fully3": "fully connected",
    "cyclic4": "cyclic",
}
TARGET_COLOURS = {
    "chain2": "#0072B2",
    "chain3": "#56B4E9",
    "chain4": "#009E73",
    "chain5": "#E69F00",
    "fully3": "#D55E00",
    "cyclic4": "#CC79A7",
}
TARGET_MARKERS = {
    "chain2": "o",
    "chain3": "s",
    "chain4": "^",
    "chain5": "D",
    "fully3": "P",
    "cyclic4": "X",
}
REGION_COLOURS = {
    "transition": "#D55E00",
    "kick": "#E69F00",
    "cluster": "#0072B2",
    "unsure": "#999999",
}
OBJECTIVES = {
    "sinkhorn": "Sinkhorn divergence (the paper's)",
    "split": "split-sample divergence",
    "energy": "energy distance",
}
OBJECTIVE_COLOURS = {"sinkhorn": "#D55E00", "split": "#0072B2", "energy": "#009E73"}
OBJECTIVE_MARKERS = {"sinkhorn": "o", "split": "s", "energy": "^"}
#: What the paper found, and what chance alone gives.
PAPER, NULL = "#882255", "#999999"
#: More networks than these are thinned to those of the paper's main size; of these the first ones
#: have a place of their own in a figure of all, or a panel.
MOST, MOST_PLACES, MOST_PANELS = 16, 40, 16


def target_name(target: str) -> str:
    """Return the name of a target in figures.

    Parameters
    ----------
    target : str
        Name of a target.

    Returns
    -------
    str
        Name in figures.
    """
    return TARGETS.get(target, target)


def target_colour(target: str) -> str:
    """Return a target's colour; black where it has none of its own.

    Parameters
    ----------
    target : str
        Name of a target.

    Returns
    -------
    str
        Hexadecimal colour.
    """
    return TARGET_COLOURS.get(target, "#000000")


def in_order(targets: Iterable[str]) -> list[str]:
    """Return targets once each, those of the paper first and in its order.

    Parameters
    ----------
    targets : iterable of str
        Names of targets.

    Returns
    -------
    list of str
        Each target once.
    """
    known = list(TARGETS)
    rank = {name: i for i, name in enumerate(known)}
    return sorted(dict.fromkeys(targets), key=lambda name: rank.get(name, len(known)))


def examples(networks: pd.DataFrame) -> pd.DataFrame:
    """Return one training for each target: the first of the paper's kind, else the first of all.

    First is the lowest seed of the network that the study has first; a training that diverged is
    passed over. No result is looked at.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``, one per target.
    """
    sound = networks[~networks["diverged"].astype(bool)]
    order = pd.concat([main_size(sound), paper_trained(sound), sound]).drop_duplicates(WHO)
    found = order.groupby("target", sort=False).head(1).set_index("target")
    return found.reindex(in_order(found.index)).reset_index()


def only(table: pd.DataFrame, trainings: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of some trainings, in the order of these.

    Parameters
    ----------
    table : DataFrame
        The table.
    trainings : DataFrame
        Trainings, with the columns of :data:`WHO`.

    Returns
    -------
    DataFrame
        Rows of ``table``.
    """
    return trainings[WHO].merge(table, on=WHO, how="inner")


def displayed(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings that were scored; of many networks those of the paper's main size.

    Of more than :data:`MOST_PLACES` networks the first ones are returned.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    found = networks[networks["scored"].astype(bool)]
    main = main_size(found)
    kept = main if found["network"].nunique() > MOST and len(main) else found
    first = list(dict.fromkeys(kept["network"]))[:MOST_PLACES]
    return kept[kept["network"].isin(first)]


def count_left_out(figure: Figure, networks: pd.DataFrame, shown: Iterable[str]) -> None:
    """Write below a figure how many networks that were scored it leaves out.

    Parameters
    ----------
    figure : Figure
        The figure.
    networks : DataFrame
        Table of networks of the study, one row per training.
    shown : iterable of str
        Names of the networks that are shown.
    """
    n_all = networks[networks["scored"].astype(bool)]["network"].nunique()
    style.footnote(figure, distinctive.and_more(n_all, len(set(shown))), "networks")


def of_paper(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings that the paper's findings are compared with, or else all displayed.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    found = compared(networks, "")
    return found if len(found) else displayed(networks)


def name_of(row: pd.Series) -> str:
    """Return the name of a training in figures: its target, and its network where that differs.

    Parameters
    ----------
    row : Series
        Row of the table of networks.

    Returns
    -------
    str
        Name in figures.
    """
    name, target = str(row["network"]), str(row["target"])
    return target_name(target) if name == target else f"{target_name(target)} ({name})"


class Published(NamedTuple):
    """What the paper has: a range, and its number where it has one, of which it is the rounding."""

    low: float
    high: float
    number: float


def published(paper: pd.DataFrame, what: str, target: str = "") -> Published | None:
    """Return the paper's numbers of a finding on a target.

    Parameters
    ----------
    paper : DataFrame
        The study's table ``paper``; without rows where there is none.
    what : str
        Description of the finding.
    target : str
        Name of the target; empty for findings on all targets.

    Returns
    -------
    Published or None
        None where the paper reports nothing.
    """
    if paper.empty:
        return None
    own = paper["target"].eq(target) if target else paper["target"].isna()
    rows = paper[paper["what"].eq(what) & own]
    rows = rows.dropna(subset=["paper_low", "paper_high"])
    if rows.empty:
        return None
    row = rows.iloc[0]
    number = pd.to_numeric(str(row["paper"]), errors="coerce")
    return Published(float(row["paper_low"]), float(row["paper_high"]), float(number))


def mark_published(ax: Axes, x: float, found: Published | None, width: float = 0.38) -> None:
    """Draw the paper's range at ``x`` as a bar of that width to either side, its number as a line.

    A range that the paper gives as such has lines at both ends.

    Parameters
    ----------
    ax : Axes
        Axes that are drawn on.
    x : float
        Place on the horizontal axis.
    found : Published or None
        The numbers of the paper; nothing is drawn without them.
    width : float
        Half of the width of the bar, in units of the axis.
    """
    if found is None:
        return
    box = (x - width, x + width)
    single = np.isfinite(found.number)
    ax.fill_between(box, found.low, found.high, color=PAPER, alpha=0.18 if single else 0.3, lw=0,
                    zorder=0)  # fmt: skip
    for height in [found.number] if single else [found.low, found.high]:
        ax.hlines(height, box[0], box[1], color=PAPER, lw=1.2, zorder=1)
