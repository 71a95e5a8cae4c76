"""Inputs and states of recurrent layers in one forward pass, caught by hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from hmmlens.errors import DataError
from hmmlens.rnn.layers import CELLS, RecordedModule

State = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one module.

    Attributes
    ----------
    recorded : RecordedModule
        The module.
    inputs : Tensor of shape (sequence, time, feature) or None
        None of a module whose equations are not known.
    start : tuple of Tensor
        The states given to it (hidden, or hidden and cell), as given; () for zeros.
    output : Tensor of shape (sequence, time, unit)
        Both directions of the last layer side by side.
    final : tuple of Tensor
        The states that it returned, as returned; () of a module that is no recurrent layer.
    lengths : Tensor of shape (sequence,) or None
        Of a packed sequence.
    packed : PackedSequence or None
        The packed output, if it was packed.
    batched : bool
        Whether there was a dimension for sequences.
    versions : tuple of (Tensor, int)
        Counts of changes in place, to notice a later one.
    cell : Tensor of shape (sequence, time, unit) or None
        The second part of a state that is no layer of torch's.
    run : int or None
        How often the loop of a variable was entered before; None of a module.
    parts, given : tuple of Tensor
        All tensors that a module of unknown equations returned and took; () where it returned one.
    """

    recorded: RecordedModule
    inputs: Tensor | None
    start: State
    output: Tensor
    final: State
    lengths: Tensor | None = None
    packed: PackedSequence | None = None
    batched: bool = True
    versions: tuple[tuple[Tensor, int], ...] = field(default=())
    cell: Tensor | None = None
    run: int | None = None
    parts: tuple[Tensor, ...] = ()
    given: tuple[Tensor, ...] = ()

    @property
    def is_cell(self) -> bool:
        """Return whether this is one step of a cell.

        Returns
        -------
        bool
            False for a layer, which takes whole sequences.
        """
        return isinstance(self.recorded.module, CELLS)

    @property
    def n_steps(self) -> int:
        """Return the steps of this call.

        Returns
        -------
        int
            1 for a cell.
        """
        return self.output.shape[1]

    def changed_in_place(self) -> bool:
        """Return whether the model has changed in place what was caught.

        Returns
        -------
        bool
            Whether copies have to be kept.
        """
        return any(tensor._version != version for tensor, version in self.versions)


