"""Expectation maximisation for a batch of restarts with the same number of states."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import Block, Workspace
from hmmlens.hmm.engine.emissions import Gaussian, rows_to_one, weighted_log
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior, Statistics
from hmmlens.stats.ties import descending
from hmmlens.typing import Floats

Expect = Callable[[Parameters, Family, Block, Workspace], Statistics]

#: Iterations after which half of the restarts are given up, if that is asked for. A restart that
#: wins in the end may look poor for the first ten.
HALVINGS = (10, 25)
#: Halving leaves so many restarts.
SURVIVORS = 4


@dataclass
class Fit:
    """One restart.

    params : a batch of one, means of centred values; None when the fit broke down
    history : log-likelihood before each M-step, nats
    objective : the same with the log prior where ``counts_prior``; never falls
    converged : the last gain was below the tolerance, and not: the steps ran out
    log_likelihood, entropy : of the final parameters; entropy of the state paths given the data
    min_occupancy : frames in the rarest state
    n_rescued : sequences redone in log space, in the iteration with the most
    seconds : share of the batch's time
    """

    params: Parameters | None
    history: list[float] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    converged: bool = False
    log_likelihood: float = np.nan
    entropy: float = np.nan
    min_occupancy: float = np.nan
    n_rescued: int = 0
    seconds: float = 0.0


def floor_prior(covariance_type: str, floor: float, n_frames: int, n_states: int, d: int) -> Prior:
    """Return a prior that keeps every eigenvalue of every covariance above a floor.

    ``floor`` times the identity is added to each scatter matrix for each frame of an average
    state: log p = -floor n / (2 K) sum_k tr(inverse of covariance k). hmmlearn's own prior adds
    one number to all entries of the matrix, which bounds no eigenvalue.
    """
    weight = n_frames if covariance_type == "tied" else n_frames / n_states
    identity = np.eye(d) if covariance_type in ("tied", "full") else np.ones(d)
    return Prior(covars=floor * weight * identity)


def fit(
    blocks: Callable[[], Iterable[Block]],
    family: Family,
    start: Parameters,
    prior: Prior,
    max_iter: int,
    tol: float,
    expect: Expect,
    *,
    update: str = "stmce",
    counts_prior: bool = True,
    halving: bool = False,
    final: bool = True,
    space: Workspace | None = None,
    on_step: Callable[[float], bool] | None = None,
) -> list[Fit]:
    """Run EM from each start.

    Parameters
    ----------
    blocks : gives the data anew for each iteration; may read them from a disk.
    start : a batch of parameters, means of centred values.
    tol : a restart stops when a step gains less, nats in all.
    update : letters of the parameters that are estimated, as in hmmlearn.
    counts_prior : judge convergence by the likelihood with the prior, which EM maximises.
    halving : give up the worse half of the restarts twice, see :data:`HALVINGS`.
    final : one more E-step for the likelihood and entropy of the final parameters.
    on_step : told every log-likelihood of a batch of one; True stops.
    """
    space = Workspace() if space is None else space
    fits = [Fit(None) for _ in start.startprob]
    on = np.arange(len(fits))
    params = start
    done: dict[int, Parameters] = {}
    for iteration in range(max_iter):
        began = time.perf_counter()
        stats = total(blocks, params, family, expect, space)
        value = stats.log_likelihood
        target = value + penalty(params, family, prior) if counts_prior else value
        params = maximise(params, stats, family, prior, update)
        alive = np.isfinite(target) & all_finite(params)
        stop = ~alive
        for place, number in enumerate(on.tolist()):
            one = fits[number]
            if not np.isfinite(target[place]):
                continue
            one.history.append(float(value[place]))
            one.objective.append(float(target[place]))
            one.n_rescued = max(one.n_rescued, int(stats.n_rescued[place]))
            if alive[place]:
                gain = one.objective[-1] - one.objective[-2] if iteration else np.inf
                one.converged = gain < tol
                asked = on_step is not None and on_step(one.history[-1])
                stop[place] = one.converged or asked or iteration == max_iter - 1
        if halving and iteration + 1 in HALVINGS:
            stop |= _worse_half(np.where(alive, target, -np.inf))
        for place in np.flatnonzero(stop & alive).tolist():
            done[on.tolist()[place]] = params.take([place])
        share = (time.perf_counter() - began) / len(on)
        for number in on.tolist():
            fits[number].seconds += share
        if stop.any():
            on, params = on[~stop], params.take(np.flatnonzero(~stop))
        if not len(on):
            break
    for number, found in done.items():
        fits[number].params = found
    if final and done:
        _evaluate(fits, blocks, family, expect, space)
    return fits


def _worse_half(target: Floats) -> NDArray[np.bool_]:
    """Return which restarts (restart) are given up."""
    keep = max(SURVIVORS, -(-len(target) // 2))
    out = np.zeros(len(target), dtype=bool)
    out[descending(target)[keep:]] = True
    return out


def total(
    blocks: Callable[[], Iterable[Block]],
    params: Parameters,
    family: Family,
    expect: Expect,
    space: Workspace,
) -> Statistics:
    """Return the statistics of all blocks, added in their order."""
    sums: Statistics | None = None
    for block in blocks():
        part = expect(params, family, block, space)
        if sums is None:
            sums = part
        else:
            sums += part
    assert sums is not None, "there is always one block"
    return sums


def maximise(
    params: Parameters, stats: Statistics, family: Family, prior: Prior, update: str
) -> Parameters:
    """Return the parameters of the M-step.

    What is exactly 0 stays so, and a row of transitions that no frame informs stays as it was.
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
    """Return the log prior density (restart) up to a constant."""
    start = weighted_log(np.asarray(prior.startprob) - 1.0, params.startprob)
    trans = weighted_log(np.asarray(prior.transmat) - 1.0, params.transmat)
    total: Floats | float = start + trans + family.penalty(params.emission, prior)
    return total


