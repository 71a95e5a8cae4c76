"""The M-step of a batch of restarts, and what else is computed from parameters and statistics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior, Statistics
from hmmlens.hmm.engine.rows import rows_to_one, weighted_log
from hmmlens.typing import Floats


def floor_prior(covariance_type: str, floor: float, n_frames: int, n_states: int, d: int) -> Prior:
    """Return a prior that keeps every eigenvalue of every covariance above a floor.

    ``floor`` times the identity is added to each scatter matrix for each frame of an average
    state: log p = -floor n / (2 K) sum_k tr(inverse of covariance k). hmmlearn's own prior adds
    one number to all entries of the matrix, which bounds no eigenvalue.

    Parameters
    ----------
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    floor : float
        The smallest variance.
    n_frames, n_states, d : int
        Numbers of frames, states and components.

    Returns
    -------
    Prior
        With ``covars`` set.
    """
    weight = n_frames if covariance_type == "tied" else n_frames / n_states
    identity = np.eye(d) if covariance_type in ("tied", "full") else np.ones(d)
    return Prior(covars=floor * weight * identity)


def maximise(
    params: Parameters, stats: Statistics, family: Family, prior: Prior, update: str
) -> Parameters:
    """Return the parameters of the M-step.

    What is exactly 0 stays so, and a row of transitions without statistics stays as it was.

    Parameters
    ----------
    params : Parameters
        The parameters of the E-step.
    stats : Statistics
        Its result.
    family : Family
        The emissions.
    prior : Prior
        The prior.
    update : str
        Letters of the parameters that are estimated.

    Returns
    -------
    batch : Parameters
        New parameters.
    """
    startprob, transmat = params.startprob, params.transmat
    if "s" in update:
        weight = np.maximum(prior.startprob - 1 + stats.start, 0)
        startprob = rows_to_one(np.where(startprob == 0, 0, weight), startprob)
    if "t" in update:
        weight = np.maximum(prior.transmat - 1 + stats.trans, 0)
        transmat = rows_to_one(np.where(transmat == 0, 0, weight), transmat)
    emission = family.maximise(params.emission, stats, prior, update)
    return Parameters(startprob, transmat, emission)


def penalty(params: Parameters, family: Family, prior: Prior) -> Floats | float:
    """Return the log prior density up to a constant.

    Parameters
    ----------
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    prior : Prior
        The prior.

    Returns
    -------
    ndarray of shape (restart,) or float
        Nats.
    """
    start = weighted_log(np.asarray(prior.startprob) - 1.0, params.startprob)
    trans = weighted_log(np.asarray(prior.transmat) - 1.0, params.transmat)
    total: Floats | float = start + trans + family.penalty(params.emission, prior)
    return total


def all_finite(params: Parameters) -> NDArray[np.bool_]:
    """Return which restarts hold finite numbers only.

    Parameters
    ----------
    params : Parameters
        A batch of parameters.

    Returns
    -------
    ndarray of bool of shape (restart,)
        False where a parameter is NaN or infinite.
    """
    good = np.ones(len(params.startprob), dtype=bool)
    for part in (params.startprob, params.transmat, *params.emission):
        good &= np.isfinite(part).all(axis=tuple(range(1, part.ndim)))
    return good


def path_entropy(params: Parameters, family: Family, stats: Statistics) -> Floats:
    """Return the entropy of the state paths given the data.

    H = log p(x) - E log p(path, x), and both terms are sums of what the E-step computes.

    Parameters
    ----------
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    stats : Statistics
        Result of the E-step.

    Returns
    -------
    ndarray of shape (restart,)
        Nats.
    """
    weights = family.weights(params.emission)
    if family.logarithmic:
        observed = (weights * stats.sums).sum(axis=(1, 2))
        observed = observed + family.common(params.emission, stats.scatter)
    else:
        observed = weighted_log(stats.sums, weights)
    expected = (
        weighted_log(stats.start, params.startprob)
        + weighted_log(stats.trans, params.transmat)
        + observed
    )
    entropy: Floats = np.maximum(stats.log_likelihood - expected, 0.0)
    return entropy


def join(batches: list[Parameters]) -> Parameters:
    """Return several batches as one.

    Parameters
    ----------
    batches : list of Parameters
        Batches of models with the same number of states.

    Returns
    -------
    batch : Parameters
        One batch.
    """
    return Parameters(
        np.concatenate([one.startprob for one in batches]),
        np.concatenate([one.transmat for one in batches]),
        tuple(np.concatenate(part) for part in zip(*(b.emission for b in batches), strict=True)),
    )


def shift(params: Parameters, family: Family, by: Floats | None) -> Parameters:
    """Return parameters with shifted means; symbols stay as they are.

    Parameters
    ----------
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    by : ndarray of shape (component,) or None
        Added to the means.

    Returns
    -------
    batch : Parameters
        A batch of parameters.
    """
    if by is None or not isinstance(family, Gaussian):
        return params
    means, covars = params.emission
    return params._replace(emission=(means + by, covars))
