"""Exact statistics compared with the paper's table; measures of a planted perfect network."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.special import ndtri
from torch import Tensor

from hmmlens.datasets.synthetic.generators import HMMParameters, check_hmm, preset_hmm, sample_hmm
from hmmlens.dynamics.labels import informative
from hmmlens.emulation import exact_statistics
from hmmlens.emulation.analysis import metrics
from hmmlens.emulation.analysis.metrics import (
    COLUMNS,
    MetricsSettings,
    aligned_distance,
    dwell_distribution,
    evaluate,
    transitions,
)
from hmmlens.emulation.analysis.samples import sample, sample_target
from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import State

SMALL = MetricsSettings(n_sequences=200, n_steps=40, n_runs=30, n_run_steps=400, n_repeats=4)


class Perfect:
    """A hidden Markov model as a network: noise moves a one-hot state, the readout emits."""

    n_noise = 1

    def __init__(self, hmm: HMMParameters, gain: float = 1.0) -> None:
        self.hmm, self.n_units, self.gain = hmm, len(hmm.transmat), gain
        self.thresholds = torch.from_numpy(ndtri(hmm.transmat.cumsum(axis=1)[:, :-1])).float()

    def start(self, n_sequences: int) -> State:
        state = torch.zeros(n_sequences, self.n_units)
        state[:, 0] = 1
        return ((state,),)

    def step(self, state: State, noise: Tensor) -> State:
        now = state[0][0].argmax(1)
        after = (noise > self.thresholds[now]).sum(1)
        size = self.gain * state[0][0].amax(1, keepdim=True)
        return ((torch.nn.functional.one_hot(after, self.n_units) * size,),)

    def readout(self, state: State) -> Tensor:
        emission = torch.from_numpy(self.hmm.emissionprob).float().clamp_min(1e-9).log()
        return state[0][0] @ emission


def chain(leave: float, rare: float = 0.01) -> HMMParameters:
    emission = [[1 - rare, rare, 0.0], [0.0, rare, 1 - rare]]
    return check_hmm([0.5, 0.5], [[1 - leave, leave], [leave, 1 - leave]], emission)


def draws(seed: int) -> tuple[torch.Generator, np.random.Generator]:
    return torch.Generator().manual_seed(seed), np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("name", "rows", "frequencies", "change"),
    [
        ("chain2", [[0.940, 0.010, 0.050], [0.495, 0.010, 0.495]], [0.495, 0.01, 0.495], 0.0688),
        ("chain3", [[0.751, 0.010, 0.239], [0.495, 0.010, 0.495]], [0.495, 0.01, 0.495], 0.2562),
        ("chain4", [[0.709, 0.010, 0.281], [0.495, 0.010, 0.495]], [0.495, 0.01, 0.495], 0.2978),
        ("chain5", [[0.696, 0.010, 0.294], [0.495, 0.010, 0.495]], [0.495, 0.01, 0.495], 0.3112),
        ("fully3", [[0.914, 0.043, 0.043], [0.043, 0.914, 0.043]], [1 / 3] * 3, 0.0864),
        ("cyclic4", [[0.783, 0.212, 0.005], [0.106, 0.788, 0.106]], [0.25, 0.5, 0.25], 0.2142),
    ],
)
def test_exact_statistics_of_the_targets(
    name: str, rows: list[list[float]], frequencies: list[float], change: float
) -> None:
    hmm = preset_hmm(name)
    np.testing.assert_allclose(exact_statistics.output_transitions(hmm)[:2], rows, atol=6e-4)
    np.testing.assert_allclose(exact_statistics.frequencies(hmm), frequencies, atol=1e-9)
    assert exact_statistics.change_probability(hmm) == pytest.approx(change, abs=6e-5)


def test_exact_statistics_by_enumeration_of_paths() -> None:
    rng = np.random.default_rng(0)
    hmm = check_hmm([0.2, 0.5, 0.3], rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(4), 3))
    start = np.linalg.matrix_power(hmm.transmat, 200)[0]
    np.testing.assert_allclose(exact_statistics.stationary(hmm), start, atol=1e-9)
    table = np.zeros((4, 4))
    for path in itertools.product(range(3), repeat=3):
        p = start[path[0]] * hmm.transmat[path[0], path[1]] * hmm.transmat[path[1], path[2]]
        table += p * np.outer(hmm.emissionprob[path[0]], hmm.emissionprob[path[2]])
    np.testing.assert_allclose(exact_statistics.pairs(hmm, 2), table, atol=1e-9)
    chance = (table.sum(axis=1) ** 2).sum()
    expected = (np.trace(table) - chance) / (1 - chance)
    assert exact_statistics.autocorrelation(hmm, [2])[0] == pytest.approx(expected)


def test_estimates_converge_to_the_exact_statistics() -> None:
    hmm = preset_hmm("cyclic4")
    symbols = sample_target(hmm, 2000, 100, np.random.default_rng(0)).symbols
    np.testing.assert_allclose(
        transitions(symbols, 3), exact_statistics.output_transitions(hmm), atol=0.01
    )
    np.testing.assert_allclose(
        metrics.autocorrelation(symbols, 3),
        exact_statistics.autocorrelation(hmm, MetricsSettings.lags),
        atol=0.01,
    )
    # What never occurs has a row of zeros, and one symbol alone depends on nothing.
    nothing = np.zeros((2, 30), dtype=np.int64)
    np.testing.assert_array_equal(transitions(nothing, 2), [[1, 0], [0, 0]])
    assert (metrics.autocorrelation(nothing, 2) == 0).all()


def test_aligned_distance_is_that_of_the_best_assignment() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.integers(3, size=(2, 12, 30))
    assert aligned_distance(one[rng.permutation(12)], one, 3) == 0
    # Neighbours that transport cannot confuse: each sequence with two of its symbols changed.
    near = one.copy()
    near[:, :2] = (near[:, :2] + 1) % 3
    assert aligned_distance(near[::-1].copy(), one, 3) == pytest.approx(2.0)
    cost = np.sqrt(2 * (one[:, None] != two[None]).sum(axis=2))
    rows, columns = linear_sum_assignment(cost)
    found = aligned_distance(two, one, 3)
    # An argmax is no bijection and may do better, but not than the nearest of all.
    assert cost.min(axis=0).mean() <= found <= cost[rows, columns].mean() + 0.1


def test_labels_of_a_target_are_its_states_where_these_have_symbols_of_their_own() -> None:
    hmm = preset_hmm("fully3")
    drawn = sample_target(hmm, 50, 100, np.random.default_rng(0))
    assert drawn.labels is not None and (drawn.labels == drawn.symbols).mean() > 0.95
    assert sample_target(preset_hmm("chain3"), 5, 5, np.random.default_rng(0)).labels is None
    moving = check_hmm([1.0, 0.0], [[0.5, 0.5], [0.5, 0.5]], np.eye(2))
    first = sample_target(moving, 2000, 2, np.random.default_rng(0)).symbols[:, 0]
    assert first.mean() == pytest.approx(0.5, abs=0.05)


def test_dwells_of_a_chain_are_geometric() -> None:
    states = sample_hmm(chain(0.05), 200, 1000, np.random.default_rng(0))[1]
    survival = dwell_distribution(states)
    np.testing.assert_allclose(survival[:40], 0.95 ** np.arange(1, 41), atol=0.02)
    found = metrics._dwell_scores(states, sample_hmm(chain(0.05), 200, 1000, draws(1)[1])[1])
    assert found["dwell mean"] == pytest.approx(20, rel=0.03)
    assert found["dwell CV"] == pytest.approx(np.sqrt(0.95), rel=0.03)
    assert found["dwell KS"] < 0.03
    clock = np.repeat(np.arange(50) % 2, 20)[None].repeat(20, axis=0)
    found = metrics._dwell_scores(clock, states)
    assert found["dwell mean"] == 20 and found["dwell CV"] == 0
    assert found["dwell KS"] == pytest.approx(1 - 0.95**19, abs=0.03)
    still = metrics._dwell_scores(np.zeros((3, 50), dtype=int), states)
    assert still["dwell mean"] == np.inf and still["dwell KS"] == 1


def table_of(network: Perfect, target: HMMParameters, seed: int = 0) -> pd.DataFrame:
    table = evaluate(network, target, *draws(seed), SMALL)
    assert list(table) == COLUMNS
    return table.set_index("metric")


@pytest.mark.parametrize("name", ["chain2", "chain3", "fully3", "cyclic4"])
def test_a_perfect_network_is_as_good_as_the_target_itself(name: str) -> None:
    hmm = preset_hmm(name)
    table = table_of(Perfect(hmm), hmm)
    assert ("dwell mean" in table.index) == (name != "chain3")
    half = table["high"] - table["value"] + table["baseline_high"] - table["baseline"]
    gap = (table["value"] - table["baseline"]).abs()
    # Twice the width at which one measure in forty or so would be off by chance.
    assert (gap <= 2.5 * half + 1e-4).all(), table[gap > 2.5 * half + 1e-4]
    assert table.loc["volatility", "value"] == pytest.approx(
        39 * exact_statistics.change_probability(hmm), rel=0.1
    )


#: Defects of a network, and the measures that must show them.
WRONG = {
    "too fast": (chain(0.15), ["volatility", "dwell mean", "dwell KS", "aligned distance"]),
    "too slow": (chain(0.015), ["volatility", "dwell mean", "dwell KS", "volatility SD"]),
    "nothing rare": (chain(0.05, rare=0.0), ["frequency 1", "largest transition error"]),
    "no memory": (
        check_hmm([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], preset_hmm("chain2").emissionprob),
        ["dwell CV", "autocorrelation error", "2-gram divergence", "6-gram divergence"],
    ),
    "one-sided": (
        check_hmm([0.5, 0.5], [[0.95, 0.05], [0.2, 0.8]], preset_hmm("chain2").emissionprob),
        ["frequency 0", "frequency 2", "1-gram divergence", "transition error"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_measures_show_defects(what: str) -> None:
    wrong, names = WRONG[what]
    table = table_of(Perfect(wrong), preset_hmm("chain2"))
    for name in names:
        row = table.loc[name]
        apart = row["low"] > row["baseline_high"] or row["high"] < row["baseline_low"]
        assert apart, f"{name}: {row.to_dict()}"


def test_warm_up_is_discarded() -> None:
    # Starts in the first state, which it hardly ever leaves, and which hardly anything enters.
    hmm = check_hmm([1.0, 0.0], [[0.9, 0.1], [0.0, 1.0]], np.eye(2))
    early = sample(Perfect(hmm), 500, 1, draws(0)[0], informative(hmm), warm_up=0)
    late = sample(Perfect(hmm), 500, 1, draws(0)[0], informative(hmm), warm_up=50)
    assert early.symbols.shape == (500, 1)
    assert early.symbols.mean() == pytest.approx(0.1, abs=0.05) and late.symbols.mean() > 0.98
    again = sample(Perfect(hmm), 500, 1, draws(0)[0], informative(hmm), warm_up=0)
    np.testing.assert_array_equal(early.symbols, again.symbols)


def test_a_network_that_runs_away_is_refused() -> None:
    hmm = preset_hmm("chain2")
    with pytest.raises(DataError, match="run away"):
        sample(Perfect(hmm, gain=10.0), 4, 100, draws(0)[0], informative(hmm))
