"""The end of the plateau: the growing correlation between the symbols of nearby steps.

If that correlation (:mod:`hmmlens.emulation.analysis.plateau.step_correlation`) grew by a constant
factor, as at a saddle of a smooth loss, its early growth would predict the escape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.emulation.analysis.along_training import Weights
from hmmlens.emulation.analysis.plateau.step_correlation import (
    Correlations,
    EscapeSettings,
    correlations,
)
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Floats


class Growth(NamedTuple):
    """Growth of the correlation, and predictions of the end of the plateau.

    Attributes
    ----------
    rate : Estimate
        Rate per update of an exponential, fitted to all small values since their minimum.
    speeding : Estimate
        Rate of the later half of those less that of the earlier half: 0 for an exponential.
    first, last : float
        First and last update that are fitted.
    exponential : Estimate
        Update at which that exponential reaches half of the target's correlation.
    early : Estimate
        The same from the first half of the values.
    hyperbolic : Estimate
        The same of accelerating growth, 1 / correlation falling linearly.
    reached : float
        Update at which the correlation did reach it.
    """

    rate: Estimate
    speeding: Estimate
    first: float
    last: float
    exponential: Estimate
    early: Estimate
    hyperbolic: Estimate
    reached: float


def window(
    measured: Correlations,
    settings: EscapeSettings = EscapeSettings(),  # noqa: B008
) -> NDArray[np.integer]:
    """Return the checkpoints that growth is fitted to.

    Those before the first at which the share ``reached`` is exceeded, that lie below ``small`` and,
    with the lower end of their intervals, above 0, in one stretch that ends with the last such one;
    from its smallest value on.

    Parameters
    ----------
    measured : Correlations
        Result of :func:`correlations`.
    settings : EscapeSettings
        Thresholds.

    Returns
    -------
    ndarray of shape (index)
        Consecutive positions, or none.
    """
    low = np.quantile(measured.resampled, 0.025, axis=0)
    past = np.flatnonzero(measured.value >= settings.reached)
    end = int(past[0]) if len(past) else len(measured.value)
    small = np.flatnonzero((measured.value < settings.small)[:end] & (low > 0)[:end])
    if not len(small):
        return small
    first = last = int(small[-1])
    while first > 0 and first - 1 in small:
        first -= 1
    first += int(measured.value[first : last + 1].argmin())
    return np.arange(first, last + 1)


def growth(
    measured: Correlations,
    settings: EscapeSettings = EscapeSettings(),  # noqa: B008
) -> Growth | None:
    """Fit growth, and predict when the plateau ends.

    Intervals resample sequences: they are those of the correlation of these weights.

    Parameters
    ----------
    measured : Correlations
        Result of :func:`correlations`.
    settings : EscapeSettings
        Thresholds.

    Returns
    -------
    Growth or None
        None with fewer than ``fewest`` small values.
    """
    rows = window(measured, settings)
    if len(rows) < settings.fewest:
        return None
    half = len(rows) // 2
    t, level = measured.updates, settings.reached

    def _fitted(values: Floats) -> Floats:
        rate, exponential = _line(t[rows], np.log(values[rows]), np.log(level))
        slow, early = _line(t[rows[: half + 1]], np.log(values[rows[: half + 1]]), np.log(level))
        fast, _ = _line(t[rows[half:]], np.log(values[rows[half:]]), np.log(level))
        _, hyperbolic = _line(t[rows], 1 / values[rows], 1 / level)
        return np.array([rate, fast - slow, exponential, early, hyperbolic])

    usable = (measured.resampled[:, rows] > 0).all(axis=1)
    fit = _fitted(measured.value)
    spread = np.array([_fitted(row) for row in measured.resampled[usable]])
    ends = []
    for column in range(len(fit)):
        known = spread[:, column][np.isfinite(spread[:, column])] if len(spread) else spread
        ends.append(Estimate(fit[column], *(interval(known) if len(known) else (np.nan,) * 2)))
    past = np.flatnonzero(measured.value >= level)
    reached = float(t[past[0]]) if len(past) else np.nan
    first, last = float(t[rows[0]]), float(t[rows[-1]])
    return Growth(ends[0], ends[1], first, last, ends[2], ends[3], ends[4], reached)


def _line(t: Floats, values: Floats, level: float) -> tuple[float, float]:
    """Return the slope of a line through values, and when it reaches a level, NaN if never."""
    slope, origin = np.polyfit(t, values, 1)
    when = (level - origin) / slope if slope != 0 else np.nan
    # A line that leads away from the level has reached it in the past only.
    ahead = (level - values[-1]) * slope > 0
    return float(slope), float(when) if ahead else np.nan


def escape_row(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    n_steps: int,
    seed: int,
    settings: EscapeSettings = EscapeSettings(),  # noqa: B008
) -> pd.DataFrame:
    """Return the escape of a training in one row.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them, such as ``items()`` of
        :class:`hmmlens.emulation.checkpoints.Checkpoints`.
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of the sequences that the network was trained on.
    seed : int
        Seed of the noise and of the resamples.
    settings : EscapeSettings
        Numbers of sequences and resamples, and thresholds.

    Returns
    -------
    DataFrame
        ``initial`` (correlation before the first update, share of the target's), ``rate, rate_low,
        rate_high``, and so on for every field of :class:`Growth`; NaN without growth to be fitted.

    Raises
    ------
    DataError
        See :func:`correlations`.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "escape"))
    rng = np.random.default_rng(derive_seed(seed, "escape", "resamples"))
    measured = correlations(network, checkpoints, hmm, n_steps, generator, rng, settings)
    fit = growth(measured, settings)
    if fit is None:
        nothing = Estimate(np.nan, np.nan, np.nan)
        fit = Growth(nothing, nothing, np.nan, np.nan, nothing, nothing, nothing, np.nan)
    row: dict[str, float] = {"initial": float(measured.value[0])}
    for name, value in fit._asdict().items():
        if isinstance(value, Estimate):
            row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            row[name] = float(value)
    return pd.DataFrame([row])
