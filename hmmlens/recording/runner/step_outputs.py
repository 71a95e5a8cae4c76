"""Run batches through modules that return one output for each sequence, and return one per step.

The output at a step is what the module returns for the sequence up to this step (its prefix), or
from this step on (its suffix), see :mod:`hmmlens.recording.runner.part_outputs`. Outputs of
prefixes are compared with those of runs of the module on the prefixes, on a sample of the steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.inputs import RestartError
from hmmlens.recording.runner.batch import Batch, Node, StepCheck
from hmmlens.recording.runner.differences import limit
from hmmlens.recording.runner.padding import Padded, blank
from hmmlens.recording.runner.part_outputs import (
    BY,
    Part,
    PartOutputs,
    Way,
    difference,
    flat,
    sampled_steps,
)

#: Of the steps at which outputs are compared, the first so many show whether a layer reads later
#: inputs: afterwards a chaotic network may differ by rounding that has grown.
N_STATES_CHECKED = 2


class StepOutputs:
    """Runs batches through a module and returns an output for every step.

    Parameters
    ----------
    padded : Padded
        Runs the module.
    part : {"prefix", "suffix"}
        Whether the output at a step is that of the steps up to it, or from it on.
    """

    def __init__(self, padded: Padded, part: Part) -> None:
        self.padded, self.runner = padded, padded.runner
        self._parts = PartOutputs(padded.runner, part)
        self._one_each: bool | None = None

    @property
    def by_length(self) -> bool:
        """Return whether sequences of equal length are run together, without padding.

        Returns
        -------
        bool
            See :class:`hmmlens.recording.runner.padding.Padded`.
        """
        return self.padded.by_length

    def settle(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Decide from one batch how to run all, for a recording that is continued.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            A batch, with padding where there is any.
        lengths : ndarray of shape (sequence,)
            Steps of each sequence.
        """
        if (lengths < inputs.shape[1]).any():
            self.padded.settle(inputs, lengths)
        self.outputs(inputs, lengths)

    def run(self, inputs: NDArray[Any], lengths: NDArray[np.int64], verify: bool) -> Batch:
        """Run one batch; see :meth:`hmmlens.recording.runner.padding.Padded.run`.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        verify : bool
            Replay the module, and compare outputs with those of runs on prefixes.

        Returns
        -------
        Batch
            The states, and an output (sequence, time, output).

        Raises
        ------
        DataError
            When the module does not run on a prefix.
        RestartError
            When the outputs of this batch show that another way of computing them is needed.
        """
        batch = self.padded.run(inputs, lengths, verify)
        if batch.output is None:
            return batch
        inputs = blank(inputs, lengths)
        # Its steps may be those of the padding.
        if not self._returns_one_each(batch.output, inputs, lengths):
            return batch._replace(output=flat(batch.output, 2))
        inputs = inputs[:, : int(lengths.max())]
        known, ends = self._parts.way is not None, batch.output
        if ends.ndim == 2 and ends.shape[0] == ends.shape[1] and not self.runner.batch_first:
            # As many sequences as outputs, which may have been taken for steps.
            ends = self._again(inputs, lengths)
        ends = flat(ends, 1)
        output = self._parts.of_steps(inputs, lengths, 0)
        error = math.nan
        later = False
        if self._parts.part == "prefix":
            last = output[torch.arange(len(lengths)), torch.from_numpy(lengths) - 1]
            error = difference(last, ends)
            fits = error <= limit(ends)
            if verify or not known:
                gap, later = self._differences(inputs, lengths, output, batch.nodes)
                error = max(error, gap)
                fits &= gap <= limit(output)
            if not fits:
                # Runs that differ among each other show nothing about the way.
                if self._parts.way == Way.RUNS:
                    error, later = math.nan, False
                else:
                    assert self._parts.way is not None
                    self._parts.way = Way(self._parts.way + 1)
                    raise RestartError
        assert self._parts.way is not None
        both = any(name.endswith("_reverse") for name in batch.nodes)
        check = StepCheck(self._parts.part, BY[self._parts.way], error, later, both)
        return batch._replace(output=output, steps=check)

    def outputs(self, inputs: NDArray[Any], lengths: NDArray[np.int64], first: int = 0) -> Tensor:
        """Return outputs from a step on, unchecked but for the choice of the way to compute them.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        first : int, optional
            The first step whose output is needed.

        Returns
        -------
        Tensor of shape (sequence, time - first, output)
            The outputs.

        Raises
        ------
        DataError
            When the module returns no tensor with an entry for each sequence.
        """
        if not self._one_each:
            output = self.runner.output(inputs, lengths)
            if output is None:
                raise DataError("the network returns no tensor with an entry for each sequence")
            if not self._returns_one_each(output, inputs, lengths):
                return flat(output, 2)[:, first:]
        return self._parts.of_steps(blank(inputs, lengths)[:, : int(lengths.max())], lengths, first)

    def _returns_one_each(
        self, output: Tensor, inputs: NDArray[Any], lengths: NDArray[np.int64]
    ) -> bool:
        """Return whether the module has an output for each sequence, whatever its steps."""
        if self._one_each is None:
            n_steps = int(lengths.max())
            timed = output.ndim > 1 and output.shape[1] in (n_steps, inputs.shape[1])
            if output.ndim < 2 or n_steps < 2 or (timed and output.ndim > 2):
                self._one_each = not timed
            else:
                # As many outputs as steps, or steps of the output's own: with fewer it can be seen.
                rows = np.flatnonzero(lengths == n_steps)
                self.runner.one_each = True
                whole, part = (
                    self._parts.run(inputs[rows, :n], one_each=False)
                    for n in (n_steps, n_steps // 2)
                )
                self._one_each = whole.shape == part.shape
            self.runner.one_each = self._one_each
        return self._one_each

    def _again(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> Tensor:
        """Return the output of a batch, now that it is known to have no steps."""
        output = self.padded.run(inputs, lengths, False).output
        assert output is not None
        return output

    def _differences(
        self,
        inputs: NDArray[Any],
        lengths: NDArray[np.int64],
        output: Tensor,
        nodes: Mapping[str, Node],
    ) -> tuple[float, bool]:
        """Return the largest difference to runs on prefixes, and whether states read ahead."""
        gaps, later = [], False
        for place, t in enumerate(sampled_steps(inputs.shape[1])):
            rows = np.flatnonzero(lengths > t)
            there = torch.from_numpy(rows)
            alone = self._parts.of_step(t, inputs, lengths)
            gaps.append(difference(output[there.to(output.device), t], alone))
            if place >= N_STATES_CHECKED:
                continue
            states = self.runner.states_of_batch(inputs[rows, : t + 1], np.full(len(rows), t + 1))
            for name, node in nodes.items():
                hidden = node.arrays["hidden"]
                timed = hidden.shape[1] in (inputs.shape[1], int(lengths.max()))
                own = states.get(name)
                if name.endswith("_reverse") or not timed or own is None or own.shape[1] != t + 1:
                    continue
                now = hidden[there.to(hidden.device), t]
                later |= difference(own[:, t], now) > limit(now)
        return max(gaps), later
