"""Filtering by scaled probabilities equals filtering in log space, whatever comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import DataError
from hmmlens.hmm import inference

FAR = 1e4


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 9), st.integers(1, 5),
    st.sampled_from([1.0, 30.0, 1000.0]), st.booleans(),
)  # fmt: skip
def test_filter_equals_log_space(
    seed: int, n_sequences: int, n_steps: int, n_states: int, spread: float, zeros: bool
) -> None:
    rng = np.random.default_rng(seed)
    startprob = rng.dirichlet(np.ones(n_states))
    transmat = rng.dirichlet(np.full(n_states, 0.3), size=n_states)
    if zeros and n_states > 1:
        # Every state stays or moves to the next: most of the matrix is zero.
        transmat = 0.9 * np.eye(n_states) + 0.1 * np.roll(np.eye(n_states), 1, axis=1)
    inside = np.arange(n_steps) < rng.integers(1, n_steps + 1, n_sequences)[:, None]
    density = rng.normal(-3, spread, (n_sequences, n_steps, n_states)) * inside[:, :, None]
    slow = inference.forward(startprob, transmat, density, inside)
    quick = inference.filter_states(startprob, transmat, density, inside)
    np.testing.assert_allclose(quick.posteriors, np.exp(slow.posteriors), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(quick.predicted, np.exp(slow.predicted), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(quick.log_likelihood, slow.log_likelihood, rtol=1e-12)


def test_a_posterior_that_underflows_is_recovered() -> None:
    # State 0 cannot be left, and alone explains the last step; before, it is e^-10000 likely.
    transmat = np.array([[1.0, 0.0], [0.0, 1.0]])
    density = np.array([[[-FAR, 0.0], [0.0, -3 * FAR]]])
    inside = np.ones((1, 2), dtype=bool)
    found = inference.filter_states(np.array([0.5, 0.5]), transmat, density, inside)
    np.testing.assert_allclose(found.posteriors[0], [[0, 1], [1, 0]])
    assert found.log_likelihood[0] == pytest.approx(np.log(0.5) - FAR)


def test_an_impossible_step_is_reported_by_place() -> None:
    density = np.zeros((2, 3, 2))
    density[1, 2] = -np.inf
    with pytest.raises(DataError, match="sequence 1, step 2"):
        inference.filter_states(
            np.array([0.5, 0.5]), np.full((2, 2), 0.5), density, np.ones((2, 3), dtype=bool)
        )
