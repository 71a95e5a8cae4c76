"""The E-step of all restarts and all sequences at once, in NumPy.

The recursions are the scaled ones of Rabiner (1989, V A), with the largest density of each frame
divided out before. Both can fail: where the best state of a frame cannot be reached, or where a
path that has underflowed turns out to be the likely one. Such sequences are recognised by their
scale and by the size of the backward variable, and repeated in log space.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import Block, Workspace, pieces
from hmmlens.hmm.engine.chunks import joints
from hmmlens.hmm.engine.panels import Panel, tiles
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.hmm.engine.passes import logspace, rescue
from hmmlens.hmm.engine.passes.rescue import HUGE_BACKWARD, TINY_SCALE
from hmmlens.hmm.engine.subnormals import without_subnormals
from hmmlens.typing import Floats


@without_subnormals
def expect(params: Parameters, family: Family, block: Block, space: Workspace) -> Statistics:
    """Return expected sufficient statistics of one block.

    Parameters
    ----------
    params : Parameters
        A batch of parameters, with means of centred values.
    family : Family
        The emissions.
    block : Block
        The packed data.
    space : Workspace
        Memory, used again by the next call.

    Returns
    -------
    Statistics
        Sums over the sequences of the block.
    """
    packing = block.packing
    weights = family.weights(params.emission)
    if params.startprob.shape[1] == 1 and family.logarithmic:
        return _single_state(params, family, block, weights, space)
    density, alpha, beta, scale, flagged = passes(params, family, block, weights, space)
    for restart, sequences in enumerate(flagged):
        for columns in map(packing.columns_of, sequences.tolist()):
            for panel in (density, alpha, beta):
                panel.clear(restart, columns)
            scale[restart, columns] = 0
    first = alpha.runs[0][0] * beta.runs[0][0]
    sums, joint = _collect(density, alpha, beta, family, block, space)
    statistics = Statistics(
        log_likelihood=scale.sum(axis=1) + family.common(params.emission, block.scatter(family)),
        start=first[:, :, packing.chain[0]].sum(axis=2).T,
        trans=joint * params.transmat,
        sums=sums,
        scatter=block.scatter(family).copy(),
        n_rescued=np.array([len(sequences) for sequences in flagged]),
    )
    rescue.rescue(flagged, params, family, block, weights, statistics)
    return statistics


class Passes(NamedTuple):
    """Results of both passes; columns of flagged sequences are meaningless.

    Attributes
    ----------
    density : Panel
        Densities times the backward variable over the scale.
    alpha, beta : Panel
        p(state_t | y_1:t), and the factor that makes it p(state_t | y_1:T).
    scale : ndarray of shape (restart, column)
        log p(y_t | y_1:t-1).
    flagged : list of ndarray of int
        For each restart, sequences that scaling may have got wrong.
    """

    density: Panel
    alpha: Panel
    beta: Panel
    scale: Floats
    flagged: list[NDArray[np.intp]]


def passes(
    params: Parameters, family: Family, block: Block, weights: Floats, space: Workspace
) -> Passes:
    """Run both passes.

    Parameters
    ----------
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    block : Block
        The packed data.
    weights : ndarray of shape (restart, state, feature)
        Those of ``family`` for ``params``.
    space : Workspace
        Memory to work in.

    Returns
    -------
    Passes
        Panels and the sequences that need log space.
    """
    packing = block.packing
    n_restarts, n_states = params.startprob.shape
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        density = Panel(packing, space, "density", n_states, n_restarts)
        alpha = Panel(packing, space, "alpha", n_states, n_restarts)
        beta = Panel(packing, space, "beta", n_states, n_restarts)
        scale = Panel(packing, space, "scale", n_restarts)
        top = _densities(weights, family, block, density, space)
        initial, final = joints(params, packing, (s.swapaxes(0, 1) for s in density.steps()))
        forward(initial.swapaxes(0, 1), params.transmat, density, alpha, scale, space)
        for emitted, norm in zip(density.runs, scale.runs, strict=True):
            emitted /= norm[:, None]
        backward(None if final is None else final.swapaxes(0, 1), params.transmat, density, alpha,
                 beta)  # fmt: skip
        flagged = [np.empty(0, dtype=np.intp)] * n_restarts
        if not _all_well(scale, beta):
            flagged = rescue.doubtful(packing, scale.dense(), beta.dense().max(axis=0))
        logs = scale.dense()
        np.log(logs, out=logs)
        logs += top
    return Passes(density, alpha, beta, logs, flagged)


def _densities(
    weights: Floats, family: Family, block: Block, density: Panel, space: Workspace
) -> Floats:
    """Fill ``density`` with densities over the largest of each frame, and return its log.

    The latter is (restart, column).
    """
    n_restarts, n_states, n_features = weights.shape
    rows = n_states * n_restarts
    flat = weights.swapaxes(0, 1).reshape(rows, n_features)
    top = np.zeros((n_restarts, block.n_frames))
    for tile in tiles(block.packing, rows + n_features):
        phi = block.features(family, tile.columns, space).reshape(n_features, *tile.shape)
        here = density.tile(tile)
        # A view, because the first axes lie in order.
        np.matmul(flat, phi.swapaxes(0, 1), out=here.reshape(len(here), rows, -1))
        if family.logarithmic:
            highest = here.max(axis=1)
            here -= highest[:, None]
            if here.min() < logspace.LOWEST:
                np.maximum(here, logspace.LOWEST, out=here)
            np.exp(here, out=here)
            top[:, tile.columns] = highest.swapaxes(0, 1).reshape(n_restarts, -1)
    return top


def forward(
    initial: Floats,
    transmat: Floats,
    density: Panel,
    alpha: Panel,
    scale: Panel,
    space: Workspace,
) -> None:
    """Fill ``alpha`` with p(state_t | y_1:t) and ``scale`` with p(y_t | y_1:t-1).

    Parameters
    ----------
    initial : ndarray of shape (state, restart, lane)
        The distribution before each lane's first frame.
    transmat : ndarray of shape (restart, state, next_state)
        Transition probabilities.
    density : Panel
        Densities.
    alpha, scale : Panel
        Written to.
    space : Workspace
        Memory to work in.
    """
    transposed = np.ascontiguousarray(transmat.swapaxes(1, 2))
    before = None
    for run, emitted_run, norms in zip(alpha.runs, density.runs, scale.runs, strict=True):
        ahead = space.flat("ahead", *run.shape[1:])
        by_restart = ahead.swapaxes(0, 1)
        if before is None:
            ahead[...] = initial
        else:
            before = before[..., : run.shape[-1]]
        steps = zip(run, run.swapaxes(1, 2), emitted_run, norms, strict=True)
        for here, here_by_restart, emitted, norm in steps:
            if before is not None:
                np.matmul(transposed, before, out=by_restart)
            np.multiply(ahead, emitted, out=here)
            np.add.reduce(here, axis=0, out=norm)
            np.divide(here, norm, out=here)
            before = here_by_restart


def backward(
    final: Floats | None, transmat: Floats, density: Panel, alpha: Panel, beta: Panel
) -> None:
    """Fill ``beta`` so that ``alpha * beta`` is p(state_t | y_1:T).

    Parameters
    ----------
    final : ndarray of shape (state, restart, lane) or None
        Proportional to ``beta`` at each lane's last frame; None is 1.
    transmat : ndarray of shape (restart, state, next_state)
        Transition probabilities.
    density : Panel
        Densities over the scale; multiplied by ``beta``.
    alpha : Panel
        Result of :func:`forward`.
    beta : Panel
        Written to.
    """
    if final is not None:
        final = final / (alpha.ends() * final).sum(axis=0)
    after, n_after = None, 0
    for run, emitted_run in zip(beta.runs[::-1], density.runs[::-1], strict=True):
        n_lanes = run.shape[-1]
        back, emitted_back = run[::-1], emitted_run[::-1]
        steps = zip(back, back.swapaxes(1, 2), emitted_back, emitted_back.swapaxes(1, 2),
                    strict=True)  # fmt: skip
        for here, by_restart, emitted, emitted_by_restart in steps:
            if n_after < n_lanes:
                here[:, :, n_after:] = 1 if final is None else final[:, :, n_after:n_lanes]
            if after is not None:
                np.matmul(transmat, after, out=by_restart[..., :n_after])
            np.multiply(emitted, here, out=emitted)
            after, n_after = emitted_by_restart, n_lanes


def _all_well(scale: Panel, beta: Panel) -> bool:
    """Return whether no sequence calls for log space; NaN makes a comparison false."""
    return all(run.min() >= TINY_SCALE for run in scale.runs) and all(
        run.max() <= HUGE_BACKWARD for run in beta.runs
    )


def _collect(
    density: Panel, alpha: Panel, beta: Panel, family: Family, block: Block, space: Workspace
) -> tuple[Floats, Floats]:
    """Return posterior sums of features (restart, state, feature), and a sum over transitions.

    The latter is ``alpha`` times the next ``density``, (restart, state, next_state).
    """
    n_states, n_restarts = alpha.runs[0].shape[1:3]
    rows = n_states * n_restarts
    sums = np.zeros((rows, family.n_features(block.n_components)))
    joint = np.zeros((n_restarts, n_states, n_states))
    for tile in tiles(alpha.packing, rows + sums.shape[1]):
        phi = block.features(family, tile.columns, space).reshape(-1, *tile.shape)
        left, right = alpha.tile(tile), density.tile(tile.later())
        gamma = np.multiply(left, beta.tile(tile), out=space.flat("gamma", *left.shape))
        sums += (gamma.reshape(len(left), rows, -1) @ phi.transpose(1, 2, 0)).sum(axis=0)
        joint += _moves(left[: len(right)], right).sum(axis=0)
    for left_run, right_run in zip(alpha.runs, density.runs[1:], strict=False):
        joint += _moves(left_run[-1, ..., : right_run.shape[-1]], right_run[0])
    if alpha.packing.is_cut:
        before, after = alpha.packing.cuts
        joint += _moves(alpha.ends()[..., before], density.runs[0][0][..., after])
    return sums.reshape(n_states, n_restarts, -1).swapaxes(0, 1), joint


def _moves(left: Floats, right: Floats) -> Floats:
    """Return products (..., restart, state, next_state) of (..., state, restart, lane)."""
    return left.swapaxes(-3, -2) @ np.moveaxis(right, -3, -1)


def _single_state(
    params: Parameters, family: Family, block: Block, weights: Floats, space: Workspace
) -> Statistics:
    """Return the statistics of models with one state, where every posterior is 1."""
    n_restarts = len(params.startprob)
    packing = block.packing
    parts = pieces(packing.n_frames, weights.shape[2])
    each = [block.features(family, part, space).sum(axis=1) for part in parts]
    sums = np.tile(np.sum(each, axis=0), (n_restarts, 1, 1))
    likelihood = (weights * sums).sum(axis=(1, 2))
    scatter = block.scatter(family)
    return Statistics(
        log_likelihood=likelihood + family.common(params.emission, scatter),
        start=np.full((n_restarts, 1), float(packing.n_sequences)),
        trans=np.full((n_restarts, 1, 1), float(packing.n_frames - packing.n_sequences)),
        sums=sums,
        scatter=scatter.copy(),
        n_rescued=np.zeros(n_restarts, dtype=np.int64),
    )
