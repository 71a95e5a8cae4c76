"""Level and length of the plateau of the loss before its second drop.

On the plateau a network emits symbols as often as the target does, but independently of each other
(:mod:`hmmlens.emulation.analysis.plateau.detection`). This module tests whether its level is that
of independent symbols, and which settings its length depends on;
:mod:`hmmlens.emulation.analysis.plateau.escape` measures how it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.stats.bootstrap import interval
from hmmlens.stats.paired import student
from hmmlens.typing import Floats

#: Settings that all trainings have, and values that replace one of them at a time; each makes one
#: network of a study.
BASE: dict[str, Any] = {"batch_size": 512, "n_steps": 30, "learning_rate": 1e-3, "radius": None}
VARIED: dict[str, tuple[Any, ...]] = {
    "batch_size": (256, 1024),
    "n_steps": (20, 45),
    "learning_rate": (5e-4, 2e-3),
    "radius": (0.3, 0.9, 1.2),
}
#: Units, dimensions of noise and updates of these trainings, and seeds of each setting.
SIZE, N_UPDATES, N_SEEDS = {"n_units": 50, "n_noise": 10}, 800, 3
#: Spectral radius of initial recurrent weights: uniform within 1 / sqrt(n), by the circular law.
INITIAL_RADIUS = 3**-0.5


@dataclass(frozen=True)
class LengthSettings:
    """Settings of :func:`effects`.

    Attributes
    ----------
    n_bootstrap : int
        Resamples of trainings for an interval.
    """

    n_bootstrap: int = 200


def grid(target: str = "chain2", n_seeds: int = N_SEEDS) -> dict[str, dict[str, Any]]:
    """Return the short trainings of the sweep.

    Parameters
    ----------
    target : str
        Name of the target.
    n_seeds : int
        Seeds of each setting.

    Returns
    -------
    dict of str to dict
        Entries of a study's ``networks`` by name, see
        :class:`hmmlens.study.emulation_study.Emulator`; without analyses beyond their training.
    """
    settings = {"plateau-base": BASE} | {
        f"plateau-{name}-{value:g}": BASE | {name: value}
        for name, values in VARIED.items()
        for value in values
    }
    return {
        name.translate(str.maketrans("_.", "-p")): SIZE
        | {"target": target, "n_seeds": n_seeds, "radius": chosen["radius"], "analyses": []}
        | {
            "training": {"n_updates": N_UPDATES}
            | {key: value for key, value in chosen.items() if key != "radius"}
        }
        for name, chosen in settings.items()
    }


def _settings(runs: pd.DataFrame) -> list[str]:
    """Return the columns of :data:`VARIED` that a table has."""
    return [name for name in VARIED if name in runs]


def by_setting(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare the plateau's level with that of independent symbols, and return its length.

    Parameters
    ----------
    runs : DataFrame
        One row per training: columns of :data:`VARIED`, ``n_updates``, ``level, floor`` (see
        :func:`hmmlens.emulation.analysis.plateau.detection.levels`) and the fields of
        :class:`hmmlens.emulation.analysis.plateau.detection.Plateau`.

    Returns
    -------
    DataFrame
        One row per setting: its columns, ``n, n_escaped``, ``level, floor`` (means), ``loss, above,
        above_low, above_high`` (loss on the plateau, and how far it is above the level as a share
        of the way from there to the floor; Student's interval over seeds), ``length, length_low,
        length_high`` (updates, over those that escaped)
    """
    rows = []
    names = _settings(runs)
    for values, part in runs.groupby(names, sort=False, dropna=False):
        above = (part["loss"] - part["level"]) / (part["level"] - part["floor"])
        escaped = part["escape"].notna()
        row: dict[str, Any] = dict(zip(names, values, strict=True))
        row |= {"n": len(part), "n_escaped": int(escaped.sum())}
        row |= {name: float(part[name].mean()) for name in ("level", "floor", "loss")}
        row |= dict(zip(("above", "above_low", "above_high"), student(above), strict=True))
        length = student(part["length"][escaped])
        rows.append(row | dict(zip(("length", "length_low", "length_high"), length, strict=True)))
    return pd.DataFrame(rows)


