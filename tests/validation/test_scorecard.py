"""Scores of planted models, and the choices from hand-made tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import adjusted_rand_score, r2_score

from hmmlens.hmm import HMMSweep, storage
from hmmlens.stats.permutation import ONE_LABEL
from hmmlens.validation import scorecard
from hmmlens.validation.network_outputs import Network, network_of
from hmmlens.validation.scorecard import RAW_INPUT, choices, score_sweep


def sweep_of(bic: dict[int, float]) -> xr.Dataset:
    """Return a stored sweep with these scores by state count."""
    n = len(bic)
    columns: dict[str, tuple[tuple[str, ...], Any]] = {
        name: (tuple(storage.INDEX), np.array(values, dtype=float).reshape(1, n, 1))
        for name, values in {
            "log_likelihood": [-value for value in bic.values()],
            "bic": list(bic.values()),
            "n_iter": [5] * n,
            "converged": [1] * n,
            "n_floored": [0] * n,
            "n_rescued": [0] * n,
        }.items()
    }
    coords = {"covariance_type": [0], "n_states": list(bic), "restart": [0]}
    return xr.Dataset(columns, coords=coords, attrs={"covariance_types": ["tied"]})


def scores_of(reducer: str, fidelity: dict[int, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reducer": reducer,
            "covariance_type": "tied",
            "n_states": list(fidelity),
            "fidelity_select": list(fidelity.values()),
            "fidelity_test": [value - 0.1 for value in fidelity.values()],
        }
    )


FIDELITY = {
    "pca-2": {1: 0.0, 2: 0.70, 3: 0.80, 4: 0.81},
    "ica-2": {1: 0.0, 2: 0.85, 3: 0.60, 4: 0.90},
    "map": {1: 0.0, 2: 0.99, 3: 0.99, 4: 0.99},
    RAW_INPUT: {1: 0.0, 2: 0.95, 3: 0.95, 4: 0.95},
}
BIC = {
    "pca-2": {1: 9.0, 2: 8.0, 3: 5.0, 4: 6.0},
    "ica-2": {1: 9.0, 2: 8.0, 3: 5.0, 4: 6.0},
    "map": {1: 9.0, 2: 5.0, 3: 7.0, 4: 8.0},
    RAW_INPUT: {1: 9.0, 2: 8.0, 3: 7.0, 4: 5.0},
}


def chosen(tolerance: float = 0.02, **fidelity: dict[int, float]) -> pd.DataFrame:
    """Return the choices with some fidelities changed, by reducer and pick."""
    table = FIDELITY | {name.replace("_", "-"): value for name, value in fidelity.items()}
    scores = pd.concat([scores_of(name, part) for name, part in table.items()])
    sweeps = {name: sweep_of(bic) for name, bic in BIC.items()}
    exploratory = {name: name == "map" for name in BIC}
    found = choices(scores.reset_index(drop=True), sweeps, exploratory, "bic", tolerance)
    return found.set_index(["reducer", "pick"])


def test_criterion_and_compactness_choose_within_each_reducer() -> None:
    table = chosen()
    assert table["n_states"].to_dict() == {
        ("pca-2", "bic"): 3,
        ("pca-2", "explained"): 3,
        ("ica-2", "bic"): 3,
        ("ica-2", "explained"): 4,
        ("map", "bic"): 2,
        ("map", "explained"): 2,
        (RAW_INPUT, "bic"): 4,
        (RAW_INPUT, "explained"): 2,
    }
    assert table.loc[("pca-2", "explained"), "fidelity_select"] == 0.80
    assert table.loc[("pca-2", "explained"), "fidelity_test"] == pytest.approx(0.70)
    assert table["at_edge"].to_dict() == {
        key: key in {("ica-2", "explained"), (RAW_INPUT, "bic")} for key in table.index
    }


def test_tolerance_decides_how_compact() -> None:
    assert chosen(0.005).loc[("pca-2", "explained"), "n_states"] == 4
    assert chosen(0.12).loc[("pca-2", "explained"), "n_states"] == 2
    assert chosen(0.05).loc[("ica-2", "explained"), "n_states"] == 2
    sentence = chosen(0.12).loc[("pca-2", "explained"), "sentence"]
    assert sentence == (
        "2 states are the fewest whose fidelity at the same step is within 0.12 of the best in the "
        "sweep."
    )


def test_reducer_is_the_most_faithful_by_its_criterion_model() -> None:
    # ica-2 holds the best model of all, but not at the K that its BIC picks.
    table = chosen()
    assert set(table.index[table["chosen_reducer"]]) == {("pca-2", "bic"), ("pca-2", "explained")}
    table = chosen(ica_2={1: 0.0, 2: 0.1, 3: 0.81, 4: 0.1})
    assert set(table.index[table["chosen_reducer"]]) == {("ica-2", "bic"), ("ica-2", "explained")}


def test_exploratory_and_raw_input_are_never_chosen() -> None:
    table = chosen()
    best = table["fidelity_select"].groupby("reducer").max()
    assert best["map"] > best[RAW_INPUT] > best["pca-2"]
    assert not table.loc["map", "chosen_reducer"].any()
    assert not table.loc[RAW_INPUT, "chosen_reducer"].any()
    assert table.loc["map", "exploratory"].all()


def planted() -> tuple[Network, np.ndarray, np.ndarray]:
    """Return a network whose output is its state's, and reduced activations that show states."""
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 3, size=(12, 10)), 5, axis=1)
    places = np.array([[0.0, 0], [8, 0], [0, 8]])
    observed = places[truth] + rng.normal(size=(12, 50, 2))
    distribution = np.array([[1.0], [2], [5]])[truth] + 0.1 * rng.normal(size=(12, 50, 1))
    split = np.array([0] * 6 + [1] * 3 + [2] * 3)
    length = np.full(12, 50)
    length[[1, 8, 10]] = 30
    past = np.arange(50) >= length[:, None]
    distribution[past], observed[past] = 1e3, -1e3
    return Network(distribution, "values", length, split, truth), observed, past


