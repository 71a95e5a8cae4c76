"""Simple predictors with which a network's score is compared. NumPy only."""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats, Ints


def ngram_nll(
    train_input: Ints,
    train_target: Ints,
    test_input: Ints,
    test_target: Ints,
    order: int,
    n_inputs: int,
    n_targets: int,
) -> float:
    """Return the mean negative log-likelihood of an n-gram for the targets of test.

    Parameters
    ----------
    train_input : ndarray of shape (sequence, time)
        Symbols; any where ``order`` is 0.
    train_target : ndarray of shape (sequence, time)
        Symbols, -1 where there is none. Where they are the next inputs, this is the usual n-gram.
    test_input, test_target : ndarray of shape (sequence, time)
        The same of the sequences that are scored.
    order : int
        Inputs of context, the present one included; at a sequence's start as many as there are.
        Counts are smoothed with half a count for each symbol (Krichevsky and Trofimov 1981).
    n_inputs, n_targets : int
        Number of input and of target symbols.

    Returns
    -------
    float
        In nats.

    Examples
    --------
    >>> symbols = np.tile([0, 1], (5, 20))
    >>> inputs, targets = symbols[:, :-1], symbols[:, 1:]
    >>> ngram_nll(inputs, targets, inputs, targets, order=1, n_inputs=2, n_targets=2) < 0.05
    True
    """
    total, count = 0.0, 0
    for context in range(min(order, 1), order + 1):
        # The first steps have shorter contexts; each length has its own counts.
        pairs = _pairs(train_input, train_target, context, n_inputs)
        last = None if context == order else context
        asked = _pairs(test_input[:, :last], test_target[:, :last], context, n_inputs)
        codes, symbols = pairs[0] * n_targets + pairs[1], asked[0] * n_targets + asked[1]
        share = (_count(codes, symbols) + 0.5) / (_count(pairs[0], asked[0]) + 0.5 * n_targets)
        total -= float(np.log(share).sum())
        count += share.size
    return total / count


def _pairs(inputs: Ints, target: Ints, context: int, n_inputs: int) -> tuple[Ints, Ints]:
    """Return the code of the last ``context`` inputs, and the target, at each step with both."""
    first = max(context - 1, 0)
    following = target[:, first:]
    code = np.zeros(following.shape, dtype=np.int64)
    for lag in range(context):
        code = code * n_inputs + inputs[:, lag : lag + following.shape[1]]
    known = following >= 0
    return code[known], following[known].astype(np.int64)


def _count(seen: Ints, asked: Ints) -> Ints:
    """Return how often each of ``asked`` occurs in ``seen``."""
    if len(seen) == 0:
        return np.zeros_like(asked)
    kinds, counts = np.unique(seen, return_counts=True)
    place = np.searchsorted(kinds, asked).clip(max=len(kinds) - 1)
    return np.where(kinds[place] == asked, counts[place], 0)


def mean_squared_error(predicted: Floats, target: Floats) -> float:
    """Return the mean squared error over known steps and features.

    Parameters
    ----------
    predicted, target : ndarray of shape (sequence, time, feature)
        Prediction and target; a step is known where all its targets are finite.

    Returns
    -------
    float
        The mean squared error over known steps and features.
    """
    known = np.isfinite(target).all(axis=-1)
    return float(np.mean((predicted[known] - target[known]) ** 2))


def marginal_mse(train_target: Floats, test_target: Floats) -> float:
    """Return the error of the train mean as a constant prediction.

    Parameters
    ----------
    train_target, test_target : ndarray of shape (sequence, time, feature)
        Targets, NaN where there is none.

    Returns
    -------
    float
        The error of the train mean as a constant prediction.

    Examples
    --------
    >>> marginal_mse(np.array([[[0.0], [2.0]]]), np.array([[[1.0], [3.0]]]))
    2.0
    """
    mean = np.nanmean(train_target.reshape(-1, train_target.shape[-1]), axis=0)
    return mean_squared_error(np.broadcast_to(mean, test_target.shape), test_target)


def persistence_mse(test_input: Floats, test_target: Floats) -> float:
    """Return the error of the present input as the prediction.

    Parameters
    ----------
    test_input, test_target : ndarray of shape (sequence, time, feature)
        Inputs and targets.

    Returns
    -------
    float
        The error of the present input as the prediction.

    Examples
    --------
    >>> persistence_mse(np.array([[[0.0], [2.0]]]), np.array([[[1.0], [3.0]]]))
    1.0
    """
    return mean_squared_error(test_input, test_target)


def linear_mse(
    train_input: Floats,
    train_target: Floats,
    test_input: Floats,
    test_target: Floats,
    n_lags: int = 10,
) -> float:
    """Return the error of least squares on the last inputs and a constant.

    Parameters
    ----------
    train_input : ndarray of shape (sequence, time, feature)
        Inputs.
    train_target : ndarray of shape (sequence, time, output)
        Targets, NaN where there is none.
    test_input, test_target : ndarray of shape (sequence, time, ...)
        The same of the sequences that are scored.
    n_lags : int, optional
        Number of last inputs.

    Returns
    -------
    float
        Mean squared error.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(10, 40, 2))
    >>> linear_mse(values, 3 * values, values, 3 * values, n_lags=2) < 1e-6
    True
    """
    known = np.isfinite(train_target).all(axis=-1)
    design = _last_inputs(train_input, n_lags)[known]
    weights, *_ = np.linalg.lstsq(design, train_target[known], rcond=None)
    return mean_squared_error(_last_inputs(test_input, n_lags) @ weights, test_target)


def logistic_nll(
    train_input: Floats,
    train_target: Ints,
    test_input: Floats,
    test_target: Ints,
    n_targets: int,
    n_lags: int = 10,
) -> float:
    """Return the mean negative log-likelihood of logistic regression on the last inputs.

    Probabilities are mixed with half a count of each symbol, so that none is 0.

    Parameters
    ----------
    train_input : ndarray of shape (sequence, time, feature)
        Inputs.
    train_target : ndarray of shape (sequence, time)
        Symbols, -1 where there is none.
    test_input, test_target : ndarray of shape (sequence, time, ...)
        The same of the sequences that are scored.
    n_targets : int
        Number of target symbols.
    n_lags : int, optional
        Number of last inputs.

    Returns
    -------
    float
        In nats.
    """
    from sklearn.linear_model import LogisticRegression

    known, asked = train_target >= 0, test_target >= 0
    symbols = train_target[known]
    kinds, n = np.unique(symbols), len(symbols)
    distribution = np.zeros((int(asked.sum()), n_targets))
    if len(kinds) == 1:
        distribution[:, kinds] = 1.0
    else:
        # The model has a constant of its own.
        model = LogisticRegression(max_iter=500)
        model.fit(_last_inputs(train_input, n_lags)[known][:, 1:], symbols)
        distribution[:, kinds] = model.predict_proba(_last_inputs(test_input, n_lags)[asked][:, 1:])
    distribution = (n * distribution + 0.5) / (n + 0.5 * n_targets)
    return float(-np.log(distribution[np.arange(len(distribution)), test_target[asked]]).mean())


def _last_inputs(inputs: Floats, n_lags: int) -> Floats:
    """Return 1 and the last ``n_lags`` inputs of each step, 0 before the start, concatenated."""
    lagged = [np.ones((*inputs.shape[:2], 1))]
    for lag in range(n_lags):
        shifted = np.zeros_like(inputs)
        shifted[:, lag:] = inputs[:, : max(inputs.shape[1] - lag, 0)]
        lagged.append(shifted)
    return np.concatenate(lagged, axis=2)
