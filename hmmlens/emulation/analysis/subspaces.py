"""Subspaces: readouts compared with the orbit's plane, and the subspaces of label pairs.

Torre et al. 2025: with more states the readouts leave the plane of the orbit, and in targets with
several connected states each pair has an orbit of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.emulation.analysis.orbits import plane
from hmmlens.emulation.analysis.rotation import best_rotation, oriented, rotation
from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints

#: Hidden units, in single or double precision.
Hidden = NDArray[np.floating[Any]]

#: Components of a pair's subspace; tables have a column for each.
N_COMPONENTS = 3


@dataclass(frozen=True)
class SubspaceSettings:
    """Settings of :func:`projections` and :func:`pairs`.

    Attributes
    ----------
    min_stretch : int
        Stretches within a pair of labels are kept from this length on.
    n_random : int
        Random directions whose projections are those of chance.
    n_bootstrap : int
        Resamples of the runs.
    """

    min_stretch: int = 200
    n_random: int = 2000
    n_bootstrap: int = 200


class Stretch(NamedTuple):
    """A stretch of steps of one run.

    Attributes
    ----------
    run : int
        The run.
    start, stop : int
        The first step, and the step after the last.
    """

    run: int
    start: int
    stop: int


def projections(
    hidden: Hidden,
    readout: Floats,
    informative: Sequence[int],
    rng: np.random.Generator,
    settings: SubspaceSettings = SubspaceSettings(),
) -> pd.DataFrame:
    """Return how much of each readout direction lies in the plane of the first two components.

    Parameters
    ----------
    hidden : ndarray of shape (run, time, unit)
        States.
    readout : ndarray of shape (symbol, unit)
        Weights of the readout.
    informative : sequence of int
        Symbols whose readouts are projected.
    rng : numpy.random.Generator
        Source of the resamples of runs, and of random directions.
    settings : SubspaceSettings
        Numbers of resamples and directions.

    Returns
    -------
    DataFrame
        One row per symbol of ``informative``, and one of their mean: ``symbol`` (-1 for the mean),
        ``projection`` (length of the unit vector's projection on the plane) with ``low`` and
        ``high`` over runs, ``angle`` (degrees), and ``chance``, the 97.5 % point of random
        directions among the units.

    Raises
    ------
    DataError
        When a readout has no direction.
    """
    rows = np.asarray(readout, dtype=np.float64)[list(informative)]
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    if not size.all():
        raise DataError("a symbol's readout is 0 for all units, so it has no direction")
    axes = rows / size
    # A plane depends on the frames by their moments only, which add up over runs.
    counts = hidden.shape[1]
    first = hidden.sum(axis=1, dtype=np.float64)
    second = np.stack([run.T.astype(np.float64) @ run for run in hidden])

    def _projection(weights: Floats) -> Floats:
        n = weights.sum() * counts
        mean = weights @ first / n
        covariance = np.tensordot(weights, second, axes=1) / n - np.outer(mean, mean)
        top = np.linalg.eigh(covariance)[1][:, -2:]
        length: Floats = np.linalg.norm(axes @ top, axis=1)
        return np.append(length, length.mean())

    n_runs = len(hidden)
    value = _projection(np.ones(n_runs))
    even = np.full(n_runs, 1 / n_runs)
    resamples = rng.multinomial(n_runs, even, size=settings.n_bootstrap)
    resampled = np.array([_projection(weights.astype(float)) for weights in resamples])
    low, high = (
        np.percentile(resampled, [2.5, 97.5], axis=0)
        if n_runs > 1
        else np.full((2, len(value)), np.nan)
    )
    random = rng.normal(size=(settings.n_random, hidden.shape[2]))
    chance = np.linalg.norm(random[:, :2], axis=1) / np.linalg.norm(random, axis=1)
    return pd.DataFrame(
        {
            "symbol": [*informative, -1],
            "projection": value,
            "low": low,
            "high": high,
            "angle": np.degrees(np.arccos(np.minimum(value, 1))),
            "chance": float(np.percentile(chance, 97.5)),
        }
    )


def stretches(
    labels: Ints, pair: tuple[int, int], min_length: int = SubspaceSettings.min_stretch
) -> list[Stretch]:
    """Return stretches with both labels of a pair and no other.

    Parameters
    ----------
    labels : ndarray of shape (run, time)
        Labels.
    pair : tuple of int
        The two labels.
    min_length : int
        Minimum number of steps.

    Returns
    -------
    list of Stretch
        By run, then by time.
    """
    parts = []
    inside = np.isin(labels, pair)
    for run, row in enumerate(inside):
        edges = np.flatnonzero(np.diff(np.r_[False, row, False].astype(np.int8)))
        for start, stop in edges.reshape(-1, 2):
            if stop - start >= min_length and len(np.unique(labels[run, start:stop])) == 2:
                parts.append(Stretch(run, int(start), int(stop)))
    return parts


def pairs(
    hidden: Hidden,
    labels: Ints,
    residency: Ints,
    rng: np.random.Generator,
    settings: SubspaceSettings = SubspaceSettings(),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the subspaces of all pairs of labels that runs stay within, and their longest stretch.

    Parameters
    ----------
    hidden : ndarray of shape (run, time, unit)
        States.
    labels : ndarray of shape (run, time)
        Labels.
    residency : ndarray of shape (run, time)
        Region of each step that was rolled out, a position in
        :data:`hmmlens.emulation.analysis.residency.REGIONS`; -1 of others.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : SubspaceSettings
        Minimum length of a stretch.

    Returns
    -------
    table : DataFrame
        One row per pair: ``first``, ``second``, ``n_stretches``, ``n_steps``, ``longest``,
        ``switches_per_100`` (between the two), ``pc1`` to ``pc3`` (explained variance),
        ``rotation`` and ``turns_per_100`` with ``_low`` and ``_high`` in the pair's first two
        components, ``rotation_best`` among the three, and ``transition``, ``kick``, ``cluster``,
        ``unsure``: shares of its rolled-out steps. Values are NaN without a stretch. Intervals are
        over stretches cut to the shortest length.
    longest : DataFrame
        One row per step of each pair's longest stretch: ``first``, ``second``, ``time``, ``pc1``,
        ``pc2``, ``pc3``, ``label``.

    Raises
    ------
    DataError
        When there are fewer than two labels.
    """
    names = np.unique(labels)
    if len(names) < 2:
        raise DataError("the network always says the same, so there is no pair of labels")
    rows, shown = [], []
    for first, second in combinations(names.tolist(), 2):
        parts = stretches(labels, (first, second), settings.min_stretch)
        row = {"first": first, "second": second, "n_stretches": len(parts)}
        row["n_steps"] = sum(s.stop - s.start for s in parts)
        if parts:
            row |= _pair(hidden, labels, residency, parts, settings.min_stretch, rng)
            shown.append(_longest(hidden, labels, parts).assign(first=first, second=second))
        rows.append(row)
    columns = [
        "first", "second", "n_stretches", "n_steps", "longest", "switches_per_100", "pc1", "pc2",
        "pc3", "rotation", "rotation_low", "rotation_high", "turns_per_100", "turns_per_100_low",
        "turns_per_100_high", "rotation_best", "transition", "kick", "cluster", "unsure",
    ]  # fmt: skip
    names_ = ["first", "second", "time", "pc1", "pc2", "pc3", "label"]
    longest = pd.concat(shown, ignore_index=True)[names_] if shown else pd.DataFrame(columns=names_)
    return pd.DataFrame(rows, columns=columns), longest


def _pair(
    hidden: Hidden,
    labels: Ints,
    residency: Ints,
    parts: list[Stretch],
    min_length: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    frames = np.concatenate([hidden[s.run, s.start : s.stop] for s in parts])
    axes = plane(frames, N_COMPONENTS)
    # Pieces of one length, so that rotation can be resampled over them.
    pieces = np.stack(
        [
            hidden[s.run, begin : begin + min_length]
            for s in parts
            for begin in range(s.start, s.stop - min_length + 1, min_length)
        ]
    )
    scores = axes.transform(pieces.astype(np.float64))
    turns = oriented(rotation(scores, rng))
    row = {
        "longest": float(max(s.stop - s.start for s in parts)),
        "switches_per_100": 100
        * float(
            np.concatenate([np.diff(labels[s.run, s.start : s.stop]) != 0 for s in parts]).mean()
        ),
    }
    row |= {f"pc{i + 1}": float(v) for i, v in enumerate(axes.explained_variance_ratio_)}
    for name, value in (("rotation", turns.consistency), ("turns_per_100", turns.turns)):
        row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    if len(pieces) > 1:
        row["rotation_best"] = best_rotation(scores, rng).consistency.value
    rolled = np.concatenate([residency[s.run, s.start : s.stop] for s in parts])
    rolled = rolled[rolled >= 0]
    if len(rolled):
        shares = np.bincount(rolled.astype(np.int64), minlength=4) / len(rolled)
        row |= dict(zip(("transition", "kick", "cluster", "unsure"), shares, strict=True))
    return row


def _longest(hidden: Hidden, labels: Ints, parts: list[Stretch]) -> pd.DataFrame:
    frames = np.concatenate([hidden[s.run, s.start : s.stop] for s in parts])
    best = max(parts, key=lambda s: s.stop - s.start)
    axes = plane(frames, N_COMPONENTS)
    scores = axes.transform(hidden[best.run, best.start : best.stop].astype(np.float64))
    table = pd.DataFrame({f"pc{i + 1}": scores[:, i] for i in range(scores.shape[1])})
    return table.assign(time=np.arange(len(scores)), label=labels[best.run, best.start : best.stop])
