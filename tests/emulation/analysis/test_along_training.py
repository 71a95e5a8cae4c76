"""Checkpoints whose dynamics are known, and the second-order term against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hmmlens.dynamics.rollouts import WARM_UP
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.emulation.analysis.along_training import (
    evolution,
    loaded,
    second_order,
    shown,
    trajectories,
)
from hmmlens.rnn.noise_driven import NoiseDriven


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def turner(modulus: float, degrees: float, bias: float) -> NoiseDriven:
    """Return two units that turn around (bias, bias), far enough from 0 to stay on."""
    net = NoiseDriven("relu", 2, 2, 2, bias=True)
    angle = math.radians(degrees)
    turn = modulus * torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    with torch.no_grad():
        net.recurrent.weight.copy_(turn)
        net.recurrent.bias.copy_(bias * (torch.eye(2) - turn) @ torch.ones(2))
        net.noise.weight.copy_(torch.eye(2))
        net.out.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        net.out.bias.zero_()
    return net


def test_checkpoints_of_turning_pairs() -> None:
    # A pair that forgets, one that turns by 12 degrees at .95, the same growing, and NaN.
    kinds = [(0.3, 0.0), (0.95, 12.0), (1.01, 12.0)]
    weights = [(10 * i, turner(m, d, 1e3).state_dict()) for i, (m, d) in enumerate(kinds)]
    broken = {k: torch.full_like(v, torch.nan) for k, v in weights[0][1].items()}
    table, terms = evolution(
        turner(0.3, 0.0, 0.0), [*weights, (30, broken)], (0, 1), seeded(), rng()
    )
    assert table["update"].tolist() == [0, 10, 20, 30]
    assert table["finite"].tolist() == [True, True, True, False]
    assert table["critical"][:2].tolist() == [0, 1] and table["unstable"][:2].tolist() == [0, 0]
    # On 1 of 3 runs the growing pair may have left the region where both are on.
    assert table["unstable"][2] > 0.5
    assert table["turns_per_100"][1] == pytest.approx(100 * 12 / 360, rel=0.1)
    assert table["rotation"][1] > 0.5 > 0.1 > table["rotation"][0]
    assert table["rotation_best"][1] == pytest.approx(table["rotation"][1], abs=0.05)
    # Labels are the sign of a difference of two autoregressions of .3, whose lag-one correlation
    # is .3: they change with probability arccos(.3) / pi.
    assert table["switching_rate"][0] == pytest.approx(math.acos(0.3) / math.pi, abs=0.02)
    assert table.iloc[3, 3:].isna().all() and np.isnan(terms[3]).all()
    assert terms.shape == (4, 2)


def test_rate_of_the_paper_is_the_mean_of_inverse_dwells() -> None:
    # A pair that turns by 12 degrees without noise has every label for 15 steps.
    net = turner(1.0, 12.0, 1e3)
    with torch.no_grad():
        net.noise.weight.mul_(1e-3)
    # It starts at 0, which is far from the centre it turns around.
    table, _ = evolution(net, [(0, net.state_dict())], (0, 1), seeded(), rng())
    assert table["paper_rate"][0] == pytest.approx(1 / 15, rel=0.01)
    assert table["switching_rate"][0] == pytest.approx(1 / 15, rel=0.05)


def random_network(cell: str, leak: float) -> NoiseDriven:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 3, 6, 2, bias=True, leak=leak).double()
    with torch.no_grad():
        net.recurrent.weight.mul_(2)
    return net


@pytest.mark.parametrize("leak", [1.0, 0.4])
def test_second_order_term_of_tanh_is_that_of_its_expansion(leak: float) -> None:
    net = random_network("tanh", leak)
    generator = seeded()
    n_runs, each, n_steps = 2, 3, 4
    noise = torch.randn(n_runs, n_steps + 1, 3, generator=generator, dtype=torch.float64)
    trials = torch.randn(n_runs * each, n_steps, 3, generator=generator, dtype=torch.float64)
    start = torch.rand(n_runs, 6, generator=generator, dtype=torch.float64)
    h = 1e-3

    def drives(size: float) -> torch.Tensor:
        state = unflatten(start.repeat_interleave(each, dim=0), net)
        for t in range(n_steps):
            given = noise[:, t].repeat_interleave(each, dim=0)
            state = net.step(state, given + size * trials[:, t])
        return net.recurrent(flatten(state))

    with torch.no_grad():
        wanted = (drives(h) + drives(-h) - 2 * drives(0)).mean(dim=0) / (2 * h**2)
    found = second_order(net, start, noise, trials)
    np.testing.assert_allclose(found, wanted.abs().sqrt(), rtol=1e-3)


def test_surrogate_of_relu_by_hand() -> None:
    # One unit that is always on: d1 <- w d1 + x, d2 <- w d2 + d1^2 / 2, and the drive is w d2.
    net = NoiseDriven("relu", 1, 1, 1, bias=True)
    with torch.no_grad():
        net.recurrent.weight.fill_(0.5)
        net.recurrent.bias.fill_(100.0)
        net.noise.weight.fill_(1.0)
    trials = torch.tensor([[[1.0], [2.0]], [[0.0], [2.0]]])
    noise = torch.zeros(1, 3, 1)
    # First trial: d1 = 1, d2 = .5; then d1 = 2.5, d2 = .25 + 3.125. Second: d1 = 2, d2 = 2.
    wanted = math.sqrt(0.5 * (3.375 + 2) / 2)
    assert second_order(net, torch.ones(1, 1), noise, trials)[0] == pytest.approx(wanted)
    # A unit that is off has none.
    with torch.no_grad():
        net.recurrent.bias.fill_(-100.0)
    assert second_order(net, torch.ones(1, 1), noise, trials)[0] == 0


def test_gated_cells_evolve_without_second_order_term() -> None:
    torch.manual_seed(0)
    net = NoiseDriven("gru", 2, 3, 2)
    table, terms = evolution(net, [(0, net.state_dict())], (0, 1), seeded(), rng())
    assert np.isfinite(table["switching_rate"][0]) and np.isnan(terms).all()


def test_shown_updates_hold_the_ends_and_the_turn() -> None:
    updates = list(range(0, 801, 10))
    found = shown(updates, 240)
    assert found == [0, 120, 240, 430, 610, 800]
    assert shown(updates, float("nan")) == [0, 160, 320, 480, 640, 800]
    assert shown([0, 5], 5) == [0, 5]


def test_trajectories_are_on_the_same_noise() -> None:
    net = turner(0.95, 12.0, 1e3)
    weights = [(i, net.state_dict()) for i in range(3)]
    table = trajectories(net, weights, [0, 2], (0, 1), seeded())
    first, second = (part for _, part in table.groupby("update"))
    assert len(first) == 700 and table["update"].unique().tolist() == [0, 2]
    np.testing.assert_array_equal(first[["pc1", "pc2"]], second[["pc1", "pc2"]])
    assert trajectories(net, [], [0], (0, 1), seeded()).empty


def test_loading_leaves_the_network_as_it_was() -> None:
    net = turner(0.5, 0, 1.0)
    before = net.recurrent.weight.clone()
    for update, then in loaded(net, [(3, turner(0.9, 90, 1.0).state_dict())]):
        assert update == 3 and not torch.equal(then.recurrent.weight, before)
    assert torch.equal(net.recurrent.weight, before)
    assert WARM_UP > 10
