"""The contrast of a state with the average step: in level, spread, or symbol frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


@dataclass(frozen=True)
class ContrastSettings:
    """Settings of the comparison of a state with all steps.

    Attributes
    ----------
    n_features : int
        Features that a sentence names, at most; those that set the state apart most.
    min_deviation : float
        Least difference of levels that a sentence names, in standard deviations over all steps.
    min_log_odds : float
        Least log odds of a symbol that a sentence names.
    min_spread : float
        A sentence names a spread that is so many times that of all steps, or as many times smaller.
    min_steps : float
        A state in fewer steps is too rare to be described.
    """

    n_features: int = 3
    min_deviation: float = 0.25
    min_log_odds: float = 0.5
    min_spread: float = 2.0
    min_steps: float = 2.0


DEFAULT_CONTRASTS = ContrastSettings()

#: A spread in a state below this share of that of all steps is none.
CONSTANT = 1e-3
#: Of a state in too few steps, and of features that never vary.
NOT_DESCRIBED = "not described (too few steps, or no variation)"
#: Levels below this size are rounding errors of sums.
ROUNDING = 1e-12


class Contrast(NamedTuple):
    """States compared with the average over all steps; NaN where not known.

    Attributes
    ----------
    mean, sd : ndarray of shape (state, feature)
        Within the state.
    deviation : ndarray of shape (state, feature)
        Difference from the overall mean in overall standard deviations; of symbols the log odds
        relative to those of all steps. NaN for a feature that never varies, and for a state in
        fewer than ``min_steps`` steps, see :class:`ContrastSettings`.
    spread : ndarray of shape (state, feature)
        The state's standard deviation over the overall one; NaN for symbols.
    elsewhere : ndarray of shape (state, feature)
        Mean outside of the state; NaN where no step is.
    """

    mean: Floats
    sd: Floats
    deviation: Floats
    spread: Floats
    elsewhere: Floats


def contrast(
    weight: Floats,
    values: Floats,
    symbols: bool,
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> Contrast:
    """Compare the features of states with those of all steps.

    Parameters
    ----------
    weight : ndarray of shape (step, state)
        Probability of each state.
    values : ndarray of shape (step, feature)
        Features, symbols one-hot or as probabilities. What is not finite is ignored.
    symbols : bool
        Whether features are shares of symbols.
    settings : ContrastSettings, optional
        The fewest steps of a state that is described.

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
        outside = n - mass
        elsewhere = np.where(outside > 1e-9, centre - away * mass / outside, np.nan)
    sd = np.sqrt(np.maximum(square - away**2, 0.0))
    # The deviation of a constant is not 0 but a rounding error.
    largest = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    varies = (largest > np.where(known, values, np.inf).min(axis=0, initial=np.inf)) & (overall > 0)
    described = varies & (mass >= settings.min_steps)
    scale = np.where(varies, overall, 1.0)
    if symbols:
        deviation = _log_odds(centre + away, centre, mass, n)
        spread = np.full_like(sd, np.nan)
    else:
        deviation, spread = away / scale, np.where(described, sd / scale, np.nan)
    return Contrast(centre + away, sd, np.where(described, deviation, np.nan), spread, elsewhere)


def _log_odds(share: Floats, overall: Floats, mass: Floats, n: Floats) -> Floats:
    """Return the log odds ratio of shares, shrunk to that of all steps by one step's weight."""
    base = (overall * n + 0.5) / (n + 1)
    smoothed = (np.clip(share, 0, 1) * mass + base) / (mass + 1)
    found: Floats = np.log(smoothed / (1 - smoothed)) - np.log(base / (1 - base))
    return found


