"""A machine that is known comes back; where outputs are noise none helps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hmmlens.errors import DataError
from hmmlens.validation.baselines.automata import automaton_distribution


def counted(modulus: int, n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return symbols and the number of ones so far, one-hot, whose least machine is a ring."""
    symbols = np.random.default_rng(seed).integers(0, 2, size=(n, 30))
    return symbols, np.eye(modulus)[symbols.cumsum(axis=1) % modulus]


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_the_least_machine_of_a_counter_is_found(modulus: int) -> None:
    symbols, distribution = counted(modulus)
    test, wanted = counted(modulus, 20, seed=1)
    predicted, n_states = automaton_distribution(symbols, distribution, test)
    assert n_states == modulus
    np.testing.assert_allclose(predicted, wanted)


def test_what_is_no_small_machine_is_not_predicted() -> None:
    symbols, _ = counted(2, n=20)
    rng = np.random.default_rng(1)
    answer: dict[tuple[int, ...], int] = {}

    def answers(rows: np.ndarray) -> np.ndarray:
        """Return a coin that is tossed once for every beginning of a sequence."""
        begun = [[tuple(row[: t + 1]) for t in range(len(row))] for row in rows.tolist()]
        return np.eye(2)[
            [[answer.setdefault(key, int(rng.integers(0, 2))) for key in row] for row in begun]
        ]

    predicted, n_states = automaton_distribution(symbols, answers(symbols), symbols[:, ::-1])
    assert n_states > 20
    assert ((predicted - answers(symbols[:, ::-1])) ** 2).sum(axis=2).mean() > 0.5


def test_padding_is_not_read_and_unknown_symbols_leave_the_state() -> None:
    symbols, distribution = counted(3)
    short = np.where(np.arange(30) < 20, symbols, -1)
    predicted, n_states = automaton_distribution(short, distribution, np.full((1, 4), 7))
    assert n_states == 3
    np.testing.assert_allclose(predicted, np.broadcast_to([1.0, 0.0, 0.0], (1, 4, 3)))


def test_without_the_package_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalpy.learning_algs", None)
    with pytest.raises(DataError, match="automata need AALpy"):
        automaton_distribution(*counted(2), counted(2)[0])


def test_outputs_that_contradict_each_other_are_refused() -> None:
    symbols = np.zeros((2, 3), dtype=np.int64)
    distribution = np.eye(2)[np.array([[0, 0, 0], [1, 1, 1]])]
    with pytest.raises(DataError, match="the same inputs have different outputs"):
        automaton_distribution(symbols, distribution, symbols)
