"""Steering: whether a model of states predicts what a displacement of a network's state does.

Steering adds the difference of two states' means and keeps everything else. The model, fitted to
free runs alone, forecasts the outputs e_j' A^h B of the state that was steered to. Displacements of
the same length that should not have this effect are controls, and so are real states of the other
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
from hmmlens.emulation.states.interchange import SampledStates, forecasts_by_state, sample_states
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import ReducedSpace, StateModel
from hmmlens.stats.bootstrap import estimate
from hmmlens.typing import Floats, Int64s


class Displacement(NamedTuple):
    """Displaced states, all of them with the same target states of the model.

    Attributes
    ----------
    entries : ndarray of shape (frame, entry)
    known : ndarray of shape (frame)
        Whether there is such a displacement for the frame.
    """

    entries: Floats
    known: NDArray[np.bool_]


class SteeringPlan(NamedTuple):
    """States that are steered.

    Attributes
    ----------
    base : ndarray of shape (frame)
        Rows of the sample.
    before, after : ndarray of shape (frame)
        States of the model.
    """

    base: Int64s
    before: Int64s
    after: Int64s


def plan_steering(
    sampled: SampledStates,
    n_states: int,
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> SteeringPlan:
    """Sample equally many states for each pair of different states of the model.

    Parameters
    ----------
    sampled : SampledStates
    n_states : int
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    SteeringPlan
        The states that are steered, and their targets.
    """
    pairs = [(i, j) for i in range(n_states) for j in range(n_states) if i != j]
    size = max(1, settings.n_steered // len(pairs))
    rows: list[tuple[int, int, int]] = []
    for i, j in pairs:
        chosen = rng.permutation(np.flatnonzero(sampled.state == i))[:size]
        rows += [(int(row), i, j) for row in chosen]
    base, before, after = np.array(rows, dtype=np.int64).T
    return SteeringPlan(base, before, after)


def displacements(
    model: StateModel, sampled: SampledStates, plan: SteeringPlan, rng: np.random.Generator
) -> dict[str, Displacement]:
    """Return the displaced states of every kind.

    Parameters
    ----------
    model : StateModel
    sampled : SampledStates
    plan : SteeringPlan
    rng : numpy.random.Generator

    Returns
    -------
    dict of Displacement
        ``steered`` by the difference of the means; ``donor``, a real source state of another run;
        displacements as long as the steered one: ``random`` in any direction, ``inside`` along the
        difference of two real states of the same state of the model, and ``wrong`` towards a third
        state's mean, for models of three states or more. Lengths are those in the scaled space of
        :class:`.ReducedSpace`.
    """
    space, means = model.space, model.hmm.means_
    base, i, j = plan
    entries = sampled.entries[base].astype(np.float64)
    right = (means[j] - means[i]) @ space.pca.components_
    length = np.linalg.norm(right, axis=1, keepdims=True)
    everywhere = np.ones(len(base), dtype=bool)

    def _along(direction: Floats, known: NDArray[np.bool_] = everywhere) -> Displacement:
        size = np.linalg.norm(direction, axis=1, keepdims=True)
        known = known & (size[:, 0] > 0)
        unit = direction / np.where(size > 0, size, 1.0)
        return Displacement(entries + length * unit / space.scale, known)

    kinds = {"steered": _along(right), "random": _along(rng.normal(size=entries.shape))}
    kinds["inside"] = _along(_differences(sampled, i, rng) * space.scale)
    if model.n_states > 2:
        others = [np.setdiff1d(np.arange(model.n_states), pair) for pair in zip(i, j, strict=True)]
        third = np.array([rng.choice(names) for names in others])
        kinds["wrong"] = _along((means[third] - means[i]) @ space.pca.components_)
    source = np.array(
        [_sample_row((sampled.state == b) & (sampled.run != sampled.run[a]), rng)
         for a, b in zip(base, j, strict=True)]
    )  # fmt: skip
    kinds["donor"] = Displacement(sampled.entries[source].astype(np.float64), source >= 0)
    return kinds


def _differences(sampled: SampledStates, state: Int64s, rng: np.random.Generator) -> Floats:
    """Return the difference of two real states (frame, entry) in each given state of the model."""
    one = np.array([_sample_row(sampled.state == s, rng) for s in state])
    rows = np.arange(len(sampled.state))
    two = np.array(
        [_sample_row((sampled.state == s) & (rows != a), rng)
         for s, a in zip(state, one, strict=True)]
    )  # fmt: skip
    # A state that occurs once only has no difference.
    other = np.where(two < 0, one, two)
    difference: Floats = sampled.entries[one] - sampled.entries[other].astype(float)
    return difference


def _sample_row(allowed: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """Return one row that is allowed, -1 where none is."""
    rows = np.flatnonzero(allowed)
    return int(rng.choice(rows)) if len(rows) else -1


class Manifold(NamedTuple):
    """Distance of states from real ones: Mahalanobis distance within the model's states.

    Attributes
    ----------
    space : ReducedSpace
        In whose scaled entries distances are computed.
    means : ndarray of shape (state, entry)
        Of real states.
    root : ndarray of shape (entry, entry)
        Whitens differences.
    real : ndarray of shape (frame)
        Distances of test states, sorted.
    """

    space: ReducedSpace
    means: Floats
    root: Floats
    real: Floats

    def percentiles(self, entries: Floats) -> Floats:
        """Return the percentage of real states that are nearer to a state of the model.

        Parameters
        ----------
        entries : ndarray of shape (frame, entry)

        Returns
        -------
        ndarray of shape (frame)
            Between 0 and 100.
        """
        nearer: Floats = np.searchsorted(self.real, self._distance(entries)).astype(np.float64)
        return nearer * (100 / len(self.real))

    def _distance(self, entries: Floats) -> Floats:
        white = (entries * self.space.scale) @ self.root
        centres = self.means @ self.root
        square = [((white - centre) ** 2).sum(axis=1) for centre in centres]
        nearest: Floats = np.sqrt(np.min(square, axis=0))
        return nearest


def fit_manifold(
    runs: Runs, model: StateModel, split: NDArray[np.int8], settings: StateSettings = DEFAULTS
) -> Manifold:
    """Return the distribution of the train states around the means of the model's states.

    Parameters
    ----------
    runs : Runs
    model : StateModel
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    settings : StateSettings

    Returns
    -------
    Manifold
        With the distances of the test states.
    """
    scale = model.space.scale
    train = runs.entries[split == 0].reshape(-1, len(scale)) * scale
    state = model.path[split == 0].ravel()
    states = np.unique(state)
    means = np.stack([train[state == k].mean(axis=0) for k in states])
    centred = train - means[np.searchsorted(states, state)]
    covariance = centred.T @ centred / len(centred)
    ridge = settings.ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    root = np.linalg.inv(np.linalg.cholesky(covariance + ridge)).T
    manifold = Manifold(model.space, means, root, np.empty(0))
    test = runs.entries[split == 2].reshape(-1, len(scale)).astype(np.float64)
    return manifold._replace(real=np.sort(manifold._distance(test)))


def steer(
    network: DrivenNetwork,
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    generator: torch.Generator,
    settings: StateSettings = DEFAULTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Displace real states from each state of the model to each other one, and compare outputs.

    Parameters
    ----------
    network : DrivenNetwork
    runs : Runs
    model : StateModel
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    rng : numpy.random.Generator
    generator : torch.Generator
        Of the noise.
    settings : StateSettings

    Returns
    -------
    distributions : DataFrame
        One row for each kind of displacement (see :func:`displacements`) and number of steps ``h``
        after it, 0 standing for all steps together: ``move, h, n`` (displaced states), ``slope`` of
        the observed change on the forecast one (through the origin; 1: as the model forecasts, 0:
        no effect), ``r2`` of the forecast distribution (1: exact, 0: no better than the average
        output), ``kl`` (nats), mean divergence of the observed distribution from it; each with
        ``_low`` and ``_high``, runs resampled
    far : DataFrame
        ``move, percentile`` (median percentage of real states nearer to a state of the model than
        displaced ones), ``far`` (share of displaced states beyond ``settings.far`` of the real
        ones)

    Raises
    ------
    DataError
        When fewer than two states of the model occur in more than one run.
    """
    sampled = sample_states(runs, model, split, rng, settings)
    plan = plan_steering(sampled, model.n_states, rng, settings)
    kinds = displacements(model, sampled, plan, rng)
    manifold = fit_manifold(runs, model, split, settings)
    before = sampled.entries[plan.base].astype(np.float64)
    n, horizon = len(before), settings.horizon
    entries = np.concatenate([before, *(displaced.entries for displaced in kinds.values())])
    distributions = output_distributions(network, entries, horizon, settings.n_noise, generator)
    average = runs.distribution[split == 0].mean(axis=(0, 1))
    forecast = forecasts_by_state(model, settings)
    rows, far = [], []
    for index, (name, displaced) in enumerate(kinds.items(), start=1):
        here = slice(index * n, (index + 1) * n)
        after = Distributions(distributions.mean[here], distributions.variance[here])
        parts = _parts(
            distributions.mean[:n], after, forecast[plan.before], forecast[plan.after], average,
            settings.min_probability,
        )[displaced.known]  # fmt: skip
        if not len(parts):
            continue
        unit = sampled.run[plan.base][displaced.known]
        by_run = np.stack([parts[unit == run].sum(axis=0) for run in np.unique(unit)])
        for h in range(horizon + 1):
            some = by_run.sum(axis=1) if h == 0 else by_run[:, h - 1]
            scores = _scores(some, rng, settings.n_bootstrap)
            rows.append({"move": name, "h": h, "n": len(parts), **scores})
        percent = manifold.percentiles(displaced.entries[displaced.known])
        row = {"move": name, "percentile": float(np.median(percent))}
        far.append(row | {"far": float((percent > 100 * settings.far).mean())})
    return pd.DataFrame(rows), pd.DataFrame(far)


