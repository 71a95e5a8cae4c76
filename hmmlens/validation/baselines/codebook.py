"""A codebook of activations: k-means cells with an input-conditioned Markov chain between them.

It predicts the network's output as an HMM does, but assumes nothing about the distribution of
activations within a cell. The growth of its fidelity with the number of cells shows whether there
is a number at which states are complete: on a continuum each doubling divides the error by the
same factor; at the number of discrete states there is a steep gain and then a floor.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.input_classes import tables, transitions
from hmmlens.interpretation.state_probabilities import state_outputs
from hmmlens.stats.clusters import fit_kmeans, nearest
from hmmlens.typing import Floats, Ints
from hmmlens.validation.baselines.registry import baseline
from hmmlens.validation.forecast import fidelity_curve, free_run, sequence_scores
from hmmlens.validation.input_output import InputOutput

#: Smallest value of one minus fidelity: below it, differences are noise.
LEAST_MISS = 1e-4


@dataclass(frozen=True)
class CodebookSettings:
    """Settings of codebooks.

    Attributes
    ----------
    counts : tuple of int
        Numbers of cells of :func:`curve`, up to twice the largest number that is judged or more.
    max_frames : int
        Frames of train from which k-means learns, at most; evenly spaced.
    n_init : int
        Initialisations of k-means, of which the best counts.
    """

    counts: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24)
    max_frames: int = 4000
    n_init: int = 4


DEFAULT_CODEBOOKS = CodebookSettings()


class Codebook(NamedTuple):
    """Cells of a space and a Markov chain between them, in which each cell is a state.

    Attributes
    ----------
    states : ndarray of shape (sequence, time)
        The cell of each frame.
    transmat : ndarray of shape (class, cell, next_cell)
        Transition probabilities for each class of inputs.
    means : ndarray of shape (cell, output)
        Mean output distribution in each cell.
    """

    states: NDArray[np.int64]
    transmat: Floats
    means: Floats


@baseline("codebook", "space", label="k-means chain")
def fit(
    space: Floats,
    data: InputOutput,
    n_states: int,
    seed: int,
    settings: CodebookSettings = DEFAULT_CODEBOOKS,
) -> Codebook:
    """Divide a space into cells, learnt from train.

    Parameters
    ----------
    space : ndarray of shape (sequence, time, component)
        Points.
    data : InputOutput
        Inputs and outputs.
    n_states : int
        Number of cells.
    seed : int
        Seed of k-means.
    settings : CodebookSettings, optional
        Settings of k-means.

    Returns
    -------
    Codebook
        The cells and their chain.

    Examples
    --------
    >>> states = np.tile(np.arange(40) // 10 % 2, (9, 1))
    >>> split = np.repeat([0, 1, 2], 3)[:, None].repeat(40, axis=1)
    >>> masks = {"train": split == 0, "select": split == 1, "test": split == 2}
    >>> data = InputOutput(np.eye(2)[states], np.zeros((9, 40), dtype=int), 1, masks)
    >>> book = fit(4.0 * states[..., None], data, n_states=2, seed=0)
    >>> sorted(book.means.round(2).tolist())
    [[0.0, 1.0], [1.0, 0.0]]
    """
    from sklearn.exceptions import ConvergenceWarning

    train = data.masks["train"]
    learn = space[train]
    if len(learn) > settings.max_frames:
        learn = learn[np.linspace(0, len(learn) - 1, settings.max_frames).round().astype(int)]
    with warnings.catch_warnings():
        # Fewer distinct outputs than cells: some cells stay empty, which harms nothing.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = fit_kmeans(learn, n_states, settings.n_init, seed)
    flat = nearest(space.reshape(-1, space.shape[2]), found.cluster_centers_)
    return counted(flat.reshape(space.shape[:2]), data, n_states)


def counted(
    states: NDArray[np.int64], data: InputOutput, n_states: int, posteriors: Floats | None = None
) -> Codebook:
    """Return the chain and the outputs of given states.

    Parameters
    ----------
    states : ndarray of shape (sequence, time)
        The state of each frame.
    data : InputOutput
        Inputs and outputs; transitions and outputs are counted on its frames of train.
    n_states : int
        Number of states.
    posteriors : ndarray of shape (sequence, time, state), optional
        Weights of the frames in the mean outputs; by default 1 for the frame's state.

    Returns
    -------
    Codebook
        The cells and their chain.
    """
    train = data.masks["train"]
    counts = transitions(states, data.classes, train, n_states, data.n_classes)
    trans = tables(counts, data.parts)
    weights = one_hot(states, n_states) if posteriors is None else posteriors
    return Codebook(states, trans, state_outputs(weights * train[:, :, None], data.distribution))


def one_hot(states: Ints, n_states: int) -> Floats:
    """Return 1 where a frame is in a state, else 0.

    Parameters
    ----------
    states : ndarray of shape (sequence, time)
        The state of each frame.
    n_states : int
        Number of states.

    Returns
    -------
    ndarray of shape (sequence, time, state)
        1 where a frame is in a state.
    """
    out: Floats = (states[:, :, None] == np.arange(n_states)).astype(np.float64)
    return out


class Curve(NamedTuple):
    """Fidelity of codebooks over the number of cells.

    Attributes
    ----------
    counts : ndarray of shape (count,)
        Numbers of cells, rising.
    select, test : ndarray of shape (count, horizon + 1)
        R2 of the free run over the steps ahead.
    by_sequence : ndarray of shape (sequence, count)
        R2 of each select sequence at the horizon.
    """

    counts: NDArray[np.int64]
    select: Floats
    test: Floats
    by_sequence: Floats


def curve(
    space: Floats,
    data: InputOutput,
    horizon: int,
    seed: int,
    settings: CodebookSettings = DEFAULT_CODEBOOKS,
) -> Curve:
    """Return the fidelity of codebooks of a space over the number of cells.

    Parameters
    ----------
    space : ndarray of shape (sequence, time, component)
        Points.
    data : InputOutput
        Inputs and outputs.
    horizon : int
        Largest number of steps ahead.
    seed : int
        Seed of k-means.
    settings : CodebookSettings, optional
        Numbers of cells, and settings of k-means.

    Returns
    -------
    Curve
        Fidelity by number of cells.
    """
    sizes = np.array(sorted(settings.counts))
    rows: dict[str, list[Floats]] = {"select": [], "test": []}
    by_sequence = []
    for n_states in sizes.tolist():
        book = fit(space, data, n_states, seed, settings)
        cells = one_hot(book.states, n_states)
        for part, found in rows.items():
            found.append(score(data, part, cells, book.transmat, book.means, horizon))
        by_sequence.append(by_select_sequence(data, cells, book, horizon))
    return Curve(
        sizes, np.array(rows["select"]), np.array(rows["test"]), np.stack(by_sequence, axis=1)
    )


def score(
    data: InputOutput, part: str, states: Floats, transmat: Floats, means: Floats, horizon: int
) -> Floats:
    """Return the R2 of the free run on one split.

    Parameters
    ----------
    data : InputOutput
        Inputs and outputs.
    part : str
        ``train``, ``select`` or ``test``.
    states : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities for each class of inputs.
    means : ndarray of shape (state, output)
        Mean output of each state.
    horizon : int
        Largest number of steps ahead.

    Returns
    -------
    ndarray of shape (horizon + 1,)
        See :func:`hmmlens.validation.forecast.fidelity_curve`.
    """
    keep = data.masks[part].any(axis=1)
    return fidelity_curve(
        data.distribution[keep],
        states[keep],
        transmat,
        means,
        data.classes[keep],
        data.masks[part][keep],
        data.average,
        horizon,
    )


def by_select_sequence(data: InputOutput, cells: Floats, book: Codebook, horizon: int) -> Floats:
    """Return the R2 of each select sequence at the horizon.

    Parameters
    ----------
    data : InputOutput
        Inputs and outputs.
    cells : ndarray of shape (sequence, time, cell)
        1 in the cell of each frame, else 0.
    book : Codebook
        The chain and the outputs of the cells.
    horizon : int
        Steps ahead.

    Returns
    -------
    ndarray of shape (sequence,)
        Of the select sequences that are longer than the horizon.
    """
    inside = data.masks["select"].copy()
    inside[:, :horizon] = False
    keep = inside.any(axis=1)
    runs = free_run(cells[keep], book.transmat, data.classes[keep], horizon)
    *_, ahead = runs
    return sequence_scores(data.distribution[keep], ahead @ book.means, inside[keep], data.average)


def miss_bits(counts: Ints, fidelity: Floats, n_states: float) -> float:
    """Return log2 of one minus fidelity at a number of cells, log-linear between counts.

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of cells, rising.
    fidelity : ndarray of shape (count,)
        Fidelity at each of them.
    n_states : float
        The number of cells in question.

    Returns
    -------
    float
        Log2 of one minus fidelity at that number.
    """
    miss = np.log2(np.maximum(1 - fidelity, LEAST_MISS))
    return float(np.interp(np.log2(n_states), np.log2(counts), miss))


def elbow(counts: Ints, fidelity: Floats, n_states: int) -> float:
    """Return the difference, in bits, between the gains of two successive doublings of the cells.

    These are the doubling into ``n_states`` and the one after it. A continuum is near 0 everywhere,
    as each doubling divides the error by the same factor.

    Parameters
    ----------
    counts : ndarray of shape (count,)
        Numbers of cells, rising.
    fidelity : ndarray of shape (count,)
        Fidelity at one horizon.
    n_states : int
        The number of cells in question.

    Returns
    -------
    float
        NaN where the counts do not reach from half of ``n_states`` to its double.

    Examples
    --------
    >>> float(elbow(np.array([1, 2, 4, 8]), np.array([0.5, 0.9, 0.99, 0.991]), 4)) > 3
    True
    """
    if n_states / 2 < counts[0] or 2 * n_states > counts[-1]:
        return np.nan
    before, here, after = (
        miss_bits(counts, fidelity, k) for k in (n_states / 2, n_states, 2 * n_states)
    )
    return (before - here) - (here - after)
