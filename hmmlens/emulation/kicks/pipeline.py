"""The whole analysis of one network's kick units, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.emulation.kicks import activity, connectivity
from hmmlens.emulation.kicks.candidates import rank, watch
from hmmlens.emulation.kicks.context import (
    N_PAIRS,
    N_SETS,
    N_STARTS,
    Case,
    examine,
    find,
    observe,
)
from hmmlens.emulation.kicks.dose_response import Of, dose_table, multiplied
from hmmlens.emulation.kicks.gates import COLUMNS as GATE_COLUMNS
from hmmlens.emulation.kicks.gates import gates_table
from hmmlens.emulation.kicks.intervention_tests import (
    Against,
    gated,
    jaccard,
    noise_cut,
    strongest_inputs,
)
from hmmlens.emulation.kicks.matched_sets import matched_sets, selective_sets
from hmmlens.emulation.kicks.plot_data import plane_tables
from hmmlens.emulation.kicks.selection import Loss, select
from hmmlens.emulation.kicks.tables import (
    Groups,
    Results,
    against,
    are_kicks,
    by_label_table,
    kicks_table,
    named,
    null_rows,
    spelled,
    units_table,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.typing import Int64s

#: Factors at which critical pairs are found, and 1.
CRITICAL_FACTORS: dict[Of, tuple[float, ...]] = {
    "drive": (0.0, 0.5, 1.5),
    "noise": (0.0, 1.5),
    "control": (0.0, 1.5),
}
#: Sets that a cut of noise, and a held gate, are compared with, and permutations of weights.
N_CUTS, N_HELD, N_PERMUTATIONS = 100, 100, 200
#: What gated ablation must reach, with at most this p value and this median of matched pairs, and
#: what three silenced units must reach for every exit, with at most this p value.
GATED_LEAST, GATED_P, GATED_MEDIAN = 0.45, 0.01, 0.1
THREE_LEAST, THREE_P = 0.5, 0.01


def kick_analysis(
    network: NoiseDriven, informative: Sequence[int], seed: int
) -> dict[str, pd.DataFrame]:
    """Find a network's kick units for every exit from a label, and test them.

    Parameters
    ----------
    informative : the symbols that tell states apart, see :mod:`hmmlens.dynamics.labels`; a label
        is a position among them.

    Returns
    -------
    dict
        ``kicks``, ``kick_units``, ``kick_by_label``: see :mod:`hmmlens.emulation.kicks.tables`.
        ``kick_null``: every set of every null, ``test, exit`` (-1 for all), ``null, set,
        reduction``. ``kick_gated``: one row, the rate of all switches when each group is lost
        while its label lasts, ``reduction, low, high`` and the null of matched pairs.
        ``kick_dose``: see :func:`hmmlens.emulation.kicks.dose_response.dose_table`.
        ``kick_noise_cut``: one row an exit, noise cut from the ``n_inputs`` strongest inputs of its
        group, beside as many other units, or the ``reason`` why not. ``kick_plane``,
        ``kick_paths``: see :mod:`hmmlens.emulation.kicks.plot_data`. ``kick_blocks``,
        ``kick_connectivity``: see :mod:`hmmlens.emulation.kicks.connectivity`, for each pair of
        ``exit_1, exit_2``. ``kick_levels``, ``kick_activity``, ``kick_critical``: see
        :mod:`hmmlens.emulation.kicks.activity`. ``kick_repeat``: one row an exit and kind, the
        units found again on new runs and noise, and the ``jaccard`` overlap of groups of the same
        size. ``kick_gates``: see :mod:`hmmlens.emulation.kicks.gates`, of GRU and LSTM.
        ``kick_verdict``: one row, ``n_exits, n_with_kicks`` and the gates ``g1, g2``. A table about
        what a network does not have is empty: one without exits, or drives, has no doses.

    Raises
    ------
    DataError
        When the network diverges, or is too small for sets to compare its units with.
    """
    case = observe(network, informative, seed)
    groups = find(case)
    tested = {key: examine(case, g, key[1]) for key, g in groups.items() if len(g.units)}
    mine = {label: g.units for (label, kind), g in groups.items()
            if kind == "group" and len(g.units)}  # fmt: skip
    # Of cells without one drive per unit there is nothing to multiply.
    driven = mine if has_drive(network) else {}
    nulls = [null_rows("", -1, "", np.array([]))]
    nulls += [
        null_rows(kind, label, name, found.null)
        for (label, kind), result in tested.items()
        for name, found in (("matched", result.matched), ("selective", result.selective))
    ]
    tables = {
        "kicks": kicks_table(case, groups, tested),
        "kick_units": units_table(case, groups),
        "kick_by_label": by_label_table(tested),
        "kick_gated": _gated(case, mine, nulls),
        "kick_noise_cut": _noise_cut(case, mine, nulls),
        "kick_dose": dose_table(case, driven),
        "kick_repeat": _repeat(case, groups),
        "kick_levels": activity.levels_table(
            network, case.watched, mine, case.informative, case.torch("levels"),
            case.numpy("levels"),
        ),
        "kick_gates": _gates(case, tested),
        **_connectivity(case, mine),
        **plane_tables(case, mine),
    }  # fmt: skip
    tables["kick_null"] = joined(nulls)
    tables["kick_verdict"] = _verdict(tables["kick_gated"], tested, len(case.informative))
    return tables


def _gated(case: Case, mine: dict[int, Int64s], nulls: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["how", "reduction", "low", "high", "mean", "median", "q95", "little", "n", "p"]
    if len(mine) < len(case.informative):
        return pd.DataFrame(columns=columns)
    rng, how = case.numpy("gated"), case.hows["group"]
    every = np.concatenate(list(mine.values()))
    losses = [Loss(how, case.ranked[label].sent) for label in mine]
    sets = [matched_sets(u, case.kinds, N_PAIRS, rng, avoid=every).units for u in mine.values()]
    found = gated(
        case.network, list(mine.values()), sets, losses, case.informative, case.torch("gated"), rng
    )
    nulls.append(null_rows("gated", -1, "matched", found.null))
    return pd.DataFrame([_summary({"how": how}, found)])[columns]


def _summary(first: dict[str, Any], found: Against) -> dict[str, Any]:
    return first | named("reduction", found.effect) | against(found)


def _noise_cut(case: Case, mine: dict[int, Int64s], nulls: list[pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for label, units in mine.items() if has_drive(case.network) else ():
        starts = case.starts(label, N_STARTS, "cut")
        row = {"exit": label, "n_inputs": len(strongest_inputs(case.network, units))}
        try:
            found = noise_cut(
                case.network, units, N_CUTS, starts, case.informative, case.numpy("cut", label)
            )
        except DataError as error:
            rows.append(row | {"reason": str(error)})
            continue
        nulls.append(null_rows("noise cut", label, "random", found.null))
        rows.append(_summary(row | {"reason": ""}, found))
    names = ["reduction", "low", "high", "mean", "median", "q95", "little", "n", "p"]
    return pd.DataFrame(rows, columns=["exit", "n_inputs", "reason", *names])


def _repeat(case: Case, groups: Groups) -> pd.DataFrame:
    rows = []
    again = watch(case.network, case.informative, case.torch("watch again"))
    for (label, kind), group in groups.items():
        if not len(group.units):
            continue
        ranked = rank(case.network, again, case.informative, label)
        generator = case.torch("select again", label, kind)
        other = select(
            case.network, ranked, group.loss.how, case.informative, generator, len(group.units)
        )
        rows.append(
            (label, kind, len(group.units), spelled(group.units), spelled(other.units),
             jaccard(group.units, other.units))
        )  # fmt: skip
    columns = ["exit", "kind", "n_units", "units", "units_again", "jaccard"]
    return pd.DataFrame(rows, columns=columns)


def _connectivity(case: Case, mine: dict[int, Int64s]) -> dict[str, pd.DataFrame]:
    ends = ["exit_1", "exit_2"]
    blocks = [pd.DataFrame(columns=[*ends, *connectivity.BLOCK_COLUMNS])]
    contrasts = [pd.DataFrame(columns=[*ends, *connectivity.CONTRAST_COLUMNS])]
    sets = {f"kick {label}": units for label, units in mine.items()}
    for one, other in combinations(mine, 2) if has_drive(case.network) else ():
        rng, units = case.numpy("connectivity", one, other), (mine[one], mine[other])
        both = np.concatenate(units)
        pair = connectivity.Pair(
            units,
            _both(matched_sets(u, case.kinds, N_SETS, rng, avoid=both).units for u in units),
            _both(selective_sets(mine[label], case.ranked[label].candidates, N_SETS, rng)
                  for label in (one, other)),
        )  # fmt: skip
        found = connectivity.connectivity_tables(case.network, pair, N_PERMUTATIONS, rng)
        for parts, table in zip((blocks, contrasts), found, strict=True):
            parts.append(table.assign(exit_1=one, exit_2=other)[[*ends, *table.columns]])
        weight = connectivity.weights(case.network)
        names = (f"integrators {one} over {other}", f"integrators {other} over {one}")
        sets |= dict(zip(names, connectivity.integrators(weight, *units), strict=True))
    return {
        "kick_blocks": joined(blocks),
        "kick_connectivity": joined(contrasts),
        "kick_activity": activity.activity_table(case.watched, sets, list(mine)),
        "kick_critical": activity.critical_table(
            case.network,
            case.watched,
            multiplied(case.network, mine if has_drive(case.network) else {}),
            CRITICAL_FACTORS,
        ),
    }


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables below each other, the first being an empty one that names the columns."""
    return pd.concat(parts[1:], ignore_index=True) if len(parts) > 1 else parts[0]


