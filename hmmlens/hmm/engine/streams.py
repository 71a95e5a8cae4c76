"""Data that come in chunks, in memory or from a disk.

EM needs sums over all frames and nothing else, so a pass over chunks gives exactly what a pass
over the whole gives, with one chunk in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.arrays import is_labelled, ordered
from hmmlens.errors import DataError
from hmmlens.observations import Sequences
from hmmlens.ragged import given, whole_lengths
from hmmlens.typing import Floats

Check = Callable[[Any, ArrayLike | None, ArrayLike | None], Sequences]

#: Frames that are kept for the start when the data do not fit into memory.
SAMPLE_FRAMES = 20_000


@dataclass
class ChunkedData:
    """Data that can be read again and again.

    Attributes
    ----------
    once : Sequences or None
        The data, where they are in memory already.
    chunks : callable
        Returns an iterator over checked chunks.
    """

    once: Sequences | None
    chunks: Callable[[], Iterator[Sequences]]


@dataclass
class DataSummary:
    """Counts and moments of the data from one pass.

    Attributes
    ----------
    n_frames, n_sequences : int
        Numbers of observed frames and of sequences.
    centre : ndarray of shape (component,) or None
        Mean; None for symbols.
    covariance : ndarray of shape (component, component)
        Of the whole data with N - 1 in the denominator.
    largest : int
        The largest symbol; -1 for values.
    sample : ndarray of shape (frame, component) or (frame,)
        Frames for the initialisation: all, or :data:`SAMPLE_FRAMES` spread over the data.
    """

    n_frames: int
    n_sequences: int
    centre: Floats | None
    covariance: Floats
    largest: int
    sample: NDArray[Any]

    @property
    def n_components(self) -> int:
        """Components of a frame.

        Returns
        -------
        int
            1 for symbols.
        """
        return 1 if self.centre is None else len(self.centre)


def chunked(
    X: Any, lengths: ArrayLike | None, mask: ArrayLike | None, check: Check, memory_limit: int
) -> ChunkedData:
    """Make data readable in chunks.

    Parameters
    ----------
    X, lengths, mask : array_like or callable
        See :meth:`hmmlens.GaussianHMM.fit`.
    check : callable
        Returns a chunk as :class:`Sequences`.
    memory_limit : int
        Bytes; slices of Zarr and dask arrays are an eighth of it.

    Returns
    -------
    ChunkedData
        In memory where ``X`` is an array there.

    Raises
    ------
    DataError
        When ``X`` is an iterator, which could be read only once.
    """
    if callable(X) and not hasattr(X, "shape"):
        if lengths is not None or mask is not None:
            raise DataError(
                "lengths and mask cannot be given with a function; yield (array, lengths, mask)"
            )
        return ChunkedData(None, lambda: _called(X, check))
    if isinstance(X, Iterator):
        raise DataError(
            "X is an iterator, and EM reads the data many times; give a function that returns one"
        )
    inner = X.data if is_labelled(X) else X
    if not isinstance(inner, np.ndarray) and hasattr(inner, "chunks") and hasattr(inner, "shape"):
        return ChunkedData(None, lambda: _sliced(X, lengths, mask, check, memory_limit))
    whole = check(X, lengths, mask)
    return ChunkedData(whole, lambda: iter([whole]))


def _called(give: Callable[[], Any], check: Check) -> Iterator[Sequences]:
    number = -1
    chunks = give()
    if not isinstance(chunks, Iterable):
        raise DataError(f"X returns {type(chunks).__name__}; let it return an iterator over chunks")
    for number, chunk in enumerate(chunks):
        parts = chunk if isinstance(chunk, tuple) else (chunk,)
        if len(parts) > 3:
            raise DataError(
                f"X gives a tuple of {len(parts)} as chunk {number}; give (array, lengths, mask)"
            )
        with _locate_errors(f"chunk {number}"):
            checked = check(*parts, *[None] * (3 - len(parts)))
        yield checked
    if number < 0:
        raise DataError("X gives no chunk; let it return a new iterator at every call")


def _sliced(
    X: Any, lengths: ArrayLike | None, mask: ArrayLike | None, check: Check, memory_limit: int
) -> Iterator[Sequences]:
    # A DataArray stays one, and so keeps its coordinates.
    X = ordered(X, "X") if is_labelled(X) else X
    per_sequence = 8 * int(np.prod(X.shape[1:]))
    size = max(1, memory_limit // 8 // per_sequence)
    ends = None if lengths is None else whole_lengths(lengths)
    if ends is not None and ends.shape != X.shape[:1]:
        raise DataError(
            f"lengths has shape {ends.shape}; ({X.shape[0]},) is needed, one for each sequence"
        )
    marks = None if mask is None else given(mask, None, "mask").values
    if marks is not None and marks.shape != X.shape[:2]:
        raise DataError(
            f"mask has shape {marks.shape}; {X.shape[:2]} is needed, True where a frame is observed"
        )
    for first in range(0, X.shape[0], size):
        part = slice(first, min(first + size, X.shape[0]))
        piece = X[part] if is_labelled(X) else np.asarray(X[part])
        with _locate_errors(f"sequences from {first} on"):
            checked = check(piece, *(None if a is None else a[part] for a in (ends, marks)))
        if checked.inside is None:
            raise DataError(
                f"X has shape {X.shape}; what is read in slices must be (sequence, time, ...)"
            )
        yield checked


@contextmanager
def _locate_errors(part: str) -> Iterator[None]:
    """Add to errors that their positions count within a part of the data."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error} (counted within {part})") from error


