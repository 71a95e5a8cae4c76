"""Free runs follow matrix powers and closed forms, and look at no future."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from hmmlens.errors import DataError
from hmmlens.validation.forecast import (
    fidelity_curve,
    free_run,
    sequence_scores,
)

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, n: int = 3, t: int = 12, k: int = 3, c: int = 2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return (
        rng.dirichlet(np.ones(k), (n, t)),
        rng.dirichlet(np.ones(k), (c, k)),
        rng.integers(c, size=(n, t)),
    )


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_distributions_equal_products_of_tables(seed: int) -> None:
    posteriors, tables, classes = drawn(seed)
    for h, distribution in enumerate(free_run(posteriors, tables, classes, 4)):
        assert (distribution[:, :h] == 0).all()
        for n, t in ((0, h), (1, 11), (2, h + 2)):
            slow = posteriors[n, t - h]
            for step in range(t - h + 1, t + 1):
                slow = slow @ tables[classes[n, step]]
            np.testing.assert_allclose(distribution[n, t], slow, atol=1e-12)


def counter(n: int = 30, t: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return pulses and their count modulo 3."""
    pulses = (np.random.default_rng(0).random((n, t)) < 0.2).astype(int)
    return pulses, pulses.cumsum(axis=1) % 3


def test_known_automaton_is_perfect_with_inputs_and_fades_without() -> None:
    pulses, states = counter()
    known, distribution = np.eye(3)[states], np.eye(3)[states]
    inside = np.ones(states.shape, dtype=bool)
    tables = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)])
    average = distribution.mean(axis=(0, 1))
    perfect = fidelity_curve(distribution, known, tables, np.eye(3), pulses, inside, average, 6)
    np.testing.assert_allclose(perfect, 1, atol=1e-12)
    blind = (0.8 * tables[0] + 0.2 * tables[1])[None]
    faded = fidelity_curve(distribution, known, blind, np.eye(3), 0 * pulses, inside, average, 6)
    assert faded[0] == pytest.approx(1)
    assert (np.diff(faded) < 0).all() and faded[5] < 0.4


def test_plain_run_of_two_states_fades_by_its_eigenvalue() -> None:
    # The output is -1 or 1, kept with probability .95: F(h) = .9 ** (2 h).
    rng = np.random.default_rng(1)
    flips = (rng.random((400, 200)) < 0.05).astype(int)
    states = (rng.integers(2, size=(400, 1)) + flips.cumsum(axis=1)) % 2
    distribution = (2.0 * states - 1)[..., None]
    tables = np.array([[[0.95, 0.05], [0.05, 0.95]]])
    found = fidelity_curve(
        distribution,
        np.eye(2)[states],
        tables,
        np.array([[-1.0], [1.0]]),
        0 * states,
        np.ones(states.shape, dtype=bool),
        np.zeros(1),
        5,
    )
    np.testing.assert_allclose(found, 0.9 ** (2 * np.arange(6)), atol=0.01)


def test_wrong_states_are_no_better_than_the_average() -> None:
    pulses, states = counter()
    distribution, wrong = np.eye(3)[states], np.eye(3)[(states + 1) % 3]
    tables = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)])
    inside = np.ones(states.shape, dtype=bool)
    found = fidelity_curve(
        distribution, wrong, tables, np.eye(3), pulses, inside, distribution.mean((0, 1)), 5
    )
    assert (found < 0).all()


def test_the_future_changes_no_distribution_before_it() -> None:
    posteriors, tables, classes = drawn(2)
    other, _, moved = drawn(3)
    other[:, :7], moved[:, :7] = posteriors[:, :7], classes[:, :7]
    runs = [free_run(p, tables, c, 4) for p, c in ((posteriors, classes), (other, moved))]
    for one, two in zip(*runs, strict=True):
        np.testing.assert_array_equal(one[:, :7], two[:, :7])
        assert not np.allclose(one[:, 7:], two[:, 7:])


def test_mean_over_sequences_is_the_r2_of_all_frames() -> None:
    rng = np.random.default_rng(4)
    distribution = rng.normal(size=(5, 10, 2))
    predicted = distribution + 0.5 * rng.normal(size=distribution.shape)
    inside = np.arange(10)[None] < np.array([10, 4, 7, 10, 1])[:, None]
    average = distribution[inside].mean(axis=0)
    scores = sequence_scores(distribution, predicted, inside, average)
    whole = r2_score(distribution[inside], predicted[inside], multioutput="variance_weighted")
    assert np.average(scores, weights=inside.sum(axis=1)) == pytest.approx(whole)


def test_sequences_shorter_than_the_horizon_are_refused() -> None:
    posteriors, tables, classes = drawn(5, t=4)
    inside = np.ones(classes.shape, dtype=bool)
    with pytest.raises(DataError, match="no sequence is longer than the horizon of 4 steps"):
        fidelity_curve(posteriors, posteriors, tables, np.eye(3), classes, inside, np.ones(3), 4)
