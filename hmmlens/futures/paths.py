"""Assign every state of some sequences to a class, by the continuations that separate them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.futures import sampling
from hmmlens.futures.comparison import Comparison
from hmmlens.futures.distances import combined, window_distances
from hmmlens.futures.machine import Path
from hmmlens.futures.running import CHUNK, Continuation
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Floats, Ints

#: Sum of the distances along the chosen continuations, each 1 at most, that separates two classes.
ENOUGH = 2.0


def separating(means: Floats, most: int) -> Ints:
    """Return few continuations that separate the means of classes well.

    The greedy choice adds the one that helps the pairs that are separated worst, as distinguishing
    suffixes do in the learning of automata (Angluin 1987).

    Parameters
    ----------
    means : ndarray of shape (class, continuation, step, output)
        Mean futures of the classes.
    most : int
        Largest number of continuations.

    Returns
    -------
    ndarray of shape (chosen,)
        Their numbers.
    """
    n = len(means)
    gaps = window_distances(means, means)[:, *np.triu_indices(n, 1)]
    gaps = np.minimum(gaps, 1.0)
    worst = max(1, gaps.shape[1] // 10)
    total = np.zeros(gaps.shape[1])
    chosen: list[int] = []
    for _ in range(min(most, len(gaps))):
        score = np.sort(total + gaps, axis=1)[:, :worst].mean(axis=1) + 1e-3 * gaps.mean(axis=1)
        score[chosen] = -1
        best = int(np.argmax(score))
        chosen.append(best)
        total += gaps[best]
        if total.min() >= ENOUGH:
            break
    return np.array(chosen)


def assign(
    continuation: Continuation,
    outputs: Floats,
    test: NDArray[np.bool_],
    comparison: Comparison,
    labels: Ints,
    scale: float,
    settings: FutureSettings,
    described: Floats,
) -> Path:
    """Assign every state of some sequences to the class with the nearest mean future.

    Parameters
    ----------
    continuation : Continuation
        Runs the network.
    outputs : ndarray of shape (sequence, time, output)
        Compared values of the recorded outputs.
    test : ndarray of shape (sequence,)
        Sequences that took no part in any choice.
    comparison : Comparison
        The futures of the sample.
    labels : ndarray of shape (state,)
        Classes of the sample.
    scale : float
        See :func:`hmmlens.futures.comparison.output_scale`.
    settings : FutureSettings
        Settings.
    described : ndarray of shape (sequence, time, feature)
        See :func:`hmmlens.futures.comparison.all_inputs`.

    Returns
    -------
    Path
        At most ``n_paths`` sequences, a third of them test sequences.
    """
    n_classes = int(labels.max()) + 1
    inputs, lengths = continuation.inputs, continuation.lengths
    futures = comparison.futures
    means = np.stack([futures[labels == c].mean(axis=0) for c in range(n_classes)])
    here = np.stack([comparison.now[labels == c].mean(axis=0) for c in range(n_classes)])
    suffixes = separating(means, settings.n_suffixes)
    windows = comparison.sample.windows(inputs, suffixes)
    n_test = min(int(test.sum()), max(1, settings.n_paths // 3))
    rows = np.concatenate(
        [np.flatnonzero(~test)[: settings.n_paths - n_test], np.flatnonzero(test)[:n_test]]
    )
    first = sampling.first_step(int(lengths.max()))
    classes = np.full((len(rows), inputs.shape[1]), -1)
    places = np.array([(k, t) for k, row in enumerate(rows) for t in range(first, lengths[row])])
    # Futures of a chunk of states at a time, which bounds memory.
    for part in np.array_split(places, max(1, len(places) * len(windows) // CHUNK)):
        prefixes = np.stack([rows[part[:, 0]], part[:, 1]], axis=1)
        found = continuation.futures(prefixes, windows) / scale
        gap = None
        if comparison.moore:
            now = outputs[prefixes[:, 0], prefixes[:, 1]] / scale
            gap = np.linalg.norm(now[:, None] - here[None], axis=2)
        distances = combined(window_distances(found, means[:, suffixes]), gap)
        classes[part[:, 0], part[:, 1]] = distances.argmin(axis=1)
    return Path(classes, described[rows], outputs[rows] / scale, test[rows], rows)
