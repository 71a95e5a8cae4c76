"""What a sweep needs to know of its data before EM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.hmm import selection
from hmmlens.hmm.engine import streams
from hmmlens.hmm.engine.streams import ChunkedData, DataSummary
from hmmlens.hmm.selection import SampleSizes
from hmmlens.observations import Sequences

#: Of data that are read in chunks, correlations are computed on whole sequences of so many frames.
SEQUENCE_FRAMES = 200_000


def summarise_data(data: ChunkedData, n_states: int) -> tuple[DataSummary, SampleSizes]:
    """Return the moments of the data, and how many independent frames they hold.

    All frames in memory are used. Of data that are read in chunks, the sample for the
    initialisations and the correlations are those of a part.

    Parameters
    ----------
    data : ChunkedData
        Checked data.
    n_states : int
        The largest number of states that will be fitted.

    Returns
    -------
    tuple of (DataSummary, SampleSizes)
        The covariance has the number of frames in the denominator; in memory it holds the
        variances alone.

    Raises
    ------
    DataError
        When there are fewer frames than states.
    """
    if data.once is None:
        seen = streams.summarise(data, n_states)
        some = whole_sequences(data, SEQUENCE_FRAMES)
        sizes = selection.sample_sizes(some.frames, some.lengths)
        n_effective = seen.n_frames * sizes.n_effective / sizes.n_frames
        # With the number of frames in the denominator, as numpy.var has it.
        covariance = seen.covariance * ((seen.n_frames - 1) / seen.n_frames)
        sizes = SampleSizes(seen.n_frames, seen.n_sequences, n_effective)
        return replace(seen, covariance=covariance), sizes
    frames, lengths = data.once.observed, data.once.lengths
    if len(frames) < n_states:
        raise DataError(
            f"X has {len(frames)} frames, fewer than n_states={n_states}; "
            "give more data or smaller state counts"
        )
    sizes = selection.sample_sizes(data.once.frames, lengths)
    counts = len(frames), len(lengths)
    if frames.ndim == 1:
        return DataSummary(*counts, None, np.zeros((0, 0)), int(frames.max()), frames), sizes
    # Of the covariance, the variances are enough here.
    variance = np.diag(frames.var(axis=0))
    return DataSummary(*counts, frames.mean(axis=0), variance, -1, frames), sizes


def whole_sequences(data: ChunkedData, most_frames: int) -> Sequences:
    """Return some sequences, spread evenly over the data.

    Parameters
    ----------
    data : ChunkedData
        Checked data.
    most_frames : int
        About as many frames are returned.

    Returns
    -------
    Sequences
        Whole sequences.
    """
    kept: list[NDArray[Any]] = []
    every, number = 1, 0
    for chunk in data.chunks():
        starts = np.cumsum(chunk.lengths) - chunk.lengths
        for start, length in zip(starts, chunk.lengths, strict=True):
            if number % every == 0:
                kept.append(chunk.frames[start : start + length].copy())
                if sum(map(len, kept)) > most_frames and len(kept) > 1:
                    kept, every = kept[::2], 2 * every
            number += 1
    return Sequences(np.concatenate(kept), np.array([len(one) for one in kept]), None)
