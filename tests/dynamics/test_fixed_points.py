"""Networks that were built to have known fixed points, with spectra known on paper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize_scalar

from hmmlens.dynamics.fixed_points import decay, find, table
from hmmlens.dynamics.rollouts import drive
from hmmlens.rnn.noise_driven import NoiseDriven

CLOSE = 1e-6


def build(cell: str, weight: np.ndarray, leak: float = 1.0, bias: float = 0.0) -> NoiseDriven:
    """Return a network with these recurrent weights and one bias for all units."""
    net = NoiseDriven(cell, 2, len(weight), 2, bias=bool(bias), leak=leak).double()
    with torch.no_grad():
        net.recurrent.weight.copy_(torch.as_tensor(weight))
        if bias:
            net.recurrent.bias.fill_(bias)
    return net


def starts(n: int, size: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("leak", [1.0, 0.4])
def test_bistable_unit(leak: float) -> None:
    net = build("tanh", np.array([[2.0]]), leak)
    high = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1, xtol=1e-14)
    found = find(net, starts(60, 1))
    assert found.fixed.all() and found.n_starts.sum() + found.n_lost == 60
    order = found.entries[:, 0].argsort()
    np.testing.assert_allclose(found.entries[order, 0], [-high, 0, high], atol=CLOSE)
    at = np.array([-high, 0, high])
    wanted = 1 - leak + leak * 2 * (1 - np.tanh(2 * at) ** 2)
    np.testing.assert_allclose(found.eigenvalues[order, 0], wanted, atol=CLOSE)
    assert table(found)["n_unstable"].to_numpy()[order].tolist() == [0, 1, 0]


def test_flip_flop_of_saturating_units() -> None:
    """Two bits, each held by ten units that excite one another equally."""
    n, gain = 10, 2.5
    weight = np.kron(np.eye(2), np.full((n, n), gain / n))
    net = build("tanh", weight)
    high = brentq(lambda h: np.tanh(gain * h) - h, 0.5, 1, xtol=1e-14)
    found = find(net, starts(300, 2 * n))
    bits = found.entries.reshape(-1, 2, n)
    # Units of a bit agree, and every pair of levels is there once.
    np.testing.assert_allclose(np.ptp(bits, axis=2), 0, atol=CLOSE)
    levels = bits.mean(axis=2)
    wanted = np.array(list(itertools.product([-high, 0, high], repeat=2)))
    distance = np.linalg.norm(wanted[:, None] - levels[None], axis=2)
    assert len(levels) == 9 and distance.min(axis=1).max() < CLOSE
    for level, values in zip(levels, found.eigenvalues, strict=True):
        # gain (1 - h^2) for each bit, and no other eigenvalue that is not 0.
        expected = np.r_[np.zeros(2 * n - 2), gain * (1 - level**2)]
        np.testing.assert_allclose(np.sort(np.abs(values)), np.sort(expected), atol=CLOSE)
    stable = (np.abs(levels) > 0.5).sum(axis=1)
    np.testing.assert_array_equal(table(found)["n_unstable"], 2 - stable)


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_planted_line_attractor(leak: float) -> None:
    """Every positive multiple of u is fixed; what is off the line shrinks by .6 and .3."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(np.c_[np.ones(6) + 0.2 * rng.random(6), rng.normal(size=(6, 5))])
    u = basis[:, 0] * np.sign(basis[0, 0])
    weight = np.outer(u, u) + 0.6 * np.outer(basis[:, 1], basis[:, 1])
    weight += 0.3 * np.outer(basis[:, 2], basis[:, 2])
    net = build("relu", weight, leak)
    entries = torch.as_tensor(2 + rng.random((50, 1)) * u + 0.1 * rng.normal(size=(50, 6)))
    found = find(net, entries)
    assert found.fixed.all() and found.n_lost == 0
    along = found.entries @ u
    # On the line, and not all at one place.
    np.testing.assert_allclose(found.entries, along[:, None] * u, atol=CLOSE)
    assert len(along) > 10 and np.ptp(along) > 0.5
    expected = 1 - leak + leak * np.array([0, 0, 0, 0.3, 0.6, 1])
    for values in found.eigenvalues:
        np.testing.assert_allclose(np.sort(values.real), np.sort(expected), atol=CLOSE)
        np.testing.assert_allclose(values.imag, 0, atol=CLOSE)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gated_cells_at_zero(cell: str) -> None:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 2, 5, 2).double()
    weight = net.gates.weight_hh.detach().numpy()
    zero, eye = np.zeros((1, 5)), np.eye(5)
    if cell == "gru":
        # Gates at .5: h' = h / 2 + tanh(W_n h / 2) / 2.
        jacobian = 0.25 * weight[10:] + 0.5 * eye
    else:
        # Gates at .5: c' = c / 2 + tanh(W_g h) / 2 and h' = tanh(c') / 2.
        candidate, zero = weight[10:15], np.zeros((1, 10))
        jacobian = np.block([[0.25 * candidate, 0.25 * eye], [0.5 * candidate, 0.5 * eye]])
    found = find(net, starts(20, zero.shape[1], scale=0.3))
    assert found.fixed.tolist() == [True]
    np.testing.assert_allclose(found.entries, zero, atol=CLOSE)
    wanted = np.linalg.eigvals(jacobian)
    np.testing.assert_allclose(
        np.sort_complex(found.eigenvalues[0].round(9)), np.sort_complex(wanted.round(9)), atol=CLOSE
    )


