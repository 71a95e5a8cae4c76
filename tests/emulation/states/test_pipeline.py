"""The whole analysis of states, on networks whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters, preset_hmm
from hmmlens.emulation.states.pipeline import TABLES, states_and_dynamics
from hmmlens.emulation.states.settings import StateSettings
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT
from tests.emulation.planted import Kicked, Wells
from tests.emulation.states.test_recovery import HMM

#: Two states that change places now and then.
PAIR = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]), EMISSION[:2])


SETTINGS = StateSettings(
    n_runs=(8, 4, 6), n_steps=100, n_bootstrap=40, n_shifts=40, state_counts=tuple(range(1, 6))
)


def test_places_of_a_chain_are_found_tied_and_steered() -> None:
    found = states_and_dynamics(Wells(TRANSMAT, EMISSION), HMM, 0, settings=SETTINGS)
    assert tuple(found) == TABLES
    counts = found["counts"].set_index("n_states")
    for role in ("is_true", "is_elbow", "is_faithful"):
        assert counts.index[counts[role]].tolist() == [3]
    for name in ("states", "information", "recovery", "transitions", "interchange", "steering"):
        assert (found[name]["n_states"] == 3).all() and len(found[name])
    # Every network with a step can be ablated.
    assert set(found["silencing"]["leave"]) == {0, 1, 2} and len(found["silencing_agreement"])
    far = found["transitions"].set_index("transitions")["distance"]
    assert far["fitted"] < 0.1
    steering = found["steering"].set_index(["move", "h"])
    assert steering.loc[("steered", 0), "slope"] == pytest.approx(1, abs=0.15)
    labels = found["states"]["label"]
    assert sorted(labels) == [0, 1, 2]
    information = found["information"].set_index("of")
    assert information.loc["label", "share"] > 0.95 and information.loc["label", "p"] == 1 / 41


@pytest.mark.study
def test_the_same_seed_gives_the_same_tables_and_another_one_does_not() -> None:
    network = Wells(PAIR.transmat, PAIR.emissionprob, n_units=4)
    one, same, other = (
        states_and_dynamics(network, PAIR, seed, settings=SETTINGS) for seed in (0, 0, 1)
    )
    for name in TABLES:
        pd.testing.assert_frame_equal(one[name], same[name])
    assert not one["counts"]["bic"].equals(other["counts"]["bic"])


def test_ablation_of_the_unit_that_makes_all_switches() -> None:
    distribution = (
        torch.softmax(torch.tensor([[3.0, -2, -3], [-3.0, -2, 3]]), dim=1).double().numpy()
    )
    q = Kicked.leave
    hmm = HMMParameters(np.array([0.5, 0.5]), np.array([[1 - q, q], [q, 1 - q]]), distribution)
    found = states_and_dynamics(Kicked(), hmm, 0, {0: [1], 1: [1]}, settings=SETTINGS)
    kick = found["silencing"].query("units == 'kick'")
    assert set(kick["leave"]) == {0, 1} and (kick["reduction"] > 0.9).all()


@pytest.mark.study
def test_an_untrained_network_with_cells_gets_through() -> None:
    torch.manual_seed(0)
    found = states_and_dynamics(
        NoiseDriven("lstm", 5, 12), preset_hmm("chain3"), 0, settings=SETTINGS
    )
    assert len(found["counts"]) == 5 and len(found["silencing"])
    recovery = found["recovery"].query("score == 'ari'")
    assert recovery["value"].abs().max() < 0.1


@pytest.mark.study
def test_no_interchange_and_no_steering_where_the_network_hardly_leaves_a_state() -> None:
    """A place that is never left: the other one occurs before the runs begin, if at all."""
    network = Wells(np.array([[1.0, 0.0], [1.0, 0.0]]), EMISSION[:2])
    found = states_and_dynamics(network, PAIR, 0, settings=SETTINGS)
    # Which numbers of states the models have besides the target's rests on k-means of one blob.
    information = found["information"].query("of == 'label'")
    assert 2 in set(information["n_states"])
    assert information["share"].isna().all()
    assert found["recovery"].query("score == 'ari'")["value"].abs().max() < 0.1
