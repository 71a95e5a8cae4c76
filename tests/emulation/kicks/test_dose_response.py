"""Doses of kick units: factors on their drive, on noise that reaches them, and on other noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.emulation.interventions import Ablation
from hmmlens.emulation.kicks.dose_response import (
    DoseTarget,
    dose_response,
    multiplied_units,
    scale_weights,
)
from hmmlens.emulation.kicks.first_exits import InitialStates, hazards
from hmmlens.emulation.kicks.group_selection import ablated_exits, unperturbed_exits
from hmmlens.emulation.kicks.intervention_tests import fresh_initial_states
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SOURCES, SYMBOLS, kicked

UNITS = tuple(np.array(units) for units in KICKS)


@pytest.fixture(scope="module")
def net() -> NoiseDriven:
    return kicked()


@pytest.fixture(scope="module")
def starts(net: NoiseDriven) -> InitialStates:
    return fresh_initial_states(net, SYMBOLS, 0, torch.Generator().manual_seed(0), 200)


def test_dose_runs_from_loss_to_more(net: NoiseDriven, starts: InitialStates) -> None:
    values = np.array([0, 0.5, 1, 1.5])
    found = dose_response(net, UNITS[0], values, starts, SYMBOLS)
    cut = ablated_exits(net, [UNITS[0]], Ablation("drive", np.zeros(60)), starts, SYMBOLS)
    usual = hazards(unperturbed_exits(net, starts, SYMBOLS))[0]
    assert found[0] == hazards(cut)[0] / usual and found[2] == 1
    assert (np.diff(found) > 0).all() and found[0] < 0.05 and found[3] > 1.1
    flat = dose_response(net, np.array(ECHOES[0]), values, starts, SYMBOLS)
    assert (flat == 1).all()


@pytest.mark.parametrize("cell", ["relu", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("of", ["drive", "noise", "control"])
def test_scaled_weights_are_a_factor_on_drive_or_noise(
    cell: str, bias: bool, of: DoseTarget
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        some = NoiseDriven(cell, 4, 8, 3, bias=bias, leak=0.7)
    units = np.array([1, 5])
    factor = torch.ones(8)
    factor[units] = 0.3
    changed = scale_weights(some, units, 0.3, of)
    change = Modulation(drive=factor) if of == "drive" else Modulation(noise=factor)
    noise = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(0))
    one = two = some.start(5)
    with torch.inference_mode():
        for given in noise:
            one = some.step(one, given, change)
            two = changed.step(two, given)
    np.testing.assert_allclose(one[0][0], two[0][0], atol=1e-6)
    part = "recurrent" if of == "drive" else "noise"
    assert not torch.equal(getattr(changed, part).weight, getattr(some, part).weight)
    with pytest.raises(DataError, match="gru cell has not one drive"):
        scale_weights(NoiseDriven("gru", 2, 4, 3), units, 0.5)


def test_noise_of_the_sources_drives_the_exits_and_other_noise_does_not(
    net: NoiseDriven, starts: InitialStates
) -> None:
    units_of = multiplied_units(net, dict(enumerate(UNITS)), KickSettings(n_inputs=10))
    assert set(units_of) == {(e, of) for e in (0, 1) for of in ("drive", "noise", "control")}
    np.testing.assert_array_equal(units_of[0, "noise"], SOURCES[0])
    rest = set(range(60)) - {u for side in (0, 1) for u in (*KICKS[side], *SOURCES[side])}
    assert set(units_of[1, "control"]) == rest
    values = np.array([0.0, 1.0, 1.5])
    noise = dose_response(net, units_of[0, "noise"], values, starts, SYMBOLS, target="noise")
    assert noise[0] < 0.1 and noise[1] == 1 and noise[2] > 1.1
    other = dose_response(net, units_of[0, "control"], values, starts, SYMBOLS, target="control")
    assert np.abs(other - 1).max() < 0.1


def test_there_is_no_control_where_all_units_are_taken(net: NoiseDriven) -> None:
    half = np.array_split(np.arange(60), 2)
    assert set(multiplied_units(net, dict(enumerate(half)))) == {
        (e, of) for e in (0, 1) for of in ("drive", "noise")
    }
    assert multiplied_units(net, {}) == {}
