"""Hidden Markov models of a noise-driven network's states, and how many of them there are.

A model is fitted to free runs alone: it sees no intervention and no symbol of the target. How
well it stands in for the network is asked of the network's own law of what it says some steps
later, which Monte Carlo gives, because the noise to come lets nobody predict what it does say.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from hmmlens.dynamics.driven import Driven
from hmmlens.dynamics.futures import Laws, Runs, output_laws
from hmmlens.errors import DataError
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.hmm.selection import Choice, choose
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.reducers import PCA
from hmmlens.validation import codebook
from hmmlens.validation.fidelity import state_outputs
from hmmlens.validation.intervals import interval, resampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Principal components that states are looked for in.
N_COMPONENTS = 8
#: State counts of the models, and starts of each.
COUNTS, N_RESTARTS = range(1, 11), 3
#: Steps ahead over which models and cells are judged.
HORIZON = 5
#: Frames of each split that the law to come is computed for, and draws of noise for each.
N_FRAMES, N_DRAWS = 512, 64
#: Resamples of runs behind an interval.
N_BOOTSTRAP = 500


class Space(NamedTuple):
    """Principal components of the states of a network.

    scale : (entry), by which entries are multiplied first
    pca : of the scaled entries
    """

    scale: Floats
    pca: PCA

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
    def path(self) -> Ints:
        """Return the likeliest state given the past (run, time)."""
        path: Ints = self.posteriors.argmax(axis=2)
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
    return Space(scale, PCA(N_COMPONENTS).fit(frames * scale))


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
    return sweep, {n: read(space, model, values, runs.law, split) for n, model in found.items()}


def read(
    space: Space, hmm: GaussianHMM, values: Floats, law: Floats, split: NDArray[np.int8]
) -> StateModel:
    """Filter all runs, and order the states by how often the train runs are in them."""
    posteriors = hmm.filter(values).posteriors
    order = np.argsort(-posteriors[split == 0].mean(axis=(0, 1)), kind="stable")
    posteriors = posteriors[..., order]
    ordered = GaussianHMM.from_parameters(
        hmm.startprob_[order],
        hmm.transmat_[np.ix_(order, order)],
        hmm.means_[order],
        hmm.covars_[order],
        hmm.covariance_type,
    )
    emission = state_outputs(posteriors[split == 0], law[split == 0])
    return StateModel(space, ordered, posteriors, emission)


class Ahead(NamedTuple):
    """The law to come of some frames.

    run, time : (frame)
    laws : 1 to :data:`HORIZON` steps later
    average : (symbol), what the train runs say on average
    """

    run: Ints
    time: Ints
    laws: Laws
    average: Floats

    def parts(self, predicted: Floats, n_runs: int) -> Floats:
        """Return what is missed and what there is to miss (run, 2), squared and summed.

        The noise of Monte Carlo is taken off both, so that a perfect forecast misses 0 on average.

        Parameters
        ----------
        predicted : (frame, h, symbol)
        """
        chance = self.laws.variance.sum(axis=(1, 2))
        missed, there = (
            ((self.laws.mean - law) ** 2).sum(axis=(1, 2)) - chance
            for law in (predicted, self.average)
        )
        return np.stack([np.bincount(self.run, part, n_runs) for part in (missed, there)], axis=1)


def look_ahead(
    network: Driven,
    runs: Runs,
    split: NDArray[np.int8],
    part: int,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Ahead:
    """Return the law to come of :data:`N_FRAMES` frames of one split, drawn without repetition."""
    rows = np.flatnonzero(split == part)
    n_steps = runs.law.shape[1]
    chosen = rng.choice(len(rows) * n_steps, min(N_FRAMES, len(rows) * n_steps), replace=False)
    run, time = rows[chosen // n_steps], chosen % n_steps
    laws = output_laws(network, runs.entries[run, time], HORIZON, N_DRAWS, generator)
    return Ahead(run, time, laws, runs.law[split == 0].mean(axis=(0, 1)))


def cells(
    space: Space, runs: Runs, split: NDArray[np.int8], ahead: Ahead, seed: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return numbers of k-means cells (count), and what their chains miss (run, count, 2)."""
    values = space.reduce(runs.entries)
    known = np.ones(runs.law.shape[:2], dtype=bool)
    masks = {"train": known & (split == 0)[:, None]}
    driven = codebook.Driven(runs.law, np.zeros(runs.law.shape[:2], dtype=np.int64), 1, masks)
    counts, found = np.array(codebook.COUNTS), []
    for n_states in counts.tolist():
        book = codebook.fit(values, driven, n_states, seed)
        law = np.eye(n_states)[book.states[ahead.run, ahead.time]]
        said = []
        for _ in range(HORIZON):
            law = law @ book.transmat[0]
            said.append(law @ book.means)
        found.append(ahead.parts(np.stack(said, axis=1), len(split)))
    return counts, np.stack(found, axis=1)


