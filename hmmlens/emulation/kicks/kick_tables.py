"""Tables of the groups of kick units of a network, of their tests, and of the candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.emulation.kicks.group_selection import KickGroup
from hmmlens.emulation.kicks.groups import GroupTests, KickContext
from hmmlens.emulation.kicks.intervention_tests import Comparison
from hmmlens.emulation.kicks.matched_sets import TRAITS
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.typing import Floats

#: By the label that is left and one of :data:`hmmlens.emulation.kicks.groups.KINDS`.
Groups = Mapping[tuple[int, str], KickGroup]
Results = Mapping[tuple[int, str], GroupTests]


def is_kick_group(tests: GroupTests, settings: KickSettings = DEFAULTS) -> bool:
    """Return whether a group is one of kick units, see ``settings.min_reduction``.

    Parameters
    ----------
    tests : GroupTests
    settings : KickSettings

    Returns
    -------
    bool
        True where effect and p values meet the thresholds.
    """
    return bool(
        tests.effect.low >= settings.min_reduction
        and tests.matched.p <= settings.max_p_matched
        and tests.selective.p <= settings.max_p_selective
    )


def join_units(units: Any) -> str:
    """Return units as they stand in tables: numbers with blanks between.

    Parameters
    ----------
    units : array_like of shape (unit)

    Returns
    -------
    str
        Such as ``3 14 15``.
    """
    return " ".join(str(int(u)) for u in units)


def null_summary(
    comparison: Comparison, prefix: str = "", settings: KickSettings = DEFAULTS
) -> dict[str, float]:
    """Return the summary of a null.

    Parameters
    ----------
    comparison : Comparison
    prefix : str
        Of the keys.
    settings : KickSettings

    Returns
    -------
    dict of float
        ``mean``, ``median``, ``q95``, ``little`` (share of sets with a negligible reduction), ``n``
        and ``p``
    """
    null = comparison.null
    known = len(null) > 0
    little = (null <= settings.negligible_reduction).mean() if known else np.nan
    return {
        f"{prefix}mean": float(null.mean()) if known else np.nan,
        f"{prefix}median": float(np.median(null)) if known else np.nan,
        f"{prefix}q95": float(np.quantile(null, 0.95)) if known else np.nan,
        f"{prefix}little": float(little),
        f"{prefix}n": len(null),
        f"{prefix}p": comparison.p,
    }


def kicks_table(context: KickContext, groups: Groups, results: Results) -> pd.DataFrame:
    """Return the table of groups.

    Parameters
    ----------
    context : KickContext
    groups : dict of KickGroup
    results : dict of GroupTests

    Returns
    -------
    DataFrame
        One row for each exit and kind of group: ``exit`` (the label that is left), ``symbol``,
        ``kind`` (``group`` or ``three``), ``how`` units are ablated, ``kicks`` (whether they are
        kick units), ``reason`` (why not), ``n_units``, ``units`` (none where there are no kick
        units), ``best_units`` (the group whatever its effect), ``hazard``, ``reduction`` with
        ``low`` and ``high``, ``unread`` (the off-target effect: the reduction where the readout
        ignores the group) with its limits, the nulls ``matched_*`` and ``selective_*`` (see
        :func:`null_summary`), the match ``ratio_*`` (traits of matched sets over those of the
        group), ``n_rising`` units and ``n_exits`` replayed.
    """
    rows = []
    for (label, kind), group in groups.items():
        candidates, result = context.candidates[label], results.get((label, kind))
        kicks = result is not None and is_kick_group(result, context.settings)
        row: dict[str, Any] = {
            "exit": label,
            "symbol": context.informative[label],
            "kind": kind,
            "how": group.ablation.mode,
            "kicks": kicks,
            "reason": group.reason or ("" if kicks else "no more than other units"),
            "n_units": len(group.units) if kicks else 0,
            "units": join_units(group.units) if kicks else "none",
            "best_units": join_units(group.units),
            "n_rising": candidates.n_rising,
            "n_exits": candidates.n_exits,
        }
        if result is not None:
            row |= {"hazard": result.hazard}
            row |= estimate_columns("reduction", result.effect)
            row |= estimate_columns("unread", result.off_target)
            row |= null_summary(result.matched, "matched_", context.settings)
            row |= null_summary(result.selective, "selective_", context.settings)
            ratios = zip(TRAITS, result.sets.ratio, strict=True)
            row |= {f"ratio_{trait.replace(' ', '_')}": value for trait, value in ratios}
        rows.append(row)
    return pd.DataFrame(rows)


def estimate_columns(name: str, estimate: tuple[float, float, float]) -> dict[str, float]:
    """Return a value and its limits as columns.

    Parameters
    ----------
    name : str
        The limits of ``reduction`` are ``low`` and ``high``, those of others have a prefix.
    estimate : Estimate

    Returns
    -------
    dict of float
        The value, and the lower and upper end of its interval, by column.
    """
    prefix = "" if name == "reduction" else f"{name}_"
    return dict(zip((name, f"{prefix}low", f"{prefix}high"), map(float, estimate), strict=True))


def by_label_table(results: Results) -> pd.DataFrame:
    """Return the effect on exits for each label.

    Parameters
    ----------
    results : dict of GroupTests

    Returns
    -------
    DataFrame
        ``exit, kind, to, reduction, low, high``
    """
    rows = [
        {"exit": label, "kind": kind, "to": to} | estimate_columns("reduction", effect)
        for (label, kind), result in results.items()
        for to, effect in enumerate(result.by_label)
        if to != label
    ]
    return pd.DataFrame(rows, columns=["exit", "kind", "to", "reduction", "low", "high"])


def units_table(context: KickContext, groups: Groups) -> pd.DataFrame:
    """Return the table of candidates.

    Parameters
    ----------
    context : KickContext
    groups : dict of KickGroup

    Returns
    -------
    DataFrame
        One row for each exit and candidate: ``exit``, ``unit``, ``gradient`` (of the margin of the
        next label by a factor on the unit) and its ``rank`` from 1, mean levels (pre-activations,
        or what units of a gated cell send out) in the ``cluster``, ``kick`` zone and
        ``transition``, ``activity``, ``norm_in``, ``norm_out``, and for both kinds of group
        ``place_group`` and ``place_three`` (from 1, 0 outside) and ``curve_group``,
        ``curve_three``: reduction of the hazard by ablation of the group's units up to this one, on
        the noise on which its size was chosen.
    """
    rows = []
    for candidates in context.candidates:
        for rank, unit in enumerate(candidates.candidates.tolist(), start=1):
            row: dict[str, Any] = {"exit": candidates.label, "unit": unit, "rank": rank}
            for name in ("gradient", "cluster", "kick", "transition"):
                row[name] = float(getattr(candidates, name)[unit])
            for trait, value in zip(TRAITS, context.traits[unit], strict=True):
                row[trait.replace(" ", "_")] = float(value)
            for (label, kind), group in groups.items():
                if label != candidates.label:
                    continue
                place = group.units.tolist().index(unit) + 1 if unit in group.units else 0
                row[f"place_{kind}"] = place
                row[f"curve_{kind}"] = float(group.curve[place - 1].value) if place else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def null_rows(test: str, exit_: int, null: str, values: Floats) -> pd.DataFrame:
    """Return the sets of one null.

    Parameters
    ----------
    test : str
    exit_ : int
        The label that is left, -1 for all.
    null : str
        Name of the null.
    values : ndarray of shape (set)
        Reductions.

    Returns
    -------
    DataFrame
        ``test``, ``exit``, ``null``, ``set``, ``reduction``
    """
    return pd.DataFrame(
        {
            "test": test,
            "exit": exit_,
            "null": null,
            "set": np.arange(len(values)),
            "reduction": values,
        }
    )


def stack_tables(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables stacked by rows.

    Parameters
    ----------
    parts : list of DataFrame
        The first one is empty and names the columns.

    Returns
    -------
    DataFrame
        All rows, numbered from 0; the empty table where there are no others.
    """
    return pd.concat(parts[1:], ignore_index=True) if len(parts) > 1 else parts[0]
