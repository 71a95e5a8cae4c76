"""Whether a network does what a model of its states says when its state is moved to another one.

Steering adds the difference of two states' means and keeps what the state has besides. The model,
fitted to free runs alone, says what follows: the law e_j' A^h B of the state that was steered to.
Moves of the same length that should not do that stand beside it, and real states of the other
state, which should.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.forecasts import Distributions, Runs, output_distributions
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.states.interchange import HORIZON, N_DRAWS, Sample, futures, sample
from hmmlens.emulation.states.models import N_BOOTSTRAP, Space, StateModel
from hmmlens.stats.bootstrap import estimate
from hmmlens.typing import Floats, Int64s

#: States that are steered, over all pairs of the model's states.
N_STEERED = 768
#: States further out than this share of real ones count as off the manifold.
FAR = 0.99
#: Ridge on the covariance of all units, as a share of their mean variance.
RIDGE = 1e-3
#: Smallest probability that a model's forecast is taken for, so that no divergence is infinite.
LEAST = 1e-6


class Moved(NamedTuple):
    """Moved states, all of them meant for the same states of the model.

    entries : (frame, entry)
    known : (frame), whether there is such a move for the frame
    """

    entries: Floats
    known: NDArray[np.bool_]


class Plan(NamedTuple):
    """States that are steered.

    base : (frame), rows of the sample
    before, after : (frame), the model's states
    """

    base: Int64s
    before: Int64s
    after: Int64s


def plan(drawn: Sample, n_states: int, rng: np.random.Generator) -> Plan:
    """Steer as many states of the sample from each state of the model to each other one."""
    pairs = [(i, j) for i in range(n_states) for j in range(n_states) if i != j]
    size = max(1, N_STEERED // len(pairs))
    rows: list[tuple[int, int, int]] = []
    for i, j in pairs:
        chosen = rng.permutation(np.flatnonzero(drawn.state == i))[:size]
        rows += [(int(row), i, j) for row in chosen]
    base, before, after = np.array(rows, dtype=np.int64).T
    return Plan(base, before, after)


def moves(
    model: StateModel, drawn: Sample, steered: Plan, rng: np.random.Generator
) -> dict[str, Moved]:
    """Return the moved states of every kind.

    Returns
    -------
    dict
        ``steered`` by the difference of the means; ``donor``, a real state of another run;
        moves as long as the steered one: ``random`` in any direction, ``inside`` along the
        difference of two real states of the same state of the model, and ``wrong`` towards a
        third state's mean, which there is with three states or more. Lengths are those in the
        scaled space of :class:`Space`.
    """
    space, means = model.space, model.hmm.means_
    base, i, j = steered
    given = drawn.entries[base].astype(np.float64)
    right = (means[j] - means[i]) @ space.pca.components_
    length = np.linalg.norm(right, axis=1, keepdims=True)
    everywhere = np.ones(len(base), dtype=bool)

    def by(direction: Floats, known: NDArray[np.bool_] = everywhere) -> Moved:
        size = np.linalg.norm(direction, axis=1, keepdims=True)
        known = known & (size[:, 0] > 0)
        unit = direction / np.where(size > 0, size, 1.0)
        return Moved(given + length * unit / space.scale, known)

    found = {"steered": by(right), "random": by(rng.normal(size=given.shape))}
    found["inside"] = by(_differences(drawn, i, rng) * space.scale)
    if model.n_states > 2:
        others = [np.setdiff1d(np.arange(model.n_states), pair) for pair in zip(i, j, strict=True)]
        third = np.array([rng.choice(names) for names in others])
        found["wrong"] = by((means[third] - means[i]) @ space.pca.components_)
    donor = np.array(
        [_pick((drawn.state == b) & (drawn.run != drawn.run[a]), rng)
         for a, b in zip(base, j, strict=True)]
    )  # fmt: skip
    found["donor"] = Moved(drawn.entries[donor].astype(np.float64), donor >= 0)
    return found


def _differences(drawn: Sample, state: Int64s, rng: np.random.Generator) -> Floats:
    """Return the difference of two real states (frame, entry) that share each given state."""
    one = np.array([_pick(drawn.state == s, rng) for s in state])
    rows = np.arange(len(drawn.state))
    two = np.array(
        [_pick((drawn.state == s) & (rows != a), rng) for s, a in zip(state, one, strict=True)]
    )
    # Of a state that was met once only there is no difference.
    apart: Floats = drawn.entries[one] - drawn.entries[np.where(two < 0, one, two)].astype(float)
    return apart


def _pick(allowed: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """Return one row that is allowed, -1 where none is."""
    rows = np.flatnonzero(allowed)
    return int(rng.choice(rows)) if len(rows) else -1


class Manifold(NamedTuple):
    """How far out states lie among real ones: Mahalanobis distance within the model's states.

    space : in whose scaled entries distances are
    means : (state, entry), of real states
    root : (entry, entry), by which differences become white
    real : (frame), distances of test states, sorted
    """

    space: Space
    means: Floats
    root: Floats
    real: Floats

    def percentiles(self, entries: Floats) -> Floats:
        """Return the percent of real states that lie nearer to a state (frame)."""
        nearer: Floats = np.searchsorted(self.real, self._distance(entries)).astype(np.float64)
        return nearer * (100 / len(self.real))

    def _distance(self, entries: Floats) -> Floats:
        white = (entries * self.space.scale) @ self.root
        centres = self.means @ self.root
        square = [((white - centre) ** 2).sum(axis=1) for centre in centres]
        nearest: Floats = np.sqrt(np.min(square, axis=0))
        return nearest


def manifold(runs: Runs, model: StateModel, split: NDArray[np.int8]) -> Manifold:
    """Return where the states of train lie, around the means of the model's states."""
    scale = model.space.scale
    train = runs.entries[split == 0].reshape(-1, len(scale)) * scale
    state = model.path[split == 0].ravel()
    kinds = np.unique(state)
    means = np.stack([train[state == k].mean(axis=0) for k in kinds])
    apart = train - means[np.searchsorted(kinds, state)]
    covariance = apart.T @ apart / len(apart)
    ridge = RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    root = np.linalg.inv(np.linalg.cholesky(covariance + ridge)).T
    found = Manifold(model.space, means, root, np.empty(0))
    real = found._distance(runs.entries[split == 2].reshape(-1, len(scale)).astype(np.float64))
    return found._replace(real=np.sort(real))


