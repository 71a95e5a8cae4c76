"""Compare the futures of a sample of visited states, and find their classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.futures import sampling
from hmmlens.futures.distances import combined, dimension, upper, window_distances
from hmmlens.futures.plateaus import Linkage, Plateau, core_distances, widest
from hmmlens.futures.running import Continuation
from hmmlens.futures.sampling import Sample
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Floats, Ints

#: Standard deviation of a constant output, relative to its size.
ROUNDING = 1e-5
#: States whose differences are followed over the steps.
FEW = 100
#: The core distance whose spread shows dense points among graded states.
DENSITY_NEIGHBOURS = 8
#: How much further the nearest other class is than a class is wide, for a class that is a point.
POINT = 2.5


@dataclass(frozen=True)
class Comparison:
    """Futures of a sample of visited states.

    Attributes
    ----------
    sample : Sample
        The states and the continuations.
    futures : ndarray of shape (state, continuation, step, output)
        Outputs along the continuations, in standard deviations of the output.
    now : ndarray of shape (state, output)
        Present outputs, in the same unit.
    by_window : ndarray of shape (continuation, state, state)
        Distance along each continuation.
    moore : bool
        Whether the present output counts. Without it states are compared as memory: by what they do
        with the next input.
    legal : ndarray of shape (state, continuation) or None
        Steps of each continuation that count; None where all do.
    same : float
        Largest difference that counts as none.
    """

    sample: Sample
    futures: Floats
    now: Floats
    by_window: NDArray[np.float32]
    moore: bool = False
    legal: Ints | None = None
    same: float = 0.15

    @cached_property
    def distances(self) -> Floats:
        """The distance of each pair of states.

        Returns
        -------
        ndarray of shape (state, state)
            Distances.
        """
        gap = np.linalg.norm(self.now[:, None] - self.now[None], axis=2) if self.moore else None
        found = combined(self.by_window[self.separating], gap)
        # Two states that no continuation compares are compared by the network's own completion.
        if self.legal is not None and np.isnan(found).any():
            whole = combined(window_distances(self.futures, self.futures), gap)
            found = np.where(np.isnan(found), whole, found)
        return found

    @cached_property
    def separating(self) -> NDArray[np.bool_]:
        """The continuations (continuation,) along which states differ at all.

        Others, such as those that begin by resetting the memory, would hide how far apart states
        are. Where there are none, all count.

        Returns
        -------
        ndarray of shape (continuation,)
            Whether each separates any.
        """
        pairs = self.by_window[:, *np.triu_indices(len(self.now), 1)]
        # A continuation that compares no two states separates none.
        pairs = np.where(np.isnan(pairs).all(axis=1, keepdims=True), 0.0, pairs)
        found = np.nanquantile(pairs, 0.95, axis=1) >= self.same
        return found if found.any() else np.ones_like(found)

    @cached_property
    def remembered(self) -> Floats:
        """The distances of states as memory, along all continuations, without their present output.

        Returns
        -------
        ndarray of shape (state, state)
            In standard deviations of the output.
        """
        return combined(self.by_window)

    @cached_property
    def memory(self) -> float:
        """The 95 % quantile of the distances of states as memory, without their present output.

        Returns
        -------
        float
            In standard deviations of the output.
        """
        return float(np.quantile(upper(self.remembered), 0.95))

    def with_present(self) -> Comparison:
        """Return the comparison in which the present output counts.

        Returns
        -------
        Comparison
            The comparison.
        """
        return replace(self, moore=True)

    def restricted(self, legal: Ints) -> Comparison:
        """Return the comparison along legal steps only.

        Parameters
        ----------
        legal : ndarray of shape (state, continuation)
            Steps that count.

        Returns
        -------
        Comparison
            The comparison.
        """
        by_window = window_distances(self.futures, self.futures, (legal, legal))
        return replace(self, by_window=by_window, legal=legal)


@dataclass(frozen=True)
class Classes:
    """Classes of states with equal futures, and the numbers that show how distinct they are.

    Attributes
    ----------
    labels : ndarray of shape (state,)
        Class of each state of the sample, -1 for none.
    n_classes : int
        Number of classes; 1 where no plateau has more.
    low, high : float
        Range of thresholds over which their number is constant.
    coverage : float
        Share of the states in classes.
    points : float
        Share of these states in classes that are points: their width is at most the distance to
        the nearest other class divided by 2.5.
    ambiguity : float
        90 % quantile over states of the mean distance within the class divided by the distance to
        the nearest state of another.
    smallest : float
        Share of the states in the smallest class.
    """

    labels: Ints
    n_classes: int = 1
    low: float = float("nan")
    high: float = float("nan")
    coverage: float = float("nan")
    points: float = float("nan")
    ambiguity: float = float("nan")
    smallest: float = float("nan")

    @property
    def ratio(self) -> float:
        """The ratio of ``high`` to ``low``.

        Returns
        -------
        float
            1 where there is no plateau.
        """
        return self.high / self.low if self.n_classes > 1 else 1.0


@dataclass(frozen=True)
class Geometry:
    """Numbers of the distances alone.

    Attributes
    ----------
    quantiles : tuple of float
        5, 50 and 95 % quantiles of the distances.
    chain : float
        95 % quantile divided by the threshold at which all states are connected: how finely the
        states fill what they span.
    dimension : float
        Correlation dimension.
    density : float
        Ratio of the 90 to the 20 % quantile of core distances: large where dense points lie among
        spread states.
    same : float
        Share of pairs whose distance is below 0.15.
    valley : float
        Share of pairs between 0.15 and 0.4 of the median, divided by ``same``.
    """

    quantiles: tuple[float, float, float]
    chain: float
    dimension: float
    density: float
    same: float
    valley: float


def compare(
    continuation: Continuation,
    outputs: Floats,
    allowed: NDArray[np.bool_],
    settings: FutureSettings,
    n_states: int,
    rng: np.random.Generator,
) -> Comparison:
    """Run a sample of visited states along recorded continuations.

    Parameters
    ----------
    continuation : Continuation
        Runs the network.
    outputs : ndarray of shape (sequence, time, output)
        Compared values of the recorded outputs.
    allowed : ndarray of shape (sequence,)
        Sequences to sample from.
    settings : FutureSettings
        Settings.
    n_states : int
        States to compare.
    rng : numpy.random.Generator
        Source of the sample.

    Returns
    -------
    Comparison
        The futures.

    Raises
    ------
    DataError
        When no sequence is long enough.
    """
    inputs, lengths = continuation.inputs, continuation.lengths
    chosen = sampling.sample(
        inputs, lengths, allowed, n_states, settings.n_continuations,
        sampling.n_future_steps(lengths[allowed], settings.n_steps), rng,
    )  # fmt: skip
    scale = output_scale(outputs[allowed], lengths[allowed])
    futures = continuation.futures(chosen.prefixes, chosen.windows(inputs)) / scale
    now = outputs[chosen.prefixes[:, 0], chosen.prefixes[:, 1]] / scale
    by_window = window_distances(futures, futures)
    return Comparison(chosen, futures, now, by_window, same=settings.same)


def output_scale(outputs: Floats, lengths: Ints) -> float:
    """Return the standard deviation of an output, over all of its values together.

    Parameters
    ----------
    outputs : ndarray of shape (sequence, time, output)
        Outputs.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    float
        Square root of the summed variances.

    Raises
    ------
    DataError
        When the output does not vary.
    """
    steps = np.arange(outputs.shape[1])
    late = (steps >= sampling.first_step(int(lengths.max()))) & (steps < lengths[:, None])
    values = outputs[late]
    scale = float(np.sqrt(values.var(axis=0).sum())) if len(values) else 0.0
    # What is left of a constant is rounding.
    if not scale > ROUNDING * float(np.abs(values).max(initial=0.0)):
        raise DataError("the output of the network does not vary")
    return scale


def find_classes(distances: Floats, settings: FutureSettings) -> Classes:
    """Return the classes at the widest plateau.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        See :attr:`Comparison.distances`.
    settings : FutureSettings
        Settings.

    Returns
    -------
    Classes
        One class without a plateau of more.
    """
    linkage = Linkage(distances, settings.min_members, settings.neighbours, settings.resolution)
    best = widest(linkage.plateaus(settings.coverage), settings.spread)
    if best is None:
        return Classes(np.zeros(len(distances), dtype=int))
    return classes_at(distances, linkage, best)


def classes_at(distances: Floats, linkage: Linkage, plateau: Plateau) -> Classes:
    """Return the classes at a plateau.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    linkage : Linkage
        Of the distances.
    plateau : Plateau
        One of its plateaus.

    Returns
    -------
    Classes
        States outside classes belong to the nearest class if that is nearer than the plateau is
        high.
    """
    labels = linkage.labels(plateau.low * 1.0001)
    return describe(distances, labels, plateau)


def describe(distances: Floats, labels: Ints, plateau: Plateau) -> Classes:
    """Return classes with the numbers that show how distinct they are.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    labels : ndarray of shape (state,)
        Class of each state, -1 for none.
    plateau : Plateau
        The range of thresholds.

    Returns
    -------
    Classes
        The classes.
    """
    n_classes = int(labels.max()) + 1
    members = [np.flatnonzero(labels == c) for c in range(n_classes)]
    points = 0
    for rows in members:
        width = np.quantile(upper(distances[np.ix_(rows, rows)]), 0.9) if len(rows) > 1 else 0.0
        others = np.flatnonzero((labels >= 0) & (labels != labels[rows[0]]))
        gap = np.quantile(distances[np.ix_(rows, others)].min(axis=1), 0.1) if len(others) else 0.0
        points += len(rows) * bool(width <= gap / POINT)
    in_class = int((labels >= 0).sum())
    means = np.stack([distances[:, rows].mean(axis=1) for rows in members], axis=1)
    labels = np.where((labels < 0) & (means.min(axis=1) < plateau.high), means.argmin(1), labels)
    ratios = []
    for i in np.flatnonzero(labels >= 0):
        same, other = labels == labels[i], (labels >= 0) & (labels != labels[i])
        same[i] = False
        if same.any() and other.any():
            ratios.append(distances[i, same].mean() / max(distances[i, other].min(), 1e-12))
    return Classes(
        labels, n_classes, plateau.low, plateau.high, plateau.coverage, points / in_class,
        float(np.quantile(ratios, 0.9)) if ratios else float("nan"),
        min(len(rows) for rows in members) / len(labels),
    )  # fmt: skip


def geometry(distances: Floats, settings: FutureSettings) -> Geometry:
    """Return numbers of the distances alone.

    Parameters
    ----------
    distances : ndarray of shape (state, state)
        Distances.
    settings : FutureSettings
        Settings.

    Returns
    -------
    Geometry
        The numbers.
    """
    pairs = upper(distances)
    quantiles = tuple(float(q) for q in np.quantile(pairs, (0.05, 0.5, 0.95)))
    linkage = Linkage(distances, settings.min_members, settings.neighbours, settings.resolution)
    whole = [p for p in linkage.plateaus(settings.coverage) if p.n_classes == 1]
    core = core_distances(distances, DENSITY_NEIGHBOURS)
    low, high = np.quantile(core, (0.2, 0.9))
    same = float((pairs <= 0.15).mean())
    valley = float(((pairs > 0.15) & (pairs <= max(0.4 * quantiles[1], 0.15))).mean())
    return Geometry(
        (quantiles[0], quantiles[1], quantiles[2]),
        quantiles[2] / whole[0].low if whole else float("nan"),
        dimension(distances),
        float(high / max(low, 0.005 * quantiles[2], 0.002)),
        same,
        valley / max(same, 1e-9),
    )


def count_interval(
    comparison: Comparison, settings: FutureSettings, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the range of the number of classes over resamples.

    Parameters
    ----------
    comparison : Comparison
        The futures.
    settings : FutureSettings
        Settings.
    rng : numpy.random.Generator
        Source of the resamples, of 70 % of the states and half of the continuations each.

    Returns
    -------
    low, high : int
        Second smallest and second largest number.
    """
    by_window, now = comparison.by_window[comparison.separating], comparison.now
    n_windows, n = by_window.shape[:2]
    counts = []
    smaller = replace(
        settings,
        min_members=max(2, settings.min_members - 1), neighbours=max(1, settings.neighbours - 1),
    )  # fmt: skip
    for _ in range(settings.n_resamples):
        rows = np.sort(rng.permutation(n)[: int(0.7 * n)])
        windows = rng.permutation(n_windows)[: max(1, n_windows // 2)]
        gap = None
        if comparison.moore:
            gap = np.linalg.norm(now[rows][:, None] - now[rows][None], axis=2)
        distances = combined(by_window[np.ix_(windows, rows, rows)], gap)
        distances = np.where(np.isnan(distances), np.inf, distances)
        finite = np.where(
            np.isinf(distances), np.nanmax(distances[~np.isinf(distances)]), distances
        )
        counts.append(find_classes(finite, smaller).n_classes)
    counts.sort()
    return counts[min(1, len(counts) - 1)], counts[max(len(counts) - 2, 0)]


def forgetting(comparison: Comparison, tolerance: float) -> int | None:
    """Return after how many common inputs two states do the same.

    Parameters
    ----------
    comparison : Comparison
        The futures.
    tolerance : float
        Largest difference of outputs that counts as none, in standard deviations.

    Returns
    -------
    int or None
        Number of inputs after which 95 % of the differences stay below the tolerance; None where
        they do not within the continuations.
    """
    futures = comparison.futures[:FEW]
    gaps = []
    for h in range(futures.shape[2]):
        pairs = [
            upper(np.linalg.norm(futures[:, None, s, h] - futures[None, :, s, h], axis=2))
            for s in range(futures.shape[1])
        ]
        gaps.append(float(np.quantile(np.concatenate(pairs), 0.95)))
    late = [h for h, gap in enumerate(gaps, start=1) if gap > tolerance]
    last = late[-1] if late else 0
    return None if last == len(gaps) else last


def all_inputs(inputs: NDArray[Any]) -> Floats:
    """Return inputs as numbers, symbols as indicators.

    Parameters
    ----------
    inputs : ndarray of shape (..., time) or (..., time, feature)
        Symbols or values.

    Returns
    -------
    ndarray of shape (..., time, feature)
        Numbers.
    """
    if inputs.ndim == 3:
        return inputs.astype(np.float64)
    return np.eye(int(inputs.max()) + 1)[inputs.astype(np.int64)]
