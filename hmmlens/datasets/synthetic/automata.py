"""Tasks whose states are those of a small automaton: toggle, counters, the Tomita grammars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Bools, Int64s


class Automaton(NamedTuple):
    """A deterministic automaton that starts in state 0.

    moves : (state, symbol), the next state
    accepts : (state)
    """

    moves: Int64s
    accepts: Bools


#: Minimal automata of Tomita 1982: next states after 0 and 1, and the states that accept.
#: The languages are told in :data:`TOMITA_TEXT`.
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

    Raises
    ------
    DataError
        When there is no such grammar.
    """
    if grammar not in _TOMITA:
        raise DataError(f"there is no Tomita grammar {grammar}; there are 1 to 7")
    moves, accepting = _TOMITA[grammar]
    accepts = np.isin(np.arange(len(moves)), list(accepting))
    return Automaton(np.array(moves, dtype=np.int64), accepts)


def counter(modulus: int) -> Automaton:
    """Return the automaton that counts symbol 1 modulo ``modulus``; it accepts at 0."""
    count = np.arange(modulus)
    return Automaton(np.stack([count, (count + 1) % modulus], axis=1), count == 0)


def run(automaton: Automaton, symbols: NDArray[np.integer]) -> Int64s:
    """Return the state after each symbol (sequence, time)."""
    states = np.empty(symbols.shape, dtype=np.int64)
    state = np.zeros(len(symbols), dtype=np.int64)
    for t in range(symbols.shape[1]):
        state = automaton.moves[state, symbols[:, t]]
        states[:, t] = state
    return states


def decided(automaton: Automaton) -> Bools:
    """Return which states (state) can no longer reach one that accepts differently."""
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

    Drawn evenly, a word of most grammars is out of the language after a few symbols and stays
    out. So a symbol that decides the answer for good is left out until a mistake falls due, with
    ``mistake_probability`` at each step, and is then drawn as soon as it can be. Where no symbol
    does, or both do, they are drawn evenly.

    Returns
    -------
    symbols, accepted, states : (sequence, time), each as it is after the symbol
    """
    fatal = decided(automaton)[automaton.moves] & ~decided(automaton)[:, None]
    even = fatal[:, 0] == fatal[:, 1]
    due = np.zeros(n_sequences, dtype=bool)
    symbols = np.empty((n_sequences, n_steps), dtype=np.int64)
    state = np.zeros(n_sequences, dtype=np.int64)
    for t in range(n_steps):
        due |= rng.random(n_sequences) < mistake_probability
        drawn = rng.random(n_sequences) < 0.5
        symbols[:, t] = np.where(even[state], drawn, fatal[state, 1] == due)
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
    """Sample pulses, 0 or 1, and their running count modulo ``modulus``, each (sequence, time)."""
    pulses = (rng.random((n_sequences, n_steps)) < pulse_probability).astype(np.int64)
    return pulses, run(counter(modulus), pulses)
