"""Classes of inputs: checks, and transition probabilities of each class from counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arguments, observations, ragged
from hmmlens.errors import DataError
from hmmlens.hmm.engine.rows import rows_to_one
from hmmlens.typing import Floats, Ints

#: Weight, in transitions, of the average table in each class's table.
POOLING = 1.0
#: Share of a uniform row in the average table, so that nothing is impossible.
UNIFORM = 1e-3


def checked(
    values: Any, classes: Any, lengths: Any, n_classes: int
) -> tuple[Floats, Ints, NDArray[np.bool_]]:
    """Return checked values and classes.

    Parameters
    ----------
    values, classes, lengths : array_like
        See :meth:`hmmlens.InputDrivenHMM.filter`.
    n_classes : int
        Number of classes.

    Returns
    -------
    values : ndarray of shape (sequence, time, component)
        0 past a sequence's end.
    classes : ndarray of int of shape (sequence, time)
        Arbitrary past a sequence's end.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.

    Raises
    ------
    DataError
        When shapes or classes do not fit.
    """
    sequences = observations.values(values, lengths, name="values")
    if sequences.inside is None:
        raise DataError(
            f"values has shape {sequences.frames.shape}; (sequence, time, component) is needed"
        )
    raw = ragged.given(classes, None, "classes")
    labels, n_steps = raw.values, sequences.inside.shape[1]
    if raw.lengths is not None and not np.array_equal(raw.lengths, sequences.lengths):
        raise DataError(
            f"classes are of sequences of {raw.lengths.tolist()} steps, values of "
            f"{sequences.lengths.tolist()}"
        )
    if raw.lengths is not None and labels.ndim == 2:
        # A list as long as its longest sequence.
        labels = np.pad(labels, ((0, 0), (0, max(0, n_steps - labels.shape[1]))))[:, :n_steps]
    if raw.missing is not None:
        raise DataError("classes has masked entries; every step needs the class of its input")
    labels = arguments.integers(labels) if labels.dtype.kind in "biu" else labels
    check_classes(labels, sequences.inside, n_classes)
    return sequences.padded(sequences.frames, 0.0), labels, sequences.inside


def check_classes(classes: Ints, inside: NDArray[np.bool_], n_classes: int) -> None:
    """Refuse classes that are no classes.

    Parameters
    ----------
    classes : ndarray of shape (sequence, time)
        Class of the input at each step.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    n_classes : int
        Number of classes.

    Raises
    ------
    DataError
        Unless classes are whole numbers from 0 to ``n_classes - 1``.
    """
    if classes.shape != inside.shape or not np.issubdtype(classes.dtype, np.integer):
        raise DataError(
            f"input classes have shape {classes.shape} and type {classes.dtype}; whole numbers of "
            f"shape {inside.shape} are needed"
        )
    bad = np.argwhere(inside & ((classes < 0) | (classes >= n_classes)))
    if len(bad):
        sequence, step = bad[0]
        raise DataError(
            f"input class {classes[sequence, step]} at sequence {sequence}, step {step} lies "
            f"outside 0 to {n_classes - 1}"
        )


def transitions(
    states: Ints, classes: Ints, inside: NDArray[np.bool_], n_states: int, n_classes: int
) -> Floats:
    """Count transitions of known states.

    Parameters
    ----------
    states, classes : ndarray of int of shape (sequence, time)
        State and class of the input at each step.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    n_states, n_classes : int
        Numbers of states and classes.

    Returns
    -------
    ndarray of shape (class, state, next_state)
        Counts.
    """
    counts = np.zeros((n_classes, n_states, n_states))
    here = inside[:, 1:]
    np.add.at(counts, (classes[:, 1:][here], states[:, :-1][here], states[:, 1:][here]), 1)
    return counts


def tables(counts: Floats, parts: Sequence[tuple[int, ...]] = ()) -> Floats:
    """Return transition probabilities of counts.

    The counts of each class get :data:`POOLING` transitions of another table, so that a rare class
    moves as that one does until its own counts outweigh it. This is the average over classes; or,
    for a class that combines others, their composition, if that makes the transitions of all
    combinations more probable than the average does.

    Parameters
    ----------
    counts : ndarray of shape (class, state, next_state)
        Numbers of transitions.
    parts : sequence of tuple of int, optional
        For each class the classes that it combines, empty for none.

    Returns
    -------
    ndarray of shape (class, state, next_state)
        Rows that add up to 1.

    Examples
    --------
    Class 3 combines classes 1 and 2, each of which sets one of two bits, and occurred only once:

    >>> import numpy as np
    >>> counts = np.zeros((4, 4, 4))
    >>> counts[0] = 90 * np.eye(4)
    >>> for state in range(4):
    ...     counts[1, state, state | 1] = counts[2, state, state | 2] = 90
    >>> counts[3, 0, 3] = 1
    >>> tables(counts)[3, 1].round(1).tolist()
    [0.0, 0.7, 0.0, 0.3]
    >>> tables(counts, [(), (), (), (1, 2)])[3, 1].round(1).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    average = average_table(counts)
    found = rows_to_one(counts + POOLING * average, counts)
    if not composes(counts, parts):
        return found
    return rows_to_one(counts + POOLING * backoff(found, average, parts), counts)


