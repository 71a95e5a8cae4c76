"""The states that the futures of a network certify."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.futures.summary import Summary
from hmmlens.validation.grading.rules.futures import separate_classes


class Certified(NamedTuple):
    """States that the futures of a network certify.

    Attributes
    ----------
    n_states : int
        Their number.
    classes : ndarray of shape (sequence, time)
        State of each recorded step, -1 where it was not determined.
    """

    n_states: int
    classes: NDArray[np.integer]


def certified_by(futures: Summary | None) -> Certified | None:
    """Return the states that futures certify.

    Parameters
    ----------
    futures : Summary or None
        Futures of a network.

    Returns
    -------
    Certified or None
        None where futures are unknown, or form no separate classes.
    """
    if futures is None or not separate_classes(futures.numbers):
        return None
    return Certified(int(futures.numbers["n_classes"]), futures.classes)
