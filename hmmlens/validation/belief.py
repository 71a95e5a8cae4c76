"""Whether a network that predicts the next symbol represents the exact belief about its source.

The belief is P(state | symbols so far) by the exact Bayes filter of the generating model (Shai et
al. 2024, arXiv 2405.15943). A linear readout is learnt on train sequences and scored on test
sequences, and compared with controls that hold no belief. Only networks whose inputs are the
symbols have one; for a network that makes symbols from noise it is not defined. Steps weigh as they
were sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.ragged import steps_inside
from hmmlens.stats.bootstrap import estimate
from hmmlens.typing import Bools, Floats, Ints
from hmmlens.validation.baselines.outputs import linear_prediction

#: Below this share of the variance nothing of the belief is left to explain: a constant, because it
#: separates rounding from everything else.
NOTHING_LEFT = 1e-6


class Beliefs(NamedTuple):
    """The knowledge of the exact observer after each symbol.

    Attributes
    ----------
    state : ndarray of shape (sequence, time, truth)
        P(state | symbols so far); 0 past a sequence's end.
    following : ndarray of shape (sequence, time, symbol)
        P(next symbol | symbols so far).
    """

    state: Floats
    following: Floats


def exact_beliefs(
    hmm: CategoricalHMM, symbols: Ints, truth_of: Ints, length: Ints | None = None
) -> Beliefs:
    """Return the exact beliefs.

    Parameters
    ----------
    hmm : CategoricalHMM
        The generating model.
    symbols : ndarray of shape (sequence, time)
        Symbols.
    truth_of : ndarray of shape (state,)
        The true state for which each of the model's states stands.
    length : ndarray of shape (sequence,), optional
        Number of steps; None where no sequence is padded.

    Returns
    -------
    Beliefs
        After each symbol.

    Examples
    --------
    >>> from hmmlens import CategoricalHMM
    >>> transmat = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> emissionprob = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> hmm = CategoricalHMM.from_parameters(np.full(2, 0.5), transmat, emissionprob)
    >>> exact_beliefs(hmm, np.array([[0, 0, 1]]), np.arange(2)).state.round(2).tolist()
    [[[0.8, 0.2], [0.92, 0.08], [0.56, 0.44]]]
    """
    posteriors = hmm.filter(symbols, length).posteriors
    lump = np.eye(int(truth_of.max()) + 1)[truth_of]
    return Beliefs(posteriors @ lump, posteriors @ hmm.transmat_ @ hmm.emissionprob_)


def last_symbols(symbols: Ints, n: int, n_symbols: int) -> Floats:
    """Return the last symbols as one-hot vectors.

    Parameters
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols, below 0 where there is none.
    n : int
        Number of last symbols.
    n_symbols : int
        Number of kinds of symbols.

    Returns
    -------
    ndarray of shape (sequence, time, n * n_symbols)
        0 where there is no symbol.
    """
    each = (symbols[..., None] == np.arange(n_symbols)).astype(np.float64)
    out = np.zeros((*symbols.shape, n, n_symbols))
    for lag in range(n):
        out[:, lag:, lag] = each[:, : max(symbols.shape[1] - lag, 0)]
    return out.reshape(*symbols.shape, n * n_symbols)


def shuffled_pairing(belief: Floats, inside: Bools, rng: np.random.Generator) -> Floats:
    """Return the beliefs with sequences exchanged at each step.

    Keeps what the step alone determines of the belief, which a network may know from its own clock.

    Parameters
    ----------
    belief : ndarray of shape (sequence, time, truth)
        Beliefs.
    inside : ndarray of shape (sequence, time)
        Steps at which sequences are exchanged.
    rng : numpy.random.Generator
        Source of the exchanges.

    Returns
    -------
    ndarray of shape (sequence, time, truth)
        Beliefs of other sequences at the same step.
    """
    out = belief.copy()
    for t in range(belief.shape[1]):
        rows = np.flatnonzero(inside[:, t])
        out[rows, t] = belief[rng.permutation(rows), t]
    return out


def belief_scores(
    sources: Mapping[str, Floats],
    beliefs: Beliefs,
    symbols: Ints,
    length: Ints,
    split: Ints,
    n_bootstrap: int,
    seed: int,
    contexts: Sequence[int] = (1, 2, 4),
) -> pd.DataFrame:
    """Score linear readouts of the belief, and their controls, on test sequences.

    Parameters
    ----------
    sources : mapping of str to ndarray of shape (sequence, time, feature)
        Activations of the network, of its untrained control; or posteriors of found states, whose
        score is the part of the belief that they keep.
    beliefs : Beliefs
        The exact beliefs.
    symbols : ndarray of shape (sequence, time)
        Input symbols of the networks.
    length : ndarray of shape (sequence,)
        Number of steps.
    split : ndarray of shape (sequence,)
        0 for train, 1 for select, 2 for test.
    n_bootstrap : int
        Resamples of test sequences.
    seed : int
        Seed of the shuffles and the resamples.
    contexts : sequence of int, optional
        Numbers of last symbols that the controls without a memory read.

    Returns
    -------
    DataFrame
        ``source, score, value, low, high``, intervals over resamples of test sequences. ``r2`` is 1
        - sum |b - b'|^2 / sum |b - mean|^2 with the mean of train. ``r2_shuffled`` is the same
        after :func:`shuffled_pairing` on train and test. ``partial_r2`` is the explained share of
        what the exact distribution of the next symbol leaves of the belief, NaN where it leaves
        nothing. The sources ``last n symbols`` are readouts without a memory.

    Raises
    ------
    DataError
        When a source does not fit the beliefs, or a split holds no sequence.

    Examples
    --------
    >>> from hmmlens import CategoricalHMM
    >>> transmat = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> emissionprob = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> hmm = CategoricalHMM.from_parameters(np.full(2, 0.5), transmat, emissionprob)
    >>> symbols = np.random.default_rng(0).integers(0, 2, size=(12, 50))
    >>> beliefs = exact_beliefs(hmm, symbols, np.arange(2))
    >>> length, split = np.full(12, 50), np.repeat([0, 1, 2], 4)
    >>> table = belief_scores({"network": beliefs.state}, beliefs, symbols, length, split, 20, 0)
    >>> float(table.query("source == 'network' and score == 'r2'")["value"].iloc[0].round(3))
    1.0
    """
    inside = steps_inside(length, *symbols.shape)
    masks = {name: inside & (split == part)[:, None] for name, part in (("train", 0), ("test", 2))}
    for name, mask in masks.items():
        if not mask.any():
            raise DataError(f"the {name} split holds no sequence, so no readout can be scored")
    for name, values in sources.items():
        if values.shape[:2] != symbols.shape:
            raise DataError(
                f"{name} has shape {values.shape}; its first two must be {symbols.shape}"
            )
    rng = np.random.default_rng(seed)
    shuffled = beliefs.state
    for mask in masks.values():
        shuffled = shuffled_pairing(shuffled, mask, rng)
    known = _errors(beliefs.following, beliefs.state, masks)
    something_left = known[:, 0].sum() > NOTHING_LEFT * known[:, 1].sum()
    rows: list[tuple[str, str, float, float, float]] = []

    def _add(source: str, score: str, parts: Floats) -> None:
        rows.append((source, score, *estimate(parts, _explained, n_bootstrap, rng)))

    n_symbols = beliefs.following.shape[2]
    for name, values in sources.items():
        _add(name, "r2", _errors(values, beliefs.state, masks))
        _add(name, "r2_shuffled", _errors(values, shuffled, masks))
        if something_left:
            both = np.concatenate([beliefs.following, values], axis=2)
            left = np.c_[_errors(both, beliefs.state, masks)[:, 0], known[:, 0]]
            _add(name, "partial_r2", left)
        else:
            rows.append((name, "partial_r2", np.nan, np.nan, np.nan))
    for n in contexts:
        context = last_symbols(np.where(inside, symbols, -1), n, n_symbols)
        _add(f"last {n} symbols", "r2", _errors(context, beliefs.state, masks))
    return pd.DataFrame(rows, columns=["source", "score", "value", "low", "high"])


def _explained(sums: Floats) -> float:
    return float(1 - sums[0] / sums[1])


def _errors(values: Floats, belief: Floats, masks: Mapping[str, Bools]) -> Floats:
    """Return squared errors of the readout and of the train mean: (test sequence, 2)."""
    frames = values[masks["train"]]
    centre, scale = frames.mean(axis=0), frames.std(axis=0)
    # Standardised, so that the small ridge falls on all features alike; padding stays out.
    clean = np.zeros(values.shape)
    for mask in masks.values():
        clean[mask] = (values[mask] - centre) / np.where(scale > 0, scale, 1.0)
    train, test = (masks[name].any(axis=1) for name in ("train", "test"))
    readout = linear_prediction(clean[train], belief[train], masks["train"][train], clean[test])
    mean, inside = belief[masks["train"]].mean(axis=0), masks["test"][test][..., None]
    errors = [np.where(inside, (belief[test] - guess) ** 2, 0) for guess in (readout, mean)]
    return np.stack([error.sum(axis=(1, 2)) for error in errors], axis=1)
