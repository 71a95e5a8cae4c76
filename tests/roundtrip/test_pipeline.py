"""Surrogates keep what they should, and states that were planted come back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.errors import DataError
from hmmlens.rnn.settings import Training
from hmmlens.roundtrip import grades, preparation, recovered
from hmmlens.roundtrip.preparation import RecordedNetwork
from hmmlens.roundtrip.settings import METHOD_NAMES, RoundTripSettings, Trip
from hmmlens.stats import surrogates
from hmmlens.validation.baselines.methods import Labels, Layer
from hmmlens.validation.baselines.registry import BASELINES, baseline, of_kind
from hmmlens.validation.grading.recorded import Recorded

FEW = Training(max_epochs=2, patience=2, batch_size=16)


def trip(**dataset: object) -> Trip:
    return Trip.model_validate({"expected": "D", "n_units": 6, "dataset": dataset})


FLIPFLOP = {"kind": "flipflop", "n_bits": 2, "n_sequences": 30, "n_steps": 40}
FULLY3 = {"kind": "hmm", "preset": "fully3", "n_sequences": 30, "n_steps": 40}


def planted(seed: int = 0) -> RecordedNetwork:
    """Return 3 places that units stay at, with a known chain."""
    rng = np.random.default_rng(seed)
    state = np.zeros((40, 60), dtype=np.int64)
    for t in range(1, 60):
        stay = rng.random(40) < 0.9
        state[:, t] = np.where(stay, state[:, t - 1], rng.integers(0, 3, 40))
    hidden = np.eye(3)[state] @ rng.normal(size=(3, 10)) + 0.01 * rng.normal(size=(40, 60, 10))
    split = np.repeat([0, 1, 2], [24, 8, 8])
    recorded = Recorded(hidden, np.eye(3)[state], state, np.full(40, 60), split)
    return RecordedNetwork(recorded, state, 1.0, 0.0, recorded.distribution)


def test_method_names_of_configs_are_those_of_the_library() -> None:
    assert list(METHOD_NAMES) == list(of_kind("states"))


def test_planted_states_and_their_chain_come_back() -> None:
    seen = planted()
    truth = np.full((3, 3), 0.1 / 3) + 0.9 * np.eye(3)
    rows = recovered.recovery_rows(
        seen, {"ari": 1.0}, truth, 0, RoundTripSettings(methods=["hmm", "k-means"])
    )
    for row in rows:
        assert row["n_states"] == 3 and row["ari"] == row["share"] == row["accuracy"] == 1.0
        # The chain of 1 440 steps differs from its law by sampling alone.
        assert row["transition_distance"] < 0.06
    # Against the moves of the true states of train, which k-means finds exactly, nothing is lost.
    assert recovered.recovery_rows(
        seen, {"ari": 1.0}, None, 0, RoundTripSettings(methods=["k-means"])
    )[0]["transition_distance"] == pytest.approx(0.0)
    half = recovered.recovery_rows(
        seen, {"ari": 0.5}, None, 0, RoundTripSettings(methods=["k-means"])
    )
    assert half[0]["share"] == 2.0


def test_a_method_from_a_file_is_entered_and_may_be_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_for_trips.py").write_text(
        "import numpy as np\n"
        "from hmmlens.validation.baselines.methods import Labels\n"
        "def coin(train, test, n_states, seed):\n"
        "    rng = np.random.default_rng(seed)\n"
        "    return Labels(*(np.where(p.inside, rng.integers(0, n_states, p.inside.shape), -1)\n"
        "                    for p in (train, test)))\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    row = recovered.recovery_rows(
        planted(), {"ari": 1.0}, None, 0, RoundTripSettings(methods=["mine_for_trips:coin"])
    )[0]
    assert row["method"] == "mine_for_trips:coin"
    assert abs(row["share"]) < 0.05 and row["transition_distance"] > 0.4
    with pytest.raises(
        DataError, match="method mine_for_trips:none: the module mine_for_trips has no none"
    ):
        recovered.load_method("mine_for_trips:none")


def test_a_method_that_uses_fewer_states_is_scored() -> None:
    def one(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
        return Labels(*(np.where(part.inside, 0, -1) for part in (train, test)))

    baseline("one", "states")(one)
    try:
        row = recovered.recovery_rows(
            planted(), {"ari": 1.0}, None, 0, RoundTripSettings(methods=["one"])
        )[0]
    finally:
        del BASELINES._members["one"]
    # Two of three states are never there, and the third one is never left.
    assert row["ari"] == 0 and 0.6 < row["transition_distance"] <= 1


@pytest.mark.parametrize("cell", ["vanilla", "lstm"])
@pytest.mark.parametrize("dataset", [FLIPFLOP, FULLY3], ids=["values", "symbols"])
def test_surrogates(cell: str, dataset: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    made = preparation.train_on_task(trip(**dataset), cell, FEW, seed=0)
    seen = preparation.record_network(made.network, made.data, 1000)
    assert seen.replay_error < 1e-5
    shuffled = grades.surrogate("shuffled", made.network, seen, 0)
    for one, two in (
        (shuffled.hidden, seen.recorded.hidden),
        (shuffled.distribution, seen.recorded.distribution),
    ):
        assert not np.array_equal(one, two)
        np.testing.assert_array_equal(np.sort(one, axis=1), np.sort(two, axis=1))
    turned = grades.surrogate("phase-randomised", made.network, seen, 0)
    np.testing.assert_allclose(
        turned.hidden.mean(axis=1), seen.recorded.hidden.mean(axis=1), atol=1e-6
    )
    assert not np.allclose(turned.distribution, seen.recorded.distribution, atol=1e-3)
    # The readout of states that did not change says what the network said.
    monkeypatch.setattr(surrogates, "phase_randomised", lambda values, length, rng: values)
    same = grades.surrogate("phase-randomised", made.network, seen, 0)
    np.testing.assert_allclose(same.distribution, seen.recorded.distribution, atol=1e-5)


@pytest.mark.study
def test_the_same_seed_gives_the_same_rows_and_another_one_others() -> None:
    def rows(seed: int) -> pd.DataFrame:
        made = preparation.train_on_task(trip(**FLIPFLOP), "gru", FEW, seed)
        return pd.DataFrame(grades.grade_roles(made, 1000, seed, surrogates=True)[0])

    first = rows(3)
    pd.testing.assert_frame_equal(first, rows(3))
    assert list(first["role"]) == [
        "untrained", "reservoir", "trained", "shuffled", "phase-randomised",
    ]  # fmt: skip
    assert (first["loss"] != rows(4)["loss"]).all()
    # Two epochs teach nothing, and the gate says so; without it the other rules speak.
    assert first.iloc[2]["grade"] == "X" and set(first["grade_without_gate"]) <= {
        "U",
        "C",
        "B",
        "D",
    }


def test_a_readout_is_fitted_and_the_recurrence_kept_unchanged() -> None:
    made = preparation.train_on_task(trip(**FULLY3), "gru", FEW, seed=0)
    fitted = preparation.with_readout(made)
    for one, two in zip(
        fitted.layers.parameters(), made.untrained.layers.parameters(), strict=True
    ):
        assert torch.equal(one, two)
    before, after = (preparation.losses_on_test(n, made) for n in (made.untrained, fitted))
    assert after.network < 0.9 * before.network
    assert after.floor < after.marginal == before.marginal


@pytest.mark.parametrize("preset", [pytest.param("rrxor", marks=pytest.mark.study), "z1r"])
def test_machines_that_emit_on_edges_go_round_too(preset: str) -> None:
    from hmmlens.roundtrip.pipeline import run

    settings = RoundTripSettings(1000, [1, 2, 3], 1, ["k-means"])
    task = trip(**FULLY3 | {"preset": preset}).model_copy(update={"surrogates": True})
    found = run(task, "gru", FEW, settings, 0)
    verdicts = found["verdicts"].set_index("role")
    assert list(verdicts.index) == ["untrained", "reservoir", "trained", *grades.SURROGATES]
    for kind in grades.SURROGATES:
        # States out of their order are no memory; the weights, and so the loss, are the same.
        assert verdicts.loc[kind, "grade_without_gate"] not in ("D", "M", "B")
        assert verdicts.loc[kind, "loss"] == verdicts.loc["trained", "loss"]
        assert np.isnan(verdicts.loc[kind, "replay_error"])
    assert verdicts.loc["trained", "replay_error"] < 1e-5
    assert found["recovery"]["n_states"].tolist() == [{"rrxor": 5, "z1r": 3}[preset]]
    assert 0 <= found["recovery"]["transition_distance"].iloc[0] <= 1
    assert set(found["beliefs"]["source"]) >= {"trained", "untrained", "last 4 symbols"}