def all_finite(params: Parameters) -> NDArray[np.bool_]:
    """Return which restarts hold finite numbers only (restart)."""
    good = np.ones(len(params.startprob), dtype=bool)
    for part in (params.startprob, params.transmat, *params.emission):
        good &= np.isfinite(part).all(axis=tuple(range(1, part.ndim)))
    return good


def path_entropy(params: Parameters, family: Family, stats: Statistics) -> Floats:
    """Return the entropy of the state paths given the data (restart), nats.

    H = log p(x) - E log p(path, x), and both terms are sums of what the E-step gave.
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


def _evaluate(
    fits: list[Fit],
    blocks: Callable[[], Iterable[Block]],
    family: Family,
    expect: Expect,
    space: Workspace,
) -> None:
    """Fill in likelihood and entropy of the final parameters; drop what is not finite."""
    began = time.perf_counter()
    good = [one for one in fits if one.params is not None]
    params = join([one.params for one in good if one.params is not None])
    stats = total(blocks, params, family, expect, space)
    entropy = path_entropy(params, family, stats)
    # Every frame but the first of a sequence is entered by a transition.
    occupancy = (stats.start + stats.trans.sum(axis=1)).min(axis=1)
    share = (time.perf_counter() - began) / len(good)
    for place, one in enumerate(good):
        one.seconds += share
        one.log_likelihood = float(stats.log_likelihood[place])
        one.entropy = float(entropy[place])
        one.min_occupancy = float(occupancy[place])
        if not np.isfinite(one.log_likelihood):
            one.params = None


def join(batches: list[Parameters]) -> Parameters:
    """Return several batches as one."""
    return Parameters(
        np.concatenate([one.startprob for one in batches]),
        np.concatenate([one.transmat for one in batches]),
        tuple(np.concatenate(part) for part in zip(*(b.emission for b in batches), strict=True)),
    )


def shift(params: Parameters, family: Family, by: Floats | None) -> Parameters:
    """Return parameters with means moved by ``by`` (component); symbols stay as they are."""
    if by is None or not isinstance(family, Gaussian):
        return params
    means, covars = params.emission
    return params._replace(emission=(means + by, covars))
