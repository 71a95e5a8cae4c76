"""The inputs and outputs of one network on which all statistics of validation are computed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.interpretation.input_events import MOST_EVENTS, input_events
from hmmlens.ragged import steps_inside
from hmmlens.stats.clusters import fit_kmeans, nearest
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Bools, Floats, Int64s, Ints

#: Distinct inputs up to this number are classes by themselves.
MOST_DISTINCT = 32
#: Clusters of inputs that are too many to be classes by themselves, and initialisations of them.
N_CLUSTERS, N_INIT = 12, 2


class InputOutput(NamedTuple):
    """Inputs and outputs of one network.

    Attributes
    ----------
    distribution : ndarray of shape (sequence, time, output)
        Output of the network: distributions of symbols, or values.
    classes : ndarray of shape (sequence, time)
        Class of each input.
    n_classes : int
        Number of input classes.
    masks : dict of str to ndarray of shape (sequence, time)
        Frames of the splits ``train``, ``select`` and ``test``.
    parts : tuple of tuple of int
        For each class the classes of which it is a combination, see :func:`combinations`; empty
        where that is not known.
    """

    distribution: Floats
    classes: Int64s
    n_classes: int
    masks: dict[str, Bools]
    parts: tuple[tuple[int, ...], ...] = ()

    @property
    def average(self) -> Floats:
        """Return the mean output (output,) over the frames of train.

        Returns
        -------
        ndarray of shape (output,)
            Mean output.
        """
        mean: Floats = self.distribution[self.masks["train"]].mean(axis=0)
        return mean


def input_classes(
    inputs: NDArray[np.generic], train: Bools, lengths: Ints | None = None, seed: int = 0
) -> tuple[Int64s, int]:
    """Return the class of each input and the number of classes.

    Symbols are classes. Values are scaled (:func:`hmmlens.stats.scaling.scaled`). Those that take
    few distinct levels (pulses) have one class for each level seen in train, others their nearest;
    where they are many, but combine few levels of several inputs, each combination is a class, see
    :func:`combinations`; the rest are clustered by k-means.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    train : ndarray of shape (sequence,)
        True for sequences from which classes are learnt.
    lengths : ndarray of shape (sequence,), optional
        Number of steps of each sequence; None where no sequence is padded.
    seed : int, optional
        Seed of k-means.

    Returns
    -------
    classes : ndarray of shape (sequence, time)
        0 past a sequence's end.
    n_classes : int
        Number of classes.

    Raises
    ------
    DataError
        When a symbol is below 0.

    Examples
    --------
    >>> pulses = np.array([[[0.0], [1.0], [0.0]], [[-1.0], [0.0], [0.0]]])
    >>> classes, n_classes = input_classes(pulses, np.array([True, True]))
    >>> classes.tolist(), n_classes
    ([[1, 2, 1], [0, 1, 1]], 3)
    """
    inside = steps_inside(lengths, *inputs.shape[:2])
    if inputs.ndim == 2:
        symbols = np.where(inside, inputs, 0).astype(np.int64)
        if symbols.min() < 0:
            raise DataError("an input symbol is below 0; number the symbols from 0")
        return symbols, int(symbols.max()) + 1
    values = scaled(inputs, inside, train)
    flat, learn = values[inside], values[inside & train[:, None]]
    if not values.shape[2]:
        # Inputs that never vary are one class.
        return np.zeros(inside.shape, dtype=np.int64), 1
    centres = np.unique(learn, axis=0)
    if len(centres) > MOST_DISTINCT:
        events = input_events(inputs, lengths)
        if any(events.parts) and not events.averaged and len(events.names) < MOST_EVENTS:
            return np.maximum(events.event, 0), len(events.names)
        centres = fit_kmeans(learn, N_CLUSTERS, N_INIT, seed).cluster_centers_
    classes = np.zeros(inside.shape, dtype=np.int64)
    classes[inside] = nearest(flat, centres)
    return classes, len(centres)


def combinations(
    inputs: NDArray[np.generic], classes: Ints, n_classes: int, lengths: Ints | None = None
) -> tuple[tuple[int, ...], ...]:
    """Return for each class of inputs the classes of which it is a combination.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    classes : ndarray of shape (sequence, time)
        Their classes, see :func:`input_classes`.
    n_classes : int
        Number of classes.
    lengths : ndarray of shape (sequence,), optional
        Number of steps of each sequence; None where no sequence is padded.

    Returns
    -------
    tuple of tuple of int
        Empty for a class that is no combination, and for all where a class is not one event, see
        :func:`hmmlens.interpretation.input_events.input_events`.

    Examples
    --------
    >>> pulses = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    >>> classes, n = input_classes(pulses, np.array([True]))
    >>> classes.tolist(), combinations(pulses, classes, n)
    ([[0, 2, 0, 1, 3]], ((), (), (), (2, 1)))
    """
    nothing: tuple[tuple[int, ...], ...] = ((),) * n_classes
    if inputs.ndim == 2:
        return nothing
    events = input_events(inputs, lengths)
    if events.averaged or not any(events.parts):
        return nothing
    inside = events.event >= 0
    pairs = np.unique(np.stack([classes[inside], events.event[inside]], axis=1), axis=0)
    if len(pairs) != len(np.unique(pairs[:, 0])) or len(pairs) != len(np.unique(pairs[:, 1])):
        return nothing
    of_event = {int(event): int(k) for k, event in pairs}
    parts = {
        of_event[event]: tuple(of_event[one] for one in own if one in of_event)
        for event, own in enumerate(events.parts)
        if event in of_event
    }
    return tuple(parts.get(k, ()) for k in range(n_classes))
