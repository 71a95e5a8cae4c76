"""Simple predictors that a network's score stands beside. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


def ngram_nll(
    train_input: Ints, train_target: Ints, test_input: Ints, test_target: Ints, order: int, n: int
) -> float:
    """Return the mean negative log-likelihood (nats) of the test target from the last inputs.

    Parameters
    ----------
    train_input, test_input : (sequence, time) symbols below ``n``.
    train_target, test_target : (sequence, time) symbols below ``n``, -1 where there is none; for
        next-symbol prediction the inputs, one step later.
    order : inputs of context, the present one among them; at a sequence's start as many as there
        are. Counts are smoothed with half a count for each symbol (Krichevsky and Trofimov 1981).
    """
    total, n_known = 0.0, 0
    # The first steps have shorter contexts; each length has its own counts.
    for length in range(min(order, 1), order + 1):
        first = max(length - 1, 0)
        counts = np.full((n**length, n), 0.5)
        target = train_target[:, first:]
        known = target >= 0
        np.add.at(counts, (_contexts(train_input, length, n)[known], target[known]), 1)
        log_prob = np.log(counts / counts.sum(axis=1, keepdims=True))
        codes, target = _contexts(test_input, length, n), test_target[:, first:]
        if length < order:
            codes, target = codes[:, :1], target[:, :1]
        known = target >= 0
        total -= log_prob[codes[known], target[known]].sum()
        n_known += int(known.sum())
    return total / n_known


def _contexts(symbols: Ints, length: int, n: int) -> NDArray[np.int64]:
    """Return the codes of the ``length`` symbols up to each step that has so many before it."""
    width = max(symbols.shape[1] - max(length - 1, 0), 0)
    code = np.zeros((len(symbols), width), dtype=np.int64)
    for lag in range(length):
        code = code * n + symbols[:, lag : lag + width]
    return code


def mean_squared_error(predicted: Floats, target: Floats) -> float:
    """Return the mean over known steps and features of (sequence, time, feature)."""
    known = np.isfinite(target).all(axis=-1)
    return float(np.mean((predicted[known] - target[known]) ** 2))


def marginal_mse(train_target: Floats, test_target: Floats) -> float:
    """Return the error of always predicting the train mean."""
    mean = np.nanmean(train_target.reshape(-1, train_target.shape[-1]), axis=0)
    return mean_squared_error(np.broadcast_to(mean, test_target.shape), test_target)


def persistence_mse(test_input: Floats, test_target: Floats) -> float:
    """Return the error of predicting the present input."""
    return mean_squared_error(test_input, test_target)


def linear_mse(
    train_input: Floats,
    train_target: Floats,
    test_input: Floats,
    test_target: Floats,
    n_lags: int = 10,
) -> float:
    """Return the error of least squares on the last ``n_lags`` inputs (and a constant)."""

    def design(inputs: Floats) -> Floats:
        lagged = [np.ones((*inputs.shape[:2], 1))]
        for lag in range(n_lags):
            shifted = np.zeros_like(inputs)
            shifted[:, lag:] = inputs[:, : max(inputs.shape[1] - lag, 0)]
            lagged.append(shifted)
        return np.concatenate(lagged, axis=2)

    known = np.isfinite(train_target).all(axis=-1)
    weights, *_ = np.linalg.lstsq(design(train_input)[known], train_target[known], rcond=None)
    return mean_squared_error(design(test_input) @ weights, test_target)
