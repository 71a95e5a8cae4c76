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

from hmmlens.config import FlipFlopData, HMMData
from hmmlens.datasets.build import build
from hmmlens.datasets.generators import preset_hmm
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.validation.ceilings import exact_nll, of_dataset


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


@pytest.mark.parametrize("name", ["chain3", "fully3", "cyclic4"])
def test_exact_filter_equals_differences_of_hmmlearn(name: str) -> None:
    hmm = preset_hmm(name)
    theirs = reference.CategoricalHMM(len(hmm.startprob), init_params="", n_features=3)
    theirs.startprob_, theirs.transmat_, theirs.emissionprob_ = hmm
    symbols = build(HMMData(kind="hmm", preset=name, n_sequences=5, n_steps=30), seed=1)
    symbols = symbols["input"].to_numpy().astype(np.int64)
    # log P(all) - log P(first) is what was said of all but the first.
    gained = [theirs.score(row[:, None]) - theirs.score(row[:1, None]) for row in symbols]
    assert exact_nll(CategoricalHMM.from_parameters(*hmm), symbols) == pytest.approx(
        -sum(gained) / (5 * 29)
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
    ],
    ids=["hmm", "flipflop"],
)
def test_shortest_sequences_that_the_config_allows_are_scored(
    settings_: HMMData | FlipFlopData,
) -> None:
    assert np.isfinite(of_dataset(build(settings_, seed=0))["value"]).all()
