"""The sequences that go through a network, batch by batch, and which steps of them are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arrays, ragged
from hmmlens.errors import DataError
from hmmlens.typing import Int64s


class RestartError(Exception):
    """A batch shows that those before it were not run as they should have been."""


class PaddingReadError(RestartError):
    """A batch shows that a module reads padding, after others have been run padded."""


class Source:
    """Sequences of any kind of array, padded where they are ragged.

    Parameters
    ----------
    inputs : array_like of shape (sequence, time) or (sequence, time, feature, ...)
        Symbols or values, as anything that slices like an array (NumPy, torch, Zarr, xarray), read
        batch by batch; or a list of sequences, each (time) or (time, feature), which are padded
        with zeros. See :mod:`hmmlens.arrays`.
    lengths : array_like of shape (sequence,), optional
        None where all sequences are whole, or the inputs carry their lengths.

    Raises
    ------
    DataError
        When shapes or lengths do not fit.
    """

    def __init__(self, inputs: Any, lengths: Any = None) -> None:
        arrays.refuse_containers(inputs, "inputs")
        if hasattr(inputs, "columns") and hasattr(inputs, "groupby"):
            raise DataError(
                "inputs is a DataFrame, which does not show where a sequence ends; give a list of "
                "arrays, such as [part[columns].to_numpy() for _, part in frame.groupby('id')]"
            )
        inputs, ends = ragged.taken_along(inputs, lengths, "inputs")
        listed = arrays.as_list(inputs)
        self.listed = listed is not None or isinstance(inputs, list | tuple)
        self.inputs: Any = inputs
        if self.listed:
            parts = []
            for i, part in enumerate(inputs if listed is None else listed):
                whole, _ = ragged.taken_along(part, None, f"inputs[{i}]")
                sliced = hasattr(whole, "shape")
                parts.append(whole if sliced else arrays.numbers(whole, f"inputs[{i}]"))
            if not parts or any(not part.ndim or not len(part) for part in parts):
                raise DataError(
                    "inputs: a list must hold at least one sequence, none of them empty"
                )
            own = np.array([len(part) for part in parts])
            if ends is not None and len(set(own)) > 1 and not np.array_equal(ends, own):
                raise DataError("a list of sequences has its lengths already; leave lengths out")
            ends = own if ends is None else ends
            steps = [tuple(part.shape[1:]) for part in parts]
            for index, step in enumerate(steps):
                if step != steps[0]:
                    raise DataError(
                        f"inputs: a step of sequence {index} has the shape {step}, one of sequence "
                        f"0 {steps[0]}"
                    )
            self.inputs = parts
            self.shape: tuple[int, ...] = (len(parts), int(own.max()), *steps[0])
        else:
            if not hasattr(inputs, "shape"):
                self.inputs = arrays.numbers(inputs, "inputs")
            self.shape = tuple(map(int, self.inputs.shape))
        if len(self.shape) < 2 or 0 in self.shape:
            raise DataError(
                "inputs must be (sequence, time) or (sequence, time, feature) and not empty, "
                f"found the shape {self.shape}"
            )
        inside = ragged.steps_inside(ends, self.shape[0], self.shape[1])
        self.lengths: Int64s = inside.sum(axis=1, dtype=np.int64)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_steps(self) -> int:
        """Return the steps of the longest sequence, or of the padded array.

        Returns
        -------
        int
            Steps.
        """
        return self.shape[1]

    @property
    def ragged(self) -> bool:
        """Return whether any step is padded.

        Returns
        -------
        bool
            Whether a sequence is shorter than the longest.
        """
        return bool((self.lengths < self.n_steps).any())

    def batch(self, rows: slice) -> NDArray[Any]:
        """Return some sequences.

        Parameters
        ----------
        rows : slice
            Which sequences.

        Returns
        -------
        ndarray of shape (sequence, time, ...)
            Padded with zeros.
        """
        if not self.listed:
            return arrays.numbers(self.inputs[rows], "inputs")
        first = rows.start or 0
        parts = [
            arrays.numbers(sequence, f"inputs[{first + i}]")
            for i, sequence in enumerate(self.inputs[rows])
        ]
        batch = np.zeros((len(parts), *self.shape[1:]), dtype=np.result_type(*parts))
        for row, sequence in zip(batch, parts, strict=True):
            row[: len(sequence)] = sequence
        return batch


def digest(inputs: NDArray[Any], lengths: Int64s) -> str:
    """Return a hash of one batch.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time, ...)
        Its sequences.
    lengths : ndarray of shape (sequence,)
        Their steps.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    sha = hashlib.sha256(f"{inputs.dtype} {inputs.shape}".encode())
    sha.update(np.ascontiguousarray(inputs).data)
    sha.update(np.ascontiguousarray(lengths).data)
    return sha.hexdigest()[:32]


def step_index(n_steps: int, steps: slice | Sequence[int] | None, warm_up: int) -> Int64s:
    """Return the steps that are kept.

    Parameters
    ----------
    n_steps : int
        Steps of the sequences.
    steps : slice or sequence of int or None
        A slice or rising step numbers, or None for all.
    warm_up : int
        Steps to drop from the beginning of every sequence.

    Returns
    -------
    ndarray of shape (kept,)
        Step numbers, rising.

    Raises
    ------
    DataError
        When a step does not exist, or none is left.
    """
    every = np.arange(n_steps)
    if isinstance(steps, slice):
        index = every[steps]
    else:
        index = every if steps is None else np.asarray(steps, dtype=np.int64)
    if index.ndim != 1 or (np.diff(index) <= 0).any() or (index < 0).any():
        raise DataError("steps must be whole numbers from 0, each larger than the one before it")
    if len(index) and index[-1] >= n_steps:
        raise DataError(f"steps: there is no step {index[-1]}, the last one is {n_steps - 1}")
    if warm_up < 0:
        raise DataError(f"warm_up must be 0 or more, found {warm_up}")
    index = index[index >= warm_up]
    if not len(index):
        raise DataError(f"no step is left of {n_steps} with a warm-up of {warm_up}")
    return index


def kept_lengths(lengths: Int64s, index: Int64s) -> Int64s:
    """Return how many of the kept steps lie within each sequence.

    Parameters
    ----------
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    index : ndarray of shape (kept,)
        The steps that are kept.

    Returns
    -------
    ndarray of shape (sequence,)
        Kept steps of each sequence.

    Raises
    ------
    DataError
        When a sequence has none.
    """
    kept: Int64s = np.searchsorted(index, lengths)
    empty = np.flatnonzero(kept == 0)
    if len(empty):
        raise DataError(
            f"sequence {empty[0]} has {lengths[empty[0]]} steps, and none of them is kept; "
            "leave it out, or drop fewer steps"
        )
    return kept