def steer(
    network: DrivenNetwork,
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Move real states of each state of the model to each other one, and see what is said.

    Returns
    -------
    distributions : one row for each kind of move (see :func:`moves`) and number of steps ``h``
    after it, 0
        standing for all steps together: ``move, h, n`` (moved states), ``slope`` of the observed
        change on the one foretold (through the origin; 1: as the model says, 0: nothing happens),
        ``r2`` of the law foretold (1: right, 0: no better than what is said on average), ``kl``
        (nats), mean divergence of the observed law from it; each with ``_low`` and ``_high``,
        runs resampled
    far : ``move, percentile`` (median percent of real states nearer to a state of the model than
        moved ones), ``far`` (share of moved states beyond :data:`FAR` of the real ones)
    """
    drawn = sample(runs, model, split, rng)
    steered = plan(drawn, model.n_states, rng)
    found = moves(model, drawn, steered, rng)
    out = manifold(runs, model, split)
    before = drawn.entries[steered.base].astype(np.float64)
    n = len(before)
    entries = np.concatenate([before, *(moved.entries for moved in found.values())])
    distributions = output_distributions(network, entries, HORIZON, N_DRAWS, generator)
    average = runs.distribution[split == 0].mean(axis=(0, 1))
    forecast = futures(model)
    rows, far = [], []
    for index, (name, moved) in enumerate(found.items(), start=1):
        here = slice(index * n, (index + 1) * n)
        parts = _parts(
            distributions.mean[:n], Distributions(distributions.mean[here],
            distributions.variance[here]), forecast[steered.before], forecast[steered.after],
            average,
        )[moved.known]  # fmt: skip
        if not len(parts):
            continue
        unit = drawn.run[steered.base][moved.known]
        by_run = np.stack([parts[unit == run].sum(axis=0) for run in np.unique(unit)])
        for h in range(HORIZON + 1):
            some = by_run.sum(axis=1) if h == 0 else by_run[:, h - 1]
            rows.append({"move": name, "h": h, "n": len(parts), **_scores(some, rng)})
        percent = out.percentiles(moved.entries[moved.known])
        row = {"move": name, "percentile": float(np.median(percent))}
        far.append(row | {"far": float((percent > 100 * FAR).mean())})
    return pd.DataFrame(rows), pd.DataFrame(far)


def _parts(
    before: Floats, after: Distributions, stay: Floats, go: Floats, average: Floats
) -> Floats:
    """Return the sums (frame, h, part) that slope, R2 and divergence are made of.

    Parameters
    ----------
    before, after : what is said without and with the move (frame, h, symbol).
    stay, go : what the model says of the state before and after (frame, h, symbol).
    average : (symbol)
    """
    seen, foretold, chance = after.mean - before, go - stay, after.variance.sum(axis=2)
    said = np.maximum(after.mean, LEAST)
    apart = after.mean * (np.log(said) - np.log(np.maximum(go, LEAST)))
    return np.stack(
        [
            (seen * foretold).sum(axis=2),
            (foretold**2).sum(axis=2),
            # The noise of Monte Carlo is no miss of the model: it is taken off squares, and to
            # second order off divergences.
            ((after.mean - go) ** 2).sum(axis=2) - chance,
            ((after.mean - average) ** 2).sum(axis=2) - chance,
            (apart - after.variance / (2 * said)).sum(axis=2),
            np.ones(chance.shape),
        ],
        axis=2,
    )


def _scores(by_run: Floats, rng: np.random.Generator) -> dict[str, float]:
    """Return slope, R2 and divergence with their intervals from sums (run, part)."""
    ratios = {
        "slope": lambda s: s[0] / s[1] if s[1] > 0 else np.nan,
        "r2": lambda s: 1 - s[2] / s[3] if s[3] > 0 else np.nan,
        "kl": lambda s: s[4] / s[5],
    }
    row: dict[str, float] = {}
    for name, ratio in ratios.items():
        value, low, high = estimate(by_run, ratio, N_BOOTSTRAP, rng)
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row
