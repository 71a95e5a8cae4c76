"""Hidden Markov models that emit on their edges, such as RRXOR and Z1R, made to emit in states.

Each pair of an edge's end and its symbol becomes a state, so that every filter, smoother and
score of :class:`hmmlens.hmm.CategoricalHMM` is exact for them too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmlens.datasets.synthetic.generators import HMMParameters, check_hmm
from hmmlens.typing import Floats, Int64s


class Machine(NamedTuple):
    """A hidden Markov model that emits a symbol whenever it moves.

    Attributes
    ----------
    startprob : ndarray of shape (state,)
        Distribution before the first symbol.
    edges : ndarray of shape (symbol, state, next_state)
        P(symbol, next_state given state).
    state_names : tuple of str
        One for each state.
    """

    startprob: Floats
    edges: Floats
    state_names: tuple[str, ...]


class StateForm(NamedTuple):
    """The same process with states that emit.

    Attributes
    ----------
    hmm : HMMParameters
        Its states are the pairs (end of an edge, symbol) that can occur.
    machine_state : ndarray of int, shape (state,)
        The machine's state after the symbol.
    """

    hmm: HMMParameters
    machine_state: Int64s


def _machine(moves: dict[str, list[tuple[int, str, float]]], start: list[float]) -> Machine:
    """Return a machine over two symbols from ``moves``: state -> (symbol, next state, p)."""
    names = tuple(moves)
    edges = np.zeros((2, len(names), len(names)))
    for state, ways in moves.items():
        for symbol, after, p in ways:
            edges[symbol, names.index(state), names.index(after)] += p
    return Machine(np.array(start), edges, names)


#: Belief-geometry targets of Shai et al. 2024 (arXiv 2405.15943); each starts in its stationary
#: distribution.
#: Z1R emits 0, then 1, then a random bit. RRXOR emits two random bits, then their exclusive or.
MACHINES = {
    "z1r": _machine(
        {
            "zero": [(0, "one", 1.0)],
            "one": [(1, "random", 1.0)],
            "random": [(0, "zero", 0.5), (1, "zero", 0.5)],
        },
        [1 / 3, 1 / 3, 1 / 3],
    ),
    "rrxor": _machine(
        {
            "start": [(0, "saw 0", 0.5), (1, "saw 1", 0.5)],
            "saw 0": [(0, "says 0", 0.5), (1, "says 1", 0.5)],
            "saw 1": [(0, "says 1", 0.5), (1, "says 0", 0.5)],
            "says 0": [(0, "start", 1.0)],
            "says 1": [(1, "start", 1.0)],
        },
        [1 / 3, 1 / 6, 1 / 6, 1 / 6, 1 / 6],
    ),
}


def state_form(machine: Machine) -> StateForm:
    """Return the process of a machine as a model whose states emit.

    The posterior of the machine's state after the last symbol is the sum of the posteriors of
    the states that ``machine_state`` maps to it.

    Parameters
    ----------
    machine : Machine
        The machine.

    Returns
    -------
    StateForm
        With as many states as pairs of an edge's end and symbol can occur.

    Examples
    --------
    >>> state_form(MACHINES["z1r"]).hmm.transmat.shape
    (4, 4)
    """
    edges = machine.edges
    after, symbol = np.nonzero(edges.any(axis=1).T)
    startprob = np.einsum("i,vij->jv", machine.startprob, edges)[after, symbol]
    # From a pair it matters only where the edge ended.
    transmat = edges.transpose(1, 2, 0)[after][:, after, symbol]
    return StateForm(
        check_hmm(startprob, transmat, np.eye(len(edges))[symbol]), after.astype(np.int64)
    )
