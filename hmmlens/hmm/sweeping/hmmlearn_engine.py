"""Fits by hmmlearn, the reference engine."""

from __future__ import annotations

import logging
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM, HiddenMarkovModel
from hmmlens.typing import Floats

log = logging.getLogger(__name__)
# hmmlearn warns of every small drop in likelihood; the sweep reports convergence itself.
logging.getLogger("hmmlearn").setLevel(logging.ERROR)


class Fit(NamedTuple):
    """One restart.

    Attributes
    ----------
    model : HiddenMarkovModel or None
        The fitted model; None when EM broke down.
    history : list of float
        Log-likelihood before each M-step, nats.
    converged : bool
        True when the last gain was below the tolerance, rather than all steps done.
    rescued : bool
        Whether the fit was repeated in log space after an underflow.
    """

    model: HiddenMarkovModel | None
    history: list[float]
    converged: bool
    rescued: bool


def fit_gaussian(
    frames: Floats,
    lengths: NDArray[np.integer],
    covariance_type: str,
    start: dict[str, Floats],
    floor: float,
    max_iter: int,
    tol: float,
) -> Fit:
    """Run EM of hmmlearn's GaussianHMM.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Sequences one after another.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    start : dict of ndarray
        ``startprob``, ``transmat``, ``means`` (state, component) and ``covariance`` (component,
        component), the same for each state.
    floor : float
        Variance added to every direction of every covariance. hmmlearn's own prior adds one
        number to all entries of a scatter matrix, which bounds no eigenvalue; a multiple of the
        identity does.
    max_iter : int
        Largest number of EM steps.
    tol : float
        EM stops when a step gains less, nats in all.

    Returns
    -------
    Fit
        The fitted model and its history.
    """
    from hmmlearn.hmm import GaussianHMM as Reference
    from hmmlearn.utils import fill_covars

    n_states, n_features = start["means"].shape
    weight = len(frames) if covariance_type == "tied" else len(frames) / n_states
    matrix = covariance_type in ("tied", "full")
    prior = floor * weight * (np.eye(n_features) if matrix else 1.0)
    covariance = start["covariance"]
    covars = {
        "tied": covariance,
        "full": np.tile(covariance, (n_states, 1, 1)),
        "diag": np.tile(np.diag(covariance), (n_states, 1)),
        "spherical": np.full(n_states, np.trace(covariance) / n_features),
    }[covariance_type]

    def _make(implementation: str) -> Any:
        model = Reference(
            n_states,
            covariance_type,
            n_iter=max_iter,
            tol=tol,
            init_params="",
            covars_prior=prior,
            implementation=implementation,
        )
        model.startprob_, model.transmat_ = start["startprob"], start["transmat"]
        model.means_, model.covars_ = start["means"], covars
        return model

    model, history, converged, rescued = _run(_make, frames, lengths, max_iter, tol)
    if model is None:
        return Fit(None, history, False, rescued)
    stored = model._covars_
    if covariance_type == "spherical":
        # A step leaves it repeated for every component, which fill_covars misreads.
        stored = stored.reshape(n_states, -1)[:, 0]
    full = np.asarray(fill_covars(stored, covariance_type, n_states, n_features))
    transmat = _complete(model.transmat_)
    try:
        fitted = GaussianHMM.from_parameters(
            model.startprob_, transmat, model.means_, full, covariance_type
        )
    except DataError as error:
        log.info("hmmlearn broke down: %s", error)
        return Fit(None, history, False, rescued)
    return Fit(fitted, history, converged, rescued)


def fit_categorical(
    symbols: NDArray[np.int64],
    lengths: NDArray[np.integer],
    start: dict[str, Floats],
    max_iter: int,
    tol: float,
    smoothing: float = 0.0,
) -> Fit:
    """Run EM of hmmlearn's CategoricalHMM.

    Parameters
    ----------
    symbols : ndarray of int of shape (frame,)
        Sequences one after another.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.
    start : dict of ndarray
        ``startprob``, ``transmat`` and ``emissionprob`` (state, symbol).
    max_iter : int
        Largest number of EM steps.
    tol : float
        EM stops when a step gains less, nats in all.
    smoothing : float, default=0.0
        Added to the count of every symbol in every state.

    Returns
    -------
    Fit
        The fitted model and its history.
    """
    from hmmlearn.hmm import CategoricalHMM as Reference

    def _make(implementation: str) -> Any:
        model = Reference(
            len(start["startprob"]),
            n_iter=max_iter,
            tol=tol,
            init_params="",
            implementation=implementation,
            n_features=start["emissionprob"].shape[1],
            emissionprob_prior=1 + smoothing,
        )
        model.startprob_, model.transmat_ = start["startprob"], start["transmat"]
        model.emissionprob_ = start["emissionprob"]
        return model

    model, history, converged, rescued = _run(_make, symbols[:, None], lengths, max_iter, tol)
    if model is None:
        return Fit(None, history, False, rescued)
    transmat, emissionprob = _complete(model.transmat_), _complete(model.emissionprob_)
    fitted = CategoricalHMM.from_parameters(model.startprob_, transmat, emissionprob)
    return Fit(fitted, history, converged, rescued)


def _complete(rows: Floats) -> Floats:
    """Return rows (row, category) with uniform ones where no frame counts; hmmlearn has 0 there."""
    empty = rows.sum(axis=1, keepdims=True) == 0
    whole: Floats = np.where(empty, 1 / rows.shape[1], rows)
    return whole


def _run(
    make: Any, frames: NDArray[Any], lengths: NDArray[np.integer], max_iter: int, tol: float
) -> tuple[Any, list[float], bool, bool]:
    # SciPy must be loaded before the limit is set, or its own BLAS escapes it; and thousands of
    # tiny solves are many times slower on several BLAS threads than on one.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    history: list[float] = []
    for implementation in ("scaling", "log"):
        try:
            model = make(implementation)
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(frames, lengths)
        except (ValueError, np.linalg.LinAlgError) as error:
            log.info("hmmlearn (%s) broke down: %s", implementation, error)
            continue
        history = [float(value) for value in model.monitor_.history]
        names = ("startprob_", "transmat_", "means_", "_covars_", "emissionprob_")
        fitted = [getattr(model, name) for name in names if hasattr(model, name)]
        if np.isfinite(history).all() and all(np.isfinite(p).all() for p in fitted):
            small = len(history) > 1 and abs(history[-1] - history[-2]) < tol
            return model, history, len(history) < max_iter or small, implementation == "log"
    return None, history, False, True
