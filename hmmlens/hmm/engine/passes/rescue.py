"""Sequences for which scaled passes are not exact, found and repeated in log space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.blocks import Block
from hmmlens.hmm.engine.packing import Packing
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.hmm.engine.passes import logspace
from hmmlens.typing import Floats

#: A frame whose probability given the past is below this calls for log space.
TINY_SCALE = 1e-30
#: So does a backward variable above this: it would magnify what the forward pass has lost, which
#: is at most 1e-304 / TINY_SCALE, to something that matters.
HUGE_BACKWARD = 1e200


def doubtful(packing: Packing, scale: Floats, highest: Floats) -> list[NDArray[np.intp]]:
    """Return for each restart the sequences that scaling may have got wrong.

    Parameters
    ----------
    packing : Packing
        The layout of the lanes.
    scale : ndarray of shape (restart, column)
        p(y_t | y_1:t-1).
    highest : ndarray of shape (restart, column)
        The largest backward variable.

    Returns
    -------
    list of ndarray of int
        Numbers of sequences.
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
    statistics: Statistics,
) -> None:
    """Repeat flagged sequences in log space and add their statistics.

    Parameters
    ----------
    flagged : list of ndarray of int
        For each restart, numbers of sequences.
    params : Parameters
        A batch of parameters.
    family : Family
        The emissions.
    block : Block
        The packed data.
    weights : ndarray of shape (restart, state, feature)
        Those of ``family`` for ``params``.
    statistics : Statistics
        Added to.
    """
    restart = np.repeat(np.arange(len(flagged)), [len(sequences) for sequences in flagged])
    if not len(restart):
        return
    columns = [block.packing.columns_of(i) for i in np.concatenate(flagged).tolist()]
    lengths = np.array([len(part) for part in columns])
    logs = np.zeros((len(columns), lengths.max(), weights.shape[1]))
    for i, part in enumerate(columns):
        logs[i, : len(part)] = log_density(weights[restart[i]], family, block, part).T
    again = logspace.expect(params.startprob[restart], params.transmat[restart], logs, lengths)
    np.add.at(statistics.log_likelihood, restart, again.log_likelihood)
    np.add.at(statistics.start, restart, again.posteriors[:, 0])
    np.add.at(statistics.trans, restart, again.trans)
    for i, part in enumerate(columns):
        phi = _features(weights, family, block, part)
        statistics.sums[restart[i]] += (phi @ again.posteriors[i, : len(part)]).T


def log_density(weights: Floats, family: Family, block: Block, columns: NDArray[np.intp]) -> Floats:
    """Return log densities of one restart, without what is common to states.

    Parameters
    ----------
    weights : ndarray of shape (state, feature)
        Those of the restart.
    family : Family
        The emissions.
    block : Block
        The packed data.
    columns : ndarray of int
        Columns of the packing.

    Returns
    -------
    ndarray of shape (state, column)
        Natural logarithms.
    """
    product = weights @ _features(weights, family, block, columns)
    return product if family.logarithmic else logspace.log(product)


def _features(weights: Floats, family: Family, block: Block, columns: NDArray[np.intp]) -> Floats:
    return family.features(block.values[..., columns], np.empty((weights.shape[-1], len(columns))))
