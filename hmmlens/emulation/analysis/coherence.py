"""Regularity of switching: dwells, cycles, correlations and spectra of labels.

A process without memory switches with dwells whose standard deviation is about their mean; a clock
has none. Everything is computed from sums over runs, so that intervals resample whole runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmmlens.dynamics.labels import dwells
from hmmlens.emulation.analysis.regularity import MEASURES, Parts
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Floats, Ints


@dataclass(frozen=True)
class CoherenceSettings:
    """Settings of the measures of regularity.

    Attributes
    ----------
    n_lags : int
        Lags of the autocorrelation.
    window : int
        Steps of the windows over which spectra are averaged.
    n_bootstrap : int
        Resamples of the runs for an interval.
    """

    n_lags: int = 200
    window: int = 256
    n_bootstrap: int = 500


def parts(
    labels: Ints,
    n_labels: int,
    settings: CoherenceSettings = CoherenceSettings(),
) -> Parts:
    """Return the sums of each run.

    Parameters
    ----------
    labels : ndarray of shape (run, time)
        Labels, numbered from 0.
    n_labels : int
        Number of labels.
    settings : CoherenceSettings
        Numbers of lags and window.

    Returns
    -------
    Parts
        Sums of each run.
    """
    changes = labels[:, 1:] != labels[:, :-1]
    indicator = np.eye(n_labels)[labels]
    centred = indicator - indicator.mean(axis=(0, 1))
    n_steps = labels.shape[1]
    # Zeros behind each run keep its end from meeting its beginning.
    transform = np.fft.rfft(centred, n=2 * n_steps, axis=1)
    product = np.fft.irfft((np.abs(transform) ** 2).sum(axis=2), axis=1)
    n_lags = min(settings.n_lags, n_steps // 4)
    covariance = product[:, : n_lags + 1] / (n_steps - np.arange(n_lags + 1))
    return Parts(
        changes.sum(axis=1).astype(float),
        np.full(len(labels), float(n_steps - 1)),
        np.stack([_moments(dwells(row[None]).length) for row in labels]),
        np.stack([_returns(row, n_labels) for row in labels]),
        covariance,
        _spectra(centred, settings.window),
    )


def total(sums: Parts, runs: slice | Ints = slice(None)) -> Parts:
    """Return the sums over all or some runs; ``covariance`` and ``spectrum`` are sums too.

    Parameters
    ----------
    sums : Parts
        Sums of each run.
    runs : slice or ndarray of shape (index)
        The runs.

    Returns
    -------
    Parts
        Sums without the dimension of runs.
    """
    return Parts(*(part[runs].sum(axis=0) for part in sums))


def resample_runs(
    n_runs: int, rng: np.random.Generator, n_bootstrap: int = CoherenceSettings.n_bootstrap
) -> Ints:
    """Return how often each run occurs in each resample.

    Parameters
    ----------
    n_runs : int
        Number of runs.
    rng : numpy.random.Generator
        Source of the resamples.
    n_bootstrap : int
        Number of resamples.

    Returns
    -------
    ndarray of shape (resample, run)
        Counts.
    """
    return rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=n_bootstrap)


def resummed(sums: Parts, counts: Ints) -> Parts:
    """Return the sums over resamples of the runs.

    Parameters
    ----------
    sums : Parts
        Sums of each run.
    counts : ndarray of shape (resample, run)
        Result of :func:`resample_runs`.

    Returns
    -------
    Parts
        Sums with a dimension of resamples in place of runs.
    """
    return Parts(*(np.tensordot(counts, part, axes=1) for part in sums))


def measure(
    sums: Parts,
    name: str,
    rng: np.random.Generator,
    settings: CoherenceSettings = CoherenceSettings(),
) -> Estimate:
    """Return a measure with its interval over runs.

    Parameters
    ----------
    sums : Parts
        Sums of each run.
    name : str
        A name of :data:`MEASURES`.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CoherenceSettings
        Number of resamples.

    Returns
    -------
    Estimate
        The measure; the interval is NaN with a single run.

    Examples
    --------
    >>> labels = np.tile(np.arange(400) // 10 % 2, (4, 1))
    >>> sums = parts(labels, 2, CoherenceSettings(n_lags=20, window=64))
    >>> round(float(measure(sums, "switching_rate", np.random.default_rng(0)).value), 2)
    0.1
    """
    value = float(MEASURES[name](total(sums)))
    n_runs = len(sums.switches)
    if n_runs < 2:
        return Estimate(value, np.nan, np.nan)
    counts = resample_runs(n_runs, rng, settings.n_bootstrap)
    return Estimate(value, *interval(MEASURES[name](resummed(sums, counts))))


def _moments(lengths: Ints) -> Floats:
    values = lengths.astype(float)
    return np.array([len(values), values.sum(), (values**2).sum()])


def _returns(row: Ints, n_labels: int) -> Floats:
    """Return the moments of times between entries into each label (label, 3)."""
    entries = np.flatnonzero(np.diff(row)) + 1
    return np.stack([_moments(np.diff(entries[row[entries] == k])) for k in range(n_labels)])


def _spectra(centred: Floats, window: int) -> Floats:
    """Return the power spectrum of each run (run, frequency), without frequency 0 (Welch 1967)."""
    from scipy.signal import welch

    length = min(window, centred.shape[1])
    power: Floats = welch(centred, nperseg=length, axis=1, detrend=False)[1].sum(axis=2)
    return power[:, 1:]
