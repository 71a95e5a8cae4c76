"""Sums of inputs without discrete states, and values that are held."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic import continua
from hmmlens.datasets.synthetic.tasks.base import Recipe, Sample, task
from hmmlens.typing import Bools, Floats, Int64s

#: Standard deviation of what is added in a step, and the probability of a reset or a new value.
PUSH, RESET = 0.2, 0.05

#: Drift of the evidence of a trial.
DRIFT = 0.08


def _pulses(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Bools:
    """Return resets (sequence, time), of which one is at the first step."""
    pulses: Bools = rng.random((n_sequences, n_steps)) < RESET
    pulses[:, 0] = True
    return pulses


def _sum(pushes: Floats, resets: Bools | None = None, bound: float = np.inf) -> Floats:
    """Return sums of pushes (sequence, time, ...), kept within a bound, from 0 after each reset."""
    held = np.zeros_like(pushes)
    value = np.zeros_like(pushes[:, 0])
    for t in range(pushes.shape[1]):
        if resets is not None:
            value[resets[:, t]] = 0.0
        value = np.clip(value + pushes[:, t], -bound, bound)
        held[:, t] = value
    return held


def _since(pulses: Bools) -> Int64s:
    """Return the step of the last pulse (sequence, time)."""
    steps = np.arange(pulses.shape[1])
    return np.maximum.accumulate(np.where(pulses, steps, 0), axis=1)


def _with_pulses(values: Floats, pulses: Bools) -> Floats:
    """Return values (sequence, time, feature) with a channel of pulses."""
    return np.concatenate([values, pulses[..., None].astype(np.float64)], axis=2)


@task("integrator", "continuum", "fixing", "Sum the input.")
def _integrator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes = PUSH * rng.normal(size=(n_sequences, n_steps, 1))
    return Sample(pushes, _sum(pushes))


@task("clipped_integrator", "continuum", "fixing", "Sum the input, between -1 and 1.")
def _clipped_integrator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    return Sample(*continua.TASKS["integrator"].sample(n_sequences, n_steps, rng))


@task(
    "leaky",
    "continuum",
    "fixing",
    "Sum two inputs with leaks of ten and of twenty steps.",
    memory="fading",
)
def _leaky(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    return Sample(*continua.TASKS["leaky"].sample(n_sequences, n_steps, rng))


@task(
    "rounded_integrator",
    "continuum",
    "fixing",
    "Sum the input between -1 and 1, and emit the nearest of five levels.",
    recipe=Recipe(n_sequences=2000),
)
def _rounded_integrator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes, held = continua.TASKS["integrator"].sample(n_sequences, n_steps, rng)
    return Sample(pushes, np.round(2 * held) / 2)


@task("analogue_hold", "continuum", "fixing", "Hold the value of the last pulse, which can be any.")
def _analogue_hold(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = rng.uniform(-1, 1, size=(n_sequences, n_steps, 1))
    pulses = _pulses(n_sequences, n_steps, rng)
    held = np.take_along_axis(values, _since(pulses)[..., None], axis=1)
    return Sample(_with_pulses(np.where(pulses[..., None], values, 0.0), pulses), held)


@task("path", "continuum", "fixing", "Sum steps of any direction and length into a place in a box.")
def _path(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    heading = (0.5 * rng.normal(size=(n_sequences, n_steps))).cumsum(axis=1)
    heading += rng.uniform(0, 2 * np.pi, size=(n_sequences, 1))
    speed = rng.uniform(0, 2 * PUSH, size=(n_sequences, n_steps))
    steps = speed[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return Sample(steps, _sum(steps, bound=1.0))


@task(
    "graded_decision",
    "continuum",
    "fixing",
    "Sum the evidence of each trial, which has a drift of either sign, between -1 and 1.",
)
def _graded_decision(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pulses = _pulses(n_sequences, n_steps, rng)
    signs = rng.choice([-1.0, 1.0], size=pulses.shape)
    drift = DRIFT * np.take_along_axis(signs, _since(pulses), axis=1)
    evidence = (drift + PUSH * rng.normal(size=drift.shape))[..., None]
    return Sample(_with_pulses(evidence, pulses), _sum(evidence, pulses, bound=1.0))


@task("signed_integrator", "continuum", "reporting", "Sum the input since the last reset.")
def _signed_integrator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes = PUSH * rng.normal(size=(n_sequences, n_steps, 1))
    resets = _pulses(n_sequences, n_steps, rng)
    return Sample(_with_pulses(pushes, resets), _sum(pushes, resets))


@task("integrator2", "continuum", "reporting", "Sum two inputs, each between -1 and 1.")
def _integrator2(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes = PUSH * rng.normal(size=(n_sequences, n_steps, 2))
    return Sample(pushes, _sum(pushes, bound=1.0))


@task(
    "context_integration",
    "continuum",
    "reporting",
    "Sum one of two inputs, which a cue that is always seen selects (Mante et al. 2013).",
)
def _context_integration(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes = PUSH * rng.normal(size=(n_sequences, n_steps, 2))
    chosen = np.broadcast_to(rng.integers(2, size=(n_sequences, 1, 1)), (n_sequences, n_steps, 1))
    cue = np.concatenate([chosen == 0, chosen == 1], axis=2).astype(np.float64)
    summed = _sum(np.take_along_axis(pushes, chosen, axis=2), bound=1.0)
    return Sample(np.concatenate([pushes, cue], axis=2), summed)


@task("head_direction", "continuum", "reporting", "Sum turns into a direction, given at the start.")
def _head_direction(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    return Sample(*continua.TASKS["head_direction"].sample(n_sequences, n_steps, rng))


@task("running_maximum", "continuum", "reporting", "The largest value since the last reset.")
def _running_maximum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = rng.uniform(-1, 1, size=(n_sequences, n_steps, 1)) ** 3
    resets = _pulses(n_sequences, n_steps, rng)
    largest = values.copy()
    for t in range(1, n_steps):
        going = ~resets[:, t]
        largest[going, t] = np.maximum(largest[going, t], largest[going, t - 1])
    return Sample(_with_pulses(values, resets), largest)


@task("running_mean", "continuum", "reporting", "The mean of the values since the last reset.")
def _running_mean(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    level = rng.uniform(-1, 1, size=(n_sequences, n_steps))
    resets = _pulses(n_sequences, n_steps, rng)
    since = _since(resets)
    values = np.take_along_axis(level, since, axis=1) + 0.5 * rng.normal(size=level.shape)
    count = np.arange(n_steps) - since + 1
    means = _sum(values, resets) / count
    return Sample(_with_pulses(values[..., None], resets), means[..., None])


@task(
    "analogue_delay",
    "continuum",
    "reporting",
    "Emit each value three steps later.",
    memory="recent",
)
def _analogue_delay(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = rng.uniform(-1, 1, size=(n_sequences, n_steps, 1))
    target = np.zeros_like(values)
    target[:, 3:] = values[:, :-3]
    return Sample(values, target)
