"""Outputs of a module on parts of sequences: up to each step (prefixes), or from it on (suffixes).

Those of prefixes are computed from the recorded states where this gives the same as runs of the
module on the prefixes, which is tested on a sample of the steps.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.errors import DataError, one_line
from hmmlens.recording.runner.differences import gap, limit
from hmmlens.recording.runner.length_groups import of_length
from hmmlens.recording.runner.prefix_replay import KeptStates, kept_states, returning
from hmmlens.recording.runner.torch_module import Runner

log = logging.getLogger(__name__)

#: Steps of a batch, evenly spaced, the first and the last among them, at which outputs are compared
#: with those of runs on prefixes.
N_CHECKED = 8

Part = Literal["prefix", "suffix"]


class Way(IntEnum):
    """How outputs of prefixes are computed, the least work first."""

    #: Every step is a sequence of its own, for what reads nothing but the last state.
    STEPS = 0
    #: The recorded states of each prefix go through the rest of the module.
    STATES = 1
    #: The module runs on each prefix.
    RUNS = 2


BY = {
    Way.STEPS: "computed from the recorded state of each step",
    Way.STATES: "computed from the recorded states of each prefix",
    Way.RUNS: "run on each",
}


class PartOutputs:
    """Runs a module on parts of sequences.

    Parameters
    ----------
    runner : Runner
        Runs the module.
    part : {"prefix", "suffix"}
        Whether the output at a step is that of the steps up to it, or from it on.

    Attributes
    ----------
    way : Way or None
        How outputs are computed; None until it is chosen.
    """

    def __init__(self, runner: Runner, part: Part) -> None:
        self.runner, self.part = runner, part
        self.way: Way | None = Way.RUNS if part == "suffix" else None

    def run(self, inputs: NDArray[Any], one_each: bool = True) -> Tensor:
        """Return the output on sequences of one length.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            The sequences, or a part of each.
        one_each : bool, default=True
            Whether the module is known to return one output for each sequence, for the message.

        Returns
        -------
        Tensor of shape (sequence, ...)
            What the module returns.

        Raises
        ------
        DataError
            When the module does not run on them, or returns nothing for each sequence.
        """
        n, n_steps = inputs.shape[:2]
        try:
            output = self.runner.output(inputs, np.full(n, n_steps))
        except DataError:
            raise
        except Exception as error:
            why = (
                "the network returns one output for each sequence, so it is run on parts of its "
                "sequences, and"
                if one_each
                else "the network is run on parts of its sequences to find out whether it returns "
                "an output for each step or one output for each sequence, and it"
            )
            raise DataError(
                f"{why} fails on parts of {n_steps} steps: {one_line(error)}"
            ) from error
        if output is None:
            raise DataError(f"the network returns no output for sequences of {n_steps} steps")
        return output

    def of_steps(self, inputs: NDArray[Any], lengths: NDArray[np.int64], first: int = 0) -> Tensor:
        """Return the outputs at all steps from one on.

        The first call chooses the way to compute them.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        first : int, default=0
            The first step whose output is needed.

        Returns
        -------
        Tensor of shape (sequence, time - first, output)
            The outputs, 0 past each end.

        Raises
        ------
        DataError
            See :meth:`run`.
        """
        kept: list[KeptStates] = []
        if self.way != Way.RUNS:
            kept = self._kept(inputs, lengths)
        if self.way is None:
            self.way = self._fitting_way(inputs, lengths, kept)
            log.info("outputs of %ses are %s", self.part, BY[self.way])
        if self.way == Way.STEPS:
            return self._by_steps(inputs, lengths, kept, first)
        if self.way == Way.RUNS:
            kept = []
        steps = range(first, inputs.shape[1])
        parts = [self.of_step(t, inputs, lengths, kept) for t in steps]
        whole = parts[-1].new_zeros(len(inputs), len(parts), parts[-1].shape[1])
        for place, (t, values) in enumerate(zip(steps, parts, strict=True)):
            whole[torch.from_numpy(lengths > t), place] = values
        return whole

    def _kept(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> list[KeptStates]:
        calls, found = self.runner.calls(inputs, lengths)
        inside = torch.arange(inputs.shape[1]) < torch.from_numpy(lengths)[:, None]
        return kept_states(calls, found, inside)

    def _fitting_way(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64], kept: list[KeptStates]
    ) -> Way:
        """Return the first way that gives the outputs of runs on some prefixes."""
        if not kept:
            return Way.RUNS
        some = sampled_steps(inputs.shape[1])
        wanted = [self.of_step(t, inputs, lengths) for t in some]
        for way in (Way.STEPS, Way.STATES):
            try:
                if way == Way.STEPS:
                    every = self._by_steps(inputs, lengths, kept, 0)
                    found = [every[torch.from_numpy(lengths > t), t] for t in some]
                else:
                    found = [self.of_step(t, inputs, lengths, kept) for t in some]
            except Exception as error:
                # Whatever a module raises that calls its layers in another way on other steps.
                log.debug("outputs are not %s: %s", BY[way], error)
                continue
            pairs = list(zip(found, wanted, strict=True))
            if all(a.shape == b.shape and difference(a, b) <= limit(b) for a, b in pairs):
                return way
        return Way.RUNS

    def _by_steps(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64], kept: list[KeptStates], first: int
    ) -> Tensor:
        """Return the outputs of all steps at once, each a sequence of one step."""
        inside = np.arange(inputs.shape[1]) < lengths[:, None]
        inside[:, :first] = False
        mask = torch.from_numpy(inside)
        with returning(kept, lambda values: values[mask.to(values.device)][:, None], 1):
            found = flat(self.run(inputs[inside][:, None]), 1)
        whole = found.new_zeros(*inside.shape, found.shape[1])
        whole[mask.to(found.device)] = found
        return whole[:, first:]

    def of_step(
        self,
        step: int,
        inputs: NDArray[Any],
        lengths: NDArray[np.int64],
        kept: Sequence[KeptStates] = (),
    ) -> Tensor:
        """Return the outputs at one step.

        Parameters
        ----------
        step : int
            The step.
        inputs : ndarray of shape (sequence, time, ...)
            Sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        kept : sequence of KeptStates, optional
            Recorded states that are returned in place of running the layers; by default the module
            runs on each part.

        Returns
        -------
        Tensor of shape (member, output)
            Of the sequences that have this step, in their order.

        Raises
        ------
        DataError
            See :meth:`run`.
        """
        rows = np.flatnonzero(lengths > step)
        if self.part == "suffix":
            groups = of_length(lengths[rows])
            parts = [
                flat(self.run(inputs[rows[g], step : int(lengths[rows[g[0]]])]), 1) for g in groups
            ]
            order = np.argsort(np.concatenate(groups))
            return torch.cat(parts)[torch.from_numpy(order)]
        index = torch.from_numpy(rows)
        with returning(kept, lambda v: v[index.to(v.device), : step + 1], step + 1):
            return flat(self.run(inputs[rows, : step + 1]), 1)


def sampled_steps(n_steps: int) -> list[int]:
    """Return the steps at which outputs are compared with those of runs on prefixes.

    Parameters
    ----------
    n_steps : int
        All steps.

    Returns
    -------
    list of int
        Evenly spaced, the first and the last among them.
    """
    return sorted(set(np.linspace(0, n_steps - 1, N_CHECKED).round().astype(int).tolist()))


def flat(output: Tensor, n_dims: int) -> Tensor:
    """Return an output with one dimension after the first ones.

    Parameters
    ----------
    output : Tensor
        An output.
    n_dims : int
        How many dimensions are kept.

    Returns
    -------
    Tensor
        With ``n_dims + 1`` dimensions.
    """
    return output.reshape(*output.shape[:n_dims], -1)


def difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference of two outputs or states, in double precision.

    Parameters
    ----------
    one, other : Tensor of the same shape
        The values.

    Returns
    -------
    float
        What is no number in both does not differ.
    """
    return gap(one.double(), other.double())
