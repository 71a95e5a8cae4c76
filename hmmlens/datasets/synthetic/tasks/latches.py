"""Memories that inputs set: flip-flops, latches and cues that are held over a delay."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.generators import sample_flipflop
from hmmlens.datasets.synthetic.tasks.base import Sample, Sampler, task
from hmmlens.datasets.synthetic.tasks.mealy import machine


def _flipflop(n_bits: int, pulse_probability: float) -> Sampler:
    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
        return Sample(*sample_flipflop(n_bits, pulse_probability, n_sequences, n_steps, rng))

    return sample


task(
    "flipflop2",
    "discrete",
    "fixing",
    "Hold the signs of the last pulses of two channels.",
    n_states=4,
)(_flipflop(2, 0.1))

task(
    "flipflop3",
    "discrete",
    "fixing",
    "Hold the signs of the last pulses of three channels.",
    n_states=8,
)(_flipflop(3, 0.1))

task(
    "flipflop4",
    "discrete",
    "reporting",
    "Hold the signs of the last pulses of four channels.",
    n_states=16,
)(_flipflop(4, 0.1))

task(
    "flipflop5",
    "many",
    "fixing",
    "Hold the signs of the last pulses of five channels.",
    n_states=32,
)(_flipflop(5, 0.1))


@task(
    "cue_memory",
    "discrete",
    "fixing",
    "Name the last of three cues until it is cleared.",
    n_states=4,
    n_symbols=5,
    n_targets=4,
)
@machine(0, (0.7, 0.075, 0.075, 0.075, 0.075))
def _cue_memory(held: int, symbol: int) -> tuple[int, int]:
    held = held if symbol == 0 else symbol % 4
    return held, held


@task(
    "delayed_response",
    "discrete",
    "fixing",
    "Name the last of two cues when asked, and forget it; nothing is emitted during the delay.",
    n_states=3,
    n_moore=5,
    n_symbols=4,
    n_targets=3,
)
@machine(0, (0.6, 0.12, 0.12, 0.16))
def _delayed_response(held: int, symbol: int) -> tuple[int, int]:
    if symbol == 3:
        return 0, held
    return symbol or held, 0


@task(
    "hidden_xor",
    "discrete",
    "fixing",
    "Set and clear two latches, of which only the exclusive or is emitted.",
    n_states=4,
    n_symbols=5,
    n_targets=2,
)
@machine((0, 0), (0.6, 0.1, 0.1, 0.1, 0.1))
def _hidden_xor(latches: tuple[int, int], symbol: int) -> tuple[tuple[int, int], int]:
    first, second = latches
    if symbol in (1, 2):
        first = symbol - 1
    if symbol in (3, 4):
        second = symbol - 3
    return (first, second), first ^ second


@task(
    "delayed_match",
    "discrete",
    "reporting",
    "Compare every second stimulus with the one before it; nothing is emitted during the delay.",
    n_states=3,
    n_moore=5,
    n_symbols=3,
    n_targets=3,
)
@machine(0, (0.6, 0.2, 0.2))
def _delayed_match(held: int, symbol: int) -> tuple[int, int]:
    if symbol == 0:
        return held, 0
    return (0, 1 + (symbol == held)) if held else (symbol, 0)


@task(
    "set_reset_toggle",
    "discrete",
    "reporting",
    "One bit that is set, reset or inverted by pulses of three channels.",
    n_states=2,
)
@machine(0, (0.7, 0.1, 0.1, 0.1), codes=[(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
def _set_reset_toggle(bit: int, symbol: int) -> tuple[int, tuple[float]]:
    bit = (bit, 1, 0, 1 - bit)[symbol]
    return bit, (2.0 * bit - 1,)


@task(
    "go_no_go",
    "discrete",
    "reporting",
    "The last of two contexts decides which of two stimuli is to be answered.",
    n_states=2,
    n_moore=6,
    n_symbols=6,
    n_targets=3,
)
@machine(0, (0.3, 0.05, 0.05, 0.2, 0.2, 0.2))
def _go_no_go(context: int, symbol: int) -> tuple[int, int]:
    if symbol in (1, 2):
        return symbol - 1, 0
    return context, 1 + (context ^ (symbol - 3)) if symbol in (3, 4) else 0