def test_scores_of_planted_states() -> None:
    network, observed, past = planted()
    train, select = (network.split == part for part in (0, 1))
    sweep = HMMSweep([1, 3], n_restarts=2)
    sweep.fit(observed[train], network.length[train], observed[select], network.length[select])
    data = storage.to_dataset(sweep)
    table = score_sweep(network, observed, data, n_bootstrap=50, seed=0).set_index("n_states")
    # One state has the average output: no fidelity, but for the splits' different averages.
    assert table.loc[1, "fidelity_select"] == pytest.approx(0, abs=1e-9)
    assert table.loc[1, "fidelity_test"] == pytest.approx(0, abs=1e-9)
    assert table.loc[1, "ari"] == 0
    # Three states: what remains is the noise of the output.
    test = network.split == 2
    inside = ~past & test[:, None]
    means = [
        network.distribution[~past & train[:, None] & (network.truth == k)].mean() for k in range(3)
    ]
    distribution = network.distribution[inside][:, 0]
    worst = ((distribution - network.distribution[~past & train[:, None]].mean()) ** 2).mean()
    expected = 1 - ((distribution - np.array(means)[network.truth[inside]]) ** 2).mean() / worst
    assert table.loc[3, "fidelity_test"] == pytest.approx(expected, abs=1e-3)
    assert expected > 0.99
    assert r2_score(distribution, np.array(means)[network.truth[inside]]) > 0.99
    found = storage.model(data, "tied", 3).filter(observed, network.length).posteriors.argmax(2)
    ari = adjusted_rand_score(network.truth[inside], found[inside])
    assert table.loc[3, "ari"] == pytest.approx(ari)
    for name in ("ari", "nmi", "accuracy"):
        row = table.loc[3]
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        assert row[name] > 0.95


def test_unknown_truth_gives_no_agreement() -> None:
    network, observed, _ = planted()
    data = storage.to_dataset(HMMSweep([1, 2], n_restarts=1).fit(observed[:6], network.length[:6]))
    blind = network._replace(truth=np.full_like(network.truth, -1))
    table = score_sweep(blind, observed, data, n_bootstrap=20, seed=0)
    assert set(table.columns) == {
        "covariance_type", "n_states", "restart", "log_likelihood", "best_log_likelihood",
        "given_input", "fidelity_select", "fidelity_test",
    }  # fmt: skip


def test_a_truth_with_one_label_gives_no_agreement() -> None:
    """The Rand index of two constant labellings is 1 and carries no information."""
    network, observed, _ = planted()
    data = storage.to_dataset(HMMSweep([1, 2], n_restarts=1).fit(observed[:6], network.length[:6]))
    one = network._replace(truth=np.where(network.truth > 0, 0, -1))
    table = score_sweep(one, observed, data, n_bootstrap=20, seed=0)
    assert not {"ari", "nmi", "accuracy", "shift_p"} & set(table)
    assert set(table["null"]) == {ONE_LABEL}


def test_network_of_takes_the_recorded_sequences() -> None:
    rng = np.random.default_rng(0)
    state = rng.integers(0, 3, size=(6, 5))
    sequences = xr.Dataset(
        {"state": (("sequence", "time"), state.astype(np.int16))}, attrs={"target_kind": "symbols"}
    )
    logits = rng.normal(size=(3, 5, 4)).astype(np.float32)
    root = xr.Dataset(
        {
            "output": (("sequence", "time", "output"), logits),
            "length": ("sequence", [5, 4, 5]),
            "split": ("sequence", [0, 1, 2]),
        },
        coords={"sequence": [1, 3, 4]},
    )
    network = network_of(root, sequences)
    np.testing.assert_array_equal(network.truth, state[[1, 3, 4]])
    odds = np.exp(logits)
    np.testing.assert_allclose(
        network.distribution, odds / odds.sum(axis=2, keepdims=True), rtol=1e-5
    )
    assert network.kind == "symbols"
    assert network.length.tolist() == [5, 4, 5]
    assert scorecard.RAW_INPUT == "raw-input"


def test_scores_of_test_sequences_choose_nothing() -> None:
    scores = pd.concat([scores_of(name, part) for name, part in FIDELITY.items()])
    scores = scores.reset_index(drop=True).assign(ari=0.5, shift_p=0.01)
    sweeps = {name: sweep_of(bic) for name, bic in BIC.items()}
    exploratory = {name: name == "map" for name in BIC}
    other = scores.assign(fidelity_test=scores["fidelity_test"].to_numpy()[::-1], ari=np.nan)
    one, two = (
        choices(table, sweeps, exploratory, "bic", 0.02).drop(columns=["fidelity_test", "ari"])
        for table in (scores, other)
    )
    pd.testing.assert_frame_equal(one, two)
