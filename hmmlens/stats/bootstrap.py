"""Intervals that resample whole units: sequences, or trainings where the claim is about training.

A score is a function of counts or sums that add up over units. What steps of one unit share
with each other is kept, because a unit is taken whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmlens.typing import Floats


class Estimate(NamedTuple):
    """A value and its 95 % interval; NaN limits where there is none."""

    value: float
    low: float
    high: float


def resampled(parts: Floats, n_bootstrap: int, rng: np.random.Generator) -> Floats:
    """Return sums of ``parts`` (unit, ...) over resamples of the units: (resample, ...)."""
    n = len(parts)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    sums: Floats = np.tensordot(counts, parts, axes=1)
    return sums


def interval(values: Floats | list[float]) -> tuple[float, float]:
    """Return the central 95 % of ``values``; NaN if one of them is."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def estimate(
    parts: Floats, score: Callable[[Floats], float], n_bootstrap: int, rng: np.random.Generator
) -> Estimate:
    """Return ``score`` of the sum of ``parts`` (unit, ...) with its bootstrap interval.

    With fewer than two units there is no interval (Efron & Tibshirani 1993, chapter 13).
    """
    value = score(parts.sum(axis=0))
    if len(parts) < 2:
        return Estimate(value, np.nan, np.nan)
    return Estimate(value, *interval([score(s) for s in resampled(parts, n_bootstrap, rng)]))


def mean_estimate(values: Floats) -> Estimate:
    """Return the mean of ``values`` (unit), one for each, with its normal 95 % interval."""
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, np.nan, np.nan)
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)
