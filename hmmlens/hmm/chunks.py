"""What crosses the cuts where long sequences are done as chunks side by side.

Over one chunk, the forward pass is linear in the law that it starts from. Started from each state
alone, it gives the chunk's transfer matrix; a short walk over the chunks of each sequence turns
these into the law before every chunk and the backward variable after it. The passes over all
chunks at once that follow are then exact (the scan of Särkkä & García-Fernández 2021, in chunks).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.blocks import Workspace
from hmmlens.hmm.packing import Packing
from hmmlens.hmm.parameters import Parameters

Floats = NDArray[np.float64]


def joints(
    params: Parameters, packing: Packing, density: Floats, space: Workspace
) -> tuple[Floats, Floats | None]:
    """Return the law before each lane and the backward variable at its end.

    Returns
    -------
    initial : (restart, state, lane)
    final : (restart, state, lane) up to a factor, None for ones
    """
    if not packing.is_cut:
        return params.startprob[:, :, None], None
    transfer, log_scale = _transfer(params.transmat, packing, density, space)
    n_restarts, n_states = params.startprob.shape
    shape = (n_restarts, n_states, packing.n_lanes)
    initial, final = np.empty(shape), np.ones(shape)
    chain = packing.chain
    # The first step of a chunk starts from a law, all later ones follow transitions; so the
    # transfer matrix is from the law before a chunk to the law at its last frame.
    law = np.repeat(params.startprob[:, :, None], chain.shape[1], axis=2)
    for lanes in chain:
        on = np.flatnonzero(lanes >= 0)
        here = lanes[on]
        initial[:, :, here] = law[:, :, on]
        weight = _scaled(log_scale[:, :, here], law[:, :, on])
        end = np.einsum("ril,rijl->rjl", weight, transfer[:, :, :, here])
        ahead = params.transmat.swapaxes(1, 2) @ end
        law[:, :, on] = ahead / ahead.sum(axis=1, keepdims=True)
    for before, lanes in zip(chain[-2::-1], chain[:0:-1], strict=True):
        on = np.flatnonzero(lanes >= 0)
        here = lanes[on]
        reached = np.einsum("rijl,rjl->ril", transfer[:, :, :, here], final[:, :, here])
        back = params.transmat @ _scaled(log_scale[:, :, here], reached)
        final[:, :, before[on]] = back / back.max(axis=1, keepdims=True)
    return initial, final


def _scaled(log_scale: Floats, factor: Floats) -> Floats:
    """Return ``exp(log_scale) * factor`` over axis 1, up to a common factor."""
    with np.errstate(divide="ignore"):
        logs = log_scale + np.log(factor)
    top = logs.max(axis=1, keepdims=True)
    return np.exp(logs - np.where(np.isfinite(top), top, 0.0))


def _transfer(
    transmat: Floats, packing: Packing, density: Floats, space: Workspace
) -> tuple[Floats, Floats]:
    """Return every lane's transfer matrix with rows that sum to 1, and the logs of their sums.

    Returns
    -------
    transfer : (restart, state before the first frame, state at the last frame, lane)
    log_scale : (restart, state before the first frame, lane)
    """
    n_restarts, n_states, _ = density.shape
    n_lanes = packing.n_lanes
    transfer = np.zeros((n_restarts, n_states, n_states, n_lanes))
    log_scale = np.zeros((n_restarts, n_states, n_lanes))
    # (restart, state now, lane, state before): all columns of one restart form one matrix.
    current = np.zeros((n_restarts, n_states, n_lanes, n_states))
    state = np.arange(n_states)
    current[:, state, :, state] = np.moveaxis(density[:, :, :n_lanes], 1, 0)
    turned = np.ascontiguousarray(transmat.swapaxes(1, 2))
    offsets, counts = packing.offsets.tolist(), [*packing.counts.tolist(), 0]
    sums = np.zeros((n_restarts, n_lanes, n_states))
    for t in range(packing.n_steps):
        n = counts[t]
        if t > 0:
            previous = current[:, :, :n].reshape(n_restarts, n_states, n * n_states)
            current = (turned @ previous).reshape(n_restarts, n_states, n, n_states)
            current *= density[:, :, offsets[t] : offsets[t + 1], None]
        norm = current.sum(axis=1)
        sums[:, :n] += np.log(norm)
        # From a state that leads nowhere nothing arrives; its weight is 0 and its row stays 0.
        current /= np.where(norm > 0, norm, 1)[:, None]
        ending = slice(counts[t + 1], n)
        transfer[:, :, :, ending] = np.moveaxis(current[:, :, ending], 3, 1)
    log_scale[...] = sums.swapaxes(1, 2)
    return transfer, log_scale
