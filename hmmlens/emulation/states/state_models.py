"""Hidden Markov models of a noise-driven network's states.

A model is fitted to free runs alone: neither interventions nor symbols of the target enter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.dynamics.forecasts import Runs
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.errors import DataError
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.interpretation.state_probabilities import state_outputs
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.stats.ties import descending
from hmmlens.typing import Floats, Int64s


class ReducedSpace(NamedTuple):
    """Principal components of the states of a network.

    Attributes
    ----------
    scale : ndarray of shape (entry)
        Factors on the entries before the reduction.
    pca : PrincipalComponents
        Of the scaled entries.
    """

    scale: Floats
    pca: PrincipalComponents

    def reduce(self, entries: ArrayLike) -> Floats:
        """Return the principal components of states.

        Parameters
        ----------
        entries : array_like of shape (..., entry)

        Returns
        -------
        ndarray of shape (..., component)
            Components of the scaled entries.
        """
        return self.pca.transform(np.asarray(entries, dtype=np.float64) * self.scale)


class StateModel(NamedTuple):
    """A fitted model, its states by falling occupancy.

    Attributes
    ----------
    space : ReducedSpace
        The space of its means.
    hmm : GaussianHMM
        With tied covariance.
    posteriors : ndarray of shape (run, time, state)
        Filtered probabilities of all runs.
    emission : ndarray of shape (state, symbol)
        Mean output distribution of the network in each state, from the train runs.
    """

    space: ReducedSpace
    hmm: GaussianHMM
    posteriors: Floats
    emission: Floats

    @property
    def n_states(self) -> int:
        """Number of states.

        Returns
        -------
        int
            At least 1.
        """
        return len(self.emission)

    @property
    def path(self) -> Int64s:
        """Most probable state given the past.

        Returns
        -------
        ndarray of shape (run, time)
            Numbers of states from 0.
        """
        path: Int64s = self.posteriors.argmax(axis=2)
        return path

    def forecast(self, states: Floats, n_steps: int) -> Floats:
        """Return the output distributions of the next steps, p A^h B.

        Parameters
        ----------
        states : ndarray of shape (..., state)
            Probabilities p of the present state.
        n_steps : int

        Returns
        -------
        ndarray of shape (..., h, symbol)
            For h = 1 to ``n_steps``.
        """
        distributions = []
        for _ in range(n_steps):
            states = states @ self.hmm.transmat_
            distributions.append(states @ self.emission)
        return np.stack(distributions, axis=-2)


def fit_space(
    entries: NDArray[np.floating], widths: list[int], settings: StateSettings = DEFAULTS
) -> ReducedSpace:
    """Return the principal components of states.

    Each part of the state, hidden and cell, is divided by its root mean square around its mean,
    so that an LSTM's unbounded cell state does not dominate the hidden state.

    Parameters
    ----------
    entries : ndarray of shape (frame, entry)
    widths : list of int
        Units of each part; they add up to the entries.
    settings : StateSettings

    Returns
    -------
    ReducedSpace
        The space of the train states.

    Raises
    ------
    DataError
        When no entry ever changes.
    """
    frames = np.asarray(entries, dtype=np.float64)
    spread = [part.var(axis=0).mean() for part in np.split(frames, np.cumsum(widths)[:-1], axis=1)]
    if not max(spread) > 0:
        raise DataError("no unit of the network ever changes, so it has no states to be found")
    # A part that is constant carries no information at any scale.
    factors = [1.0 if s <= 0 else s**-0.5 for s in spread]
    scale = np.repeat(factors, widths)
    return ReducedSpace(scale, PrincipalComponents(settings.n_components).fit(frames * scale))


def fit_models(
    space: ReducedSpace,
    runs: Runs,
    split: NDArray[np.int8],
    seed: int,
    settings: StateSettings = DEFAULTS,
) -> tuple[HMMSweep, dict[int, StateModel]]:
    """Fit a tied model of every number of states to the train runs.

    Parameters
    ----------
    space : ReducedSpace
    runs : Runs
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    seed : int
    settings : StateSettings

    Returns
    -------
    sweep : HMMSweep
        With held-out likelihoods on select.
    models : dict of StateModel
        By number of states.
    """
    values = space.reduce(runs.entries)
    counts, n_restarts = list(settings.state_counts), settings.n_restarts
    sweep = HMMSweep(counts, n_restarts=n_restarts, random_state=seed)
    sweep.fit(values[split == 0], held_out=values[split == 1])
    fitted = {n: model for (_, n), model in sweep.models_.items() if isinstance(model, GaussianHMM)}
    return sweep, {
        n: build_model(space, model, values, runs.distribution, split)
        for n, model in fitted.items()
    }


def build_model(
    space: ReducedSpace,
    hmm: GaussianHMM,
    values: Floats,
    distribution: Floats,
    split: NDArray[np.int8],
) -> StateModel:
    """Filter all runs with a fitted model, and order its states by occupancy in the train runs.

    Parameters
    ----------
    space : ReducedSpace
    hmm : GaussianHMM
    values : ndarray of shape (run, time, component)
    distribution : ndarray of shape (run, time, symbol)
        Outputs of the network.
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.

    Returns
    -------
    StateModel
        The model with its filtered probabilities and its outputs.
    """
    posteriors = hmm.filter(values).posteriors
    order = descending(posteriors[split == 0].mean(axis=(0, 1)))
    posteriors = posteriors[..., order]
    ordered = GaussianHMM.from_parameters(
        hmm.startprob_[order],
        hmm.transmat_[np.ix_(order, order)],
        hmm.means_[order],
        hmm.covars_[order],
        hmm.covariance_type,
    )
    emission = state_outputs(posteriors[split == 0], distribution[split == 0])
    return StateModel(space, ordered, posteriors, emission)
