"""The latent state of a network by its output, and the times at which it changes.

The label of a step is the most likely symbol among those whose probability differs between states.
In the chains of Torre et al. 2025 the middle symbol is equally rare in every state, so that it
carries no information about the state.
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

    Attributes
    ----------
    sequence : ndarray of shape (switch)
        The sequence.
    time : ndarray of shape (switch)
        The first step with the new label.
    before, after : ndarray of shape (switch)
        The labels.
    """

    sequence: Int64s
    time: Int64s
    before: Int64s
    after: Int64s


class Dwells(NamedTuple):
    """Dwells of a label whose beginning and end were observed, one entry each.

    Attributes
    ----------
    label : ndarray of shape (dwell)
        The label.
    length : ndarray of shape (dwell)
        Number of steps.
    """

    label: Int64s
    length: Int64s


def informative(hmm: HMMParameters) -> tuple[int, ...]:
    """Return the symbols whose probability is not the same in all states, in order.

    Parameters
    ----------
    hmm : HMMParameters
        A hidden Markov model.

    Returns
    -------
    tuple of int
        Symbols.

    Raises
    ------
    DataError
        When there are fewer than two: the states cannot be inferred from the symbols.
    """
    spread = np.ptp(np.asarray(hmm.emissionprob, dtype=np.float64), axis=0)
    symbols = tuple(int(s) for s in np.flatnonzero(spread > SAME))
    if len(symbols) < 2:
        raise DataError("every state emits the same symbols, so no symbol identifies a state")
    return symbols


def latent(logits: Array, informative: Sequence[int]) -> Array:
    """Return the label of each step: the most likely informative symbol.

    Parameters
    ----------
    logits : array or Tensor of shape (..., symbol)
        Logits or probabilities.
    informative : sequence of int
        Symbols that are compared, see :func:`informative`.

    Returns
    -------
    array or Tensor of shape (...)
        Labels: positions in ``informative``, 0 to its length - 1.

    Examples
    --------
    >>> latent(np.array([[2.0, 5.0, 1.0], [0.0, 5.0, 1.0]]), informative=(0, 2)).tolist()
    [0, 1]
    """
    labels: Array = logits[..., list(informative)].argmax(-1)
    return labels


def switches(labels: NDArray[np.integer]) -> Switches:
    """Return the changes of labels.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.

    Returns
    -------
    Switches
        The changes, by sequence and then by time.

    Examples
    --------
    >>> switches(np.array([[0, 0, 1, 1, 2]])).time.tolist()
    [2, 4]
    """
    sequence, before = np.nonzero(labels[:, 1:] != labels[:, :-1])
    time = before + 1
    old, new = labels[sequence, before], labels[sequence, time]
    return Switches(sequence, time, old.astype(np.int64), new.astype(np.int64))


def switching_rate(labels: NDArray[np.integer]) -> float:
    """Return the number of changes per step.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.

    Returns
    -------
    float
        Changes per step.

    Examples
    --------
    >>> switching_rate(np.array([[0, 0, 1, 1, 2]]))
    0.5
    """
    return float((labels[:, 1:] != labels[:, :-1]).mean())


def dwells(labels: NDArray[np.integer]) -> Dwells:
    """Return the dwells of labels without those that are censored at either end.

    Long dwells are censored more often, so the rest is biased to short ones in sequences that are
    not many dwells long; :func:`hmmlens.stats.dwell.dwell_test` takes that into account.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.

    Returns
    -------
    Dwells
        Labels and lengths.

    Examples
    --------
    >>> dwells(np.array([[0, 0, 1, 1, 1, 2, 0]])).length.tolist()
    [3, 1]
    """
    observed = visits(labels)
    return Dwells(observed.state[observed.ended], observed.length[observed.ended])
