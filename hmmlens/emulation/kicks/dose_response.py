"""Doses: what a factor on kick units, on the noise that reaches them, or on other noise does.

Torre et al. 2025 (section on ablation and enhancement) multiply the drive of kick units, the noise
of the units that give them most input, and as a control the noise of units that do neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.lyapunov import lyapunov
from hmmlens.emulation.kicks.context import N_STARTS, Case
from hmmlens.emulation.kicks.first_exits import Starts, first_exits, hazards, modulated
from hmmlens.emulation.kicks.intervention_tests import gated_switches, strongest_inputs
from hmmlens.emulation.kicks.selection import intact
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import ACTIVATIONS, NoiseDriven
from hmmlens.typing import Floats, Int64s

#: What is multiplied.
Of = Literal["drive", "noise", "control"]
#: Factors. Beyond 1.5 states may run away, see the Lyapunov exponent.
FACTORS = np.arange(21) / 10
#: Factors on the drive at which the Lyapunov exponent is found.
STABILITY_FACTORS = (0.0, 0.5, 1.0, 1.5, 2.0)

COLUMNS = ["exit", "of", "n_units", "factor", "hazard", "rate", "unbounded",
           "lyapunov", "lyapunov_low", "lyapunov_high"]  # fmt: skip


def multiplied(network: NoiseDriven, groups: Mapping[int, Int64s]) -> dict[tuple[int, Of], Int64s]:
    """Return the units of each exit whose drive, or whose noise, is multiplied.

    ``drive``: the exit's group; ``noise``: its strongest inputs; ``control``: all units that are
    in no group and among the strongest inputs of none, left out where there are none.

    Parameters
    ----------
    groups : the kick units of each exit, by the label that is left.
    """
    inputs = {label: strongest_inputs(network, units) for label, units in groups.items()}
    taken = [*groups.values(), *inputs.values()]
    rest = np.setdiff1d(np.arange(network.n_units), np.concatenate(taken) if taken else [])
    found: dict[tuple[int, Of], Int64s] = {}
    for label, units in groups.items():
        found[label, "drive"] = units
        found[label, "noise"] = inputs[label]
        if len(rest):
            found[label, "control"] = rest
    return found


def factors(network: NoiseDriven, units: Int64s, values: Floats) -> Tensor:
    """Return factors (copy, unit) on units: a value for each copy on ``units``, 1 on others."""
    out = torch.ones(len(values), network.n_units).to(network.out.weight)
    out[:, units] = torch.from_numpy(values)[:, None].to(out)
    return out


def _modulation(network: NoiseDriven, units: Int64s, values: Floats, of: Of) -> dict[str, Tensor]:
    return {"drive" if of == "drive" else "noise": factors(network, units, values)}


def dose(
    network: NoiseDriven,
    units: Int64s,
    values: Floats,
    starts: Starts,
    informative: Sequence[int],
    to: int | None = None,
    of: Of = "drive",
) -> Floats:
    """Return the hazard (value) with a factor on some units, relative to factor 1."""
    changed = modulated(network, **_modulation(network, units, values, of))
    exits = first_exits(network, changed, len(values), starts, informative)
    usual = hazards(intact(network, starts, informative), to)
    found: Floats = hazards(exits, to) / usual
    return found


def scaled(network: NoiseDriven, units: Int64s, factor: float, of: Of = "drive") -> NoiseDriven:
    """Return a copy whose weights have a factor on the drive or the noise of ``units`` built in.

    Raises
    ------
    DataError
        When the cell has not one drive per unit.
    """
    if network.cell not in ACTIVATIONS:
        raise DataError(f"a {network.cell} cell has not one drive per unit")
    changed = deepcopy(network)
    with torch.no_grad():
        if of != "drive":
            changed.noise.weight[units] *= factor
            return changed
        changed.recurrent.weight[units] *= factor
        if changed.recurrent.bias is not None:
            changed.recurrent.bias[units] *= factor
    return changed


def dose_table(case: Case, groups: Mapping[int, Int64s]) -> pd.DataFrame:
    """Return what factors do to exits, to all switches and to stability.

    Returns
    -------
    one row an exit, what is multiplied and factor: ``exit``, ``of``, ``n_units`` (that are
    multiplied), ``factor``, ``hazard`` of the exit and ``rate`` of all switches relative to factor
    1, ``unbounded`` (share of runs that ran away), ``lyapunov`` with its limits (of the drive)
    """
    rows = []
    network = case.network
    for (label, of), units in multiplied(network, groups).items():
        # The same starts and noise for all three.
        starts = case.starts(label, 2 * N_STARTS, "dose")
        hazard = dose(network, units, FACTORS, starts, case.informative, of=of)
        rate, unbounded = _rates(case, label, units, of)
        usual = rate[FACTORS == 1]
        for i, factor in enumerate(FACTORS):
            row: dict[str, Any] = {"exit": label, "of": of, "n_units": len(units)}
            row |= {"factor": factor, "hazard": hazard[i], "rate": (rate / usual)[i]}
            row["unbounded"] = unbounded[i]
            if of == "drive" and factor in STABILITY_FACTORS:
                changed = scaled(network, units, float(factor))
                found = lyapunov(changed, case.torch("stability", label))
                names = ("lyapunov", "lyapunov_low", "lyapunov_high")
                row |= dict(zip(names, map(float, found), strict=True))
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rates(case: Case, label: int, units: Int64s, of: Of) -> tuple[Floats, Floats]:
    """Return switches a run (factor), and the share of runs that ran away, which have no rate."""
    # Of copies, one for each factor and label.
    values = np.repeat(FACTORS, len(case.informative))
    changed = modulated(case.network, **_modulation(case.network, units, values, of))
    counts = gated_switches(
        case.network, changed, len(FACTORS), case.informative, case.torch("dose", label)
    )
    bounded = ~np.isnan(counts)
    rate = np.where(bounded, counts, 0).sum(axis=1) / np.maximum(bounded.sum(axis=1), 1)
    return np.where(bounded.any(axis=1), rate, np.nan), 1 - bounded.mean(axis=1)
