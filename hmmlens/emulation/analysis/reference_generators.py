"""Generators of symbols that equal a target, or differ from it in a known way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.dynamics.labels import informative
from hmmlens.errors import DataError
from hmmlens.stats import transitions
from hmmlens.typing import Int64s
from hmmlens.validation.closed_loop import sample_categories

#: Takes the number of sequences, that of steps and a source of randomness; returns symbols
#: (sequence, time).
Generator = Callable[[int, int, np.random.Generator], Int64s]

#: Factors on the probabilities of leaving a state, and the one that is combined with other changes.
FACTORS, SLOWER = (0.4, 0.6, 0.8, 1.2, 1.4), 0.6
#: Steps before a sequence begins, so that no dwell begins with it.
BURN_IN = 100
#: The generator that is the target.
TRUE = "target"


def of_hmm(hmm: HMMParameters) -> Generator:
    """Return the generator that samples a hidden Markov model.

    Parameters
    ----------
    hmm : HMMParameters
        The model.

    Returns
    -------
    Generator
        The generator.
    """
    return lambda n, n_steps, rng: sample_hmm(hmm, n, n_steps, rng)[0]


def moving(hmm: HMMParameters, factor: float) -> HMMParameters:
    """Return a model whose probabilities of leaving a state are multiplied.

    Parameters
    ----------
    hmm : HMMParameters
        The model.
    factor : float
        The factor.

    Returns
    -------
    HMMParameters
        The changed model.

    Raises
    ------
    DataError
        When a state would be left with a probability above 1.

    Examples
    --------
    >>> from hmmlens.datasets.synthetic.generators import check_hmm
    >>> hmm = check_hmm([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1.0, 0.0], [0.0, 1.0]])
    >>> moving(hmm, 2.0).transmat.round(6).tolist()
    [[0.8, 0.2], [0.2, 0.8]]
    """
    transmat = np.eye(len(hmm.transmat)) + factor * (hmm.transmat - np.eye(len(hmm.transmat)))
    if transmat.min() < 0:
        raise DataError(f"a state cannot move on {factor:g} times as often: it moves too often")
    return hmm._replace(transmat=transmat)


def without_rare(hmm: HMMParameters) -> HMMParameters:
    """Return a model that never emits the symbols that do not distinguish states.

    Parameters
    ----------
    hmm : HMMParameters
        The model.

    Returns
    -------
    HMMParameters
        The changed model.

    Raises
    ------
    DataError
        When every symbol distinguishes states.
    """
    kept = np.isin(np.arange(hmm.emissionprob.shape[1]), informative(hmm))
    if kept.all():
        raise DataError("every symbol of this model distinguishes states; it has no rare one")
    distribution = hmm.emissionprob * kept
    return hmm._replace(emissionprob=distribution / distribution.sum(axis=1, keepdims=True))


def regular(hmm: HMMParameters) -> Generator:
    """Return a generator with the mean dwells of a model, and less variance in them.

    A dwell of mean m is 1 + the sum of two geometric waits of mean (m - 1) / 2, the counterpart in
    whole steps of a Gamma distribution of shape 2; the next state and the symbols are the model's.

    Parameters
    ----------
    hmm : HMMParameters
        The model.

    Returns
    -------
    Generator
        The generator.
    """
    leave = 1 - np.diag(hmm.transmat)
    away = hmm.transmat * (1 - np.eye(len(leave)))
    away = away / away.sum(axis=1, keepdims=True)
    # A geometric wait of mean w on 0, 1, 2, ... ends at each step with 1 / (1 + w).
    end = 1 / (1 + (1 / leave - 1) / 2)

    def _sample(n: int, n_steps: int, rng: np.random.Generator) -> Int64s:
        state = sample_categories(np.tile(hmm.startprob, (n, 1)), rng)
        left = np.zeros(n, dtype=np.int64)
        path = np.empty((n, BURN_IN + n_steps), dtype=np.int64)
        for t in range(path.shape[1]):
            ready = left == 0
            if t:
                state[ready] = sample_categories(away[state[ready]], rng)
            wait = rng.geometric(end[state[ready]], size=(2, int(ready.sum()))) - 1
            left[ready] = 1 + wait.sum(axis=0)
            path[:, t] = state
            left -= 1
        return sample_categories(hmm.emissionprob[path[:, BURN_IN:].ravel()], rng).reshape(
            n, n_steps
        )

    return _sample


def independent(hmm: HMMParameters) -> Generator:
    """Return a generator of independent symbols with the model's stationary frequencies.

    Parameters
    ----------
    hmm : HMMParameters
        The model.

    Returns
    -------
    Generator
        The generator.
    """
    distribution = transitions.stationary(hmm.transmat) @ hmm.emissionprob
    return lambda n, n_steps, rng: sample_categories(
        np.tile(distribution, (n * n_steps, 1)), rng
    ).reshape(n, n_steps)


def moves(factor: float) -> str:
    """Return the name of the generator with multiplied probabilities of leaving a state.

    Parameters
    ----------
    factor : float
        The factor.

    Returns
    -------
    str
        The name in tables.
    """
    return f"moves x {factor:g}"


def hand_made(hmm: HMMParameters) -> dict[str, Generator]:
    """Return the reference generators by name, the target first.

    A generator that a model does not allow is excluded: without rare symbols where it has none,
    faster where a state is left too often already.

    Parameters
    ----------
    hmm : HMMParameters
        The target.

    Returns
    -------
    dict of str to Generator
        Generators by name.
    """
    slow = moves(SLOWER)
    made: dict[str, Callable[[], Generator]] = {
        TRUE: lambda: of_hmm(hmm),
        **{moves(factor): partial(_moving, hmm, factor) for factor in FACTORS},
        "regular dwells": lambda: regular(hmm),
        "no rare symbol": lambda: of_hmm(without_rare(hmm)),
        f"no rare symbol, {slow}": lambda: of_hmm(moving(without_rare(hmm), SLOWER)),
        f"no rare symbol, {slow}, regular dwells": lambda: regular(
            moving(without_rare(hmm), SLOWER)
        ),
        "independent symbols": lambda: independent(hmm),
    }
    generators = {}
    for name, make in made.items():
        try:
            generators[name] = make()
        except DataError:
            continue
    return generators


def _moving(hmm: HMMParameters, factor: float) -> Generator:
    return of_hmm(moving(hmm, factor))
