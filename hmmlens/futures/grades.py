"""Grades of a network by the numbers of its futures."""

from __future__ import annotations

from hmmlens.futures.measurement import Measured, Thresholds


def grade(measured: Measured, thresholds: Thresholds = Thresholds()) -> str:
    """Return the grade of a competent network.

    Parameters
    ----------
    measured : Measured
        The numbers.
    thresholds : Thresholds, optional
        Thresholds of the rules.

    Returns
    -------
    str
        A letter of :data:`GRADES`.
    """
    classes, form = measured.classes, measured.geometry
    moves = measured.machine.moves if measured.machine else float("nan")
    found = classes.n_classes > 1
    if found and classes.ratio >= thresholds.ratio:
        if classes.n_classes > measured.n_sampled / 10:
            return "N"
        if classes.points >= thresholds.points:
            return "B" if moves < thresholds.moves else "D"
        if classes.points >= 1 - thresholds.points and moves >= thresholds.moves:
            return "M"
    if found and classes.ratio >= thresholds.weak_ratio:
        if classes.ambiguity <= thresholds.ambiguity:
            if classes.points >= thresholds.points and not moves < thresholds.moves:
                return "D?"
            return "B"
    if measured.memory_spread < thresholds.same and not found:
        return "F"
    if form.density >= thresholds.density:
        return "B"
    return "C" if form.chain >= thresholds.chain else "U"
