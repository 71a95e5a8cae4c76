"""Predict the next value of processes without discrete states.

``ar1``, ``var2`` and ``ring`` are those of :mod:`hmmlens.datasets.synthetic.continua`.
"""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic import continua
from hmmlens.datasets.synthetic.tasks.base import Sample, Sampler, task
from hmmlens.typing import Floats

#: Standard deviation of the noise of observations.
NOISE = 0.1

#: Coefficients of ar3: a damped rotation and a slow decay.
AR3 = (2.6, -2.39, 0.776)

#: Turns of the walks on a circle, a torus and a sphere (radian per step); drifts of the torus.
TURN, TORUS_DRIFTS = 0.15, (0.25, -0.4)
#: Probability of a jump of the walk on a circle.
JUMP = 0.05

#: Time step of the pendulum and of Lorenz's system, and integration steps in it.
PENDULUM_STEP, LORENZ_STEP, N_SUBSTEPS = 0.4, 0.08, 4

#: Hurst exponent of the fractional noise.
HURST = 0.85


def _continuum(name: str) -> Sampler:
    """Return the sampler of a process of ``continua``."""
    source = continua.TASKS[name]

    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
        inputs, target = source.sample(n_sequences, n_steps, rng)
        return Sample(inputs, target, floor=continua.floor_mse(name, n_steps))

    return sample


def _ahead(seen: Floats) -> Sample:
    """Return the task to predict observations (sequence, time + 1, feature)."""
    return Sample(seen[:, :-1], seen[:, 1:], floor=None)


def _noisy(values: Floats, rng: np.random.Generator) -> Floats:
    return values + NOISE * rng.normal(size=values.shape)


def _circle(angle: Floats) -> Floats:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


task(
    "ar1",
    "continuum",
    "fixing",
    "Predict the next value of a linear process of order 1, seen with noise.",
    memory="fading",
    target_delay=1,
)(_continuum("ar1"))

task(
    "var2",
    "continuum",
    "fixing",
    "Predict the next point of a damped noisy rotation, seen with noise.",
    memory="fading",
    target_delay=1,
)(_continuum("var2"))

task(
    "ring",
    "continuum",
    "fixing",
    "Predict the next point of a walk on a circle, seen with noise.",
    memory="fading",
    target_delay=1,
)(_continuum("ring"))


@task(
    "ring_jumps",
    "continuum",
    "fixing",
    "Predict the next point of a walk on a circle that jumps now and then, seen with noise.",
    memory="fading",
    target_delay=1,
)
def _ring_jumps(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    turns = TURN * rng.normal(size=(n_sequences, n_steps + 1))
    anywhere = rng.uniform(0, 2 * np.pi, size=turns.shape)
    jumps = rng.random(turns.shape) < JUMP
    jumps[:, 0] = True
    angle = np.where(jumps, anywhere, turns).cumsum(axis=1)
    return _ahead(_noisy(_circle(angle), rng))


@task(
    "ar3",
    "continuum",
    "reporting",
    "Predict the next value of a linear process of order 3.",
    memory="recent",
    target_delay=1,
)
def _ar3(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    burn_in = 200
    x = rng.normal(size=(n_sequences, burn_in + n_steps + 1))
    for t in range(3, x.shape[1]):
        x[:, t] += x[:, t - 3 : t][:, ::-1] @ np.array(AR3)
    x = x[:, burn_in:]
    scale = float(x.std())
    return _ahead((x / scale)[..., None])._replace(floor=1 / scale**2)


@task(
    "sphere",
    "continuum",
    "reporting",
    "Predict the next point of a walk on a sphere, seen with noise.",
    memory="fading",
    target_delay=1,
)
def _sphere(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    steps = rng.normal(size=(n_sequences, n_steps + 1, 3))
    points = steps.copy()
    points[:, 0] /= np.linalg.norm(points[:, 0], axis=1, keepdims=True)
    for t in range(1, n_steps + 1):
        moved = points[:, t - 1] + TURN * steps[:, t]
        points[:, t] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return _ahead(_noisy(points, rng))


@task(
    "torus",
    "continuum",
    "reporting",
    "Predict the next point of two rotations of different speeds, seen with noise.",
    memory="fading",
    target_delay=1,
)
def _torus(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    turns = TURN * rng.normal(size=(n_sequences, n_steps + 1, 2)) + np.array(TORUS_DRIFTS)
    turns[:, 0] = rng.uniform(0, 2 * np.pi, size=(n_sequences, 2))
    points = _circle(turns.cumsum(axis=1)).reshape(n_sequences, n_steps + 1, 4)
    return _ahead(_noisy(points, rng))


@task(
    "pendulum",
    "continuum",
    "reporting",
    "Predict the next position of a pendulum, whose velocity is not seen.",
    memory="held",
    target_delay=1,
)
def _pendulum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    angle = rng.uniform(-2.5, 2.5, size=n_sequences)
    velocity = np.zeros(n_sequences)
    wait = rng.integers(0, 20, size=n_sequences)
    dt = PENDULUM_STEP / N_SUBSTEPS
    path = np.empty((n_sequences, n_steps + 21))
    for t in range(path.shape[1]):
        path[:, t] = np.sin(angle)
        for _ in range(N_SUBSTEPS):
            velocity = velocity - dt * np.sin(angle)
            angle = angle + dt * velocity
    at = wait[:, None] + np.arange(n_steps + 1)
    return _ahead(_noisy(np.take_along_axis(path, at, axis=1)[..., None], rng))


@task(
    "lorenz",
    "continuum",
    "reporting",
    "Predict the next point of Lorenz's system.",
    memory="recent",
    target_delay=1,
)
def _lorenz(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    point = np.array([0.0, 0.0, 25.0]) + rng.normal(size=(n_sequences, 3))
    burn_in, path = 60, np.empty((n_sequences, n_steps + 61, 3))
    for t in range(path.shape[1]):
        path[:, t] = point
        for _ in range(N_SUBSTEPS):
            point = _runge_kutta(point, LORENZ_STEP / N_SUBSTEPS)
    scaled = (path[:, burn_in:] - np.array([0.0, 0.0, 23.5])) / np.array([8.0, 9.0, 8.6])
    # One coordinate alone is seen, so that two others must be found from the past.
    return _ahead(scaled[..., :1])._replace(floor=0.0)


def _runge_kutta(point: Floats, dt: float) -> Floats:
    """Return points (sequence, 3) of Lorenz's system a step later."""

    def slope(p: Floats) -> Floats:
        x, y, z = p.T
        return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)

    first = slope(point)
    second = slope(point + dt / 2 * first)
    third = slope(point + dt / 2 * second)
    fourth = slope(point + dt * third)
    moved: Floats = point + dt / 6 * (first + 2 * second + 2 * third + fourth)
    return moved


@task(
    "fractional_noise",
    "continuum",
    "reporting",
    "Predict the next value of fractional Gaussian noise, whose memory falls by a power.",
    memory="fading",
    target_delay=1,
)
def _fractional_noise(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    lags = np.arange(n_steps + 1)
    double = 2 * HURST
    covariance = 0.5 * ((lags + 1.0) ** double - 2.0 * lags**double + abs(lags - 1.0) ** double)
    factor = np.linalg.cholesky(covariance[abs(lags[:, None] - lags)])
    values = rng.normal(size=(n_sequences, n_steps + 1)) @ factor.T
    # The diagonal holds the standard deviation of each value given those before it.
    floor = float((np.diag(factor)[1:] ** 2).mean())
    return Sample(values[:, :-1, None], values[:, 1:, None], floor=floor)
