"""Methods side by side on planted states: each number against what it must be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, r2_score

from hmmlens.validation.baselines import comparison
from hmmlens.validation.baselines.codebook import one_hot
from hmmlens.validation.baselines.registry import of_kind
from hmmlens.validation.baselines.settings import BaselineSettings
from tests.validation.model_checks.test_checks import chosen, markov_path


def table(of, symbols_out=True, hidden=None):  # type: ignore[no-untyped-def]
    hidden = of.values if hidden is None else hidden
    return comparison.compare(of, hidden, symbols_out, 0).set_index("method")


def test_planted_states_are_found_by_all_that_look_at_places() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    found = table(of)
    states = [
        comparison.CHOSEN,
        *(name for name in of_kind("states") if name != comparison.REFITTED),
    ]
    assert list(found.index[: len(states)]) == states
    assert (found.loc[states, "n_states"] == 3).all()
    near = [comparison.CHOSEN, "k-means", "gaussian mixture"]
    assert (found.loc[near, "ari"] > 0.95).all() and (found.loc[near, "now"] > 0.95).all()
    test = of.split == 2
    truth, path = of.truth[test].ravel(), of.path[test].ravel()
    assert found.loc[comparison.CHOSEN, "ari"] == pytest.approx(adjusted_rand_score(truth, path))
    assert found.loc[comparison.CHOSEN, "ami"] == pytest.approx(
        adjusted_mutual_info_score(truth, path)
    )
    # Without inputs, a chain that stays with .8 forgets most within five steps.
    assert found.loc[comparison.CHOSEN, "ahead"] < 0.5 < found.loc[comparison.CHOSEN, "now"]


def test_linear_readout_is_the_oracle_of_a_linear_output() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=(*of.truth.shape, 4))
    distribution = hidden @ rng.normal(size=(4, 3))
    found = table(of._replace(data=of.data._replace(distribution=distribution)), False, hidden)
    assert found.loc["linear readout of all units", "now"] == pytest.approx(1)
    assert np.isnan(found.loc["linear readout of all units", "ahead"])
    # States know nothing of what these units hold.
    assert found.loc[comparison.CHOSEN, "now"] < 0.05
    assert not any(name.startswith("last 1 output") for name in found.index)


def test_memory_of_inputs_is_enough_where_they_determine_the_output() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    rng = np.random.default_rng(2)
    symbols = rng.integers(0, 2, of.truth.shape)
    two_back = np.roll(symbols, 1, axis=1)
    distribution = np.eye(2)[two_back]
    driven = of.data._replace(distribution=distribution, classes=symbols, n_classes=2)
    found = table(of._replace(data=driven, inputs=one_hot(symbols, 2)))
    assert found.loc["last 2 inputs", "now"] == pytest.approx(1, abs=0.02)
    assert found.loc["last 2 inputs", "ahead"] == found.loc["last 2 inputs", "now"]
    assert found.loc["last 1 input", "now"] < 0.05
    # Its own last output is one step older than its present one, and sampled anew.
    assert found.loc["last 1 output", "now"] < 0.05


def test_contexts_are_a_setting() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    settings = BaselineSettings(contexts=(3,))
    found = comparison.compare(of, of.values, True, 0, settings)["method"].tolist()
    assert [name for name in found if name.startswith("last")] == [
        "last 3 inputs",
        "last 3 outputs",
    ]


def test_r2_is_that_of_scikit_learn_on_frames_past_the_horizon() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    found = table(of)
    frames = of.data.masks["test"].copy()
    frames[:, : of.horizon] = False
    train = of.data.masks["train"]
    weight = of.posteriors[train]
    means = weight.T @ of.data.distribution[train] / weight.sum(axis=0)[:, None]
    predicted = (of.posteriors @ means)[frames]
    wanted = of.data.distribution[frames]
    # Against the mean of train, which is not that of test.
    average = of.data.distribution[train].mean(axis=0)
    oracle = 1 - ((wanted - predicted) ** 2).sum() / ((wanted - average) ** 2).sum()
    assert found.loc[comparison.CHOSEN, "now"] == pytest.approx(oracle)
    pooled = r2_score(wanted, predicted, multioutput="variance_weighted")
    assert oracle == pytest.approx(pooled, abs=0.02)


def test_without_a_truth_there_is_no_agreement_and_too_few_steps_are_a_gap() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    unknown = of._replace(truth=np.full_like(of.truth, -1))
    assert "ari" not in table(unknown)
    short = of._replace(length=np.where(of.split == 0, 1, of.length))
    found = table(short._replace(posteriors=of.posteriors))
    assert np.isnan(found.loc["ar-hmm", "now"]) and found.loc["k-means", "now"] > 0
