"""Whether noise moves a network more in a cluster than on its way out of one.

For one switch of every run two points are chosen by rule: the middle of the dwell before it, and
the first step from which the switch is all but sure. From both, rollouts go on with noise that is
partly that of the run and partly fresh (Torre et al. 2025, who choose one switch by eye).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.labels import latent, switches
from hmmlens.dynamics.rollouts import Driven, Run, along, draw
from hmmlens.emulation.analysis.residency import residency
from hmmlens.errors import DataError
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Floats, Int64s

#: Rollouts that test a point, and their longest.
N_TRIALS, N_TRIAL_STEPS = 50, 25
#: A kick point leaves in fewer steps on average, always; a cluster point in as many or more, and
#: not always.
SOON, LATE = 3.0, 9.0
#: Steps before a switch among which the kick point is looked for.
N_BACK = 12
#: Dwells of each run that are tried, the longest first.
N_TRIED = 3
#: The middle of a dwell is at most so many steps before the switch.
FURTHEST = 100
#: Rollouts from a point, their steps, and shares of fresh noise.
N_ROLLOUTS, N_STEPS = 100, 5
SHARES = (0.0, 0.5, 1.0)


class Points(NamedTuple):
    """One switch of each run that has one; all (switch).

    run : the run
    switch : the first step with the new label
    dwell : steps of the old label before it
    cluster : the middle of the dwell
    kick : the kick point; -1 where there is none
    cluster_time, kick_time : mean steps until the label changes from there; NaN where none
    usable : whether both points are what they should be
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
    network: Driven, run: Run, informative: Sequence[int], generator: torch.Generator
) -> Points:
    """Choose the cluster point and the kick point of one whole dwell of each run.

    Of the run's :data:`N_TRIED` longest it is the longest that has both, or else the longest. The
    kick point is the earliest of the last :data:`N_BACK` steps before the switch, after the cluster
    point, from which all trials change their label and in fewer than :data:`SOON` steps on average.
    Runs without a whole dwell that ends early enough to be followed are left out.
    """
    labels = latent(run.logits, informative).cpu().numpy()
    tried = _points(network, run, _longest(labels), informative, generator)
    # Unusable ones go behind; the sort keeps the order of length.
    order = np.lexsort((~tried.usable, tried.run))
    _, first = np.unique(tried.run[order], return_index=True)
    return Points._make(column[order[first]] for column in tried)


def _points(
    network: Driven,
    run: Run,
    found: Int64s,
    informative: Sequence[int],
    generator: torch.Generator,
) -> Points:
    """Return the points of dwells (switch, 3), see :func:`_longest`."""
    runs, switch, dwell = found[:, 0], found[:, 1], found[:, 2]
    cluster = switch - np.minimum((dwell + 1) // 2, FURTHEST)
    back = np.arange(-N_BACK, 0)
    tried = switch[:, None] + back
    near = tried > cluster[:, None]
    everywhere = np.concatenate([runs, runs.repeat(N_BACK).reshape(near.shape)[near]])
    entries = run.states[everywhere, np.concatenate([cluster, tried[near]])]
    left = residency(network, entries, informative, generator, N_TRIALS, N_TRIAL_STEPS)
    n = len(runs)
    time, ended = np.full(near.shape, np.nan), np.zeros(near.shape)
    time[near], ended[near] = left.time[n:], left.ended[n:]
    sure = (ended == 1) & (time < SOON)
    first = sure.argmax(axis=1)
    some = sure.any(axis=1)
    kick = np.where(some, tried[np.arange(n), first], -1)
    settled = (left.time[:n] >= LATE) & (left.ended[:n] < 1)
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


def _longest(labels: NDArray[np.integer]) -> Int64s:
    """Return run, switch and dwell of each run's longest whole dwells, the longest first."""
    found = switches(labels)
    rows = []
    for run in np.unique(found.sequence):
        times = found.time[found.sequence == run]
        ends = times[1:][times[1:] + N_STEPS < labels.shape[1]]
        if len(ends):
            lengths = ends - times[: len(ends)]
            best = np.argsort(-lengths, kind="stable")[:N_TRIED]
            rows += [(run, ends[i], lengths[i]) for i in best]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def sensitivity(
    network: Driven, run: Run, points: Points, generator: torch.Generator, rng: np.random.Generator
) -> pd.DataFrame:
    """Return how rollouts from the points spread, with intervals over switches.

    The fresh share g is mixed in by ``linear``, (1 - g) run + g fresh, as in Torre et al. 2025,
    which makes noise of g = .5 weaker by a factor of .71, and by ``preserving``,
    sqrt(1 - g^2) run + g fresh, which does not.

    Returns
    -------
    one row a ``mix``, ``share``, ``step`` (1 to :data:`N_STEPS`), ``measure`` and ``point``
    (cluster, kick, or ``ratio`` of the two), with ``value``, ``low``, ``high`` and
    ``n_switches``. Measures are ``trace`` of the covariance over rollouts of the hidden units, and
    mean ``distance`` to the mean rollout; both means over switches.

    Raises
    ------
    DataError
        When no switch is usable.
    """
    use = np.flatnonzero(points.usable)
    if not len(use):
        raise DataError("no switch has both a cluster point and a kick point")
    rows = []
    fresh = draw(network, generator, len(use), N_ROLLOUTS, N_STEPS)
    for mix in ("linear", "preserving"):
        for share in SHARES:
            kept = 1 - share if mix == "linear" else (1 - share**2) ** 0.5
            spread = {
                name: _spread(network, run, points.run[use], at[use], kept, share * fresh)
                for name, at in (("cluster", points.cluster), ("kick", points.kick))
            }
            for m, measure in enumerate(("trace", "distance")):
                for step in range(N_STEPS):
                    one, two = (spread[name][m][:, step] for name in ("cluster", "kick"))
                    even = np.ones(len(use))
                    pairs = {"cluster": (one, even), "kick": (two, even), "ratio": (one, two)}
                    for point, pair in pairs.items():
                        found = ratio(*pair, rng)
                        rows.append(
                            {"mix": mix, "share": share, "step": step + 1, "measure": measure}
                            | {"point": point, **found._asdict(), "n_switches": len(use)}
                        )
    return pd.DataFrame(rows)


def _spread(
    network: Driven, run: Run, runs: Int64s, at: Int64s, kept: float, fresh: Tensor
) -> tuple[Floats, Floats]:
    """Return trace and distance (switch, step) of rollouts on the run's noise and fresh noise."""
    n, n_rollouts = fresh.shape[:2]
    times = at[:, None] + 1 + np.arange(N_STEPS)
    nominal = run.noise[runs[:, None], times]
    noise = (kept * nominal[:, None] + fresh).flatten(0, 1)
    start = run.states[runs, at].repeat_interleave(n_rollouts, dim=0)
    states = along(network, noise, start)[0][..., : network.n_units].double()
    states = states.reshape(n, n_rollouts, N_STEPS, -1)
    away = states - states.mean(dim=1, keepdim=True)
    trace = away.square().sum(dim=3).sum(dim=1) / (n_rollouts - 1)
    distance = away.norm(dim=3).mean(dim=1)
    return trace.cpu().numpy(), distance.cpu().numpy()
