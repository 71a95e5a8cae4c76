"""A codebook of activations: k-means cells with an input-conditioned Markov chain between them.

It stands in for the network as an HMM does, but asks nothing of how activations lie within a
cell. How its fidelity grows with the number of cells shows whether there is a number at which
states are complete: a continuum gets better by the same factor with each doubling, real states
give a cliff and then a floor.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.input_driven import tables, transitions
from hmmlens.interpretation.states import state_outputs
from hmmlens.typing import Bools, Floats, Ints
from hmmlens.validation.forecast import fidelity_curve, free_run, nearest, sequence_scores

#: State counts of the curve. It must reach twice the largest count that is judged.
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24)
#: Frames from which k-means learns, and its restarts.
KMEANS_FRAMES, KMEANS_RESTARTS = 4000, 4
#: What fidelity may miss at least: below this, differences are noise.
LEAST_MISS = 1e-4


class Driven(NamedTuple):
    """What drives and what comes out, for all statistics of one network.

    distribution : (sequence, time, output), what the network says
    classes : (sequence, time), input classes
    n_classes : int
    masks : ``train``, ``select``, ``test`` -> frames (sequence, time)
    """

    distribution: Floats
    classes: NDArray[np.int64]
    n_classes: int
    masks: dict[str, Bools]

    @property
    def average(self) -> Floats:
        """Return the mean law (output) over train."""
        mean: Floats = self.distribution[self.masks["train"]].mean(axis=0)
        return mean


class Codebook(NamedTuple):
    """Cells of a space and a chain between them.

    states : (sequence, time), the cell of each frame
    transmat : (class, state, next_state)
    means : (state, output), the mean law in each cell
    """

    states: NDArray[np.int64]
    transmat: Floats
    means: Floats


def fit(space: Floats, driven: Driven, n_states: int, seed: int) -> Codebook:
    """Cut ``space`` (sequence, time, component) into ``n_states`` cells, learnt from train."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    train = driven.masks["train"]
    learn = space[train]
    if len(learn) > KMEANS_FRAMES:
        learn = learn[np.linspace(0, len(learn) - 1, KMEANS_FRAMES).round().astype(int)]
    with warnings.catch_warnings():
        # Fewer distinct outputs than cells: some cells stay empty, which harms nothing.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_states, n_init=KMEANS_RESTARTS, random_state=seed).fit(learn)
    flat = nearest(space.reshape(-1, space.shape[2]), found.cluster_centers_)
    return counted(flat.reshape(space.shape[:2]), driven, n_states)


def counted(
    states: NDArray[np.int64], driven: Driven, n_states: int, posteriors: Floats | None = None
) -> Codebook:
    """Return the chain and the outputs of states (sequence, time) that are known on train.

    Parameters
    ----------
    posteriors : (sequence, time, state), by which outputs are weighted; by default by ``states``.
    """
    train = driven.masks["train"]
    trans = tables(transitions(states, driven.classes, train, n_states, driven.n_classes))
    weights = one_hot(states, n_states) if posteriors is None else posteriors
    return Codebook(states, trans, state_outputs(weights * train[:, :, None], driven.distribution))


def one_hot(states: Ints, n_states: int) -> Floats:
    """Return (sequence, time, state), 1 where a frame is in the state."""
    out: Floats = (states[:, :, None] == np.arange(n_states)).astype(np.float64)
    return out


class Curve(NamedTuple):
    """Fidelity of codebooks.

    counts : (count), numbers of cells
    select, test : (count, h), R2 of the free run over h = 0 to the horizon
    by_sequence : (sequence, count), that of each select sequence at the horizon
    """

    counts: NDArray[np.int64]
    select: Floats
    test: Floats
    by_sequence: Floats


def curve(
    space: Floats, driven: Driven, horizon: int, seed: int, counts: Iterable[int] = COUNTS
) -> Curve:
    """Return the fidelity of codebooks of ``space`` over the number of cells."""
    sizes = np.array(sorted(counts))
    rows: dict[str, list[Floats]] = {"select": [], "test": []}
    by_sequence = []
    for n_states in sizes.tolist():
        book = fit(space, driven, n_states, seed)
        cells = one_hot(book.states, n_states)
        for part, found in rows.items():
            found.append(score(driven, part, cells, book.transmat, book.means, horizon))
        by_sequence.append(by_select_sequence(driven, cells, book, horizon))
    return Curve(
        sizes, np.array(rows["select"]), np.array(rows["test"]), np.stack(by_sequence, axis=1)
    )


def score(
    driven: Driven, part: str, states: Floats, transmat: Floats, means: Floats, horizon: int
) -> Floats:
    """Return the R2 (h) of the free run on one split; see :func:`fidelity_curve`."""
    keep = driven.masks[part].any(axis=1)
    return fidelity_curve(
        driven.distribution[keep],
        states[keep],
        transmat,
        means,
        driven.classes[keep],
        driven.masks[part][keep],
        driven.average,
        horizon,
    )


def by_select_sequence(driven: Driven, cells: Floats, book: Codebook, horizon: int) -> Floats:
    """Return the R2 of each select sequence at the horizon (sequence)."""
    inside = driven.masks["select"].copy()
    inside[:, :horizon] = False
    keep = inside.any(axis=1)
    runs = free_run(cells[keep], book.transmat, driven.classes[keep], horizon)
    *_, ahead = runs
    return sequence_scores(
        driven.distribution[keep], ahead @ book.means, inside[keep], driven.average
    )


def miss_bits(counts: Ints, fidelity: Floats, n_states: float) -> float:
    """Return log2 of what fidelity (count) misses at ``n_states``, log-linear between counts."""
    miss = np.log2(np.maximum(1 - fidelity, LEAST_MISS))
    return float(np.interp(np.log2(n_states), np.log2(counts), miss))


def elbow(counts: Ints, fidelity: Floats, n_states: int) -> float:
    """Return how many bits more the doubling into ``n_states`` removes than the one after it.

    A continuum is near 0 everywhere, as each doubling divides what is missed by the same factor.
    NaN where the counts do not reach from half of ``n_states`` to its double.

    Parameters
    ----------
    counts : (count), rising.
    fidelity : (count), at one horizon.
    """
    if n_states / 2 < counts[0] or 2 * n_states > counts[-1]:
        return np.nan
    before, here, after = (
        miss_bits(counts, fidelity, k) for k in (n_states / 2, n_states, 2 * n_states)
    )
    return (before - here) - (here - after)
