"""Which state a network is in by what it would say, when that changes, and how long it lasts.

The label of a step is the likeliest symbol among those that tell states apart. In the chains of
Torre et al. 2025 the middle symbol is as rare in every state, so that it carries nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.errors import DataError
from hmmlens.stats.dwell import visits
from hmmlens.typing import Int64s

#: A tensor or an array.
Array = TypeVar("Array", bound=Any)

#: Emission probabilities that differ by no more are equal but for rounding.
SAME = 1e-9


class Switches(NamedTuple):
    """Changes of label, one entry each, by sequence and then by time.

    sequence : the sequence
    time : the first step with the new label
    before, after : the labels
    """

    sequence: Int64s
    time: Int64s
    before: Int64s
    after: Int64s


class Dwells(NamedTuple):
    """Runs of a label whose beginning and end were seen, one entry each.

    label : the label
    length : steps
    """

    label: Int64s
    length: Int64s


def informative(hmm: HMMParameters) -> tuple[int, ...]:
    """Return the symbols whose probability is not the same in all states, in order.

    Raises
    ------
    DataError
        When fewer than two are: the states cannot be told from the symbols.
    """
    spread = np.ptp(np.asarray(hmm.emissionprob, dtype=np.float64), axis=0)
    symbols = tuple(int(s) for s in np.flatnonzero(spread > SAME))
    if len(symbols) < 2:
        raise DataError("every state emits the same symbols, so no symbol tells a state")
    return symbols


def latent(logits: Array, informative: Sequence[int]) -> Array:
    """Return the label of each step (...) from logits (..., symbol): the likeliest symbol.

    A label is a position in ``informative``, 0 to its length - 1. Takes and returns a tensor or an
    array.
    """
    labels: Array = logits[..., list(informative)].argmax(-1)
    return labels


def switches(labels: NDArray[np.integer]) -> Switches:
    """Return the changes of ``labels`` (sequence, time)."""
    sequence, before = np.nonzero(labels[:, 1:] != labels[:, :-1])
    time = before + 1
    old, new = labels[sequence, before], labels[sequence, time]
    return Switches(sequence, time, old.astype(np.int64), new.astype(np.int64))


def switching_rate(labels: NDArray[np.integer]) -> float:
    """Return changes per step of ``labels`` (sequence, time)."""
    return float((labels[:, 1:] != labels[:, :-1]).mean())


def dwells(labels: NDArray[np.integer]) -> Dwells:
    """Return the runs of ``labels`` (sequence, time) without those cut off at either end.

    Long runs are cut off more often, so what is left looks short in sequences that are not many
    dwells long; :func:`hmmlens.stats.dwell.dwell_test` takes that into account.
    """
    seen = visits(labels)
    return Dwells(seen.state[seen.ended], seen.length[seen.ended])
