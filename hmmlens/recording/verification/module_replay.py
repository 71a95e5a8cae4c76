"""Run a module again with the states of its recurrent layers put in from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from hmmlens.recording.capture.hooks import Call
from hmmlens.recording.capture.segments import Segment
from hmmlens.recording.verification.replay import Replayed

Pairs = Sequence[tuple[Segment, Replayed]]


class OtherPathError(Exception):
    """The module called a layer more often than the first time."""


@contextmanager
def substituted(calls: Sequence[Call], replayed: Pairs) -> Iterator[None]:
    """Let the recurrent modules return their stepped states, call by call, within a ``with`` block.

    Parameters
    ----------
    calls : sequence of Call
        Of the first run, of modules whose equations are known.
    replayed : sequence of (Segment, Replayed)
        Every segment of these calls with its stepped states.

    Yields
    ------
    None
        While the modules are changed.
    """
    by_call: dict[int, list[tuple[Segment, Replayed, int]]] = {}
    for segment, steps in replayed:
        for index, call in enumerate(segment.calls):
            by_call.setdefault(id(call), []).append((segment, steps, index))
    waiting: dict[nn.Module, list[Call]] = {}
    for call in calls:
        waiting.setdefault(call.recorded.module, []).append(call)

    def _instead(queue: list[Call]) -> Any:
        def _forward(*_: Any, **__: Any) -> Any:
            if not queue:
                raise OtherPathError
            call = queue.pop(0)
            parts = by_call[id(call)]
            if call.is_cell:
                _, steps, index = parts[0]
                return _as_cell(call, steps, index)
            return _as_layer(call, {(s.layer, s.reverse): (s, r) for s, r, _ in parts})

        return _forward

    try:
        for module, queue in waiting.items():
            module.forward = _instead(queue)
        yield
    finally:
        for module in waiting:
            del module.forward


def _as_cell(call: Call, steps: Replayed, index: int) -> Any:
    """Return what a cell of torch returns at one step."""
    states = [s[:, index] for s in (steps.hidden, steps.cell) if s is not None]
    states = [s if call.batched else s[0] for s in states]
    return states[0] if len(states) == 1 else tuple(states)


def _as_layer(call: Call, states: Mapping[tuple[int, bool], tuple[Segment, Replayed]]) -> Any:
    """Return what a layer of torch returns: the states of its last layer, and all last states.

    Parameters
    ----------
    states : (layer, reverse) -> its segment and its stepped states.
    """
    module = call.recorded.module
    assert isinstance(module, nn.RNNBase)
    ordered = [states[key] for key in sorted(states)]
    top = [(s, r) for s, r in ordered if s.layer == module.num_layers - 1]
    sides = [s.in_time(_known(r.hidden)) for s, r in top]
    output = torch.cat(sides, dim=-1) if len(sides) > 1 else sides[0]
    finals = [torch.stack([_last(s, _known(r.hidden)) for s, r in ordered])]
    if len(call.final) > 1:
        finals.append(torch.stack([_known(r.cell) for _, r in ordered]))
    if call.packed is not None:
        lengths, order = call.lengths, call.packed.sorted_indices
        assert lengths is not None
        if order is not None:
            output, lengths = output[order], lengths[order.cpu()]
        data = pack_padded_sequence(output, lengths, batch_first=True).data
        result: Any = call.packed._replace(data=data)
    elif not call.batched:
        result, finals = output[0], [final[:, 0] for final in finals]
    else:
        result = output if module.batch_first else output.transpose(0, 1)
    return result, finals[0] if len(finals) == 1 else tuple(finals)


def _last(segment: Segment, hidden: Tensor) -> Tensor:
    """Return the last state (sequence, unit) in the order of reading."""
    if segment.lengths is None:
        return hidden[:, -1]
    rows = torch.arange(len(hidden), device=hidden.device)
    return hidden[rows, segment.lengths.to(hidden.device) - 1]


def _known(states: Tensor | None) -> Tensor:
    assert states is not None
    return states