def _parts(
    before: Floats,
    after: Distributions,
    stay: Floats,
    go: Floats,
    average: Floats,
    min_probability: float,
) -> Floats:
    """Return the sums (frame, h, part) that slope, R2 and divergence are made of.

    ``before`` and ``after`` are the outputs without and with the displacement, ``stay`` and ``go``
    the forecasts from the states before and after it (frame, h, symbol), ``average`` is (symbol).
    """
    observed, predicted, chance = after.mean - before, go - stay, after.variance.sum(axis=2)
    output = np.maximum(after.mean, min_probability)
    divergence = after.mean * (np.log(output) - np.log(np.maximum(go, min_probability)))
    return np.stack(
        [
            (observed * predicted).sum(axis=2),
            (predicted**2).sum(axis=2),
            # The noise of Monte Carlo is no error of the model: it is subtracted from squares, and
            # to second order from divergences.
            ((after.mean - go) ** 2).sum(axis=2) - chance,
            ((after.mean - average) ** 2).sum(axis=2) - chance,
            (divergence - after.variance / (2 * output)).sum(axis=2),
            np.ones(chance.shape),
        ],
        axis=2,
    )


def _scores(by_run: Floats, rng: np.random.Generator, n_bootstrap: int) -> dict[str, float]:
    """Return slope, R2 and divergence with their intervals from sums (run, part)."""
    ratios = {
        "slope": lambda s: s[0] / s[1] if s[1] > 0 else np.nan,
        "r2": lambda s: 1 - s[2] / s[3] if s[3] > 0 else np.nan,
        "kl": lambda s: s[4] / s[5],
    }
    row: dict[str, float] = {}
    for name, ratio in ratios.items():
        value, low, high = estimate(by_run, ratio, n_bootstrap, rng)
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row
