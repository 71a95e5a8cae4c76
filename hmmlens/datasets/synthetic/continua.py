"""Tasks without discrete states: linear processes, rings and integrators.

Processes that are observed (``ar1``, ``var2``, ``ring``, ``ring2``) are to be predicted one step
ahead from noisy observations; the others are to be computed from an input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmlens.typing import Floats

Sampler = Callable[[int, int, np.random.Generator], tuple[Floats, Floats]]

#: Standard deviation of the noise of observations.
LINEAR_NOISE, RING_NOISE = 0.3, 0.1

#: Coefficient of ar1; modulus and angle (radian) of the damped rotation var2.
AR1, VAR2, VAR2_ANGLE = 0.95, 0.95, 2 * np.pi / 24

#: Per step: the random part of both rings' turns, and the even part of ring2's (radian).
RING_TURN, RING2_DRIFT = 0.15, 2 * np.pi / 24

#: Input of the integrator; coefficients of the two leaky integrators.
INTEGRATOR_STEP, LEAKY = 0.2, (0.9, 0.95)

#: Turns of the head: standard deviation (radian per step) and how much of a turn carries over.
HEAD_TURN, HEAD_CARRY = 0.15, 0.7


class Task(NamedTuple):
    """A task: how it is sampled, and what it is.

    Attributes
    ----------
    sample : callable
        Takes the numbers of sequences and steps and a generator, and returns input and target, each
        (sequence, time, feature).
    task : str
        What the network does, for reports.
    feature_names : tuple of str
        Names of the inputs.
    target_names : tuple of str
        Names of the targets.
    target_delay : int
        Steps from an input to its target.
    """

    sample: Sampler
    task: str
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    target_delay: int


def _linear(transition: Floats) -> Sampler:
    """Return the sampler of x' = A x + noise, every component of variance 1, observed with noise.

    A is a number times a rotation, so that noise of equal variances keeps them equal.
    """
    rest = np.sqrt(1 - np.linalg.norm(transition, 2) ** 2)

    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        d = len(transition)
        x = rng.normal(size=(n_sequences, n_steps + 1, d))
        for t in range(1, n_steps + 1):
            x[:, t] = x[:, t - 1] @ transition.T + rest * x[:, t]
        seen = x + LINEAR_NOISE * rng.normal(size=x.shape)
        return seen[:, :-1], seen[:, 1:]

    return sample


def _ring(drift: float) -> Sampler:
    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        turns = drift + RING_TURN * rng.normal(size=(n_sequences, n_steps + 1))
        turns[:, 0] = rng.uniform(0, 2 * np.pi, size=n_sequences)
        seen = _on_circle(turns.cumsum(axis=1))
        seen += RING_NOISE * rng.normal(size=seen.shape)
        return seen[:, :-1], seen[:, 1:]

    return sample


def _integrator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    pushes = INTEGRATOR_STEP * rng.normal(size=(n_sequences, n_steps, 1))
    held = np.zeros_like(pushes)
    value = np.zeros((n_sequences, 1))
    for t in range(n_steps):
        value = np.clip(value + pushes[:, t], -1, 1)
        held[:, t] = value
    return pushes, held


def _leaky(n_sequences: int, n_steps: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    keep = np.array(LEAKY)
    pushes = rng.normal(size=(n_sequences, n_steps, 2)) * np.sqrt(1 - keep**2)
    held = pushes.copy()
    for t in range(1, n_steps):
        held[:, t] += keep * held[:, t - 1]
    return pushes, held


def _head_direction(
    n_sequences: int, n_steps: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    turns = HEAD_TURN * rng.normal(size=(n_sequences, n_steps))
    for t in range(1, n_steps):
        turns[:, t] = HEAD_CARRY * turns[:, t - 1] + np.sqrt(1 - HEAD_CARRY**2) * turns[:, t]
    start = rng.uniform(0, 2 * np.pi, size=n_sequences)
    turns[:, 0] = 0.0
    inputs = np.zeros((n_sequences, n_steps, 3))
    inputs[..., 0] = turns
    inputs[:, 0, 1:] = _on_circle(start)
    return inputs, _on_circle(start[:, None] + turns.cumsum(axis=1))


def _on_circle(angle: Floats) -> Floats:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _rotation(angle: float) -> Floats:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


_CIRCLE = ("cosine", "sine")

TASKS = {
    "ar1": Task(
        _linear(np.array([[AR1]])), "predict the next value of an AR(1)", ("x",), ("x",), 1
    ),
    "var2": Task(
        _linear(VAR2 * _rotation(VAR2_ANGLE)),
        "predict the next point of a damped noisy rotation",
        ("x", "y"),
        ("x", "y"),
        1,
    ),
    "ring": Task(_ring(0.0), "predict the next point of a walk on a circle", _CIRCLE, _CIRCLE, 1),
    "ring2": Task(
        _ring(RING2_DRIFT), "predict the next point of a noisy rotation", _CIRCLE, _CIRCLE, 1
    ),
    "integrator": Task(_integrator, "sum the input, held between -1 and 1", ("push",), ("sum",), 0),
    "leaky": Task(_leaky, "sum two inputs with leaks", ("push 1", "push 2"), ("sum 1", "sum 2"), 0),
    "head_direction": Task(
        _head_direction,
        "sum turns into a direction, told once at the start",
        ("turn", "cue cosine", "cue sine"),
        _CIRCLE,
        0,
    ),
}


def floor_mse(law: str, n_steps: int) -> float | None:
    """Return the least mean squared error per output feature of a task.

    It is 0 where the target follows from the input. For linear processes it is that of the Kalman
    filter
    over a sequence (Kalman 1960), whose components all follow the same scalar recursion.

    Parameters
    ----------
    law : str
        Name of the task, as in the config.
    n_steps : int
        Steps in a sequence.

    Returns
    -------
    float or None
        None where it is not known.
    """
    if TASKS[law].target_delay == 0:
        return 0.0
    if law not in ("ar1", "var2"):
        return None
    keep = (AR1 if law == "ar1" else VAR2) ** 2
    noise = LINEAR_NOISE**2
    variance, total = 1.0, 0.0
    for _ in range(n_steps):
        variance *= noise / (variance + noise)
        variance = keep * variance + 1 - keep
        total += variance + noise
    return total / n_steps