class Elbow(NamedTuple):
    """Where the fidelity of cells has its elbow.

    n_states : the count with the highest
    height : bits, see :func:`hmmlens.validation.codebook.elbow`; with its interval over runs
    same : share of resamples of runs in which that count is highest too
    """

    n_states: int
    height: float
    low: float
    high: float
    same: float


def elbow(counts: NDArray[np.int64], parts: Floats, rng: np.random.Generator) -> Elbow:
    """Return the elbow among :data:`COUNTS` from 2 up.

    Parameters
    ----------
    counts : (count)
    parts : (run, count, 2), what is missed and what there is to miss.
    """
    offered = [n for n in COUNTS if n > 1]

    def heights(sums: Floats) -> Floats:
        fidelity = 1 - sums[:, 0] / sums[:, 1]
        return np.array([codebook.elbow(counts, fidelity, n) for n in offered])

    seen = parts[parts.any(axis=(1, 2))]
    found = heights(seen.sum(axis=0))
    best = int(found.argmax())
    drawn = np.array([heights(sums) for sums in resampled(seen, N_BOOTSTRAP, rng)])
    low, high = interval(drawn[:, best])
    same = float((drawn.argmax(axis=1) == best).mean())
    return Elbow(offered[best], float(found[best]), low, high, same)


def count_table(
    sweep: HMMSweep,
    models: dict[int, StateModel],
    curve: tuple[NDArray[np.int64], Floats],
    test: Ahead,
    found: Elbow,
    n_true: int,
) -> tuple[pd.DataFrame, Choice]:
    """Return one row for each count of states, and what BIC chooses.

    Returns
    -------
    table : ``n_states, bic, held_out`` (nats per frame), ``fidelity`` (of the HMM, on test; 1 is
        the law to come itself, 0 the average), ``fidelity_cells`` (of k-means cells, on select),
        ``elbow`` (bits), ``is_true, is_elbow, is_bic, bic_at_edge``
    choice : of BIC
    """
    picked = choose(sweep.results_)
    rows = sweep.results_.loc[sweep.results_.groupby("n_states")["log_likelihood"].idxmax()]
    table = rows[["n_states", "bic", "held_out"]].reset_index(drop=True)
    n_runs = len(next(iter(models.values())).posteriors)
    scores = []
    for n in table["n_states"]:
        model = models[n]
        predicted = model.forecast(model.posteriors[test.run, test.time], HORIZON)
        missed, there = test.parts(predicted, n_runs).sum(axis=0)
        scores.append(1 - missed / there)
    counts, parts = curve
    sums = parts.sum(axis=0)
    by_count = 1 - sums[:, 0] / sums[:, 1]
    table["fidelity"] = scores
    table["fidelity_cells"] = by_count[np.searchsorted(counts, table["n_states"])]
    table["elbow"] = [codebook.elbow(counts, by_count, n) for n in table["n_states"]]
    table["is_true"] = table["n_states"] == n_true
    table["is_elbow"] = table["n_states"] == found.n_states
    table["is_bic"] = table["n_states"] == picked.n_states
    table["bic_at_edge"] = table["is_bic"] & picked.at_edge
    return table, picked
