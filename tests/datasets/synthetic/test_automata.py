"""Automata against the languages in words, and against partition refinement."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.synthetic import automata
from hmmlens.errors import DataError


def runs(word: str) -> list[str]:
    return [m[0] for m in re.finditer("0+|1+", word)]


def odd_zeros_after_odd_ones(word: str) -> bool:
    return any(
        a[0] == "1" and len(a) % 2 == 1 and len(b) % 2 == 1
        for a, b in itertools.pairwise(runs(word))
    )


LANGUAGES = {
    1: lambda w: re.fullmatch("1*", w) is not None,
    2: lambda w: re.fullmatch("(10)*", w) is not None,
    3: lambda w: not odd_zeros_after_odd_ones(w),
    4: lambda w: "000" not in w,
    5: lambda w: w.count("0") % 2 == 0 and w.count("1") % 2 == 0,
    6: lambda w: (w.count("0") - w.count("1")) % 3 == 0,
    7: lambda w: re.fullmatch("0*1*0*1*", w) is not None,
}


@pytest.mark.parametrize("grammar", LANGUAGES)
def test_tomita_accepts_its_language(grammar: int) -> None:
    automaton = automata.tomita(grammar)
    for length in range(1, 11):
        words = np.array(list(itertools.product((0, 1), repeat=length)))
        accepted = automaton.accepts[automata.run(automaton, words)[:, -1]]
        expected = [LANGUAGES[grammar]("".join(map(str, word))) for word in words]
        np.testing.assert_array_equal(accepted, expected)
    assert automaton.accepts[0] == LANGUAGES[grammar]("")


@pytest.mark.parametrize("grammar", LANGUAGES)
def test_tomita_is_minimal(grammar: int) -> None:
    """Every state is reached, and some word distinguishes any two (Myhill and Nerode)."""
    automaton = automata.tomita(grammar)
    n = len(automaton.moves)
    answers = [[automaton.accepts[s], *automaton.accepts[walk(automaton, s)]] for s in range(n)]
    assert len({tuple(row) for row in answers}) == n
    reached = {0} | {int(walk(automaton, 0)[i]) for i in range(len(walk(automaton, 0)))}
    assert reached == set(range(n))


def walk(automaton: automata.Automaton, start: int) -> np.ndarray:
    """Return where all words of up to 5 symbols lead."""
    ends = []
    for length in range(1, 6):
        for word in itertools.product((0, 1), repeat=length):
            state = start
            for symbol in word:
                state = automaton.moves[state, symbol]
            ends.append(state)
    return np.array(ends)


def test_there_are_seven() -> None:
    with pytest.raises(DataError, match="there is no Tomita grammar 8"):
        automata.tomita(8)


@pytest.mark.parametrize(
    ("grammar", "expected"), [(1, {1}), (2, {2}), (3, {4}), (4, {3}), (5, set()), (7, {4})]
)
def test_decided_states_are_the_sinks(grammar: int, expected: set[int]) -> None:
    assert set(np.flatnonzero(automata.decided(automata.tomita(grammar)))) == expected


@pytest.mark.parametrize("grammar", LANGUAGES)
def test_words_are_sampled_evenly_where_nothing_is_decided(grammar: int) -> None:
    automaton = automata.tomita(grammar)
    symbols, accepted, states = automata.sample_words(
        automaton, 0.1, 2000, 12, np.random.default_rng(3)
    )
    before = np.concatenate([np.zeros((2000, 1), dtype=int), states[:, :-1]], axis=1)
    np.testing.assert_array_equal(states, automaton.moves[before, symbols])
    np.testing.assert_array_equal(accepted, automaton.accepts[states])
    final = automata.decided(automaton)
    for state in range(len(automaton.moves)):
        fatal = final[automaton.moves[state]] & ~final[state]
        if fatal[0] == fatal[1]:
            ones = symbols[before == state]
            assert abs(ones.mean() - 0.5) < 5 * np.sqrt(0.25 / ones.size)


@pytest.mark.parametrize(("grammar", "wait"), [(1, 0), (2, 0), (3, 12), (4, 20), (7, 16)])
def test_words_are_decided_about_when_the_mistake_falls_due(grammar: int, wait: int) -> None:
    automaton = automata.tomita(grammar)
    _, _, states = automata.sample_words(automaton, 0.02, 2000, 100, np.random.default_rng(4))
    undecided = (~automata.decided(automaton)[states]).mean(axis=0)
    for t in (30, 60, 90):
        # Not before it is due, and at the next chance, which in most words comes within `wait`.
        error = 5 * np.sqrt(0.25 / 2000)
        assert undecided[t] > 0.98 ** (t + 1) - error
        assert undecided[t] < 0.98 ** (t + 1 - wait) + error


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.floats(0.01, 0.99), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_pulses_are_counted(modulus: int, p: float, n_steps: int, seed: int) -> None:
    pulses, states = automata.sample_pulses(modulus, p, 3, n_steps, np.random.default_rng(seed))
    np.testing.assert_array_equal(states, pulses.cumsum(axis=1) % modulus)


def test_pulses_come_as_often_as_asked() -> None:
    pulses, _ = automata.sample_pulses(3, 0.1, 100, 500, np.random.default_rng(1))
    assert abs(pulses.mean() - 0.1) < 5 * np.sqrt(0.09 / pulses.size)
