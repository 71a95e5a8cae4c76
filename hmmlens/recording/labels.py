"""Labels that a caller gives with sequences in memory: true states of steps, and the split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import ragged
from hmmlens.datasets.own.words import by_number
from hmmlens.errors import DataError
from hmmlens.recording.inputs import Source

#: The largest true state that a store holds.
MOST_STATES = 2**15 - 1


def truth_codes(
    truth: Any, source: Source, order: Sequence[str] | None
) -> tuple[NDArray[np.int64], list[str] | None]:
    """Return the true states of steps as numbers.

    Parameters
    ----------
    truth : array_like of shape (sequence, time) or None
        Whole numbers, or words.
    source : Source
        The inputs that they belong to.
    order : sequence of str or None
        Order of the words; None sorts them.

    Returns
    -------
    codes : ndarray of shape (sequence, time)
        -1 where unknown and past each end.
    words : list of str or None
        The word of each code.

    Raises
    ------
    DataError
        When shapes do not fit, or a label is neither a word nor a whole number from -1.
    """
    shape = source.shape[:2]
    if truth is None:
        return np.full(shape, -1), None
    found = ragged.given(truth, None, "truth", words=True)
    inside = np.arange(shape[1]) < source.lengths[:, None]
    values, missing = _as_long(found, source)
    unknown = ~inside | missing
    if values.dtype.kind == "U":
        return _of_words(np.where(unknown, "", values), order)
    unknown |= np.isnan(values) if values.dtype.kind == "f" else False
    whole = np.where(unknown, -1, values)
    bad = np.argwhere((whole != np.floor(whole)) | (whole < -1) | (whole > MOST_STATES))
    if len(bad):
        sequence, step = (int(i) for i in bad[0])
        raise DataError(
            f"truth holds {values[sequence, step]} at sequence {sequence}, step {step}; whole "
            f"numbers from 0 to {MOST_STATES} are needed, or -1 where it is unknown"
        )
    return whole.astype(np.int64), None


def _as_long(found: ragged.Given, source: Source) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return labels and what is missing, as many steps as the inputs have."""
    shape = source.shape[:2]
    values = found.values
    missing = np.zeros(values.shape, dtype=bool) if found.missing is None else found.missing
    if found.lengths is not None and values.ndim == 2:
        n = min(len(found.lengths), shape[0])
        other = np.flatnonzero(found.lengths[:n] != source.lengths[:n])
        if len(other):
            raise DataError(
                f"truth has {found.lengths[other[0]]} steps of sequence {other[0]}, the inputs "
                f"have {source.lengths[other[0]]}"
            )
        more = max(0, shape[1] - values.shape[1])
        values = np.pad(values, ((0, 0), (0, more)))[:, : shape[1]]
        missing = np.pad(missing, ((0, 0), (0, more)))[:, : shape[1]]
    if values.shape != shape:
        raise DataError(f"truth has shape {values.shape}; {shape} is needed, a label for each step")
    return values, missing


def _of_words(
    labels: NDArray[np.str_], order: Sequence[str] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Return codes of words, -1 for none, and the words in the order of their codes."""
    found = sorted(set(labels.ravel().tolist()) - {"", "-1"}, key=by_number)
    words = found if order is None else [str(word) for word in order]
    missing = sorted(set(found) - set(words))
    if missing:
        raise DataError(f"names['truth'] lacks the label {missing[0]!r}, which truth holds")
    codes = {word: code for code, word in enumerate(words)}
    different, place = np.unique(labels, return_inverse=True)
    each = np.array([codes.get(word, -1) for word in different.tolist()], dtype=np.int64)
    return each[place.reshape(labels.shape)], words


def split_codes(split: Any, n_sequences: int, parts: Sequence[str]) -> NDArray[np.int64]:
    """Return the split of each sequence.

    Parameters
    ----------
    split : array_like of shape (sequence,)
        0 train, 1 select, 2 test, or the words.
    n_sequences : int
        Sequences.
    parts : sequence of str
        The words, in the order of their numbers.

    Returns
    -------
    ndarray of shape (sequence,)
        0 train, 1 select, 2 test.

    Raises
    ------
    DataError
        When it is something else, or a part has no sequence.
    """
    given = ragged.given(split, None, "split", words=True).values
    if given.dtype.kind == "U":
        codes = {name: code for code, name in enumerate(parts)}
        flat = [codes.get(str(word), -1) for word in given.ravel()]
        given = np.array(flat).reshape(given.shape)
    if given.shape != (n_sequences,) or set(np.unique(given)) != {0, 1, 2}:
        raise DataError(
            "split must give each sequence 0 (train), 1 (select) or 2 (test), each at least once; "
            f"found shape {given.shape} with {sorted(set(given.ravel().tolist()))}"
        )
    return given.astype(np.int64)
