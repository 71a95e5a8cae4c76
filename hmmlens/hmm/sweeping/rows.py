"""The scores of one fit, which are a row of the table of a sweep."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmlens.hmm.models import GaussianHMM, HiddenMarkovModel


def describe(
    model: HiddenMarkovModel | None,
    log_likelihood: float,
    entropy: float,
    held_out: float,
    n_frames: int,
) -> dict[str, Any]:
    """Return the scores of one fit.

    Parameters
    ----------
    model : HiddenMarkovModel or None
        None when EM broke down.
    log_likelihood : float
        Of all train frames, nats.
    entropy : float
        Of the state paths given the train data, nats.
    held_out : float
        Log-likelihood of the held-out data, nats per frame.
    n_frames : int
        Number of train frames.

    Returns
    -------
    dict
        Scores by name; NaN when EM broke down.
    """
    names = ("log_likelihood", "bic", "aic", "icl", "held_out")
    if model is None:
        return {**dict.fromkeys(names, np.nan), "n_parameters": 0}
    m = model.n_parameters
    bic = -2 * log_likelihood + m * np.log(n_frames)
    aic = -2 * log_likelihood + 2 * m
    scores = (log_likelihood, bic, aic, bic + 2 * entropy, held_out)
    return {**dict(zip(names, map(float, scores), strict=True)), "n_parameters": m}


def n_floored(model: HiddenMarkovModel | None, floor: float) -> int:
    """Count covariance eigenvalues of which the added floor is more than half.

    Parameters
    ----------
    model : HiddenMarkovModel or None
        A fitted model.
    floor : float
        The smallest variance.

    Returns
    -------
    int
        0 for symbols.
    """
    if not isinstance(model, GaussianHMM):
        return 0
    covars = model.covars_[:1] if model.covariance_type == "tied" else model.covars_
    return int((np.linalg.eigvalsh(covars) < 2 * floor).sum())
