"""The whole analysis of one network's kick units, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.interventions import Ablation, has_gates
from hmmlens.emulation.kicks import activity, connectivity
from hmmlens.emulation.kicks.candidates import rank_candidates, record_unperturbed_runs
from hmmlens.emulation.kicks.dose_response import dose_table, multiplied_units
from hmmlens.emulation.kicks.gate_clamping import COLUMNS as GATE_COLUMNS
from hmmlens.emulation.kicks.gate_clamping import gate_table
from hmmlens.emulation.kicks.gated_ablation import compare_gated_ablation
from hmmlens.emulation.kicks.group_selection import select_kick_group
from hmmlens.emulation.kicks.groups import KickContext, examine_group, find_groups, prepare
from hmmlens.emulation.kicks.intervention_tests import (
    Comparison,
    compare_noise_ablation,
    jaccard,
    strongest_inputs,
)
from hmmlens.emulation.kicks.kick_tables import (
    Groups,
    Results,
    by_label_table,
    estimate_columns,
    is_kick_group,
    join_units,
    kicks_table,
    null_rows,
    null_summary,
    stack_tables,
    units_table,
)
from hmmlens.emulation.kicks.matched_sets import matched_sets, selective_sets
from hmmlens.emulation.kicks.phase_plane import plane_tables
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.typing import Int64s

#: Columns of a comparison with sets.
SUMMARY = ["reduction", "low", "high", "mean", "median", "q95", "little", "n", "p"]


def kick_analysis(
    network: DrivenNetwork, informative: Sequence[int], seed: int, settings: KickSettings = DEFAULTS
) -> dict[str, pd.DataFrame]:
    """Find a network's kick units for every exit from a label, and test them.

    Parameters
    ----------
    network : DrivenNetwork
        Tables about drives, noise, weights or gates are empty for a network without them.
    informative : sequence of int
        The symbols that distinguish states, see :mod:`hmmlens.dynamics.labels`; a label is a
        position among them.
    seed : int
    settings : KickSettings

    Returns
    -------
    dict of DataFrame
        ``kicks``, ``kick_units``, ``kick_by_label``: see
        :mod:`hmmlens.emulation.kicks.kick_tables`. ``kick_null``: every set of every null, ``test,
        exit`` (-1 for all), ``null, set, reduction``. ``kick_gated``: one row, the rate of all
        switches when each group is ablated while its label lasts, ``reduction, low, high`` and the
        null of matched pairs. ``kick_dose``: see :func:`.dose_table`. ``kick_noise_cut``: one row
        for each exit, the noise of the ``n_inputs`` strongest inputs of its group ablated, compared
        with that of as many other units, or the ``reason`` why not. ``kick_plane``,
        ``kick_paths``: see :mod:`hmmlens.emulation.kicks.phase_plane`. ``kick_blocks``,
        ``kick_connectivity``: see :mod:`hmmlens.emulation.kicks.connectivity`, for each pair of
        ``exit_1, exit_2``. ``kick_levels``, ``kick_activity``, ``kick_critical``: see
        :mod:`hmmlens.emulation.kicks.activity`. ``kick_repeat``: one row for each exit and kind,
        the units selected on other runs and noise, and the ``jaccard`` overlap of groups of the
        same size. ``kick_gates``: see :mod:`hmmlens.emulation.kicks.gate_clamping`, of GRU and
        LSTM. ``kick_verdict``: one row, ``n_exits, n_with_kicks`` and the criteria ``g1, g2``.

    Raises
    ------
    DataError
        When the network diverges, or is too small for sets to compare its units with.
    """
    context = prepare(network, informative, seed, settings)
    groups = find_groups(context)
    results = {
        key: examine_group(context, group, key[1])
        for key, group in groups.items()
        if len(group.units)
    }
    units_of = {
        label: group.units
        for (label, kind), group in groups.items()
        if kind == "group" and len(group.units)
    }
    # There is nothing to multiply in cells without one drive per unit.
    with_drive = units_of if has_drive(network) else {}
    nulls = [null_rows("", -1, "", np.array([]))]
    nulls += [
        null_rows(kind, label, name, comparison.null)
        for (label, kind), result in results.items()
        for name, comparison in (("matched", result.matched), ("selective", result.selective))
    ]
    tables = {
        "kicks": kicks_table(context, groups, results),
        "kick_units": units_table(context, groups),
        "kick_by_label": by_label_table(results),
        "kick_gated": _gated(context, units_of, nulls),
        "kick_noise_cut": _noise_ablation(context, with_drive, nulls),
        "kick_dose": dose_table(context, with_drive),
        "kick_repeat": _repeat(context, groups),
        "kick_levels": activity.levels_table(
            network, context.runs, units_of, context.informative, context.torch("levels"),
            context.numpy("levels"), settings,
        ),
        "kick_gates": _gates(context, results),
        **_connectivity(context, units_of),
        **plane_tables(context, units_of),
    }  # fmt: skip
    tables["kick_null"] = stack_tables(nulls)
    tables["kick_verdict"] = _verdict(context, tables["kick_gated"], results)
    return tables


def _gated(
    context: KickContext, units_of: dict[int, Int64s], nulls: list[pd.DataFrame]
) -> pd.DataFrame:
    if len(units_of) < len(context.informative):
        return pd.DataFrame(columns=["how", *SUMMARY])
    rng, mode, settings = context.numpy("gated"), context.modes["group"], context.settings
    every = np.concatenate(list(units_of.values()))
    ablations = [Ablation(mode, context.candidates[label].cluster_output) for label in units_of]
    sets = [
        matched_sets(u, context.traits, settings.n_pairs, rng, every, settings).units
        for u in units_of.values()
    ]
    comparison = compare_gated_ablation(
        context.network, list(units_of.values()), sets, ablations, context.informative,
        context.torch("gated"), rng, settings,
    )  # fmt: skip
    nulls.append(null_rows("gated", -1, "matched", comparison.null))
    return pd.DataFrame([_summary({"how": mode}, comparison, settings)])[["how", *SUMMARY]]


def _summary(
    first: dict[str, Any], comparison: Comparison, settings: KickSettings
) -> dict[str, Any]:
    effect = estimate_columns("reduction", comparison.effect)
    return first | effect | null_summary(comparison, settings=settings)


def _noise_ablation(
    context: KickContext, units_of: dict[int, Int64s], nulls: list[pd.DataFrame]
) -> pd.DataFrame:
    rows = []
    network: Any = context.network
    settings = context.settings
    for label, units in units_of.items():
        initial = context.initial_states(label, settings.n_initial, "cut")
        row = {"exit": label, "n_inputs": len(strongest_inputs(network, units, settings))}
        try:
            comparison = compare_noise_ablation(
                network, units, settings.n_noise_sets, initial, context.informative,
                context.numpy("cut", label), settings=settings,
            )  # fmt: skip
        except DataError as error:
            rows.append(row | {"reason": str(error)})
            continue
        nulls.append(null_rows("noise cut", label, "random", comparison.null))
        rows.append(_summary(row | {"reason": ""}, comparison, settings))
    return pd.DataFrame(rows, columns=["exit", "n_inputs", "reason", *SUMMARY])


def _repeat(context: KickContext, groups: Groups) -> pd.DataFrame:
    rows = []
    network, symbols, settings = context.network, context.informative, context.settings
    runs = record_unperturbed_runs(network, symbols, context.torch("watch again"), settings)
    for (label, kind), group in groups.items():
        if not len(group.units):
            continue
        candidates = rank_candidates(network, runs, symbols, label, settings=settings)
        generator = context.torch("select again", label, kind)
        other = select_kick_group(
            network, candidates, group.ablation.mode, symbols, generator, len(group.units), settings
        )
        rows.append(
            (label, kind, len(group.units), join_units(group.units), join_units(other.units),
             jaccard(group.units, other.units))
        )  # fmt: skip
    columns = ["exit", "kind", "n_units", "units", "units_again", "jaccard"]
    return pd.DataFrame(rows, columns=columns)


def _connectivity(context: KickContext, units_of: dict[int, Int64s]) -> dict[str, pd.DataFrame]:
    network: Any = context.network
    settings, share = context.settings, context.settings.integrator_share
    ends = ["exit_1", "exit_2"]
    blocks = [pd.DataFrame(columns=[*ends, *connectivity.BLOCK_COLUMNS])]
    contrasts = [pd.DataFrame(columns=[*ends, *connectivity.CONTRAST_COLUMNS])]
    sets = {f"kick {label}": units for label, units in units_of.items()}
    with_drive = units_of if has_drive(network) else {}
    for one, other in combinations(with_drive, 2):
        rng, units = context.numpy("connectivity", one, other), (units_of[one], units_of[other])
        tables = connectivity.connectivity_tables(
            network, _exit_pair(context, one, other, units, rng), settings.n_permutations, rng,
            share,
        )  # fmt: skip
        for parts, table in zip((blocks, contrasts), tables, strict=True):
            parts.append(table.assign(exit_1=one, exit_2=other)[[*ends, *table.columns]])
        weight = connectivity.recurrent_weights(network)
        names = (f"integrators {one} over {other}", f"integrators {other} over {one}")
        sets |= dict(zip(names, connectivity.integrators(weight, *units, share), strict=True))
    return {
        "kick_blocks": stack_tables(blocks),
        "kick_connectivity": stack_tables(contrasts),
        "kick_activity": activity.activity_table(context.runs, sets, list(units_of), settings),
        "kick_critical": activity.critical_table(
            network, context.runs, multiplied_units(network, with_drive, settings), settings
        ),
    }


def _exit_pair(
    context: KickContext,
    one: int,
    other: int,
    units: tuple[Int64s, Int64s],
    rng: np.random.Generator,
) -> connectivity.ExitPair:
    settings, n_sets = context.settings, context.settings.n_sets
    both = np.concatenate(units)
    first, second = (
        matched_sets(u, context.traits, n_sets, rng, both, settings).units for u in units
    )
    third, fourth = (
        selective_sets(u, context.candidates[label].candidates, n_sets, rng)
        for u, label in zip(units, (one, other), strict=True)
    )
    return connectivity.ExitPair(units, (first, second), (third, fourth))


def _gates(context: KickContext, results: Results) -> pd.DataFrame:
    parts = [pd.DataFrame(columns=GATE_COLUMNS)]
    network, settings = context.network, context.settings
    if not has_gates(network):
        return parts[0]
    for (label, kind), result in results.items():
        if kind != "group" or not is_kick_group(result, settings):
            continue
        parts.append(
            gate_table(
                network, context.runs, result.group.units,
                result.sets.units[: settings.n_gate_sets],
                context.initial_states(label, settings.n_initial, "gates"), context.informative,
                context.numpy("gates", label), settings,
            )
        )  # fmt: skip
    return stack_tables(parts)


def _verdict(context: KickContext, gated: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return whether a network meets both criteria, and how many of its exits have kick units.

    ``g1``: ablation of groups while their labels last lowers the rate of switches by
    ``settings.min_gated``, more than that of all matched pairs, whose median is small. ``g2``:
    ablation of three units lowers the hazard of every exit by ``settings.min_three``, more than
    that of matched sets.
    """
    settings, n_exits = context.settings, len(context.informative)
    g1 = False
    if len(gated):
        row = gated.iloc[0]
        g1 = bool(
            row["reduction"] >= settings.min_gated
            and row["p"] <= settings.max_p_gated
            and row["median"] <= settings.max_median_gated
        )
    threes = [result for (_, kind), result in results.items() if kind == "three"]
    g2 = len(threes) == n_exits and all(
        result.effect.value >= settings.min_three and result.matched.p <= settings.max_p_three
        for result in threes
    )
    kicks = sum(
        is_kick_group(result, settings) for (_, kind), result in results.items() if kind == "group"
    )
    return pd.DataFrame([{"n_exits": n_exits, "n_with_kicks": kicks, "g1": g1, "g2": g2}])
