"""Number of states of a noise-driven network, by how well models with as many predict its outputs.

The quantity to predict is the network's own distribution of outputs some steps later, which is
computed by Monte Carlo: the outputs themselves depend on noise that nobody can predict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.forecasts import Distributions, Runs, output_distributions
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import ReducedSpace, StateModel
from hmmlens.hmm.selection import Choice, best_restarts, choose
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats, Int64s
from hmmlens.validation.baselines import codebook
from hmmlens.validation.input_output import InputOutput


class FutureOutputs(NamedTuple):
    """Output distributions of the steps after some frames.

    Attributes
    ----------
    run, time : ndarray of shape (frame)
    distributions : Distributions
        Of 1 to ``n_fidelity_steps`` steps later.
    average : ndarray of shape (symbol)
        Mean output distribution of the train runs.
    """

    run: Int64s
    time: Int64s
    distributions: Distributions
    average: Floats

    def squared_errors(self, predicted: Floats, n_runs: int) -> Floats:
        """Return the squared errors of a forecast and of the average, summed by run.

        The variance of Monte Carlo is subtracted from both, so that the error of an exact forecast
        is 0 on average.

        Parameters
        ----------
        predicted : ndarray of shape (frame, h, symbol)
        n_runs : int

        Returns
        -------
        ndarray of shape (run, 2)
            Error of the forecast, and of the average.
        """
        chance = self.distributions.variance.sum(axis=(1, 2))
        errors = (
            ((self.distributions.mean - distribution) ** 2).sum(axis=(1, 2)) - chance
            for distribution in (predicted, self.average)
        )
        return np.stack([np.bincount(self.run, part, n_runs) for part in errors], axis=1)


def sample_future_outputs(
    network: DrivenNetwork,
    runs: Runs,
    split: NDArray[np.int8],
    part: int,
    rng: np.random.Generator,
    generator: torch.Generator,
    settings: StateSettings = DEFAULTS,
) -> FutureOutputs:
    """Return the future outputs of frames of one split, sampled without replacement.

    Parameters
    ----------
    network : DrivenNetwork
    runs : Runs
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    part : int
        The split to sample from.
    rng : numpy.random.Generator
    generator : torch.Generator
        Of the noise.
    settings : StateSettings

    Returns
    -------
    FutureOutputs
        The frames and the distributions after them.
    """
    rows = np.flatnonzero(split == part)
    n_steps = runs.distribution.shape[1]
    n_frames = min(settings.n_frames, len(rows) * n_steps)
    chosen = rng.choice(len(rows) * n_steps, n_frames, replace=False)
    run, time = rows[chosen // n_steps], chosen % n_steps
    distributions = output_distributions(
        network, runs.entries[run, time], settings.n_fidelity_steps, settings.n_fidelity_noise,
        generator,
    )  # fmt: skip
    average = runs.distribution[split == 0].mean(axis=(0, 1))
    return FutureOutputs(run, time, distributions, average)


def cell_errors(
    space: ReducedSpace,
    runs: Runs,
    split: NDArray[np.int8],
    future: FutureOutputs,
    seed: int,
    settings: StateSettings = DEFAULTS,
) -> tuple[NDArray[np.int64], Floats]:
    """Return the squared errors of the Markov chains of k-means cells.

    Parameters
    ----------
    space : ReducedSpace
    runs : Runs
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    future : FutureOutputs
    seed : int
    settings : StateSettings

    Returns
    -------
    counts : ndarray of shape (count)
        Numbers of cells.
    errors : ndarray of shape (run, count, 2)
        See :meth:`FutureOutputs.squared_errors`.
    """
    values = space.reduce(runs.entries)
    known = np.ones(runs.distribution.shape[:2], dtype=bool)
    masks = {"train": known & (split == 0)[:, None]}
    classes = np.zeros(runs.distribution.shape[:2], dtype=np.int64)
    data = InputOutput(runs.distribution, classes, 1, masks)
    counts, errors = np.array(settings.codebook.counts), []
    for n_states in counts.tolist():
        book = codebook.fit(values, data, n_states, seed, settings.codebook)
        distribution = np.eye(n_states)[book.states[future.run, future.time]]
        outputs = []
        for _ in range(settings.n_fidelity_steps):
            distribution = distribution @ book.transmat[0]
            outputs.append(distribution @ book.means)
        errors.append(future.squared_errors(np.stack(outputs, axis=1), len(split)))
    return counts, np.stack(errors, axis=1)


class Elbow(NamedTuple):
    """The elbow of the fidelity of cells by their number.

    Attributes
    ----------
    n_states : int
        The count with the highest elbow.
    height, low, high : float
        Bits, see :func:`hmmlens.validation.baselines.codebook.elbow`; with its interval over runs.
    same : float
        Share of resamples of runs in which that count is highest too.
    """

    n_states: int
    height: float
    low: float
    high: float
    same: float


def fidelity_elbow(
    counts: NDArray[np.int64],
    errors: Floats,
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> Elbow:
    """Return the elbow among ``settings.state_counts`` from 2 up.

    Parameters
    ----------
    counts : ndarray of shape (count)
    errors : ndarray of shape (run, count, 2)
        See :func:`cell_errors`.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    Elbow
        The elbow with its interval.
    """
    offered = [n for n in settings.state_counts if n > 1]

    def _heights(sums: Floats) -> Floats:
        fidelity = 1 - sums[:, 0] / sums[:, 1]
        return np.array([codebook.elbow(counts, fidelity, n) for n in offered])

    with_frames = errors[errors.any(axis=(1, 2))]
    observed = _heights(with_frames.sum(axis=0))
    best = first_best(observed)
    resamples = resampled(with_frames, settings.n_bootstrap, rng)
    spread = np.array([_heights(sums) for sums in resamples])
    low, high = interval(spread[:, best])
    same = float((spread.argmax(axis=1) == best).mean())
    return Elbow(offered[best], float(observed[best]), low, high, same)


def fidelities(
    models: Mapping[int, StateModel], future: FutureOutputs, settings: StateSettings = DEFAULTS
) -> dict[int, float]:
    """Return the share of the future outputs that each model predicts.

    Parameters
    ----------
    models : dict of StateModel
    future : FutureOutputs
    settings : StateSettings

    Returns
    -------
    dict of float
        1 for an exact forecast, 0 for the average.
    """
    shares = {}
    for n, model in models.items():
        states = model.posteriors[future.run, future.time]
        predicted = model.forecast(states, settings.n_fidelity_steps)
        error, total = future.squared_errors(predicted, len(model.posteriors)).sum(axis=0)
        shares[n] = float(1 - error / total)
    return shares


def count_table(
    sweep: HMMSweep,
    models: Mapping[int, StateModel],
    curve: tuple[NDArray[np.int64], Floats],
    test: FutureOutputs,
    elbow: Elbow,
    n_true: int,
    settings: StateSettings = DEFAULTS,
) -> tuple[pd.DataFrame, Choice]:
    """Return one row for each number of states, and the choice of BIC.

    Parameters
    ----------
    sweep : HMMSweep
    models : dict of StateModel
    curve : tuple of ndarray
        Of :func:`cell_errors`, on select.
    test : FutureOutputs
        On test.
    elbow : Elbow
    n_true : int
        Number of states of the target.
    settings : StateSettings

    Returns
    -------
    table : DataFrame
        ``n_states, bic, held_out`` (nats per frame), ``fidelity`` (of the HMM, on test; 1 for an
        exact forecast, 0 for the average), ``fidelity_cells`` (of k-means cells, on select),
        ``elbow`` (bits), ``is_true, is_elbow, is_bic, bic_at_edge``
    choice : Choice
        Of BIC.
    """
    choice = choose(sweep.results_)
    rows = best_restarts(sweep.results_).sort_values("n_states")
    table = rows[["n_states", "bic", "held_out"]].reset_index(drop=True)
    shares = fidelities(models, test, settings)
    counts, errors = curve
    sums = errors.sum(axis=0)
    by_count = 1 - sums[:, 0] / sums[:, 1]
    table["fidelity"] = table["n_states"].map(shares)
    table["fidelity_cells"] = by_count[np.searchsorted(counts, table["n_states"])]
    table["elbow"] = [codebook.elbow(counts, by_count, n) for n in table["n_states"]]
    table["is_true"] = table["n_states"] == n_true
    table["is_elbow"] = table["n_states"] == elbow.n_states
    table["is_bic"] = table["n_states"] == choice.n_states
    table["bic_at_edge"] = table["is_bic"] & choice.at_edge
    return table, choice
