"""Tasks without states: their moments, their targets, and what no predictor can beat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from hmmlens.datasets.synthetic import continua
from hmmlens.datasets.synthetic.continua import TASKS, floor_mse


def sample(law: str, n: int = 2000, steps: int = 60) -> tuple[np.ndarray, np.ndarray]:
    return TASKS[law].sample(n, steps, np.random.default_rng(7))


@pytest.mark.parametrize("law", TASKS)
def test_shapes_fit_the_names(law: str) -> None:
    inputs, target = sample(law, 5, 9)
    assert inputs.shape == (5, 9, len(TASKS[law].feature_names))
    assert target.shape == (5, 9, len(TASKS[law].target_names))
    one, two = (TASKS[law].sample(5, 9, np.random.default_rng(s)) for s in (7, 8))
    np.testing.assert_array_equal(one[0], inputs)
    assert not np.array_equal(one[0], two[0])


@pytest.mark.parametrize("law", ["ar1", "var2", "ring", "ring2"])
def test_what_is_watched_is_to_be_predicted(law: str) -> None:
    inputs, target = sample(law, 20, 9)
    np.testing.assert_array_equal(inputs[:, 1:], target[:, :-1])
    assert TASKS[law].target_delay == 1


@pytest.mark.parametrize("law", ["ar1", "var2"])
def test_linear_processes_are_stationary_with_their_covariances(law: str) -> None:
    inputs, _ = sample(law, 20000, 12)
    if law == "ar1":
        transition = np.array([[continua.AR1]])
    else:
        c, s = np.cos(continua.VAR2_ANGLE), np.sin(continua.VAR2_ANGLE)
        transition = continua.VAR2 * np.array([[c, -s], [s, c]])
    d = len(transition)
    for t, lag in ((0, 0), (6, 0), (11, 0), (0, 1), (3, 5)):
        # Cov(x_{t+lag}, x_t) = A^lag, and the noise of watching adds to lag 0.
        wanted = np.linalg.matrix_power(transition, lag)
        wanted = wanted + continua.LINEAR_NOISE**2 * np.eye(d) * (lag == 0)
        found = inputs[:, t + lag].T @ inputs[:, t] / len(inputs)
        # The variance of a product of two such Gaussians is at most 2 * 1.09**2.
        assert np.all(abs(found - wanted) < 5 * 1.09 * np.sqrt(2 / len(inputs)))


@pytest.mark.parametrize("law", ["ar1", "var2"])
def test_floor_tends_to_that_of_the_riccati_equation(law: str) -> None:
    if law == "ar1":
        a = np.array([[continua.AR1]])
    else:
        c, s = np.cos(continua.VAR2_ANGLE), np.sin(continua.VAR2_ANGLE)
        a = continua.VAR2 * np.array([[c, -s], [s, c]])
    d = len(a)
    noise = continua.LINEAR_NOISE**2 * np.eye(d)
    p = solve_discrete_are(a.T, np.eye(d), np.eye(d) - a @ a.T, noise)
    wanted = np.trace(p + noise) / d
    total = [n * (floor_mse(law, n) or 0) for n in (1000, 1001)]
    assert total[1] - total[0] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("law", ["ar1", "var2"])
def test_best_linear_predictor_reaches_the_floor_and_no_further(law: str) -> None:
    steps = 6
    inputs, target = sample(law, 40000, steps)
    errors = np.empty((len(inputs) // 2, steps))
    for t in range(steps):
        past = inputs[:, : t + 1].reshape(len(inputs), -1)
        half = len(inputs) // 2
        weights, *_ = np.linalg.lstsq(past[:half], target[:half, t], rcond=None)
        errors[:, t] = ((past[half:] @ weights - target[half:, t]) ** 2).mean(axis=1)
    by_sequence = errors.mean(axis=1)
    limit = 5 * by_sequence.std() / np.sqrt(len(by_sequence))
    # Fitting up to 12 weights to 20000 sequences costs less than a thousandth.
    assert abs(by_sequence.mean() - (floor_mse(law, steps) or 0)) < limit + 1e-3


@pytest.mark.parametrize(("law", "drift"), [("ring", 0.0), ("ring2", continua.RING2_DRIFT)])
def test_rings_turn_as_they_should(law: str, drift: float) -> None:
    inputs, target = sample(law, 4000, 20)
    radius = np.hypot(*np.moveaxis(inputs, -1, 0))
    # A point of radius 1 plus noise: the mean square radius is 1 + 2 sd**2.
    assert (radius**2).mean() == pytest.approx(1 + 2 * continua.RING_NOISE**2, abs=0.01)
    # E of z' times the conjugate of z is exp(i drift - var / 2): the noise of watching drops out.
    now, then = (a[..., 0] + 1j * a[..., 1] for a in (inputs, target))
    product = (then * now.conj()).mean(axis=1)
    wanted = np.exp(1j * drift - continua.RING_TURN**2 / 2)
    limit = 5 * product.std() / np.sqrt(len(product))
    assert abs(product.mean() - wanted) < limit
    # No place on the ring is preferred.
    assert abs(now.mean()) < 5 / np.sqrt(len(now))
    assert floor_mse(law, 20) is None


def test_integrator_holds_a_clipped_sum() -> None:
    inputs, target = sample("integrator", 20, 200)
    for pushes, held in zip(inputs[..., 0], target[..., 0], strict=True):
        value = 0.0
        for push, found in zip(pushes, held, strict=True):
            value = min(1.0, max(-1.0, value + push))
            assert found == pytest.approx(value)
    assert abs(target).max() == 1
    assert floor_mse("integrator", 200) == 0


def test_leaky_sums_are_geometric() -> None:
    inputs, target = sample("leaky", 2000, 50)
    weights = np.array(continua.LEAKY)[None] ** np.arange(49, -1, -1)[:, None]
    np.testing.assert_allclose(target[:, -1], (inputs * weights).sum(axis=1), atol=1e-12)
    wanted = 1 - np.array(continua.LEAKY) ** 100
    np.testing.assert_allclose(target[:, -1].var(axis=0), wanted, atol=5 * np.sqrt(2 / 2000))


def test_head_direction_sums_turns_from_its_cue() -> None:
    inputs, target = sample("head_direction", 500, 30)
    start = np.arctan2(inputs[:, 0, 2], inputs[:, 0, 1])
    angle = start[:, None] + inputs[..., 0].cumsum(axis=1)
    np.testing.assert_allclose(target, np.stack([np.cos(angle), np.sin(angle)], -1), atol=1e-12)
    assert not inputs[:, 1:, 1:].any()
    assert not inputs[:, 0, 0].any()
    one, two = inputs[:, 10:-1, 0].ravel(), inputs[:, 11:, 0].ravel()
    assert np.corrcoef(one, two)[0, 1] == pytest.approx(continua.HEAD_CARRY, abs=0.05)
