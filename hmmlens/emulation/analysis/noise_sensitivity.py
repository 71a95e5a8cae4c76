"""Sensitivity to noise in a cluster, compared with that on the way out of one.

For one switch of every run two points are chosen by rule: the middle of the dwell before it, and
the first step from which the switch is all but certain. From both, rollouts continue with noise
that is partly that of the run and partly fresh (Torre et al. 2025, who choose one switch by eye).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.labels import latent, switches
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import Run, rollout, sample_noise
from hmmlens.emulation.analysis.residency import ResidencySettings, residency
from hmmlens.errors import DataError
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Floats, Int64s


@dataclass(frozen=True)
class NoiseSensitivitySettings:
    """Settings of :func:`choose` and :func:`sensitivity`.

    Attributes
    ----------
    n_trials, n_trial_steps : int
        Rollouts that test a point, and their maximum number of steps.
    soon : float
        From a kick point all trials leave, in fewer steps than this on average.
    late : float
        From a cluster point trials leave in at least as many steps on average, and not all do.
    n_back : int
        Steps before a switch among which the kick point is searched.
    n_tried : int
        Dwells of each run that are tried, the longest first.
    furthest : int
        The middle of a dwell is at most so many steps before the switch.
    n_rollouts, n_steps : int
        Rollouts from a point, and their number of steps.
    shares : tuple of float
        Shares of fresh noise.
    """

    n_trials: int = 50
    n_trial_steps: int = 25
    soon: float = 3.0
    late: float = 9.0
    n_back: int = 12
    n_tried: int = 3
    furthest: int = 100
    n_rollouts: int = 100
    n_steps: int = 5
    shares: tuple[float, ...] = (0.0, 0.5, 1.0)


class Points(NamedTuple):
    """One switch of each run that has one.

    Attributes
    ----------
    run : ndarray of shape (switch)
        The run.
    switch : ndarray of shape (switch)
        The first step with the new label.
    dwell : ndarray of shape (switch)
        Number of steps of the old label before it.
    cluster : ndarray of shape (switch)
        The middle of the dwell.
    kick : ndarray of shape (switch)
        The kick point; -1 where there is none.
    cluster_time, kick_time : ndarray of shape (switch)
        Mean steps until the label changes from there; NaN where there is no point.
    usable : ndarray of shape (switch)
        Whether both points meet their conditions.
    """

    run: Int64s
    switch: Int64s
    dwell: Int64s
    cluster: Int64s
    kick: Int64s
    cluster_time: Floats
    kick_time: Floats
    usable: NDArray[np.bool_]


def choose(
    network: DrivenNetwork,
    run: Run,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: NoiseSensitivitySettings = NoiseSensitivitySettings(),
) -> Points:
    """Choose the cluster point and the kick point of one whole dwell of each run.

    Of the run's ``n_tried`` longest dwells it is the longest that has both, or else the longest.
    The kick point is the earliest of the last ``n_back`` steps before the switch, after the cluster
    point, from which all trials change their label and in fewer than ``soon`` steps on average.
    Runs without a whole dwell that ends early enough to be followed are excluded.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    run : Run
        Its runs.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the trials' noise.
    settings : NoiseSensitivitySettings
        Numbers of trials, and conditions of points.

    Returns
    -------
    Points
        One entry for each run that has a dwell.
    """
    labels = latent(run.logits, informative).cpu().numpy()
    tried = _points(network, run, _longest(labels, settings), informative, generator, settings)
    # Unusable ones come last; the sort keeps the order of length.
    order = np.lexsort((~tried.usable, tried.run))
    _, first = np.unique(tried.run[order], return_index=True)
    return Points._make(column[order[first]] for column in tried)


def _points(
    network: DrivenNetwork,
    run: Run,
    dwells: Int64s,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: NoiseSensitivitySettings,
) -> Points:
    """Return the points of dwells (switch, 3), see :func:`_longest`."""
    runs, switch, dwell = dwells[:, 0], dwells[:, 1], dwells[:, 2]
    cluster = switch - np.minimum((dwell + 1) // 2, settings.furthest)
    back = np.arange(-settings.n_back, 0)
    tried = switch[:, None] + back
    near = tried > cluster[:, None]
    everywhere = np.concatenate([runs, runs.repeat(settings.n_back).reshape(near.shape)[near]])
    entries = run.states[everywhere, np.concatenate([cluster, tried[near]])]
    trials = ResidencySettings(n_rollouts=settings.n_trials, n_steps=settings.n_trial_steps)
    left = residency(network, entries, informative, generator, trials)
    n = len(runs)
    time, ended = np.full(near.shape, np.nan), np.zeros(near.shape)
    time[near], ended[near] = left.time[n:], left.ended[n:]
    sure = (ended == 1) & (time < settings.soon)
    first = sure.argmax(axis=1)
    some = sure.any(axis=1)
    kick = np.where(some, tried[np.arange(n), first], -1)
    settled = (left.time[:n] >= settings.late) & (left.ended[:n] < 1)
    return Points(
        runs,
        switch,
        dwell,
        cluster,
        kick,
        left.time[:n],
        np.where(some, time[np.arange(n), first], np.nan),
        some & settled,
    )


def _longest(labels: NDArray[np.integer], settings: NoiseSensitivitySettings) -> Int64s:
    """Return run, switch and dwell of each run's longest whole dwells, the longest first."""
    changes = switches(labels)
    rows = []
    for run in np.unique(changes.sequence):
        times = changes.time[changes.sequence == run]
        ends = times[1:][times[1:] + settings.n_steps < labels.shape[1]]
        if len(ends):
            lengths = ends - times[: len(ends)]
            best = np.argsort(-lengths, kind="stable")[: settings.n_tried]
            rows += [(run, ends[i], lengths[i]) for i in best]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def sensitivity(
    network: DrivenNetwork,
    run: Run,
    points: Points,
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: NoiseSensitivitySettings = NoiseSensitivitySettings(),
) -> pd.DataFrame:
    """Return how rollouts from the points spread, with intervals over switches.

    The fresh share g is mixed in by ``linear``, (1 - g) run + g fresh, as in Torre et al. 2025,
    which makes noise of g = .5 weaker by a factor of .71, and by ``preserving``,
    sqrt(1 - g^2) run + g fresh, which does not.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    run : Run
        Its runs.
    points : Points
        Result of :func:`choose`.
    generator : torch.Generator
        Source of fresh noise.
    rng : numpy.random.Generator
        Source of the resamples of switches.
    settings : NoiseSensitivitySettings
        Numbers of rollouts and steps, and shares of fresh noise.

    Returns
    -------
    DataFrame
        One row per ``mix``, ``share``, ``step`` (from 1), ``measure`` and ``point`` (cluster, kick,
        or ``ratio`` of the two), with ``value``, ``low``, ``high`` and ``n_switches``. Measures are
        ``trace`` of the covariance over rollouts of the hidden units, and mean ``distance`` to the
        mean rollout; both means over switches.

    Raises
    ------
    DataError
        When no switch is usable.
    """
    use = np.flatnonzero(points.usable)
    if not len(use):
        raise DataError("no switch has both a cluster point and a kick point")
    rows = []
    fresh = sample_noise(network, generator, len(use), settings.n_rollouts, settings.n_steps)
    for mix in ("linear", "preserving"):
        for share in settings.shares:
            kept = 1 - share if mix == "linear" else (1 - share**2) ** 0.5
            spread = {
                name: _spread(network, run, points.run[use], at[use], kept, share * fresh)
                for name, at in (("cluster", points.cluster), ("kick", points.kick))
            }
            for m, measure in enumerate(("trace", "distance")):
                for step in range(settings.n_steps):
                    one, two = (spread[name][m][:, step] for name in ("cluster", "kick"))
                    even = np.ones(len(use))
                    pairs = {"cluster": (one, even), "kick": (two, even), "ratio": (one, two)}
                    for point, pair in pairs.items():
                        value = ratio(*pair, rng)
                        rows.append(
                            {"mix": mix, "share": share, "step": step + 1, "measure": measure}
                            | {"point": point, **value._asdict(), "n_switches": len(use)}
                        )
    return pd.DataFrame(rows)


def _spread(
    network: DrivenNetwork, run: Run, runs: Int64s, at: Int64s, kept: float, fresh: Tensor
) -> tuple[Floats, Floats]:
    """Return trace and distance (switch, step) of rollouts on the run's noise and fresh noise."""
    n, n_rollouts, n_steps = fresh.shape[:3]
    times = at[:, None] + 1 + np.arange(n_steps)
    nominal = run.noise[runs[:, None], times]
    noise = (kept * nominal[:, None] + fresh).flatten(0, 1)
    start = run.states[runs, at].repeat_interleave(n_rollouts, dim=0)
    states = rollout(network, noise, start)[0][..., : network.n_units].double()
    states = states.reshape(n, n_rollouts, n_steps, -1)
    away = states - states.mean(dim=1, keepdim=True)
    trace = away.square().sum(dim=3).sum(dim=1) / (n_rollouts - 1)
    distance = away.norm(dim=3).mean(dim=1)
    return trace.cpu().numpy(), distance.cpu().numpy()
