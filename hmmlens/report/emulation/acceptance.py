"""Acceptance criteria of a study of emulating networks, and the trainings that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from hmmlens.dynamics.lyapunov import STABLE
from hmmlens.report.acceptance import Criterion, criteria_table
from hmmlens.stats.paired import student
from hmmlens.study.emulation_folders import COST

#: Gathered tables by name, see :mod:`hmmlens.report.emulation.pipeline`.
Tables = Mapping[str, pd.DataFrame]

#: Columns that identify a training.
WHO = ["network", "target", "seed"]
#: Most that the loss may be of the floor, and a squared error of an output transition.
NEAR_FLOOR, LARGEST_ERROR = 1.1, 0.02
#: Most that the mean squared error of output transitions may be for a stable target.
MEAN_ERROR = 1e-3
#: Targets that need a recipe to stay in bounds.
TO_BE_STABLE = {"fully3": "Fully connected", "cyclic4": "Cyclic"}
#: A state has decayed when it is this near its fixed point, as a share of visited states' length.
DECAYED = 1e-3
#: CPU seconds that taking one network apart may take, and the steps that do it.
LONGEST, APART = 120.0, ("reverse", "kicks", "states")


def read(tables: Tables, name: str, *columns: str) -> pd.DataFrame:
    """Return a table of a study, or one without rows where the study has none.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    name : str
        Name of the table.
    *columns : str
        Columns of the table that is returned where the study has none.

    Returns
    -------
    DataFrame
        The table, or one without rows.
    """
    found = tables.get(name)
    return pd.DataFrame(columns=[*WHO, *columns]) if found is None else found


def like_paper(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings of the paper's kind of network: ReLU units without biases or leak.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    kept = networks["cell"].eq("relu") & ~networks["bias"].astype(bool) & networks["leak"].eq(1.0)
    return networks[kept & networks["radius"].isna()]


def plainly_trained(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings without a penalty of activity and without carried states.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    return networks[networks["carried"].eq(0) & networks["activity_penalty"].eq(0)]


def paper_trained(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those of :func:`like_paper` that the paper's objective alone trained.

    A penalty of activity or carried states make it another objective.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    return like_paper(plainly_trained(networks[networks["objective"].eq("sinkhorn")]))


def main_size(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those of :func:`paper_trained` with 150 units and 100 dimensions of noise.

    Where a target's trainings differ in batch size, only those of the commonest size are returned,
    and of equally common sizes the largest.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    found = paper_trained(networks)
    found = found[found["n_units"].eq(150) & found["n_noise"].eq(100)]
    sizes = found.groupby("target")["batch_size"].agg(lambda sizes: sizes.mode().max())
    return found[found["batch_size"].eq(found["target"].map(sizes))]


def of(tables: Tables, name: str, kept: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows of a table that belong to some trainings.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    name : str
        Name of the table.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.
    *columns : str
        Columns that the result has in any case.

    Returns
    -------
    DataFrame
        Rows of the table.
    """
    return read(tables, name, *columns).merge(kept[WHO], on=WHO, how="inner")


def _reach_floor(tables: Tables) -> pd.Series:
    rows = main_size(tables["networks"])
    rows = rows[rows["target"].eq("chain2")]
    near = rows["loss_ratio"].le(NEAR_FLOOR) & rows["escape"].notna()
    return near & ~rows["diverged"].astype(bool)


def _other_targets(tables: Tables) -> pd.Series:
    rows = like_paper(tables["networks"])
    rows = rows[rows["target"].ne("chain2") & rows["scored"].astype(bool)]
    # A network that cannot be scored has no error, which is no small one.
    return rows["largest_transition_error"].le(LARGEST_ERROR)


def _decayed(tables: Tables) -> pd.Series:
    networks = like_paper(tables["networks"])
    far = of(tables, "reverse_decay", networks, "distance").groupby(WHO)["distance"].max()
    # Where no fixed point was found, or the network could not be analysed, nothing decayed to one.
    asked = of(tables, f"reverse_{COST}", networks).set_index(WHO).index
    return far.reindex(asked, fill_value=np.inf).le(DECAYED)


