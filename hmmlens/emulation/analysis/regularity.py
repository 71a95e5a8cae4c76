"""Measures of the regularity of switching, from sums over runs.

A process without memory switches with dwells whose standard deviation is about their mean; a clock
has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmlens.typing import Floats


class Parts(NamedTuple):
    """Sums of each run, from which all measures follow.

    Attributes
    ----------
    switches : ndarray of shape (run)
        Changes of label.
    steps : ndarray of shape (run)
        Steps at which it could change.
    dwells : ndarray of shape (run, 3)
        Number of whole dwells, their sum and sum of squares.
    cycles : ndarray of shape (run, label, 3)
        The same of times from one entry into a label to the next.
    covariance : ndarray of shape (run, lag)
        Autocovariance of the labels' indicators, from lag 0.
    spectrum : ndarray of shape (run, frequency)
        Power spectrum of the labels' indicators.
    """

    switches: Floats
    steps: Floats
    dwells: Floats
    cycles: Floats
    covariance: Floats
    spectrum: Floats


def rate(sums: Parts) -> Floats:
    """Return changes of label per step.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Changes per step.
    """
    return sums.switches / sums.steps


def dwell_mean(sums: Parts) -> Floats:
    """Return the mean whole dwell; long ones are censored more often, see ``labels``.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Steps.
    """
    return _mean(sums.dwells)


def dwell_cv(sums: Parts) -> Floats:
    """Return the coefficient of variation of whole dwells.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Standard deviation over mean.
    """
    return _variation(sums.dwells)


def cycle_cv(sums: Parts) -> Floats:
    """Return the coefficient of variation of the time between entries into a label.

    The measure of Pikovsky & Kurths 1997 (Phys. Rev. Lett. 78:775), of whole cycles, which does not
    depend on differences between the mean dwells of labels. Labels weigh by their cycles.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Standard deviation over mean.
    """
    weights = sums.cycles[..., 0]
    each = np.where(weights > 1, _variation(sums.cycles), 0.0)
    weights = np.where(weights > 1, weights, 0.0)
    with np.errstate(invalid="ignore"):
        mean: Floats = (weights * each).sum(axis=-1) / weights.sum(axis=-1)
    return mean


def correlation_time(sums: Parts) -> Floats:
    """Return the sum of the squared autocorrelation over lags from 1.

    Pikovsky & Kurths 1997, equation 3.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Steps.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = sums.covariance / sums.covariance[..., :1]
    time: Floats = (correlation[..., 1:] ** 2).sum(axis=-1)
    return time


def coherence(sums: Parts) -> Floats:
    """Return the correlation time in units of the mean time between switches.

    About 1/4 for two labels that switch rarely and without memory, whatever the rate; large for a
    clock. Dwells that are only a little regular shorten correlations and can bring it below 1/4.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Correlation time times switching rate.
    """
    return correlation_time(sums) * rate(sums)


def quality(sums: Parts) -> Floats:
    """Return the quality of the spectrum's peak: its frequency over its width at half height.

    0 where the spectrum is highest at its lowest frequency: there is no peak.

    Parameters
    ----------
    sums : Parts
        Sums over runs, see :func:`total` and :func:`resummed`.

    Returns
    -------
    ndarray of shape (...)
        Frequency over width.
    """
    spectra = np.atleast_2d(sums.spectrum)
    peaks = np.array([_peak(row) for row in spectra])
    return peaks if sums.spectrum.ndim > 1 else peaks[0]


#: Measures by name.
MEASURES: dict[str, Callable[[Parts], Floats]] = {
    "switching_rate": rate,
    "dwell_mean": dwell_mean,
    "dwell_cv": dwell_cv,
    "cycle_cv": cycle_cv,
    "correlation_time": correlation_time,
    "coherence": coherence,
    "peak_quality": quality,
}


def _mean(moments: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: Floats = moments[..., 1] / moments[..., 0]
    return quotient


def _variation(moments: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _mean(moments)
        square = moments[..., 2] / moments[..., 0]
        variation: Floats = np.sqrt(np.maximum(square - mean**2, 0)) / mean
    return variation


def _peak(spectrum: Floats) -> float:
    top = int(spectrum.argmax())
    if top == 0 or not np.isfinite(spectrum).all():
        return 0.0
    low = np.flatnonzero(spectrum[:top] < spectrum[top] / 2)
    high = np.flatnonzero(spectrum[top:] < spectrum[top] / 2)
    first = low[-1] + 1 if len(low) else 0
    last = top + high[0] - 1 if len(high) else len(spectrum) - 1
    # Frequencies are counted from the first, which is one step of the grid away from 0.
    return float((top + 1) / (last - first + 1))
