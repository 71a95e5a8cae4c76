"""The contrast of a state with the average step: in level, spread, or symbol frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats

#: Features that a sentence names, those that set the state apart most.
N_FEATURES = 3
#: Least difference that a sentence names: standard deviations, log odds, and times the spread.
LEAST_DEVIATION, LEAST_ODDS, LEAST_SPREAD = 0.25, 0.5, 2.0
#: A state that is in fewer steps than this is too rare to be described.
FEWEST_STEPS = 2.0


class Contrast(NamedTuple):
    """States compared with the average over all steps; NaN where not known.

    Attributes
    ----------
    mean, sd : ndarray of shape (state, feature)
        Within the state.
    deviation : ndarray of shape (state, feature)
        Difference from the overall mean in overall standard deviations; of symbols the log odds
        relative to those of all steps. NaN for a feature that never varies, and for a state in
        fewer than :data:`FEWEST_STEPS` steps.
    spread : ndarray of shape (state, feature)
        The state's standard deviation over the overall one; NaN for symbols.
    """

    mean: Floats
    sd: Floats
    deviation: Floats
    spread: Floats


def contrast(weight: Floats, values: Floats, symbols: bool) -> Contrast:
    """Compare the features of states with those of all steps.

    Parameters
    ----------
    weight : ndarray of shape (step, state)
        Probability of each state.
    values : ndarray of shape (step, feature)
        Features, symbols one-hot or as probabilities. What is not finite is ignored.
    symbols : bool
        Whether features are shares of symbols.

    Returns
    -------
    Contrast
        Of each state.

    Examples
    --------
    >>> weight = np.repeat(np.eye(2), 50, axis=0)
    >>> values = np.repeat([[0.0], [2.0]], 50, axis=0)
    >>> contrast(weight, values, symbols=False).deviation.round(2).tolist()
    [[-1.0], [1.0]]
    """
    known = np.isfinite(values)
    n = known.sum(axis=0).astype(np.float64)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = filled.sum(axis=0) / n
        apart = np.where(known, filled - centre, 0.0)
        overall = np.sqrt((apart**2).sum(axis=0) / n)
        mass = weight.T @ known.astype(np.float64)
        # A state that no step visits is like the average.
        visited = mass > 1e-9
        away = np.where(visited, weight.T @ apart / mass, 0.0)
        square = np.where(visited, weight.T @ apart**2 / mass, overall**2)
    sd = np.sqrt(np.maximum(square - away**2, 0.0))
    # The deviation of a constant is not 0 but a rounding error.
    largest = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    varies = (largest > np.where(known, values, np.inf).min(axis=0, initial=np.inf)) & (overall > 0)
    described = varies & (mass >= FEWEST_STEPS)
    scale = np.where(varies, overall, 1.0)
    if symbols:
        deviation = _log_odds(centre + away, centre, mass, n)
        spread = np.full_like(sd, np.nan)
    else:
        deviation, spread = away / scale, np.where(described, sd / scale, np.nan)
    return Contrast(centre + away, sd, np.where(described, deviation, np.nan), spread)


def _log_odds(share: Floats, overall: Floats, mass: Floats, n: Floats) -> Floats:
    """Return the log odds ratio of shares, shrunk to that of all steps by one step's weight."""
    base = (overall * n + 0.5) / (n + 1)
    smoothed = (np.clip(share, 0, 1) * mass + base) / (mass + 1)
    found: Floats = np.log(smoothed / (1 - smoothed)) - np.log(base / (1 - base))
    return found


def distinctive(deviation: Floats, spread: Floats, symbols: bool) -> NDArray[np.intp]:
    """Return the features that set one state apart, the most distinctive first.

    Parameters
    ----------
    deviation, spread : ndarray of shape (feature,)
        Of one state, see :class:`Contrast`.
    symbols : bool
        Whether features are shares of symbols.

    Returns
    -------
    ndarray of shape (distinctive,)
        Indices of features.
    """
    least = LEAST_ODDS if symbols else LEAST_DEVIATION
    with np.errstate(divide="ignore"):
        ratio = np.abs(np.log2(np.where(np.isnan(spread), 1.0, np.maximum(spread, 1e-12))))
    size = np.abs(np.nan_to_num(deviation))
    score = np.where(size >= least, size, 0.0)
    score = np.where(ratio >= np.log2(LEAST_SPREAD), np.maximum(score, ratio / 4), score)
    order = np.argsort(-score, kind="stable")
    return order[score[order] > 0]


def words(
    names: Sequence[str],
    mean: Floats,
    deviation: Floats,
    spread: Floats,
    symbols: bool,
    units: Sequence[str] | None = None,
) -> str:
    """Return what sets one state apart, such as ``pulse 95.2 bpm (+1.8 SD)``.

    Parameters
    ----------
    names : sequence of str
        Names of the features.
    mean, deviation, spread : ndarray of shape (feature,)
        Of one state, see :class:`Contrast`.
    symbols : bool
        Whether features are shares of symbols.
    units : sequence of str, optional
        Units of ``mean``; empty for none.

    Returns
    -------
    str
        Up to three features.

    Examples
    --------
    >>> one = np.ones(2)
    >>> words(["x", "speed"], one, np.array([0.1, 2.0]), one, symbols=False, units=["m", "m/s"])
    'speed 1 m/s (+2.0 SD)'
    """
    if np.isnan(deviation).all():
        return "not told, for want of steps or of variation"
    chosen = distinctive(deviation, spread, symbols)[:N_FEATURES]
    if not len(chosen):
        return "as on average"
    parts = []
    for i in chosen:
        by = f"{deviation[i]:+.1f}".replace("-", "\N{MINUS SIGN}")
        if symbols:
            # A share of 0 may be a rounding error below it, which would be printed as -0.
            share = 100 * max(float(mean[i]), 0.0) + 0.0
            parts.append(f"{names[i]} in {share:.0f} % (log odds {by})")
            continue
        unit = f" {units[i]}" if units and units[i] else ""
        level = f"{mean[i]:.4g}".replace("-", "\N{MINUS SIGN}")
        differs = [f"{by} SD"] if abs(deviation[i]) >= LEAST_DEVIATION else []
        # Where levels differ, each state's spread is smaller than that of all steps anyway.
        if spread[i] >= LEAST_SPREAD or not differs:
            differs.append(f"spread {spread[i]:.2g} times that of all steps")
        parts.append(f"{names[i]} {level}{unit} ({', '.join(differs)})")
    return ", ".join(parts)
