"""The restart that is read is the one most faithful to the network, not the most likely one."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray as xr

from hmmlens.hmm import HMMSweep, selection, storage
from hmmlens.stats.agreement import rand_index
from hmmlens.validation.certified import Certified
from hmmlens.validation.certified_model import with_certified
from hmmlens.validation.network_outputs import Network
from hmmlens.validation.restarts import most_faithful_restart
from hmmlens.validation.scorecard import choices, score_sweep

SEEDS = range(6)
SPLIT = np.repeat([0, 1, 2], [20, 10, 10])
LENGTH = np.full(40, 60)


@functools.cache
def planted(seed: int) -> tuple[Network, np.ndarray, xr.Dataset]:
    """Return a network, values in six dimensions and a stored sweep.

    The output is the number of one of four places in two dimensions. The noise around each place is
    narrow or wide for 15 steps at a time, which the output does not use but likelihood rewards:
    states that are a place and states that are a width are both optima of EM.
    """
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(4, size=(40, 12)), 5, axis=1)
    places = np.zeros((4, 6))
    places[:, :2] = [[0, 0], [4, 0], [0, 4], [4, 4]]
    width = np.where(np.repeat(rng.random((40, 4)) < 0.5, 15, axis=1), 1.5, 0.1)
    scale = width[..., None] * np.array([0.05, 0.05, 1, 1, 1, 1])
    values = places[truth] + scale * rng.normal(size=(40, 60, 6))
    network = Network(np.eye(4)[truth], "symbols", LENGTH, SPLIT, truth)
    sweep = HMMSweep([1, 4], ["full"], n_restarts=10, max_iter=30, halving=True, random_state=seed)
    return network, values, storage.to_dataset(sweep.fit(values[SPLIT == 0]))


def agreement(network: Network, posteriors: np.ndarray) -> float:
    test = network.split == 2
    return rand_index(network.truth[test], posteriors[test].argmax(axis=2))


def test_the_restart_that_is_read_has_the_states_of_the_network() -> None:
    read, likely = [], []
    for seed in SEEDS:
        network, values, sweep = planted(seed)
        reading = most_faithful_restart(network, values, sweep, "full", 4)
        read.append(agreement(network, reading.posteriors))
        model = storage.model(sweep, "full", 4)
        likely.append(agreement(network, model.filter(values, LENGTH).posteriors))
        assert reading.restart is not None
        again = storage.model(sweep, "full", 4, reading.restart)
        np.testing.assert_array_equal(again.means_, reading.model.means_)
    gain = np.array(read) - likely
    print(np.round(read, 3), np.round(likely, 3))
    assert gain.min() > -0.02
    assert sum(gain > 0.2) >= 3
    assert np.median(read) > 0.97 > np.median(likely)


def test_scores_name_the_restart_and_both_likelihoods() -> None:
    lower = []
    for seed in SEEDS:
        network, values, sweep = planted(seed)
        scores = score_sweep(network, values, sweep, 2, 0)
        fits = storage.results(sweep).set_index(["n_states", "restart"])["log_likelihood"]
        best = selection.best_restarts(storage.results(sweep))
        assert scores["best_log_likelihood"].tolist() == best["log_likelihood"].tolist()
        for row in scores.itertuples():
            assert row.log_likelihood == fits[row.n_states, row.restart]
        lower.append(scores["log_likelihood"].iloc[1] < scores["best_log_likelihood"].iloc[1] - 1)
        # The criterion judges the most likely restart still.
        table = choices(scores.assign(reducer="r"), {"r": sweep}, {"r": False}, "bic", 0.02)
        assert table["n_states"].tolist() == [4, 4]
        wanted = best.loc[best["n_states"] == 4, "log_likelihood"].item()
        assert (table["best_log_likelihood"] == wanted).all()
        chosen = storage.chosen_model(sweep, table.iloc[1])
        reading = most_faithful_restart(network, values, sweep, "full", 4)
        np.testing.assert_array_equal(chosen.means_, reading.model.means_)
    assert any(lower)


def test_the_test_split_does_not_choose() -> None:
    network, values, sweep = planted(0)
    wanted = most_faithful_restart(network, values, sweep, "full", 4)
    assert len(storage.kept_restarts(sweep, "full", 4)) == 2
    shuffled = network.distribution.copy()
    shuffled[SPLIT == 2] = np.random.default_rng(0).permutation(shuffled[SPLIT == 2], axis=1)
    other = most_faithful_restart(network._replace(distribution=shuffled), values, sweep, "full", 4)
    assert other.restart == wanted.restart
    assert other.fidelity_select == wanted.fidelity_select
    assert other.fidelity_test < wanted.fidelity_test


def test_likelihood_decides_within_the_tolerance() -> None:
    network, values, sweep = planted(0)
    likely = storage.kept_restarts(sweep, "full", 4)[0]
    faithful = most_faithful_restart(network, values, sweep, "full", 4)
    wide = most_faithful_restart(network, values, sweep, "full", 4, tolerance=1.0)
    assert wide.restart == likely != faithful.restart
    gap = faithful.fidelity_select - wide.fidelity_select
    for share, wanted in ((0.99, faithful.restart), (1.01, likely)):
        reading = most_faithful_restart(network, values, sweep, "full", 4, share * gap)
        assert reading.restart == wanted


def test_an_output_that_never_varies_leaves_the_most_likely() -> None:
    network, values, sweep = planted(0)
    blind = network._replace(distribution=np.ones((40, 60, 1)), kind="values")
    reading = most_faithful_restart(blind, values, sweep, "full", 4)
    assert np.isnan(reading.fidelity_select)
    assert reading.restart == storage.kept_restarts(sweep, "full", 4)[0]


def test_certified_states_are_no_restart() -> None:
    network, values, sweep = planted(0)
    reduced = xr.Dataset(
        {
            "reduced": (("sequence", "time", "component"), values),
            "length": ("sequence", LENGTH),
            "split": ("sequence", SPLIT),
        },
        attrs={"emission": "gaussian"},
    )
    sweep = with_certified(sweep, reduced, Certified(4, network.truth))
    assert storage.kept_restarts(sweep, "full", 4) == []
    assert storage.kept_restarts(sweep, "full", 1) == [0]
    scores = score_sweep(network, values, sweep, 2, 0).set_index("n_states")
    assert scores["restart"].isna().tolist() == [False, True]
    assert scores["log_likelihood"].isna().tolist() == [False, True]
    assert scores.loc[4, "ari"] == pytest.approx(1, abs=0.03)
