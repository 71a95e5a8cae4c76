"""Presets against the published numbers, samples against closed forms and slow loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.synthetic import generators
from hmmlens.datasets.synthetic.generators import (
    check_hmm,
    preset_hmm,
    sample_flipflop,
    sample_hmm,
)
from hmmlens.errors import DataError

PRESETS = (
    *("chain2", "chain3", "chain4", "chain5", "fully3", "cyclic4"),
    *("fully5", "fully8", "mess3"),
)

#: Torre et al. 2025: q, stay at an end, stay inside; and rows 1 and 2 of the output transitions.
CHAINS = {
    "chain2": (0.05, 0.95, None, [0.940, 0.010, 0.050], 0.0688),
    "chain3": (0.2236, 0.7764, 0.5528, [0.751, 0.010, 0.239], 0.2562),
    "chain4": (0.3684, 0.6316, 0.2632, [0.709, 0.010, 0.281], 0.2978),
    "chain5": (0.4729, 0.5271, 0.0543, [0.696, 0.010, 0.294], 0.3112),
}


def stationary(transmat: np.ndarray) -> np.ndarray:
    """Return the stationary law as the left eigenvector of eigenvalue 1."""
    values, vectors = np.linalg.eig(transmat.T)
    law = np.real(vectors[:, np.argmin(abs(values - 1))])
    return law / law.sum()


def bigrams(hmm: generators.HMMParameters) -> np.ndarray:
    """Return P(symbol, next symbol) = B' diag(pi) A B."""
    pi = stationary(hmm.transmat)
    return hmm.emissionprob.T @ np.diag(pi) @ hmm.transmat @ hmm.emissionprob


@pytest.mark.parametrize("name", CHAINS)
def test_chain_has_the_published_numbers(name: str) -> None:
    hmm = preset_hmm(name)
    n = int(name[-1])
    q, end, inner, row, change = CHAINS[name]
    neighbours = abs(np.subtract.outer(np.arange(n), np.arange(n))) == 1
    np.testing.assert_allclose(hmm.transmat[neighbours], 0.05 ** (1 / (n - 1)))
    np.testing.assert_allclose(hmm.transmat[neighbours], q, atol=5e-5)
    # End to end in the fewest steps.
    assert np.prod(np.diag(hmm.transmat, 1)) == pytest.approx(0.05)
    assert hmm.transmat[0, 0] == pytest.approx(end, abs=5e-5)
    assert hmm.transmat[-1, -1] == pytest.approx(end, abs=5e-5)
    for i in range(1, n - 1):
        assert hmm.transmat[i, i] == pytest.approx(inner, abs=5e-5)
    assert np.count_nonzero(hmm.transmat) == n + 2 * (n - 1)
    np.testing.assert_allclose(hmm.emissionprob[:, 1], 0.01)
    np.testing.assert_allclose(hmm.emissionprob[[0, -1]], [[0.99, 0.01, 0], [0, 0.01, 0.99]])
    joint = bigrams(hmm)
    law = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(law, [row, [0.495, 0.01, 0.495], row[::-1]], atol=6e-4)
    assert 1 - np.trace(joint) == pytest.approx(change, abs=5e-5)


def test_fully_connected_has_the_published_numbers() -> None:
    hmm = preset_hmm("fully3")
    expected = np.array([[0.95, 0.025, 0.025], [0.025, 0.95, 0.025], [0.025, 0.025, 0.95]])
    np.testing.assert_allclose(hmm.transmat, expected)
    expected = np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]])
    np.testing.assert_allclose(hmm.emissionprob, expected)
    assert 1 - np.trace(bigrams(hmm)) == pytest.approx(0.0864, abs=5e-5)


