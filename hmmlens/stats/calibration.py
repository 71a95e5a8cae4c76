"""Whether probabilities mean what they say, and what is gained by keeping silent when unsure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.typing import Floats, Ints

N_BINS = 10


def truth_distribution(posteriors: Floats, truth: Ints, n_truth: int) -> Floats:
    """Return P(truth | state) (state, truth), counted on the train split.

    Parameters
    ----------
    posteriors : (sequence, time, state), filtered.
    truth : (sequence, time), -1 where unknown.

    Returns
    -------
    distribution : with half a count for each truth; ``posteriors @ law`` is then P(truth | data).
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
    """Return how often the likeliest state is right, by how likely it was said to be.

    Parameters
    ----------
    probabilities : (sequence, time, truth), P(truth | data up to the step).
    truth : (sequence, time), -1 where unknown.

    Returns
    -------
    DataFrame
        One row per bin of equal width that holds a step: ``low, high, n, confidence, accuracy``.
    """
    n, said, right = np.moveaxis(_bins(probabilities, truth, n_bins).sum(axis=0), 1, 0)
    edges = np.arange(n_bins + 1) / n_bins
    some = n > 0
    return pd.DataFrame(
        {
            "low": edges[:-1][some],
            "high": edges[1:][some],
            "n": n[some].astype(np.int64),
            "confidence": said[some] / n[some],
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

    The mean over steps of |accuracy - confidence| of their bin. It is above 0 for few steps even
    when every probability is right.
    """

    def score(sums: Floats) -> float:
        return float(np.abs(sums[:, 2] - sums[:, 1]).sum() / sums[:, 0].sum())

    return estimate(_bins(probabilities, truth, n_bins), score, n_bootstrap, rng)


def coverage(probabilities: Floats, truth: Ints, shares: Floats | list[float]) -> pd.DataFrame:
    """Return the accuracy on the most certain steps.

    Parameters
    ----------
    shares : of the steps that are answered; the least certain others are left out.

    Returns
    -------
    DataFrame
        ``share, entropy`` (nats, the largest that is answered) and ``accuracy``.
    """
    known = truth >= 0
    distributions = probabilities[known]
    entropy = -(distributions * np.log(np.where(distributions > 0, distributions, 1.0))).sum(axis=1)
    right = distributions.argmax(axis=1) == truth[known]
    order = np.argsort(entropy, kind="stable")
    rows = []
    for share in shares:
        chosen = order[: max(1, round(share * len(order)))]
        rows.append((share, float(entropy[chosen[-1]]), float(right[chosen].mean())))
    return pd.DataFrame(rows, columns=["share", "entropy", "accuracy"])
