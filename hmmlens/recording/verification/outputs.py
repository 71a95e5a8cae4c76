"""The tensors that a module returned, each with the sequences first, and how two runs differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.capture.hooks import tensors
from hmmlens.recording.verification.replay import tolerance


class Difference(NamedTuple):
    """How much two runs differ where they differ most, in relation to the tolerance there.

    Attributes
    ----------
    error : float
        The difference.
    allowed : float
        The tolerance.
    step : int or None
        Of the input; None of an output that has other steps or none.
    """

    error: float
    allowed: float
    step: int | None


def outputs(result: Any, n: int, batch_first: bool) -> list[Tensor]:
    """Return every tensor in what a module returned.

    Parameters
    ----------
    result : object
        What the module returned.
    n : int
        Sequences.
    batch_first : bool
        False to exchange the first two dimensions of (time, sequence, ...).

    Returns
    -------
    list of Tensor of shape (sequence, ...)
        Those that have another shape stay as they are.
    """
    found = []
    for tensor, lengths in tensors(result):
        values = tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor
        # Packed sequences have been padded with the sequences first.
        turn = not batch_first and lengths is None and values.ndim > 1 and values.shape[1] == n
        found.append(values.transpose(0, 1) if turn else values)
    return found


def refuse_unnamed(result: Any, n: int, batch_first: bool) -> None:
    """Refuse a mapping of several tensors, of which nobody has named the output.

    Parameters
    ----------
    result : object
        What a module returned. Tensors without an entry for each sequence, such as a loss, do not
        count.
    n : int
        Sequences.
    batch_first : bool
        See :func:`outputs`.

    Raises
    ------
    DataError
        With the names.
    """
    if not isinstance(result, Mapping):
        return
    names = [
        str(name)
        for name, part in result.items()
        if any(t.ndim and len(t) == n for t in outputs(part, n, batch_first))
    ]
    if len(names) > 1:
        raise DataError(
            f"the network returns several tensors by name: {', '.join(names)}; name its output, as "
            f"output={names[0]!r} (--output {names[0]})"
        )


def comparable(found: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs that a replay is compared with.

    Those are the ones that vary smoothly with the states, where there are any: rounding may change
    which of two equal logits is the largest.

    Parameters
    ----------
    found : sequence of Tensor
        All outputs.

    Returns
    -------
    list of Tensor
        Those with any value.
    """
    # Both parts of complex numbers count.
    some = [torch.view_as_real(t.resolve_conj()) if t.is_complex() else t for t in found]
    return [t for t in some if t.numel() and t.is_floating_point()] or [
        t for t in some if t.numel()
    ]


def real(tensor: Tensor, name: str) -> Tensor:
    """Return a tensor that is to be recorded.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    name : str
        Its name, for messages.

    Returns
    -------
    Tensor
        The same.

    Raises
    ------
    DataError
        When it is complex.
    """
    if tensor.is_complex():
        raise DataError(
            f"{name} is complex ({tensor.dtype}), and only real numbers are recorded; let the "
            "network return its absolute value, or both parts by torch.view_as_real"
        )
    return tensor


def difference(one: Sequence[Tensor], other: Sequence[Tensor], inside: Tensor) -> Difference:
    """Compare the outputs of two runs, infinitely different for other shapes.

    Parameters
    ----------
    one, other : sequence of Tensor
        Each (sequence, ...) or (sequence, time, ...) or whatever the module returned.
    inside : Tensor of shape (sequence, time)
        False where a step is padded.

    Returns
    -------
    Difference
        Where it is largest in relation to the tolerance.
    """
    if [t.shape for t in one] != [t.shape for t in other]:
        return Difference(math.inf, 0.0, None)
    found = [_compared(a, b, inside) for a, b in zip(one, other, strict=True)]
    # NaN is the largest.
    return max(found, key=lambda d: math.inf if math.isnan(d.error) else d.error / d.allowed)


def _compared(one: Tensor, other: Tensor, inside: Tensor) -> Difference:
    allowed = tolerance(one[torch.isfinite(one)])
    if not one.is_floating_point():
        one, other = one.double(), other.double()
    # Equal infinities, such as masked logits, do not differ.
    same = (one == other) | (one.isnan() & other.isnan())
    gap = (one - other).abs().where(~same, one.new_zeros(()))
    n_steps = int(inside.sum(dim=1).max())
    if gap.ndim < 2 or len(gap) != len(inside) or gap.shape[1] not in (n_steps, inside.shape[1]):
        return Difference(float(gap.max()), allowed, None)
    if gap.shape[1] == inside.shape[1]:
        mask = inside.reshape(*inside.shape, *[1] * (gap.ndim - 2)).to(gap.device)
        gap = gap.where(mask, gap.new_zeros(()))
    steps = gap.movedim(1, 0).reshape(gap.shape[1], -1).amax(dim=1)
    return Difference(float(steps.max()), allowed, int(steps.argmax()))
