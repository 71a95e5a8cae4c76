"""Levels, activity and spectra around switches of networks whose kicks are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.jacobians import by_differentiation, critical_pairs, eigenvalues
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.rollouts import Run, rollout, sample_noise
from hmmlens.emulation.kicks.activity import (
    activity_table,
    critical_table,
    levels_table,
    replay,
    switch_windows,
)
from hmmlens.emulation.kicks.candidates import UnperturbedRuns, record_unperturbed_runs
from hmmlens.emulation.kicks.dose_response import scale_weights
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SYMBOLS, kicked

LAGS = KickSettings().n_lags

UNITS = {label: np.array(units) for label, units in enumerate(KICKS)}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def watched() -> tuple[NoiseDriven, UnperturbedRuns]:
    net = kicked()
    return net, record_unperturbed_runs(net, SYMBOLS, generator())


def test_levels_of_kicks_rise_from_cluster_to_transition(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    net, seen = watched
    rng = np.random.default_rng(0)
    table = levels_table(net, seen, UNITS, SYMBOLS, generator(1), rng, KickSettings(n_each=4))
    cell = table.set_index(["exit", "label", "region"]).sort_index()
    for exit_ in (0, 1):
        cluster, transition = (cell.loc[(exit_, exit_, r)] for r in ("cluster", "transition"))
        assert cluster["high"] < 0 < transition["low"]
        assert cluster["positive"] < 0.1 and transition["positive"] > 0.5
        # Off while the network is in the other label, whatever it does there.
        assert (cell.loc[(exit_, 1 - exit_), "level"].dropna() < -5).all()
    assert table.groupby("exit")["n_states"].sum().eq(4 * len(seen.labels)).all()


def test_kicks_fire_just_before_their_exits_only(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    _, seen = watched
    sets = {"kick 0": UNITS[0], "kick 1": UNITS[1], "echo 0": np.array(ECHOES[0])}
    table = activity_table(seen, sets, [0, 1])
    cell = table.set_index(["exit", "set", "lag"])["activity"]
    for exit_ in (0, 1):
        own, other = cell[exit_, f"kick {exit_}"], cell[exit_, f"kick {1 - exit_}"]
        assert own.idxmax() == -1 and own[-1] > 5 * own[-5]
        # The other side's may have brought the network here, some steps ago.
        assert other[-1] < 0.2 * own[-1]
    assert (table["low"] <= table["activity"]).all() and len(table) == 2 * 3 * (2 * LAGS + 1)
    found = switch_windows(seen, 0)
    row, time = found.sequence[3], found.time[3]
    assert table["n_switches"].max() >= len(found.time)
    mean = np.mean(
        [seen.run.states[r, t - 4, UNITS[0]].mean() for r, t in zip(*found[:2], strict=True)]
    )
    assert cell[0, "kick 0", -4] == pytest.approx(mean, rel=1e-5)
    assert seen.labels[row, time - 1] == 0 and seen.labels[row, time] == found.after[3]


def test_windows_lie_inside_and_are_spread_evenly(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    _, seen = watched
    every, some = switch_windows(seen, 1), switch_windows(seen, 1, 5)
    assert (every.time > LAGS).all() and (every.time + LAGS < seen.labels.shape[1]).all()
    assert len(some.time) == 5 and some.sequence[0] == every.sequence[0]
    assert some.sequence[-1] == every.sequence[-1] and (np.diff(some.sequence) >= 0).all()


def test_replay_without_a_change_is_the_run(watched: tuple[NoiseDriven, UnperturbedRuns]) -> None:
    net, seen = watched
    found = switch_windows(seen, 0, 6)
    entries, noise = replay(net, seen, found)
    for i, (run, time) in enumerate(zip(found.sequence, found.time, strict=True)):
        steps = slice(time - LAGS - 1, time + LAGS)
        np.testing.assert_allclose(entries[i], seen.run.states[run, steps], atol=1e-4)
        assert torch.equal(noise[i], seen.run.noise[run, time - LAGS : time + LAGS + 1])


@pytest.mark.parametrize("cell", ["relu", "tanh"])
def test_critical_pairs_are_those_of_the_changed_steps_own_jacobian(
    cell: str,
) -> None:
    factor = 0.4
    settings = KickSettings(n_lags=3, n_spectra=4, critical_factors=(("drive", (factor,)),))
    net = NoiseDriven(cell, 4, 10, 3, leak=0.8, bias=True)
    with torch.no_grad():
        # Five pairs of units that turn without decay, with all units on and hardly saturated.
        turn = torch.zeros(10, 10)
        for i in range(0, 10, 2):
            c, s = np.cos(0.4), np.sin(0.4)
            turn[i : i + 2, i : i + 2] = torch.tensor([[c, -s], [s, c]])
        net.recurrent.weight[:] = (turn - 0.2 * torch.eye(10)) / 0.8
        net.recurrent.weight.add_(0.01 * torch.randn(10, 10, generator=generator()))
        # At rest all units are at 5, or at 0 where the activation is symmetric.
        rest = torch.full((10,), 5.0 if cell == "relu" else 0.0)
        net.recurrent.bias[:] = rest - net.recurrent.weight @ rest
        net.noise.weight[:] = 0.05 * torch.randn(10, 4, generator=generator())
        # Two units that take turns in being further above it.
        net.out.weight.zero_()
        net.out.weight[0, 0] = net.out.weight[2, 1] = 1.0
        net.out.bias[0], net.out.bias[2] = -rest[0], -rest[1]
    noise = sample_noise(net, generator(), 6, 40)
    states, logits = rollout(net, noise, rest.repeat(6, 1))
    labels = latent(logits, SYMBOLS).numpy()
    seen = UnperturbedRuns(Run(noise, states, logits), labels, states[:, 1:])
    units = np.array([2, 5, 7])
    table = critical_table(net, seen, {(0, "drive"): units}, settings)
    found = switch_windows(seen, 0, 4, settings)
    assert len(found.time) == 4
    counts = []
    drive = torch.ones(10)
    drive[units] = factor
    change = Modulation(drive=drive)
    for run, time in zip(found.sequence, found.time, strict=True):
        state, total = states[run : run + 1, time - 4], 0
        for t in range(time - 3, time + 4):
            given = noise[run : run + 1, t]
            exact = by_differentiation(net, state, given, change)
            total += int(critical_pairs(eigenvalues(exact), 0.06)[0])
            state = net.step(((state,),), given, change)[0][0].detach()
        counts.append(total)
    row = table[table["factor"] == factor].iloc[0]
    assert row["pairs"] == np.mean(counts) and row["sd"] == pytest.approx(np.std(counts, ddof=1))
    assert table["pairs"].max() > 0 and row["n_switches"] == 4
    # A factor is not a change of columns: that would be another matrix.
    wrong = scale_weights(net, units, 1.0)
    with torch.no_grad():
        wrong.recurrent.weight[:, units] *= factor
    assert not torch.allclose(
        wrong.recurrent.weight, scale_weights(net, units, factor).recurrent.weight
    )
