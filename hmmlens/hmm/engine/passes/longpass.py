"""Filtering and smoothing of few long sequences, for which a pass step by step would be slow.

The passes of the E-step over chunks side by side give the posteriors of every frame; the entropy of
a path is a sum over frames once these are known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmmlens.hmm.engine.blocks import Block, Workspace, pieces
from hmmlens.hmm.engine.parameters import Family, Parameters
from hmmlens.hmm.engine.passes import estep
from hmmlens.hmm.engine.subnormals import without_subnormals
from hmmlens.typing import Floats


class Posteriors(NamedTuple):
    """Posteriors of each row of the flat data.

    Attributes
    ----------
    filtered, predicted, smoothed : ndarray of shape (frame, state)
        p(state_t | y_1:t), p(state_t | y_1:t-1), p(state_t | y_1:T).
    log_likelihood, entropy : ndarray of shape (sequence,)
        log p(y_1:T), and H(state path | data); nats.
    """

    filtered: Floats
    predicted: Floats
    smoothed: Floats
    log_likelihood: Floats
    entropy: Floats


@without_subnormals
def posteriors(params: Parameters, family: Family, block: Block) -> Posteriors | None:
    """Return posteriors of a batch of one.

    Parameters
    ----------
    params : Parameters
        A batch of one model, with means of centred values.
    family : Family
        One whose features give all of the log density, so not a tied Gaussian.
    block : Block
        The packed data.

    Returns
    -------
    Posteriors or None
        None where only log space is safe.
    """
    packing = block.packing
    weights = family.weights(params.emission)
    result = estep.passes(params, family, block, weights, Workspace())
    if len(result.flagged[0]):
        return None
    alpha, transmat = result.alpha.dense()[:, 0], params.transmat[0]
    gamma = alpha * result.beta.dense()[:, 0]
    predicted = np.repeat(params.startprob[0][:, None], packing.n_frames, axis=1)
    sequence = packing.sequence[packing.place(np.arange(packing.n_frames))[1]]
    ends = packing.column[packing.starts[1:] - 1]
    entropy: Floats = -_plogp(gamma[:, ends]).sum(axis=0)
    follows = np.ones(packing.n_frames, dtype=bool)
    follows[packing.column[packing.starts[:-1]]] = False
    after = np.flatnonzero(follows)
    before = packing.column[packing.row[after] - 1]
    for part in pieces(len(after), len(transmat) ** 2):
        left, right = alpha[:, before[part]], after[part]
        ahead = transmat.T @ left
        predicted[:, right] = ahead
        # P(state = i | next state = j, data so far)
        kernel = left[:, None] * transmat[:, :, None] / np.where(ahead > 0, ahead, 1)
        each = (-_plogp(kernel).sum(axis=0) * gamma[:, right]).sum(axis=0)
        entropy += np.bincount(sequence[right], each, packing.n_sequences)
    total: Floats = np.bincount(sequence, result.scale[0], packing.n_sequences).astype(np.float64)
    filtered, predicted, smoothed = (
        np.ascontiguousarray(part[:, packing.column].T) for part in (alpha, predicted, gamma)
    )
    return Posteriors(filtered, predicted, smoothed, total, entropy)


def _plogp(p: Floats) -> Floats:
    product: Floats = p * np.log(np.where(p > 0, p, 1.0))
    return product
