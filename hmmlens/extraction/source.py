"""The sequences that go through a network, batch by batch, and which steps of them are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

Indices = NDArray[np.int64]


class Source:
    """Sequences of any kind of array, padded where they are ragged.

    Parameters
    ----------
    inputs : (sequence, time) symbols or (sequence, time, feature, ...) values, as anything that
        slices like an array (NumPy, torch, Zarr, xarray), read batch by batch; or a list of
        sequences, each (time) or (time, feature), which are padded with zeros.
    lengths : (sequence), or None where all sequences are whole.

    Raises
    ------
    DataError
        When shapes or lengths do not fit.
    """

    def __init__(self, inputs: Any, lengths: Any = None) -> None:
        self.inputs, self.listed = inputs, isinstance(inputs, list | tuple)
        if self.listed:
            if lengths is not None:
                raise DataError("a list of sequences has its lengths already; leave lengths out")
            if not inputs or any(np.ndim(s) < 1 or not len(s) for s in inputs):
                raise DataError(
                    "inputs: a list must hold at least one sequence, none of them empty"
                )
            lengths = [len(s) for s in inputs]
            shape: tuple[int, ...] = (len(inputs), max(lengths), *np.shape(inputs[0])[1:])
            for index, sequence in enumerate(inputs):
                if np.shape(sequence)[1:] != shape[2:]:
                    raise DataError(
                        f"inputs: a step of sequence {index} has the shape "
                        f"{np.shape(sequence)[1:]}, one of sequence 0 {shape[2:]}"
                    )
        else:
            shape = tuple(getattr(inputs, "shape", ()))
        if len(shape) < 2 or 0 in shape:
            raise DataError(
                "inputs must be (sequence, time) or (sequence, time, feature) and not empty, "
                f"found the shape {shape}"
            )
        self.shape = shape
        full = np.full(shape[0], shape[1], dtype=np.int64)
        self.lengths: Indices = full if lengths is None else _lengths(lengths, shape)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_steps(self) -> int:
        """Steps of the longest sequence, or of the padded array."""
        return self.shape[1]

    @property
    def ragged(self) -> bool:
        """Whether any step is padded."""
        return bool((self.lengths < self.n_steps).any())

    def batch(self, rows: slice) -> NDArray[Any]:
        """Return some sequences (sequence, time, ...)."""
        if not self.listed:
            part = self.inputs[rows]
            part = part.detach().cpu() if hasattr(part, "detach") else part
            return _numbers(np.asarray(part))
        parts = [np.asarray(sequence) for sequence in self.inputs[rows]]
        batch = np.zeros((len(parts), *self.shape[1:]), dtype=np.result_type(*parts))
        for row, sequence in zip(batch, parts, strict=True):
            row[: len(sequence)] = sequence
        return _numbers(batch)


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise DataError(f"inputs must be numbers, found {values.dtype}")
    return values


def _lengths(lengths: Any, shape: tuple[int, ...]) -> Indices:
    values = np.asarray(lengths)
    if values.shape != shape[:1] or not np.issubdtype(values.dtype, np.integer):
        raise DataError(
            f"lengths must be a whole number for each of the {shape[0]} sequences, "
            f"found {values.dtype} of the shape {values.shape}"
        )
    wrong = np.flatnonzero((values < 1) | (values > shape[1]))
    if len(wrong):
        raise DataError(
            f"lengths: sequence {wrong[0]} has {values[wrong[0]]} steps, "
            f"wants from 1 to {shape[1]}, the steps of the inputs"
        )
    return values.astype(np.int64)


def digest(inputs: NDArray[Any], lengths: Indices) -> str:
    """Return a hash of one batch."""
    sha = hashlib.sha256(f"{inputs.dtype} {inputs.shape}".encode())
    sha.update(np.ascontiguousarray(inputs).data)
    sha.update(np.ascontiguousarray(lengths).data)
    return sha.hexdigest()[:32]


def step_index(n_steps: int, steps: slice | Sequence[int] | None, warm_up: int) -> Indices:
    """Return the steps that are kept, rising.

    Parameters
    ----------
    steps : a slice or rising step numbers, or None for all.
    warm_up : steps to drop from the beginning of every sequence.

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


def kept_lengths(lengths: Indices, index: Indices) -> Indices:
    """Return how many of the kept steps lie within each sequence.

    Raises
    ------
    DataError
        When a sequence has none.
    """
    kept: Indices = np.searchsorted(index, lengths)
    empty = np.flatnonzero(kept == 0)
    if len(empty):
        raise DataError(
            f"sequence {empty[0]} has {lengths[empty[0]]} steps, and none of them is kept; "
            "leave it out, or drop fewer steps"
        )
    return kept
