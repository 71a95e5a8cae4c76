"""Predict a network's output by n-grams of symbols and by linear readouts of activations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.ngrams import words
from hmmlens.typing import Floats, Ints


def ngram_distribution(
    train_symbols: Ints,
    train_distribution: Floats,
    test_symbols: Ints,
    order: int,
    n_symbols: int,
    lag: int = 0,
) -> Floats:
    """Predict the output from the last symbols, as the mean over train of the same context.

    Parameters
    ----------
    train_symbols : ndarray of shape (sequence, time)
        The network's inputs, the classes of its inputs, or (with a ``lag`` of at least 1) its own
        most likely outputs; -1 past a sequence's end.
    train_distribution : ndarray of shape (sequence, time, output)
        Output of the network.
    test_symbols : ndarray of shape (sequence, time)
        The symbols from which outputs are predicted.
    order : int
        Symbols of context.
    n_symbols : int
        Number of symbols.
    lag : int, optional
        Steps between the last symbol of the context and the output.

    Returns
    -------
    ndarray of shape (sequence, time, output)
        The prediction for test. A context that train never met, or that begins before the sequence
        does, is shortened until it is known; without any it is the mean over train.
    """
    inside = train_symbols >= 0
    distribution = np.broadcast_to(
        train_distribution[inside].mean(axis=0), (*test_symbols.shape, train_distribution.shape[2])
    )
    distribution = distribution.copy()
    for length in range(1, order + 1):
        first = length - 1 + lag
        codes = words(train_symbols, length, n_symbols)[:, : max(inside.shape[1] - first, 0)]
        known = (codes >= 0) & inside[:, first:]
        kinds, place = np.unique(codes[known], return_inverse=True)
        if not len(kinds):
            break
        sums = np.zeros((len(kinds), train_distribution.shape[2]))
        np.add.at(sums, place, train_distribution[:, first:][known])
        means = sums / np.bincount(place)[:, None]
        seen = words(test_symbols, length, n_symbols)[:, : max(test_symbols.shape[1] - first, 0)]
        at = np.minimum(np.searchsorted(kinds, seen), len(kinds) - 1)
        met = kinds[at] == seen
        rows, starts = np.nonzero(met)
        distribution[rows, starts + first] = means[at[met]]
    return distribution


def linear_prediction(
    train: Floats,
    train_distribution: Floats,
    train_inside: NDArray[np.bool_],
    test: Floats,
    lag: int = 0,
    ridge: float = 1e-6,
) -> Floats:
    """Predict the output from activations ``lag`` steps before, by ridge regression.

    With all units and no lag this is an upper bound for every explanation by states; for values the
    network itself computes its output so.

    Parameters
    ----------
    train : ndarray of shape (sequence, time, unit)
        Activations.
    train_distribution : ndarray of shape (sequence, time, output)
        Output of the network.
    train_inside : ndarray of shape (sequence, time)
        Steps to learn from.
    test : ndarray of shape (sequence, time, unit)
        The activations from which outputs are predicted.
    lag : int, optional
        Steps between the activation and the output.
    ridge : float, optional
        Penalty, relative to the mean variance of a unit.

    Returns
    -------
    ndarray of shape (sequence, time, output)
        The prediction for test; NaN in the first ``lag`` steps.

    Raises
    ------
    DataError
        When no step of train lies ``lag`` steps after another.
    """
    n_steps = train.shape[1] - lag
    both = train_inside[:, : max(n_steps, 0)] & train_inside[:, lag:]
    if not both.any():
        raise DataError(f"no train sequence is longer than the lag of {lag} steps")
    given, wanted = train[:, :n_steps][both], train_distribution[:, lag:][both]
    centre, mean = given.mean(axis=0), wanted.mean(axis=0)
    scatter = (given - centre).T @ (given - centre)
    penalty = ridge * np.trace(scatter) / len(scatter) + 1e-300
    weights = np.linalg.solve(
        scatter + penalty * np.eye(len(scatter)), (given - centre).T @ (wanted - mean)
    )
    distribution = np.full((*test.shape[:2], train_distribution.shape[2]), np.nan)
    distribution[:, lag:] = mean + (test[:, : test.shape[1] - lag] - centre) @ weights
    return distribution
