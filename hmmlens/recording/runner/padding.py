"""Run batches of sequences of different lengths so that padding never enters a recorded state.

The states of a sequence are those that the module has on that sequence alone. A causal module may
read sequences padded at the end: what it does there comes after everything that is kept. A module
that reads backwards, pools, attends, normalises or convolves over time may not, so its sequences
are run in groups of equal length, without padding.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hmmlens.errors import DataError, one_line
from hmmlens.recording.inputs import PaddingReadError
from hmmlens.recording.runner.batch import Batch
from hmmlens.recording.runner.differences import Recording, by_rounding, differ, part
from hmmlens.recording.runner.length_groups import join_batches, of_length
from hmmlens.recording.runner.torch_module import Runner

log = logging.getLogger(__name__)

#: Lengths of a batch, evenly spaced and the shortest among them, on which padding is tested.
N_LENGTHS = 8


class Padded:
    """Runs batches through a :class:`Runner`, padded where that is the same as no padding.

    Parameters
    ----------
    runner : Runner
        Of the module.

    Attributes
    ----------
    by_length : bool
        Whether sequences of equal length are run together, without padding.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner, self.by_length = runner, False
        #: Why padding may have entered the states; empty where it has not.
        self._doubt = ""
        self._tested = runner.packs
        self._square = False

    def settle(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Decide from one batch how to run all, for a recording that is continued.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            A batch with padding.
        lengths : ndarray of shape (sequence,)
            Steps of each sequence.
        """
        self.by_length = self._padding_enters(blank(inputs, lengths), lengths)
        self._tested = True

    def run(self, inputs: NDArray[Any], lengths: NDArray[np.int64], verify: bool) -> Batch:
        """Run one batch; see :meth:`Runner.run`.

        The first batch with padding, and all that are verified, show whether padding is read.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        verify : bool
            Replay all layers and the rest of the module.

        Returns
        -------
        Batch
            The states and the output.

        Raises
        ------
        DataError
            When the states do not replay, or do not fit the input.
        PaddingReadError
            When padding is read. From then on, sequences of equal length are run together; what
            was recorded before is to be recorded anew.
        """
        inputs = blank(inputs, lengths)
        n, n_steps = inputs.shape[:2]
        if self.by_length:
            groups = [(rows, int(lengths[rows[0]])) for rows in of_length(lengths)]
            return join_batches(
                groups, [self._group(inputs, lengths, r, k, verify) for r, k in groups], n
            )
        batch = self.runner.run(inputs, lengths, verify)
        if n == n_steps > 1 and not self._square:
            self._refuse_time_first(inputs, lengths)
        if (lengths < n_steps).any() and (verify or not self._tested) and not self.runner.packs:
            self.by_length = self._padding_enters(inputs, lengths)
            if self.by_length:
                raise PaddingReadError
            self._tested = True
        return batch._replace(doubt=lambda: batch.doubt() or self._doubt)

    def _group(
        self,
        inputs: NDArray[Any],
        lengths: NDArray[np.int64],
        rows: NDArray[np.int64],
        length: int,
        verify: bool,
    ) -> Batch:
        try:
            return self.runner.run(inputs[rows, :length], lengths[rows], verify)
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"the network fails on sequences of {length} steps, which run without padding "
                f"because it reads padding: {one_line(error)}"
            ) from error

    def _refuse_time_first(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Raise the error of a module that takes steps for sequences, as many as there are."""
        self._square = True
        try:
            # With one sequence less it can be seen.
            with torch.random.fork_rng(devices=[]):
                self.runner.states_of_batch(inputs[:-1], lengths[:-1])
        except DataError as error:
            raise DataError(
                "the module reads the sequences as steps; give batch_first=False, because it takes "
                "(time, sequence, ...)"
            ) from error
        except Exception:
            # The module takes batches of one size only.
            return

    def _padding_enters(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> bool:
        """Return whether sequences alone give other states than in a padded batch."""
        self._doubt = ""
        groups = of_length(lengths)
        some = np.linspace(0, len(groups) - 1, N_LENGTHS).round().astype(int)
        # The random state is left as it was, so that modules with noise give what they gave.
        with torch.random.fork_rng(devices=[]):
            padded = self.runner.states_of_batch(inputs, lengths)
            if differ(padded, self.runner.states_of_batch(inputs, lengths), inputs.shape[1]):
                self._doubt = "the module gives other states when it runs again"
                return False
            for rows in (groups[i] for i in np.unique(some)):
                length = int(lengths[rows[0]])
                if length == inputs.shape[1]:
                    continue
                try:
                    alone = self.runner.states_of_batch(inputs[rows, :length], lengths[rows])
                except Exception as error:
                    # Whatever a module raises that takes a fixed number of steps.
                    if self._reads(inputs, lengths, padded):
                        self._doubt = (
                            "padding enters the states, and the module does not run on a sequence "
                            f"without it ({one_line(error)})"
                        )
                    return False
                in_batch = part(padded, rows)
                if differ(in_batch, alone, length):
                    if self._reads(inputs, lengths, padded) or not by_rounding(
                        in_batch, alone, length
                    ):
                        log.info(
                            "the network reads padding, so sequences of equal length are run "
                            "together, without it"
                        )
                        return True
                    return False
        return False

    def _reads(self, inputs: NDArray[Any], lengths: NDArray[np.int64], padded: Recording) -> bool:
        """Return whether other values in the padding change anything that is kept."""
        changed = self.runner.states_of_batch(filled_padding(inputs, lengths), lengths)
        return any(
            differ(part(padded, rows), part(changed, rows), int(lengths[rows[0]]))
            for rows in of_length(lengths)
        )


def blank(inputs: NDArray[Any], lengths: NDArray[np.int64], value: Any = 0) -> NDArray[Any]:
    """Return inputs with one value in the padding.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time, ...)
        Sequences.
    lengths : ndarray of shape (sequence,)
        Their steps.
    value : number, default=0
        The value past the end of each sequence.

    Returns
    -------
    ndarray of shape (sequence, time, ...)
        The same array where nothing is padded.
    """
    past = np.arange(inputs.shape[1]) >= lengths[:, None]
    if not past.any():
        return inputs
    inputs = inputs.copy()
    inputs[past] = value
    return inputs


def filled_padding(inputs: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Return inputs whose padding holds the largest value of each feature.

    Every module can read them, also where a feature is a symbol.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time, ...)
        Sequences.
    lengths : ndarray of shape (sequence,)
        Their steps.

    Returns
    -------
    ndarray of shape (sequence, time, ...)
        Changed in the padding alone.
    """
    inside = np.arange(inputs.shape[1]) < lengths[:, None]
    frames = np.nan_to_num(inputs[inside])
    largest = frames.max(axis=0)
    largest = np.where(largest == 0, frames.min(axis=0), largest)
    if not largest.any() and inputs.dtype.kind == "f":
        largest = np.ones_like(largest)
    return blank(inputs, lengths, largest)
