"""Covariances of Gaussian states: their types and shapes, and what EM does with them."""

from __future__ import annotations

import numpy as np

from hmmlens.errors import DataError
from hmmlens.typing import Floats

#: Of a component's variance, times the number of components: less is rounding.
SINGULAR = 10 * float(np.finfo(float).eps)

COVARIANCE_TYPES = ("spherical", "diag", "full", "tied")


def compact(covars: Floats, covariance_type: str) -> Floats:
    """Return covariances in the shape of their type.

    Parameters
    ----------
    covars : ndarray of shape (state, component, component)
        Covariances.
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.

    Returns
    -------
    ndarray
        (state,), (state, component), (state, component, component) or (component, component).
    """
    diagonal = np.diagonal(covars, axis1=1, axis2=2)
    shapes = {"spherical": diagonal.mean(axis=1), "diag": diagonal, "tied": covars[0]}
    return np.array(shapes.get(covariance_type, covars))


def expand(covars: Floats, covariance_type: str, n_states: int, n_features: int) -> Floats:
    """Return covariances from the shape of their type.

    Parameters
    ----------
    covars : ndarray
        See :func:`compact`.
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    n_states : int
        Number of states.
    n_features : int
        Number of components.

    Returns
    -------
    ndarray of shape (state, component, component)
        Covariances.
    """
    if covariance_type == "full":
        return covars
    if covariance_type == "tied":
        return np.tile(covars, (n_states, 1, 1))
    variance = covars[:, None] if covars.ndim == 1 else covars
    return variance[:, :, None] * np.eye(n_features)


def invert(covars: Floats) -> tuple[Floats, Floats]:
    """Return inverses and log determinants of symmetric matrices.

    A matrix that is not positive definite gets 1e-7 on its diagonal, as in hmmlearn; if that is
    not enough, NaN marks that the fit broke down.

    Parameters
    ----------
    covars : ndarray of shape (..., component, component)
        Covariances.

    Returns
    -------
    precision : ndarray of shape (..., component, component)
        Inverses.
    log_det : ndarray of shape (...)
        Log determinants of ``covars``.
    """
    flat = covars.reshape(-1, *covars.shape[-2:])
    try:
        factor = np.linalg.cholesky(flat)
    except np.linalg.LinAlgError:
        factor = np.array([_root(matrix) for matrix in flat])
    inverse = np.linalg.inv(factor)
    precision = inverse.swapaxes(1, 2) @ inverse
    log_det = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return precision.reshape(covars.shape), log_det.reshape(covars.shape[:-2])


def _root(matrix: Floats) -> Floats:
    for extra in (0.0, 1e-7):
        try:
            return np.asarray(np.linalg.cholesky(matrix + extra * np.eye(len(matrix))))
        except np.linalg.LinAlgError:
            continue
    return np.where(np.eye(len(matrix)) == 1, np.nan, 0.0)


def roots(covars: Floats, name: str, remedy: str) -> Floats:
    """Return the Cholesky factors of covariances.

    Parameters
    ----------
    covars : ndarray of shape (state, component, component)
        Covariances.
    name : str
        Name of the parameter in messages.
    remedy : str
        What to do, for messages.

    Returns
    -------
    ndarray of shape (state, component, component)
        Lower triangular matrices.

    Raises
    ------
    DataError
        When one is not positive definite, or singular up to rounding, so that no digit of a
        density would be right; with the components that are constant or that others determine.
    """
    for state, matrix in enumerate(covars):
        if not _is_definite(matrix):
            flat = ", ".join(map(str, dependent(matrix)))
            which = f" (components that are constant or follow from others: {flat})" if flat else ""
            raise DataError(f"{name} is not positive definite in state {state}{which}; {remedy}")
    return np.asarray(np.linalg.cholesky(covars))


def triangular_inverses(factors: Floats) -> Floats:
    """Return the inverses of lower triangular matrices, by forward substitution.

    Parameters
    ----------
    factors : ndarray of shape (state, component, component)
        Lower triangular matrices.

    Returns
    -------
    ndarray of shape (state, component, component)
        Lower triangular matrices.

    Examples
    --------
    >>> inverses = triangular_inverses(np.array([[[2.0, 0.0], [1.0, 4.0]]]))
    >>> [inverses[0, 0, 0], *inverses[0, 1]] == [0.5, -0.125, 0.25]
    True
    """
    inverses = np.zeros_like(factors)
    for i in range(factors.shape[1]):
        row = factors[:, i, None, :i] @ inverses[:, :i]
        inverses[:, i] = -row[:, 0]
        inverses[:, i, i] += 1
        inverses[:, i] /= factors[:, i, i, None]
    return inverses


def _is_definite(matrix: Floats) -> bool:
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    # What the components before it leave of each variance, compared with rounding.
    left = np.diagonal(factor) ** 2
    return bool((left > SINGULAR * len(matrix) * np.diagonal(matrix)).all())


def dependent(covariance: Floats) -> list[int]:
    """Return the components that the others determine, or that are constant.

    Parameters
    ----------
    covariance : ndarray of shape (component, component)
        A covariance.

    Returns
    -------
    list of int
        In order.
    """
    if not (np.diagonal(covariance) >= 0).all():
        return []
    spread = np.sqrt(np.diagonal(covariance))
    redundant = np.flatnonzero(spread <= 1e-9 * spread.max(initial=0)).tolist()
    kept = [i for i in range(len(spread)) if i not in redundant]
    correlation = covariance[np.ix_(kept, kept)] / np.outer(spread[kept], spread[kept])
    # Component by component, what the ones before it leave of its variance.
    for place, component in enumerate(kept):
        before = [i for i in range(place) if kept[i] not in redundant]
        cross = correlation[before, place]
        explained = cross @ np.linalg.lstsq(correlation[np.ix_(before, before)], cross)[0]
        if before and explained > 1 - 1e-9:
            redundant.append(component)
    return sorted(redundant)


def symmetric(upper: Floats, d: int) -> Floats:
    """Return matrices from their upper triangles.

    Parameters
    ----------
    upper : ndarray of shape (..., d (d + 1) / 2)
        Entries row by row.
    d : int
        Number of rows.

    Returns
    -------
    ndarray of shape (..., d, d)
        Symmetric matrices.
    """
    index = np.empty((d, d), dtype=np.intp)
    i, j = np.triu_indices(d)
    index[i, j] = index[j, i] = np.arange(len(i))
    return upper[..., index]
