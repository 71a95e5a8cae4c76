"""Orbits in closed form, and contours of clouds whose distribution is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.emulation.analysis.orbits import (
    OrbitSettings,
    contour,
    plane,
    radius,
    sizes,
    summary,
)
from hmmlens.emulation.analysis.rotation import best_rotation, oriented, rotation
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def circle(period: float, n_runs: int = 8, n_steps: int = 200, size: float = 1.0) -> np.ndarray:
    phase = np.linspace(0, 2 * np.pi, n_runs, endpoint=False)[:, None]
    angle = phase + 2 * np.pi * np.arange(n_steps) / period
    return size * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


@pytest.mark.parametrize("way", [1, -1])
def test_circle_turns_one_way(way: int) -> None:
    found = rotation(circle(way * 25), rng())
    assert found.consistency.value == pytest.approx(way)
    assert found.turns.value == pytest.approx(way * 4)
    # All runs are the same but for their phase, so there is nothing to be unsure of.
    assert found.turns.low == pytest.approx(found.turns.high)


def test_to_and_fro_does_not_turn() -> None:
    # An arc of a circle, run through forward and back.
    angle = np.pi / 2 * np.sin(2 * np.pi * np.arange(400) / 40)
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None].repeat(3, axis=0)
    found = rotation(arc, rng())
    assert abs(found.consistency.value) < 0.02 and abs(found.turns.value) < 0.02


def test_interval_of_noise_contains_no_rotation() -> None:
    found = rotation(rng().normal(size=(40, 200, 2)), rng())
    assert found.consistency.low < 0 < found.consistency.high
    assert found.consistency.high - found.consistency.low < 0.1


def test_large_orbits_outweigh_small_ones() -> None:
    # Half of the runs turn one way on a circle of 3, half the other way on one of 1: 9 to 1.
    both = np.concatenate([circle(25, size=3.0), circle(-25)])
    assert rotation(both, rng()).consistency.value == pytest.approx(0.8)
    assert rotation(both, rng()).turns.value == pytest.approx(0)


def test_direction_is_called_positive() -> None:
    found = oriented(rotation(circle(-25) + 0.01 * rng().normal(size=(8, 200, 2)), rng()))
    assert found.consistency.low <= found.consistency.value <= found.consistency.high
    assert found.consistency.value > 0.9 and found.turns.value == pytest.approx(4, rel=0.01)


def test_rotation_behind_larger_components_is_found_and_noise_has_none() -> None:
    noise = rng().normal(size=(40, 200, 5)) * [1.5, 1, 0, 0, 0.5]
    # It turns in the fourth and third, from the third's point of view backwards.
    noise[..., [3, 2]] += circle(25, 40)
    assert abs(rotation(noise, rng()).consistency.value) < 0.05
    found = best_rotation(noise, rng())
    assert found.consistency.value > 0.8 and found.turns.value == pytest.approx(4, rel=0.1)
    # In noise it is called one, in either direction, as often as its interval may err: 2 of 40
    # are expected, and more than 6 come with a chance of 1 in 300.
    called = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        none = best_rotation(draw.normal(size=(60, 40, 4)), draw).consistency
        called += not none.low < 0 < none.high
    assert called <= 6


def test_summary_of_a_tilted_ellipse() -> None:
    basis, _ = np.linalg.qr(rng().normal(size=(5, 2)))
    ellipse = circle(20) * [4.0, 2.0]
    table, axes = summary(ellipse @ basis.T + 7.0, rng(), OrbitSettings(n_components=3))
    value = table.set_index("measure")["value"]
    # Variances of 8 and 2, and root mean square radius sqrt(10).
    assert value["pc1"] == pytest.approx(0.8) and value["pc2"] == pytest.approx(0.2)
    assert value["pc3"] == pytest.approx(0, abs=1e-12)
    assert value["radius"] == pytest.approx(10**0.5)
    assert abs(value["rotation"]) == pytest.approx(1)
    np.testing.assert_allclose(abs(axes.components_[:2] @ basis), np.eye(2), atol=1e-6)


def network(cell: str) -> NoiseDriven:
    torch.manual_seed(0)
    net = NoiseDriven(cell, 10, 20, 3)
    with torch.no_grad():
        net.recurrent.weight.mul_(1.5)
    return net


def test_size_is_proportional_to_noise_in_relu_and_saturates_in_tanh() -> None:
    straight = sizes(
        network("relu"),
        torch.Generator().manual_seed(0),
        rng(),
        OrbitSettings(n_runs=4, n_steps=100),
    )
    np.testing.assert_allclose(straight["radius_per_sd"], straight["radius_per_sd"][2], rtol=1e-4)
    np.testing.assert_allclose(straight["rotation"], straight["rotation"][2], atol=1e-4)
    bent = sizes(
        network("tanh"),
        torch.Generator().manual_seed(0),
        rng(),
        OrbitSettings(n_runs=4, n_steps=100),
    )
    per_sd = bent["radius_per_sd"].to_numpy()
    assert (np.diff(per_sd) < 0).all() and per_sd[-1] < 0.6 * per_sd[0]
    assert (bent["low"] < bent["radius"]).all() and (bent["radius"] < bent["high"]).all()
    with pytest.raises(DataError, match="no size of the noise"):
        sizes(network("relu"), torch.Generator(), rng(), OrbitSettings(noise_sds=()))


def test_size_of_a_network_that_diverges() -> None:
    """A biased network that is stable on weak noise and runs away on strong noise."""
    net = NoiseDriven("relu", 1, 1, 2, bias=True)
    with torch.no_grad():
        # h' = relu(2 h + x - 6) grows for ever from above 6, which takes x of about 7 or above.
        net.recurrent.weight.fill_(2.0)
        net.recurrent.bias.fill_(-6.0)
        net.noise.weight.fill_(5.0)
        net.out.weight.fill_(1.0)
    with pytest.raises(DataError, match="diverges on noise"):
        sizes(
            net,
            torch.Generator().manual_seed(0),
            rng(),
            OrbitSettings(noise_sds=(1.0,), n_runs=2, n_steps=200),
        )
    torch.manual_seed(0)
    net = NoiseDriven("relu", 2, 2, 2, bias=True)
    with torch.no_grad():
        net.recurrent.weight.copy_(2 * torch.eye(2))
        net.recurrent.bias.fill_(-6.0)
        net.noise.weight.copy_(3 * torch.eye(2))
    table = sizes(
        net,
        torch.Generator().manual_seed(0),
        rng(),
        OrbitSettings(noise_sds=(1.0, 8.0), n_runs=2, n_steps=150),
    )
    assert np.isfinite(table["radius"][0]) and np.isnan(table["radius"][1])


def test_radius_interval_is_over_runs() -> None:
    # Runs at distances 1 and 3 from their common mean.
    scores = np.array([[[1.0, 0], [-1, 0]], [[0, 3.0], [0, -3]]])
    found = radius(scores, rng())
    assert found.value == pytest.approx(5**0.5)
    assert found.low == pytest.approx(1) and found.high == pytest.approx(3)


def test_contour_of_a_gaussian_holds_its_share() -> None:
    points = rng().normal(size=(40, 500, 2)) * [3.0, 0.5] + [10, -2]
    found = contour(points)
    assert found.density.sum() == pytest.approx(1)
    inside = found.density >= found.level
    # The ellipse at chi2 = 5.99, wider by the smoothing: area pi 5.99 3 .5 (1 + n^(-1/3)).
    area = inside.sum() * np.diff(found.x)[0] * np.diff(found.y)[0]
    assert area == pytest.approx(np.pi * 5.991 * 1.5 * (1 + 20000 ** (-1 / 3)), rel=0.05)
    flat = points.reshape(-1, 2)
    i = np.searchsorted((found.x[1:] + found.x[:-1]) / 2, flat[:, 0])
    j = np.searchsorted((found.y[1:] + found.y[:-1]) / 2, flat[:, 1])
    assert inside[i, j].mean() == pytest.approx(0.95, abs=0.01)
    # Long axis along x.
    assert inside.any(axis=1).sum() * np.diff(found.x)[0] == pytest.approx(2 * 3 * 2.45, rel=0.1)


def test_contour_needs_a_plane() -> None:
    with pytest.raises(DataError, match="do not move"):
        contour(np.stack([np.arange(10.0), np.zeros(10)], axis=-1))


def test_plane_centres_and_orders() -> None:
    states = np.zeros((2, 2, 3))
    states[..., 1] = [[1, -1], [1, -1]]
    axes = plane(states + 5)
    np.testing.assert_allclose(axes.mean_, [5, 5, 5])
    np.testing.assert_allclose(np.abs(axes.components_[0]), [0, 1, 0], atol=1e-12)
