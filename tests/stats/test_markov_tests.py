"""Chains pass and what is no chain fails, against SciPy, deeptime and closed forms."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.stats import markov_tests, transitions

A = np.array([[0.9, 0.07, 0.03], [0.1, 0.85, 0.05], [0.02, 0.08, 0.9]])


def chain(seed: int, n: int = 20, steps: int = 80, a: np.ndarray = A) -> np.ndarray:
    distribution = transitions.stationary(a)
    path = sample_hmm(
        check_hmm(distribution, a, np.eye(len(a))), n, steps, np.random.default_rng(seed)
    )[1]
    path[0, steps // 2 :] = -1
    return path


def merged(seed: int, n: int = 20, steps: int = 80) -> np.ndarray:
    """A slow and a fast state that look the same: its dwells are a mixture, so no chain."""
    a = np.array([[0.98, 0.0, 0.02], [0.0, 0.5, 0.5], [0.05, 0.45, 0.5]])
    path = chain(seed, n, steps, a)
    return np.where(path == 2, 1, np.where(path < 0, -1, 0))


def test_timescales_are_those_of_the_eigenvalues() -> None:
    wanted = np.sort(-1 / np.log(np.abs(np.linalg.eigvals(A))))[::-1]
    wanted = wanted[np.isfinite(wanted) & (wanted < 1e6)]
    found = markov_tests.implied_timescales(
        chain(0, 100, 200), 3, (1, 3), 100, np.random.default_rng(0)
    )
    for row in found.itertuples():
        # Flat in the lag, and inside an informative interval.
        assert row.low - 0.1 * row.value < wanted[row.process - 1] < row.high + 0.1 * row.value
        assert row.high - row.low < row.value


def test_timescales_of_what_is_no_chain_rise_with_the_lag() -> None:
    path = merged(0, 60, 300)
    found = markov_tests.implied_timescales(path, 2, (1, 10), 100, np.random.default_rng(0))
    one, ten = found["value"]
    assert ten > 1.5 * one
    assert found["low"][1] > found["high"][0]


def test_chain_that_is_never_left_has_no_finite_timescale() -> None:
    path = np.repeat([[0], [1]], 10, axis=1)
    found = markov_tests.implied_timescales(path, 2, (1,), 20, np.random.default_rng(0))
    assert np.isinf(found["value"][0])


@pytest.mark.filterwarnings("ignore")
def test_timescales_equal_deeptime() -> None:
    pytest.importorskip("deeptime", reason="deeptime is installed with the dev extra")
    from deeptime.markov.msm import MaximumLikelihoodMSM

    path = chain(3)
    for lag in (1, 2, 5):
        estimator = MaximumLikelihoodMSM(reversible=False, lagtime=lag)
        theirs = estimator.fit_fetch([row[row >= 0] for row in path])
        ours = markov_tests.implied_timescales(path, 3, (lag,), 20, np.random.default_rng(0))
        np.testing.assert_allclose(ours["value"], theirs.timescales(), rtol=1e-6)
        counted = transitions.normalised(transitions.counts(path, 3, lag).sum(axis=0))
        np.testing.assert_allclose(counted, theirs.transition_matrix, atol=1e-9)


def test_defect_is_the_distance_of_powers() -> None:
    path = chain(1)
    found = markov_tests.chapman_kolmogorov(path, 3, 20, np.random.default_rng(0)).set_index(
        "steps"
    )
    one = transitions.normalised(transitions.counts(path, 3).sum(axis=0))
    for m in (2, 7):
        moves = transitions.counts(path, 3, m).sum(axis=0)
        distribution = moves.sum(axis=1) / moves.sum()
        far = abs(np.linalg.matrix_power(one, m) - transitions.normalised(moves)).sum(axis=1) / 2
        assert found.loc[m, "defect"] == pytest.approx(distribution @ far)


def test_chains_rarely_fail_chapman_kolmogorov() -> None:
    p = []
    for seed in range(40):
        table = markov_tests.chapman_kolmogorov(
            chain(seed), 3, 39, np.random.default_rng(seed), (2, 5)
        )
        p.append(table["p"])
    # 2 of 40 on average, more than 8 by chance once in two thousand.
    assert np.all((np.array(p) <= 0.05).sum(axis=0) <= 8)
    assert np.all(abs(np.mean(p, axis=0) - 0.5) < 0.2)


def test_hidden_memory_fails_chapman_kolmogorov() -> None:
    table = markov_tests.chapman_kolmogorov(merged(0, 40, 200), 2, 99, np.random.default_rng(0))
    assert (table["p"] == 0.01).all()
    assert (table["defect"] > table["null_high"]).all()


def test_state_that_is_never_left_takes_no_part() -> None:
    path = chain(0)
    path[:, -1] = np.where(path[:, -1] >= 0, 3, -1)
    found = markov_tests.chapman_kolmogorov(path, 4, 20, np.random.default_rng(0))
    assert np.isfinite(found["defect"]).all()


def test_too_short_paths_are_refused() -> None:
    rng = np.random.default_rng(0)
    path = chain(0, 5, 6)
    with pytest.raises(DataError, match="no sequence is longer than 10 steps"):
        markov_tests.chapman_kolmogorov(path, 3, 20, rng)
    with pytest.raises(DataError, match="longer than the lag of 7 steps"):
        markov_tests.implied_timescales(path, 3, (7,), 20, rng)
    with pytest.raises(DataError, match="holds three steps"):
        markov_tests.order_test(path[:, :2], 3, 20, rng)
    with pytest.raises(DataError, match="it has no transitions"):
        markov_tests.chapman_kolmogorov(np.array([[0, 1], [1, 2]]), 3, 20, rng)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_information_is_the_likelihood_ratio_of_scipy(seed: int) -> None:
    path = np.random.default_rng(seed).integers(0, 3, size=(3, 40))
    found = markov_tests.order_test(path, 3, 1, np.random.default_rng(0))
    g2, dof = 0.0, 0
    for present in range(3):
        table = np.zeros((3, 3))
        for row in path.tolist():
            for before, now, after in zip(row, row[1:], row[2:], strict=False):
                if now == present:
                    table[before, after] += 1
        table = table[table.any(axis=1)][:, table.any(axis=0)]
        if min(table.shape) > 1:
            part = chi2_contingency(table, correction=False, lambda_="log-likelihood")
            g2, dof = g2 + part.statistic, dof + part.dof
    assert found.g2 == pytest.approx(g2)
    assert found.dof == dof
    assert found.information == pytest.approx(g2 / 2 / (3 * 38))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_shuffling_keeps_the_first_state_and_all_moves(seed: int, state: int) -> None:
    row = np.random.default_rng(seed).integers(0, 3, size=30)
    moved = markov_tests._shuffled(row, state, np.random.default_rng(seed))
    assert Counter(itertools.pairwise(row.tolist())) == Counter(itertools.pairwise(moved.tolist()))
    assert (moved[0], moved[-1]) == (row[0], row[-1])


def test_shuffling_reaches_all_paths_with_the_same_moves_alike() -> None:
    row = np.array([0, 1, 0, 0, 2, 0, 1, 1, 0])
    moves = Counter(itertools.pairwise(row.tolist()))
    same = {
        path
        for path in itertools.product(range(3), repeat=9)
        if path[0] == 0 and Counter(itertools.pairwise(path)) == moves
    }
    rng = np.random.default_rng(0)
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(4000):
        for state in rng.permutation(3):
            row = markov_tests._shuffled(row, int(state), rng)
        seen[tuple(row.tolist())] += 1
    assert set(seen) == same
    wanted = 4000 / len(same)
    assert all(abs(n - wanted) < 6 * np.sqrt(wanted) for n in seen.values())


@pytest.mark.study
def test_order_of_chains_is_rarely_refused_and_agrees_with_chi_square() -> None:
    p, asymptotic = [], []
    for seed in range(40):
        found = markov_tests.order_test(chain(seed, 10, 100), 3, 39, np.random.default_rng(seed))
        p.append(found.p)
        asymptotic.append(chi2.sf(found.g2, found.dof))
    assert sum(value <= 0.05 for value in p) <= 8
    assert abs(np.mean(p) - 0.5) < 0.2
    assert np.corrcoef(p, asymptotic)[0, 1] > 0.8


def test_second_order_is_seen() -> None:
    # The next symbol is the exclusive or of the last two, nine times of ten.
    rng = np.random.default_rng(0)
    path = rng.integers(0, 2, size=(10, 60))
    for t in range(2, 60):
        flip = rng.random(10) < 0.1
        path[:, t] = path[:, t - 1] ^ path[:, t - 2] ^ flip
    found = markov_tests.order_test(path, 2, 99, rng)
    assert found.p == 0.01
    assert found.information > 0.25
    # What an aliased model emits is no chain either.
    symbols = sample_hmm(preset_hmm("cyclic4"), 20, 100, rng)[0]
    assert markov_tests.order_test(symbols, 3, 99, rng).p == 0.01
