"""The linear baseline is perfect on linear systems, and poor at memories."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from hmmlens.validation.baselines.linear import fidelity_curve


def split(n: int, t: int) -> tuple[np.ndarray, np.ndarray]:
    train = np.zeros((n, t), dtype=bool)
    train[: n // 2] = True
    return train, ~train


def test_linear_system_is_perfect_at_every_step() -> None:
    rng = np.random.default_rng(0)
    inputs, z = rng.normal(size=(20, 40, 1)), np.zeros((20, 40, 2))
    move = np.array([[0.9, -0.2], [0.1, 0.8]])
    for t in range(1, 40):
        z[:, t] = z[:, t - 1] @ move + inputs[:, t] * [1.0, 0.5] + 0.3
    distribution = z @ np.array([[1.0], [2]]) - 1
    train, test = split(20, 40)
    found = fidelity_curve(
        z, inputs, distribution, train, test, distribution[train].mean(axis=0), 5
    )
    np.testing.assert_allclose(found, 1, atol=1e-8)


def test_curve_equals_a_slow_loop_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    z, inputs = rng.normal(size=(6, 12, 2)), rng.normal(size=(6, 12, 1))
    distribution = np.tanh(z) + 0.1 * rng.normal(size=z.shape)
    train, test = split(6, 12)
    average = distribution[train].mean(axis=0)
    found = fidelity_curve(z, inputs, distribution, train, test, average, 2)
    before = np.concatenate([z[:3, :-1], inputs[:3, 1:]], axis=2).reshape(-1, 3)
    move = LinearRegression().fit(before, z[:3, 1:].reshape(-1, 2))
    read = LinearRegression().fit(z[:3].reshape(-1, 2), distribution[:3].reshape(-1, 2))
    for h in range(3):
        predicted, wanted = [], []
        for n in range(3, 6):
            for t in range(2, 12):
                at = z[n, t - h]
                for step in range(t - h + 1, t + 1):
                    at = move.predict(np.r_[at, inputs[n, step]][None])[0]
                predicted.append(read.predict(at[None])[0])
                wanted.append(distribution[n, t])
        worst = ((np.array(wanted) - average) ** 2).mean()
        slow = 1 - ((np.array(wanted) - predicted) ** 2).mean() / worst
        np.testing.assert_allclose(found[h], slow, atol=1e-10)
    assert r2_score(np.array(wanted), np.array(predicted)) < 0.5


def test_toggle_is_beyond_it() -> None:
    pulses = (np.random.default_rng(2).random((40, 80, 1)) < 0.2).astype(float)
    distribution = 2 * (pulses.cumsum(axis=1) % 2) - 1
    train, test = split(40, 80)
    found = fidelity_curve(
        distribution, pulses, distribution, train, test, distribution[train].mean(axis=0), 5
    )
    assert found[0] > 0.999 and found[5] < 0.3
