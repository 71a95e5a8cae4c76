"""Checks of what users set by hand: parameters, priors and settings of a model."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arguments, arrays
from hmmlens.errors import DataError
from hmmlens.typing import Floats

#: Smaller variances underflow once a floor is taken from them. See also :data:`arrays.LARGEST`.
SMALLEST_VARIANCE = 1e-290


def numbers(value: Any, name: str, shape: tuple[int, ...] | None = None) -> Floats:
    """Return finite real numbers as an array.

    Parameters
    ----------
    value : array_like
        What was set.
    name : str
        Its name in messages.
    shape : tuple of int, optional
        The shape that it must have.

    Returns
    -------
    ndarray of float
        The numbers.

    Raises
    ------
    DataError
        When the shape is another, or something is not a finite real number.
    """
    array = arrays.numbers(value, name).astype(np.float64, copy=False)
    if shape is not None and array.shape != shape:
        raise DataError(f"{name} has shape {array.shape}, {shape} is needed")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise DataError(
            f"{name} holds {array[tuple(bad[0])]}{place_of(bad[0])}; give finite numbers"
        )
    return array


def distributions(value: Any, name: str, shape: tuple[int, ...], zero_rows: bool = False) -> Floats:
    """Return probabilities that add up to 1 over the last axis.

    Parameters
    ----------
    value : array_like
        What was set.
    name : str
        Its name in messages.
    shape : tuple of int
        The shape that it must have.
    zero_rows : bool, default=False
        Whether a row of zeros is allowed, which hmmlearn leaves where no transition was seen.

    Returns
    -------
    ndarray of float
        The probabilities.

    Raises
    ------
    DataError
        When the shape is another, a probability is negative or not finite, or a row does not add
        up to 1.
    """
    array = numbers(value, name, shape)
    bad = np.argwhere(array < 0)
    if len(bad):
        raise DataError(f"{name} holds a negative probability, {array[tuple(bad[0])]:.4g}"
                        f"{place_of(bad[0])}")  # fmt: skip
    sums = array.sum(axis=-1)
    wrong = np.argwhere(~(np.isclose(sums, 1) | (zero_rows & (sums == 0))))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        row = "" if not place else f"row {place[0] if len(place) == 1 else place} of "
        raise DataError(f"{row}{name} adds up to {sums[place]:.4g}, not to 1")
    return array


def prior(value: Any, name: str, shape: tuple[int, ...], lowest: float | None = None) -> Any:
    """Return a prior: a number, or an array that broadcasts to ``shape``.

    Parameters
    ----------
    value : array_like
        What was set.
    name : str
        Its name in messages.
    shape : tuple of int
        The shape of the parameter.
    lowest : float, optional
        The smallest number that is allowed.

    Returns
    -------
    float or ndarray
        The prior.

    Raises
    ------
    DataError
        When it does not broadcast, or a number is below ``lowest``.
    """
    array = numbers(value, name)
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise DataError(
            f"{name} has shape {array.shape}; a number, or an array that broadcasts to {shape}, "
            "is needed"
        )
    if lowest is not None and (array < lowest).any():
        raise DataError(f"{name} must be {lowest:g} or more, found {array.min():.4g}")
    return array if array.ndim else float(array)


def letters(given: Any, name: str, known: Mapping[str, str], model: str) -> None:
    """Refuse letters of parameters that a model does not have.

    Parameters
    ----------
    given : object
        What was set.
    name : str
        Its name in messages.
    known : mapping of str to str
        The attribute of each letter.
    model : str
        Name of the class, for messages.

    Raises
    ------
    DataError
        Unless ``given`` is a word of known letters.
    """
    meaning = ", ".join(f"{letter} ({attribute})" for letter, attribute in known.items())
    if not isinstance(given, str):
        raise DataError(f"{name} must be a word of the letters {meaning}, found {given!r}")
    unknown = [letter for letter in given if letter not in known]
    if unknown:
        raise DataError(
            f"{name}={given!r} holds {unknown[0]!r}, which {model} does not know; "
            f"use letters of {meaning}"
        )


def settings(model: Any) -> None:
    """Refuse settings that make no sense for any model.

    Parameters
    ----------
    model : FittableHMM
        The model whose settings are checked.

    Raises
    ------
    DataError
        With the name of the setting.
    """
    steps = model.n_iter
    if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 0:
        raise DataError(f"n_iter must be a whole number of 0 or more, found {steps!r}")
    number(model.tol, "tol")
    words = {"algorithm": ("viterbi", "map"), "implementation": ("log", "scaling")}
    for name, allowed in words.items():
        if getattr(model, name) not in allowed:
            raise DataError(f"{name} must be {' or '.join(allowed)}, "
                            f"found {getattr(model, name)!r}")  # fmt: skip
    generator(model.random_state)


def number(value: Any, name: str, lowest: float = -np.inf) -> None:
    """Refuse what is no number, or too small.

    Parameters
    ----------
    value : object
        What was set.
    name : str
        Its name in messages.
    lowest : float, optional
        The smallest number that is allowed.

    Raises
    ------
    DataError
        Unless ``value`` is a number of ``lowest`` or more.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= lowest:
        least = "" if lowest == -np.inf else f" of {lowest:g} or more"
        raise DataError(f"{name} must be a number{least}, found {value!r}")


def generator(random_state: Any) -> np.random.RandomState:
    """Return the random number generator of a seed, as scikit-learn understands it.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        None takes NumPy's global one.

    Returns
    -------
    RandomState
        The generator.

    Raises
    ------
    DataError
        When it is neither None, nor a seed from 0 to 2**32 - 1, nor NumPy's RandomState or
        Generator.
    """
    from sklearn.utils import check_random_state

    if random_state is not None and not isinstance(random_state, np.random.RandomState):
        random_state = arguments.seed(random_state)
    found: np.random.RandomState = check_random_state(random_state)
    return found


def spread(variance: Floats, name: str = "X") -> None:
    """Refuse data that do not vary, for a floor relative to their variance would be 0.

    Parameters
    ----------
    variance : ndarray of shape (component,)
        Variances of the data.
    name : str, default="X"
        Name of the data in messages.

    Raises
    ------
    DataError
        When the mean variance is below ``SMALLEST_VARIANCE``.
    """
    if not variance.mean() >= SMALLEST_VARIANCE:
        raise DataError(
            f"{name} does not vary: no component has a variance above {SMALLEST_VARIANCE:g}, so "
            "there are no states to distinguish; drop constant components, or rescale the data"
        )


def place_of(index: NDArray[np.intp]) -> str:
    """Return where in an array something stands, for messages.

    Parameters
    ----------
    index : ndarray of int of shape (axis,)
        Index of an entry.

    Returns
    -------
    str
        `` at (1, 2)``; empty for a number.
    """
    place = tuple(index.tolist())
    return "" if not place else f" at {place[0] if len(place) == 1 else place}"
