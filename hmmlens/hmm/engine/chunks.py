"""What crosses the cuts where long sequences are processed as chunks side by side.

Over one chunk, the forward pass is linear in the distribution that it starts from. Started from
each state alone, it gives the chunk's transfer matrix; a recursion over the chunks of each sequence
turns these into the distribution before every chunk and the backward variable after it. The passes
over all chunks at once that follow are then exact (the scan of Särkkä & García-Fernández 2021, in
chunks).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hmmlens.hmm.engine.packing import Packing
from hmmlens.hmm.engine.parameters import Parameters
from hmmlens.typing import Floats


def joints(
    params: Parameters, packing: Packing, density: Iterable[Floats]
) -> tuple[Floats, Floats | None]:
    """Return the distribution before each lane and the backward variable at its end.

    Parameters
    ----------
    params : Parameters
        A batch of models.
    packing : Packing
        The layout of the lanes.
    density : iterable of ndarray of shape (restart, state, lane)
        Densities of each step.

    Returns
    -------
    initial : ndarray of shape (restart, state, lane)
        The distribution before each lane's first frame.
    final : ndarray of shape (restart, state, lane) or None
        The backward variable up to a factor, None for ones.
    """
    if not packing.is_cut:
        return params.startprob[:, :, None], None
    transfer = _transfer(params.transmat, packing, list(density))
    # From the distribution before a chunk to that before the next, and backward likewise.
    onward = transfer @ params.transmat[:, None]
    back = params.transmat[:, None] @ transfer
    n_restarts, n_states = params.startprob.shape
    initial = np.empty((n_restarts, packing.n_lanes, n_states))
    final = np.ones((n_restarts, packing.n_lanes, n_states))
    chain = packing.chain
    distribution = np.repeat(params.startprob[:, None], chain.shape[1], axis=1)
    for lanes in chain:
        on = lanes >= 0
        here = lanes[on]
        initial[:, here] = distribution[:, on]
        ahead = (distribution[:, on, None] @ onward[:, here])[:, :, 0]
        distribution[:, on] = ahead / ahead.sum(axis=2, keepdims=True)
    for before, lanes in zip(chain[-2::-1], chain[:0:-1], strict=True):
        on = lanes >= 0
        here = lanes[on]
        behind = (back[:, here] @ final[:, here, :, None])[..., 0]
        final[:, before[on]] = behind / behind.max(axis=2, keepdims=True)
    return initial.swapaxes(1, 2), final.swapaxes(1, 2)


def _transfer(transmat: Floats, packing: Packing, density: list[Floats]) -> Floats:
    """Return every lane's transfer matrix (restart, lane, state before, state at the end).

    The first step of a chunk starts from a distribution and all later ones follow transitions, so
    the matrix leads from the distribution before a chunk to that at its last frame. It is known up
    to a factor; rows that are 1e-300 times smaller than the largest are lost, and where they would
    have been needed the passes that follow give NaN.
    """
    n_restarts, n_states, n_lanes = density[0].shape
    transfer = np.zeros((n_restarts, n_lanes, n_states, n_states))
    log_scale = np.zeros((n_restarts, n_lanes, n_states))
    # (restart, state now, lane, state before): all columns of one restart form one matrix.
    current = np.zeros((n_restarts, n_states, n_lanes, n_states))
    state = np.arange(n_states)
    current[:, state, :, state] = np.moveaxis(density[0], 1, 0)
    transposed = np.ascontiguousarray(transmat.swapaxes(1, 2))
    counts = [*packing.counts.tolist(), 0]
    for t in range(packing.n_steps):
        n = counts[t]
        if t > 0:
            previous = current[:, :, :n].reshape(n_restarts, n_states, n * n_states)
            current = (transposed @ previous).reshape(n_restarts, n_states, n, n_states)
            current *= density[t][..., None]
        norm = current.sum(axis=1)
        log_scale[:, :n] += np.log(norm)
        # From a state that leads nowhere nothing arrives; its weight is 0 and its row stays 0.
        current /= np.where(norm > 0, norm, 1)[:, None]
        if counts[t + 1] < n:
            ending = slice(counts[t + 1], n)
            transfer[:, ending] = current[:, :, ending].transpose(0, 2, 3, 1)
    top = log_scale.max(axis=2, keepdims=True)
    transfer *= np.exp(log_scale - np.where(np.isfinite(top), top, 0.0))[..., None]
    return transfer
