"""Dose response: factors on kick units, on the noise that reaches them, and on other noise.

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
from hmmlens.emulation.interventions import Intervention, modulate_copies
from hmmlens.emulation.kicks.first_exits import InitialStates, first_exits, hazards
from hmmlens.emulation.kicks.gated_ablation import count_gated_switches
from hmmlens.emulation.kicks.group_selection import unperturbed_exits
from hmmlens.emulation.kicks.groups import KickContext
from hmmlens.emulation.kicks.intervention_tests import strongest_inputs
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import ACTIVATIONS, NoiseDriven
from hmmlens.typing import Floats, Int64s

#: What is multiplied.
DoseTarget = Literal["drive", "noise", "control"]

COLUMNS = ["exit", "of", "n_units", "factor", "hazard", "rate", "unbounded",
           "lyapunov", "lyapunov_low", "lyapunov_high"]  # fmt: skip


def multiplied_units(
    network: Any, groups: Mapping[int, Int64s], settings: KickSettings = DEFAULTS
) -> dict[tuple[int, DoseTarget], Int64s]:
    """Return the units of each exit whose drive, or whose noise, is multiplied.

    Parameters
    ----------
    network : NoiseDriven
        With one drive per unit, unless there are no groups.
    groups : dict of ndarray of shape (unit)
        The kick units of each exit, by the label that is left.
    settings : KickSettings

    Returns
    -------
    dict
        ``(label, target)`` -> units. ``drive``: the exit's group; ``noise``: its strongest inputs;
        ``control``: all units that are in no group and among the strongest inputs of none, left
        out where there are none.
    """
    inputs = {label: strongest_inputs(network, units, settings) for label, units in groups.items()}
    taken = [*groups.values(), *inputs.values()]
    rest = np.setdiff1d(np.arange(network.n_units), np.concatenate(taken) if taken else [])
    chosen: dict[tuple[int, DoseTarget], Int64s] = {}
    for label, units in groups.items():
        chosen[label, "drive"] = units
        chosen[label, "noise"] = inputs[label]
        if len(rest):
            chosen[label, "control"] = rest
    return chosen


def unit_factors(network: NoiseDriven, units: Int64s, values: Floats) -> Tensor:
    """Return factors on some units, 1 on others.

    Parameters
    ----------
    network : NoiseDriven
    units : ndarray of shape (unit)
    values : ndarray of shape (copy)

    Returns
    -------
    Tensor of shape (copy, unit)
        A value for each copy on ``units``.
    """
    factors = torch.ones(len(values), network.n_units).to(network.out.weight)
    factors[:, units] = torch.from_numpy(values)[:, None].to(factors)
    return factors


def _intervention(
    network: NoiseDriven, units: Int64s, values: Floats, target: DoseTarget
) -> Intervention:
    factors = unit_factors(network, units, values)
    return modulate_copies(network, **{"drive" if target == "drive" else "noise": factors})


def dose_response(
    network: NoiseDriven,
    units: Int64s,
    values: Floats,
    initial: InitialStates,
    informative: Sequence[int],
    to: int | None = None,
    target: DoseTarget = "drive",
) -> Floats:
    """Return the hazard with factors on some units, relative to factor 1.

    Parameters
    ----------
    network : NoiseDriven
        With one drive per unit.
    units : ndarray of shape (unit)
    values : ndarray of shape (value)
        The factors.
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states.
    to : int, optional
        The label that follows; by default any.
    target : str
        What is multiplied, see :data:`DoseTarget`.

    Returns
    -------
    ndarray of shape (value)
        Hazard divided by that of the unperturbed network.
    """
    intervention = _intervention(network, units, values, target)
    exits = first_exits(network, intervention, len(values), initial, informative)
    unperturbed = hazards(unperturbed_exits(network, initial, informative), to)
    relative: Floats = hazards(exits, to) / unperturbed
    return relative


def scale_weights(
    network: NoiseDriven, units: Int64s, factor: float, target: DoseTarget = "drive"
) -> NoiseDriven:
    """Return a copy whose weights include a factor on the drive or the noise of some units.

    Parameters
    ----------
    network : NoiseDriven
    units : ndarray of shape (unit)
    factor : float
    target : str
        What is multiplied, see :data:`DoseTarget`.

    Returns
    -------
    NoiseDriven
        A changed copy.

    Raises
    ------
    DataError
        When the cell has not one drive per unit.
    """
    if network.cell not in ACTIVATIONS:
        raise DataError(f"a {network.cell} cell has not one drive per unit")
    changed = deepcopy(network)
    with torch.no_grad():
        if target != "drive":
            changed.noise.weight[units] *= factor
            return changed
        changed.recurrent.weight[units] *= factor
        if changed.recurrent.bias is not None:
            changed.recurrent.bias[units] *= factor
    return changed


def dose_table(context: KickContext, groups: Mapping[int, Int64s]) -> pd.DataFrame:
    """Return the effect of factors on exits, on all switches and on stability.

    Parameters
    ----------
    context : KickContext
    groups : dict of ndarray of shape (unit)
        The kick units of each exit, by the label that is left.

    Returns
    -------
    DataFrame
        One row for each exit, target and factor: ``exit``, ``of`` (the target), ``n_units`` (that
        are multiplied), ``factor``, ``hazard`` of the exit and ``rate`` of all switches relative to
        factor 1, ``unbounded`` (share of runs that diverged), ``lyapunov`` with its limits (of the
        drive)
    """
    rows = []
    network: Any = context.network
    settings = context.settings
    factors = np.array(settings.factors)
    for (label, target), units in multiplied_units(network, groups, settings).items():
        # The same initial states and noise for all three.
        initial = context.initial_states(label, 2 * settings.n_initial, "dose")
        hazard = dose_response(network, units, factors, initial, context.informative, target=target)
        rate, unbounded = _rates(context, label, units, target)
        unchanged = rate[factors == 1]
        for i, factor in enumerate(factors):
            row: dict[str, Any] = {"exit": label, "of": target, "n_units": len(units)}
            row |= {"factor": factor, "hazard": hazard[i], "rate": (rate / unchanged)[i]}
            row["unbounded"] = unbounded[i]
            if target == "drive" and factor in settings.stability_factors:
                changed = scale_weights(network, units, float(factor))
                exponent = lyapunov(changed, context.torch("stability", label))
                names = ("lyapunov", "lyapunov_low", "lyapunov_high")
                row |= dict(zip(names, map(float, exponent), strict=True))
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rates(
    context: KickContext, label: int, units: Int64s, target: DoseTarget
) -> tuple[Floats, Floats]:
    """Return switches per run (factor), and the share of runs that diverged, which have no rate."""
    network: Any = context.network
    settings = context.settings
    n_factors = len(settings.factors)
    # One copy for each factor and label.
    values = np.repeat(np.array(settings.factors), len(context.informative))
    counts = count_gated_switches(
        network, _intervention(network, units, values, target), n_factors, context.informative,
        context.torch("dose", label), settings,
    )  # fmt: skip
    bounded = ~np.isnan(counts)
    rate = np.where(bounded, counts, 0).sum(axis=1) / np.maximum(bounded.sum(axis=1), 1)
    return np.where(bounded.any(axis=1), rate, np.nan), 1 - bounded.mean(axis=1)
