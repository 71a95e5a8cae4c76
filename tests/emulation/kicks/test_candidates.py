"""Candidates in networks whose kicks are known, and their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hmmlens.dynamics.labels import latent, switches
from hmmlens.dynamics.rollouts import Run
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.kicks.candidates import (
    UnperturbedRuns,
    rank_candidates,
    record_unperturbed_runs,
    replayed_gradient,
    steps_to_exit,
)
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import ECHOES, KICKS, SYMBOLS, kicked, unkicked


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 2))
)
def test_steps_to_exit_count_ahead(labels: np.ndarray) -> None:
    found = steps_to_exit(labels)
    for row, line in zip(found, labels, strict=True):
        for t, n in enumerate(row):
            ahead = [s for s in range(t + 1, len(line)) if line[s] != line[t]]
            assert n == (ahead[0] - t if ahead else -1)


@pytest.fixture(scope="module")
def watched() -> tuple[NoiseDriven, UnperturbedRuns]:
    net = kicked()
    return net, record_unperturbed_runs(net, SYMBOLS, torch.Generator().manual_seed(0))


def test_kicks_come_first_and_echoes_push_nothing(
    watched: tuple[NoiseDriven, UnperturbedRuns],
) -> None:
    net, seen = watched
    for side in (0, 1):
        found = rank_candidates(net, seen, SYMBOLS, side)
        assert set(found.candidates[:3]) == set(KICKS[side])
        assert set(ECHOES[side]) <= set(found.candidates)
        # Neither the latch nor the other side's units, which are off in a transition.
        assert not set(found.candidates) & {0, 1, *KICKS[1 - side], *ECHOES[1 - side]}
        assert (found.gradient[KICKS[side]] > 0).all()
        assert (found.gradient[40:] == 0).all() and (found.gradient[ECHOES[side]] == 0).all()
        assert found.n_exits == KickSettings().max_exits and found.n_rising >= len(found.candidates)
        assert (found.cluster_output[ECHOES[side]] < 0.5).all() and found.cluster_output[side] > 0.5
        assert (found.transition[KICKS[side]] > 0).all() and (found.cluster[KICKS[side]] < 0).all()
        # Of two labels, one exit leads to the other.
        np.testing.assert_array_equal(
            rank_candidates(net, seen, SYMBOLS, side, 1 - side).candidates, found.candidates
        )


def test_no_candidates_without_exits(watched: tuple[NoiseDriven, UnperturbedRuns]) -> None:
    net, seen = watched
    found = rank_candidates(net, seen, SYMBOLS, 0, to=0)
    assert len(found.candidates) == found.n_exits == 0
    still = seen._replace(labels=np.zeros_like(seen.labels))
    found = rank_candidates(net, still, SYMBOLS, 0)
    assert len(found.candidates) == found.n_exits == 0 and np.isnan(found.transition).all()


def test_candidates_do_not_depend_on_the_sign_of_odd_units() -> None:
    net, turned = unkicked(), unkicked()
    flipped = torch.arange(0, 40, 3)[1:]
    with torch.no_grad():
        turned.recurrent.weight[flipped] *= -1
        turned.recurrent.weight[:, flipped] *= -1
        turned.noise.weight[flipped] *= -1
        turned.out.weight[:, flipped] *= -1
    both = []
    for one in (net, turned):
        seen = record_unperturbed_runs(one, SYMBOLS, torch.Generator().manual_seed(0))
        both.append(rank_candidates(one, seen, SYMBOLS, 0))
    assert len(both[0].candidates) > 2
    assert set(both[0].candidates) == set(both[1].candidates)
    assert 0 not in both[0].candidates


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_gradient_equals_finite_differences(cell: str) -> None:
    settings = KickSettings(n_before=3, n_after=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        net = NoiseDriven(cell, 4, 6, 3, bias=True).double()
    with torch.no_grad():
        # Units that follow the noise, so that labels change.
        net.out.bias.zero_()
        for name, parameter in net.named_parameters():
            parameter.mul_(3.0 if name in ("noise.weight", "gates.weight_ih") else 1.0)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 30, 4, generator=generator, dtype=torch.float64)
    with torch.inference_mode():
        state, states = net.start(4), []
        for t in range(30):
            state = net.step(state, noise[:, t])
            states.append(torch.cat(state[0], dim=1))
        entries = torch.stack(states, dim=1)
        logits = net.out(entries[..., :6])
    labels = latent(logits, SYMBOLS).numpy()
    seen = UnperturbedRuns(Run(noise, entries, logits), labels, entries[:, 1:, :6])
    rest = torch.randn(6, generator=generator, dtype=torch.float64)
    gradient, n = replayed_gradient(net, seen, SYMBOLS, 0, rest.numpy(), settings=settings)

    def margin(factor: torch.Tensor) -> float:
        total, count = 0.0, 0
        change = Modulation(drive=factor) if cell == "relu" else None
        for i, time, before, after in zip(*switches(labels), strict=True):
            if before != 0 or time < 3 or time + 2 > 30:
                continue
            count += 1
            state = unflatten(entries[i : i + 1, time - 3], net)
            for t in range(time - 2, time + 2):
                state = net.step(state, noise[i : i + 1, t], change)
                if cell != "relu":
                    # A factor on how far what is sent out is from rest.
                    sent = rest + factor * (state[0][0] - rest)
                    state = ((sent, *state[0][1:]),)
                if t >= time:
                    logits = net.readout(state)[0]
                    total += float(logits[SYMBOLS[after]] - logits[SYMBOLS[before]]) / 2
        assert count == n > 3
        return total / count

    with torch.inference_mode():
        for unit in range(6):
            step = torch.zeros(6, dtype=torch.float64)
            step[unit] = 1e-6
            slope = (margin(1 + step) - margin(1 - step)) / 2e-6
            assert gradient[unit] == pytest.approx(slope, abs=1e-6)
