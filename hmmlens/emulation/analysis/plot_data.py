"""What figures of one network under reverse engineering show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.rollouts import WARM_UP, along, draw, pick
from hmmlens.emulation.analysis import along_training, noise_sensitivity, orbits
from hmmlens.emulation.analysis.context import (
    Case,
    Tables,
    gathered,
    pairs,
    picked,
    states,
    thinned,
)
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.rnn.noise_driven import NoiseDriven

#: Trajectories without noise and their steps, steps of the driven one.
N_SILENT, N_SILENT_STEPS, N_DRIVEN = 100, 60, 500
#: Rollouts from a point, and runs and steps and cells along either axis of contours.
N_ROLLED, N_CONTOUR_RUNS, N_CONTOUR_STEPS, N_GRID = 20, 32, 300, 60


def pictures(
    network: NoiseDriven,
    checkpoints: along_training.Weights | None,
    hmm: HMMParameters,
    seed: int,
    turn: float = float("nan"),
) -> Tables:
    """Return what figures of a network show; all states in the plane of the ``orbits`` table.

    Parameters
    ----------
    network, checkpoints, hmm, seed : as of
    :func:`hmmlens.emulation.analysis.pipeline.reverse_engineer`; the
        same seed shows the same states.
    turn : the update of the ``critical`` onset, around which checkpoints are shown.

    Returns
    -------
    ``states`` (:func:`~hmmlens.emulation.analysis.residency.states_table`, with ``pc1`` and
    ``pc2``); ``driven`` (``time``, ``pc1``, ``pc2``, ``label``); ``silent``, without noise
    (``start``, ``time``, ``pc1``, ``pc2``, ``label``); ``contours`` (``noise_sd``, ``x``, ``y``,
    ``density``, ``level`` of the 95 % contour); ``rollouts`` from the two points of the longest
    usable dwell (``point``, ``share`` of fresh noise, ``rollout``, ``step``, ``pc1``, ``pc2``);
    ``longest`` stretches of label pairs (:func:`~hmmlens.emulation.analysis.subspaces.pairs`); with
    checkpoints ``stack`` (:func:`~hmmlens.emulation.analysis.along_training.trajectories`); and
    ``notes``.
    """
    case = Case(network, hmm, seed)
    axes = orbits.plane(case.hidden)
    stages: dict[str, Callable[[], Tables]] = {
        "states": lambda: {"states": _residency_map(case, axes)},
        "driven": lambda: {"driven": _driven(case, axes)},
        "silent": lambda: {"silent": _silent(case, axes)},
        "contours": lambda: {"contours": _contours(case, axes)},
        "rollouts": lambda: {"rollouts": _rollouts(case, axes)},
        "pairs": lambda: {"longest": pairs(case)[1]},
    }
    if checkpoints is not None:
        kept = thinned(checkpoints)
        shown = along_training.shown([update for update, _ in kept], turn)
        stages["stack"] = lambda: {
            "stack": along_training.trajectories(
                network, kept, shown, case.symbols, case.generator("stack")
            )
        }
    return gathered(stages)


def _scores(case: Case, axes: PrincipalComponents, entries: Tensor) -> tuple[pd.Series, pd.Series]:
    """Return the places of states (state, entry) on the first two axes."""
    scores = axes.transform(entries[:, : case.network.n_units].double().cpu().numpy())
    return pd.Series(scores[:, 0]), pd.Series(scores[:, 1])


def _residency_map(case: Case, axes: PrincipalComponents) -> pd.DataFrame:
    one, two = _scores(case, axes, picked(case)[0])
    return states(case).assign(pc1=one, pc2=two)


def _driven(case: Case, axes: PrincipalComponents) -> pd.DataFrame:
    run = case.drive("driven", 1, N_DRIVEN)
    one, two = _scores(case, axes, run.states[0])
    time = np.arange(N_DRIVEN)
    return pd.DataFrame({"time": time, "pc1": one, "pc2": two, "label": case.labels(run)[0]})


def _silent(case: Case, axes: PrincipalComponents) -> pd.DataFrame:
    """Return trajectories without noise from visited states, time 0 being the state."""
    start, _ = pick(case.run, -(-N_SILENT // len(case.run.states)), case.generator("silent"))
    start = start[:N_SILENT]
    silence = start.new_zeros(len(start), N_SILENT_STEPS, case.network.n_noise)
    path, _ = along(case.network, silence, start)
    whole = torch.cat([start[:, None], path], dim=1)
    one, two = _scores(case, axes, whole.flatten(0, 1))
    hidden = whole[..., : case.network.n_units]
    with torch.no_grad():
        label = latent(case.network.out(hidden), case.symbols).flatten().cpu().numpy()
    start_, time = np.indices(whole.shape[:2])
    return pd.DataFrame(
        {"start": start_.ravel(), "time": time.ravel(), "pc1": one, "pc2": two, "label": label}
    )


def _contours(case: Case, axes: PrincipalComponents) -> pd.DataFrame:
    """Return densities on one grid for each size of the noise, the same noise scaled."""
    noise = draw(case.network, case.generator("contours"), N_CONTOUR_RUNS, N_CONTOUR_STEPS)
    parts = []
    for scale in orbits.SIZES:
        path = along(case.network, scale * noise)[0][:, WARM_UP:].flatten(0, 1)
        if not torch.isfinite(path).all():
            continue
        scores = np.stack(_scores(case, axes, path), axis=1)
        found = orbits.contour(scores, n_grid=N_GRID)
        x, y = np.meshgrid(found.x, found.y, indexing="ij")
        columns = {"x": x.ravel(), "y": y.ravel(), "density": found.density.ravel()}
        parts.append(pd.DataFrame({"noise_sd": scale, **columns, "level": found.level}))
    return pd.concat(parts, ignore_index=True)


def _rollouts(case: Case, axes: PrincipalComponents) -> pd.DataFrame:
    """Return rollouts from the points of the longest dwell that has both; none if none has."""
    points = noise_sensitivity.choose(
        case.network, case.run, case.symbols, case.generator("points")
    )
    columns = ["point", "share", "rollout", "step", "pc1", "pc2"]
    if not points.usable.any():
        return pd.DataFrame(columns=columns)
    best = int(np.where(points.usable, points.dwell, -1).argmax())
    n_steps, run = noise_sensitivity.N_STEPS, int(points.run[best])
    fresh = draw(case.network, case.generator("rollouts"), N_ROLLED, n_steps)
    parts = []
    for name, at in (("cluster", int(points.cluster[best])), ("kick", int(points.kick[best]))):
        own = case.run.noise[run, at + 1 : at + 1 + n_steps]
        start = case.run.states[run, at].expand(N_ROLLED, -1)
        for share in noise_sensitivity.SHARES:
            path, _ = along(case.network, (1 - share) * own + share * fresh, start)
            whole = torch.cat([start[:, None], path], dim=1)
            one, two = _scores(case, axes, whole.flatten(0, 1))
            rollout, step = np.indices(whole.shape[:2])
            places = {"rollout": rollout.ravel(), "step": step.ravel(), "pc1": one, "pc2": two}
            parts.append(pd.DataFrame({"point": name, "share": share, **places}))
    return pd.concat(parts, ignore_index=True)[columns]