def is_stable(networks: pd.DataFrame) -> pd.Series:
    """Return whether each training meets all criteria of a stable network.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.

    Returns
    -------
    Series
        One boolean for each training.
    """
    return (
        networks["transition_error"].le(MEAN_ERROR)
        & networks["lyapunov"].lt(STABLE)
        & networks["left"].eq(0)
        & ~networks["diverged"].astype(bool)
    )


def _stable(target: str) -> Callable[[Tables], pd.Series]:
    def find(tables: Tables) -> pd.Series:
        rows = like_paper(tables["networks"])
        rows = rows[rows["target"].eq(target) & rows["scored"].astype(bool)]
        return rows["stable"].astype(bool)

    return find


def _verdicts(column: str) -> Callable[[Tables], pd.Series]:
    def find(tables: Tables) -> pd.Series:
        networks = main_size(tables["networks"])
        networks = networks[networks["target"].eq("chain2")]
        found = of(tables, "kicks_verdict", networks, column)[column].astype(bool)
        refused = of(tables, "kicks_refused", networks)
        return pd.concat([found, pd.Series([False] * len(refused), dtype=bool)])

    return find


def _repeated(tables: Tables) -> pd.Series:
    networks = main_size(tables["networks"])
    rows = of(tables, "kicks_repeat", networks[networks["target"].eq("chain2")], "jaccard")
    # The training is the unit: its exits and both kinds of group share it.
    return rows.groupby(WHO)["jaccard"].mean().astype(float)


def _with_kicks(tables: Tables) -> pd.Series:
    rows = of(tables, "kicks_verdict", main_size(tables["networks"]), "n_exits", "n_with_kicks")
    # The training is the unit: its exits share its weights.
    return (rows["n_with_kicks"] / rows["n_exits"]).astype(float)


def _quick(tables: Tables) -> pd.Series:
    steps = [read(tables, f"{step}_{COST}", "cpu_seconds") for step in APART]
    taken = pd.concat([rows[[*WHO, "cpu_seconds"]] for rows in steps if len(rows)] or steps[:1])
    whole = taken.groupby(WHO)["cpu_seconds"].sum()
    # Networks are asked that were reverse engineered, with what else was done to them.
    known = steps[0].set_index(WHO).index
    return whole.reindex(known).le(LONGEST)


CRITERIA = (
    Criterion(
        "Two states, 150 units: past the plateau and within 10 % of the floor, share of trainings",
        _reach_floor, 0.8, fewest=5,
    ),
    Criterion(
        "Other targets: largest squared error of an output transition at most .02, share of "
        "trainings",
        _other_targets, 1.0,
    ),
    Criterion("Without noise all states decay to a fixed point, share of trainings", _decayed, 1.0),
    *(
        Criterion(
            f"{name}: mean squared error of output transitions at most .001, Lyapunov exponent "
            "below -.05, no run beyond 100 times the median, share of trainings",
            _stable(target), 0.8, fewest=5,
        )
        for target, name in TO_BE_STABLE.items()
    ),
    Criterion(
        "Two states: gated loss of both groups lowers switching by 45 % and more than 100 matched "
        "pairs, whose median is at most 10 %, share of trainings",
        _verdicts("g1"), 0.8, fewest=8,
    ),
    Criterion(
        "Two states: three silenced units lower the hazard of either exit by 50 %, p at most .01, "
        "share of trainings",
        _verdicts("g2"), 0.8, fewest=8,
    ),
    Criterion(
        "Two states: overlap of units selected again on new noise, median of trainings' mean "
        "Jaccard index",
        _repeated, 0.8, fewest=8, median=True,
    ),
    Criterion(
        "Networks trained as the paper's: share of a training's exits that have kick units, mean",
        _with_kicks, np.nan,
    ),
    Criterion(
        "Reverse engineering with kick units and states in 120 CPU seconds, share of trainings",
        _quick, 1.0,
    ),
)  # fmt: skip


def gates(tables: Tables) -> pd.DataFrame:
    """Return the criteria with what was found of them.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study, ``networks`` among them.

    Returns
    -------
    DataFrame
        See :func:`hmmlens.report.acceptance.criteria_table`; means have Student's interval.
    """
    return criteria_table(CRITERIA, tables, student)
