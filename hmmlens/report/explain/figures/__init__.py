"""Figures of an explanation: those of a whole study, and those of each layer."""

from __future__ import annotations


def captions() -> dict[str, str]:
    """Return the caption of every figure by its name, see :class:`~hmmlens.report.figures.Drawing`.

    Figures of states share one caption, ``states``.

    Returns
    -------
    dict of str to str
        Name -> caption.
    """
    from hmmlens.report.explain.figures import layer, overview

    return {**overview.OVERVIEW.captions(), **layer.LAYER.captions()}