def test_slow_point_past_a_saddle_node() -> None:
    """The unit drifts past where two fixed points have just gone; the rest of its way is fast."""
    weight, bias = 2.0, 0.56
    net = build("tanh", np.array([[weight]]), bias=bias)

    def speed(h: float) -> float:
        return abs(float(np.tanh(weight * h + bias)) - h)

    ghost = minimize_scalar(speed, bounds=(-1, -0.3), method="bounded", options={"xatol": 1e-10})
    found = find(net, starts(60, 1))
    assert found.fixed.tolist() == [True, False]
    assert found.entries[1, 0] == pytest.approx(ghost.x, abs=1e-5)
    assert found.speed[1] == pytest.approx(ghost.fun, abs=1e-9)
    # Further past it, the way is no longer slow and its starts are counted in n_lost.
    quick = find(build("tanh", np.array([[weight]]), bias=1.5), starts(60, 1))
    assert quick.fixed.tolist() == [True]


def test_relu_without_biases_decays_to_zero() -> None:
    torch.manual_seed(1)
    net = NoiseDriven("relu", 10, 30, 3)
    visited = drive(net, 20, 1, torch.Generator().manual_seed(0)).states[:, 0]
    found = find(net, visited)
    assert found.fixed.tolist() == [True] and found.n_kinks.tolist() == [30]
    np.testing.assert_allclose(found.entries, 0, atol=CLOSE)
    end = decay(net, visited, found)
    assert end is not None and (end.nearest == 0).all()
    assert end.distance.max() < CLOSE and end.factor.max() < 1


def test_decay_sees_states_that_do_not_settle() -> None:
    """A unit that changes sign at every step has a fixed point, and never comes to it."""
    net = build("tanh", np.array([[-2.0]]))
    found = find(net, starts(30, 1))
    assert found.fixed.tolist() == [True]
    end = decay(net, starts(30, 1), found)
    high = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1, xtol=1e-14)
    assert end is not None
    np.testing.assert_allclose(end.distance * found.scale, high, atol=CLOSE)
    # And one that is unstable is left, not reached.
    away = decay(build("tanh", np.array([[2.0]])), starts(30, 1), found)
    assert away is not None and away.distance.min() > 0.5


def test_decay_needs_a_fixed_point() -> None:
    found = find(build("tanh", np.array([[2.0]])), starts(10, 1))
    none = found._replace(fixed=np.zeros_like(found.fixed))
    assert decay(build("tanh", np.array([[2.0]])), starts(10, 1), none) is None
