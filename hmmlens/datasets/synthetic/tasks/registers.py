"""Finite windows over the last symbols: shift registers, comparisons with symbols before."""

from __future__ import annotations

from hmmlens.datasets.synthetic.tasks.base import task
from hmmlens.datasets.synthetic.tasks.mealy import machine

BITS = (0.5, 0.5)
THREE = (1 / 3, 1 / 3, 1 / 3)


@task(
    "xor_of_two",
    "discrete",
    "fixing",
    "The exclusive or of the last two bits.",
    memory="recent",
    n_states=2,
    n_moore=4,
    n_symbols=2,
    n_targets=2,
)
@machine(0, BITS)
def _xor_of_two(last: int, bit: int) -> tuple[int, int]:
    return bit, last ^ bit


@task(
    "one_back",
    "discrete",
    "fixing",
    "Whether a symbol is the same as the one before.",
    memory="recent",
    n_states=3,
    n_moore=6,
    n_symbols=3,
    n_targets=2,
)
@machine(0, THREE)
def _one_back(last: int, symbol: int) -> tuple[int, int]:
    return symbol, int(symbol == last)


@task(
    "majority",
    "discrete",
    "fixing",
    "The majority of the last three bits.",
    memory="recent",
    n_states=4,
    n_moore=6,
    n_symbols=2,
    n_targets=2,
)
@machine((0, 0), BITS)
def _majority(last: tuple[int, int], bit: int) -> tuple[tuple[int, int], int]:
    return (last[1], bit), int(sum(last) + bit >= 2)


@task(
    "two_back",
    "discrete",
    "reporting",
    "Whether a symbol is the same as the last but one.",
    memory="recent",
    n_states=9,
    n_moore=18,
    n_symbols=3,
    n_targets=2,
)
@machine((0, 0), THREE)
def _two_back(last: tuple[int, int], symbol: int) -> tuple[tuple[int, int], int]:
    return (last[1], symbol), int(symbol == last[0])


@task(
    "shift_register3",
    "discrete",
    "reporting",
    "Emit each bit three steps later.",
    memory="recent",
    n_states=8,
    n_moore=16,
    n_symbols=2,
    n_targets=2,
)
@machine((0, 0, 0), BITS)
def _shift_register3(last: tuple[int, ...], bit: int) -> tuple[tuple[int, ...], int]:
    return (*last[1:], bit), last[0]


@task(
    "shift_register6",
    "many",
    "reporting",
    "Emit each bit six steps later.",
    memory="recent",
    n_states=64,
    n_moore=128,
    n_symbols=2,
    n_targets=2,
)
@machine((0,) * 6, BITS)
def _shift_register6(last: tuple[int, ...], bit: int) -> tuple[tuple[int, ...], int]:
    return (*last[1:], bit), last[0]
