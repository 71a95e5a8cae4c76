"""First exits of changed copies, against one run at a time through the network's own step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.labels import latent
from hmmlens.emulation.interventions import clamp_copies, modulate_copies, noise_input, select_rows
from hmmlens.emulation.kicks.first_exits import (
    Exits,
    InitialStates,
    first_exits,
    hazards,
    reduction_estimate,
    reductions,
)
from hmmlens.errors import DataError
from hmmlens.rnn.gates import GATES, SENT, Hold, advance
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven

CELLS = ("relu", "tanh", "gru", "lstm")


def network(cell: str, n_units: int = 12, *, bias: bool = True, leak: float = 1.0) -> NoiseDriven:
    """Return a random network that changes its label now and then."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = NoiseDriven(cell, 5, n_units, 3, bias=bias, leak=leak)
    if cell not in GATES:
        with torch.no_grad():
            # A slow unit, so that some stay for all the steps that are watched.
            net.recurrent.weight[0] = 0.1 * net.recurrent.weight[0]
            net.recurrent.weight[0, 0] = 0.9
            net.out.weight.mul_(0.2)
            net.out.weight[2, 0] = 1.0
            if bias:
                net.out.bias[:] = torch.tensor([0.0, 0.0, -0.2])
    return net


def starting(
    net: NoiseDriven, informative: tuple[int, ...], label: int, n: int, horizon: int
) -> tuple:
    """Return starts with that label, and the noise (time, start, noise) that follows."""
    generator = torch.Generator().manual_seed(1)
    state = net.start(40 * n)
    with torch.inference_mode():
        for _ in range(10):
            state = net.step(state, torch.randn(40 * n, 5, generator=generator))
        rows = torch.nonzero(latent(net.readout(state), informative) == label)[:n, 0]
        noise = torch.randn(horizon, len(rows), 5, generator=generator)
        return InitialStates(select_rows(state, rows), noise_input(net, noise), label), noise


