"""Interventions on a network that is written in plain NumPy, compared with a torch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hmmlens.dynamics.forecasts import record
from hmmlens.emulation.interventions import (
    Ablation,
    AblationMode,
    ablate_copies,
    clamp_copies,
    modulate_copies,
    noise_input,
    unit_masks,
)
from hmmlens.emulation.kicks.candidates import rank_candidates, record_unperturbed_runs
from hmmlens.emulation.kicks.first_exits import InitialStates, first_exits, hazards
from hmmlens.emulation.kicks.gated_ablation import compare_gated_ablation
from hmmlens.emulation.kicks.group_selection import (
    record_pool,
    sample_initial_states,
    select_kick_group,
)
from hmmlens.emulation.kicks.intervention_tests import off_target_effect
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.emulation.states.interchange import interchange
from hmmlens.emulation.states.settings import StateSettings
from hmmlens.emulation.states.state_models import fit_models, fit_space
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SYMBOLS, kicked

SETTINGS = KickSettings(
    n_runs=24, n_pool_runs=24, n_screening=40, n_racing=60, n_held_out=100, n_gated_runs=15
)
UNITS = tuple(np.array(units) for units in KICKS)

State = Any


class NumpyNetwork:
    """h' = f(W h + U x + b) in NumPy: nothing but sizes, ``start``, ``step`` and ``readout``."""

    def __init__(self, network: NoiseDriven) -> None:
        weights = {name: value.numpy() for name, value in network.state_dict().items()}
        self.recurrent, self.bias = weights["recurrent.weight"], weights["recurrent.bias"]
        self.input = weights["noise.weight"]
        self.out, self.out_bias = weights["out.weight"], weights["out.bias"]
        self.n_units, self.n_noise = self.input.shape
        self.activation = np.tanh if network.cell == "tanh" else lambda drive: np.maximum(drive, 0)

    def start(self, n_sequences: int) -> State:
        return ((torch.zeros(n_sequences, self.n_units),),)

    def step(self, state: State, noise: torch.Tensor) -> State:
        drive = state[0][0].numpy() @ self.recurrent.T + noise.numpy() @ self.input.T + self.bias
        return ((torch.from_numpy(self.activation(drive)),),)

    def readout(self, state: State) -> torch.Tensor:
        return torch.from_numpy(state[0][0].numpy() @ self.out.T + self.out_bias)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def module() -> NoiseDriven:
    return kicked()


@pytest.fixture(scope="module")
def network(module: NoiseDriven) -> NumpyNetwork:
    return NumpyNetwork(module)


def initial_states(network: Any, n: int = 100) -> InitialStates:
    pool = record_pool(network, generator(3), SETTINGS)
    return sample_initial_states(network, pool, SYMBOLS, 0, generator(4), n, SETTINGS)


@pytest.mark.parametrize("mode", ["output", "hold"])
def test_ablation_has_the_same_effect_as_in_the_torch_module(
    module: NoiseDriven, network: NumpyNetwork, mode: AblationMode
) -> None:
    masks = unit_masks([[], KICKS[0], ECHOES[0], KICKS[1]], 60)
    ablation = Ablation(mode, np.zeros(60))
    # From the same states: a rounding that moves one exit makes another sample of states.
    initial = initial_states(network)
    received = initial._replace(noise_input=module.received(initial.noise_input))
    one, two = (
        hazards(first_exits(net, ablate_copies(net, masks, ablation), 4, states, SYMBOLS))
        for net, states in ((module, received), (network, initial))
    )
    np.testing.assert_allclose(one, two, rtol=0.05, atol=1e-3)
    assert two[0] > 0 and two[1] < 0.05 * two[0] and two[2] == two[0]


def test_factors_and_clamping_act_on_what_units_send_out(network: NumpyNetwork) -> None:
    noise = torch.randn(5, 20, generator=generator())
    assert noise_input(network, noise) is noise
    state = ((torch.rand(5, 60, generator=generator(1)),),)
    after = network.step(state, noise)[0][0]
    factor = torch.ones(2, 60)
    factor[1, 20:40] = 0.5
    copies = torch.tensor([0, 1, 1, 0, 1])
    changed = modulate_copies(network, output=factor)(copies)(state, noise)[0][0]
    torch.testing.assert_close(changed, factor[copies] * after)
    torch.testing.assert_close(modulate_copies(network)(copies)(state, noise)[0][0], after)
    units, value = factor < 1, torch.arange(60.0)
    clamped = clamp_copies(network, "sent", units, value)(copies)(state, noise)[0][0]
    torch.testing.assert_close(clamped, torch.where(units[copies], value, after))


def test_drive_and_gates_need_a_cell_that_has_them(network: NumpyNetwork) -> None:
    factor = torch.ones(1, 60)
    with pytest.raises(DataError, match="NumpyNetwork has not one drive per unit"):
        modulate_copies(network, drive=factor)
    with pytest.raises(DataError, match="NumpyNetwork has no gate 'reset'"):
        clamp_copies(network, "reset", factor > 0, factor[0])(torch.tensor([0]))


def test_kick_units_are_selected_and_have_an_effect(network: NumpyNetwork) -> None:
    runs = record_unperturbed_runs(network, SYMBOLS, generator(), SETTINGS)
    candidates = rank_candidates(network, runs, SYMBOLS, 0, settings=SETTINGS)
    assert set(candidates.candidates[:3]) == set(KICKS[0])
    assert (candidates.gradient[KICKS[0]] > 0).all()
    np.testing.assert_allclose(candidates.gradient[ECHOES[0]], 0, atol=1e-6)
    group = select_kick_group(network, candidates, "hold", SYMBOLS, generator(1), 3, SETTINGS)
    assert set(group.units) == set(KICKS[0])
    initial, rng = initial_states(network), np.random.default_rng(0)
    effect = off_target_effect(network, group.units, group.ablation, initial, SYMBOLS, rng)
    assert effect.low > 0.9
    ablations = [Ablation("output", np.zeros(60))] * 2
    sets = tuple(np.array(echoes[:3])[None] for echoes in ECHOES)
    gated = compare_gated_ablation(
        network, UNITS, sets, ablations, SYMBOLS, generator(5), rng, SETTINGS
    )
    assert gated.effect.low > 0.9 and (gated.null == 0).all()


def latch() -> NumpyNetwork:
    """Return four units at either of two places, which noise in the first one switches."""
    network = NoiseDriven("tanh", 1, 4, 3, bias=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.recurrent.weight[0, 0], network.recurrent.weight[1:, 0] = 1.6, 2.0
        network.noise.weight[0, 0] = 0.6
        network.out.weight[0, 0], network.out.weight[2, 0] = 5.0, -5.0
    return NumpyNetwork(network)


def test_interchange_between_states_of_a_model_has_more_effect_than_within() -> None:
    network, settings = (
        latch(),
        StateSettings(
            n_components=1, state_counts=(2,), n_restarts=1, n_bootstrap=20, n_shifts=20, n_noise=8
        ),
    )
    split = np.repeat(np.array([0, 1, 2], dtype=np.int8), [8, 2, 6])
    runs = record(network, len(split), 120, generator())
    space = fit_space(runs.entries[split == 0].reshape(-1, 4), [4], settings)
    model = fit_models(space, runs, split, 0, settings)[1][2]
    scores, by_pair = interchange(
        network, runs, model, split, np.random.default_rng(0), generator(1), settings
    )
    value = scores.set_index("statistic")["value"]
    assert value["ratio"] < 0.3 and value["accuracy"] > 0.95
    assert len(by_pair) == 4 and by_pair["n"].sum() > 0
