"""Tests of kick units where they are known, and counts against single runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import unflatten
from hmmlens.emulation.kicks import intervention_tests as module
from hmmlens.emulation.kicks.first_exits import Starts, modulated
from hmmlens.emulation.kicks.intervention_tests import (
    fresh_starts,
    gated,
    gated_switches,
    jaccard,
    lost,
    noise_cut,
    strongest_inputs,
    unread,
)
from hmmlens.emulation.kicks.selection import How, Loss
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SOURCES, SYMBOLS, kicked

UNITS = tuple(np.array(units) for units in KICKS)
LOSSES: dict[How, Loss] = {how: Loss(how, np.zeros(60)) for how in ("drive", "output", "hold")}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def net() -> NoiseDriven:
    return kicked()


@pytest.fixture(scope="module")
def starts(net: NoiseDriven) -> Starts:
    return fresh_starts(net, SYMBOLS, 0, generator(), 200)


def test_group_beats_units_without_effect_and_not_the_reverse(
    net: NoiseDriven, starts: Starts
) -> None:
    rng = np.random.default_rng(0)
    echoes = np.array([[a, b, 45] for a in ECHOES[0] for b in ECHOES[1]])
    found = lost(net, UNITS[0], echoes, LOSSES["output"], starts, SYMBOLS, rng)
    assert found.effect.low > 0.9 and (found.null == 0).all() and found.p == 1 / 37
    reverse = lost(net, echoes[0], UNITS[0][None], LOSSES["drive"], starts, SYMBOLS, rng)
    assert tuple(reverse.effect) == (0, 0, 0) and reverse.p == 1 and reverse.null[0] > 0.9
    # Kicks out of the other label have no say in this one.
    other = lost(net, UNITS[1], echoes[:1], LOSSES["output"], starts, SYMBOLS, rng)
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


def test_effect_through_the_readout_is_told_from_one_on_other_units(
    net: NoiseDriven, starts: Starts
) -> None:
    rng = np.random.default_rng(0)
    inside = unread(net, UNITS[0], LOSSES["output"], starts, SYMBOLS, rng)
    assert inside.low > 0.9
    direct = reading()
    some = fresh_starts(direct, SYMBOLS, 0, generator(1), 300)
    group = np.array([1])
    effect = lost(
        direct, group, np.array([[0]]), Loss("output", np.zeros(3)), some, SYMBOLS, rng
    ).effect
    assert effect.low > 0.2
    assert tuple(unread(direct, group, Loss("output", np.zeros(3)), some, SYMBOLS, rng)) == (
        0,
        0,
        0,
    )


def test_noise_that_reaches_kicks_is_found(
    net: NoiseDriven, starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "N_INPUTS", 10)
    inputs = strongest_inputs(net, UNITS[0])
    # The ten largest weights onto each are those of the sources; kicks do not hear each other.
    np.testing.assert_array_equal(inputs, SOURCES[0])
    rng = np.random.default_rng(0)
    found = noise_cut(net, UNITS[0], 30, starts, SYMBOLS, rng)
    assert found.effect.low > 0.9 and found.p == 1 / 31 and np.median(found.null) < 0.6
    # Cut where no noise comes from, and where it comes from for the other label.
    for units in (UNITS[1], np.array([8, 9, 10])):
        other = noise_cut(net, units, 1, starts, SYMBOLS, rng).effect.value
        assert (other > 0.9) == (units[0] == 8)
    # More of them would leave no other units to compare them with.
    monkeypatch.setattr(module, "N_INPUTS", 50)
    assert 2 * len(strongest_inputs(net, UNITS[0])) <= net.n_units - 3


def single(net: NoiseDriven, factors: np.ndarray, how: str, symbols: Sequence[int]) -> np.ndarray:
    """Return what ``gated_switches`` does, one run and one step at a time."""
    rng = generator(5)
    states = rollouts.drive(net, module.N_GATED, 1, rng).states[:, 0]
    noise = rollouts.sample_noise(net, rng, module.GATED_STEPS, module.N_GATED)
    counts = np.zeros((len(factors), module.N_GATED))
    with torch.inference_mode():
        for copy, table in enumerate(factors):
            for run in range(module.N_GATED):
                state = unflatten(states[run : run + 1], net)
                label = int(latent(net.readout(state), symbols))
                for t in range(module.GATED_STEPS):
                    change = Modulation(**{how: torch.from_numpy(table[label]).float()})
                    state = net.step(state, noise[t, run : run + 1], change)
                    now = int(latent(net.readout(state), symbols))
                    counts[copy, run] += now != label
                    label = now
    return counts


@pytest.mark.parametrize(
    ("cell", "how"), [("relu", "drive"), ("tanh", "output"), ("gru", "output")]
)
def test_gated_switches_equal_single_runs(
    cell: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "N_GATED", 5)
    monkeypatch.setattr(module, "GATED_STEPS", 12)
    monkeypatch.setattr(module, "N_ROWS", 10)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        some = NoiseDriven(cell, 4, 8, 3)
    table = (np.random.default_rng(0).random((3, 2, 8)) > 0.4).astype(np.float32)
    changed = modulated(some, **{how: torch.from_numpy(table.reshape(6, 8))})
    found = gated_switches(some, changed, 3, SYMBOLS, generator(5))
    np.testing.assert_array_equal(found, single(some, table, how, SYMBOLS))
    assert found.sum() > 10


@pytest.mark.parametrize("how", ["drive", "output", "hold"])
def test_gated_groups_act_while_their_label_lasts(
    how: How, net: NoiseDriven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "N_GATED", 60)
    rng = np.random.default_rng(0)
    echoes = tuple(np.array([[e[i], e[j], 50] for i in range(5) for j in range(i)]) for e in ECHOES)
    found = gated(net, UNITS, echoes, [LOSSES[how]] * 2, SYMBOLS, generator(5), rng)
    assert found.effect.low > 0.9 and (found.null == 0).all() and found.p == 1 / 11
    # Each lost while the other's label lasts, where it does nothing.
    swapped = gated(net, UNITS[::-1], echoes, [LOSSES[how]] * 2, SYMBOLS, generator(5), rng)
    assert abs(swapped.effect.value) < 0.1
    still = reading()
    with torch.no_grad():
        still.out.bias[0] = 100.0
    with pytest.raises(DataError, match="never changes its label"):
        none = np.array([0])
        losses = [Loss(how, np.zeros(3))] * 2
        gated(still, (none, none), (none[None], none[None]), losses, SYMBOLS, generator(5), rng)


def test_runs_without_bounds_have_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_GATED", 10)
    drive = torch.ones(4, 60)
    drive[2:] = 40.0
    some = kicked()
    found = gated_switches(some, modulated(some, drive), 2, SYMBOLS, generator(5))
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()


def test_jaccard() -> None:
    assert jaccard(np.array([1, 2, 3]), np.array([3, 2, 9])) == 0.5
    assert jaccard(np.array([1]), np.array([2])) == 0
    assert np.isnan(jaccard(np.array([]), np.array([])))


def test_noise_cut_is_refused_where_sets_are_nearly_the_same(starts: Starts) -> None:
    small, rng = kicked(), np.random.default_rng(0)
    units = np.arange(45)
    with torch.no_grad():
        # Each hears another unit most.
        small.recurrent.weight[units, 45 + units % 15] = 50.0
    with pytest.raises(DataError, match="15 of 15 units give input to the group"):
        noise_cut(small, units, 5, starts, SYMBOLS, rng)
