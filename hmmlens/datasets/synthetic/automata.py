"""Tasks whose states are those of a small automaton: toggle, counters, the Tomita grammars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Bools, Int64s


class Automaton(NamedTuple):
    """A deterministic automaton that starts in state 0.

    Attributes
    ----------
    moves : ndarray of shape (state, symbol)
        The next state.
    accepts : ndarray of bool, shape (state,)
        Whether the word so far is in the language.
    """

    moves: Int64s
    accepts: Bools


#: Minimal automata of Tomita 1982: next states after 0 and 1, and the states that accept.
#: The languages are described in :data:`TOMITA_TEXT`.
_TOMITA: dict[int, tuple[list[tuple[int, int]], set[int]]] = {
    1: ([(1, 0), (1, 1)], {0}),
    2: ([(2, 1), (0, 2), (2, 2)], {0}),
    3: ([(0, 1), (2, 0), (3, 4), (2, 1), (4, 4)], {0, 1, 3}),
    4: ([(1, 0), (2, 0), (3, 0), (3, 3)], {0, 1, 2}),
    5: ([(1, 2), (0, 3), (3, 0), (2, 1)], {0}),
    6: ([(1, 2), (2, 0), (0, 1)], {0}),
    7: ([(0, 1), (2, 1), (2, 3), (4, 3), (4, 4)], {0, 1, 2, 3}),
}

TOMITA_TEXT = {
    1: "only 1s",
    2: "10 again and again",
    3: "no odd run of 0s after an odd run of 1s",
    4: "no three 0s in a row",
    5: "an even number of 0s and an even number of 1s",
    6: "as many 0s as 1s, modulo 3",
    7: "0s, then 1s, then 0s, then 1s",
}


def tomita(grammar: int) -> Automaton:
    """Return the minimal automaton of Tomita's grammar 1 to 7, symbols 0 and 1.

    Parameters
    ----------
    grammar : int
        Number of the grammar, 1 to 7.

    Returns
    -------
    Automaton
        With as few states as possible.

    Raises
    ------
    DataError
        When there is no such grammar.

    Examples
    --------
    Words of ones only:

    >>> automaton = tomita(1)
    >>> automaton.accepts[run(automaton, np.array([[1, 1, 0, 1]]))].tolist()
    [[True, True, False, False]]
    """
    if grammar not in _TOMITA:
        raise DataError(f"there is no Tomita grammar {grammar}; there are 1 to 7")
    moves, accepting = _TOMITA[grammar]
    accepts = np.isin(np.arange(len(moves)), list(accepting))
    return Automaton(np.array(moves, dtype=np.int64), accepts)


def counter(modulus: int) -> Automaton:
    """Return the automaton that counts symbol 1 modulo ``modulus``; it accepts at 0.

    Parameters
    ----------
    modulus : int
        Number of states.

    Returns
    -------
    Automaton
        Of two symbols.
    """
    count = np.arange(modulus)
    return Automaton(np.stack([count, (count + 1) % modulus], axis=1), count == 0)


def run(automaton: Automaton, symbols: NDArray[np.integer]) -> Int64s:
    """Return the state after each symbol (sequence, time).

    Parameters
    ----------
    automaton : Automaton
        The automaton.
    symbols : ndarray of int, shape (sequence, time)
        Symbols.

    Returns
    -------
    ndarray of int, shape (sequence, time)
        State after each symbol.

    Examples
    --------
    >>> run(counter(3), np.array([[1, 1, 0, 1]])).tolist()
    [[1, 2, 2, 0]]
    """
    return follow(automaton.moves, symbols)


def follow(moves: Int64s, symbols: NDArray[np.integer]) -> Int64s:
    """Return the state after each symbol, from state 0.

    Parameters
    ----------
    moves : ndarray of int, shape (state, symbol)
        The next state.
    symbols : ndarray of int, shape (sequence, time)
        Symbols.

    Returns
    -------
    ndarray of int, shape (sequence, time)
        State after each symbol.
    """
    states = np.empty(symbols.shape, dtype=np.int64)
    state = np.zeros(len(symbols), dtype=np.int64)
    for t in range(symbols.shape[1]):
        state = moves[state, symbols[:, t]]
        states[:, t] = state
    return states


def decided(automaton: Automaton) -> Bools:
    """Return which states (state) can no longer reach one that accepts differently.

    Parameters
    ----------
    automaton : Automaton
        The automaton.

    Returns
    -------
    ndarray of bool, shape (state,)
        True for sinks.
    """
    n = len(automaton.moves)
    reach = np.eye(n, dtype=bool)
    for _ in range(n):
        reach |= reach[automaton.moves].any(axis=1)
    differs = automaton.accepts[:, None] != automaton.accepts[None]
    settled: Bools = ~(reach & differs).any(axis=1)
    return settled


def sample_words(
    automaton: Automaton,
    mistake_probability: float,
    n_sequences: int,
    n_steps: int,
    rng: np.random.Generator,
) -> tuple[Int64s, Int64s, Int64s]:
    """Sample words over two symbols that stay undecided for long.

    If symbols were sampled uniformly, a word of most grammars would leave the language after a few
    symbols for good. So a symbol that decides the answer for good is excluded until a mistake is
    due, with ``mistake_probability`` at each step, and is then chosen as soon as possible. Where no
    symbol does, or both do, they are sampled uniformly.

    Parameters
    ----------
    automaton : Automaton
        The automaton.
    mistake_probability : float
        Probability per step that the word must be decided as soon as it can be.
    n_sequences : int
        Number of sequences.
    n_steps : int
        Steps in a sequence.
    rng : numpy.random.Generator
        Source of everything that is sampled.

    Returns
    -------
    symbols, accepted, states : ndarray of int, shape (sequence, time)
        Each as it is after the symbol.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> symbols, accepted, states = sample_words(tomita(2), 0.05, 4, 30, rng)
    >>> symbols.shape, sorted(set(accepted.ravel().tolist()))
    ((4, 30), [0, 1])
    """
    fatal = decided(automaton)[automaton.moves] & ~decided(automaton)[:, None]
    even = fatal[:, 0] == fatal[:, 1]
    due = np.zeros(n_sequences, dtype=bool)
    symbols = np.empty((n_sequences, n_steps), dtype=np.int64)
    state = np.zeros(n_sequences, dtype=np.int64)
    for t in range(n_steps):
        due |= rng.random(n_sequences) < mistake_probability
        sampled = rng.random(n_sequences) < 0.5
        symbols[:, t] = np.where(even[state], sampled, fatal[state, 1] == due)
        state = automaton.moves[state, symbols[:, t]]
    states = run(automaton, symbols)
    return symbols, automaton.accepts[states].astype(np.int64), states


def sample_pulses(
    modulus: int,
    pulse_probability: float,
    n_sequences: int,
    n_steps: int,
    rng: np.random.Generator,
) -> tuple[Int64s, Int64s]:
    """Sample pulses and their running count.

    Parameters
    ----------
    modulus : int
        The count is modulo this number.
    pulse_probability : float
        Probability of a pulse, per step.
    n_sequences : int
        Number of sequences.
    n_steps : int
        Steps in a sequence.
    rng : numpy.random.Generator
        Source of everything that is sampled.

    Returns
    -------
    pulses, states : ndarray of int, shape (sequence, time)
        Pulses, 0 or 1, and their count.
    """
    pulses = (rng.random((n_sequences, n_steps)) < pulse_probability).astype(np.int64)
    return pulses, run(counter(modulus), pulses)
