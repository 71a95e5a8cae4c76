"""Tests of kick units where they are known, and counts against single runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.interventions import Ablation, AblationMode, modulate_copies
from hmmlens.emulation.kicks.first_exits import InitialStates
from hmmlens.emulation.kicks.gated_ablation import compare_gated_ablation, count_gated_switches
from hmmlens.emulation.kicks.intervention_tests import (
    compare_ablation,
    compare_noise_ablation,
    fresh_initial_states,
    jaccard,
    off_target_effect,
    strongest_inputs,
)
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SOURCES, SYMBOLS, kicked

UNITS = tuple(np.array(units) for units in KICKS)
ABLATIONS: dict[AblationMode, Ablation] = {
    how: Ablation(how, np.zeros(60)) for how in ("drive", "output", "hold")
}

#: Runs that are compared one by one.
FEW = KickSettings(n_gated_runs=5, n_gated_steps=12)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def net() -> NoiseDriven:
    return kicked()


@pytest.fixture(scope="module")
def starts(net: NoiseDriven) -> InitialStates:
    return fresh_initial_states(net, SYMBOLS, 0, generator(), 200)


def test_group_beats_units_without_effect_and_not_the_reverse(
    net: NoiseDriven, starts: InitialStates
) -> None:
    rng = np.random.default_rng(0)
    echoes = np.array([[a, b, 45] for a in ECHOES[0] for b in ECHOES[1]])
    found = compare_ablation(net, UNITS[0], echoes, ABLATIONS["output"], starts, SYMBOLS, rng)
    assert found.effect.low > 0.9 and (found.null == 0).all() and found.p == 1 / 37
    reverse = compare_ablation(
        net, echoes[0], UNITS[0][None], ABLATIONS["drive"], starts, SYMBOLS, rng
    )
    assert tuple(reverse.effect) == (0, 0, 0) and reverse.p == 1 and reverse.null[0] > 0.9
    # Kicks out of the other label have no effect in this one.
    other = compare_ablation(net, UNITS[1], echoes[:1], ABLATIONS["output"], starts, SYMBOLS, rng)
    assert abs(other.effect.value) < 0.1


def reading() -> NoiseDriven:
    """Return a network whose units 1 and 2 change the label by being read only."""
    net = NoiseDriven("relu", 2, 3, 3, bias=True)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.noise.weight[1, 0] = net.noise.weight[2, 1] = 1.0
        net.out.bias[0] = 1.5
        net.out.weight[2, 1] = net.out.weight[2, 2] = 1.0
    return net


def test_effect_through_the_readout_is_distinguished_from_one_on_other_units(
    net: NoiseDriven, starts: InitialStates
) -> None:
    rng = np.random.default_rng(0)
    inside = off_target_effect(net, UNITS[0], ABLATIONS["output"], starts, SYMBOLS, rng)
    assert inside.low > 0.9
    direct = reading()
    some = fresh_initial_states(direct, SYMBOLS, 0, generator(1), 300)
    group = np.array([1])
    effect = compare_ablation(
        direct, group, np.array([[0]]), Ablation("output", np.zeros(3)), some, SYMBOLS, rng
    ).effect
    assert effect.low > 0.2
    assert tuple(
        off_target_effect(direct, group, Ablation("output", np.zeros(3)), some, SYMBOLS, rng)
    ) == (
        0,
        0,
        0,
    )


def test_noise_that_reaches_kicks_is_found(net: NoiseDriven, starts: InitialStates) -> None:
    ten, fifty = KickSettings(n_inputs=10), KickSettings(n_inputs=50)
    inputs = strongest_inputs(net, UNITS[0], ten)
    # The ten largest weights onto each are those of the sources; kicks do not act on each other.
    np.testing.assert_array_equal(inputs, SOURCES[0])
    rng = np.random.default_rng(0)
    found = compare_noise_ablation(net, UNITS[0], 30, starts, SYMBOLS, rng, settings=ten)
    assert found.effect.low > 0.9 and found.p == 1 / 31 and np.median(found.null) < 0.6
    # Ablated where no noise comes from, and where it comes from for the other label.
    for units in (UNITS[1], np.array([8, 9, 10])):
        other = compare_noise_ablation(net, units, 1, starts, SYMBOLS, rng, settings=ten)
        assert (other.effect.value > 0.9) == (units[0] == 8)
    # More of them would leave no other units to compare them with.
    assert 2 * len(strongest_inputs(net, UNITS[0], fifty)) <= net.n_units - 3


def single(net: NoiseDriven, factors: np.ndarray, how: str, symbols: Sequence[int]) -> np.ndarray:
    """Return what ``count_gated_switches`` does, one run and one step at a time."""
    rng = generator(5)
    states = rollouts.drive(net, FEW.n_gated_runs, 1, rng).states[:, 0]
    noise = rollouts.sample_noise(net, rng, FEW.n_gated_steps, FEW.n_gated_runs)
    counts = np.zeros((len(factors), FEW.n_gated_runs))
    with torch.inference_mode():
        for copy, table in enumerate(factors):
            for run in range(FEW.n_gated_runs):
                state = unflatten(states[run : run + 1], net)
                label = int(latent(net.readout(state), symbols))
                for t in range(FEW.n_gated_steps):
                    change = Modulation(**{how: torch.from_numpy(table[label]).float()})
                    state = net.step(state, noise[t, run : run + 1], change)
                    now = int(latent(net.readout(state), symbols))
                    counts[copy, run] += now != label
                    label = now
    return counts


@pytest.mark.parametrize(
    ("cell", "how"), [("relu", "drive"), ("tanh", "output"), ("gru", "output")]
)
def test_gated_switches_equal_single_runs(cell: str, how: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        some = NoiseDriven(cell, 4, 8, 3)
    table = (np.random.default_rng(0).random((3, 2, 8)) > 0.4).astype(np.float32)
    changed = modulate_copies(some, **{how: torch.from_numpy(table.reshape(6, 8))})
    found = count_gated_switches(some, changed, 3, SYMBOLS, generator(5), FEW, n_rows=10)
    np.testing.assert_array_equal(found, single(some, table, how, SYMBOLS))
    assert found.sum() > 10


@pytest.mark.parametrize("how", ["drive", "output", "hold"])
def test_gated_groups_act_while_their_label_lasts(how: AblationMode, net: NoiseDriven) -> None:
    settings = KickSettings(n_gated_runs=60)
    rng = np.random.default_rng(0)
    echoes = tuple(np.array([[e[i], e[j], 50] for i in range(5) for j in range(i)]) for e in ECHOES)
    found = compare_gated_ablation(
        net, UNITS, echoes, [ABLATIONS[how]] * 2, SYMBOLS, generator(5), rng, settings
    )
    assert found.effect.low > 0.9 and (found.null == 0).all() and found.p == 1 / 11
    # Each ablated while the other's label lasts, where it does nothing.
    exchanged = compare_gated_ablation(
        net, UNITS[::-1], echoes, [ABLATIONS[how]] * 2, SYMBOLS, generator(5), rng, settings
    )
    assert abs(exchanged.effect.value) < 0.1
    still = reading()
    with torch.no_grad():
        still.out.bias[0] = 100.0
    with pytest.raises(DataError, match="never changes its label"):
        none = np.array([0])
        ablations = [Ablation(how, np.zeros(3))] * 2
        compare_gated_ablation(
            still,
            (none, none),
            (none[None], none[None]),
            ablations,
            SYMBOLS,
            generator(5),
            rng,
            settings,
        )


def test_runs_without_bounds_have_no_count() -> None:
    drive = torch.ones(4, 60)
    drive[2:] = 40.0
    some = kicked()
    found = count_gated_switches(
        some, modulate_copies(some, drive), 2, SYMBOLS, generator(5), KickSettings(n_gated_runs=10)
    )
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()


def test_jaccard() -> None:
    assert jaccard(np.array([1, 2, 3]), np.array([3, 2, 9])) == 0.5
    assert jaccard(np.array([1]), np.array([2])) == 0
    assert np.isnan(jaccard(np.array([]), np.array([])))


def test_noise_ablation_is_refused_where_sets_are_nearly_the_same(starts: InitialStates) -> None:
    small, rng = kicked(), np.random.default_rng(0)
    units = np.arange(45)
    with torch.no_grad():
        # Each receives most from another unit.
        small.recurrent.weight[units, 45 + units % 15] = 50.0
    with pytest.raises(DataError, match="15 of 15 units give input to the group"):
        compare_noise_ablation(small, units, 5, starts, SYMBOLS, rng)