def distinctive(
    deviation: Floats,
    spread: Floats,
    symbols: bool,
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> NDArray[np.intp]:
    """Return the features that set one state apart, the most distinctive first.

    Parameters
    ----------
    deviation, spread : ndarray of shape (feature,)
        Of one state, see :class:`Contrast`.
    symbols : bool
        Whether features are shares of symbols.
    settings : ContrastSettings, optional
        The least differences.

    Returns
    -------
    ndarray of shape (distinctive,)
        Indices of features.
    """
    least = settings.min_log_odds if symbols else settings.min_deviation
    with np.errstate(divide="ignore"):
        ratio = np.abs(np.log2(np.where(np.isnan(spread), 1.0, np.maximum(spread, 1e-12))))
    size = np.abs(np.nan_to_num(deviation))
    score = np.where(size >= least, size, 0.0)
    score = np.where(ratio >= np.log2(settings.min_spread), np.maximum(score, ratio / 4), score)
    order = np.argsort(-score, kind="stable")
    return order[score[order] > 0]


def symbol_words(
    names: Sequence[str],
    share: Floats,
    deviation: Floats,
    elsewhere: Floats,
    predicted: bool = False,
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> str:
    """Return the shares of symbols in one state, such as ``a in 62 % of its steps``.

    Parameters
    ----------
    names : sequence of str
        Names of the symbols.
    share, deviation, elsewhere : ndarray of shape (symbol,)
        Of one state, ``mean``, ``deviation`` and ``elsewhere`` of :class:`Contrast`.
    predicted : bool, optional
        Whether shares are probabilities that a network gives to its next symbol.
    settings : ContrastSettings, optional
        How many symbols are named, and the least log odds.

    Returns
    -------
    str
        The commonest symbol of the state, then those whose shares differ most from other states,
        and the share of all others.

    Examples
    --------
    >>> share, elsewhere = np.array([0.7, 0.3, 0.0]), np.array([0.7, 0.1, 0.2])
    >>> symbol_words(["a", "b", "c"], share, np.array([0.0, 1.0, -3.0]), elsewhere)
    'a in 70 % of its steps (70 % elsewhere), c in 0 % (20 %), b in 30 % (10 %)'
    """
    if np.isnan(deviation).all():
        return NOT_DESCRIBED
    apart = distinctive(deviation, np.full(len(share), np.nan), True, settings)
    commonest = int(np.nanargmax(share))
    named = [commonest, *(int(i) for i in apart[: settings.n_features] if i != commonest)]
    parts = []
    for place, i in enumerate(named):
        other = "" if np.isnan(elsewhere[i]) else _percent(elsewhere[i])
        if predicted:
            text = f"{names[i]}{'' if place else ' with probability'} {_percent(share[i])}"
        else:
            text = f"{names[i]} in {_percent(share[i])}" + ("" if place else " of its steps")
        parts.append(text + (f" ({other}{'' if place else ' elsewhere'})" if other else ""))
    left = 1 - float(share[named].sum())
    if left >= 0.005:
        n_others = int((np.delete(share, named) >= 0.0005).sum())
        others = "another" if n_others == 1 else "others"
        parts.append(f"{others} {_percent(left)}" if predicted else f"{others} in {_percent(left)}")
    text = ", ".join(parts)
    return text if len(apart) else f"as on average: {text}"


def _percent(share: float) -> str:
    # A share of 0 may be a rounding error below it, which would be printed as -0.
    return f"{100 * max(float(share), 0.0) + 0.0:.0f} %"


def words(
    names: Sequence[str],
    mean: Floats,
    deviation: Floats,
    spread: Floats,
    units: Sequence[str] | None = None,
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> str:
    """Return what sets one state apart, such as ``pulse = 95.2 bpm (+1.8 SD)``.

    Shares of symbols have :func:`symbol_words`.

    Parameters
    ----------
    names : sequence of str
        Names of the features.
    mean, deviation, spread : ndarray of shape (feature,)
        Of one state, see :class:`Contrast`.
    units : sequence of str, optional
        Units of ``mean``; empty for none.
    settings : ContrastSettings, optional
        How many features are named, and the least differences.

    Returns
    -------
    str
        Up to ``settings.n_features`` features.

    Examples
    --------
    >>> one = np.ones(2)
    >>> words(["x", "speed"], one, np.array([0.1, 2.0]), one, units=["m", "m/s"])
    'speed = 1 m/s (+2.0 SD)'
    """
    if np.isnan(deviation).all():
        return NOT_DESCRIBED
    chosen = distinctive(deviation, spread, False, settings)[: settings.n_features]
    if not len(chosen):
        return "as on average"
    parts = []
    for i in chosen:
        by = f"{deviation[i]:+.1f}".replace("-", "\N{MINUS SIGN}")
        unit = f" {units[i]}" if units and units[i] else ""
        # Sums of few values leave rounding errors, such as -3e-16 for 0.
        level = f"{0.0 if abs(mean[i]) < ROUNDING else mean[i]:.4g}".replace("-", "\N{MINUS SIGN}")
        if spread[i] < CONSTANT:
            parts.append(f"{names[i]} = {level}{unit} always")
            continue
        differs = [f"{by} SD"] if abs(deviation[i]) >= settings.min_deviation else []
        # Where levels differ, each state's spread is smaller than that of all steps anyway.
        if spread[i] >= settings.min_spread or not differs:
            differs.append(f"spread {spread[i]:.2g} times that of all steps")
        parts.append(f"{names[i]} = {level}{unit} ({', '.join(differs)})")
    return ", ".join(parts)
