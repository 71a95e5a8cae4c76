"""Lyapunov exponents against known ones and products of Jacobians; runs that stay or run away."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import jacobians
from hmmlens.dynamics.lyapunov import (
    STABLE,
    FreeRunSettings,
    LyapunovSettings,
    free_runs,
    lyapunov,
)
from hmmlens.dynamics.state_vectors import flatten
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.rnn.recurrent_network import State


class Linear:
    """h_t = W h_(t-1) + x_t."""

    def __init__(self, weight: Tensor) -> None:
        self.weight, self.n_units, self.n_noise = weight, len(weight), len(weight)

    def start(self, n_sequences: int) -> State:
        return ((self.weight.new_zeros(n_sequences, self.n_units),),)

    def step(self, state: State, noise: Tensor) -> State:
        return ((state[0][0] @ self.weight.T + noise,),)

    def readout(self, state: State) -> Tensor:
        return state[0][0]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(cell: str, n_units: int = 6, scale: float = 1.0, seed: int = 0) -> NoiseDriven:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = NoiseDriven(cell, 3, n_units, 3, bias=cell != "relu")
        with torch.no_grad():
            for part in net.parameters():
                part.mul_(scale)
        return net


@pytest.mark.parametrize("radius", [0.6, 0.99, 1.1])
@pytest.mark.parametrize("turns", [False, True])
def test_exponent_of_a_linear_network_is_its_spectral_radius(radius: float, turns: bool) -> None:
    lead = torch.tensor([[0.0, -1.0], [1.0, 0.0]]) if turns else torch.tensor([[1.0]])
    weight = radius * torch.block_diag(lead, torch.tensor([[0.5, 0.3], [0.0, 0.2]]))
    basis = torch.linalg.qr(torch.randn(len(weight), len(weight), generator=seeded(1)))[0]
    found = lyapunov(Linear(basis @ weight @ basis.T), seeded(), LyapunovSettings(16, 300, 100))
    assert found.value == pytest.approx(math.log(radius), abs=1e-3)
    assert found.low <= found.value <= found.high


def test_exponent_of_units_that_are_always_on() -> None:
    net = NoiseDriven("relu", 3, 4, 3, bias=True, leak=0.5)
    with torch.no_grad():
        net.recurrent.weight.copy_(torch.diag(torch.tensor([0.9, 0.5, 0.3, -0.1])))
        net.recurrent.bias.fill_(100.0)
    found = lyapunov(net, seeded(), LyapunovSettings(8, 300, 100))
    assert found.value == pytest.approx(math.log(0.5 + 0.5 * 0.9), abs=1e-4)


@pytest.mark.parametrize(
    ("cell", "scale"), [("relu", 1.0), ("relu", 1.6), ("tanh", 3.0), ("gru", 2.0), ("lstm", 2.0)]
)
def test_exponent_is_that_of_products_of_jacobians(cell: str, scale: float) -> None:
    net = network(cell, 20 if cell == "relu" else 5, scale)
    found = lyapunov(net, seeded(3), LyapunovSettings(32, 240, 80))
    noise = torch.randn(32, 240, 3, generator=seeded(4))
    state, sums = net.start(32), np.zeros(32)
    product = torch.eye(flatten(state).shape[1]).repeat(32, 1, 1)
    with torch.no_grad():
        for t in range(240):
            product = jacobians(net, flatten(state), noise[:, t]) @ product
            state = net.step(state, noise[:, t])
            # The largest growth of any direction, by singular values instead of one tangent.
            size = torch.linalg.matrix_norm(product, 2)
            if t < 80:
                sums[:] = 0
            sums += size.log().numpy()
            product = product / size[:, None, None]
    brute = sums / 160
    half = 3 * brute.std() / 32**0.5 + 3 * (found.high - found.low) / 4
    assert found.value == pytest.approx(brute.mean(), abs=half + 1e-3)
    assert half < 0.15


def test_runs_that_stay() -> None:
    net = network("relu", 20, 1.2)
    assert lyapunov(net, seeded()).high < STABLE
    runs = free_runs(net, seeded(), FreeRunSettings(16, 2000))
    assert runs.left == 0
    assert runs.last == pytest.approx(runs.first, rel=0.05)
    assert runs.first < runs.largest < 20 * runs.first


def test_runs_that_run_away() -> None:
    net = network("relu", 20, 4.0)
    found = lyapunov(net, seeded())
    assert found.low > 0.1
    runs = free_runs(net, seeded(), FreeRunSettings(16, 2000))
    assert runs.left == 1
    assert runs.largest == np.inf
    # Slow enough to stay within the range of numbers, and found out all the same.
    slow = Linear(1.01 * torch.eye(3))
    runs = free_runs(slow, seeded(), FreeRunSettings(16, 2000))
    assert runs.left == 1 and np.isfinite(runs.largest)
    assert lyapunov(slow, seeded()).value == pytest.approx(math.log(1.01), abs=1e-4)


def test_size_of_a_linear_run_is_its_stationary_one() -> None:
    runs = free_runs(Linear(0.8 * torch.eye(400)), seeded(), FreeRunSettings(8, 1000))
    # |h|^2 of 400 units of variance 1 / (1 - .64).
    assert runs.first == pytest.approx(math.sqrt(400 / 0.36), rel=0.02)
