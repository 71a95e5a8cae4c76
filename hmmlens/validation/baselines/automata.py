"""A deterministic automaton of a network's response to symbols, learnt by AALpy (optional extra).

RPNI merges states of the tree of all observed inputs as long as no output contradicts it (Oncina
and Garcia 1992); AALpy's state-merging variant is used (Muskardin et al. 2022).
"""

from __future__ import annotations

import numpy as np

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints
from hmmlens.validation.baselines.registry import baseline
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings


@baseline("automaton", "symbols")
def automaton_distribution(
    train_symbols: Ints,
    train_distribution: Floats,
    test_symbols: Ints,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> tuple[Floats, int]:
    """Predict the output distribution by the states of a Moore machine learnt on train.

    The machine is learnt from each step's most likely output; the distribution of a state is the
    mean over the steps of train that end in it.

    Parameters
    ----------
    train_symbols : ndarray of shape (sequence, time)
        The network's inputs from its zero state on; -1 past a sequence's end.
    train_distribution : ndarray of shape (sequence, time, output)
        Output distribution of the network.
    test_symbols : ndarray of shape (sequence, time)
        The inputs for which outputs are predicted.
    settings : BaselineSettings, optional
        How much of train the machine is learnt from.

    Returns
    -------
    distribution : ndarray of shape (sequence, time, output)
        The prediction for test. An input that train never met in a state does not change the state.
    n_states : int
        Number of states of the machine.

    Raises
    ------
    DataError
        When AALpy is not installed, or the outputs are no function of the inputs.
    """
    try:
        from aalpy.learning_algs import run_RPNI
    except ImportError:
        raise DataError(
            'automata need AALpy; install it with: pip install "hmmlens[automata]"'
        ) from None
    emitted = train_distribution.argmax(axis=2)
    data = []
    first = slice(settings.n_automaton_sequences)
    for symbols, outputs in zip(train_symbols[first], emitted[first], strict=True):
        word = tuple(int(s) for s in symbols[: settings.n_automaton_steps] if s >= 0)
        data += [(word[: t + 1], int(outputs[t])) for t in range(len(word))]
    machine = run_RPNI(data, "moore", print_info=False)
    if machine is None:
        raise DataError("the same inputs have different outputs, so no automaton gives them")
    states = {state.state_id: number for number, state in enumerate(machine.states)}

    def _walk(symbols: Ints) -> Ints:
        path = np.zeros(symbols.shape, dtype=np.int64)
        for row, word in enumerate(symbols):
            state = machine.initial_state
            for t, symbol in enumerate(word):
                state = state.transitions.get(int(symbol), state)
                path[row, t] = states[state.state_id]
        return path

    inside = train_symbols >= 0
    visited = _walk(train_symbols)[inside]
    mean = train_distribution[inside].mean(axis=0)
    sums = np.zeros((len(states), train_distribution.shape[2]))
    np.add.at(sums, visited, train_distribution[inside])
    count = np.bincount(visited, minlength=len(states))[:, None]
    distributions: Floats = np.where(count > 0, sums / np.maximum(count, 1), mean)
    return distributions[_walk(test_symbols)], len(states)
