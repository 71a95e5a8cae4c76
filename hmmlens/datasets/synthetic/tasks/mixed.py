"""Points and continua in one task, and tasks that need hardly any memory."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic import continua
from hmmlens.datasets.synthetic.automata import sample_pulses
from hmmlens.datasets.synthetic.generators import sample_flipflop
from hmmlens.datasets.synthetic.tasks.base import TASKS, Recipe, Sample, task
from hmmlens.typing import Floats

#: Probability per step of a pulse that sets a bit, of a new trial, and of a jump.
PULSE, TRIAL, JUMP = 0.1, 0.06, 0.05

#: Standard deviation and drift of the evidence, and the bounds that end it.
EVIDENCE, DRIFT, BOUND = 0.2, 0.1, 1.0

#: Turns of the walk on a circle (radian per step), and the noise of its observations.
TURN, NOISE = 0.15, 0.1

#: Share that a step keeps of a sum with a leak.
KEEPS = 0.95


@task(
    "sum_and_bit",
    "mixed",
    "fixing",
    "Sum one input between -1 and 1, and hold the sign of the last pulse of another.",
    n_states=2,
)
def _sum_and_bit(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pushes, held = continua.TASKS["integrator"].sample(n_sequences, n_steps, rng)
    pulses, bits = _bits(n_sequences, n_steps, rng)
    inputs = np.concatenate([pushes, pulses[..., None]], axis=2)
    target = np.concatenate([held, bits[..., None]], axis=2)
    return Sample(inputs, target, (bits > 0).astype(np.int64))


@task(
    "ramp",
    "mixed",
    "fixing",
    "Rest at 0 until a pulse, rise by the input to 1, and rest there until the next pulse.",
    n_states=3,
    recipe=Recipe(n_sequences=2000),
)
def _ramp(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pulses = rng.random((n_sequences, n_steps)) < PULSE
    speed = rng.uniform(0, 0.3, size=pulses.shape)
    states = np.zeros(pulses.shape, dtype=np.int64)
    height = np.zeros(pulses.shape)
    state, value = np.zeros(n_sequences, dtype=np.int64), np.zeros(n_sequences)
    for t in range(n_steps):
        # A pulse starts the rise, and ends the rest at the top; during the rise it does nothing.
        begins, ends = pulses[:, t] & (state == 0), pulses[:, t] & (state == 2)
        state = np.where(begins, 1, np.where(ends, 0, state))
        value = np.where(state == 1, value + speed[:, t], np.where(state == 0, 0.0, value))
        state, value = np.where(value >= 1, 2, state), np.minimum(value, 1.0)
        states[:, t], height[:, t] = state, value
    inputs = np.stack([pulses, speed], axis=-1).astype(np.float64)
    return Sample(inputs, height[..., None], states)


@task(
    "hold_and_count",
    "mixed",
    "fixing",
    "Hold the value of the last pulse, which can be any, and count the pulses of another input "
    "modulo 3.",
    n_states=3,
    recipe=Recipe(n_sequences=2000),
)
def _hold_and_count(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = TASKS["analogue_hold"].sample(n_sequences, n_steps, rng)
    pulses, states = sample_pulses(3, PULSE, n_sequences, n_steps, rng)
    inputs = np.concatenate([values.inputs, pulses[..., None]], axis=2)
    target = np.concatenate([values.target, np.eye(3)[states]], axis=2)
    return Sample(inputs, target, states)


@task(
    "reversed_heading",
    "mixed",
    "fixing",
    "Sum turns into a direction, given at the start; the sign of the last pulse of another input "
    "decides whether they count as left or as right.",
    n_states=2,
    recipe=Recipe(n_sequences=2000),
)
def _reversed_heading(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    start = rng.uniform(0, 2 * np.pi, size=n_sequences)
    turns = TURN * rng.normal(size=(n_sequences, n_steps))
    pulses, bits = _bits(n_sequences, n_steps, rng)
    angle = start[:, None] + (bits * turns).cumsum(axis=1)
    given = np.zeros((n_sequences, n_steps, 2))
    given[:, 0] = np.stack([np.cos(start), np.sin(start)], axis=-1)
    inputs = np.concatenate([given, turns[..., None] / TURN, pulses[..., None]], axis=2)
    target = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return Sample(inputs, target, (bits > 0).astype(np.int64))


@task(
    "count_and_average",
    "mixed",
    "fixing",
    "Count the pulses of one input modulo 4, and average another over about twenty steps.",
    n_states=4,
    recipe=Recipe(n_sequences=2000),
)
def _count_and_average(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    average = _filter(KEEPS, n_sequences, n_steps, rng)
    pulses, states = sample_pulses(4, PULSE, n_sequences, n_steps, rng)
    inputs = np.concatenate([average.inputs, pulses[..., None]], axis=2)
    held = (1 - KEEPS) * average.target
    return Sample(inputs, np.concatenate([held, np.eye(4)[states]], axis=2), states)


@task(
    "decision",
    "mixed",
    "reporting",
    "Sum the evidence of a trial up to a bound, and hold the choice until the next trial.",
    n_states=3,
)
def _decision(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    trials = rng.random((n_sequences, n_steps)) < TRIAL
    trials[:, 0] = True
    steps = np.arange(n_steps)
    since = np.maximum.accumulate(np.where(trials, steps, 0), axis=1)
    signs = np.take_along_axis(rng.choice([-1.0, 1.0], size=trials.shape), since, axis=1)
    evidence = DRIFT * signs + EVIDENCE * rng.normal(size=trials.shape)
    choices, value = np.zeros_like(evidence), np.zeros(n_sequences)
    for t in range(n_steps):
        value = np.where(trials[:, t], 0.0, value)
        value = np.where(abs(value) < BOUND, value + evidence[:, t], value)
        choices[:, t] = np.sign(value) * (abs(value) >= BOUND)
    inputs = np.stack([evidence, trials], axis=-1).astype(np.float64)
    return Sample(inputs, choices[..., None], choices.astype(np.int64) % 3)


@task(
    "ring_and_bit",
    "mixed",
    "reporting",
    "Predict a walk on a circle with jumps, and hold the sign of the last pulse of another input.",
    n_states=2,
)
def _ring_and_bit(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    turns = TURN * rng.normal(size=(n_sequences, n_steps + 1))
    jumps = rng.random(turns.shape) < JUMP
    jumps[:, 0] = True
    angle = np.where(jumps, rng.uniform(0, 2 * np.pi, size=turns.shape), turns).cumsum(axis=1)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    points += NOISE * rng.normal(size=points.shape)
    pulses, bits = _bits(n_sequences, n_steps, rng)
    inputs = np.concatenate([points[:, :-1], pulses[..., None]], axis=2)
    target = np.concatenate([points[:, 1:], bits[..., None]], axis=2)
    return Sample(inputs, target, (bits > 0).astype(np.int64), floor=None)


@task(
    "heading_and_toggle",
    "mixed",
    "reporting",
    "Sum turns into a direction, given at the start, and switch a bit at each pulse.",
    n_states=2,
    recipe=Recipe(n_sequences=2000),
)
def _heading_and_toggle(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    turns, heading = continua.TASKS["head_direction"].sample(n_sequences, n_steps, rng)
    pulses, states = sample_pulses(2, PULSE, n_sequences, n_steps, rng)
    inputs = np.concatenate([turns, pulses[..., None]], axis=2)
    target = np.concatenate([heading, 2.0 * states[..., None] - 1], axis=2)
    return Sample(inputs, target, states)


@task(
    "selected_value",
    "mixed",
    "reporting",
    "Hold two values, and emit the one that the sign of the last pulse of a third input selects.",
    n_states=2,
    recipe=Recipe(n_sequences=2000),
)
def _selected_value(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    one, two = (TASKS["analogue_hold"].sample(n_sequences, n_steps, rng) for _ in range(2))
    pulses, bits = _bits(n_sequences, n_steps, rng)
    inputs = np.concatenate([one.inputs, two.inputs, pulses[..., None]], axis=2)
    target = np.where(bits[..., None] > 0, two.target, one.target)
    return Sample(inputs, target, (bits > 0).astype(np.int64))


@task(
    "signed_sum",
    "mixed",
    "reporting",
    "Sum one input with a leak, and emit the sum times the sign of the last pulse of another.",
    n_states=2,
    recipe=Recipe(n_sequences=2000),
)
def _signed_sum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    leaky = _filter(KEEPS, n_sequences, n_steps, rng)
    pulses, bits = _bits(n_sequences, n_steps, rng)
    inputs = np.concatenate([leaky.inputs, pulses[..., None]], axis=2)
    return Sample(inputs, bits[..., None] * leaky.target, (bits > 0).astype(np.int64))


@task(
    "gated_sum",
    "mixed",
    "reporting",
    "Sum one input with a leak, and emit the sum while a switch is on.",
    n_states=2,
    recipe=Recipe(n_sequences=2000),
)
def _gated_sum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    leaky = _filter(KEEPS, n_sequences, n_steps, rng)
    pulses, states = sample_pulses(2, PULSE, n_sequences, n_steps, rng)
    inputs = np.concatenate([leaky.inputs, pulses[..., None]], axis=2)
    return Sample(inputs, leaky.target * states[..., None], states)


@task(
    "bits_and_sum",
    "mixed",
    "reporting",
    "Hold the signs of the last pulses of two inputs, and sum a third between -1 and 1.",
    n_states=4,
    recipe=Recipe(n_sequences=2000),
)
def _bits_and_sum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pulses, bits, states = sample_flipflop(2, PULSE, n_sequences, n_steps, rng)
    pushes, held = continua.TASKS["integrator"].sample(n_sequences, n_steps, rng)
    inputs = np.concatenate([pulses, pushes], axis=2)
    return Sample(inputs, np.concatenate([bits, held], axis=2), states)


def _bits(n_sequences: int, n_steps: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return pulses (sequence, time) of either sign and the sign of the last one."""
    pulses, bits, _ = sample_flipflop(1, PULSE, n_sequences, n_steps, rng)
    return pulses[..., 0], bits[..., 0]


