"""Data of the figures of one network under reverse engineering."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.rollouts import WARM_UP, rollout, sample_noise, sample_states
from hmmlens.emulation.analysis import along_training, orbits
from hmmlens.emulation.analysis.context import (
    Context,
    Tables,
    gathered,
    pairs,
    sampled_states,
    states,
    switch_points,
    thinned,
)
from hmmlens.emulation.analysis.settings import ReverseSettings
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.rnn.noise_driven import NoiseDriven


def pictures(
    network: NoiseDriven,
    checkpoints: along_training.Weights | None,
    hmm: HMMParameters,
    seed: int,
    turn: float = float("nan"),
    settings: ReverseSettings = ReverseSettings(),  # noqa: B008
) -> Tables:
    """Return the data of figures of a network; all states in the plane of the ``orbits`` table.

    Parameters
    ----------
    network : NoiseDriven
        The network.
    checkpoints : iterable of (int, mapping) or None
        Updates of its training and the weights after them.
    hmm : HMMParameters
        The target that it was trained to emulate.
    seed : int
        Seed of all stages; that of
        :func:`hmmlens.emulation.analysis.pipeline.reverse_engineer` gives the same states.
    turn : float
        The update of the ``critical`` onset, around which checkpoints are shown.
    settings : ReverseSettings
        Settings of all stages.

    Returns
    -------
    dict of str to DataFrame
        ``states`` (:func:`~hmmlens.emulation.analysis.residency.states_table`, with ``pc1`` and
        ``pc2``); ``driven`` (``time``, ``pc1``, ``pc2``, ``label``); ``silent``, without noise
        (``start``, ``time``, ``pc1``, ``pc2``, ``label``); ``contours`` (``noise_sd``, ``x``,
        ``y``, ``density``, ``level`` of the 95 % contour); ``rollouts`` from the two points of the
        longest usable dwell (``point``, ``share`` of fresh noise, ``rollout``, ``step``, ``pc1``,
        ``pc2``); ``longest`` stretches of label pairs
        (:func:`~hmmlens.emulation.analysis.subspaces.pairs`); with checkpoints ``stack``
        (:func:`~hmmlens.emulation.analysis.along_training.trajectories`); and ``notes``.

    Raises
    ------
    DataError
        When the network diverges on its own noise.
    """
    context = Context(network, hmm, seed, settings)
    axes = orbits.plane(context.hidden, settings.orbits.n_components, settings.orbits.most_states)
    stages: dict[str, Callable[[], Tables]] = {
        "states": lambda: {"states": _residency_map(context, axes)},
        "driven": lambda: {"driven": _driven(context, axes)},
        "silent": lambda: {"silent": _silent(context, axes)},
        "contours": lambda: {"contours": _contours(context, axes)},
        "rollouts": lambda: {"rollouts": _rollouts(context, axes)},
        "pairs": lambda: {"longest": pairs(context)[1]},
    }
    if checkpoints is not None:
        kept, evolution = thinned(checkpoints, settings.max_checkpoints), settings.evolution
        shown = along_training.shown([update for update, _ in kept], turn, evolution.n_shown)
        stages["stack"] = lambda: {
            "stack": along_training.trajectories(
                network, kept, shown, context.symbols, context.generator("stack"), evolution
            )
        }
    return gathered(stages)


def _scores(
    context: Context, axes: PrincipalComponents, entries: Tensor
) -> tuple[pd.Series, pd.Series]:
    """Return the places of states (state, entry) on the first two axes."""
    scores = axes.transform(entries[:, : context.network.n_units].double().cpu().numpy())
    return pd.Series(scores[:, 0]), pd.Series(scores[:, 1])


def _residency_map(context: Context, axes: PrincipalComponents) -> pd.DataFrame:
    one, two = _scores(context, axes, sampled_states(context)[0])
    return states(context).assign(pc1=one, pc2=two)


def _driven(context: Context, axes: PrincipalComponents) -> pd.DataFrame:
    n_steps = context.settings.pictures.n_driven
    run = context.drive("driven", 1, n_steps)
    one, two = _scores(context, axes, run.states[0])
    time = np.arange(n_steps)
    return pd.DataFrame({"time": time, "pc1": one, "pc2": two, "label": context.labels(run)[0]})


def _silent(context: Context, axes: PrincipalComponents) -> pd.DataFrame:
    """Return trajectories without noise from visited states, time 0 being the state."""
    settings = context.settings.pictures
    n_each = -(-settings.n_silent // len(context.run.states))
    start, _ = sample_states(context.run, n_each, context.generator("silent"))
    start = start[: settings.n_silent]
    zeros = start.new_zeros(len(start), settings.n_silent_steps, context.network.n_noise)
    path, _ = rollout(context.network, zeros, start)
    whole = torch.cat([start[:, None], path], dim=1)
    one, two = _scores(context, axes, whole.flatten(0, 1))
    hidden = whole[..., : context.network.n_units]
    with torch.no_grad():
        label = latent(context.network.out(hidden), context.symbols).flatten().cpu().numpy()
    start_, time = np.indices(whole.shape[:2])
    return pd.DataFrame(
        {"start": start_.ravel(), "time": time.ravel(), "pc1": one, "pc2": two, "label": label}
    )


def _contours(context: Context, axes: PrincipalComponents) -> pd.DataFrame:
    """Return densities on one grid for each size of the noise, the same noise scaled."""
    settings, orbit = context.settings.pictures, context.settings.orbits
    size = settings.n_contour_runs, settings.n_contour_steps
    noise = sample_noise(context.network, context.generator("contours"), *size)
    parts = []
    for scale in orbit.noise_sds:
        path = rollout(context.network, scale * noise)[0][:, WARM_UP:].flatten(0, 1)
        if not torch.isfinite(path).all():
            continue
        scores = np.stack(_scores(context, axes, path), axis=1)
        density = orbits.contour(scores, orbit.occupied, settings.n_grid)
        x, y = np.meshgrid(density.x, density.y, indexing="ij")
        columns = {"x": x.ravel(), "y": y.ravel(), "density": density.density.ravel()}
        parts.append(pd.DataFrame({"noise_sd": scale, **columns, "level": density.level}))
    return pd.concat(parts, ignore_index=True)


def _rollouts(context: Context, axes: PrincipalComponents) -> pd.DataFrame:
    """Return rollouts from the points of the longest dwell that has both; none if none has."""
    points, settings = switch_points(context), context.settings.sensitivity
    columns = ["point", "share", "rollout", "step", "pc1", "pc2"]
    if not points.usable.any():
        return pd.DataFrame(columns=columns)
    best = int(np.where(points.usable, points.dwell, -1).argmax())
    n_steps, run = settings.n_steps, int(points.run[best])
    n_rolled = context.settings.pictures.n_rolled
    fresh = sample_noise(context.network, context.generator("rollouts"), n_rolled, n_steps)
    parts = []
    for name, at in (("cluster", int(points.cluster[best])), ("kick", int(points.kick[best]))):
        own = context.run.noise[run, at + 1 : at + 1 + n_steps]
        start = context.run.states[run, at].expand(n_rolled, -1)
        for share in settings.shares:
            path, _ = rollout(context.network, (1 - share) * own + share * fresh, start)
            whole = torch.cat([start[:, None], path], dim=1)
            one, two = _scores(context, axes, whole.flatten(0, 1))
            row, step = np.indices(whole.shape[:2])
            places = {"rollout": row.ravel(), "step": step.ravel(), "pc1": one, "pc2": two}
            parts.append(pd.DataFrame({"point": name, "share": share, **places}))
    return pd.concat(parts, ignore_index=True)[columns]