def test_cyclic_has_the_published_numbers() -> None:
    hmm = preset_hmm("cyclic4")
    a, b = 0.95, 0.025
    np.testing.assert_allclose(
        hmm.transmat, [[a, b, 0, b], [b, a, b, 0], [0, b, a, b], [b, 0, b, a]]
    )
    np.testing.assert_allclose(
        hmm.emissionprob, [[0.9, 0.1, 0], [0.1, 0.9, 0], [0, 0.1, 0.9], [0, 0.9, 0.1]]
    )
    joint = bigrams(hmm)
    law = joint / joint.sum(axis=1, keepdims=True)
    expected = [[0.783, 0.212, 0.005], [0.106, 0.788, 0.106], [0.004, 0.212, 0.784]]
    np.testing.assert_allclose(law, expected, atol=1.1e-3)
    np.testing.assert_allclose(joint.sum(axis=1), [0.25, 0.5, 0.25])
    assert 1 - np.trace(joint) == pytest.approx(0.2142, abs=5e-5)


@pytest.mark.parametrize("n", [5, 8])
def test_larger_fully_connected_ones_have_a_symbol_for_every_state(n: int) -> None:
    hmm = preset_hmm(f"fully{n}")
    assert hmm.transmat.shape == hmm.emissionprob.shape == (n, n)
    np.testing.assert_allclose(np.diag(hmm.transmat), 0.9)
    assert len(np.unique(hmm.transmat.round(12))) == 2
    np.testing.assert_array_equal(hmm.emissionprob.argmax(axis=1), np.arange(n))
    assert np.diag(hmm.emissionprob).min() > 0.9


def test_mess3_has_the_published_edges() -> None:
    # Shai et al. 2024: P(symbol 0, next state | state), from state to next state.
    hmm = preset_hmm("mess3")
    edges = hmm.transmat * hmm.emissionprob[:, 0]
    expected = [
        [0.765, 0.00375, 0.00375],
        [0.0425, 0.0675, 0.00375],
        [0.0425, 0.00375, 0.0675],
    ]
    np.testing.assert_allclose(edges, expected)


def test_unknown_preset_is_reported() -> None:
    with pytest.raises(DataError, match="there is no preset 'chain6'"):
        preset_hmm("chain6")


@pytest.mark.parametrize("name", PRESETS)
def test_long_sample_has_the_stationary_distribution_and_bigrams(name: str) -> None:
    hmm = preset_hmm(name)
    np.testing.assert_allclose(hmm.startprob, stationary(hmm.transmat), atol=1e-12)
    symbols, states = sample_hmm(hmm, 2000, 50, np.random.default_rng(5))
    n_states = len(hmm.startprob)
    # Sequences are independent: limits are 5 standard errors of the mean over sequences.
    for state, wanted in enumerate(hmm.startprob):
        share = (states == state).mean(axis=1)
        assert abs(share.mean() - wanted) < 5 * share.std() / np.sqrt(2000)
    pairs = symbols[:, :-1] * hmm.emissionprob.shape[1] + symbols[:, 1:]
    for code, wanted in enumerate(bigrams(hmm).ravel()):
        share = (pairs == code).mean(axis=1)
        assert abs(share.mean() - wanted) <= 5 * share.std() / np.sqrt(2000)
    moves = np.zeros((n_states, n_states))
    np.add.at(moves, (states[:, :-1].ravel(), states[:, 1:].ravel()), 1)
    n = moves.sum(axis=1, keepdims=True)
    error = np.sqrt(hmm.transmat * (1 - hmm.transmat) / n)
    assert np.all(abs(moves / n - hmm.transmat) <= 5 * error)


def test_deterministic_model_gives_its_only_sequence() -> None:
    hmm = check_hmm([0, 1, 0], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[1, 0], [0, 1], [0, 1]])
    symbols, states = sample_hmm(hmm, 3, 5, np.random.default_rng(0))
    assert states.tolist() == [[1, 2, 0, 1, 2]] * 3
    assert symbols.tolist() == [[1, 1, 0, 1, 1]] * 3


