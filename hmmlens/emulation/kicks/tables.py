"""What is known of a network's kick units, as tables with one row a thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.emulation.kicks.context import Case, Examined
from hmmlens.emulation.kicks.intervention_tests import Against
from hmmlens.emulation.kicks.matched_sets import TRAITS
from hmmlens.emulation.kicks.selection import Group
from hmmlens.typing import Floats

#: A group is one of kick units if it lowers the hazard of leaving by at least ``LEAST`` (the lower
#: end of the 95 % interval), more than matched sets with ``P_MATCHED`` and more than other
#: candidates with ``P_SELECTIVE``.
LEAST, P_MATCHED, P_SELECTIVE = 0.25, 0.01, 0.05
#: What the share of sets is told for that lower an outcome by no more than this.
LITTLE = 0.1

Groups = Mapping[tuple[int, str], Group]
Results = Mapping[tuple[int, str], Examined]


def are_kicks(tested: Examined) -> bool:
    """Return whether a group is one of kick units, see :data:`LEAST`."""
    return bool(
        tested.effect.low >= LEAST
        and tested.matched.p <= P_MATCHED
        and tested.selective.p <= P_SELECTIVE
    )


def spelled(units: Any) -> str:
    """Return units as they stand in tables: numbers with blanks between."""
    return " ".join(str(int(u)) for u in units)


def against(found: Against, prefix: str = "") -> dict[str, float]:
    """Return the summary of a null: ``mean``, ``median``, ``q95``, ``little``, ``n`` and ``p``."""
    null = found.null
    known = len(null) > 0
    return {
        f"{prefix}mean": float(null.mean()) if known else np.nan,
        f"{prefix}median": float(np.median(null)) if known else np.nan,
        f"{prefix}q95": float(np.quantile(null, 0.95)) if known else np.nan,
        f"{prefix}little": float((null <= LITTLE).mean()) if known else np.nan,
        f"{prefix}n": len(null),
        f"{prefix}p": found.p,
    }


def kicks_table(case: Case, groups: Groups, tested: Results) -> pd.DataFrame:
    """Return one row an exit and kind of group.

    ``exit`` (the label that is left), ``symbol``, ``kind`` (``group`` or ``three``), ``how`` units
    are lost, ``kicks`` (whether they are kick units), ``reason`` (why not), ``n_units``, ``units``
    (none where there are no kick units), ``best_units`` (the group whatever its effect),
    ``hazard``, ``reduction`` with ``low`` and ``high``, ``unread`` (the reduction where the group
    has no say in the label) with its limits, the nulls ``matched_*`` and ``selective_*`` (mean,
    median, q95, little: share of the sets that lower the hazard by at most a tenth, n, p), the
    match ``ratio_*`` (traits of matched sets over those of the group), ``n_rising`` units and
    ``n_exits`` replayed.
    """
    rows = []
    for (label, kind), group in groups.items():
        ranked, result = case.ranked[label], tested.get((label, kind))
        found = result is not None and are_kicks(result)
        row: dict[str, Any] = {
            "exit": label,
            "symbol": case.informative[label],
            "kind": kind,
            "how": group.loss.how,
            "kicks": found,
            "reason": group.reason or ("" if found else "no more than other units"),
            "n_units": len(group.units) if found else 0,
            "units": spelled(group.units) if found else "none",
            "best_units": spelled(group.units),
            "n_rising": ranked.n_rising,
            "n_exits": ranked.n_exits,
        }
        if result is not None:
            row |= {"hazard": result.hazard}
            row |= named("reduction", result.effect) | named("unread", result.unread)
            row |= against(result.matched, "matched_") | against(result.selective, "selective_")
            ratios = zip(TRAITS, result.sets.ratio, strict=True)
            row |= {f"ratio_{trait.replace(' ', '_')}": value for trait, value in ratios}
        rows.append(row)
    return pd.DataFrame(rows)


def named(name: str, found: tuple[float, float, float]) -> dict[str, float]:
    """Return a value and its limits as columns; those of ``reduction`` are ``low`` and ``high``."""
    prefix = "" if name == "reduction" else f"{name}_"
    return dict(zip((name, f"{prefix}low", f"{prefix}high"), map(float, found), strict=True))


def by_label_table(tested: Results) -> pd.DataFrame:
    """Return the effect on exits for each label: ``exit, kind, to, reduction, low, high``."""
    rows = [
        {"exit": label, "kind": kind, "to": to} | named("reduction", effect)
        for (label, kind), result in tested.items()
        for to, effect in enumerate(result.by_label)
        if to != label
    ]
    return pd.DataFrame(rows, columns=["exit", "kind", "to", "reduction", "low", "high"])


def units_table(case: Case, groups: Groups) -> pd.DataFrame:
    """Return one row an exit and candidate.

    ``exit``, ``unit``, ``gradient`` (of the margin of the next label by a factor on the unit) and
    its ``rank`` from 1, mean levels (pre-activations, or what units of a gated cell send out) in
    the ``cluster``, ``kick`` zone and ``transition``, ``activity``, ``norm_in``, ``norm_out``, and
    for both kinds of group ``place_group`` and ``place_three`` (from 1, 0 outside) and
    ``curve_group``, ``curve_three``: by how much the group's units up to this one lower the hazard
    on the noise on which its size was chosen.
    """
    rows = []
    for ranked in case.ranked:
        for rank, unit in enumerate(ranked.candidates.tolist(), start=1):
            row: dict[str, Any] = {"exit": ranked.label, "unit": unit, "rank": rank}
            for name in ("gradient", "cluster", "kick", "transition"):
                row[name] = float(getattr(ranked, name)[unit])
            for trait, value in zip(TRAITS, case.kinds[unit], strict=True):
                row[trait.replace(" ", "_")] = float(value)
            for (label, kind), group in groups.items():
                if label != ranked.label:
                    continue
                place = group.units.tolist().index(unit) + 1 if unit in group.units else 0
                row[f"place_{kind}"] = place
                row[f"curve_{kind}"] = float(group.curve[place - 1].value) if place else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def null_rows(test: str, exit_: int, null: str, values: Floats) -> pd.DataFrame:
    """Return the sets of one null: ``test``, ``exit``, ``null``, ``set``, ``reduction``."""
    return pd.DataFrame(
        {
            "test": test,
            "exit": exit_,
            "null": null,
            "set": np.arange(len(values)),
            "reduction": values,
        }
    )
