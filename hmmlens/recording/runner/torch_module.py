"""Run batches through a torch module and return the states of its recurrent layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from hmmlens.errors import DataError
from hmmlens.recording.capture.hooks import Call, listen
from hmmlens.recording.capture.segments import Segment, directions, segments
from hmmlens.recording.capture.tracing import traced
from hmmlens.recording.capture.variable_calls import variable_calls
from hmmlens.recording.runner.batch import Batch
from hmmlens.recording.runner.evaluation import as_read
from hmmlens.recording.runner.node_states import node_of, replay_segments
from hmmlens.recording.verification.batch_independence import Sketch, doubt, sketch
from hmmlens.recording.verification.module_replay import OtherPathError, substituted
from hmmlens.recording.verification.outputs import comparable, difference, outputs, refuse_unnamed
from hmmlens.recording.verification.replay import Replayed, Wants
from hmmlens.rnn.feeding.module import FeedingModule
from hmmlens.rnn.feeding.signature import takes_lengths
from hmmlens.rnn.layers import LAYERS, RecordedModule, chosen, find
from hmmlens.rnn.wrappers import unwrapped


class Runner:
    """Runs batches through a torch module.

    Parameters
    ----------
    model : torch.nn.Module
        The module.
    layers : sequence of str or None
        Names of nodes or modules to record, or None for all.
    wants : Wants
        What is recorded in addition to the hidden states.
    batch_first : bool or None
        Whether the model takes (sequence, time, ...); None for yes, unless the model is itself a
        recurrent layer that does not.

    Raises
    ------
    DataError
        When the model holds nothing to record.
    """

    def __init__(
        self, model: nn.Module, layers: Sequence[str] | None, wants: Wants, batch_first: bool | None
    ) -> None:
        self.model, self.layers, self.wants = model, layers, wants
        self.modules: list[RecordedModule] = find(model, layers)
        own = model.batch_first if isinstance(model, (*LAYERS, FeedingModule)) else True
        self.batch_first = own if batch_first is None else batch_first
        self.takes_lengths = takes_lengths(model)
        #: Whether the model is a layer of torch, which is given packed sequences.
        self.packs = isinstance(model, LAYERS)
        #: Whether the model is known to return one output for each sequence, which has no steps.
        self.one_each = False
        self._copy = False
        self._as_floats = False
        self._place: int | None = None

    def run(self, inputs: NDArray[Any], lengths: NDArray[np.int64], verify: bool) -> Batch:
        """Run one batch; within :func:`.evaluation.evaluation_mode`.

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
        """
        n, n_steps = inputs.shape[:2]
        arguments, result, calls, found = self._held(inputs, lengths)
        kept = chosen(found, self.layers, self.modules)
        inside = torch.arange(n_steps) < torch.from_numpy(lengths)[:, None]
        nodes, replayed = {}, []
        for name, parts in found.items():
            wants = self.wants if name in kept else Wants(cell=False)
            steps = replay_segments(parts, name, wants, verify, inside)
            if name in kept:
                nodes[name] = node_of(parts, steps, wants)
            replayed += [(s, r) for s, r in zip(parts, steps, strict=True) if r is not None]
        output = self._output(result, n)
        error, unknown = math.nan, ""
        if verify:
            error, unknown = self._again(arguments, result, calls, replayed, inside)

        def _elsewhere(places: NDArray[np.int64]) -> Sketch:
            return sketch(self._held(inputs[places], lengths)[3])

        later = partial(doubt, sketch(found), _elsewhere, lengths, n_steps) if verify else str
        layers = directions({name: found[name] for name in kept})
        return Batch(output, nodes, error, unknown, later, layers)

    def states_of_batch(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64]
    ) -> dict[str, Tensor]:
        """Return the states and the output of one batch, unchecked.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.

        Returns
        -------
        dict of str to Tensor
            The hidden states of all nodes, and ``output``.
        """
        _, result, _, found = self._held(inputs, lengths)
        states = {
            name: node_of(parts, [None] * len(parts), Wants(cell=False)).arrays["hidden"]
            for name, parts in found.items()
        }
        output = self._output(result, len(inputs))
        return states if output is None else {**states, "output": output}

    def output(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> Tensor | None:
        """Return what the module gives for one batch, unchecked.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.

        Returns
        -------
        Tensor of shape (sequence, ...) or None
            None where no tensor has an entry for each sequence.
        """
        x, options = self._arguments(inputs, lengths)
        try:
            return self._output(self.model(x, **options), len(inputs))
        except (RuntimeError, ValueError, TypeError):
            if not self._turns_to_floats(inputs):
                raise
            return self.output(inputs, lengths)

    def calls(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64]
    ) -> tuple[list[Call], dict[str, list[Segment]]]:
        """Return the calls of the recurrent modules on one batch, and the segments of each node.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.

        Returns
        -------
        calls : list of Call
            In their order.
        found : dict of str to list of Segment
            See :func:`hmmlens.recording.capture.segments.segments`.
        """
        return self._held(inputs, lengths)[2:]

    def _held(
        self, inputs: NDArray[Any], lengths: NDArray[np.int64]
    ) -> tuple[tuple[Any, Any], Any, list[Call], dict[str, list[Segment]]]:
        """Run the module; return its arguments, what it returned, the calls and what they held."""
        arguments = self._arguments(inputs, lengths)
        try:
            result, calls = self._listen(*arguments, inputs.shape[:2])
        except DataError:
            raise
        except (RuntimeError, ValueError, TypeError):
            if not self._turns_to_floats(inputs):
                raise
            return self._held(inputs, lengths)
        for call in calls:
            if len(call.output) != len(inputs):
                raise DataError(
                    f"layer {call.recorded.node} ran on {len(call.output)} sequences where the "
                    f"batch has {len(inputs)}; give batch_first=False if the model takes (time, "
                    "sequence, ...), or batch_size=1 if it takes one sequence at a time"
                )
            self._same_order(call, lengths)
        return arguments, result, calls, segments(calls, inputs.shape[1])

    def _turns_to_floats(self, inputs: NDArray[Any]) -> bool:
        """Return whether inputs that the module did not take are to be given as floats from now on.

        Whole numbers (sequence, time, feature), such as one-hot codes, are values to modules that
        do not take them as they are.
        """
        if self._as_floats or inputs.ndim < 3 or inputs.dtype.kind == "f":
            return False
        self._as_floats = True
        return True

    def _output(self, result: Any, n: int) -> Tensor | None:
        """Return the first tensor that has an entry for each sequence, the same in all batches."""
        batch_first = self.batch_first or self.one_each
        refuse_unnamed(result, n, batch_first)
        found = outputs(result, n, batch_first)
        fits = [index for index, t in enumerate(found) if t.ndim and len(t) == n]
        if self._place is None:
            self._place = fits[0] if fits else -1
        return found[self._place] if self._place in fits else None

    def _arguments(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> tuple[Any, Any]:
        x = as_read(inputs, self.model, self._as_floats)
        x = x if self.batch_first else x.transpose(0, 1)
        if self.takes_lengths:
            return x, {"lengths": torch.from_numpy(lengths)}
        if self.packs and (lengths < inputs.shape[1]).any():
            return pack_padded_sequence(
                x, torch.from_numpy(lengths), batch_first=self.batch_first, enforce_sorted=False
            ), {}
        return x, {}

    def _listen(
        self, x: Any, options: Mapping[str, Any], shape: Sequence[int]
    ) -> tuple[Any, list[Call]]:
        """Run the module on sequences of a shape (sequence, time); return its calls too."""
        modules = [item for item in self.modules if item.variable is None]
        items = [item for item in self.modules if item.variable is not None]
        variables = [item.variable for item in items if item.variable is not None]
        with traced(variables) as traces, listen(modules, self._copy) as calls:
            result = self.model(x, **options)
        if not self._copy and any(call.changed_in_place() for call in calls):
            self._copy = True
            return self._listen(x, options, shape)
        for item, trace in zip(items, traces, strict=True):
            calls += variable_calls(item, trace, *shape)
        if not calls:
            raise DataError(
                f"{type(unwrapped(self.model)).__name__} ran none of its recurrent layers: "
                f"{', '.join(f.name for f in self.modules)}"
            )
        return result, calls

    def _same_order(self, call: Call, lengths: NDArray[np.int64]) -> None:
        """Refuse packed sequences that the model has sorted by hand."""
        if call.lengths is None or len(set(lengths)) == 1:
            return
        own = call.lengths.numpy()
        if not np.array_equal(own, lengths) and np.array_equal(np.sort(own), np.sort(lengths)):
            raise DataError(
                f"layer {call.recorded.node} sees the sequences in another order than the input; "
                "let pack_padded_sequence sort them (enforce_sorted=False), or give them longest "
                "first"
            )

    def _again(
        self,
        arguments: tuple[Any, Any],
        result: Any,
        calls: Sequence[Call],
        replayed: list[tuple[Segment, Replayed]],
        inside: Tensor,
    ) -> tuple[float, str]:
        """Run the module with the stepped states and compare its outputs."""
        strange = sorted({call.recorded.node for call in calls if not call.recorded.known})
        if strange:
            return math.nan, f"the equations of {', '.join(strange)} are not known"
        first = self._compared(result, inside)
        if not first:
            return math.nan, "the module returns no tensor to compare"
        x, options = arguments
        try:
            with substituted(calls, replayed):
                second = self._compared(self.model(x, **options), inside)
        except OtherPathError:
            second = []
        found = difference(first, second, inside)
        if found.error <= found.allowed:
            return found.error, ""
        plain = difference(first, self._compared(self.model(x, **options), inside), inside)
        if not plain.error <= plain.allowed:
            return math.nan, "the module gives another output when it runs again"
        where = "" if found.step is None else f" at step {found.step}"
        raise DataError(
            "the recorded states do not replay: with all layers stepped, the module's output"
            f"{where} differs by {found.error:.2g}, above {found.allowed:.2g}"
        )

    def _compared(self, result: Any, inside: Tensor) -> list[Tensor]:
        return comparable(outputs(result, len(inside), self.batch_first))
