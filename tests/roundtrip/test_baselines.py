"""Rivals are as good as what they see, and speech and beliefs as near as they truly are."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.rnn.settings import Training
from hmmlens.roundtrip import baselines, generated, preparation
from hmmlens.roundtrip.preparation import PreparedNetwork, RecordedNetwork
from hmmlens.roundtrip.settings import RoundTripSettings, Trip
from hmmlens.validation.belief import exact_beliefs
from hmmlens.validation.ceilings import model_of
from hmmlens.validation.grading.recorded import Recorded

K_MEANS = RoundTripSettings(methods=["k-means"])

WEAK2 = {
    "kind": "hmm",
    "startprob": [0.5, 0.5],
    "transmat": [[0.95, 0.05], [0.05, 0.95]],
    "emissionprob": [[0.75, 0.25], [0.25, 0.75]],
    "n_sequences": 40,
    "n_steps": 60,
}


def toggled(seed: int = 0) -> RecordedNetwork:
    """Return units that hold the parity of the pulses so far, which no short context tells."""
    rng = np.random.default_rng(seed)
    pulses = (rng.random((50, 100)) < 0.1).astype(np.int64)
    state = pulses.cumsum(axis=1) % 2
    distribution = np.eye(2)[state]
    hidden = distribution @ rng.normal(size=(2, 6)) + 0.01 * rng.normal(size=(50, 100, 6))
    split = np.repeat([0, 1, 2], [30, 10, 10])
    return RecordedNetwork(
        Recorded(hidden, distribution, pulses, np.full(50, 100), split), state, 1.0, 0.0,
        distribution,
    )  # fmt: skip


def test_states_that_remember_beat_what_sees_inputs_alone() -> None:
    rows = {row["rival"]: row for row in baselines.baseline_fidelities(toggled(), 2, 0, K_MEANS)}
    assert rows["k-means"]["fidelity_0"] == pytest.approx(1.0)
    # Moves that were never seen keep a little probability.
    assert rows["k-means"]["fidelity_5"] > 0.999
    assert rows["linear readout"]["fidelity_0"] > 0.999
    assert np.isnan(rows["linear readout"]["fidelity_5"])
    for order in (1, 2, 4):
        name = f"last {order} input{'s' if order > 1 else ''}"
        assert rows[name]["fidelity_0"] < 0.2 and rows[name]["n_states"] == 0
    assert rows["raw-input hmm"]["fidelity_0"] < 0.2
    assert rows["raw-input hmm"]["fidelity_5"] < 0.2


def test_an_automaton_remembers_too() -> None:
    row = baselines.automaton_fidelity(toggled(), 0)
    assert row["rival"] == "automaton" and row["n_states"] == 2
    assert row["fidelity_0"] == row["fidelity_5"] == pytest.approx(1.0)


def test_what_the_last_input_predicts_is_credited_to_it() -> None:
    seen = toggled()
    inputs = seen.recorded.inputs
    echo = seen._replace(recorded=seen.recorded._replace(distribution=np.eye(2)[inputs]))
    rows = {row["rival"]: row for row in baselines.baseline_fidelities(echo, 2, 0, K_MEANS)}
    assert rows["last 1 input"]["fidelity_0"] == pytest.approx(1.0)
    # The states stand for the parity, which says nothing of the last input.
    assert rows["k-means"]["fidelity_0"] < 0.1


def weak2() -> tuple[PreparedNetwork, RecordedNetwork]:
    trip = Trip.model_validate({"expected": "B", "n_units": 4, "dataset": WEAK2})
    made = preparation.train_on_task(trip, "gru", Training(max_epochs=1, patience=1), 0)
    return made, preparation.record_network(made.network, made.data, 2400)


def test_a_network_that_holds_the_belief_is_found_to_and_noise_is_not() -> None:
    made, seen = weak2()
    recorded = seen.recorded
    symbols = recorded.inputs.astype(np.int64)
    truth_of = made.data["truth_of"].to_numpy()
    exact = exact_beliefs(model_of(made.data), symbols, truth_of, recorded.length).state
    noise = np.random.default_rng(0).normal(size=exact.shape)
    parts = {
        role: seen._replace(recorded=recorded._replace(hidden=hidden))
        for role, hidden in (("trained", exact), ("untrained", noise))
    }
    table = generated.belief_table(made, parts, 0).set_index(["source", "score"])["value"]
    assert table["trained", "r2"] > 0.999 and abs(table["untrained", "r2"]) < 0.05
    assert table["untrained", "r2"] < table["last 1 symbols", "r2"] < table["last 4 symbols", "r2"]


def test_speech_of_an_untaught_network_is_reported_from_its_target() -> None:
    made, seen = weak2()
    # Its readout always says the first symbol.
    made.network.out.weight.data.zero_()
    made.network.out.bias.data[:] = made.network.out.bias.new_tensor([9.0, -9.0])
    table = generated.generation_table(made, seen, 2, 0, RoundTripSettings(n_restarts=1)).set_index(
        "score"
    )
    assert list(table.index) == [
        *(f"words of {n}" for n in range(1, 7)),
        *(f"states alone, words of {n}" for n in range(1, 7)),
        "Juang-Rabiner rate",
    ]
    # The states say both symbols, the network only one.
    assert table.loc["states alone, words of 1", "value"] > 0.05
    words = table.iloc[:6]
    assert (words["value"] > words["null"]).all() and (words["p"] < 0.02).all()
    # The exact model has rate 0; states of an untaught network say less, and never more.
    assert 0 < table.loc["Juang-Rabiner rate", "value"] < 0.2
