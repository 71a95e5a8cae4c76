"""The E-step of all restarts and all sequences at once, in NumPy.

The recursions are the scaled ones of Rabiner (1989, V A), with the largest density of each frame
divided out before. Both can fail: where the best state of a frame cannot be reached, or where a
path that has underflowed turns out to be the likely one. Such sequences are told by their scale
and by the size of the backward variable, and done again in log space.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine import logspace
from hmmlens.hmm.engine.blocks import Block, Workspace, pieces
from hmmlens.hmm.engine.chunks import joints
from hmmlens.hmm.engine.packing import Packing
from hmmlens.hmm.engine.panels import Panel, tiles
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.typing import Floats

#: A frame whose probability given the past is below this calls for log space.
TINY_SCALE = 1e-30
#: So does a backward variable above this: it would magnify what the forward pass has lost, which
#: is at most 1e-304 / TINY_SCALE, to something that matters.
HUGE_BACKWARD = 1e200


def expect(params: Parameters, family: Family, block: Block, space: Workspace) -> Statistics:
    """Return expected sufficient statistics of one block.

    Parameters
    ----------
    params : with means of centred values.
    space : memory, used again by the next call.
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
    found = Statistics(
        log_likelihood=scale.sum(axis=1) + family.common(params.emission, block.scatter(family)),
        start=first[:, :, packing.chain[0]].sum(axis=2).T,
        trans=joint * params.transmat,
        sums=sums,
        scatter=block.scatter(family).copy(),
        n_rescued=np.array([len(sequences) for sequences in flagged]),
    )
    rescue(flagged, params, family, block, weights, found)
    return found


class Passes(NamedTuple):
    """What both passes leave; columns of flagged sequences hold nonsense.

    density : times the backward variable over the scale
    alpha, beta : P(state | data so far), and what makes it P(state | all data) when multiplied
    scale : (restart, column), log P(frame | data before)
    flagged : for each restart, sequences that scaling may have got wrong
    """

    density: Panel
    alpha: Panel
    beta: Panel
    scale: Floats
    flagged: list[NDArray[np.intp]]


def passes(
    params: Parameters, family: Family, block: Block, weights: Floats, space: Workspace
) -> Passes:
    """Run both passes; ``weights`` are those of ``family`` for ``params``."""
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
            flagged = doubtful(packing, scale.dense(), beta.dense().max(axis=0))
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
    """Fill ``alpha`` with P(state | data so far) and ``scale`` with P(frame | data before).

    ``initial`` (state, restart, lane) is the law before each lane's first frame.
    """
    turned = np.ascontiguousarray(transmat.swapaxes(1, 2))
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
                np.matmul(turned, before, out=by_restart)
            np.multiply(ahead, emitted, out=here)
            np.add.reduce(here, axis=0, out=norm)
            np.divide(here, norm, out=here)
            before = here_by_restart


def backward(
    final: Floats | None, transmat: Floats, density: Panel, alpha: Panel, beta: Panel
) -> None:
    """Fill ``beta`` so that ``alpha * beta`` is P(state | all data).

    ``final`` (state, restart, lane) is proportional to it at each lane's last frame; None is 1.
    ``density``, over the scale, is multiplied by ``beta``.
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


def doubtful(packing: Packing, scale: Floats, highest: Floats) -> list[NDArray[np.intp]]:
    """Return for each restart the sequences that scaling may have got wrong.

    Parameters
    ----------
    scale : (restart, column), P(frame | data before)
    highest : (restart, column), the largest backward variable
    """
    good = (scale >= TINY_SCALE) & (highest <= HUGE_BACKWARD)
    _, lane = packing.place(np.arange(packing.n_frames))
    return [np.unique(packing.sequence[lane[~each]]) for each in good]


def rescue(
    flagged: list[NDArray[np.intp]],
    params: Parameters,
    family: Family,
    block: Block,
    weights: Floats,
    found: Statistics,
) -> None:
    """Do flagged sequences in log space and add what they give to ``found``."""
    restart = np.repeat(np.arange(len(flagged)), [len(sequences) for sequences in flagged])
    if not len(restart):
        return
    columns = [block.packing.columns_of(i) for i in np.concatenate(flagged).tolist()]
    lengths = np.array([len(part) for part in columns])
    logs = np.zeros((len(columns), lengths.max(), weights.shape[1]))
    for i, part in enumerate(columns):
        logs[i, : len(part)] = log_density(weights[restart[i]], family, block, part).T
    again = logspace.expect(params.startprob[restart], params.transmat[restart], logs, lengths)
    np.add.at(found.log_likelihood, restart, again.log_likelihood)
    np.add.at(found.start, restart, again.posteriors[:, 0])
    np.add.at(found.trans, restart, again.trans)
    for i, part in enumerate(columns):
        phi = _features(weights, family, block, part)
        found.sums[restart[i]] += (phi @ again.posteriors[i, : len(part)]).T


def log_density(weights: Floats, family: Family, block: Block, columns: NDArray[np.intp]) -> Floats:
    """Return log densities (state, column) of one restart, without what is common to states."""
    product = weights @ _features(weights, family, block, columns)
    return product if family.logarithmic else logspace.log(product)


def _features(weights: Floats, family: Family, block: Block, columns: NDArray[np.intp]) -> Floats:
    return family.features(block.values[..., columns], np.empty((weights.shape[-1], len(columns))))


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