def alone(
    net: NoiseDriven,
    informative: tuple[int, ...],
    starts: InitialStates,
    noise: torch.Tensor,
    modulation: Modulation | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return steps at risk and the next label of every start, by the network's own step."""
    steps, to = [], []
    with torch.inference_mode():
        for i in range(noise.shape[1]):
            state = select_rows(starts.state, torch.tensor([i]))
            for t in range(len(noise)):
                state = net.step(state, noise[t, i : i + 1], modulation)
                now = int(latent(net.readout(state), informative))
                if now != starts.label:
                    break
            steps.append(t + 1)
            to.append(now if now != starts.label else -1)
    return np.array(steps), np.array(to)


@pytest.mark.parametrize(("leak", "horizon"), [(1.0, 4), (0.4, 20)])
@pytest.mark.parametrize("cell", ["relu", "tanh"])
def test_exits_equal_single_runs_with_any_factors(cell: str, leak: float, horizon: int) -> None:
    # Few rows at once and frequent dropping, so that every path through the loop is taken.
    small = {"n_rows": 20, "drop_every": 2}
    net, informative = network(cell, leak=leak), (0, 2)
    starts, noise = starting(net, informative, 1, 8, horizon)
    factors = [torch.rand(5, 12, generator=torch.Generator().manual_seed(k)) * 2 for k in range(3)]
    for part in factors:
        part[0] = 1.0
    found = first_exits(net, modulate_copies(net, *factors), 5, starts, informative, **small)
    for copy in range(5):
        modulation = Modulation(*(part[copy] for part in factors))
        steps, to = alone(net, informative, starts, noise, modulation)
        np.testing.assert_array_equal(found.steps[copy], steps)
        np.testing.assert_array_equal(found.to[copy], to)
    plain = first_exits(net, modulate_copies(net), 1, starts, informative)
    np.testing.assert_array_equal(plain.steps[0], found.steps[0])
    assert len(set(found.steps.ravel())) > 3 and (found.to >= 0).any() and (found.to < 0).any()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_ablated_units_of_gated_cells_equal_single_runs(cell: str) -> None:
    net, informative = network(cell), (0, 1, 2)
    starts, noise = starting(net, informative, 0, 10, 12)
    output = torch.ones(3, 12)
    output[1, [0, 4]] = 0
    output[2, 3:9] = 0
    found = first_exits(net, modulate_copies(net, output=output), 3, starts, informative)
    for copy in range(3):
        steps, to = alone(net, informative, starts, noise, Modulation(output=output[copy]))
        np.testing.assert_array_equal(found.steps[copy], steps)
        np.testing.assert_array_equal(found.to[copy], to)
    plain = first_exits(net, modulate_copies(net), 1, starts, informative)
    np.testing.assert_array_equal(plain.steps[0], found.steps[0])
    with pytest.raises(DataError, match="not one drive per unit"):
        modulate_copies(net, drive=output)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_from_received_noise_equal_the_networks_own(cell: str, bias: bool) -> None:
    net = network(cell, bias=bias)
    noise = torch.randn(6, 7, 5, generator=torch.Generator().manual_seed(0))
    state = other = net.start(7)
    with torch.inference_mode():
        given = noise_input(net, noise)
        for t in range(6):
            state = net.step(state, noise[t])
            if cell in GATES:
                moved = advance(net, other, given[t])
                other = moved.state
                assert set(moved.gates) == {*GATES[cell], SENT}
            else:
                other = net.advance(other, given[t])
        for one, two in zip(state[0], other[0], strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_held_gate_equals_weights_that_saturate_it(cell: str) -> None:
    # A gate whose weights are 0 and whose bias is b stays at sigmoid(b) or tanh(b) by itself.
    net, informative = network(cell), (0, 1, 2)
    starts, noise = starting(net, informative, 0, 10, 12)
    for place, gate in enumerate(GATES[cell]):
        units = torch.tensor([2, 7])
        rows = place * 12 + units
        if gate == "candidate":
            # Its recurrent part is under the reset gate, so zero both parts and keep its bias.
            held_at = torch.tanh(torch.tensor(0.3))
        else:
            held_at = (
                torch.tanh(torch.tensor(0.3)) if gate == "cell" else torch.tensor(0.3).sigmoid()
            )
        fixed = network(cell)
        with torch.no_grad():
            for name in ("weight_ih", "weight_hh", "bias_hh"):
                getattr(fixed.gates, name)[rows] = 0
            fixed.gates.bias_ih[rows] = 0.3
        mask = torch.zeros(2, 12, dtype=torch.bool)
        mask[1, units] = True
        value = torch.full((12,), float(held_at))
        found = first_exits(net, clamp_copies(net, gate, mask, value), 2, starts, informative)
        steps, to = alone(fixed, informative, starts, noise, None)
        np.testing.assert_array_equal(found.steps[1], steps)
        np.testing.assert_array_equal(found.to[1], to)
        steps, _ = alone(net, informative, starts, noise, None)
        np.testing.assert_array_equal(found.steps[0], steps)
    with pytest.raises(DataError, match="no gate 'mood'"):
        advance(net, starts.state, starts.noise_input[0], Hold("mood", mask[0], value))
    with pytest.raises(DataError, match="relu cell has no gates"):
        received_by_gates(network("relu"))


def received_by_gates(net: NoiseDriven) -> None:
    from hmmlens.rnn import gates

    gates.received(net, torch.zeros(1, 5))


def test_hazard_counts_steps_at_risk_only() -> None:
    # Three starts: leaves in step 2 for 0, in step 4 for 2, stays for all 10.
    exits = Exits(np.array([[2, 4, 10]]), np.array([[0, 2, -1]]))
    assert hazards(exits)[0] == 2 / 16
    assert hazards(exits, 2)[0] == 1 / 16
    none = Exits(np.full((1, 3), 10), np.full((1, 3), -1))
    both = Exits(np.r_[exits.steps, none.steps], np.r_[exits.to, none.to])
    np.testing.assert_allclose(reductions(both, exits), [0, 1])
    with pytest.raises(DataError, match="never leaves"):
        reductions(exits, none)


def test_state_that_leaves_all_bounds_is_no_exit() -> None:
    net, informative = network("relu", bias=False), (0, 2)
    starts, _ = starting(net, informative, 1, 8, 60)
    with torch.no_grad():
        net.recurrent.weight.mul_(1e6)
    found = first_exits(net, modulate_copies(net), 1, starts, informative)
    assert (found.steps < 60).all()
    one = select_rows(starts.state, torch.arange(8))
    with torch.inference_mode():
        for t in range(60):
            one = net.advance(one, starts.noise_input[t])
            finite = net.readout(one).isfinite().all(dim=1).numpy()
            at = found.steps[0] == t + 1
            np.testing.assert_array_equal((found.to[0] >= 0)[at], finite[at])


def test_interval_of_a_reduction_covers_the_truth_and_keeps_pairs() -> None:
    # Geometric first exits with hazards .1 and .04, so a reduction of .6.
    rng, covered = np.random.default_rng(0), 0
    for _ in range(100):
        drawn = [rng.geometric(p, size=(1, 200)) for p in (0.04, 0.1)]
        found = [Exits(np.minimum(d, 50), np.where(d <= 50, 0, -1)) for d in drawn]
        low, high = reduction_estimate(*found, rng, n_bootstrap=200)[1:]
        covered += low <= 0.6 <= high
    assert 88 <= covered <= 100
    same = reduction_estimate(found[0], found[0], rng)
    assert tuple(same) == (0.0, 0.0, 0.0)
