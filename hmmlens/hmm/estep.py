"""The E-step of all restarts and all sequences at once, in NumPy.

Panels are (restart, state, column), the columns those of a :class:`hmmlens.hmm.packing.Packing`.
The recursions are the scaled ones of Rabiner (1989, V A), with the largest density of each frame
divided out before. Both can fail: where the best state of a frame cannot be reached, or where a
path that has underflowed turns out to be the likely one. Such sequences are told by their scale
and by the size of the backward variable, and done again in log space.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm import logspace
from hmmlens.hmm.blocks import Block, Workspace, pieces
from hmmlens.hmm.chunks import joints
from hmmlens.hmm.packing import Packing
from hmmlens.hmm.parameters import Family, Parameters, Statistics

Floats = NDArray[np.float64]

#: A frame whose probability given the past is below this calls for log space.
TINY_SCALE = 1e-30
#: So does a backward variable above this: it would magnify what the forward pass has lost, which
#: is at most 1e-308, to something that matters.
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
    density, alpha, gamma, scale, flagged = passes(params, family, block, weights, space)
    trans = rescue(flagged, params, family, block, weights, (density, alpha, gamma, scale))
    joint = np.zeros_like(params.transmat)
    for before, after in packing.pairs():
        joint += alpha[:, :, before] @ density[:, :, after].swapaxes(1, 2)
    if packing.is_cut:
        left, right = cuts(packing)
        joint += alpha[:, :, left] @ density[:, :, right].swapaxes(1, 2)
    trans += joint * params.transmat
    return Statistics(
        log_likelihood=scale.sum(axis=1) + family.common(params.emission, block.scatter(family)),
        start=gamma[:, :, packing.chain[0]].sum(axis=2),
        trans=trans,
        sums=_collect(gamma, family, block, space),
        scatter=block.scatter(family).copy(),
        n_rescued=np.array([len(rows) for rows in flagged]),
    )


class Passes(NamedTuple):
    """Panels after both passes; columns of flagged sequences hold nonsense.

    density : (restart, state, column), times the backward variable over the scale
    alpha, gamma : (restart, state, column), P(state | data so far) and P(state | all data)
    scale : (restart, column), log P(frame | data before)
    flagged : for each restart, sequences that scaling may have got wrong
    """

    density: Floats
    alpha: Floats
    gamma: Floats
    scale: Floats
    flagged: list[NDArray[np.intp]]


def passes(
    params: Parameters, family: Family, block: Block, weights: Floats, space: Workspace
) -> Passes:
    """Run both passes; ``weights`` are those of ``family`` for ``params``."""
    packing = block.packing
    n_restarts, n_states = params.startprob.shape
    shape = (n_restarts, n_states, packing.n_frames)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        density, alpha = space.panel("density", *shape), space.panel("alpha", *shape)
        top = space.panel("top", n_restarts, packing.n_frames)
        _densities(weights, family, block, density, top, space)
        initial, final = joints(params, packing, density)
        scale = space.panel("scale", n_restarts, packing.n_frames)
        forward(initial, params.transmat, packing, density, alpha, scale, space)
        gamma = space.panel("gamma", *shape)
        backward(final, params.transmat, packing, density, alpha, scale, gamma)
        flagged = doubtful(packing, scale, gamma)
        np.multiply(gamma, alpha, out=gamma)
        np.log(scale, out=scale)
        scale += top
    return Passes(density, alpha, gamma, scale, flagged)


def _densities(
    weights: Floats, family: Family, block: Block, density: Floats, top: Floats, space: Workspace
) -> None:
    """Fill ``density`` with densities over the largest of each frame, and ``top`` with its log."""
    n_restarts, n_states, n_columns = density.shape
    flat = weights.reshape(n_restarts * n_states, -1)
    panel = density.reshape(n_restarts * n_states, n_columns)
    if not family.logarithmic:
        top[...] = 0
    for part in pieces(n_columns, len(panel) + flat.shape[1]):
        np.matmul(flat, block.features(family, part, space), out=panel[:, part])
        if family.logarithmic:
            here = density[:, :, part]
            np.max(here, axis=1, out=top[:, part])
            here -= top[:, None, part]
            np.exp(here, out=here)


def forward(
    initial: Floats,
    transmat: Floats,
    packing: Packing,
    density: Floats,
    alpha: Floats,
    scale: Floats,
    space: Workspace,
) -> None:
    """Fill ``alpha`` with P(state | data so far) and ``scale`` with P(frame | data before).

    ``initial`` (restart, state, lane) is the law before each lane's first frame. ``density`` is
    divided by ``scale`` as well, which the backward pass needs.
    """
    turned = np.ascontiguousarray(transmat.swapaxes(1, 2))
    n_restarts, n_states, _ = density.shape
    offsets, counts = packing.offsets.tolist(), packing.counts.tolist()
    lo, hi, size = 0, offsets[1], -1
    here = alpha[:, :, lo:hi]
    np.multiply(initial, density[:, :, lo:hi], out=here)
    for t in range(packing.n_steps):
        if t > 0:
            n, before = counts[t], lo
            lo, hi = offsets[t], offsets[t + 1]
            if n != size:
                size = n
                scratch = space.flat("scratch", n_restarts, n_states, n)
            here = alpha[:, :, lo:hi]
            np.matmul(turned, alpha[:, :, before : before + n], out=scratch)
            np.multiply(scratch, density[:, :, lo:hi], out=here)
        norm = scale[:, lo:hi]
        np.add.reduce(here, axis=1, out=norm)
        np.divide(here, norm[:, None], out=here)
    for part in pieces(packing.n_frames, n_restarts * n_states):
        density[:, :, part] /= scale[:, None, part]


def backward(
    final: Floats | None,
    transmat: Floats,
    packing: Packing,
    density: Floats,
    alpha: Floats,
    scale: Floats,
    beta: Floats,
) -> None:
    """Fill ``beta`` so that ``alpha * beta`` is P(state | all data).

    ``final`` (restart, state, lane) is proportional to it at each lane's last frame; None is 1.
    ``density`` is multiplied by ``beta``.
    """
    offsets, counts = packing.offsets.tolist(), [*packing.counts.tolist(), 0]
    if final is not None:
        last = packing.last
        final = final / (alpha[:, :, last] * final).sum(axis=1, keepdims=True)
    for t in range(packing.n_steps - 1, -1, -1):
        lo, hi, n = offsets[t], offsets[t + 1], counts[t + 1]
        if n < counts[t]:
            beta[:, :, lo + n : hi] = 1.0 if final is None else final[:, :, n : counts[t]]
        if n:
            np.matmul(transmat, density[:, :, hi : hi + n], out=beta[:, :, lo : lo + n])
        here = density[:, :, lo:hi]
        np.multiply(here, beta[:, :, lo:hi], out=here)


def doubtful(packing: Packing, scale: Floats, beta: Floats) -> list[NDArray[np.intp]]:
    """Return for each restart the sequences that scaling may have got wrong."""
    found = []
    lane = None
    for low, back in zip(scale, beta, strict=True):
        # One pass each says that all is well; NaN makes the comparison false.
        if low.min() >= TINY_SCALE and back.max() <= HUGE_BACKWARD:
            found.append(np.empty(0, dtype=np.intp))
            continue
        if lane is None:
            step = np.repeat(np.arange(packing.n_steps), packing.counts)
            lane = np.arange(packing.n_frames) - packing.offsets[step]
        good = (low >= TINY_SCALE) & (back <= HUGE_BACKWARD).all(axis=0)
        found.append(np.unique(packing.sequence[lane[~good]]))
    return found


def rescue(
    flagged: list[NDArray[np.intp]],
    params: Parameters,
    family: Family,
    block: Block,
    weights: Floats,
    panels: tuple[Floats, ...],
) -> Floats:
    """Redo flagged sequences in log space; return their expected transitions.

    In ``panels`` (density, alpha, gamma, scale) their columns become what the sums need.
    """
    density, alpha, gamma, scale = panels
    trans = np.zeros_like(params.transmat)
    for r, sequences in enumerate(flagged):
        if not len(sequences):
            continue
        columns = [block.packing.columns_of(int(i)) for i in sequences]
        lengths = np.array([len(part) for part in columns])
        logs = np.zeros((len(columns), lengths.max(), weights.shape[1]))
        for i, part in enumerate(columns):
            logs[i, : len(part)] = log_density(weights[r], family, block, part).T
        again = logspace.expect(params.startprob[r], params.transmat[r], logs, lengths)
        trans[r] = again.trans
        for i, part in enumerate(columns):
            density[r][:, part] = alpha[r][:, part] = 0
            gamma[r][:, part] = again.posteriors[i, : len(part)].T
            scale[r, part] = 0
            scale[r, part[0]] = again.log_likelihood[i]
    return trans


def log_density(weights: Floats, family: Family, block: Block, columns: NDArray[np.intp]) -> Floats:
    """Return log densities (state, column) of one restart, without what is common to states."""
    values = block.values[..., columns]
    shape = (weights.shape[1], len(columns))
    product = weights @ family.features(values, np.empty(shape))
    return product if family.logarithmic else logspace.log(product)


def cuts(packing: Packing) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return columns before and after every cut of a sequence into chunks."""
    left, right = packing.chain[:-1], packing.chain[1:]
    there = right >= 0
    return packing.last[left[there]], right[there]


def _collect(gamma: Floats, family: Family, block: Block, space: Workspace) -> Floats:
    """Return posterior sums of features (restart, state, feature)."""
    n_restarts, n_states, n_columns = gamma.shape
    panel = gamma.reshape(n_restarts * n_states, n_columns)
    sums = np.zeros((len(panel), family.n_features(block.n_components)))
    for part in pieces(n_columns, len(panel) + sums.shape[1]):
        sums += panel[:, part] @ block.features(family, part, space).T
    return sums.reshape(n_restarts, n_states, -1)


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
