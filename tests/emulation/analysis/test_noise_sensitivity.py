"""Points on a script whose switches are known, and spreads of networks with known solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hmmlens.dynamics.rollouts import Run, drive
from hmmlens.emulation.analysis import noise_sensitivity as module
from hmmlens.emulation.analysis.noise_sensitivity import (
    NoiseSensitivitySettings,
    Points,
    choose,
    sensitivity,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Switcher:
    """A network that counts steps and changes its label after each of the given dwells."""

    n_noise = n_units = 1

    def __init__(self, *lengths: int) -> None:
        labels = np.repeat(np.arange(len(lengths)) % 2, lengths)
        self.table = torch.eye(2)[torch.as_tensor(labels)]

    def start(self, n_sequences: int) -> State:
        return ((torch.full((n_sequences, 1), -1.0),),)

    def step(self, state: State, noise: torch.Tensor) -> State:
        return ((state[0][0] + 1,),)

    def readout(self, state: State) -> torch.Tensor:
        return self.table[state[0][0][:, 0].long().clamp(0, len(self.table) - 1)]


def points_of(
    *lengths: int,
    settings: NoiseSensitivitySettings = NoiseSensitivitySettings(),  # noqa: B008
) -> Points:
    net = Switcher(*lengths)
    run = drive(net, 3, sum(lengths), seeded(), warm_up=0)
    return choose(net, run, (0, 1), seeded(1), settings)


def test_points_of_the_longest_whole_dwell() -> None:
    # The first and the last dwell are cut off by the run's ends.
    found = points_of(90, 20, 60, 30, 100)
    assert found.run.tolist() == [0, 1, 2]
    assert found.switch.tolist() == [170] * 3 and found.dwell.tolist() == [60] * 3
    # The middle of 60 steps, out of reach of 25; two steps before is the first sooner than three.
    assert found.cluster.tolist() == [140] * 3 and found.cluster_time.tolist() == [25] * 3
    assert found.kick.tolist() == [168] * 3 and found.kick_time.tolist() == [2] * 3
    assert found.usable.all()


def test_longest_dwell_that_has_both_points_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = (9, 60, 20, 55, 58, 9)
    tried: list[np.ndarray] = []

    def points(*given: Any) -> Points:
        found = given[2]
        tried.append(found)
        usable = (found[:, 0] < 2) & np.isin(found[:, 2], (55, 58))
        zero = np.zeros(len(found))
        return Points(*found.T, *found.T[1:], zero, zero, usable)

    monkeypatch.setattr(module, "_points", points)
    found = points_of(*lengths)
    # The three longest of each run are tried; in the last run none is usable.
    assert tried[0][:, 2].tolist() == [60, 58, 55] * 3
    assert found.run.tolist() == [0, 1, 2] and found.dwell.tolist() == [58, 58, 60]
    assert found.usable.tolist() == [True, True, False]


def test_nothing_is_sooner_than_at_once() -> None:
    none = points_of(90, 20, 60, 30, 100, settings=NoiseSensitivitySettings(soon=1.0))
    assert none.dwell.tolist() == [60] * 3 and not none.usable.any()
    assert (none.kick == -1).all() and np.isnan(none.kick_time).all()


def test_middle_from_which_all_leave_is_no_cluster() -> None:
    found = points_of(90, 20, 100)
    assert found.cluster_time.tolist() == [10] * 3 and not found.usable.any()


def test_dwell_without_room_after_it_is_excluded() -> None:
    assert points_of(5, 60, NoiseSensitivitySettings.n_steps + 1).switch.tolist() == [65] * 3
    assert len(points_of(5, 60, NoiseSensitivitySettings.n_steps).switch) == 0
    assert len(points_of(50, 50).switch) == 0


def test_switch_that_noise_decides_has_no_kick_point() -> None:
    net = NoiseDriven("relu", 1, 2, 2)
    with torch.no_grad():
        # The label is the sign of the last noise, so that no trial is sure to change it at once.
        net.recurrent.weight.zero_()
        net.noise.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        net.out.weight.copy_(torch.eye(2))
    found = choose(net, drive(net, 5, 200, seeded()), (0, 1), seeded(1))
    assert len(found.run) == 5 and (found.kick_time[found.kick >= 0] < 3).all()
    assert not found.usable.any()
    with pytest.raises(DataError, match="no switch has both"):
        sensitivity(net, drive(net, 5, 20, seeded()), found, seeded(), np.random.default_rng(0))


def linear(gain: float, n_runs: int) -> tuple[NoiseDriven, Run, Points]:
    """Return units that keep ``gain`` of themselves, on from start to end, and two points."""
    net = NoiseDriven("relu", 2, 2, 2, bias=True)
    with torch.no_grad():
        net.recurrent.weight.copy_(gain * torch.eye(2))
        net.recurrent.bias.fill_(1e3)
        net.noise.weight.copy_(torch.eye(2))
    run = drive(net, n_runs, 30, seeded())
    runs = np.arange(n_runs)
    at, time = np.full(n_runs, 5), np.zeros(n_runs)
    points = Points(runs, at + 15, at, at, at + 10, time, time, np.ones(n_runs, dtype=bool))
    return net, run, points


def test_spread_of_a_linear_network() -> None:
    gain, n = 0.8, 40
    net, run, points = linear(gain, n)
    table = sensitivity(net, run, points, seeded(1), np.random.default_rng(0))
    index = ["mix", "share", "step", "measure", "point"]
    value = table.set_index(index)["value"]
    for step in (1, NoiseSensitivitySettings.n_steps):
        # Two units, each the sum of step draws that decay: whatever is mixed in and from where.
        whole = 2 * sum(gain ** (2 * k) for k in range(step))
        for mix in ("linear", "preserving"):
            for share in (0.0, 0.5, 1.0):
                for point in ("cluster", "kick"):
                    found = value[(mix, share, step, "trace", point)]
                    assert found == pytest.approx(share**2 * whole, rel=0.08, abs=1e-5)
        # Rayleigh: the mean distance of two Gaussian units of variance v is sqrt(pi v / 2).
        distance = value[("linear", 1.0, step, "distance", "cluster")]
        assert distance == pytest.approx((np.pi / 4 * whole) ** 0.5, rel=0.05)
    ratios = table[(table["point"] == "ratio") & (table["share"] > 0)]
    assert ((ratios["low"] < 1.02) & (ratios["high"] > 0.98)).all()
    assert (table["n_switches"] == n).all()


@pytest.mark.study
def test_mixes_keep_their_share_of_the_run() -> None:
    """A rectified unit without memory, of which the run's own noise is always -.5."""
    net = NoiseDriven("relu", 1, 1, 2)
    with torch.no_grad():
        net.recurrent.weight.zero_()
        net.noise.weight.fill_(1.0)
    # Of 20,000 draws a variance has a standard error of less than 3 %.
    n = 200
    _, _, points = linear(0.5, n)
    run = Run(torch.full((n, 30, 1), -0.5), torch.zeros(n, 30, 1), torch.zeros(n, 30, 2))
    table = sensitivity(net, run, points, seeded(1), np.random.default_rng(0))
    value = table.set_index(["mix", "share", "step", "measure", "point"])["value"]
    draws = np.random.default_rng(1).normal(size=400_000)
    for mix, kept in (("linear", 0.5), ("preserving", 0.75**0.5)):
        wanted = np.maximum(0.5 * draws - 0.5 * kept, 0).var()
        assert value[(mix, 0.5, 2, "trace", "kick")] == pytest.approx(wanted, rel=0.1)
    assert value[("linear", 0.0, 2, "trace", "kick")] == 0
    fresh = np.maximum(draws, 0).var()
    assert value[("linear", 1.0, 2, "trace", "kick")] == pytest.approx(fresh, rel=0.1)


def test_units_that_are_off_do_not_receive_noise() -> None:
    _, run, points = linear(0.5, 6)
    # In the cluster a third unit holds both below their thresholds; at the kick point it is gone.
    deaf = NoiseDriven("relu", 2, 3, 2, bias=True)
    with torch.no_grad():
        deaf.recurrent.weight.zero_()
        deaf.recurrent.weight[:2, 2], deaf.recurrent.weight[2, 2] = -100.0, 1.0
        deaf.recurrent.bias.copy_(torch.tensor([20.0, 20, 0]))
        deaf.noise.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
    states = torch.zeros(6, 30, 3)
    states[:, :10, 2] = 1.0
    given = Run(run.noise, states, run.logits)
    table = sensitivity(deaf, given, points, seeded(), np.random.default_rng(0))
    last = table[(table["share"] == 1) & (table["step"] == 1) & (table["measure"] == "trace")]
    value = last.groupby("point")["value"].first()
    assert value["cluster"] == 0 and value["kick"] == pytest.approx(2, rel=0.2)
    assert value["ratio"] == 0
