"""Counters: parity, counts modulo a number, counts between bounds, and a group."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.automata import sample_pulses
from hmmlens.datasets.synthetic.tasks.base import Recipe, Sample, Sampler, task
from hmmlens.datasets.synthetic.tasks.mealy import machine
from hmmlens.typing import Floats

SIGNS = np.array([[-1.0], [1.0]])


def _count(modulus: int, pulse_probability: float, code: Floats) -> Sampler:
    def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
        pulses, states = sample_pulses(modulus, pulse_probability, n_sequences, n_steps, rng)
        return Sample(pulses[..., None].astype(np.float64), code[states], states)

    return sample


task(
    "parity",
    "discrete",
    "fixing",
    "Whether the number of pulses so far is odd, where every second step has a pulse.",
    n_states=2,
)(_count(2, 0.5, SIGNS))

task(
    "mod3",
    "discrete",
    "fixing",
    "Count pulses modulo 3.",
    n_states=3,
)(_count(3, 0.2, np.eye(3)))

task(
    "mod4",
    "discrete",
    "fixing",
    "Count pulses modulo 4.",
    n_states=4,
)(_count(4, 0.2, np.eye(4)))

task(
    "parity_rare",
    "discrete",
    "reporting",
    "Whether the number of pulses so far is odd, where every tenth step has a pulse.",
    n_states=2,
)(_count(2, 0.1, SIGNS))

task(
    "mod5",
    "discrete",
    "reporting",
    "Count pulses modulo 5.",
    n_states=5,
)(_count(5, 0.2, np.eye(5)))

task(
    "mod7",
    "discrete",
    "reporting",
    "Count pulses modulo 7.",
    n_states=7,
)(_count(7, 0.2, np.eye(7)))


@task(
    "divide_by_four",
    "discrete",
    "fixing",
    "Change the output with every second pulse, so that two states share each output.",
    n_states=4,
    n_symbols=2,
    n_targets=2,
)
@machine(0, (0.7, 0.3))
def _divide_by_four(count: int, symbol: int) -> tuple[int, int]:
    count = (count + symbol) % 4
    return count, count // 2


@task(
    "saturating_counter",
    "discrete",
    "fixing",
    "Count up and down between 0 and 4, where the count stays.",
    n_states=5,
    n_symbols=3,
    n_targets=5,
)
@machine(2, (0.4, 0.3, 0.3))
def _saturating_counter(count: int, symbol: int) -> tuple[int, int]:
    count = min(max(count + (0, 1, -1)[symbol], 0), 4)
    return count, count


@task(
    "permutations",
    "discrete",
    "fixing",
    "The order of three things that inputs swap or rotate (the symmetric group of three).",
    n_states=6,
    n_symbols=3,
    n_targets=6,
)
@machine((0, 1, 2), (0.6, 0.2, 0.2))
def _permutations(order: tuple[int, int, int], symbol: int) -> tuple[tuple[int, int, int], int]:
    a, b, c = order
    order = (order, (b, a, c), (b, c, a))[symbol]
    return order, 2 * order[0] + (order[1] > order[2])


@task(
    "cyclic_counter",
    "discrete",
    "reporting",
    "Count up and down modulo 5.",
    n_states=5,
    n_symbols=3,
    n_targets=5,
    recipe=Recipe(n_sequences=1600, n_steps=30, n_epochs=100),
)
@machine(0, (0.6, 0.2, 0.2))
def _cyclic_counter(count: int, symbol: int) -> tuple[int, int]:
    count = (count + (0, 1, -1)[symbol]) % 5
    return count, count
