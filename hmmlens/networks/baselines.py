"""Simple predictors that a network's score stands beside. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ngram_nll(
    train: NDArray[np.integer], test: NDArray[np.integer], order: int, n_symbols: int
) -> float:
    """Return the mean next-symbol negative log-likelihood (nats) of an n-gram on ``test``.

    Parameters
    ----------
    train, test : (sequence, time) symbols.
    order : symbols of context; at a sequence's start as many as there are. Counts are smoothed
        with half a count for each symbol (Krichevsky and Trofimov 1981).
    """
    total, count = 0.0, 0
    for position in range(1, order + 1):
        # The first steps have shorter contexts; each length has its own counts.
        context = min(position, order)
        last = position == order
        codes_train = _contexts(train, context, n_symbols)
        counts = np.full((n_symbols**context, n_symbols), 0.5)
        np.add.at(counts, (codes_train.ravel(), train[:, context:].ravel()), 1)
        log_prob = np.log(counts / counts.sum(axis=1, keepdims=True))
        codes, following = _contexts(test, context, n_symbols), test[:, context:]
        if not last:
            codes, following = codes[:, :1], following[:, :1]
        total -= log_prob[codes, following].sum()
        count += following.size
    if order == 0:
        counts = np.bincount(train[:, 1:].ravel(), minlength=n_symbols) + 0.5
        following = test[:, 1:]
        total -= np.log(counts / counts.sum())[following].sum()
        count += following.size
    return total / count


def _contexts(symbols: NDArray[np.integer], order: int, n_symbols: int) -> NDArray[np.int64]:
    """Return the codes (sequence, time - order) of the ``order`` symbols before each step."""
    n_codes = max(symbols.shape[1] - order, 0)
    code = np.zeros((len(symbols), n_codes), dtype=np.int64)
    for lag in range(order):
        code = code * n_symbols + symbols[:, lag : lag + n_codes]
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
