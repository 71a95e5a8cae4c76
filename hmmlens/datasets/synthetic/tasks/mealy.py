"""Tasks from a function of one step: state and symbol give the next state and the output."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.datasets.synthetic.automata import follow
from hmmlens.datasets.synthetic.tasks.base import Sample, Sampler
from hmmlens.typing import Int64s

#: Takes a state and a symbol, and returns the next state and the output.
Step = Callable[[Any, int], tuple[Hashable, Any]]


class Machine(NamedTuple):
    """A Mealy machine that starts in state 0.

    Attributes
    ----------
    moves : ndarray of int, shape (state, symbol)
        The next state.
    outputs : ndarray of shape (state, symbol) or (state, symbol, output)
        What is emitted on the way to it: integers are symbols.
    """

    moves: Int64s
    outputs: NDArray[np.number]


def explore(step: Step, start: Hashable, n_symbols: int) -> Machine:
    """Return the machine of all states that can be reached.

    Parameters
    ----------
    step : callable
        Takes a state and a symbol, and returns the next state and the output.
    start : hashable
        The initial state.
    n_symbols : int
        Number of symbols.

    Returns
    -------
    Machine
        States in the order in which a search in breadth finds them.

    Examples
    --------
    >>> explore(lambda count, symbol: ((count + symbol) % 2, count), 0, 2).moves.tolist()
    [[0, 1], [1, 0]]
    """
    index: dict[Hashable, int] = {start: 0}
    moves, outputs, todo = [], [], [start]
    while todo:
        found = [step(todo[0], symbol) for symbol in range(n_symbols)]
        for after, _ in found:
            if after not in index:
                index[after] = len(index)
                todo.append(after)
        moves.append([index[after] for after, _ in found])
        outputs.append([output for _, output in found])
        del todo[0]
    return Machine(np.array(moves, dtype=np.int64), np.array(outputs))


def machine(
    start: Hashable, probabilities: Sequence[float], codes: ArrayLike | None = None
) -> Callable[[Step], Sampler]:
    """Return a decorator that makes a task of a step: independent symbols drive the machine.

    Parameters
    ----------
    start : hashable
        The initial state.
    probabilities : sequence of float
        Of each symbol, at every step.
    codes : array_like of shape (symbol, feature), optional
        The values that represent each symbol; None where the network reads symbols.

    Returns
    -------
    callable
        Takes the step, whose output is a whole number for a symbol or a tuple for values, and
        returns the sampler.
    """

    def _sampler(step: Step) -> Sampler:
        def sample(n_sequences: int, n_steps: int, rng: np.random.Generator) -> Sample:
            size = (n_sequences, n_steps)
            symbols = rng.choice(len(probabilities), size=size, p=probabilities)
            inputs = symbols if codes is None else np.asarray(codes, dtype=np.float64)[symbols]
            return run(explore(step, start, len(probabilities)), symbols, inputs)

        return sample

    return _sampler


def run(table: Machine, symbols: Int64s, inputs: NDArray[np.number]) -> Sample:
    """Return the outputs and states of a machine.

    Parameters
    ----------
    table : Machine
        The machine.
    symbols : ndarray of int, shape (sequence, time)
        What drives it.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        The symbols as the network reads them.

    Returns
    -------
    Sample
        Its states are those after each input.
    """
    states = follow(table.moves, symbols)
    before = np.zeros_like(states)
    before[:, 1:] = states[:, :-1]
    return Sample(inputs, table.outputs[before, symbols], states)