def composes(counts: Floats, parts: Sequence[tuple[int, ...]]) -> bool:
    """Return whether classes that combine others move as the composition of these does.

    Parameters
    ----------
    counts : ndarray of shape (class, state, next_state)
        Numbers of transitions.
    parts : sequence of tuple of int
        See :func:`tables`.

    Returns
    -------
    bool
        Whether compositions make the transitions of all combinations more probable than the average
        over classes does; False without combinations.
    """
    combined = [k for k, own in enumerate(parts) if own]
    if not combined:
        return False
    average = average_table(counts)
    found = rows_to_one(counts + POOLING * average, counts)
    composed = np.stack([composition(found, parts[k]) for k in combined])
    own = counts[combined]
    return bool((own * np.log(composed)).sum() > (own * np.log(average)).sum())


def backoff(matrices: Floats, average: Floats, parts: Sequence[tuple[int, ...]] = ()) -> Floats:
    """Return the table that each class falls back to: its composition, or the average.

    Parameters
    ----------
    matrices : ndarray of shape (class, state, next_state)
        Transition probabilities of each class.
    average : ndarray of shape (state, next_state)
        Of the classes, see :func:`average_table`.
    parts : sequence of tuple of int, optional
        See :func:`tables`.

    Returns
    -------
    ndarray of shape (class, state, next_state)
        Transition probabilities.
    """
    found = np.tile(average, (len(matrices), 1, 1))
    for k, own in enumerate(parts):
        if own:
            found[k] = composition(matrices, own)
    return found


def composition(matrices: Floats, parts: Sequence[int]) -> Floats:
    """Return the transitions under several classes at once, as if one acted after the other.

    Parameters
    ----------
    matrices : ndarray of shape (class, state, next_state)
        Transition probabilities of each class.
    parts : sequence of int
        The classes.

    Returns
    -------
    ndarray of shape (state, next_state)
        The mean of both directions of their sequence.
    """
    own = [matrices[k] for k in parts]
    there, back = reduce(np.matmul, own), reduce(np.matmul, own[::-1])
    composed: Floats = (there + back) / (there + back).sum(axis=1, keepdims=True)
    return composed


def average_table(weights: Floats) -> Floats:
    """Return the average of transition matrices or counts over the classes.

    Parameters
    ----------
    weights : ndarray of shape (class, state, next_state)
        Probabilities or counts.

    Returns
    -------
    ndarray of shape (state, next_state)
        Rows that add up to 1, without a zero.
    """
    n_states = weights.shape[1]
    even = np.full((n_states, n_states), 1 / n_states)
    average = rows_to_one(weights.sum(axis=0), even)
    return (1 - UNIFORM) * average + UNIFORM * even
