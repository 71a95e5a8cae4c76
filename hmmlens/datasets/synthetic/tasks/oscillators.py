"""Rhythms: a chirp, a clock, a generator of sines, a damped oscillator."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.tasks.base import Sample, task

#: Probability of a start or a kick, per step.
PULSE = 0.05

#: Angular frequency of the chirp at its start, and its growth per step.
CHIRP, CHIRP_GROWTH = 0.15, 0.01

#: The least and the largest angular frequency of the clock and the generator.
SLOW, FAST = 0.2, 0.8

#: Share of the amplitude that the damped oscillator keeps per step, and its turn.
KEEP, TURN = 0.93, 0.5


@task(
    "chirp",
    "continuum",
    "fixing",
    "Emit a wave that becomes faster with the time since the last pulse.",
)
def _chirp(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    pulses = rng.random((n_sequences, n_steps)) < PULSE
    pulses[:, 0] = True
    steps = np.arange(n_steps)
    age = steps - np.maximum.accumulate(np.where(pulses, steps, 0), axis=1)
    wave = np.cos(CHIRP * age + CHIRP_GROWTH * age**2 / 2)
    return Sample(pulses[..., None].astype(np.float64), wave[..., None])


@task(
    "clock",
    "continuum",
    "fixing",
    "The phase of a rotation whose speed is an input.",
)
def _clock(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    speed = rng.uniform(0, FAST, size=(n_sequences, n_steps))
    phase = speed.cumsum(axis=1)
    return Sample(speed[..., None], np.stack([np.cos(phase), np.sin(phase)], axis=-1))


@task(
    "sine_generator",
    "continuum",
    "reporting",
    "Emit a sine of the frequency that the first input gives.",
)
def _sine_generator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    frequency = rng.uniform(SLOW, FAST, size=(n_sequences, 1))
    inputs = np.zeros((n_sequences, n_steps, 2))
    inputs[:, 0, 0], inputs[:, 0, 1] = frequency[:, 0], 1.0
    return Sample(inputs, np.sin(frequency * np.arange(n_steps))[..., None])


@task(
    "damped_oscillator",
    "continuum",
    "reporting",
    "The position of a damped oscillator that kicks of any size drive.",
    memory="fading",
)
def _damped_oscillator(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
    kicks = rng.normal(size=(n_sequences, n_steps)) * (rng.random((n_sequences, n_steps)) < 0.2)
    turn = KEEP * np.exp(1j * TURN)
    state = np.zeros(n_sequences, dtype=complex)
    position = np.empty_like(kicks)
    for t in range(n_steps):
        state = turn * state + 1j * kicks[:, t]
        position[:, t] = state.real
    return Sample(kicks[..., None], position[..., None])
