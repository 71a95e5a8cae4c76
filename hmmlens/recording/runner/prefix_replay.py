"""Run what follows the recurrent layers of a module on prefixes, with their states already known.

The state of a layer after the first t steps does not depend on the steps that follow. So the output
of a module on a prefix needs no second run of its layers: they return their recorded states, and
only the rest of the module is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from hmmlens.recording.capture.hooks import Call
from hmmlens.recording.capture.segments import Segment
from hmmlens.recording.verification.module_replay import OtherPathError
from hmmlens.recording.verification.replay import Wants, replay


class KeptStates(NamedTuple):
    """The states of one recurrent module at every step of the input.

    Attributes
    ----------
    module : torch.nn.Module
        A layer that reads forwards, called once, or a cell, called once for each step.
    is_cell : bool
        Whether it is a cell.
    hidden : list of Tensor of shape (sequence, time, unit)
        One for each layer of a stack.
    cell : list of Tensor of shape (sequence, time, unit)
        The same; empty but for LSTMs.
    """

    module: nn.Module
    is_cell: bool
    hidden: list[Tensor]
    cell: list[Tensor]


#: Takes states (sequence, time, unit) and returns those of some prefixes (prefix, time, unit).
Choice = Callable[[Tensor], Tensor]


def kept_states(
    calls: Sequence[Call], found: Mapping[str, Sequence[Segment]], inside: Tensor
) -> list[KeptStates]:
    """Return the states of the modules that need not run again on a prefix.

    Parameters
    ----------
    calls : sequence of Call
        All calls of the recurrent modules in one forward pass.
    found : mapping of str to sequence of Segment
        The segments of each node.
    inside : Tensor of shape (sequence, time)
        False where a step is padded.

    Returns
    -------
    list of KeptStates
        Without modules that read backwards, that have other steps than the input, that are called
        several times, or whose equations are not known.
    """
    n_steps = inside.shape[1]
    of_module: dict[nn.Module, list[Call]] = {}
    for call in calls:
        of_module.setdefault(call.recorded.module, []).append(call)
    segments: dict[nn.Module, list[tuple[str, Segment]]] = {}
    for node, parts in found.items():
        for part in parts:
            segments.setdefault(part.calls[0].recorded.module, []).append((node, part))
    kept = []
    for module, own in of_module.items():
        first, parts_of = own[0], segments[module]
        whole = len(own) == (n_steps if first.is_cell else 1)
        if not first.recorded.known or not whole or not all(call.batched for call in own):
            continue
        if any(s.reverse or s.hidden.shape[1] != n_steps for _, s in parts_of):
            continue
        hidden = [segment.hidden for _, segment in parts_of]
        cell = [_cells(node, segment, inside) for node, segment in parts_of]
        known = [values for values in cell if values is not None]
        kept.append(KeptStates(module, first.is_cell, hidden, known))
    return kept


def _cells(node: str, segment: Segment, inside: Tensor) -> Tensor | None:
    """Return the cell states of an LSTM, which its layer does not show; None for others."""
    if len(segment.final) < 2:
        return None
    if segment.before is not None:
        return segment.final[1]
    wants = Wants(cell=True)
    return replay(segment, node, 0, wants, keep=False, inside=inside).arrays["cell"]


@contextmanager
def returning(kept: Sequence[KeptStates], choose: Choice, n_steps: int) -> Iterator[None]:
    """Let recurrent modules return recorded states of prefixes, within a ``with`` block.

    Parameters
    ----------
    kept : sequence of KeptStates
        The modules and their states.
    choose : callable
        Takes states (sequence, time, unit) and returns (prefix, time, unit).
    n_steps : int
        Steps of a prefix, which a cell is called for one by one.

    Yields
    ------
    None
        While the modules are changed.

    Raises
    ------
    OtherPathError
        When a module is called more or less often than prefixes of these steps need.
    """
    n_calls = [0] * len(kept)

    def _instead(place: int, states: KeptStates) -> Any:
        hidden = [choose(values) for values in states.hidden]
        cell = [choose(values) for values in states.cell]

        def _forward(x: Any, *_: Any, **__: Any) -> Any:
            step = n_calls[place]
            n_calls[place] += 1
            if not states.is_cell:
                return _as_layer(states.module, x, hidden, cell)
            if step >= n_steps:
                raise OtherPathError
            own = tuple(values[:, step] for values in (*hidden, *cell))
            return own if cell else own[0]

        return _forward

    try:
        for place, states in enumerate(kept):
            states.module.forward = _instead(place, states)
        yield
        wanted = [n_steps if states.is_cell else 1 for states in kept]
        if n_calls != wanted:
            raise OtherPathError
    finally:
        for states in kept:
            vars(states.module).pop("forward", None)


def _as_layer(module: Any, x: Any, hidden: Sequence[Tensor], cell: Sequence[Tensor]) -> Any:
    """Return what a layer of torch returns for prefixes that are equally long."""
    output = hidden[-1]
    finals = [torch.stack([values[:, -1] for values in part]) for part in (hidden, cell) if part]
    result: Any = output if module.batch_first else output.transpose(0, 1)
    if isinstance(x, PackedSequence):
        order = x.sorted_indices
        steps = (output if order is None else output[order]).transpose(0, 1)
        if steps.shape[0] != len(x.batch_sizes) or len(x.data) != steps[..., 0].numel():
            raise OtherPathError
        result = x._replace(data=steps.reshape(-1, steps.shape[2]))
    return result, finals[0] if len(finals) == 1 else tuple(finals)
