"""Analyses of networks that have nothing but a step, in NumPy and in torch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from hmmlens.dynamics.endpoints import count_endpoints, settle
from hmmlens.dynamics.fixed_points import decay, find, table
from hmmlens.dynamics.jacobians import by_differences, by_differentiation, jacobians, spectra
from hmmlens.dynamics.lyapunov import FreeRunSettings, LyapunovSettings, free_runs, lyapunov
from hmmlens.dynamics.minimisation import FixedPointSettings
from hmmlens.dynamics.protocol import takes_tensors
from hmmlens.dynamics.rollouts import rollout, sample_noise
from hmmlens.dynamics.state_vectors import advance, flatten, unflatten
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from tests.dynamics.numpy_networks import Bits, LinearMap, Ring

WEIGHT = np.array([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.0], [0.3, 0.0, 0.4]])
FEW = FixedPointSettings(n_descent=40)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def states(n: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, size))


class TorchStep(torch.nn.Module):
    """The bare step of a linear map, as a module without start."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(WEIGHT, dtype=torch.float32))

    def step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return state @ self.weight.T + inputs


class DeclaredStep:
    """A step on tensors that is no module."""

    takes_tensors = True

    def step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return torch.tanh(state + inputs)


def test_networks_receive_tensors_or_arrays() -> None:
    assert takes_tensors(NoiseDriven("relu", 2, 3, 2)) and takes_tensors(TorchStep())
    assert takes_tensors(DeclaredStep())
    assert not takes_tensors(LinearMap(WEIGHT)) and not takes_tensors(Bits())
    zero = torch.zeros(2, 3)
    assert torch.equal(advance(TorchStep(), zero, zero + 1), zero + 1)
    assert torch.equal(advance(LinearMap(WEIGHT), zero.double(), zero + 1), zero.double() + 1)


def test_nested_states_of_arrays_are_vectors_and_back() -> None:
    entries = torch.from_numpy(states(4, 3))
    state = unflatten(entries, Bits())
    assert [part.shape for part in state[0]] == [(4, 2), (4, 1)]
    assert torch.equal(flatten(state), entries)
    # A copy, so that a step may change it in place.
    state[0][0][:] = 0
    assert not (entries[:, :2] == 0).any()


def test_rollout_is_the_loop_over_steps() -> None:
    start, inputs = states(5, 2), states(5 * 7, 2, 1).reshape(5, 7, 2)
    path, outputs = rollout(Ring(0.3), inputs, start.copy())
    state = start.copy()
    for t in range(7):
        state = Ring(0.3).step(state, inputs[:, t])
        np.testing.assert_array_equal(path[:, t], state)
    # Without a readout the state is the output.
    assert torch.equal(path, outputs)
    with pytest.raises(DataError, match="LinearMap has no method start"):
        rollout(LinearMap(WEIGHT), np.zeros((1, 2, 3)))


def test_rollout_reads_out_and_starts_by_itself() -> None:
    path, outputs = rollout(Bits(), np.ones((2, 3, 2)))
    np.testing.assert_array_equal(outputs, path[..., :2])
    np.testing.assert_allclose(
        path[:, 0], np.tile([np.tanh(1), np.tanh(1), 2 * np.tanh(1)], (2, 1))
    )


def test_jacobian_of_a_linear_map_is_its_matrix() -> None:
    network, at = LinearMap(WEIGHT), states(6, 3)
    found = jacobians(network, at, np.zeros((6, 3)))
    np.testing.assert_allclose(found, np.tile(WEIGHT, (6, 1, 1)), atol=1e-9)
    values = np.sort_complex(spectra(network, at, np.zeros((6, 3))))
    wanted = np.sort_complex(np.array([0.4, 0.9 - 0.2j, 0.9 + 0.2j]))
    np.testing.assert_allclose(values, np.tile(wanted, (6, 1)), atol=1e-8)


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_differences_are_the_derivatives_of_the_librarys_networks(cell: str) -> None:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 3, 4, 2).double()
    noise = sample_noise(net, seeded(), 5)
    entries = rollout(net, sample_noise(net, seeded(1), 5, 3))[0][:, -1].clone()
    exact = jacobians(net, entries, noise)
    with torch.no_grad():
        np.testing.assert_allclose(by_differences(net, entries, noise), exact, atol=1e-8)


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_stacked_networks_of_the_library(cell: str) -> None:
    """Two layers that take values: derivatives, a fixed point, and an exponent below 0."""
    torch.manual_seed(1)
    net = RecurrentNetwork(cell, 2, 2, 3, 2, symbols_in=False, symbols_out=False).double()
    size = 12 if cell == "lstm" else 6
    entries, inputs = torch.from_numpy(0.3 * states(8, size)), torch.zeros(8, 2).double()
    exact = by_differentiation(net, entries, inputs)
    with torch.no_grad():
        np.testing.assert_allclose(by_differences(net, entries, inputs), exact, atol=1e-8)
    points = find(net, entries, inputs=np.zeros(2))
    assert points.fixed.tolist() == [True]
    path, _ = rollout(net, torch.zeros(1, 300, 2).double())
    np.testing.assert_allclose(path[0, -1], points.entries[0], atol=1e-7)
    exponent = lyapunov(
        net, seeded(), LyapunovSettings(n_runs=4, warm_up=200), inputs=torch.zeros(4, 400, 2)
    )
    # On constant input the exponent is the log of the largest eigenvalue at the fixed point.
    assert exponent.value == pytest.approx(math.log(abs(points.eigenvalues).max()), abs=0.02)


