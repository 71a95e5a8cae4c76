"""Groups of kick units where they are known, and where no unit has an effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.dynamics.labels import latent
from hmmlens.emulation.interventions import Ablation, AblationMode, unit_masks
from hmmlens.emulation.kicks.candidates import (
    Candidates,
    UnperturbedRuns,
    rank_candidates,
    record_unperturbed_runs,
)
from hmmlens.emulation.kicks.first_exits import Exits, InitialStates, hazards
from hmmlens.emulation.kicks.group_selection import (
    ablated_exits,
    best_next_unit,
    excess_over_best,
    record_pool,
    sample_initial_states,
    select_kick_group,
    unperturbed_exits,
)
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SOURCES, SYMBOLS, kicked, unkicked


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


#: Planted effects are large enough for fewer initial states.
SETTINGS = KickSettings(n_screening=60, n_racing=100, n_held_out=200, n_pool_runs=40)


@pytest.fixture(scope="module")
def watched() -> tuple[NoiseDriven, UnperturbedRuns]:
    net = kicked()
    return net, record_unperturbed_runs(net, SYMBOLS, generator())


@pytest.mark.parametrize("how", ["drive", "output", "hold"])
@pytest.mark.parametrize("side", [0, 1])
def test_planted_kicks_are_found(
    watched: tuple[NoiseDriven, UnperturbedRuns], side: int, how: AblationMode
) -> None:
    net, seen = watched
    group = select_kick_group(
        net,
        rank_candidates(net, seen, SYMBOLS, side),
        how,
        SYMBOLS,
        generator(1),
        settings=SETTINGS,
    )
    assert set(group.units) == set(KICKS[side]) and not group.reason
    # The three add up, and nothing is left to leave the label by.
    values = [e.value for e in group.curve]
    assert len(values) == 3 and values == sorted(values) and values[-1] > 0.95
    assert group.curve[-1].low >= SETTINGS.sufficient_reduction


def test_units_without_effect_lower_nothing() -> None:
    settings = replace(SETTINGS, max_units=4)
    net = unkicked()
    seen = record_unperturbed_runs(net, SYMBOLS, generator())
    group = select_kick_group(
        net,
        rank_candidates(net, seen, SYMBOLS, 0),
        "hold",
        SYMBOLS,
        generator(1),
        settings=settings,
    )
    assert all(tuple(e) == (0.0, 0.0, 0.0) for e in group.curve)
    # Where nothing helps, a larger group is no better than the smallest.
    assert len(group.units) == SETTINGS.min_units


def test_group_of_fixed_size_and_groups_that_cannot_be(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    net, seen = watched
    ranked = rank_candidates(net, seen, SYMBOLS, 0)
    group = select_kick_group(
        net, ranked, "drive", SYMBOLS, generator(1), settings=SETTINGS, n_units=2
    )
    assert len(group.units) == len(group.curve) == 2 and set(group.units) < set(KICKS[0])
    few = select_kick_group(
        net,
        ranked._replace(candidates=ranked.candidates[:2]),
        "drive",
        SYMBOLS,
        generator(1),
        settings=SETTINGS,
    )
    assert len(few.units) == 0 and few.reason == "fewer than 3 units rise before exits"
    never = select_kick_group(
        net,
        rank_candidates(net, seen, SYMBOLS, 0, to=0),
        "drive",
        SYMBOLS,
        generator(1),
        settings=SETTINGS,
    )
    assert len(never.units) == 0 and never.reason == "no exits were seen"


def test_next_unit_is_the_one_that_matters(watched: tuple[NoiseDriven, UnperturbedRuns]) -> None:
    net, _ = watched
    states = record_pool(net, generator(3), SETTINGS)
    rng, loss = generator(4), Ablation("output", np.zeros(60))

    def draw(n: int) -> InitialStates:
        return sample_initial_states(net, states, SYMBOLS, 1, rng, n)

    # Candidates come by gradient, but it is the hazard that decides.
    assert best_next_unit(net, [], [*ECHOES[1], 6], loss, draw, SYMBOLS, settings=SETTINGS) == 6
    # Of equals the first is taken.
    assert (
        best_next_unit(net, [], ECHOES[1], loss, draw, SYMBOLS, settings=SETTINGS) == ECHOES[1][0]
    )


def test_starts_are_different_states_with_the_label(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    net, _ = watched
    states = record_pool(net, generator(3), SETTINGS)
    starts = sample_initial_states(net, states, SYMBOLS, 1, generator(4), 50)
    assert starts.noise_input.shape == (SETTINGS.horizon, 50, net.n_units)
    hidden = starts.state[0][0]
    assert (latent(net.readout(starts.state), SYMBOLS) == 1).all()
    assert len(torch.unique(hidden, dim=0)) == 50
    again = sample_initial_states(net, states, SYMBOLS, 1, generator(4), 50)
    assert torch.equal(again.noise_input, starts.noise_input) and torch.equal(
        again.state[0][0], hidden
    )
    most = sample_initial_states(net, states, SYMBOLS, 1, generator(4), 10**6)
    assert len(most.state[0][0]) == int((latent(states.logits, SYMBOLS) == 1).sum())


def test_ablation_modes(watched: tuple[NoiseDriven, UnperturbedRuns]) -> None:
    net, _ = watched
    starts = sample_initial_states(
        net, record_pool(net, generator(3), SETTINGS), SYMBOLS, 0, generator(4), 200
    )
    usual = hazards(unperturbed_exits(net, starts, SYMBOLS))[0]
    sets = [np.array(KICKS[0]), np.array(ECHOES[0]), np.array(SOURCES[0]), np.array([], int)]
    hows: tuple[AblationMode, ...] = ("drive", "output", "hold")
    for how in hows:
        loss = Ablation(how, np.zeros(60))
        kick, echo, source, none = hazards(ablated_exits(net, sets, loss, starts, SYMBOLS))
        assert kick < 0.05 * usual and echo == none == usual
        # Sources receive from no unit, so that ablation of their drive changes nothing.
        assert source == usual if how == "drive" else source < 0.05 * usual


def test_clamped_units_send_out_their_value(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    net, _ = watched
    starts = sample_initial_states(
        net, record_pool(net, generator(3), SETTINGS), SYMBOLS, 0, generator(4), 200
    )
    # The latch clamped at its state in either label; a value for each copy.
    sets, there, back = [np.array([0, 1])] * 2, np.zeros((2, 60)), np.zeros((2, 60))
    there[:, 1], back[:, 0] = 1.0, 1.0
    at_once = ablated_exits(net, sets, Ablation("hold", there[0]), starts, SYMBOLS)
    assert (at_once.steps == 1).all() and (at_once.to == 1).all()
    never = ablated_exits(
        net, sets, Ablation("hold", np.stack([back[0], there[0]])), starts, SYMBOLS
    )
    assert (never.to[0] == -1).all() and (never.to[1] == 1).all()


def test_masks_hold_their_sets() -> None:
    found = unit_masks([np.array([0, 3]), np.array([], int)], 5)
    np.testing.assert_array_equal(found, [[1, 0, 0, 1, 0], [0] * 5])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_errors_behind_the_best_are_those_of_resampling(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Three copies that share much of what happens from a start.
    shared = rng.exponential(size=400)
    rate = np.array([0.05, 0.06, 0.1])[:, None]
    time = np.ceil((shared + 0.3 * rng.exponential(size=(3, 400))) / rate / 1.3)
    exits = Exits(np.minimum(time, 40).astype(int), np.where(time <= 40, 1, -1))
    worse, error = excess_over_best(exits)
    hazard = hazards(exits)
    np.testing.assert_allclose(worse, hazard - hazard.min())
    best = int(hazard.argmin())
    drawn = []
    for _ in range(400):
        rows = rng.integers(400, size=400)
        again = hazards(Exits(exits.steps[:, rows], exits.to[:, rows]))
        drawn.append(again - again[best])
    np.testing.assert_allclose(error, np.std(drawn, axis=0), rtol=0.2)
    assert error[best] == 0


def test_pair_of_labels_counts_its_own_exits_only() -> None:
    # Of three labels, units 2 and 3 take the network to labels 1 and 2 from label 0.
    net = NoiseDriven("relu", 2, 4, 3, bias=True)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.noise.weight[2, 0] = net.noise.weight[3, 1] = 1.0
        net.out.bias[:] = torch.tensor([2.0, 0.0, 0.0])
        net.out.weight[1, 2] = net.out.weight[2, 3] = 1.0
    ranked = Candidates(0, 2, np.array([2, 3]), 2, np.zeros(4), np.zeros(4), 9, *[np.zeros(4)] * 3)
    group = select_kick_group(
        net, ranked, "output", (0, 1, 2), generator(0), n_units=1, settings=SETTINGS
    )
    assert list(group.units) == [3] and group.curve[0].value == 1
    other = select_kick_group(
        net, ranked._replace(to=1), "output", (0, 1, 2), generator(0), n_units=1, settings=SETTINGS
    )
    assert list(other.units) == [2] and other.curve[0].value == 1
