"""What figures of kick units show in the plane of a network's first two components.

The levels of kick units along runs, and where states go when their drive is multiplied (Torre et
al. 2025, figure of single neurons).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import unflatten
from hmmlens.emulation.analysis import orbits
from hmmlens.emulation.kicks.context import Case
from hmmlens.emulation.kicks.dose_response import factors
from hmmlens.emulation.kicks.first_exits import modulated
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.typing import Int64s

#: Runs whose levels are shown, paths from states with the label, and their factors.
N_SHOWN, N_PATHS, PATH_FACTORS = 8, 3, (0.0, 1.0, 1.9)
#: Steps of a path.
N_STEPS = 60

PLANE_COLUMNS = ["exit", "run", "time", "pc1", "pc2", "label", "level"]
PATH_COLUMNS = ["exit", "factor", "path", "time", "pc1", "pc2", "label"]


def plane_tables(case: Case, groups: Mapping[int, Int64s]) -> dict[str, pd.DataFrame]:
    """Return levels along runs, and paths with factors on the drive of each exit's group.

    Parameters
    ----------
    groups : the kick units of each exit, by the label that is left.

    Returns
    -------
    dict
        ``kick_plane``: ``exit, run, time, pc1, pc2, label, level`` (mean pre-activation of the
        group in the step to that state; of a cell with gates what its units send out).
        ``kick_paths``: ``exit, factor, path, time, pc1, pc2, label``; paths of one number begin in
        the same state and get the same noise. None of a cell without one drive per unit.
    """
    hidden = case.watched.run.states[..., : case.network.n_units].double().cpu().numpy()
    axes = orbits.plane(hidden)
    planes, paths = [pd.DataFrame(columns=PLANE_COLUMNS)], [pd.DataFrame(columns=PATH_COLUMNS)]
    for label, units in groups.items():
        planes.append(_plane(case, axes, label, units))
        if has_drive(case.network):
            paths.append(_paths(case, axes, label, units))
    return {
        name: pd.concat(parts[1:], ignore_index=True) if len(parts) > 1 else parts[0]
        for name, parts in (("kick_plane", planes), ("kick_paths", paths))
    }


def _plane(case: Case, axes: PrincipalComponents, label: int, units: Int64s) -> pd.DataFrame:
    # Levels are those of the steps from the second on.
    hidden = case.watched.run.states[:N_SHOWN, 1:, : case.network.n_units].double().cpu().numpy()
    scores = axes.transform(hidden.reshape(-1, hidden.shape[2]))
    run, time = np.indices(hidden.shape[:2])
    level = case.watched.levels[:N_SHOWN][..., units].double().mean(dim=2).cpu().numpy()
    return pd.DataFrame(
        {
            "exit": label,
            "run": run.ravel(),
            "time": time.ravel() + 1,
            "pc1": scores[:, 0],
            "pc2": scores[:, 1],
            "label": case.watched.labels[:N_SHOWN, 1:].ravel(),
            "level": level.ravel(),
        }
    )


def _paths(case: Case, axes: PrincipalComponents, label: int, units: Int64s) -> pd.DataFrame:
    starts = case.starts(label, N_PATHS, "paths")
    entries = starts.state[0][0]
    n_paths, n_factors = len(entries), len(PATH_FACTORS)
    drive = factors(case.network, units, np.array(PATH_FACTORS))
    state = unflatten(entries.repeat(n_factors, 1), case.network)
    step = modulated(case.network, drive)(torch.arange(n_factors).repeat_interleave(n_paths))
    hidden, labels = [], []
    with torch.inference_mode():
        for t in range(N_STEPS + 1):
            if t:
                state = step(state, starts.given[t - 1].repeat(n_factors, 1))
            hidden.append(state[0][0].double().cpu().numpy())
            labels.append(latent(case.network.readout(state), case.informative).cpu().numpy())
    along = np.stack(hidden)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = axes.transform(along.reshape(-1, along.shape[2]))
    time, copy = np.indices(along.shape[:2])
    table = pd.DataFrame(
        {
            "exit": label,
            "factor": np.array(PATH_FACTORS)[copy.ravel() // n_paths],
            "path": copy.ravel() % n_paths,
            "time": time.ravel(),
            "pc1": scores[:, 0],
            "pc2": scores[:, 1],
            "label": np.stack(labels).ravel(),
        }
    )
    # A path ends where it leaves the range of numbers.
    return table[np.isfinite(scores).all(axis=1)]
