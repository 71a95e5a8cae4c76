"""States that users pass to a reducer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hmmlens import observations
from hmmlens.errors import DataError
from hmmlens.observations import Sequences
from hmmlens.stats.moments import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checked_states(X: Any, lengths: Any, name: str = "X") -> Sequences:
    """Return real values of which none is masked.

    Parameters
    ----------
    X : array_like or list of sequences
        States of a layer.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence.
    name : str
        Name of the argument, for messages.

    Returns
    -------
    Sequences
        Flat frames with their lengths.

    Raises
    ------
    DataError
        When the states are no finite real numbers, or some are masked.
    """
    if hasattr(X, "toarray"):
        raise DataError(f"{name} is a sparse array of SciPy; give {name}.toarray()")
    data = observations.values(X, lengths, name=name, last="unit")
    if np.isnan(data.frames).any():
        raise DataError(f"{name} has steps that are masked; fill them, or give lengths where they "
                        "are padding")  # fmt: skip
    return data


def as_part(data: Sequences) -> Part:
    """Return all sequences as one part; flat data count as one sequence.

    Parameters
    ----------
    data : Sequences
        Checked states.

    Returns
    -------
    Part
        With all sequences.
    """
    inside = data.inside
    if inside is None:
        inside = np.ones((1, len(data.frames)), dtype=bool)
    return Part(slice(0, len(inside)), inside, data.frames)


def unit_names(X: Any) -> NDArray[np.object_] | None:
    """Return the names of a table's columns, where all of them are text.

    Parameters
    ----------
    X : array_like or list of sequences
        States of a layer.

    Returns
    -------
    ndarray of str, shape (unit,), or None
        None where the data have no names.
    """
    names = list(getattr(X, "columns", ()))
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return np.array(names, dtype=object)
