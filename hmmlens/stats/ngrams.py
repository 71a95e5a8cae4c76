"""How alike two sets of symbol sequences are, by the frequencies of their words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.typing import Floats, Ints

#: Lengths of the words that are compared.
LENGTHS = (1, 2, 3, 4, 5, 6)


def words(symbols: Ints, length: int, n_symbols: int) -> NDArray[np.int64]:
    """Return the code of each word (sequence, start), -1 where a symbol is below 0."""
    width = max(symbols.shape[1] - length + 1, 0)
    code = np.zeros((len(symbols), width), dtype=np.int64)
    whole = np.ones(code.shape, dtype=bool)
    for lag in range(length):
        part = symbols[:, lag : lag + width]
        code = code * n_symbols + part
        whole &= part >= 0
    return np.where(whole, code, -1)


def counts(one: Ints, two: Ints, length: int, n_symbols: int) -> tuple[Floats, Floats]:
    """Count the words of two sets, each (sequence, word), over the words that either holds."""
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
    """Return the Jensen-Shannon divergence (nats, 0 to ln 2) of counts (..., word) (Lin 1991)."""
    p, q = (part / part.sum(axis=-1, keepdims=True) for part in (one, two))
    middle = (p + q) / 2
    divergence: Floats = _entropy(middle) - (_entropy(p) + _entropy(q)) / 2
    return np.maximum(divergence, 0.0)


def _entropy(distribution: Floats) -> Floats:
    terms: Floats = -(distribution * np.log(np.where(distribution > 0, distribution, 1.0))).sum(
        axis=-1
    )
    return terms


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
    one, two : (sequence, time) symbols, -1 past a sequence's end.
    n_resamples : of the bootstrap, and of the null.

    Returns
    -------
    DataFrame
        ``n, value, low, high, null, p``. Finite sets of one source differ too: ``null`` is the
        mean over random exchanges of whole sequences between the sets, ``p`` the share of
        exchanges that differ as much, (1 + #) / (1 + n_resamples).

    Raises
    ------
    DataError
        When a set holds no word of a length.
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
        drawn = jensen_shannon(*(resampled(part, n_resamples, rng) for part in parts))
        both = np.concatenate(parts)
        chosen = rng.permuted(
            np.tile(np.arange(len(both)) < len(one), (n_resamples, 1)), axis=1
        ).astype(np.float64)
        null = jensen_shannon(chosen @ both, (1 - chosen) @ both)
        low, high = interval(drawn)
        p = (1 + int((null >= value).sum())) / (1 + n_resamples)
        rows.append((length, value, low, high, float(null.mean()), p))
    return pd.DataFrame(rows, columns=["n", "value", "low", "high", "null", "p"])