def effects(
    runs: pd.DataFrame,
    rng: np.random.Generator,
    settings: LengthSettings = LengthSettings(),
) -> pd.DataFrame:
    """Return how the plateau's length depends on each setting, in a joint fit.

    The log of the length is linear in the logs of the settings with normal errors; the plateau of a
    training that did not escape is censored (accelerated failure times; Kalbfleisch & Prentice
    2002, chapter 3).

    Parameters
    ----------
    runs : DataFrame
        See :func:`by_setting`.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : LengthSettings
        Number of resamples.

    Returns
    -------
    DataFrame
        ``setting, power, low, high`` (doubling the setting multiplies the length by 2 to this
        power; trainings resampled within each setting), ``n, n_escaped``. Settings of one value
        are excluded, and all powers are NaN where fewer trainings escaped than there are parameters
        to fit.
    """
    names = [name for name in _settings(runs) if runs[name].nunique(dropna=False) > 1]
    logs = np.log(runs[names].fillna({"radius": INITIAL_RADIUS}).to_numpy(dtype=float))
    escaped = runs["escape"].notna().to_numpy()
    observed = np.where(escaped, runs["length"], runs["n_updates"] - runs["start"].fillna(0.0))
    length = np.log(np.maximum(observed.astype(float), 1.0))
    _, kind = np.unique(logs, axis=0, return_inverse=True)
    groups = [np.flatnonzero(kind.ravel() == k) for k in np.unique(kind)]

    def _powers(rows: NDArray[np.integer]) -> Floats:
        design = np.c_[np.ones(len(rows)), logs[rows]]
        return survival_fit(design, length[rows], escaped[rows])[1:]

    powers = _powers(np.arange(len(runs)))
    again = [
        _powers(np.concatenate([rng.choice(rows, len(rows)) for rows in groups]))
        for _ in range(settings.n_bootstrap)
    ]
    resampled = np.array(again)
    rows = []
    for index, name in enumerate(names):
        known = resampled[np.isfinite(resampled[:, index]), index]
        low, high = interval(known) if len(known) and np.isfinite(powers[index]) else (np.nan,) * 2
        row = {"setting": name, "power": float(powers[index]), "low": low, "high": high}
        rows.append(row | {"n": len(runs), "n_escaped": int(escaped.sum())})
    return pd.DataFrame(rows, columns=["setting", "power", "low", "high", "n", "n_escaped"])


def survival_fit(design: Floats, time: Floats, ended: NDArray[np.bool_]) -> Floats:
    """Return the coefficients of a linear model of times that may be censored.

    The maximum of the likelihood with normal errors, a time that did not end being a lower bound.

    Parameters
    ----------
    design : ndarray of shape (row, column)
        Design matrix.
    time : ndarray of shape (row)
        Times.
    ended : ndarray of shape (row)
        Whether each time is exact rather than a lower bound.

    Returns
    -------
    ndarray of shape (column)
        Coefficients; NaN where fewer rows ended than there are columns and a width to fit.
    """
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    n_columns = design.shape[1]
    nothing = np.full(n_columns, np.nan)
    if ended.sum() <= n_columns or np.linalg.matrix_rank(design[ended]) < n_columns:
        return nothing
    start = np.linalg.lstsq(design, time, rcond=None)[0]
    if ended.all():
        return np.asarray(start)
    width = max(float((time - design @ start).std()), 1e-3)

    def _loss(parameters: Floats) -> float:
        log_width = parameters[-1]
        apart = (time - design @ parameters[:-1]) * np.exp(-log_width)
        terms = np.where(ended, -0.5 * apart**2 - log_width, log_ndtr(-apart))
        return -float(terms.sum())

    # Widths near 0, at which few rows would fit without error, are out of bounds.
    bounds = [(None, None)] * n_columns + [(np.log(1e-3), None)]
    fit = minimize(_loss, np.r_[start, np.log(width)], method="L-BFGS-B", bounds=bounds)
    return np.asarray(fit.x[:-1]) if fit.success else nothing