def summarise(data: ChunkedData, n_states: int) -> DataSummary:
    """Read the data once.

    Parameters
    ----------
    data : ChunkedData
        Checked data.
    n_states : int
        The number of states that will be fitted.

    Returns
    -------
    DataSummary
        Counts and moments.

    Raises
    ------
    DataError
        When there are no frames, or fewer than ``n_states``.
    """
    if data.once is not None:
        frames = data.once.observed
        _enough(len(frames), n_states)
        if frames.ndim == 1:
            return DataSummary(
                len(frames), len(data.once.lengths), None, np.zeros((0, 0)), int(frames.max()),
                frames,
            )  # fmt: skip
        centre = frames.mean(axis=0)
        if len(frames) == 1:
            covariance = np.zeros((len(centre), len(centre)))
        else:
            covariance = np.cov(frames.T).reshape(len(centre), len(centre))
        return DataSummary(len(frames), len(data.once.lengths), centre, covariance, -1, frames)
    n_frames = n_sequences = 0
    largest = -1
    samples: list[NDArray[Any]] = []
    shift: Floats | None = None
    rng = np.random.default_rng(0)
    for chunk in data.chunks():
        frames = chunk.observed
        n_frames += len(frames)
        n_sequences += len(chunk.lengths)
        if frames.ndim == 1:
            largest = max(largest, int(frames.max()))
        else:
            if shift is None:
                # Sums around the first chunk's mean lose no digits to a large common mean.
                shift = frames.mean(axis=0)
                first, second = np.zeros_like(shift), np.zeros((len(shift), len(shift)))
            if frames.shape[1] != len(shift):
                raise DataError(
                    f"X gives chunks of {len(shift)} and of {frames.shape[1]} components; "
                    "give all frames the same"
                )
            apart = frames - shift
            first += apart.sum(axis=0)
            second += apart.T @ apart
        samples.append(frames[np.sort(rng.permutation(len(frames))[:SAMPLE_FRAMES])])
        if sum(map(len, samples)) > 2 * SAMPLE_FRAMES:
            samples = [_thin(samples, n_frames, rng)]
    _enough(n_frames, n_states)
    sample = np.concatenate(samples)
    if shift is None:
        return DataSummary(n_frames, n_sequences, None, np.zeros((0, 0)), largest, sample)
    away = first / n_frames
    covariance = (second - n_frames * np.outer(away, away)) / max(n_frames - 1, 1)
    return DataSummary(n_frames, n_sequences, shift + away, covariance, -1, sample)


def _thin(samples: list[NDArray[Any]], n_frames: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return about :data:`SAMPLE_FRAMES` of the frames kept so far."""
    joined = np.concatenate(samples)
    return joined[np.sort(rng.permutation(len(joined))[:SAMPLE_FRAMES])]


def _enough(n_frames: int, n_states: int) -> None:
    if n_frames == 0:
        raise DataError("X is empty; give at least one frame")
    if n_frames < n_states:
        raise DataError(
            f"X has {n_frames} frames, fewer than n_components={n_states}; "
            "give more data or a smaller number of states"
        )
