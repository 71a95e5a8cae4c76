"""What recurrent layers read and say in one forward pass, caught by hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
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

    inputs : (sequence, time, feature), or None of a module whose equations are not known
    start : the states given to it (hidden, or hidden and cell), as given; () for zeros
    output : (sequence, time, unit), both directions of the last layer side by side
    final : the states that it returned, as returned; () of a module that is no recurrent layer
    lengths : (sequence) of a packed sequence, else None
    packed : the packed output, if it was packed
    batched : whether there was a dimension for sequences
    versions : counts of changes in place, to notice a later one
    """

    found: RecordedModule
    inputs: Tensor | None
    start: State
    output: Tensor
    final: State
    lengths: Tensor | None = None
    packed: PackedSequence | None = None
    batched: bool = True
    versions: tuple[tuple[Tensor, int], ...] = field(default=())

    @property
    def is_cell(self) -> bool:
        """Whether this is one step of a cell."""
        return isinstance(self.found.module, CELLS)

    @property
    def n_steps(self) -> int:
        """Steps of this call."""
        return self.output.shape[1]

    def spoilt(self) -> bool:
        """Tell whether the model has changed in place what was caught."""
        return any(tensor._version != version for tensor, version in self.versions)


@contextmanager
def listen(found: Sequence[RecordedModule], copy: bool) -> Iterator[list[Call]]:
    """Yield a list that fills with the calls of ``found`` modules, in their order.

    Parameters
    ----------
    copy : keep copies, for models that change states in place.
    """
    calls: list[Call] = []
    handles = [hooked(item, calls.append, copy) for item in found]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def hooked(
    item: RecordedModule,
    heard: Callable[[Call], None],
    copy: bool,
    when: Callable[[], bool] = lambda: True,
) -> Any:
    """Let a module tell its calls to ``heard`` while ``when`` says so; return the hook's handle."""

    def hook(_: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if when():
            with torch.no_grad():
                heard(_caught(item, args, kwargs, output, copy))

    return item.module.register_forward_hook(hook, with_kwargs=True)


def _caught(
    item: RecordedModule, args: Any, kwargs: dict[str, Any], output: Any, copy: bool
) -> Call:
    seen: list[tuple[Tensor, int]] = []

    def keep(tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        if copy:
            return tensor.clone()
        seen.append((tensor, tensor._version))
        return tensor

    if item.known:
        x = args[0] if args else kwargs["input"]
        hx = args[1] if len(args) > 1 else kwargs.get("hx")
        start = () if hx is None else tuple(map(keep, hx if isinstance(hx, tuple) else (hx,)))
        if isinstance(item.module, CELLS):
            final = tuple(map(keep, output if isinstance(output, tuple) else (output,)))
            batched = x.ndim == 2
            x, steps = keep(x), final[0]
            x, steps = (v[:, None] if batched else v[None, None] for v in (x, steps))
            if not batched:
                start, final = (tuple(s[None] for s in part) for part in (start, final))
            return Call(item, x, start, steps, final, batched=batched, versions=tuple(seen))
        steps, last = output
        final = tuple(map(keep, last if isinstance(last, tuple) else (last,)))
        if isinstance(x, PackedSequence):
            inputs, lengths = pad_packed_sequence(x, batch_first=True)
            packed = steps._replace(data=keep(steps.data))
            states, _ = pad_packed_sequence(packed, batch_first=True)
            # What is padded is a copy already.
            return Call(item, inputs.detach(), start, states, final, lengths, packed)
        x, steps, batched = keep(x), keep(steps), x.ndim == 3
        if not batched:
            x, steps = x[None], steps[None]
            start, final = (tuple(s[:, None] for s in part) for part in (start, final))
        elif not getattr(item.module, "batch_first", True):
            x, steps = x.transpose(0, 1), steps.transpose(0, 1)
        return Call(item, x, start, steps, final, batched=batched, versions=tuple(seen))
    said, ends = next(tensors(output), (None, None))
    if said is None or said.ndim not in (2, 3):
        raise DataError(
            f"{item.node}: a module that is recorded must return (sequence, unit) at each call, "
            "or (sequence, time, unit)"
        )
    states = keep(said)
    states = states if states.ndim == 3 else states[:, None]
    return Call(item, None, (), states, (), ends, versions=tuple(seen))


def tensors(said: Any) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield every tensor in what a module returned; a packed one padded, with its lengths."""
    if isinstance(said, Tensor):
        yield said, None
    elif isinstance(said, PackedSequence):
        yield pad_packed_sequence(said, batch_first=True)
    else:
        if isinstance(said, Mapping):
            said = list(said.values())
        elif is_dataclass(said):
            said = [getattr(said, name) for name in said.__dataclass_fields__]
        for part in said if isinstance(said, list | tuple) else ():
            yield from tensors(part)


def chains(calls: Sequence[Call], n_steps: int) -> list[list[Call]]:
    """Sort the calls of one module into recurrences: each begins where the one before it ended.

    All calls are one recurrence, in their order, where they share ``n_steps``, the steps of the
    input, among them; and where a model changes the state between single steps, which hides what
    continues what.
    """
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
    return all(
        a.shape == b.shape and (a.data_ptr() == b.data_ptr() or torch.equal(a, b))
        for a, b in zip(call.start, before.final, strict=True)
    )
