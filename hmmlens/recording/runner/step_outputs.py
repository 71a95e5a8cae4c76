"""An output for every step of modules that return one for each sequence.

The output at a step is what the module returns for the sequence up to this step (its prefix), or
from this step on (its suffix). That of prefixes is computed from the recorded states where this
gives the same as runs of the module on the prefixes, which is tested on a sample of the steps.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.errors import DataError, place_of
from hmmlens.recording.inputs import RestartError
from hmmlens.recording.replay import allowed
from hmmlens.recording.runner.batch import Batch, Node, StepCheck
from hmmlens.recording.runner.length_groups import of_length
from hmmlens.recording.runner.padding import Padded, blank
from hmmlens.recording.runner.prefix_replay import KeptStates, kept_states, returning

log = logging.getLogger(__name__)

#: Steps of a batch, evenly spaced, the first and the last among them, at which outputs are compared
#: with those of runs on prefixes.
N_CHECKED = 8
#: Of these, the first so many show whether a layer reads later inputs: afterwards a chaotic network
#: may differ by rounding that has grown.
N_STATES_CHECKED = 2

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
        self.padded, self.runner, self.part = padded, padded.runner, part
        self._one_each: bool | None = None
        self._way: Way | None = Way.RUNS if part == "suffix" else None

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
            return batch._replace(output=_flat(batch.output, 2))
        inputs = inputs[:, : int(lengths.max())]
        known, ends = self._way is not None, batch.output
        if ends.ndim == 2 and ends.shape[0] == ends.shape[1] and not self.runner.batch_first:
            # As many sequences as outputs, which may have been taken for steps.
            ends = self._again(inputs, lengths)
        ends = _flat(ends, 1)
        output = self._computed(inputs, lengths, 0)
        error = math.nan
        later = False
        if self.part == "prefix":
            last = output[torch.arange(len(lengths)), torch.from_numpy(lengths) - 1]
            error = _gap(last, ends)
            fits = error <= _limit(ends)
            if verify or not known:
                gap, later = self._differences(inputs, lengths, output, batch.nodes)
                error = max(error, gap)
                fits &= gap <= _limit(output)
            if not fits:
                # Runs that differ among each other show nothing about the way.
                if self._way == Way.RUNS:
                    error, later = math.nan, False
                else:
                    assert self._way is not None
                    self._way = Way(self._way + 1)
                    raise RestartError
        assert self._way is not None
        both = any(name.endswith("_reverse") for name in batch.nodes)
        check = StepCheck(self.part, BY[self._way], error, later, both)
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
                return _flat(output, 2)[:, first:]
        return self._computed(blank(inputs, lengths)[:, : int(lengths.max())], lengths, first)

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
                whole, part = (self._run(inputs[rows, :n]) for n in (n_steps, n_steps // 2))
                self._one_each = whole.shape == part.shape
            self.runner.one_each = self._one_each
        return self._one_each

    def _again(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> Tensor:
        """Return the output of a batch, now that it is known to have no steps."""
        output = self.padded.run(inputs, lengths, False).output
        assert output is not None
        return output

    def _run(self, inputs: NDArray[Any]) -> Tensor:
        """Return the output on sequences of one length."""
        n, n_steps = inputs.shape[:2]
        try:
            output = self.runner.output(inputs, np.full(n, n_steps))
        except DataError:
            raise
        except Exception as error:
            first = str(error).strip().partition("\n")[0]
            raise DataError(
                f"the network returns one output for each sequence, so it is run on parts of its "
                f"sequences; it fails on parts of {n_steps} steps: {type(error).__name__}"
                f"{place_of(error)}: {first}"
            ) from error
        if output is None:
            raise DataError(f"the network returns no output for sequences of {n_steps} steps")
        return output

    def _computed(self, inputs: NDArray[Any], lengths: NDArray[np.int64], first: int) -> Tensor:
        """Return outputs (sequence, time - first, output), 0 past each end."""
        kept: list[KeptStates] = []
        if self._way != Way.RUNS:
            kept = self._kept(inputs, lengths)
        if self._way is None:
            self._way = self._fitting_way(inputs, lengths, kept)
            log.info("outputs of %ses are %s", self.part, BY[self._way])
        if self._way == Way.STEPS:
            return self._by_steps(inputs, lengths, kept, first)
        if self._way == Way.RUNS:
            kept = []
        steps = range(first, inputs.shape[1])
        parts = [self._at(t, inputs, lengths, kept) for t in steps]
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
        some = _sample(inputs.shape[1])
        wanted = [self._at(t, inputs, lengths, []) for t in some]
        for way in (Way.STEPS, Way.STATES):
            try:
                if way == Way.STEPS:
                    every = self._by_steps(inputs, lengths, kept, 0)
                    found = [every[torch.from_numpy(lengths > t), t] for t in some]
                else:
                    found = [self._at(t, inputs, lengths, kept) for t in some]
            except Exception as error:
                # Whatever a module raises that calls its layers in another way on other steps.
                log.debug("outputs are not %s: %s", BY[way], error)
                continue
            pairs = list(zip(found, wanted, strict=True))
            if all(a.shape == b.shape and _gap(a, b) <= _limit(b) for a, b in pairs):
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
            found = _flat(self._run(inputs[inside][:, None]), 1)
        whole = found.new_zeros(*inside.shape, found.shape[1])
        whole[mask.to(found.device)] = found
        return whole[:, first:]

    def _at(
        self, step: int, inputs: NDArray[Any], lengths: NDArray[np.int64], kept: list[KeptStates]
    ) -> Tensor:
        """Return the outputs at one step of the sequences that have it."""
        rows = np.flatnonzero(lengths > step)
        if self.part == "suffix":
            groups = of_length(lengths[rows])
            parts = [
                _flat(self._run(inputs[rows[g], step : int(lengths[rows[g[0]]])]), 1)
                for g in groups
            ]
            order = np.argsort(np.concatenate(groups))
            return torch.cat(parts)[torch.from_numpy(order)]
        index = torch.from_numpy(rows)
        with returning(kept, lambda v: v[index.to(v.device), : step + 1], step + 1):
            return _flat(self._run(inputs[rows, : step + 1]), 1)

    def _differences(
        self,
        inputs: NDArray[Any],
        lengths: NDArray[np.int64],
        output: Tensor,
        nodes: Mapping[str, Node],
    ) -> tuple[float, bool]:
        """Return the largest difference to runs on prefixes, and whether states read ahead."""
        gaps, later = [], False
        for place, t in enumerate(_sample(inputs.shape[1])):
            rows = np.flatnonzero(lengths > t)
            there = torch.from_numpy(rows)
            alone = self._at(t, inputs, lengths, [])
            gaps.append(_gap(output[there.to(output.device), t], alone))
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
                later |= _gap(own[:, t], now) > _limit(now)
        return max(gaps), later


def _sample(n_steps: int) -> list[int]:
    """Return steps, evenly spaced."""
    return sorted(set(np.linspace(0, n_steps - 1, N_CHECKED).round().astype(int).tolist()))


def _flat(output: Tensor, n_dims: int) -> Tensor:
    """Return an output with one dimension after the first ``n_dims``."""
    return output.reshape(*output.shape[:n_dims], -1)


def _gap(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; what is no number in both does not differ."""
    one, other = one.double(), other.double()
    same = (one == other) | (one.isnan() & other.isnan())
    gap = (one - other).abs().where(~same, one.new_zeros(()))
    return float(gap.nan_to_num(nan=math.inf).max()) if gap.numel() else 0.0


def _limit(values: Tensor) -> float:
    return allowed(float(values.double().nan_to_num(0.0, 0.0, 0.0).abs().max()), values.dtype)
