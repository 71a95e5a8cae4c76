"""Inputs with missing values are recorded where the network itself takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.recording.runner.batch import Batch
from hmmlens.recording.verification.outputs import real
from hmmlens.recording.verification.replay import NotANumberError
from hmmlens.typing import Bools, Int64s, Ints


class Missing:
    """Which inputs of a batch are missing.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time, ...)
        What a network reads, NaN where a value is missing.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    numbers : ndarray of shape (sequence,)
        Number of each sequence, for messages.
    columns : sequence of str, optional
        Names of the columns, for messages.
    """

    def __init__(
        self,
        inputs: NDArray[Any],
        lengths: Int64s,
        numbers: Ints,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.inside: Bools = np.arange(inputs.shape[1]) < lengths[:, None]
        self.numbers, self.columns = numbers, columns
        self.places: Bools | None = None
        if inputs.dtype.kind == "f":
            places = np.isnan(inputs).reshape(*inputs.shape[:2], -1) & self.inside[..., None]
            self.places = places if places.any() else None

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name the first missing input in the error of states that are NaN.

        Yields
        ------
        None

        Raises
        ------
        DataError
            With the first sequence, step and column, and what is NaN.
        """
        try:
            yield
        except NotANumberError as error:
            if self.places is None:
                raise
            row = int(np.argwhere(self.places)[0, 0])
            raise self._error(row, str(error).partition(";")[0]) from error

    def refuse_untaken(self, batch: Batch) -> None:
        """Refuse missing inputs that make what a network returns NaN.

        Parameters
        ----------
        batch : Batch
            Its output, or states where it returned nothing.

        Raises
        ------
        DataError
            With the first sequence, step and column that is missing where the output is NaN.
        """
        if self.places is None:
            return
        returned = batch.output
        what = "its output for this sequence is NaN"
        if returned is None:
            returned = list(batch.nodes.values())[-1].arrays["hidden"]
            what = "its states for this sequence are NaN"
        values = real(returned, "the output").isnan().cpu().numpy()
        if values.ndim > 1 and values.shape[1] == self.inside.shape[1]:
            values = values & self.inside.reshape(*self.inside.shape, *[1] * (values.ndim - 2))
        bad = values.reshape(len(values), -1).any(axis=1)
        rows = np.flatnonzero(self.places.any(axis=(1, 2)) & bad)
        if len(rows):
            raise self._error(int(rows[0]), what)

    def _error(self, row: int, what: str) -> DataError:
        assert self.places is not None
        step, column = np.argwhere(self.places[row])[0]
        name = f"feature {column}" if self.columns is None else f"column {self.columns[column]!r}"
        return DataError(
            f"the network does not take missing values: the inputs are NaN at sequence "
            f"{self.numbers[row]}, step {step}, {name}, and {what}; fill what is missing, or give "
            "a network that reads it, such as one with a mask"
        )
