"""Distance between two sets of symbol sequences, by the frequencies of their words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.entropy import entropy
from hmmlens.typing import Floats, Ints

#: Lengths of the words that are compared.
LENGTHS = (1, 2, 3, 4, 5, 6)


def words(symbols: Ints, length: int, n_symbols: int) -> NDArray[np.int64]:
    """Return the code of each word, -1 where a symbol is below 0.

    Parameters
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols, below 0 past a sequence's end.
    length : int
        Symbols of a word.
    n_symbols : int
        Number of symbols.

    Returns
    -------
    ndarray of shape (sequence, start)
        Code of each word.

    Examples
    --------
    >>> words(np.array([[0, 1, 1, -1]]), 2, n_symbols=2).tolist()
    [[1, 3, -1]]
    """
    width = max(symbols.shape[1] - length + 1, 0)
    code = np.zeros((len(symbols), width), dtype=np.int64)
    whole = np.ones(code.shape, dtype=bool)
    for lag in range(length):
        part = symbols[:, lag : lag + width]
        code = code * n_symbols + part
        whole &= part >= 0
    return np.where(whole, code, -1)


def counts(one: Ints, two: Ints, length: int, n_symbols: int) -> tuple[Floats, Floats]:
    """Count the words of two sets of sequences, over the words that either holds.

    Parameters
    ----------
    one, two : ndarray of shape (sequence, time)
        Symbols, below 0 past a sequence's end.
    length : int
        Symbols of a word.
    n_symbols : int
        Number of symbols.

    Returns
    -------
    one, two : ndarray of shape (sequence, word)
        Counts of each set.
    """
    codes = [words(part, length, n_symbols) for part in (one, two)]
    kinds = np.unique(np.concatenate([code[code >= 0] for code in codes]))
    tables = []
    for code in codes:
        table = np.zeros((len(code), len(kinds)))
        rows, starts = np.nonzero(code >= 0)
        np.add.at(table, (rows, np.searchsorted(kinds, code[rows, starts])), 1)
        tables.append(table)
    return tables[0], tables[1]


def jensen_shannon(one: Floats, two: Floats) -> Floats:
    """Return the Jensen-Shannon divergence of counts (Lin 1991).

    Parameters
    ----------
    one, two : ndarray of shape (..., word)
        Counts.

    Returns
    -------
    ndarray of shape (...)
        In nats, from 0 to ln 2.

    Examples
    --------
    >>> float(jensen_shannon(np.array([2.0, 0.0]), np.array([0.0, 2.0])).round(3))
    0.693
    """
    p, q = (part / part.sum(axis=-1, keepdims=True) for part in (one, two))
    middle = (p + q) / 2
    divergence: Floats = entropy(middle) - (entropy(p) + entropy(q)) / 2
    return np.maximum(divergence, 0.0)


def divergences(
    one: Ints,
    two: Ints,
    n_symbols: int,
    n_resamples: int,
    rng: np.random.Generator,
    lengths: tuple[int, ...] = LENGTHS,
) -> pd.DataFrame:
    """Compare two sets of sequences by words of each length.

    Parameters
    ----------
    one, two : ndarray of shape (sequence, time)
        Symbols, -1 past a sequence's end.
    n_symbols : int
        Number of symbols.
    n_resamples : int
        Resamples of the bootstrap, and of the null.
    rng : numpy.random.Generator
        Source of the resamples.
    lengths : tuple of int, optional
        Lengths of words.

    Returns
    -------
    DataFrame
        ``n, value, low, high, null, p``. Finite sets of one source differ too: ``null`` is the mean
        over random exchanges of whole sequences between the sets, ``p`` the share of exchanges that
        differ as much, (1 + #) / (1 + n_resamples).

    Raises
    ------
    DataError
        When a set holds no word of a length.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fair = rng.integers(0, 2, size=(30, 50))
    >>> biased = (rng.random((30, 50)) < 0.8).astype(int)
    >>> table = divergences(fair, biased, 2, n_resamples=99, rng=rng, lengths=(1, 2))
    >>> table["n"].tolist(), table["p"].tolist()
    ([1, 2], [0.01, 0.01])
    """
    rows = []
    for length in lengths:
        parts = counts(one, two, length, n_symbols)
        if min(part.sum() for part in parts) == 0:
            raise DataError(
                f"a set holds no word of {length} symbols; give longer sequences or lengths below "
                f"{length}"
            )
        value = float(jensen_shannon(parts[0].sum(axis=0), parts[1].sum(axis=0)))
        resampled_values = jensen_shannon(*(resampled(part, n_resamples, rng) for part in parts))
        both = np.concatenate(parts)
        exchanged = rng.permuted(
            np.tile(np.arange(len(both)) < len(one), (n_resamples, 1)), axis=1
        ).astype(np.float64)
        null = jensen_shannon(exchanged @ both, (1 - exchanged) @ both)
        low, high = interval(resampled_values)
        p = (1 + int((null >= value).sum())) / (1 + n_resamples)
        rows.append((length, value, low, high, float(null.mean()), p))
    return pd.DataFrame(rows, columns=["n", "value", "low", "high", "null", "p"])
