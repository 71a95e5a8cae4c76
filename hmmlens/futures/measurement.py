"""Measure how distinct the futures of a network's states are: the numbers behind the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hmmlens.futures import legality, machine, paths, refinement
from hmmlens.futures.comparison import (
    Classes,
    Comparison,
    Geometry,
    compare,
    count_interval,
    describe,
    find_classes,
    forgetting,
    geometry,
    output_scale,
)
from hmmlens.futures.machine import Machine, Path
from hmmlens.futures.plateaus import Plateau
from hmmlens.futures.running import Continuation
from hmmlens.futures.settings import DEFAULT, FutureSettings
from hmmlens.typing import Floats


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the rules; see :func:`hmmlens.futures.grades.grade`.

    Attributes
    ----------
    ratio : float
        Smallest ratio of a plateau that shows classes.
    weak_ratio : float
        Smallest ratio that shows them where ``ambiguity`` is small too.
    ambiguity : float
        See :class:`hmmlens.futures.comparison.Classes`.
    points : float
        Smallest share of the states in classes that are points.
    same : float
        Largest distance, in standard deviations of the output, at which futures are the same.
    chain : float
        Smallest ``chain`` of a continuum.
    density : float
        Smallest ``density`` of points among graded states.
    moves : float
        Smallest accuracy of the next class where it changes.
    loop : float
        R2 of the machine at 20 steps below which classes are split.
    gain : float
        Smallest gain of that R2 for which a split is kept.
    """

    ratio: float = 2.5
    weak_ratio: float = 1.5
    ambiguity: float = 0.25
    points: float = 0.9
    same: float = 0.15
    chain: float = 4.0
    density: float = 6.0
    moves: float = 0.9
    loop: float = 0.95
    gain: float = 0.01


@dataclass(frozen=True)
class Measured:
    """What was measured of the futures of a network.

    Attributes
    ----------
    classes : Classes
        Classes of the sample.
    geometry : Geometry
        Numbers of the distances alone.
    n_sampled : int
        States that were compared.
    moore : bool
        Whether the present output counts.
    memory_spread : float
        95 % quantile of the distances of states as memory, which do not count the present output.
    machine : Machine or None
        None with one class.
    path : Path or None
        The sequences with classes; None with one class.
    interval : tuple of int or None
        Range of the number of classes over resamples.
    forgets_after : int or None
        See :func:`hmmlens.futures.comparison.forgetting`.
    restricted : bool
        Whether continuations were cut to inputs that occur.
    n_split : int
        Classes that were added by a split along single continuations.
    """

    classes: Classes
    geometry: Geometry
    n_sampled: int
    moore: bool
    memory_spread: float
    machine: Machine | None = None
    path: Path | None = None
    interval: tuple[int, int] | None = None
    forgets_after: int | None = None
    restricted: bool = False
    n_split: int = 0


@dataclass(frozen=True)
class _Task:
    continuation: Continuation
    outputs: Floats
    test: NDArray[np.bool_]
    settings: FutureSettings
    scale: float


def measure(
    continuation: Continuation,
    outputs: Floats,
    test: NDArray[np.bool_],
    seed: int,
    settings: FutureSettings = DEFAULT,
    thresholds: Thresholds = Thresholds(),
) -> Measured:
    """Measure the futures of a network.

    Parameters
    ----------
    continuation : Continuation
        Runs the network.
    outputs : ndarray of shape (sequence, time, output)
        Compared values of the recorded outputs.
    test : ndarray of shape (sequence,)
        Sequences that take part in no choice.
    seed : int
        Seed of the samples.
    settings : FutureSettings, optional
        Settings.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    Measured
        The numbers.

    Raises
    ------
    DataError
        When no sequence is long enough.
    """
    task = _Task(continuation, outputs, test, settings, output_scale(outputs, continuation.lengths))
    compared, classes, form = _sampled(task, seed, thresholds)
    memory_spread = form.quantiles[2]
    forgets_after = forgetting(compared, thresholds.same)
    if not _has_classes(classes, thresholds):
        present = compared.with_present()
        found = find_classes(present.distances, settings)
        if memory_spread < thresholds.same or _has_classes(found, thresholds):
            compared, classes = present, found
            form = geometry(present.distances, settings)
    measured = Measured(
        classes, form, len(compared.now), compared.moore, memory_spread,
        forgets_after=forgets_after,
    )  # fmt: skip
    if classes.n_classes < 2:
        return measured
    return _with_machine(task, compared, measured, seed, thresholds)


