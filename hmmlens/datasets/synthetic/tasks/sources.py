"""Predict the next symbol or value of a source: hidden Markov models, and known states.

Where the observer cannot know the state of the source, the answer is ``belief``. The other sources
start in a known state, and each symbol leads from one state to one other, so that it stays known;
any symbol can follow any state, so that every continuation has a meaning.
"""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.generators import (
    HMMParameters,
    check_hmm,
    preset_hmm,
    sample_hmm,
)
from hmmlens.datasets.synthetic.tasks.base import Sample, Sampler, task
from hmmlens.typing import Floats, Int64s

#: Standard deviation of the observations of the states -1, 0 and 1, and how long a state lasts.
GAUSSIAN_NOISE, GAUSSIAN_STAY = 0.25, 0.95

#: The Reber grammar (Reber 1967): for each state its two symbols and where they lead. Symbols are
#: B, T, P, S, X, V, E. From the last state on, E begins anew.
REBER: tuple[dict[int, int], ...] = (
    {0: 1},
    {1: 2, 2: 3},
    {3: 2, 4: 4},
    {1: 3, 5: 5},
    {4: 3, 3: 6},
    {2: 4, 5: 6},
    {6: 0},
)
#: Probability of a symbol that the grammar does not allow, after which it begins anew.
REBER_MISTAKE = 0.05

#: Steps of each symbol of the semi-Markov source, and the probability that it ends early.
DWELLS, EARLY = (2, 3, 4), 0.03


def _filtered(hmm: HMMParameters, likelihood: Floats) -> Floats:
    """Return P(state at t + 1 given observations to t) from likelihoods (sequence, time, state)."""
    belief = np.broadcast_to(hmm.startprob, likelihood[:, 0].shape)
    ahead = np.empty_like(likelihood)
    for t in range(likelihood.shape[1]):
        belief = belief * likelihood[:, t]
        belief = belief / belief.sum(axis=1, keepdims=True) @ hmm.transmat
        ahead[:, t] = belief
    return ahead


def _predictor(preset: str) -> Sampler:
    hmm = preset_hmm(preset)

    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
        symbols, states = sample_hmm(hmm, n_sequences, n_steps + 1, rng)
        likelihood = hmm.emissionprob.T[symbols[:, :-1]]
        exact = _filtered(hmm, likelihood) @ hmm.emissionprob
        return _next_symbol(symbols, states[:, :-1], exact)

    return sample


def _next_symbol(symbols: Int64s, states: Int64s, exact: Floats) -> Sample:
    """Return the task to predict symbols (sequence, time + 1) whose exact distribution is known."""
    target = symbols[:, 1:]
    chosen = np.take_along_axis(exact, target[..., None], axis=2)
    return Sample(symbols[:, :-1], target, states, exact, float(-np.log(chosen).mean()))


task(
    "fully3",
    "belief",
    "fixing",
    "Predict the symbols of three states that last and that are nearly seen.",
    memory="fading",
    n_states=3,
    n_symbols=3,
    n_targets=3,
    target_delay=1,
)(_predictor("fully3"))

task(
    "cyclic4",
    "belief",
    "fixing",
    "Predict the symbols of four states in a circle, two of which emit the same.",
    memory="fading",
    n_states=4,
    n_symbols=3,
    n_targets=3,
    target_delay=1,
)(_predictor("cyclic4"))

task(
    "mess3",
    "belief",
    "reporting",
    "Predict the symbols of three states that are seen with noise, whose beliefs form a fractal.",
    memory="fading",
    n_states=3,
    n_symbols=3,
    n_targets=3,
    target_delay=1,
)(_predictor("mess3"))


@task(
    "sticky_gaussian",
    "belief",
    "reporting",
    "Predict the next value of three states that last, which are seen with Gaussian noise.",
    memory="fading",
    n_states=3,
    target_delay=1,
)
def _sticky_gaussian(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    change = (1 - GAUSSIAN_STAY) / 2
    transmat = np.full((3, 3), change) + (GAUSSIAN_STAY - change) * np.eye(3)
    hmm = check_hmm(np.full(3, 1 / 3), transmat, np.eye(3))
    _, states = sample_hmm(hmm, n_sequences, n_steps + 1, rng)
    means = np.array([-1.0, 0.0, 1.0])
    values = means[states] + GAUSSIAN_NOISE * rng.normal(size=states.shape)
    likelihood = np.exp(-0.5 * ((values[:, :-1, None] - means) / GAUSSIAN_NOISE) ** 2)
    exact = (_filtered(hmm, likelihood) @ means)[..., None]
    seen = values[..., None]
    floor = float(((seen[:, 1:] - exact) ** 2).mean())
    return Sample(seen[:, :-1], seen[:, 1:], states[:, :-1], exact, floor)


def _emit(
    distribution: Floats, moves: Int64s, n_sequences: int, n_steps: int, rng: np.random.Generator
) -> Sample:
    """Return the symbols of a source whose state is known.

    ``distribution`` (state, symbol) is that of the next symbol, ``moves`` (state, symbol) where it
    leads; the source starts in state 0.
    """
    upto = distribution.cumsum(axis=1)
    symbols = np.empty((n_sequences, n_steps + 1), dtype=np.int64)
    states = np.empty_like(symbols)
    state = np.zeros(n_sequences, dtype=np.int64)
    for t in range(n_steps + 1):
        level = rng.random((n_sequences, 1)) * upto[state, -1:]
        symbols[:, t] = (upto[state] <= level).sum(axis=1)
        states[:, t] = state = moves[state, symbols[:, t]]
    return _next_symbol(symbols, states[:, :-1], distribution[states[:, :-1]])


@task(
    "reber",
    "discrete",
    "fixing",
    "Predict the symbols of a Reber grammar, which begins anew after a mistake.",
    n_states=7,
    n_symbols=7,
    n_targets=7,
    target_delay=1,
)
def _reber(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    distribution = np.full((7, 7), REBER_MISTAKE / 7)
    moves = np.zeros((7, 7), dtype=np.int64)
    for state, ways in enumerate(REBER):
        for symbol, after in ways.items():
            distribution[state, symbol] += (1 - REBER_MISTAKE) / len(ways)
            moves[state, symbol] = after
    return _emit(distribution, moves, n_sequences, n_steps, rng)


@task(
    "semi_markov",
    "discrete",
    "reporting",
    "Predict symbols that last for two, three or four steps, rarely for less.",
    n_states=7,
    n_moore=9,
    n_symbols=3,
    n_targets=3,
    target_delay=1,
)
def _semi_markov(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    places = [(symbol, age) for symbol, dwell in enumerate(DWELLS) for age in range(dwell)]
    distribution, moves = np.zeros((9, 3)), np.zeros((9, 3), dtype=np.int64)
    for state, (symbol, age) in enumerate(places):
        last = age == DWELLS[symbol] - 1
        for after in range(3):
            if after == symbol:
                distribution[state, after] = EARLY if last else 1 - EARLY
                moves[state, after] = places.index((symbol, 0 if last else age + 1))
            else:
                distribution[state, after] = (1 - EARLY if last else EARLY) / 2
                moves[state, after] = places.index((after, 0))
    sample = _emit(distribution, moves, n_sequences, n_steps, rng)
    assert sample.states is not None
    # The last steps of all symbols are one class of memory: whichever follows begins its dwell.
    ends = np.array([age == DWELLS[symbol] - 1 for symbol, age in places])
    classes = np.where(ends, 0, np.cumsum(~ends))
    return sample._replace(states=classes[sample.states])