def _both(pair: Any) -> tuple[Int64s, Int64s]:
    one, other = pair
    return one, other


def _gates(case: Case, tested: Results) -> pd.DataFrame:
    parts = [pd.DataFrame(columns=GATE_COLUMNS)]
    for (label, kind), result in tested.items():
        if has_drive(case.network) or kind != "group" or not are_kicks(result):
            continue
        parts.append(
            gates_table(
                case.network, case.watched, result.group.units, result.sets.units[:N_HELD],
                case.starts(label, N_STARTS, "gates"), case.informative, case.numpy("gates", label),
            )
        )  # fmt: skip
    return joined(parts)


def _verdict(gated_row: pd.DataFrame, tested: Results, n_exits: int) -> pd.DataFrame:
    """Return whether a network passes both gates, and how many of its exits have kick units.

    ``g1``: groups that are lost while their labels last lower the rate of switches by
    :data:`GATED_LEAST`, more than all matched pairs, whose median is small. ``g2``: three silenced
    units lower the hazard of every exit by :data:`THREE_LEAST`, more than matched sets.
    """
    g1 = False
    if len(gated_row):
        row = gated_row.iloc[0]
        g1 = bool(
            row["reduction"] >= GATED_LEAST
            and row["p"] <= GATED_P
            and row["median"] <= GATED_MEDIAN
        )
    threes = [result for (_, kind), result in tested.items() if kind == "three"]
    g2 = len(threes) == n_exits and all(
        result.effect.value >= THREE_LEAST and result.matched.p <= THREE_P for result in threes
    )
    kicks = sum(are_kicks(result) for (_, kind), result in tested.items() if kind == "group")
    return pd.DataFrame([{"n_exits": n_exits, "n_with_kicks": kicks, "g1": g1, "g2": g2}])
