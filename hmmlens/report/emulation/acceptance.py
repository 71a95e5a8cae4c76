"""What is promised of a study of emulating networks, and whether it is kept.

What is promised stands in :data:`GATES`, once. A gate that is missed is printed as missed, and one
for which the study has too few trainings is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom

from hmmlens.dynamics.lyapunov import STABLE
from hmmlens.report.roundtrip.summary import share
from hmmlens.stats.bootstrap import Estimate
from hmmlens.stats.paired import student
from hmmlens.study.emulation_folders import COST

#: Gathered tables by name, see :mod:`hmmlens.report.emulation.pipeline`.
Tables = Mapping[str, pd.DataFrame]

#: Columns that say which training a row is of.
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


class Gate(NamedTuple):
    """One promise.

    what : in words
    values : one for each training, or thing, that it is about; True and False, or numbers
    wanted : the least, or the most, that their share, mean or median may be; NaN reports only
    fewest : how many there must be for it to be asked
    least : whether ``wanted`` is the least
    median : whether numbers are told by their median rather than their mean
    """

    what: str
    values: Callable[[Tables], pd.Series]
    wanted: float
    fewest: int = 1
    least: bool = True
    median: bool = False


def read(tables: Tables, name: str, *columns: str) -> pd.DataFrame:
    """Return a table; one without rows, of ``columns`` at least, where the study has none."""
    found = tables.get(name)
    return pd.DataFrame(columns=[*WHO, *columns]) if found is None else found


def like_paper(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the trainings of networks that the paper has: ReLU units without biases or leak."""
    kept = networks["cell"].eq("relu") & ~networks["bias"].astype(bool) & networks["leak"].eq(1.0)
    return networks[kept & networks["radius"].isna()]


def paper_trained(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those of :func:`like_paper` that the paper's objective trained."""
    return like_paper(networks[networks["objective"].eq("sinkhorn")])


def main_size(networks: pd.DataFrame) -> pd.DataFrame:
    """Return those of :func:`paper_trained` with 150 units and 100 dimensions of noise."""
    found = paper_trained(networks)
    return found[found["n_units"].eq(150) & found["n_noise"].eq(100)]


def of(tables: Tables, name: str, kept: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows of a table that are of some trainings; ``columns`` are there in any case."""
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
    """Return whether all that is asked of a stable network holds of each training."""
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
    rows = read(tables, "kicks_verdict", "n_exits", "n_with_kicks")
    # One for each exit, as networks have different numbers of them.
    have, of_all = int(rows["n_with_kicks"].sum()), int(rows["n_exits"].sum())
    return pd.Series([True] * have + [False] * (of_all - have), dtype=bool)


def _quick(tables: Tables) -> pd.Series:
    steps = [read(tables, f"{step}_{COST}", "cpu_seconds") for step in APART]
    taken = pd.concat([rows[[*WHO, "cpu_seconds"]] for rows in steps if len(rows)] or steps[:1])
    whole = taken.groupby(WHO)["cpu_seconds"].sum()
    # Networks are asked that were reverse engineered, with what else was done to them.
    known = steps[0].set_index(WHO).index
    return whole.reindex(known).le(LONGEST)


GATES = (
    Gate(
        "Two states, 150 units: past the plateau and within 10 % of the floor, share of trainings",
        _reach_floor, 0.8, fewest=5,
    ),
    Gate(
        "Other targets: largest squared error of an output transition at most .02, share of "
        "trainings",
        _other_targets, 1.0,
    ),
    Gate("Without noise all states decay to a fixed point, share of trainings", _decayed, 1.0),
    *(
        Gate(
            f"{name}: mean squared error of output transitions at most .001, Lyapunov exponent "
            "below -.05, no run beyond 100 times the median, share of trainings",
            _stable(target), 0.8, fewest=5,
        )
        for target, name in TO_BE_STABLE.items()
    ),
    Gate(
        "Two states: gated loss of both groups lowers switching by 45 % and more than 100 matched "
        "pairs, whose median is at most 10 %, share of trainings",
        _verdicts("g1"), 0.8, fewest=8,
    ),
    Gate(
        "Two states: three silenced units lower the hazard of either exit by 50 %, p at most .01, "
        "share of trainings",
        _verdicts("g2"), 0.8, fewest=8,
    ),
    Gate(
        "Two states: overlap of units selected again on new noise, median of trainings' mean "
        "Jaccard index",
        _repeated, 0.8, fewest=8, median=True,
    ),
    Gate("All networks: exits that have kick units, share of exits", _with_kicks, np.nan),
    Gate(
        "Reverse engineering with kick units and states in 120 CPU seconds, share of trainings",
        _quick, 1.0,
    ),
)  # fmt: skip


def median_estimate(values: pd.Series) -> Estimate:
    """Return the median with its distribution-free 95 % interval; NaN limits below six values.

    Between order statistics whose ranks come from the binomial law (Conover 1999, section 3.2).
    """
    ordered = np.sort(values.to_numpy(dtype=float))
    n = len(ordered)
    below = int(binom.ppf(0.025, n, 0.5))
    if below < 1:
        return Estimate(float(np.median(ordered)), np.nan, np.nan)
    return Estimate(float(np.median(ordered)), float(ordered[below - 1]), float(ordered[n - below]))


def found(gate: Gate, values: pd.Series) -> Estimate:
    """Return the share, mean or median of a gate's values, with its interval."""
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    if values.dtype == bool:
        return share(int(values.sum()), len(values))
    return median_estimate(values) if gate.median else student(values)


def gates(tables: Tables) -> pd.DataFrame:
    """Return what was promised and what was found.

    Returns
    -------
    DataFrame
        ``gate, limit, wanted, value, low, high, n, outcome``: shares with an exact interval, means
        with Student's, medians with one of ranks; ``outcome`` is reached, missed, reported, or not
        asked.
    """
    rows = []
    for gate in GATES:
        values = gate.values(tables).dropna()
        estimate = found(gate, values)
        if len(values) < max(1, gate.fewest):
            outcome = "not asked"
        elif np.isnan(gate.wanted):
            outcome = "reported"
        else:
            value, wanted = estimate.value, gate.wanted
            met = value >= wanted if gate.least else value <= wanted
            outcome = "reached" if met else "missed"
        sign = "" if np.isnan(gate.wanted) else ("at least" if gate.least else "at most")
        rows.append(
            {"gate": gate.what, "limit": sign, "wanted": gate.wanted}
            | {**estimate._asdict(), "n": len(values), "outcome": outcome}
        )
    return pd.DataFrame(rows)