def _has_classes(classes: Classes, thresholds: Thresholds) -> bool:
    return classes.n_classes > 1 and classes.ratio >= thresholds.weak_ratio


def _sampled(
    task: _Task, seed: int, thresholds: Thresholds
) -> tuple[Comparison, Classes, Geometry]:
    """Compare states, and more of them where collisions suggest many classes."""
    n = task.settings.n_states
    while True:
        rng = np.random.default_rng(seed)
        compared = compare(task.continuation, task.outputs, ~task.test, task.settings, n, rng)
        distances = compared.distances
        classes, form = find_classes(distances, task.settings), geometry(distances, task.settings)
        found = classes.n_classes if _has_classes(classes, thresholds) else 0
        many = found > n / 20 or (
            found < 2 and form.valley <= 0.1 and form.same > 0 and 1 / form.same > n / 20
        )
        if not many or n >= task.settings.most_states:
            return compared, classes, form
        n = min(3 * n, task.settings.most_states)


def _path(task: _Task, compared: Comparison, classes: Classes) -> Path:
    return paths.assign(
        task.continuation, task.outputs, task.test, compared, classes.labels, task.scale,
        task.settings,
    )  # fmt: skip


def _with_machine(
    task: _Task, compared: Comparison, measured: Measured, seed: int, thresholds: Thresholds
) -> Measured:
    """Add the machine of the classes, restricted to legal inputs and split where it fails."""
    settings, classes = task.settings, measured.classes
    path = _path(task, compared, classes)
    restricted = False
    legal = legality.legal_steps(path, compared.sample.windows, classes.n_classes)
    n_steps = compared.futures.shape[2]
    if legal is not None and (legal < n_steps).any():
        of_state = np.where(classes.labels[:, None] >= 0, legal[classes.labels], n_steps)
        other = compared.restricted(of_state)
        found = find_classes(other.distances, settings)
        if found.n_classes > 1 and found.ratio >= classes.ratio:
            changed = not np.array_equal(found.labels, classes.labels)
            compared, classes, restricted = other, found, True
            measured = replace(measured, geometry=geometry(other.distances, settings))
            path = _path(task, compared, classes) if changed else path
    fitted = machine.fit(path, classes.n_classes)
    interval = count_interval(compared, settings, np.random.default_rng(seed))
    n_split = 0
    while _loop(fitted) < thresholds.loop:
        for labels in refinement.candidates(compared, classes.labels, settings, thresholds.ratio):
            plateau = Plateau(0, classes.low, classes.high, classes.coverage)
            finer = describe(compared.distances, labels, plateau)
            finer_path = _path(task, compared, finer)
            finer_fit = machine.fit(finer_path, finer.n_classes)
            if _loop(finer_fit) > _loop(fitted) + thresholds.gain:
                n_split += finer.n_classes - classes.n_classes
                # The plateau and the points are those of the classes before the split.
                classes = replace(
                    classes, labels=finer.labels, n_classes=finer.n_classes,
                    smallest=finer.smallest,
                )  # fmt: skip
                path, fitted = finer_path, finer_fit
                break
        else:
            break
    return replace(
        measured, classes=classes, machine=fitted, path=path, interval=interval,
        restricted=restricted, n_split=n_split,
    )  # fmt: skip


def _loop(fitted: Machine) -> float:
    """Return R2 of the machine at 20 steps, or at the largest number below."""
    near = [h for h in fitted.closed_loop if h <= 20]
    return fitted.closed_loop[max(near)] if near else float("nan")
