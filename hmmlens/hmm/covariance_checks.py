"""Checks of covariances that users set by hand, and of those that were fitted before."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmlens.errors import DataError
from hmmlens.hmm import checks
from hmmlens.hmm.engine.covariances import COVARIANCE_TYPES, roots
from hmmlens.typing import Floats


def covariances(
    value: Any, covariance_type: Any, n_states: int, n_features: int | None = None
) -> Floats:
    """Return a copy of covariances in the shape of their type, see :func:`covariance_shape`.

    Spherical variances may have more axes if these add no numbers, or repeat each variance for
    every component, as hmmlearn has it.

    Parameters
    ----------
    value : array_like
        What was set.
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    n_states : int
        Number of states.
    n_features : int, optional
        Number of components; None allows any.

    Returns
    -------
    ndarray of float
        A copy.

    Raises
    ------
    DataError
        When the type is unknown, the shape is another, or a covariance is not positive definite.
    """
    covariance_kind(covariance_type)
    given = checks.numbers(value, "covars_")
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
                f"{checks.place_of(bad[0])}"
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
    """Return covariances of a model that was fitted before.

    Variances of 0 are allowed where the covariances are diagonal, as EM allows them.

    Parameters
    ----------
    covars : array_like of shape (state, component, component)
        Covariances.
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    shape : tuple of int
        Numbers of states and components.

    Returns
    -------
    ndarray of shape (state, component, component)
        The covariances.

    Raises
    ------
    DataError
        When the shape is another, or no density has a covariance.
    """
    covariance_kind(covariance_type)
    array = checks.numbers(covars, "covars", (*shape, shape[1]))
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
    """Refuse an unknown covariance type.

    Parameters
    ----------
    covariance_type : object
        What was set.

    Raises
    ------
    DataError
        Unless there are covariances of this type.
    """
    if covariance_type not in COVARIANCE_TYPES:
        raise DataError(
            f"covariance_type must be one of {', '.join(COVARIANCE_TYPES)}, "
            f"found {covariance_type!r}"
        )


def covariance_shape(covariance_type: str, n_states: int, n_features: int) -> tuple[int, ...]:
    """Return the shape of covariances of a type.

    Parameters
    ----------
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    n_states : int
        Number of states.
    n_features : int
        Number of components.

    Returns
    -------
    tuple of int
        (state,), (state, component), (state, component, component) or (component, component).
    """
    k, d = n_states, n_features
    return {"spherical": (k,), "diag": (k, d), "full": (k, d, d), "tied": (d, d)}[covariance_type]


def _words(covariance_type: str, n_states: int) -> str:
    return {
        "spherical": f"({n_states},)",
        "diag": f"({n_states}, component)",
        "full": f"({n_states}, component, component)",
        "tied": "(component, component)",
    }[covariance_type]
