"""Doses of kick units: factors on their drive, on noise that reaches them, and on other noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.emulation.kicks import intervention_tests
from hmmlens.emulation.kicks.dose_response import Of, dose, multiplied, scaled
from hmmlens.emulation.kicks.first_exits import Starts, hazards
from hmmlens.emulation.kicks.intervention_tests import fresh_starts
from hmmlens.emulation.kicks.selection import Loss, intact, lacking
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SOURCES, SYMBOLS, kicked

UNITS = tuple(np.array(units) for units in KICKS)


@pytest.fixture(scope="module")
def net() -> NoiseDriven:
    return kicked()


@pytest.fixture(scope="module")
def starts(net: NoiseDriven) -> Starts:
    return fresh_starts(net, SYMBOLS, 0, torch.Generator().manual_seed(0), 200)


def test_dose_runs_from_loss_to_more(net: NoiseDriven, starts: Starts) -> None:
    values = np.array([0, 0.5, 1, 1.5])
    found = dose(net, UNITS[0], values, starts, SYMBOLS)
    cut = lacking(net, [UNITS[0]], Loss("drive", np.zeros(60)), starts, SYMBOLS)
    usual = hazards(intact(net, starts, SYMBOLS))[0]
    assert found[0] == hazards(cut)[0] / usual and found[2] == 1
    assert (np.diff(found) > 0).all() and found[0] < 0.05 and found[3] > 1.1
    flat = dose(net, np.array(ECHOES[0]), values, starts, SYMBOLS)
    assert (flat == 1).all()


@pytest.mark.parametrize("cell", ["relu", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("of", ["drive", "noise", "control"])
def test_scaled_weights_are_a_factor_on_drive_or_noise(cell: str, bias: bool, of: Of) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        some = NoiseDriven(cell, 4, 8, 3, bias=bias, leak=0.7)
    units = np.array([1, 5])
    factor = torch.ones(8)
    factor[units] = 0.3
    changed = scaled(some, units, 0.3, of)
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
        scaled(NoiseDriven("gru", 2, 4, 3), units, 0.5)


def test_noise_of_the_sources_drives_the_exits_and_other_noise_does_not(
    net: NoiseDriven, starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervention_tests, "N_INPUTS", 10)
    units_of = multiplied(net, dict(enumerate(UNITS)))
    assert set(units_of) == {(e, of) for e in (0, 1) for of in ("drive", "noise", "control")}
    np.testing.assert_array_equal(units_of[0, "noise"], SOURCES[0])
    rest = set(range(60)) - {u for side in (0, 1) for u in (*KICKS[side], *SOURCES[side])}
    assert set(units_of[1, "control"]) == rest
    values = np.array([0.0, 1.0, 1.5])
    noise = dose(net, units_of[0, "noise"], values, starts, SYMBOLS, of="noise")
    assert noise[0] < 0.1 and noise[1] == 1 and noise[2] > 1.1
    other = dose(net, units_of[0, "control"], values, starts, SYMBOLS, of="control")
    assert np.abs(other - 1).max() < 0.1


def test_there_is_no_control_where_all_units_are_taken(net: NoiseDriven) -> None:
    half = np.array_split(np.arange(60), 2)
    assert set(multiplied(net, dict(enumerate(half)))) == {
        (e, of) for e in (0, 1) for of in ("drive", "noise")
    }
    assert multiplied(net, {}) == {}
