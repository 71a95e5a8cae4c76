"""Data of the figures of kick units in the plane of a network's first two components.

The levels of kick units along runs, and the paths of states when the drive of kick units is
multiplied (Torre et al. 2025, figure of single neurons).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.analysis import orbits
from hmmlens.emulation.interventions import modulate_copies
from hmmlens.emulation.kicks.dose_response import unit_factors
from hmmlens.emulation.kicks.groups import KickContext
from hmmlens.emulation.kicks.kick_tables import stack_tables
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.typing import Int64s

PLANE_COLUMNS = ["exit", "run", "time", "pc1", "pc2", "label", "level"]
PATH_COLUMNS = ["exit", "factor", "path", "time", "pc1", "pc2", "label"]


def plane_tables(context: KickContext, groups: Mapping[int, Int64s]) -> dict[str, pd.DataFrame]:
    """Return levels along runs, and paths with factors on the drive of each exit's group.

    Parameters
    ----------
    context : KickContext
    groups : dict of ndarray of shape (unit)
        The kick units of each exit, by the label that is left.

    Returns
    -------
    dict of DataFrame
        ``kick_plane``: ``exit, run, time, pc1, pc2, label, level`` (mean pre-activation of the
        group in the step to that state; of a cell with gates what its units send out).
        ``kick_paths``: ``exit, factor, path, time, pc1, pc2, label``; paths of one number begin in
        the same state and receive the same noise. Empty for a cell without one drive per unit.
    """
    states = context.runs.run.states
    hidden = states[..., : context.network.n_units].double().cpu().numpy()
    axes = orbits.plane(hidden)
    planes, paths = [pd.DataFrame(columns=PLANE_COLUMNS)], [pd.DataFrame(columns=PATH_COLUMNS)]
    for label, units in groups.items():
        planes.append(_plane(context, axes, label, units))
        if has_drive(context.network):
            paths.append(_paths(context, axes, label, units))
    return {"kick_plane": stack_tables(planes), "kick_paths": stack_tables(paths)}


def _plane(
    context: KickContext, axes: PrincipalComponents, label: int, units: Int64s
) -> pd.DataFrame:
    # Levels are those of the steps from the second on.
    runs, n_shown = context.runs, context.settings.n_shown
    states = runs.run.states[:n_shown, 1:, : context.network.n_units]
    hidden = states.double().cpu().numpy()
    scores = axes.transform(hidden.reshape(-1, hidden.shape[2]))
    run, time = np.indices(hidden.shape[:2])
    level = runs.levels[:n_shown][..., units].double().mean(dim=2).cpu().numpy()
    return pd.DataFrame(
        {
            "exit": label,
            "run": run.ravel(),
            "time": time.ravel() + 1,
            "pc1": scores[:, 0],
            "pc2": scores[:, 1],
            "label": runs.labels[:n_shown, 1:].ravel(),
            "level": level.ravel(),
        }
    )


def _paths(
    context: KickContext, axes: PrincipalComponents, label: int, units: Int64s
) -> pd.DataFrame:
    network: Any = context.network
    settings = context.settings
    factors = np.array(settings.path_factors)
    initial = context.initial_states(label, settings.n_paths, "paths")
    entries = initial.state[0][0]
    n_paths, n_factors = len(entries), len(factors)
    drive = unit_factors(network, units, factors)
    state = unflatten(entries.repeat(n_factors, 1), network)
    step = modulate_copies(network, drive)(torch.arange(n_factors).repeat_interleave(n_paths))
    hidden, labels = [], []
    with torch.inference_mode():
        for t in range(settings.n_path_steps + 1):
            if t:
                state = step(state, initial.noise_input[t - 1].repeat(n_factors, 1))
            hidden.append(state[0][0].double().cpu().numpy())
            labels.append(latent(network.readout(state), context.informative).cpu().numpy())
    along = np.stack(hidden)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = axes.transform(along.reshape(-1, along.shape[2]))
    time, copy = np.indices(along.shape[:2])
    table = pd.DataFrame(
        {
            "exit": label,
            "factor": factors[copy.ravel() // n_paths],
            "path": copy.ravel() % n_paths,
            "time": time.ravel(),
            "pc1": scores[:, 0],
            "pc2": scores[:, 1],
            "label": np.stack(labels).ravel(),
        }
    )
    # A path ends where it leaves the range of numbers.
    return table[np.isfinite(scores).all(axis=1)]