class Fixed:
    """A generator that draws one number again and again."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self, size: int) -> np.ndarray:
        return np.full(size, self.value)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.1]), min_size=1, max_size=6).filter(any),
    st.floats(0, 1, exclude_max=True) | st.just(np.nextafter(1, 0)),
    st.sampled_from([1.0, 1 - 9e-7, 1 + 9e-7]),
)
def test_impossible_category_is_never_sampled(weights: list[float], u: float, total: float) -> None:
    # check_hmm lets rows through that add up to 1 within 1e-6.
    law = total * np.array(weights) / sum(weights)
    drawn = generators._sample_categories(law[None], Fixed(u))[0]
    assert law[drawn] > 0
    below, upto = law[:drawn].sum() / total, law[: drawn + 1].sum() / total
    assert below - 1e-12 <= u <= upto + 1e-12


@pytest.mark.parametrize(
    ("startprob", "transmat", "emissionprob", "sentence"),
    [
        ([], [], [], "startprob must be a list with one number for each state"),
        ([[1.0]], [[1.0]], [[0.5, 0.5]], "startprob must be a list"),
        ([1.0], [[1.0, 0.0]], [[0.5, 0.5]], r"transmat has shape \(1, 2\); .* must be \(1, 1\)"),
        ([1.0], [[1.0]], [[1.0]], r"emissionprob has shape \(1, 1\); it needs 1 rows of 2 or more"),
        ([1.0], [[1.0]], [0.5, 0.5], r"emissionprob has shape \(2,\)"),
        ([1.0], [[1.0]], [[0.5, 0.4]], "emissionprob row 0 adds up to 0.9, not to 1"),
        ([0.5, 0.4], np.eye(2), np.eye(2), "startprob adds up to 0.9, not to 1"),
        ([0.5, 0.5], [[1, 0], [1, 1]], np.eye(2), "transmat row 1 adds up to 2, not to 1"),
        ([1.5, -0.5], np.eye(2), np.eye(2), "startprob holds an entry that is not a probability"),
        ([1.0], [[np.nan]], [[0.5, 0.5]], "transmat row 0 holds an entry that is not"),
        ([1.0], [[1.0]], [[np.inf, 0]], "emissionprob row 0 holds an entry that is not"),
        ([1.0], [[1.0], [1.0, 0.0]], [[0.5, 0.5]], "must hold numbers, with rows of equal length"),
        (["a"], [[1.0]], [[0.5, 0.5]], "must hold numbers"),
    ],
)
def test_matrices_that_are_no_model_are_reported(
    startprob: Any, transmat: Any, emissionprob: Any, sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        check_hmm(startprob, transmat, emissionprob)


def test_matrices_go_to_lists_and_back() -> None:
    hmm = preset_hmm("cyclic4")
    again = check_hmm(*(matrix.tolist() for matrix in hmm))
    for one, two in zip(hmm, again, strict=True):
        np.testing.assert_array_equal(one, two)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4), st.floats(0.01, 0.99), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_flipflop_equals_slow_loop(n_bits: int, p: float, n_steps: int, seed: int) -> None:
    inputs, target, states = sample_flipflop(n_bits, p, 3, n_steps, np.random.default_rng(seed))
    assert inputs.shape == target.shape == (3, n_steps, n_bits)
    assert set(np.unique(inputs)) <= {-1, 0, 1}
    for sequence in range(3):
        held = [0.0] * n_bits
        for t in range(n_steps):
            code = 0
            for bit in range(n_bits):
                if inputs[sequence, t, bit] != 0:
                    held[bit] = inputs[sequence, t, bit]
                code += (held[bit] > 0) << bit
            assert target[sequence, t].tolist() == held
            assert states[sequence, t] == code
    # Known from the first step on.
    assert np.all(inputs[:, 0] != 0)


def test_flipflop_pulses_as_often_as_asked_with_either_sign() -> None:
    inputs, _, _ = sample_flipflop(2, 0.1, 100, 500, np.random.default_rng(1))
    later = inputs[:, 1:]
    n = later.size
    assert abs((later != 0).mean() - 0.1) < 5 * np.sqrt(0.09 / n)
    assert abs((later > 0).mean() - 0.05) < 5 * np.sqrt(0.0475 / n)
