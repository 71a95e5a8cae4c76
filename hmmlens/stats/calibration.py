"""Calibration of probabilities, and accuracy on the steps with the most certain ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.stats.entropy import entropy
from hmmlens.typing import Floats, Ints

#: Bins of a reliability diagram.
N_BINS = 10


def truth_distribution(posteriors: Floats, truth: Ints, n_truth: int) -> Floats:
    """Return P(truth | state), counted on the train split.

    Parameters
    ----------
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    n_truth : int
        Number of true states.

    Returns
    -------
    ndarray of shape (state, truth)
        With half a count for each truth; ``posteriors`` times it is P(truth | data).
    """
    known = truth >= 0
    joint = posteriors[known].T @ np.eye(n_truth)[truth[known]] + 0.5
    distribution: Floats = joint / joint.sum(axis=1, keepdims=True)
    return distribution


def _bins(probabilities: Floats, truth: Ints, n_bins: int) -> Floats:
    """Return steps, summed confidence and right answers: (sequence, bin, 3)."""
    known = truth >= 0
    if not known.any():
        raise DataError("no step has a known truth, so nothing can be calibrated")
    confidence = probabilities.max(axis=2)[known]
    right = probabilities.argmax(axis=2)[known] == truth[known]
    place = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    parts = np.zeros((len(truth), n_bins, 3))
    values = np.stack([np.ones_like(confidence), confidence, right], axis=1)
    np.add.at(parts, (np.nonzero(known)[0], place), values)
    return parts


def reliability(probabilities: Floats, truth: Ints, n_bins: int = N_BINS) -> pd.DataFrame:
    """Return how often the most likely state is right, by its probability.

    Parameters
    ----------
    probabilities : ndarray of shape (sequence, time, truth)
        P(truth | data up to the step).
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    n_bins : int, optional
        Number of bins of equal width.

    Returns
    -------
    DataFrame
        One row per bin that holds a step: ``low, high, n, confidence, accuracy``.

    Raises
    ------
    DataError
        When no step has a known truth.

    Examples
    --------
    >>> probabilities = np.array([[[0.9, 0.1], [0.9, 0.1], [0.45, 0.55], [0.3, 0.7]]])
    >>> reliability(probabilities, np.array([[0, 0, 0, 1]]), n_bins=4)["accuracy"].tolist()
    [0.5, 1.0]
    """
    n, confidence, right = np.moveaxis(_bins(probabilities, truth, n_bins).sum(axis=0), 1, 0)
    edges = np.arange(n_bins + 1) / n_bins
    some = n > 0
    return pd.DataFrame(
        {
            "low": edges[:-1][some],
            "high": edges[1:][some],
            "n": n[some].astype(np.int64),
            "confidence": confidence[some] / n[some],
            "accuracy": right[some] / n[some],
        }
    )


def calibration_error(
    probabilities: Floats,
    truth: Ints,
    n_bootstrap: int,
    rng: np.random.Generator,
    n_bins: int = N_BINS,
) -> Estimate:
    """Return the expected calibration error (Naeini et al. 2015) and its interval.

    The mean over steps of the absolute difference between accuracy and confidence of their bin. It
    is above 0 for few steps even when every probability is right.

    Parameters
    ----------
    probabilities : ndarray of shape (sequence, time, truth)
        P(truth | data up to the step).
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    n_bootstrap : int
        Resamples of sequences.
    rng : numpy.random.Generator
        Source of the resamples.
    n_bins : int, optional
        Number of bins of equal width.

    Returns
    -------
    Estimate
        Value and interval.

    Raises
    ------
    DataError
        When no step has a known truth.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random((50, 100)) < 0.8).astype(int)
    >>> error = calibration_error(np.full((50, 100, 2), [0.2, 0.8]), truth, 50, rng)
    >>> error.value < 0.02
    True
    """

    def _score(sums: Floats) -> float:
        return float(np.abs(sums[:, 2] - sums[:, 1]).sum() / sums[:, 0].sum())

    return estimate(_bins(probabilities, truth, n_bins), _score, n_bootstrap, rng)


def coverage(probabilities: Floats, truth: Ints, shares: Floats | list[float]) -> pd.DataFrame:
    """Return the accuracy on the most certain steps.

    Parameters
    ----------
    probabilities : ndarray of shape (sequence, time, truth)
        P(truth | data up to the step).
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    shares : array_like of shape (share,)
        Shares of the steps, the most certain first.

    Returns
    -------
    DataFrame
        ``share, entropy`` (nats, the largest among these steps) and ``accuracy``.
    """
    known = truth >= 0
    distributions = probabilities[known]
    uncertainty = entropy(distributions)
    right = distributions.argmax(axis=1) == truth[known]
    order = np.argsort(uncertainty, kind="stable")
    rows = []
    for share in shares:
        chosen = order[: max(1, round(share * len(order)))]
        rows.append((share, float(uncertainty[chosen[-1]]), float(right[chosen].mean())))
    return pd.DataFrame(rows, columns=["share", "entropy", "accuracy"])
