"""How regular switching is: dwells, cycles, correlations and spectra of labels.

A process without memory switches with dwells whose standard deviation is about their mean; a clock
has none. Everything is computed from sums over runs, so that intervals resample whole runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hmmlens.dynamics.labels import dwells
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Floats, Ints

#: Lags of the autocorrelation, and steps of the windows of which spectra are means.
N_LAGS, WINDOW = 200, 256
#: Resamples of the runs for an interval.
N_BOOTSTRAP = 500


class Parts(NamedTuple):
    """Sums of each run, from which all measures follow.

    switches : (run), changes of label
    steps : (run), steps at which it could change
    dwells : (run, 3), number of whole dwells, their sum and sum of squares
    cycles : (run, label, 3), the same of times from one entry into a label to the next
    covariance : (run, lag), of the labels' indicators with themselves, lags 0 to :data:`N_LAGS`
    spectrum : (run, frequency), of the labels' indicators
    """

    switches: Floats
    steps: Floats
    dwells: Floats
    cycles: Floats
    covariance: Floats
    spectrum: Floats


def parts(labels: Ints, n_labels: int) -> Parts:
    """Return the sums of labels (run, time), numbered 0 to ``n_labels`` - 1."""
    changes = labels[:, 1:] != labels[:, :-1]
    indicator = np.eye(n_labels)[labels]
    centred = indicator - indicator.mean(axis=(0, 1))
    n_steps = labels.shape[1]
    # Zeros behind each run keep its end from meeting its beginning.
    transform = np.fft.rfft(centred, n=2 * n_steps, axis=1)
    product = np.fft.irfft((np.abs(transform) ** 2).sum(axis=2), axis=1)
    n_lags = min(N_LAGS, n_steps // 4)
    covariance = product[:, : n_lags + 1] / (n_steps - np.arange(n_lags + 1))
    return Parts(
        changes.sum(axis=1).astype(float),
        np.full(len(labels), float(n_steps - 1)),
        np.stack([_moments(dwells(row[None]).length) for row in labels]),
        np.stack([_returns(row, n_labels) for row in labels]),
        covariance,
        _spectra(centred),
    )


def rate(sums: Parts) -> Floats:
    """Return changes of label per step."""
    return sums.switches / sums.steps


def dwell_mean(sums: Parts) -> Floats:
    """Return the mean whole dwell, steps; long ones are cut off more often, see ``labels``."""
    return _mean(sums.dwells)


def dwell_cv(sums: Parts) -> Floats:
    """Return the coefficient of variation of whole dwells."""
    return _variation(sums.dwells)


def cycle_cv(sums: Parts) -> Floats:
    """Return the coefficient of variation of the time between entries into a label.

    The measure of Pikovsky & Kurths 1997 (Phys. Rev. Lett. 78:775), of whole cycles, which leaves
    it alone that labels differ in how long they last. Labels weigh by their cycles.
    """
    weights = sums.cycles[..., 0]
    each = np.where(weights > 1, _variation(sums.cycles), 0.0)
    weights = np.where(weights > 1, weights, 0.0)
    with np.errstate(invalid="ignore"):
        found: Floats = (weights * each).sum(axis=-1) / weights.sum(axis=-1)
    return found


def correlation_time(sums: Parts) -> Floats:
    """Return the sum of the squared autocorrelation over lags from 1, steps.

    Pikovsky & Kurths 1997, equation 3.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = sums.covariance / sums.covariance[..., :1]
    found: Floats = (correlation[..., 1:] ** 2).sum(axis=-1)
    return found


def coherence(sums: Parts) -> Floats:
    """Return the correlation time in units of the mean time between switches.

    About 1/4 for two labels that switch rarely and without memory, whatever the rate; large for a
    clock. Dwells that are only a little regular shorten correlations and can bring it below 1/4.
    """
    return correlation_time(sums) * rate(sums)


def quality(sums: Parts) -> Floats:
    """Return the quality of the spectrum's peak: its frequency over its width at half height.

    0 where the spectrum is highest at its lowest frequency: there is no peak.
    """
    spectra = np.atleast_2d(sums.spectrum)
    found = np.array([_peak(row) for row in spectra])
    return found if sums.spectrum.ndim > 1 else found[0]


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


def total(sums: Parts, runs: slice | Ints = slice(None)) -> Parts:
    """Return the sums over all or some runs; ``covariance`` and ``spectrum`` are sums too."""
    return Parts(*(part[runs].sum(axis=0) for part in sums))


def draw_runs(n_runs: int, rng: np.random.Generator, n_bootstrap: int = N_BOOTSTRAP) -> Ints:
    """Return how often each run is drawn in each resample (resample, run)."""
    return rng.multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=n_bootstrap)


def resummed(sums: Parts, counts: Ints) -> Parts:
    """Return the sums over resamples of the runs, one entry each; see :func:`draw_runs`."""
    return Parts(*(np.tensordot(counts, part, axes=1) for part in sums))


def measure(sums: Parts, name: str, rng: np.random.Generator) -> Estimate:
    """Return a measure of :data:`MEASURES` with its interval over runs; NaN where it has none."""
    value = float(MEASURES[name](total(sums)))
    if len(sums.switches) < 2:
        return Estimate(value, np.nan, np.nan)
    return Estimate(
        value, *interval(MEASURES[name](resummed(sums, draw_runs(len(sums.switches), rng))))
    )


def _moments(lengths: Ints) -> Floats:
    values = lengths.astype(float)
    return np.array([len(values), values.sum(), (values**2).sum()])


def _returns(row: Ints, n_labels: int) -> Floats:
    """Return the moments of times between entries into each label (label, 3)."""
    entries = np.flatnonzero(np.diff(row)) + 1
    return np.stack([_moments(np.diff(entries[row[entries] == k])) for k in range(n_labels)])


def _mean(moments: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = moments[..., 1] / moments[..., 0]
    return found


def _variation(moments: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _mean(moments)
        found: Floats = np.sqrt(np.maximum(moments[..., 2] / moments[..., 0] - mean**2, 0)) / mean
    return found


def _spectra(centred: Floats) -> Floats:
    """Return the power spectrum of each run (run, frequency), without frequency 0 (Welch 1967)."""
    from scipy.signal import welch

    length = min(WINDOW, centred.shape[1])
    power: Floats = welch(centred, nperseg=length, axis=1, detrend=False)[1].sum(axis=2)
    return power[:, 1:]


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
