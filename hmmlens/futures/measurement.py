"""Measure how distinct the futures of a network's states are: the numbers behind the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.futures import legality, machine, paths, refinement
from hmmlens.futures.classes import Classes, count_interval, describe, find_classes
from hmmlens.futures.comparison import Comparison, all_inputs, compare, forgetting, output_scale
from hmmlens.futures.distances import combined
from hmmlens.futures.geometry import Geometry, geometry
from hmmlens.futures.machine import Machine, Path
from hmmlens.futures.plateaus import Linkage, Plateau, widest
from hmmlens.futures.running import Continuation
from hmmlens.futures.settings import DEFAULT, FutureSettings
from hmmlens.typing import Floats


@dataclass(frozen=True)
class Futures:
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
    distances : ndarray of shape (state, state) or None
        Distances of the sample in which the classes were found.
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
    distances: Floats | None = None


@dataclass(frozen=True)
class _Task:
    continuation: Continuation
    outputs: Floats
    test: NDArray[np.bool_]
    settings: FutureSettings
    scale: float
    described: Floats


def measure(
    continuation: Continuation,
    outputs: Floats,
    test: NDArray[np.bool_],
    seed: int,
    settings: FutureSettings = DEFAULT,
    described: NDArray[Any] | None = None,
) -> Futures:
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
    described : ndarray of shape (sequence, time) or (sequence, time, feature), optional
        What describes the inputs, where the network reads more than can be shown.

    Returns
    -------
    Futures
        The numbers.

    Raises
    ------
    DataError
        When no sequence is long enough, or the output does not vary.
    """
    shown = continuation.inputs if described is None else described
    scale = output_scale(outputs[~test], continuation.lengths[~test])
    task = _Task(continuation, outputs, test, settings, scale, all_inputs(shown))
    compared, classes, form = _sampled(task, seed)
    memory_spread = compared.memory
    forgets_after = forgetting(compared, settings.same)
    distances = compared.distances
    if not _has_classes(classes, settings) and (hidden := _rare(task, compared)):
        classes, distances = hidden
    elif not _has_classes(classes, settings):
        present = compared.with_present()
        found = find_classes(present.distances, settings)
        if memory_spread < settings.same or _has_classes(found, settings):
            # Without classes the distances of memory are kept, which show that there is none.
            distances = present.distances if _has_classes(found, settings) else compared.remembered
            compared, classes = present, found
            form = geometry(present.distances, settings)
    measured = Futures(
        classes, form, len(compared.now), compared.moore, memory_spread,
        forgets_after=forgets_after, distances=distances,
    )  # fmt: skip
    if classes.n_classes < 2:
        return measured
    return _with_machine(task, compared, measured, seed)


def _has_classes(classes: Classes, settings: FutureSettings) -> bool:
    return classes.n_classes > 1 and classes.ratio >= settings.weak_ratio


def _sampled(task: _Task, seed: int) -> tuple[Comparison, Classes, Geometry]:
    """Compare states, and more of them where collisions suggest many classes."""
    n = task.settings.n_states
    while True:
        rng = np.random.default_rng(seed)
        compared = compare(task.continuation, task.outputs, ~task.test, task.settings, n, rng)
        distances = compared.distances
        classes, form = find_classes(distances, task.settings), geometry(distances, task.settings)
        found = classes.n_classes if _has_classes(classes, task.settings) else 0
        many = found > n / 20 or (
            found < 2 and form.valley <= 0.1 and form.same > 0 and 1 / form.same > n / 20
        )
        if not many or n >= task.settings.most_states:
            return compared, classes, form
        n = min(3 * n, task.settings.most_states)


def _path(task: _Task, compared: Comparison, classes: Classes) -> Path:
    return paths.assign(
        task.continuation, task.outputs, task.test, compared, classes.labels, task.scale,
        task.settings, task.described,
    )  # fmt: skip


def _rare(task: _Task, compared: Comparison) -> tuple[Classes, Floats] | None:
    """Return classes that few continuations show, with the distances along these.

    None unless a machine of the classes does better than none.
    """
    settings = task.settings
    nothing = np.zeros(len(compared.now), dtype=int)
    for split in refinement.candidates(compared, nothing, settings)[: settings.n_tries]:
        distances = combined(compared.by_window[split.windows])
        linkage = Linkage(distances, settings.min_members, settings.neighbours, settings.resolution)
        plateau = widest(linkage.plateaus(settings.coverage), settings.spread)
        if plateau is None:
            continue
        classes = describe(distances, split.labels, plateau)
        path = _path(task, compared, classes).without_test()
        fitted = machine.fit(path, classes.n_classes, settings.resolution)
        alone = path._replace(classes=np.where(path.classes >= 0, 0, -1))
        if _loop(fitted) > _loop(machine.fit(alone, 1, settings.resolution)) + settings.split_gain:
            return classes, distances
    return None


def _with_machine(task: _Task, compared: Comparison, measured: Futures, seed: int) -> Futures:
    """Add the machine of the classes, restricted to legal inputs and split where it fails."""
    settings, classes = task.settings, measured.classes
    path = _path(task, compared, classes)
    restricted = False
    windows = compared.sample.windows(task.described)
    legal = legality.legal_steps(path.without_test(), windows, classes.n_classes)
    n_steps = compared.futures.shape[2]
    if legal is not None and (legal < n_steps).any():
        of_state = np.where(classes.labels[:, None] >= 0, legal[classes.labels], n_steps)
        other = compared.restricted(of_state)
        found = find_classes(other.distances, settings)
        if found.n_classes > 1 and found.ratio >= classes.ratio:
            changed = not np.array_equal(found.labels, classes.labels)
            compared, classes, restricted = other, found, True
            form = geometry(other.distances, settings)
            measured = replace(measured, geometry=form, distances=other.distances)
            path = _path(task, compared, classes) if changed else path
    chosen_by = machine.fit(path.without_test(), classes.n_classes, settings.resolution)
    interval = count_interval(compared, settings, np.random.default_rng(seed))
    n_split = 0
    while _loop(chosen_by) < settings.split_below:
        for split in refinement.candidates(compared, classes.labels, settings)[: settings.n_tries]:
            plateau = Plateau(0, classes.low, classes.high, classes.coverage)
            finer = describe(compared.distances, split.labels, plateau)
            finer_path = _path(task, compared, finer)
            finer_fit = machine.fit(finer_path.without_test(), finer.n_classes, settings.resolution)
            if _loop(finer_fit) > _loop(chosen_by) + settings.split_gain:
                n_split += finer.n_classes - classes.n_classes
                # The plateau and the points are those of the classes before the split.
                classes = replace(
                    classes, labels=finer.labels, n_classes=finer.n_classes,
                    smallest=finer.smallest,
                )  # fmt: skip
                path, chosen_by = finer_path, finer_fit
                break
        else:
            break
    fitted = machine.fit(path, classes.n_classes, settings.resolution)
    return replace(
        measured, classes=classes, machine=fitted, path=path, interval=interval,
        restricted=restricted, n_split=n_split,
    )  # fmt: skip


def _loop(fitted: Machine) -> float:
    """Return R2 of the machine for its worst output at 20 steps, or the largest number below."""
    near = [h for h in fitted.closed_loop if h <= 20]
    if not near:
        return float("nan")
    known = fitted.by_output[np.isfinite(fitted.by_output)]
    return float(min(fitted.closed_loop[max(near)], *known))