def test_fixed_point_of_a_linear_map_on_constant_input() -> None:
    inputs = np.array([1.0, 0.0, -2.0])
    points = find(LinearMap(WEIGHT), states(10, 3), FEW, inputs=inputs)
    assert points.fixed.tolist() == [True] and points.n_starts.tolist() == [10]
    np.testing.assert_allclose(points.entries[0], np.linalg.solve(np.eye(3) - WEIGHT, inputs))
    assert table(points)["radius"][0] == pytest.approx(math.hypot(0.9, 0.2), abs=1e-7)
    end = decay(
        LinearMap(WEIGHT), states(5, 3, 1), points, FixedPointSettings(n_decay=200), inputs=inputs
    )
    assert end is not None and (end.nearest == 0).all() and end.distance.max() < 1e-6
    np.testing.assert_allclose(end.factor, math.hypot(0.9, 0.2), rtol=0.01)
    with pytest.raises(DataError, match="LinearMap has no n_noise"):
        find(LinearMap(WEIGHT), states(2, 3))


def test_fixed_points_of_two_bits() -> None:
    high = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1, xtol=1e-14)
    points = find(Bits(), states(150, 3), FEW, inputs=np.zeros(2))
    levels = np.array(list(itertools.product([-high, 0, high], repeat=2)))
    wanted = np.c_[levels, levels.sum(axis=1)]
    distance = np.linalg.norm(wanted[:, None] - points.entries[None], axis=2)
    assert len(points.entries) == 9 and distance.min(axis=1).max() < 1e-7
    stable = (np.abs(points.entries[:, :2]) > 0.5).sum(axis=1)
    np.testing.assert_array_equal(table(points)["n_unstable"], 2 - stable)


def test_ring_of_fixed_points_has_a_neutral_direction() -> None:
    points = find(Ring(0.0), states(40, 2), FEW, inputs=np.zeros(2))
    length = np.linalg.norm(points.entries, axis=1)
    on = length > 0.5
    np.testing.assert_allclose(length[on], 1, atol=1e-6)
    assert points.fixed.all() and on.sum() > 20
    # d(r + .2 r (1 - r^2))/dr at r = 1, and 1 along the ring.
    np.testing.assert_allclose(
        np.sort(points.eigenvalues[on].real), np.tile([0.6, 1.0], (on.sum(), 1)), atol=1e-5
    )


def test_ring_that_turns_is_a_limit_cycle() -> None:
    points = find(Ring(0.7), states(20, 2), FEW, inputs=np.zeros(2))
    assert points.fixed.tolist() == [True]
    np.testing.assert_allclose(points.entries, 0, atol=1e-7)
    np.testing.assert_allclose(
        np.sort_complex(points.eigenvalues[0]), 1.2 * np.exp([-0.7j, 0.7j]), atol=1e-7
    )
    inputs, start = np.zeros((6, 300, 2)), states(6, 2)
    # Along the cycle the tangent neither grows nor decays.
    found = lyapunov(
        Ring(0.7), seeded(), LyapunovSettings(warm_up=100), entries=start, inputs=inputs
    )
    assert found.value == pytest.approx(0, abs=1e-5)
    runs = free_runs(Ring(0.7), seeded(), FreeRunSettings(), entries=start, inputs=inputs)
    assert runs.last == pytest.approx(1, abs=1e-6) and runs.left == 0


@pytest.mark.parametrize("radius", [0.6, 1.1])
def test_exponent_of_a_linear_map_is_its_spectral_radius(radius: float) -> None:
    weight = radius * WEIGHT / math.hypot(0.9, 0.2)
    found = lyapunov(
        LinearMap(weight),
        seeded(),
        LyapunovSettings(warm_up=100),
        entries=states(8, 3),
        inputs=states(8 * 300, 3).reshape(8, 300, 3),
    )
    assert found.value == pytest.approx(math.log(radius), abs=1e-3)
    with pytest.raises(DataError, match="cannot be driven by noise"):
        lyapunov(LinearMap(weight), seeded(), entries=states(8, 3))


def test_endpoints_of_two_bits() -> None:
    rng = np.random.default_rng(0)
    inputs = np.zeros((80, 6, 2))
    inputs[:, 0] = rng.choice([-3.0, 3.0], size=(80, 2))
    settled = settle(Bits(), inputs, rng.integers(0, 6, size=80), "zero").numpy()
    found = count_endpoints(settled, settled[0])
    assert (found.n_coarse, found.n_fine) == (4, 4) and found.drift < 1e-6
    # A bare step: the state is the output.
    start = 0.5 * states(80, 2, 3)
    settled = settle(Ring(0.0), np.zeros((80, 1, 2)), np.zeros(80, int), "zero", entries=start)
    ring = count_endpoints(settled.numpy(), settled[0].numpy())
    assert ring.ratio > 2 and ring.drift < 0.01


def test_step_must_keep_the_shape_of_a_state() -> None:
    class Growing:
        def step(self, state: np.ndarray, inputs: np.ndarray) -> np.ndarray:
            return np.concatenate([state, state], axis=1)

    with pytest.raises(DataError, match=r"step returned a state of shape \(2, 6\)"):
        advance(Growing(), torch.zeros(2, 3), torch.zeros(2, 1))
