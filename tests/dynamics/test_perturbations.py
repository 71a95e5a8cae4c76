"""Ablation, clamping and kicks on networks in NumPy and on the library's own."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from hmmlens.dynamics.fixed_points import find
from hmmlens.dynamics.jacobians import jacobians
from hmmlens.dynamics.minimisation import FixedPointSettings
from hmmlens.dynamics.perturbations import ablate, clamp, kick
from hmmlens.dynamics.protocol import takes_tensors
from hmmlens.dynamics.rollouts import drive, rollout
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.dynamics.numpy_networks import Bits, LinearMap

WEIGHT = np.array([[0.5, 0.3, 0.0], [0.2, 0.4, 0.1], [0.3, 0.0, 0.4]])


def test_clamped_units_act_on_the_others_by_their_value() -> None:
    inputs = np.array([1.0, 0.0, 0.0])
    held = clamp(LinearMap(WEIGHT), np.array([1]), 2.0)
    points = find(
        held, np.random.default_rng(0).normal(size=(4, 3)), FixedPointSettings(n_descent=20),
        inputs=inputs,
    )  # fmt: skip
    rest = [0, 2]
    # h = W h + x of the free units, the clamped one being 2.
    given = inputs[rest] + 2 * WEIGHT[rest, 1]
    wanted = np.linalg.solve(np.eye(2) - WEIGHT[np.ix_(rest, rest)], given)
    np.testing.assert_allclose(points.entries[0, rest], wanted, atol=1e-8)
    assert points.entries[0, 1] == pytest.approx(2)
    # The clamped unit depends on nothing: its row of the Jacobian is 0.
    matrix = jacobians(held, np.zeros((1, 3)), np.zeros((1, 3)))[0]
    np.testing.assert_allclose(matrix[1], 0, atol=1e-12)
    np.testing.assert_allclose(matrix[rest], WEIGHT[rest], atol=1e-8)


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_ablation_is_an_output_factor_of_zero(cell: str) -> None:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 3, 5, 2)
    lost = ablate(net, np.array([1, 4]))
    assert takes_tensors(lost) and lost.n_units == 5
    run = drive(lost, 4, 10, torch.Generator().manual_seed(0), warm_up=5)
    assert (run.states[..., [1, 4]] == 0).all() and (run.states[..., 0] != 0).any()
    factor = torch.ones(5)
    factor[[1, 4]] = 0
    state = net.start(4)
    noise = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for t in range(6):
            state = net.step(state, noise[:, t], Modulation(output=factor))
    torch.testing.assert_close(rollout(lost, noise)[0][:, -1, :5], state[0][0])


def test_units_of_nested_arrays_and_copies() -> None:
    held = copy.deepcopy(clamp(Bits(), np.array([0]), np.array([0.5])))
    path, outputs = rollout(held, np.ones((2, 3, 2)))
    assert (path[..., 0] == 0.5).all() and (outputs[..., 0] == 0.5).all()
    assert (path[..., 1] > 0.5).all()
    with pytest.raises(DataError, match="unit 3 cannot be clamped: a state has 3 entries"):
        rollout(clamp(Bits(), np.array([3]), 0.0), np.ones((1, 1, 2)))


def test_a_kick_moves_chosen_units_of_initial_states() -> None:
    states = np.zeros((2, 3))
    kicked = kick(states, np.array([2, 0]), np.array([1.0, -2.0]))
    np.testing.assert_array_equal(kicked, np.tile([-2.0, 0.0, 1.0], (2, 1)))
    assert (states == 0).all()
    # A linear map carries the kick along, by its powers.
    path, _ = rollout(LinearMap(WEIGHT), np.zeros((2, 3, 3)), kicked)
    np.testing.assert_allclose(path[0, -1], np.linalg.matrix_power(WEIGHT, 3) @ [-2, 0, 1])