@contextmanager
def listen(modules: Sequence[RecordedModule], copy: bool) -> Iterator[list[Call]]:
    """Collect the calls of modules within a ``with`` block.

    Parameters
    ----------
    modules : sequence of RecordedModule
        The modules.
    copy : bool
        Keep copies, for models that change states in place.

    Yields
    ------
    list of Call
        It fills with the calls, in their order.
    """
    calls: list[Call] = []
    handles = [hooked(item, calls.append, copy) for item in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def hooked(
    item: RecordedModule,
    on_call: Callable[[Call], None],
    copy: bool,
    when: Callable[[], bool] = lambda: True,
) -> Any:
    """Register a hook that passes each call of a module on.

    Parameters
    ----------
    item : RecordedModule
        The module.
    on_call : callable
        Takes a :class:`Call`.
    copy : bool
        Keep copies, for models that change states in place.
    when : callable, optional
        Returns whether calls are passed on now; by default always.

    Returns
    -------
    torch.utils.hooks.RemovableHandle
        The hook's handle.
    """

    def _hook(_: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if when():
            with torch.no_grad():
                on_call(_caught(item, args, kwargs, output, copy))

    return item.module.register_forward_hook(_hook, with_kwargs=True)


def _caught(
    item: RecordedModule, args: Any, kwargs: dict[str, Any], output: Any, copy: bool
) -> Call:
    versions: list[tuple[Tensor, int]] = []

    def _keep(tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        if copy:
            return tensor.clone()
        versions.append((tensor, tensor._version))
        return tensor

    if item.known:
        x = args[0] if args else kwargs["input"]
        hx = args[1] if len(args) > 1 else kwargs.get("hx")
        start = () if hx is None else tuple(map(_keep, hx if isinstance(hx, tuple) else (hx,)))
        if isinstance(item.module, CELLS):
            final = tuple(map(_keep, output if isinstance(output, tuple) else (output,)))
            batched = x.ndim == 2
            x, steps = _keep(x), final[0]
            x, steps = (v[:, None] if batched else v[None, None] for v in (x, steps))
            if not batched:
                start, final = (tuple(s[None] for s in part) for part in (start, final))
            return Call(item, x, start, steps, final, batched=batched, versions=tuple(versions))
        steps, last = output
        final = tuple(map(_keep, last if isinstance(last, tuple) else (last,)))
        if isinstance(x, PackedSequence):
            inputs, lengths = pad_packed_sequence(x, batch_first=True)
            packed = steps._replace(data=_keep(steps.data))
            states, _ = pad_packed_sequence(packed, batch_first=True)
            # What is padded is a copy already.
            return Call(item, inputs.detach(), start, states, final, lengths, packed)
        x, steps, batched = _keep(x), _keep(steps), x.ndim == 3
        if not batched:
            x, steps = x[None], steps[None]
            start, final = (tuple(s[:, None] for s in part) for part in (start, final))
        elif not getattr(item.module, "batch_first", True):
            x, steps = x.transpose(0, 1), steps.transpose(0, 1)
        return Call(item, x, start, steps, final, batched=batched, versions=tuple(versions))
    found = list(tensors(output))
    result, ends = found[0] if found else (None, None)
    if result is None or result.ndim not in (2, 3):
        raise DataError(
            f"{item.node}: a module that is recorded must return (sequence, unit) at each call, "
            "or (sequence, time, unit)"
        )
    states = _keep(result)
    states = states if states.ndim == 3 else states[:, None]
    call = Call(item, None, (), states, (), ends, versions=tuple(versions))
    if len(found) < 2:
        return call
    parts, given = (
        tuple(_keep(tensor) for tensor, _ in tensors(some))
        for some in (output, [*args, *kwargs.values()])
    )
    return replace(call, parts=parts, given=given, versions=tuple(versions))


def tensors(result: Any) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Collect every tensor in what a module returned.

    Parameters
    ----------
    result : object
        Tensors, packed sequences, and lists, tuples, mappings and dataclasses of these.

    Yields
    ------
    tensor : Tensor
        A packed one padded.
    lengths : Tensor of shape (sequence,) or None
        Of a packed one.
    """
    if isinstance(result, Tensor):
        yield result, None
    elif isinstance(result, PackedSequence):
        yield pad_packed_sequence(result, batch_first=True)
    else:
        if isinstance(result, Mapping):
            result = list(result.values())
        elif is_dataclass(result):
            result = [getattr(result, name) for name in result.__dataclass_fields__]
        for part in result if isinstance(result, list | tuple) else ():
            yield from tensors(part)


def with_carried_states(calls: Sequence[Call]) -> list[Call]:
    """Return calls of one module whose state is what each call passes to the next.

    A step module may return its output first, or several parts of its state. Which tensors are
    states is seen where the next call takes them: one is the hidden state, a second one the cell,
    and of more all are taken side by side.

    Parameters
    ----------
    calls : sequence of Call
        Of a module of unknown equations, in their order.

    Returns
    -------
    list of Call
        The calls as they are, where no tensor is passed on.
    """
    places: list[int] = []
    for place, tensor in enumerate(calls[0].parts):
        if tensor.ndim != 2 or any(_same(tensor, calls[0].parts[other]) for other in places):
            continue
        if len(calls) > 1 and all(
            place < len(a.parts) and any(_same(a.parts[place], given) for given in b.given)
            for a, b in pairwise(calls)
        ):
            places.append(place)
    if not places or any(len(call.parts) <= places[-1] for call in calls):
        return list(calls)
    found = []
    for call in calls:
        states = [call.parts[place][:, None] for place in places]
        hidden = states[0] if len(states) < 3 else torch.cat(states, dim=-1)
        cell = states[1] if len(states) == 2 else None
        found.append(replace(call, output=hidden, cell=cell))
    return found


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and (
        one.data_ptr() == other.data_ptr() or torch.equal(one, other)
    )


def chains(calls: Sequence[Call], n_steps: int) -> list[list[Call]]:
    """Sort the calls of one module into recurrences: each begins where the one before it ended.

    All calls are one recurrence, in their order, where they share ``n_steps``, the steps of the
    input, among them; and where a model changes the state between single steps, which hides what
    continues what.

    Parameters
    ----------
    calls : sequence of Call
        The calls of one module.
    n_steps : int
        Steps of the model's input.

    Returns
    -------
    list of list of Call
        The calls of each recurrence.
    """
    if calls[0].run is not None:
        # Of a variable it is known which values belong together.
        runs = dict.fromkeys(call.run for call in calls)
        return [[call for call in calls if call.run == run] for run in runs]
    if sum(call.n_steps for call in calls) == n_steps:
        return [list(calls)]
    found: list[list[Call]] = []
    for call in calls:
        for chain in reversed(found):
            if _continues(call, chain[-1]):
                chain.append(call)
                break
        else:
            found.append([call])
    alone = any(sum(call.n_steps for call in chain) == 1 for chain in found)
    return [list(calls)] if alone else found


def _continues(call: Call, before: Call) -> bool:
    if not call.start or len(call.start) != len(before.final):
        return False
    return all(_same(a, b) for a, b in zip(call.start, before.final, strict=True))
