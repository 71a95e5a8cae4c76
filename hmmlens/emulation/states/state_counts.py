"""How many states a noise-driven network has, by how well so many stand in for it.

What is to be foretold is the network's own law of what it says some steps later, which Monte Carlo
gives, because the noise to come lets nobody predict what it does say.
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
from hmmlens.emulation.states.models import COUNTS, N_BOOTSTRAP, Space, StateModel
from hmmlens.hmm.selection import Choice, best_restarts, choose
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats, Int64s
from hmmlens.validation.baselines import codebook
from hmmlens.validation.input_output import InputOutput

#: Steps ahead over which models and cells are judged.
HORIZON = 5
#: Frames of each split that the law to come is computed for, and draws of noise for each.
N_FRAMES, N_DRAWS = 512, 64


class Ahead(NamedTuple):
    """The law to come of some frames.

    run, time : (frame)
    distributions : 1 to :data:`HORIZON` steps later
    average : (symbol), what the train runs say on average
    """

    run: Int64s
    time: Int64s
    distributions: Distributions
    average: Floats

    def parts(self, predicted: Floats, n_runs: int) -> Floats:
        """Return what is missed and what there is to miss (run, 2), squared and summed.

        The noise of Monte Carlo is taken off both, so that a perfect forecast misses 0 on average.

        Parameters
        ----------
        predicted : (frame, h, symbol)
        """
        chance = self.distributions.variance.sum(axis=(1, 2))
        missed, there = (
            ((self.distributions.mean - distribution) ** 2).sum(axis=(1, 2)) - chance
            for distribution in (predicted, self.average)
        )
        return np.stack([np.bincount(self.run, part, n_runs) for part in (missed, there)], axis=1)


def look_ahead(
    network: DrivenNetwork,
    runs: Runs,
    split: NDArray[np.int8],
    part: int,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Ahead:
    """Return the law to come of :data:`N_FRAMES` frames of one split, drawn without repetition."""
    rows = np.flatnonzero(split == part)
    n_steps = runs.distribution.shape[1]
    chosen = rng.choice(len(rows) * n_steps, min(N_FRAMES, len(rows) * n_steps), replace=False)
    run, time = rows[chosen // n_steps], chosen % n_steps
    distributions = output_distributions(
        network, runs.entries[run, time], HORIZON, N_DRAWS, generator
    )
    return Ahead(run, time, distributions, runs.distribution[split == 0].mean(axis=(0, 1)))


def cells(
    space: Space, runs: Runs, split: NDArray[np.int8], ahead: Ahead, seed: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return numbers of k-means cells (count), and what their chains miss (run, count, 2)."""
    values = space.reduce(runs.entries)
    known = np.ones(runs.distribution.shape[:2], dtype=bool)
    masks = {"train": known & (split == 0)[:, None]}
    driven = InputOutput(
        runs.distribution, np.zeros(runs.distribution.shape[:2], dtype=np.int64), 1, masks
    )
    counts, found = np.array(codebook.COUNTS), []
    for n_states in counts.tolist():
        book = codebook.fit(values, driven, n_states, seed)
        distribution = np.eye(n_states)[book.states[ahead.run, ahead.time]]
        said = []
        for _ in range(HORIZON):
            distribution = distribution @ book.transmat[0]
            said.append(distribution @ book.means)
        found.append(ahead.parts(np.stack(said, axis=1), len(split)))
    return counts, np.stack(found, axis=1)


class Elbow(NamedTuple):
    """Where the fidelity of cells has its elbow.

    n_states : the count with the highest
    height : bits, see :func:`hmmlens.validation.baselines.codebook.elbow`; with its interval over
    runs
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
    best = first_best(found)
    drawn = np.array([heights(sums) for sums in resampled(seen, N_BOOTSTRAP, rng)])
    low, high = interval(drawn[:, best])
    same = float((drawn.argmax(axis=1) == best).mean())
    return Elbow(offered[best], float(found[best]), low, high, same)


def fidelities(models: Mapping[int, StateModel], ahead: Ahead) -> dict[int, float]:
    """Return how much of the law to come each model foretells: 1 all, 0 what the average does."""
    found = {}
    for n, model in models.items():
        predicted = model.forecast(model.posteriors[ahead.run, ahead.time], HORIZON)
        missed, there = ahead.parts(predicted, len(model.posteriors)).sum(axis=0)
        found[n] = float(1 - missed / there)
    return found


def count_table(
    sweep: HMMSweep,
    models: Mapping[int, StateModel],
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
    rows = best_restarts(sweep.results_).sort_values("n_states")
    table = rows[["n_states", "bic", "held_out"]].reset_index(drop=True)
    scores = fidelities(models, test)
    counts, parts = curve
    sums = parts.sum(axis=0)
    by_count = 1 - sums[:, 0] / sums[:, 1]
    table["fidelity"] = table["n_states"].map(scores)
    table["fidelity_cells"] = by_count[np.searchsorted(counts, table["n_states"])]
    table["elbow"] = [codebook.elbow(counts, by_count, n) for n in table["n_states"]]
    table["is_true"] = table["n_states"] == n_true
    table["is_elbow"] = table["n_states"] == found.n_states
    table["is_bic"] = table["n_states"] == picked.n_states
    table["bic_at_edge"] = table["is_bic"] & picked.at_edge
    return table, picked
