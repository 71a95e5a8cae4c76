"""Hidden Markov models of a noise-driven network's states.

A model is fitted to free runs alone: it sees no intervention and no symbol of the target.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.dynamics.forecasts import Runs
from hmmlens.errors import DataError
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.interpretation.states import state_outputs
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.stats.ties import descending
from hmmlens.typing import Floats, Int64s

#: Principal components that states are looked for in.
N_COMPONENTS = 8
#: State counts of the models, and starts of each.
COUNTS, N_RESTARTS = range(1, 11), 3
#: Resamples of runs behind an interval.
N_BOOTSTRAP = 500


class Space(NamedTuple):
    """Principal components of the states of a network.

    scale : (entry), by which entries are multiplied first
    pca : of the scaled entries
    """

    scale: Floats
    pca: PrincipalComponents

    def reduce(self, entries: ArrayLike) -> Floats:
        """Return (..., component) of states (..., entry)."""
        return self.pca.transform(np.asarray(entries, dtype=np.float64) * self.scale)

    def lift(self, moves: Floats) -> Floats:
        """Return the move (..., entry) that is ``moves`` (..., component) and nothing else."""
        lifted: Floats = moves @ self.pca.components_ / self.scale
        return lifted


class StateModel(NamedTuple):
    """A fitted model, its states by falling occupancy.

    space : where it lives
    hmm : tied covariance
    posteriors : (run, time, state), filtered, of all runs
    emission : (state, symbol), what the network says in each state, from the train runs
    """

    space: Space
    hmm: GaussianHMM
    posteriors: Floats
    emission: Floats

    @property
    def n_states(self) -> int:
        """Return the number of states."""
        return len(self.emission)

    @property
    def path(self) -> Int64s:
        """Return the likeliest state given the past (run, time)."""
        path: Int64s = self.posteriors.argmax(axis=2)
        return path

    def forecast(self, states: Floats, n_steps: int) -> Floats:
        """Return what is said 1 to ``n_steps`` steps later (..., h, symbol): states A^h B.

        Parameters
        ----------
        states : (..., state), what is known of the state now.
        """
        said = []
        for _ in range(n_steps):
            states = states @ self.hmm.transmat_
            said.append(states @ self.emission)
        return np.stack(said, axis=-2)


def learn_space(entries: NDArray[np.floating], widths: list[int]) -> Space:
    """Return the principal components of states (frame, entry).

    Each part of the state, hidden and cell, is divided by its root mean square around its mean,
    so that an LSTM's unbounded cell does not drown what is hidden.

    Parameters
    ----------
    widths : units of each part; they add up to the entries.

    Raises
    ------
    DataError
        When no entry ever changes.
    """
    frames = np.asarray(entries, dtype=np.float64)
    spread = [part.var(axis=0).mean() for part in np.split(frames, np.cumsum(widths)[:-1], axis=1)]
    if not max(spread) > 0:
        raise DataError("no unit of the network ever changes, so it has no states to be found")
    # A part that never moves tells nothing at any scale.
    factors = [1.0 if s <= 0 else s**-0.5 for s in spread]
    scale = np.repeat(factors, widths)
    return Space(scale, PrincipalComponents(N_COMPONENTS).fit(frames * scale))


def fit(
    space: Space, runs: Runs, split: NDArray[np.int8], seed: int
) -> tuple[HMMSweep, dict[int, StateModel]]:
    """Fit a tied model of every count to the train runs.

    Parameters
    ----------
    split : (run), 0 train, 1 select, 2 test.

    Returns
    -------
    sweep : with held-out likelihoods on select
    models : count -> model
    """
    values = space.reduce(runs.entries)
    sweep = HMMSweep(COUNTS, n_restarts=N_RESTARTS, random_state=seed)
    sweep.fit(values[split == 0], held_out=values[split == 1])
    found = {n: model for (_, n), model in sweep.models_.items() if isinstance(model, GaussianHMM)}
    return sweep, {
        n: read(space, model, values, runs.distribution, split) for n, model in found.items()
    }


def read(
    space: Space, hmm: GaussianHMM, values: Floats, distribution: Floats, split: NDArray[np.int8]
) -> StateModel:
    """Filter all runs, and order the states by how often the train runs are in them."""
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
