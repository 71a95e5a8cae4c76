"""Synthetic sequences with a known answer: hidden Markov models and the flip-flop.

Every function samples from the generator that is passed to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Int64s

#: Fully connected presets: states, P(stay), P(own symbol), P(each other symbol).
FULLY = {
    "fully3": (3, 0.95, 0.98, 0.01),
    "fully5": (5, 0.9, 0.96, 0.01),
    "fully8": (8, 0.9, 0.93, 0.01),
    "mess3": (3, 0.9, 0.85, 0.075),
}


class HMMParameters(NamedTuple):
    """A hidden Markov model over symbols.

    Attributes
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (state, next_state)
        Transition matrix.
    emissionprob : ndarray of shape (state, symbol)
        Distribution of the symbols of each state.
    """

    startprob: Floats
    transmat: Floats
    emissionprob: Floats


def check_hmm(startprob: ArrayLike, transmat: ArrayLike, emissionprob: ArrayLike) -> HMMParameters:
    """Return the three matrices as float64 arrays.

    Parameters
    ----------
    startprob : array_like of shape (state,)
        Initial distribution.
    transmat : array_like of shape (state, next_state)
        Transition matrix.
    emissionprob : array_like of shape (state, symbol)
        Distribution of the symbols of each state.

    Returns
    -------
    HMMParameters
        The same numbers as float64.

    Raises
    ------
    DataError
        When a shape does not fit, an entry is below 0, or a row does not add up to 1.

    Examples
    --------
    >>> hmm = check_hmm([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1, 0, 0], [0, 0.5, 0.5]])
    >>> hmm.emissionprob.shape
    (2, 3)
    """
    try:
        start, trans, emit = (
            np.asarray(m, dtype=np.float64) for m in (startprob, transmat, emissionprob)
        )
    except (TypeError, ValueError) as error:
        raise DataError(
            "startprob, transmat and emissionprob must hold numbers, with rows of equal length"
        ) from error
    n_states = start.shape[0] if start.ndim == 1 else 0
    if n_states == 0:
        raise DataError("startprob must be a list with one number for each state")
    if trans.shape != (n_states, n_states):
        raise DataError(
            f"transmat has shape {trans.shape}; startprob has {n_states} states, "
            f"so it must be ({n_states}, {n_states})"
        )
    if emit.ndim != 2 or emit.shape[0] != n_states or emit.shape[1] < 2:
        raise DataError(
            f"emissionprob has shape {emit.shape}; it needs {n_states} rows of 2 or more symbols"
        )
    for name, rows in (("startprob", start[None]), ("transmat", trans), ("emissionprob", emit)):
        for row, values in enumerate(rows):
            where = name if name == "startprob" else f"{name} row {row}"
            if not np.all(np.isfinite(values)) or np.any(values < 0):
                raise DataError(f"{where} holds an entry that is not a probability")
            if abs(values.sum() - 1) > 1e-6:
                raise DataError(f"{where} adds up to {values.sum():.6g}, not to 1")
    return HMMParameters(start, trans, emit)


def preset_hmm(name: str) -> HMMParameters:
    """Return a target by its name.

    Of Torre et al. 2025 (arXiv 2510.25674): chain2 to chain5, fully3, cyclic4. Chains move to a
    neighbour with ``q = .05 ** (1 / (n_states - 1))``, so that an end-to-end traverse in the
    fewest steps has probability .05 whatever the length. fully5 and fully8 are ours: every state
    has a symbol of its own, so that more states can be identified from the output. mess3 is that of
    Shai et al. 2024 (arXiv 2405.15943): x = .05, alpha = .85.

    Parameters
    ----------
    name : str
        Name of a preset.

    Returns
    -------
    HMMParameters
        Its initial distribution is uniform.

    Raises
    ------
    DataError
        When there is no such preset.

    Examples
    --------
    >>> preset_hmm("chain3").transmat.shape
    (3, 3)
    """
    if name in FULLY:
        n, stay, own, other = FULLY[name]
        transmat = np.full((n, n), (1 - stay) / (n - 1))
        np.fill_diagonal(transmat, stay)
        emissionprob = np.full((n, n), other)
        np.fill_diagonal(emissionprob, own)
    elif name == "cyclic4":
        step = np.roll(np.eye(4), 1, axis=1)
        transmat = 0.95 * np.eye(4) + 0.025 * (step + step.T)
        emissionprob = np.array([[0.9, 0.1, 0], [0.1, 0.9, 0], [0, 0.1, 0.9], [0, 0.9, 0.1]])
    elif name in {"chain2", "chain3", "chain4", "chain5"}:
        n = int(name[-1])
        q = 0.05 ** (1 / (n - 1))
        off = np.eye(n, k=1) + np.eye(n, k=-1)
        transmat = q * off + np.diag(1 - q * off.sum(axis=1))
        a = np.arange(n) / (n - 1)
        emissionprob = np.stack([0.99 * (1 - a), np.full(n, 0.01), 0.99 * a], axis=1)
    else:
        raise DataError(f"there is no preset {name!r}")
    n_states = len(transmat)
    return check_hmm(np.full(n_states, 1 / n_states), transmat, emissionprob)


def _sample_categories(probabilities: Floats, rng: np.random.Generator) -> Int64s:
    """Sample one category for each row of ``probabilities`` (row, category)."""
    u = rng.random(len(probabilities))
    upto = probabilities.cumsum(axis=1)
    # A row adds up to 1 but for rounding, which must not give a category without probability.
    categories: Int64s = (upto <= u[:, None] * upto[:, -1:]).sum(axis=1)
    return categories


def sample_hmm(
    hmm: HMMParameters, n_sequences: int, n_steps: int, rng: np.random.Generator
) -> tuple[Int64s, Int64s]:
    """Sample symbols and states.

    Parameters
    ----------
    hmm : HMMParameters
        The model.
    n_sequences : int
        Number of sequences.
    n_steps : int
        Steps in a sequence.
    rng : numpy.random.Generator
        Source of everything that is sampled.

    Returns
    -------
    symbols, states : ndarray of int, shape (sequence, time)
        A symbol and a state for each step.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> symbols, states = sample_hmm(preset_hmm("chain3"), 4, 50, rng)
    >>> symbols.shape, states.shape
    ((4, 50), (4, 50))
    """
    states = np.empty((n_sequences, n_steps), dtype=np.int64)
    states[:, 0] = _sample_categories(np.tile(hmm.startprob, (n_sequences, 1)), rng)
    for t in range(1, n_steps):
        states[:, t] = _sample_categories(hmm.transmat[states[:, t - 1]], rng)
    symbols = _sample_categories(hmm.emissionprob[states.ravel()], rng).reshape(states.shape)
    return symbols, states


def sample_flipflop(
    n_bits: int,
    pulse_probability: float,
    n_sequences: int,
    n_steps: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Int64s]:
    """Sample the flip-flop task of Sussillo & Barak 2013 (Neural Computation 25:626).

    Each channel carries pulses of -1 or +1; the target is the sign of its last pulse. Every
    channel pulses at the first step, so that the target is known from there on.

    Parameters
    ----------
    n_bits : int
        Number of channels.
    pulse_probability : float
        Probability of a pulse, per step and channel.
    n_sequences : int
        Number of sequences.
    n_steps : int
        Steps in a sequence.
    rng : numpy.random.Generator
        Source of everything that is sampled.

    Returns
    -------
    inputs, target : ndarray of shape (sequence, time, feature)
        Pulses of -1 and 1, else 0; and the sign of the last pulse.
    states : ndarray of int, shape (sequence, time)
        The target read as a binary number, channel 0 the lowest bit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pulses, target, states = sample_flipflop(2, 0.1, 4, 50, rng)
    >>> target.shape, sorted(set(target.ravel().tolist()))
    ((4, 50, 2), [-1.0, 1.0])
    """
    shape = (n_sequences, n_steps, n_bits)
    signs = rng.choice([-1.0, 1.0], size=shape)
    pulses = rng.random(shape) < pulse_probability
    pulses[:, 0] = True
    inputs = np.where(pulses, signs, 0.0)
    steps = np.arange(n_steps)[None, :, None]
    last = np.maximum.accumulate(np.where(pulses, steps, 0), axis=1)
    target = np.take_along_axis(inputs, last, axis=1)
    state = ((target > 0) * 2 ** np.arange(n_bits)).sum(axis=2)
    return inputs, target, state.astype(np.int64)