@task(
    "levels",
    "forgets",
    "fixing",
    "Name the level of the present input.",
    memory="none",
    n_targets=4,
)
def _levels(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = rng.uniform(-1, 1, size=(n_sequences, n_steps, 1))
    return Sample(values, np.digitize(values[..., 0], [-0.5, 0.0, 0.5]).astype(np.int64))


@task(
    "short_sum",
    "forgets",
    "fixing",
    "Sum the input with a leak of seven tenths per step.",
    memory="fading",
)
def _short_sum(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    return _filter(0.3, n_sequences, n_steps, rng)


@task(
    "product",
    "forgets",
    "reporting",
    "The product of two present inputs.",
    memory="none",
)
def _product(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    values = rng.uniform(-1, 1, size=(n_sequences, n_steps, 2))
    return Sample(values, values.prod(axis=2, keepdims=True))


@task(
    "short_difference",
    "forgets",
    "reporting",
    "The input with a fading memory of the opposite sign.",
    memory="fading",
)
def _short_difference(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    return _filter(-0.3, n_sequences, n_steps, rng)


def _filter(keep: float, n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    """Return inputs and their sum of which each step keeps a share."""
    inputs = rng.normal(size=(n_sequences, n_steps, 1))
    target = inputs.copy()
    for t in range(1, n_steps):
        target[:, t] += keep * target[:, t - 1]
    return Sample(inputs, target)
