"""Expectation maximisation for a batch of restarts with the same number of states."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine import mstep
from hmmlens.hmm.engine.blocks import Block, Workspace
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

    Attributes
    ----------
    params : Parameters or None
        A batch of one, means of centred values; None when the fit broke down.
    history : list of float
        Log-likelihood before each M-step, nats.
    objective : list of float
        The same with the log prior where ``counts_prior``; never falls.
    converged : bool
        True when the last gain was below the tolerance, rather than all steps done.
    log_likelihood, entropy : float
        Of the final parameters; entropy of the state paths given the data; nats.
    min_occupancy : float
        Frames in the rarest state.
    n_rescued : int
        Sequences repeated in log space, in the iteration with the most.
    seconds : float
        Share of the batch's time.
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
    """Run EM from each of a batch of initial parameters.

    Parameters
    ----------
    blocks : callable
        Returns the data anew for each iteration; may read them from a disk.
    family : Family
        The emissions.
    start : Parameters
        A batch of parameters, means of centred values.
    prior : Prior
        The prior of the M-step.
    max_iter : int
        Largest number of steps.
    tol : float
        A restart stops when a step gains less, nats in all.
    expect : Expect
        The E-step.
    update : str, default="stmce"
        Letters of the parameters that are estimated, as in hmmlearn.
    counts_prior : bool, default=True
        Judge convergence by the likelihood with the prior, which EM maximises.
    halving : bool, default=False
        Give up the worse half of the restarts twice, see :data:`HALVINGS`.
    final : bool, default=True
        One more E-step for the likelihood and entropy of the final parameters.
    space : Workspace, optional
        Memory to work in.
    on_step : callable, optional
        Receives every log-likelihood of a batch of one; True stops.

    Returns
    -------
    list of Fit
        One for each restart.
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
        target = value + mstep.penalty(params, family, prior) if counts_prior else value
        params = mstep.maximise(params, stats, family, prior, update)
        alive = np.isfinite(target) & mstep.all_finite(params)
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
    """Return the statistics of all blocks, added in their order.

    Parameters
    ----------
    blocks : callable
        Returns the data.
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    expect : Expect
        The E-step.
    space : Workspace
        Memory to work in.

    Returns
    -------
    Statistics
        Sums over all sequences.
    """
    sums: Statistics | None = None
    for block in blocks():
        part = expect(params, family, block, space)
        if sums is None:
            sums = part
        else:
            sums += part
    assert sums is not None, "there is always one block"
    return sums


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
    params = mstep.join([one.params for one in good if one.params is not None])
    stats = total(blocks, params, family, expect, space)
    entropy = mstep.path_entropy(params, family, stats)
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
