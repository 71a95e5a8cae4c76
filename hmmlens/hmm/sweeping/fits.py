"""The fits of one task of a sweep: all restarts in one batch, or one by one by hmmlearn."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hmmlens.hmm.engine import em, initialisation, mstep
from hmmlens.hmm.engine.engines import expectation
from hmmlens.hmm.engine.parameters import Parameters, Prior
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM, HiddenMarkovModel
from hmmlens.hmm.sweeping import hmmlearn_engine
from hmmlens.hmm.sweeping.rows import describe, n_floored
from hmmlens.hmm.sweeping.task_data import FitBuffers, SweepData, SweepSettings
from hmmlens.typing import Floats


def fit_batch(
    data: SweepData, settings: SweepSettings, buffers: FitBuffers, begin: list[dict[str, Floats]]
) -> list[tuple[dict[str, Any], HiddenMarkovModel | None]]:
    """Fit all restarts of one number of states in one batch.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    buffers : FitBuffers
        The packed data of one covariance type.
    begin : list of dict of ndarray
        What each restart begins with.

    Returns
    -------
    list of (dict, model)
        For each restart its scores, and the fitted model; None where EM broke down.
    """
    family, centre = buffers.family, data.centre
    n_frames, n_states = data.n_frames, len(begin[0]["startprob"])
    prior = Prior(emissionprob=1 + settings.smoothing)
    if centre is not None:
        prior = mstep.floor_prior(
            buffers.covariance_type, data.floor, n_frames, n_states, len(centre)
        )
    back = None if centre is None else -centre
    start = mstep.shift(initialisation.batch(begin, buffers.covariance_type), family, back)
    expect = expectation(settings.engine, settings.device)
    fits = em.fit(
        buffers.train,
        family,
        start,
        prior,
        settings.max_iter,
        settings.tol * n_frames,
        expect,
        halving=settings.halving,
        space=buffers.space,
    )
    held = np.full(len(fits), np.nan)
    good = [i for i, one in enumerate(fits) if one.params is not None]
    if buffers.test is not None and good:
        params = mstep.join([p for one in fits if (p := one.params) is not None])
        stats = em.total(buffers.test, params, family, expect, buffers.space)
        held[good] = stats.log_likelihood / data.n_test
    found = []
    for one, test in zip(fits, held, strict=True):
        model = None if one.params is None else model_of(one.params, buffers, centre)
        row = describe(model, one.log_likelihood, one.entropy, float(test), n_frames)
        drops = np.diff(one.objective) < -1e-9 * n_frames
        row |= {
            "n_iter": len(one.history),
            "converged": one.converged,
            "n_floored": n_floored(model, data.floor),
            "n_rescued": one.n_rescued,
            "n_drops": int(drops.sum()),
            "min_occupancy": one.min_occupancy,
            "seconds": one.seconds,
        }
        found.append((row, model))
    return found


def model_of(params: Parameters, buffers: FitBuffers, centre: Floats | None) -> HiddenMarkovModel:
    """Return the first of a batch as a model of the data before they were centred.

    Parameters
    ----------
    params : Parameters
        A batch of one.
    buffers : FitBuffers
        The packed data.
    centre : ndarray of shape (component,) or None
        What was subtracted from the data.

    Returns
    -------
    GaussianHMM or CategoricalHMM
        A fitted model.
    """
    params = mstep.shift(params, buffers.family, centre)
    emission = [part[0] for part in params.emission]
    if len(emission) == 1:
        return CategoricalHMM.from_parameters(params.startprob[0], params.transmat[0], *emission)
    model = GaussianHMM(len(params.startprob[0]), buffers.covariance_type)
    model.startprob_, model.transmat_ = params.startprob[0], params.transmat[0]
    model.means_, model._covars_ = emission
    return model


def fit_by_hmmlearn(
    data: SweepData, settings: SweepSettings, covariance_type: str, start: dict[str, Floats]
) -> tuple[dict[str, Any], HiddenMarkovModel | None]:
    """Fit one restart by hmmlearn, the reference engine.

    Parameters
    ----------
    data : SweepData
        The data of the sweep.
    settings : SweepSettings
        The settings of the sweep.
    covariance_type : str
        The covariance type; ``none`` for symbols.
    start : dict of ndarray
        What the restart begins with.

    Returns
    -------
    row : dict of str to Any
        The scores of the fit.
    model : HiddenMarkovModel or None
        None where EM broke down.
    """
    began = time.perf_counter()
    train, test = data.train.once, None if data.test is None else data.test.once
    assert train is not None, "the sweep has refused this engine otherwise"
    frames, lengths, _ = train
    tol = settings.tol * len(frames)
    if settings.emission == "categorical":
        fit = hmmlearn_engine.fit_categorical(
            frames, lengths, start, settings.max_iter, tol, settings.smoothing
        )
    else:
        fit = hmmlearn_engine.fit_gaussian(
            frames, lengths, covariance_type, start, data.floor, settings.max_iter, tol
        )
    model, held = fit.model, np.nan
    likelihood = entropy = occupancy = np.nan
    if model is not None:
        likelihood = model.score_checked(train)
        if not np.isfinite(likelihood):
            model = None
    if model is not None:
        posteriors, each = model.smooth_checked(train)
        entropy = float(each.sum())
        occupancy = float(posteriors.sum(axis=(0, 1)).min())
        if test is not None:
            held = model.score_checked(test) / len(test.frames)
    row = describe(model, likelihood, entropy, held, data.n_frames)
    return row | {
        "n_iter": len(fit.history),
        "converged": fit.converged,
        "n_floored": n_floored(model, data.floor),
        "n_rescued": int(fit.rescued),
        "n_drops": 0,
        "min_occupancy": occupancy,
        "seconds": time.perf_counter() - began,
    }, model
