"""Checks of what users set by hand: parameters, priors and settings of a model."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arrays
from hmmlens.errors import DataError
from hmmlens.hmm.engine.covariances import COVARIANCE_TYPES, roots
from hmmlens.typing import Floats

#: Smaller variances underflow once a floor is taken from them. See also :data:`arrays.LARGEST`.
SMALLEST_VARIANCE = 1e-290


def numbers(value: Any, name: str, shape: tuple[int, ...] | None = None) -> Floats:
    """Return finite real numbers as an array.

    Parameters
    ----------
    value : array_like
    name : str
        What messages call it.
    shape : tuple of int, optional
        The shape that it must have.

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
        raise DataError(f"{name} holds {array[tuple(bad[0])]}{_at(bad[0])}; give finite numbers")
    return array


def distributions(value: Any, name: str, shape: tuple[int, ...], zero_rows: bool = False) -> Floats:
    """Return probabilities that add up to 1 over the last axis.

    Parameters
    ----------
    value : array_like
    name : str
    shape : tuple of int
    zero_rows : bool
        Whether a row of zeros is allowed, which hmmlearn leaves where no transition was ever seen.

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
                        f"{_at(bad[0])}")  # fmt: skip
    sums = array.sum(axis=-1)
    wrong = np.argwhere(~(np.isclose(sums, 1) | (zero_rows & (sums == 0))))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        row = "" if not place else f"row {place[0] if len(place) == 1 else place} of "
        raise DataError(f"{row}{name} adds up to {sums[place]:.4g}, not to 1")
    return array


def covariances(
    value: Any, covariance_type: Any, n_states: int, n_features: int | None = None
) -> Floats:
    """Return a copy of covariances in the shape of their type, see :func:`covariance_shape`.

    Spherical variances may have more axes if these add no numbers, or repeat each variance for
    every component, as hmmlearn has it.

    Raises
    ------
    DataError
        When the type is unknown, the shape is another, or a covariance is not positive definite.
    """
    covariance_kind(covariance_type)
    given = numbers(value, "covars_")
    compact = given
    if covariance_type == "spherical" and given.ndim > 1 and len(given):
        flat = given.reshape(len(given), -1)
        compact = flat[:, 0] if (flat == flat[:, :1]).all() and flat.size else given
    wanted = covariance_shape(covariance_type, n_states, n_features or 0)
    fits = compact.ndim == len(wanted) and (covariance_type == "tied" or len(given) == n_states)
    if covariance_type in ("full", "tied"):
        fits = fits and given.shape[-1] == given.shape[-2] > 0
    if not fits or (n_features is not None and compact.shape != wanted):
        words = str(wanted) if n_features else _words(covariance_type, n_states)
        raise DataError(
            f"covars_ has shape {given.shape}, which does not fit {n_states} states with "
            f"{covariance_type} covariances; {words} is needed"
        )
    if covariance_type in ("spherical", "diag"):
        bad = np.argwhere(compact <= 0)
        if len(bad):
            raise DataError(
                f"covars_ holds a variance that is not above 0: {compact[tuple(bad[0])]:.4g}"
                f"{_at(bad[0])}"
            )
        return compact.copy()
    for state, matrix in enumerate(given[None] if covariance_type == "tied" else given):
        scale = np.abs(matrix).max()
        if not np.allclose(matrix, matrix.T, atol=1e-8 * min(scale, 1)):
            which = "" if covariance_type == "tied" else f"; that of state {state} is not"
            raise DataError(f"covars_ must be symmetric and positive definite{which}")
    remedy = "covariances must be symmetric and positive definite"
    roots(given[None] if covariance_type == "tied" else given, "covars_", remedy)
    return compact.copy()


def fitted_covariances(covars: Any, covariance_type: str, shape: tuple[int, int]) -> Floats:
    """Return covariances (state, component, component) of a model that was fitted before.

    Variances of 0 are taken where the covariances are diagonal, as EM takes them.

    Parameters
    ----------
    covars : array_like
    covariance_type : str
    shape : (state, component)

    Raises
    ------
    DataError
        When the shape is another, or no density has a covariance.
    """
    covariance_kind(covariance_type)
    array = numbers(covars, "covars", (*shape, shape[1]))
    for state, matrix in enumerate(array):
        scale = np.abs(matrix).max()
        if not np.allclose(matrix, matrix.T, rtol=1e-5, atol=1e-8 * scale):
            raise DataError(f"covars must be symmetric; that of state {state} is not")
    if covariance_type in ("spherical", "diag"):
        bad = np.flatnonzero((np.diagonal(array, axis1=1, axis2=2) < 0).any(axis=1)).tolist()
    else:
        bad = []
        roots(array, "covars", "no density has such a covariance")
    if bad:
        raise DataError(f"covars holds a variance below 0 in state {bad[0]}")
    return array


def covariance_kind(covariance_type: Any) -> None:
    """Raise :class:`DataError` unless there are covariances of this type."""
    if covariance_type not in COVARIANCE_TYPES:
        raise DataError(
            f"covariance_type must be one of {', '.join(COVARIANCE_TYPES)}, "
            f"found {covariance_type!r}"
        )


def covariance_shape(covariance_type: str, n_states: int, n_features: int) -> tuple[int, ...]:
    """Return the shape of covariances of a type."""
    k, d = n_states, n_features
    return {"spherical": (k,), "diag": (k, d), "full": (k, d, d), "tied": (d, d)}[covariance_type]


def prior(value: Any, name: str, shape: tuple[int, ...], lowest: float | None = None) -> Any:
    """Return a prior: a number, or an array that broadcasts to ``shape``.

    Parameters
    ----------
    lowest : float, optional
        The smallest number that is allowed.

    Raises
    ------
    DataError
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
    """Raise :class:`DataError` unless ``given`` is a word of letters that a model knows."""
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
    """Raise :class:`DataError` unless the settings that all models share make sense."""
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
    """Raise :class:`DataError` unless ``value`` is a number of ``lowest`` or more."""
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= lowest:
        least = "" if lowest == -np.inf else f" of {lowest:g} or more"
        raise DataError(f"{name} must be a number{least}, found {value!r}")


def generator(random_state: Any) -> np.random.RandomState:
    """Return the random numbers of a seed, as scikit-learn understands it.

    Raises
    ------
    DataError
        When it is neither None, nor a seed from 0 to 2**32 - 1, nor NumPy's RandomState or
        Generator.
    """
    from sklearn.utils import check_random_state

    if random_state is not None and not isinstance(random_state, np.random.RandomState):
        random_state = arrays.seed(random_state)
    found: np.random.RandomState = check_random_state(random_state)
    return found


def spread(variance: Floats, name: str = "X") -> None:
    """Refuse data that do not vary, for a floor relative to their variance would be 0.

    Parameters
    ----------
    variance : (component)
    name : what messages call the data.

    Raises
    ------
    DataError
    """
    if not variance.mean() >= SMALLEST_VARIANCE:
        raise DataError(
            f"{name} does not vary: no component has a variance above {SMALLEST_VARIANCE:g}, so "
            "there are no states to tell apart; drop constant components, or rescale the data"
        )


def _at(index: NDArray[np.intp]) -> str:
    """Return where in an array something stands, in words."""
    place = tuple(index.tolist())
    return "" if not place else f" at {place[0] if len(place) == 1 else place}"


def _words(covariance_type: str, n_states: int) -> str:
    return {
        "spherical": f"({n_states},)",
        "diag": f"({n_states}, component)",
        "full": f"({n_states}, component, component)",
        "tied": "(component, component)",
    }[covariance_type]
