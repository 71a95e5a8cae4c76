"""The exact filter's score against hmmlearn and the sum over all paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hmmlearn import hmm as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.continuum import ContinuumData
from hmmlens.datasets.synthetic.flipflop import FlipFlopData
from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.datasets.synthetic.hmm import HMMData
from hmmlens.datasets.synthetic.machines import MACHINES, state_form
from hmmlens.datasets.synthetic.tomita import TomitaData
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.validation import ceilings
from hmmlens.validation.baselines import constant
from hmmlens.validation.ceilings import CeilingSettings, exact_nll, of_dataset


def probability(hmm: CategoricalHMM, symbols: list[int]) -> float:
    """Return P(symbols) by the sum over all paths."""
    total = 0.0
    for path in itertools.product(range(len(hmm.startprob_)), repeat=len(symbols)):
        p = hmm.startprob_[path[0]]
        for before, after in itertools.pairwise(path):
            p *= hmm.transmat_[before, after]
        for state, symbol in zip(path, symbols, strict=True):
            p *= hmm.emissionprob_[state, symbol]
        total += p
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_exact_filter_equals_the_sum_over_all_paths(seed: int, n_steps: int) -> None:
    rng = np.random.default_rng(seed)
    hmm = CategoricalHMM.from_parameters(
        rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(2), 3)
    )
    symbols = rng.integers(0, 2, size=(3, n_steps))
    losses = []
    for row in symbols.tolist():
        for t in range(1, n_steps):
            losses.append(-np.log(probability(hmm, row[: t + 1]) / probability(hmm, row[:t])))
    assert exact_nll(hmm, symbols) == pytest.approx(np.mean(losses), rel=1e-10)


def test_exact_filter_of_ragged_sequences_weighs_steps() -> None:
    hmm = CategoricalHMM.from_parameters(*preset_hmm("fully3"))
    symbols = np.random.default_rng(0).integers(0, 3, size=(4, 9))
    length = np.array([9, 2, 5, 7])
    alone = [
        exact_nll(hmm, row[None, :n]) * (n - 1) for row, n in zip(symbols, length, strict=True)
    ]
    symbols[np.arange(9) >= length[:, None]] = 10**6
    assert exact_nll(hmm, symbols, length) == pytest.approx(sum(alone) / (length - 1).sum())


@pytest.mark.parametrize("name", ["chain3", "fully3", "cyclic4"])
def test_exact_filter_equals_differences_of_hmmlearn(name: str) -> None:
    hmm = preset_hmm(name)
    theirs = reference.CategoricalHMM(len(hmm.startprob), init_params="", n_features=3)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = hmm
    symbols = build(HMMData(kind="hmm", preset=name, n_sequences=5, n_steps=30), seed=1)
    symbols = symbols["input"].to_numpy().astype(np.int64)
    # log P(all) - log P(first) is the log-likelihood of all but the first.
    increments = [theirs.score(row[:, None]) - theirs.score(row[:1, None]) for row in symbols]
    assert exact_nll(CategoricalHMM.from_parameters(*hmm), symbols) == pytest.approx(
        -sum(increments) / (5 * 29)
    )


def value(table: Any, name: str, metric: str) -> float:
    (found,) = table.loc[(table["name"] == name) & (table["metric"] == metric), "value"]
    return float(found)


def test_symbols_have_their_floor_baselines_and_ceilings() -> None:
    data = build(HMMData(kind="hmm", preset="cyclic4", n_sequences=60, n_steps=50), seed=2)
    table = of_dataset(data)
    hmm = preset_hmm("cyclic4")
    test = data.isel(sequence=data["split"].to_numpy() == 2)
    symbols, truth = test["input"].to_numpy(), test["state"].to_numpy()
    theirs = reference.CategoricalHMM(4, init_params="", n_features=3)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = hmm
    lengths = [50] * len(symbols)
    smoothed = theirs.predict_proba(symbols.reshape(-1, 1), lengths).argmax(axis=1)
    expected = adjusted_rand_score(truth.ravel(), smoothed)
    assert value(table, "exact smoother", "ari") == pytest.approx(expected)
    # On the same sequences no observer of the past beats the one who knows the model by much,
    # and the smoother, who sees the future, is the better one.
    floor = value(table, "exact filter", "nll")
    baselines = table[table["role"] == "baseline"]
    assert len(baselines) == 4
    assert (baselines["value"] > floor).all()
    assert value(table, "exact smoother", "accuracy") > value(table, "exact filter", "accuracy")
    roles = table.groupby("role")["name"].unique().map(set).to_dict()
    assert roles["floor"] == {"exact filter"}
    assert roles["ceiling"] == {"exact filter", "exact smoother"}


def test_values_have_theirs() -> None:
    settings_ = FlipFlopData(kind="flipflop", n_bits=2, n_sequences=30, n_steps=40)
    data = build(settings_, seed=2)
    table = of_dataset(data)
    assert value(table, "exact answer", "mse") == 0
    part = {name: data["split"].to_numpy() == i for i, name in ((0, "train"), (2, "test"))}
    target = data["target"].to_numpy().astype(float)
    mean = target[part["train"]].mean(axis=(0, 1))
    expected = ((target[part["test"]] - mean) ** 2).mean()
    assert value(table, "mean", "mse") == pytest.approx(expected)
    inputs = data["input"].to_numpy()[part["test"]]
    expected = ((target[part["test"]] - inputs) ** 2).mean()
    assert value(table, "persistence", "mse") == pytest.approx(expected)
    assert 0 < value(table, "linear, 10 inputs", "mse") < value(table, "mean", "mse")
    assert "ceiling" not in set(table["role"])


@pytest.mark.parametrize(
    "settings_",
    [
        HMMData(kind="hmm", preset="fully3", n_sequences=10, n_steps=2),
        FlipFlopData(kind="flipflop", n_sequences=10, n_steps=2),
        TomitaData(kind="tomita", grammar=1, n_sequences=10, n_steps=2),
        ContinuumData(kind="continuum", law="head_direction", n_sequences=10, n_steps=2),
    ],
    ids=lambda s: s.kind,
)
def test_shortest_sequences_that_the_config_allows_are_scored(settings_: Any) -> None:
    assert np.isfinite(of_dataset(build(settings_, seed=0))["value"]).all()


def test_answers_to_words_are_scored_against_their_own_baselines() -> None:
    # Tomita 4: three symbols of context determine all but what the word was before.
    data = build(TomitaData(kind="tomita", grammar=4, n_sequences=100, n_steps=60), seed=1)
    table = of_dataset(data)
    assert value(table, "exact answer", "nll") == 0
    target = data["target"].to_numpy()
    share = target[data["split"] == 0].mean()
    test = target[data["split"] == 2]
    marginal = -np.where(test == 1, np.log(share), np.log(1 - share)).mean()
    assert value(table, "0-gram context", "nll") == pytest.approx(marginal, abs=1e-3)
    assert 0 < value(table, "4-gram context", "nll") < marginal


#: Table of targets: Hankel singular values, accuracy of filter and smoother, floor, n-grams of
#: order 0, 1, 2 and 4; measured on 2000 sequences of 100 symbols with code that is not ours.
MEASURED = {
    "chain2": ([1, 0.60], 1.00, 1.00, 0.253, (0.742, 0.255, 0.251, 0.251)),
    "chain3": ([1, 0.34, 0.012], 0.756, 0.796, 0.585, (0.742, 0.603, 0.587, 0.585)),
    "chain4": ([1, 0.29, 0.008, 2e-4], 0.568, 0.623, 0.629, (0.742, 0.650, 0.634, 0.630)),
    "chain5": ([1, 0.28, 0.010, 3e-4, 5e-5], 0.462, 0.521, 0.633, (0.742, 0.659, 0.639, 0.633)),
    "fully3": ([1, 0.50, 0.50], 0.980, 0.996, 0.330, (1.099, 0.352, 0.332, 0.330)),
    "cyclic4": ([1, 0.33, 0.285, 0.007], 0.875, 0.949, 0.508, (1.039, 0.600, 0.542, 0.520)),
}


@pytest.mark.parametrize("name", MEASURED)
def test_ceilings_are_those_of_the_table(name: str) -> None:
    hankel, filtered, smoothed, floor, ngrams = MEASURED[name]
    hmm = CategoricalHMM.from_parameters(*preset_hmm(name))
    np.testing.assert_allclose(ceilings.hankel_singular_values(hmm), hankel, rtol=0.02, atol=5.1e-4)
    n = 800
    symbols, states = sample_hmm(preset_hmm(name), n, 100, np.random.default_rng(11))
    seen = ceilings.observers(hmm, symbols, np.arange(hmm.n_components))

    def near(by_sequence: np.ndarray, wanted: float) -> bool:
        # Five standard errors of both samples, and the table's rounding.
        error = by_sequence.std() * np.sqrt(1 / n + 1 / 2000)
        rounding = 0.0051 if wanted == 1 else 0.00051
        return bool(abs(by_sequence.mean() - wanted) < 5 * error + rounding)

    assert near((seen["exact filter"].argmax(2) == states).mean(axis=1), filtered)
    assert near((seen["exact smoother"].argmax(2) == states).mean(axis=1), smoothed)
    assert near(ceilings._surprise(hmm, symbols)[:, 1:].mean(axis=1), floor)
    half = n // 2
    split_up = [symbols[:half, :-1], symbols[:half, 1:], symbols[half:, :-1], symbols[half:, 1:]]
    for order, wanted in zip(ceilings.DEFAULT_CEILINGS.ngram_orders, ngrams, strict=True):
        # The table's own sampling error is about .003.
        found = constant.ngram_nll(*split_up, order, 3, 3)
        assert found == pytest.approx(wanted, abs=0.012)


def word_probability(hmm: CategoricalHMM, word: tuple[int, ...]) -> float:
    distribution = hmm.get_stationary_distribution()
    for symbol in word:
        distribution = (distribution * hmm.emissionprob_[:, symbol]) @ hmm.transmat_
    return float(distribution.sum())


def test_hankel_matrix_holds_the_probabilities_of_words() -> None:
    rng = np.random.default_rng(0)
    hmm = CategoricalHMM.from_parameters(
        np.full(3, 1 / 3), rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(2), 3)
    )
    words = [w for n in range(4) for w in itertools.product(range(2), repeat=n)]
    matrix = np.array([[word_probability(hmm, u + v) for v in words] for u in words])
    singular = np.linalg.svd(matrix, compute_uv=False)
    found = ceilings.hankel_singular_values(hmm, 3)
    np.testing.assert_allclose(found, singular[:3] / singular[0], atol=1e-12)


def test_hankel_matrix_sees_a_state_that_no_output_reveals() -> None:
    # State 2 is a copy of state 1.
    hmm = CategoricalHMM.from_parameters(
        np.full(3, 1 / 3),
        np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.2, 0.4, 0.4]]),
        np.array([[0.9, 0.1], [0.3, 0.7], [0.3, 0.7]]),
    )
    found = ceilings.hankel_singular_values(hmm)
    assert found[1] > 0.01
    assert found[2] < 1e-12


def conditional_entropy(hmm: CategoricalHMM, n: int, known_start: bool) -> float:
    """Return H(symbol n | symbols before, and the first state if known) by all words."""
    pi = hmm.get_stationary_distribution()
    starts = [p * np.eye(len(pi))[i] for i, p in enumerate(pi)] if known_start else [pi]

    def entropy(length: int) -> float:
        total = 0.0
        for start in starts:
            for word in itertools.product(range(hmm.emissionprob_.shape[1]), repeat=length):
                distribution = start
                for symbol in word:
                    distribution = (distribution * hmm.emissionprob_[:, symbol]) @ hmm.transmat_
                p = distribution.sum()
                total -= p * np.log(p) if p > 0 else 0
        return total

    return entropy(n) - entropy(n - 1)


@pytest.mark.parametrize("name", ["chain3", "mess3", "fully3"])
def test_entropy_rate_lies_between_its_exact_bounds(name: str) -> None:
    # Cover & Thomas, theorem 4.5.1.
    hmm = CategoricalHMM.from_parameters(*preset_hmm(name))
    low, high = (conditional_entropy(hmm, 7, known) for known in (True, False))
    rate = ceilings.entropy_rate(hmm, np.random.default_rng(2))
    half = (rate.high - rate.low) / 2
    assert low - 2 * half < rate.value < high + 2 * half
    assert half < 0.02


@pytest.mark.parametrize(("name", "bits"), [("z1r", 1 / 3), ("rrxor", 2 / 3)])
def test_entropy_rate_of_machines_is_their_share_of_random_bits(name: str, bits: float) -> None:
    hmm = CategoricalHMM.from_parameters(*state_form(MACHINES[name]).hmm)
    rate = ceilings.entropy_rate(hmm, np.random.default_rng(2))
    assert rate.value == pytest.approx(bits * np.log(2), abs=0.002)


def test_intervals_of_the_entropy_rate_hold_it_nearly_always() -> None:
    settings = CeilingSettings(n_rate_sequences=100, n_rate_steps=200)
    # States that are seen: the rate is that of a Markov chain.
    a = np.array([[0.9, 0.1], [0.3, 0.7]])
    hmm = CategoricalHMM.from_parameters(np.array([0.75, 0.25]), a, np.eye(2))
    rate = -(np.array([0.75, 0.25])[:, None] * a * np.log(a)).sum()
    draws = [ceilings.entropy_rate(hmm, np.random.default_rng(s), settings) for s in range(100)]
    inside = sum(draw.low < rate < draw.high for draw in draws)
    # 95 of 100 on average; fewer than 84 by chance once in ten thousand.
    assert inside >= 84
    assert all(draw.high - draw.low < 0.05 for draw in draws)


def test_better_targets_are_better_conditioned() -> None:
    def least(name: str) -> float:
        hmm = CategoricalHMM.from_parameters(*preset_hmm(name))
        return float(ceilings.hankel_singular_values(hmm)[-1])

    for name in ("fully5", "fully8"):
        assert least(name) > 10 * max(least("chain3"), least("cyclic4"), least("chain5"))


def test_truth_of_a_machine_is_lumped() -> None:
    data = build(HMMData(kind="hmm", preset="z1r", n_sequences=30, n_steps=40), seed=3)
    table = of_dataset(data)
    # After a few symbols Z1R is known for sure, whoever looks; before, the smoother knows more.
    assert value(table, "exact filter", "accuracy") > 0.93
    assert value(table, "exact smoother", "accuracy") > value(table, "exact filter", "accuracy")
    assert len(table[table["metric"] == "singular_value"]) == 4


def test_settings_choose_the_baselines_and_the_words() -> None:
    data = build(HMMData(kind="hmm", preset="chain3", n_sequences=10, n_steps=20), seed=0)
    settings = CeilingSettings(
        ngram_orders=(0, 3), hankel_length=1, n_rate_sequences=3, n_rate_steps=20, rate_burn_in=5
    )
    table = of_dataset(data, settings=settings)
    wanted = ["0-gram context", "3-gram context"]
    assert table[table["role"] == "baseline"]["name"].tolist() == wanted
    hankel = table[table["metric"] == "singular_value"]["value"].to_numpy()
    expected = ceilings.hankel_singular_values(ceilings.model_of(data), 1)
    np.testing.assert_allclose(hankel, expected)
