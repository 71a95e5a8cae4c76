"""Devices with a few states: a turnstile, a thermostat, a grid, a traffic light, an elevator."""

from __future__ import annotations

import numpy as np

from hmmlens.datasets.synthetic.tasks.base import task
from hmmlens.datasets.synthetic.tasks.mealy import machine

#: Nine temperatures; the thermostat switches at the second from either end.
TEMPERATURES = np.linspace(-1, 1, 9)

#: Colours of a grid of two rows of three fields. One field in a corner differs from the others.
GRID = ((0, 1, 0), (1, 0, 2))

TRAFFIC_LIGHT = (0, 0, 0, 1, 1, 2)


@task(
    "turnstile",
    "discrete",
    "fixing",
    "Let a person through who has paid two coins; more coins change nothing.",
    n_states=3,
    n_moore=6,
    n_symbols=3,
    n_targets=3,
)
@machine(0, (0.3, 0.4, 0.3))
def _turnstile(coins: int, symbol: int) -> tuple[int, int]:
    if symbol == 2:
        return (0, 1) if coins == 2 else (coins, 2)
    return min(coins + symbol, 2), 0


@task(
    "thermostat",
    "discrete",
    "fixing",
    "Switch at a high and at a low temperature, and stay between them (a Schmitt trigger).",
    n_states=2,
)
@machine(0, (0.05, 0.05, *[0.8 / 5] * 5, 0.05, 0.05), codes=TEMPERATURES[:, None])
def _thermostat(warm: int, level: int) -> tuple[int, tuple[float]]:
    if level in (0, 1):
        warm = 0
    if level in (7, 8):
        warm = 1
    return warm, (2.0 * warm - 1,)


@task(
    "grid",
    "discrete",
    "fixing",
    "Walk over six fields between walls, of which only the colour is seen.",
    n_states=6,
    n_symbols=4,
    n_targets=3,
)
@machine((0, 0), (0.25, 0.25, 0.25, 0.25))
def _grid(place: tuple[int, int], symbol: int) -> tuple[tuple[int, int], int]:
    down, right = ((1, 0), (-1, 0), (0, 1), (0, -1))[symbol]
    row, column = min(max(place[0] + down, 0), 1), min(max(place[1] + right, 0), 2)
    return (row, column), GRID[row][column]


@task(
    "traffic_light",
    "discrete",
    "reporting",
    "Show red for three ticks, green for two and yellow for one, and begin anew when asked.",
    n_states=6,
    n_symbols=3,
    n_targets=3,
)
@machine(0, (0.45, 0.5, 0.05))
def _traffic_light(tick: int, symbol: int) -> tuple[int, int]:
    tick = 0 if symbol == 2 else (tick + symbol) % 6
    return tick, TRAFFIC_LIGHT[tick]


@task(
    "elevator",
    "discrete",
    "reporting",
    "Move between four floors, of which only odd or even is seen.",
    n_states=4,
    n_symbols=3,
    n_targets=2,
)
@machine(0, (0.3, 0.35, 0.35))
def _elevator(floor: int, symbol: int) -> tuple[int, int]:
    floor = min(max(floor + (0, 1, -1)[symbol], 0), 3)
    return floor, floor % 2


@task(
    "vending_machine",
    "discrete",
    "reporting",
    "Sell for four units that are paid in ones and twos, with change, and give back when asked.",
    n_states=4,
    n_moore=7,
    n_symbols=4,
    n_targets=4,
)
@machine(0, (0.3, 0.3, 0.3, 0.1))
def _vending_machine(paid: int, symbol: int) -> tuple[int, int]:
    """Emit nothing, the goods, the goods with change, or what was paid."""
    if symbol == 3:
        return 0, 3 if paid else 0
    paid += symbol
    return (0, 1 + paid - 4) if paid >= 4 else (paid, 0)
