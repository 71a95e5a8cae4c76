"""Transitions of states given the input: counts, entropies, and dwell times without an event.

The input event of step t takes the state from step t - 1 to t. A matrix without inputs averages
over what they do: of a network that counts bits modulo 2 it shows a coin, where every step is
certain given its bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.input_classes import composition, tables, transitions
from hmmlens.interpretation.dwells import Dwells, dwells
from hmmlens.interpretation.input_events import InputEvents
from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.typing import Floats, Ints

#: A move is certain from this probability on, which is printed as 0.95.
CERTAIN = 0.945
#: Resamples of sequences behind an interval.
N_DRAWS = 200


class Entropies(NamedTuple):
    """Entropy of the next state in bits, estimated on sequences that were not counted.

    Attributes
    ----------
    average : Estimate
        Given the present state alone.
    given_input : Estimate
        Given the present state and the input event.
    gain : Estimate
        The difference.
    """

    average: Estimate
    given_input: Estimate
    gain: Estimate


class InputTransitions(NamedTuple):
    """Transitions of the states of one model given the input.

    Attributes
    ----------
    counts : ndarray of shape (event, state, next_state)
        Number of transitions.
    entropies : Entropies
        Of the next state with and without the input.
    composed : float
        Share of the steps with a combination of events whose next state is the most probable one
        when its events act one after the other; NaN without combinations.
    neutral_dwells : Dwells or None
        Dwell times at the neutral event; None without one.
    """

    counts: Floats
    entropies: Entropies
    composed: float
    neutral_dwells: Dwells | None


def input_transitions(path: Ints, events: InputEvents, n_states: int) -> InputTransitions:
    """Count the transitions of a path under each input event.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step, -1 where unknown or past the end.
    events : InputEvents
        Events of the same steps.
    n_states : int
        Number of states.

    Returns
    -------
    InputTransitions
        Of all steps.

    Examples
    --------
    A machine that counts ones modulo 2:

    >>> from hmmlens.interpretation.input_events import input_events
    >>> bits = np.random.default_rng(0).integers(0, 2, size=(20, 50))
    >>> found = input_transitions(bits.cumsum(axis=1) % 2, input_events(bits), 2)
    >>> probabilities(found.counts).tolist()
    [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]
    >>> round(found.entropies.average.value), round(found.entropies.given_input.value)
    (1, 0)
    """
    event = np.where(events.event < 0, 0, events.event)
    known = (path >= 0) & (events.event >= 0)
    inside = np.zeros_like(known)
    inside[:, 1:] = known[:, 1:] & (path[:, :-1] >= 0)
    counts = transitions(path, event, inside, n_states, len(events.names))
    waits = None
    if events.neutral is not None:
        waits = dwells(path, n_states, counted=inside & (event == events.neutral))
    found = _entropies(path, event, inside, n_states, events)
    return InputTransitions(counts, found, _composed(counts, events), waits)


def probabilities(counts: Floats) -> Floats:
    """Return the share of each next state, without any smoothing.

    Parameters
    ----------
    counts : ndarray of shape (..., next_state)
        Numbers of transitions.

    Returns
    -------
    ndarray of shape (..., next_state)
        NaN where there are none.
    """
    total = counts.sum(axis=-1, keepdims=True)
    share: Floats = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    return share


def certain_moves(counts: Floats) -> NDArray[np.int64]:
    """Return where each event takes each state, if that is certain.

    Parameters
    ----------
    counts : ndarray of shape (event, state, next_state)
        Numbers of transitions.

    Returns
    -------
    ndarray of shape (event, state)
        The next state; -1 where none has a probability of :data:`CERTAIN` or more, or where the
        event never met the state.
    """
    share = np.nan_to_num(probabilities(counts))
    return np.where(share.max(axis=-1) >= CERTAIN, share.argmax(axis=-1), -1)


def _entropies(
    path: Ints, event: Ints, inside: NDArray[np.bool_], n_states: int, events: InputEvents
) -> Entropies:
    """Return entropies from tables that are counted on the other half of the sequences."""
    unknown = Estimate(np.nan, np.nan, np.nan)
    if len(path) < 2 or not inside[::2].any() or not inside[1::2].any():
        return Entropies(unknown, unknown, unknown)
    bits = np.zeros((len(path), 3))
    rng = np.random.default_rng(0)
    for part in (0, 1):
        mine = np.arange(len(path)) % 2 == part
        counts = transitions(path, event, inside & ~mine[:, None], n_states, len(events.names))
        given, plain = tables(counts, events.parts), tables(counts.sum(axis=0, keepdims=True))[0]
        i, t = np.nonzero(inside & mine[:, None])
        step = path[i, t - 1], path[i, t]
        np.add.at(bits[:, 0], i, -np.log2(plain[step]))
        np.add.at(bits[:, 1], i, -np.log2(given[(event[i, t], *step)]))
        np.add.at(bits[:, 2], i, 1.0)
    known = bits[bits[:, 2] > 0]
    return Entropies(
        estimate(known, lambda s: float(s[0] / s[2]), N_DRAWS, rng),
        estimate(known, lambda s: float(s[1] / s[2]), N_DRAWS, rng),
        estimate(known, lambda s: float((s[0] - s[1]) / s[2]), N_DRAWS, rng),
    )


def _composed(counts: Floats, events: InputEvents) -> float:
    combined = [k for k, parts in enumerate(events.parts) if parts]
    total = counts[combined].sum()
    if not total:
        return float("nan")
    single = tables(counts)
    hits = 0.0
    for k in combined:
        expected = composition(single, events.parts[k]).argmax(axis=1)
        hits += counts[k][np.arange(len(expected)), expected].sum()
    return float(hits / total)
