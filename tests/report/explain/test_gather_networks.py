"""Tables of networks from what their jobs left, and the findings of a study from its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hmmlens.report.explain import findings, gather

ABOUT: dict[str, dict[str, Any]] = {
    "d": {"target_kind": "symbols", "truth": "the true states", "state_names": ["a", "b"]},
    "e": {"target_kind": "values", "truth": "none", "state_names": [], "note": "Of somebody else"},
}
#: A network, the same untrained, and one that was loaded.
RUNS: list[dict[str, Any]] = [
    {"network": "n", "role": "trained", "dataset": "d", "n_layers": 1, "seed": 0},
    {"network": "n-untrained", "role": "untrained", "dataset": "d", "n_layers": 1, "seed": 0},
    {"network": "m", "role": "trained", "dataset": "e", "n_layers": 2, "seed": 0},
]
BOUNDS = {
    "d": pd.DataFrame(
        [
            ("exact filter", "floor", "nll", 0.5),
            ("last symbol", "baseline", "nll", 0.8),
            ("frequencies", "baseline", "nll", 1.0),
            ("exact filter", "floor", "ari", 0.9),
        ],
        columns=["name", "role", "metric", "value"],
    ),
    "e": pd.DataFrame(
        [("mean", "baseline", "mse", 0.3)], columns=["name", "role", "metric", "value"]
    ),
}


def scores(test: float) -> pd.DataFrame:
    found = pd.DataFrame({"split": ["train", "select", "test"]})
    losses = [test - 0.02, test - 0.01, test]
    return found.assign(nll=losses, mse=losses, cell="gru", n_units=4, n_parameters=99)


def gathered() -> dict[str, pd.DataFrame]:
    curve = pd.DataFrame({"epoch": [1, 2], "train_nll": [1.0, 0.6]})
    end = {"n_coarse": 2, "n_fine": 2, "ratio": 1.0, "drift": 0.0, "neutral_input": "zeros"}
    return gather.gather_networks(
        RUNS,
        [scores(0.6), scores(1.1), scores(0.2)],
        [curve, curve.iloc[:0], curve.iloc[:0]],
        [end, end, end | {"n_coarse": np.nan, "neutral_input": "none"}],
        [{"replay_error": 1e-7}, {"replay_error": 1e-7}, {"replay_error": None}],
        BOUNDS,
        ABOUT,
    )


def test_networks_have_their_losses_floors_and_best_baselines() -> None:
    found = gathered()
    table = found["networks"].set_index("network")
    assert table["metric"].tolist() == ["nll", "nll", "mse"]
    assert table["test"].tolist() == [0.6, 1.1, 0.2] and table.loc["n", "train"] == 0.58
    np.testing.assert_allclose(table["floor"], [0.5, 0.5, np.nan])
    np.testing.assert_allclose(table["above_floor_percent"], [20, 120, np.nan])
    assert table["best_baseline"].tolist() == ["last symbol", "last symbol", "mean"]
    assert table["best_baseline_score"].tolist() == [0.8, 0.8, 0.3]
    assert table["n_epochs"].tolist() == [2, 0, 0]
    np.testing.assert_array_equal(table["replay_error"], [1e-7, 1e-7, np.nan])
    # Only a network that was trained here has a learning curve.
    assert found["training"]["network"].tolist() == ["n", "n"]
    assert found["endpoints"]["network"].tolist() == [run["network"] for run in RUNS]
    assert found["endpoints"]["neutral_input"].tolist() == ["zeros", "zeros", "none"]


def test_a_study_has_findings_of_every_trained_network_and_layer() -> None:
    tables = gathered()
    layers = pd.DataFrame({"network": ["n", "m"], "layer": "rnn", "role": "trained", "seed": 0})
    pick = {"n_states": 2, "at_edge": False, "fidelity_test": 0.9, "chosen_reducer": True}
    tables["choices"] = pd.concat(
        layers.assign(pick=name, **pick) for name in ("bic", "compact")
    ).reset_index(drop=True)
    agreement = {"rule": "true", "covariance_type": "tied", "n_states": 2, "shift_p": 0.004}
    agreement |= {"ari": 0.8, "ari_low": 0.7, "ari_high": 0.9, "ceiling_ari": np.nan}
    tables["agreement"] = layers.assign(**agreement)
    verdict = {"grade": "not judged", "sentence": "It is not judged.", "reasons": "It is missing"}
    tables["verdicts"] = layers[:1].assign(**verdict)
    states = {"pick": "explained", "state": ["A", "B"]}
    tables["states"] = pd.concat(
        [
            layers[:1].merge(pd.DataFrame(states).assign(same_output=["B", "A"]), how="cross"),
            layers[1:].merge(pd.DataFrame(states).assign(same_output=""), how="cross"),
        ]
    )
    tables["entropies"] = layers[:1].assign(
        pick="explained", sentence="The next state is certain.", events="0: stay; 1: swap"
    )
    found = findings.study(tables, ABOUT, "bic")
    assert [(f["network"], f["layer"], f["dataset"]) for f in found["networks"]] == [
        ("n", "rnn", "d"),
        ("m", "rnn", "e"),
    ]
    one, other = found["networks"]
    assert one["verdict"] == "It is not judged." and one["answer"] == "It was not judged."
    assert "A and B" in one["same_output"] and other["same_output"] == ""
    expected = "The next state is certain. What inputs do: 0: stay; 1: swap."
    assert one["transitions"] == expected and other["transitions"] == ""
    assert one["reasons"] == [{"holds": None, "sentence": "It is missing", "question": ""}]
    assert "20.0 % above that of the exact filter (0.500)" in one["task"]
    assert one["choice"].startswith("BIC (the Bayesian information criterion) chooses 2 states")
    assert "0.80" in one["agreement"]
    assert one["endpoints"].endswith("separate points.")
    assert other["verdict"] == "Not judged yet." and other["reasons"] == []
    assert other["task"].endswith("Of somebody else.")
    assert other["agreement"] == "The true states are not known, so no agreement is compared."
    assert other["endpoints"].startswith("No input is neutral for it")
    assert found["datasets"] == {
        "d": {"truth": "the true states"},
        "e": {"truth": "none", "note": "Of somebody else"},
    }
    assert found["grades"]
