"""Step the recorded states through the layers' own weights, and compare.

Each step is computed from the recorded state before it and must give the recorded state after it,
and the last states that the layer itself returned. Only neighbouring steps are compared, so that
rounding does not grow where a network is chaotic.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.capture.segments import Segment

#: Steps computed one by one differ from a fused layer's by rounding alone: the largest difference
#: allowed, for states up to 1; larger states may differ by as much more.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 3e-2, torch.bfloat16: 2e-1}


class NotANumberError(DataError):
    """States are NaN."""


class Wants(NamedTuple):
    """What is recorded in addition to the hidden states.

    Attributes
    ----------
    cell : bool
        Cell states.
    gates : bool
        Gates and pre-activations.
    inputs : bool
        What the layers read.
    """

    cell: bool = True
    gates: bool = False
    inputs: bool = False


class Replayed(NamedTuple):
    """The replay of a segment, in its order of reading.

    Attributes
    ----------
    error : float
        The largest difference.
    arrays : dict of str to Tensor of shape (sequence, time, unit)
        ``cell``, gates and pre-activations that were wanted.
    hidden : Tensor of shape (sequence, time, unit) or None
        The stepped states, where they were to be kept.
    cell : Tensor or None
        As ``hidden`` for a cell; for a layer its last state (sequence, unit); None but for LSTMs.
    """

    error: float
    arrays: dict[str, Tensor]
    hidden: Tensor | None
    cell: Tensor | None


def tolerance(values: Tensor) -> float:
    """Return the difference that is allowed to values.

    Parameters
    ----------
    values : Tensor
        The values.

    Returns
    -------
    float
        Zero or more.
    """
    return allowed(float(values.abs().amax()) if values.numel() else 0.0, values.dtype)


def allowed(largest: float, dtype: torch.dtype) -> float:
    """Return the difference that is allowed where no value is larger than ``largest``.

    Parameters
    ----------
    largest : float
        The largest absolute value.
    dtype : torch.dtype
        Type of the values.

    Returns
    -------
    float
        See :data:`TOLERANCE`.
    """
    base = TOLERANCE.get(dtype, TOLERANCE[torch.float32])
    return base * max(1.0, largest) if math.isfinite(largest) else base


def replay(
    segment: Segment, node: str, first: int, wants: Wants, keep: bool, inside: Tensor | None = None
) -> Replayed:
    """Step a segment and compare it with what was recorded.

    Parameters
    ----------
    segment : Segment
        Its weights are known.
    node : str
        Its name, for the message.
    first : int
        The step of the node with which the segment begins.
    wants : Wants
        What is recorded.
    keep : bool
        Keep the stepped states.
    inside : Tensor of shape (sequence, time), optional
        False where a step is padded, which is not compared; by default all are compared that the
        segment has lengths for.

    Returns
    -------
    Replayed
        The stepped states, and the largest difference.

    Raises
    ------
    DataError
        When a difference is above tolerance, or not a number.
    """
    n, n_steps = segment.hidden.shape[:2]
    worst = segment.hidden.new_zeros(n_steps)
    kept: dict[str, Tensor] = {}
    last: Tensor | None = None
    largest = 0.0
    if segment.lengths is not None:
        inside = torch.arange(n_steps) < segment.lengths.cpu()[:, None]
    elif inside is not None:
        inside = segment.in_time(inside)
    inside = None if inside is None else inside.to(worst.device)

    def _put(name: str, part: slice, values: Tensor) -> None:
        if name not in kept:
            kept[name] = values.new_empty(n, n_steps, values.shape[2])
        kept[name][:, part] = values

    for part, steps in segment.replay():
        gaps = [(steps.hidden - segment.hidden[:, part]).abs_().amax(dim=2)]
        largest = max(largest, float(steps.hidden.abs().amax()))
        if keep:
            _put("hidden", part, steps.hidden)
        if steps.cell is not None:
            if segment.before is not None:
                gaps.append((steps.cell - segment.final[1][:, part]).abs_().amax(dim=2))
            if wants.cell or (keep and segment.before is not None):
                _put("cell", part, steps.cell)
        if wants.gates:
            for name, values in steps.gates.items():
                _put(name, part, values)
            for name, values in steps.preactivations.items():
                _put(f"{name}_preactivation", part, values)
        rows, at = _ending(segment, part)
        if segment.before is None and len(rows):
            gap = torch.zeros_like(gaps[0])
            own = (steps.hidden, *([] if steps.cell is None else [steps.cell]))
            for states, final in zip(own, segment.final, strict=True):
                gap[rows, at] += (states[rows, at] - final[rows]).abs().amax(dim=1)
            gaps.append(gap)
            if steps.cell is not None:
                last = torch.zeros_like(steps.cell[:, 0]) if last is None else last
                last[rows] = steps.cell[rows, at]
        for gap in gaps:
            gap = gap if inside is None else gap.where(inside[:, part], gap.new_zeros(()))
            worst[part] = torch.maximum(worst[part], gap.amax(dim=0))
    limit = allowed(largest, segment.hidden.dtype)
    error = _verdict(segment, node, first, worst, limit)
    hidden = kept.pop("hidden", None)
    cell = kept.get("cell") if segment.before is not None else last
    if not wants.cell:
        kept.pop("cell", None)
    return Replayed(error, kept, hidden, cell)


def _ending(segment: Segment, part: slice) -> tuple[Tensor, Tensor]:
    """Return the sequences that end within a block of steps, and where in the block."""
    n, n_steps = segment.hidden.shape[:2]
    ends = torch.full((n,), n_steps) if segment.lengths is None else segment.lengths.cpu()
    rows = torch.nonzero((ends > part.start) & (ends <= part.stop))[:, 0]
    at = ends[rows] - 1 - part.start
    return rows.to(segment.hidden.device), at.to(segment.hidden.device)


def _verdict(segment: Segment, node: str, first: int, worst: Tensor, limit: float) -> float:
    error = float(worst.max()) if len(worst) else 0.0
    # Written so that NaN is refused too.
    if not error <= limit:
        step = int(worst.argmax())
        if segment.reverse and segment.lengths is None:
            step = len(worst) - 1 - step
        from_end = " from the end" if segment.reverse and segment.lengths is not None else ""
        where = f"layer {node}, step {first + step}{from_end}"
        if math.isnan(error):
            raise NotANumberError(f"{where} is not a number; look into the inputs and the weights")
        raise DataError(
            f"the recorded states do not replay: {where} differs by {error:.2g}, above "
            f"{limit:.2g}; either the layer's states were changed after it, or it does something "
            "else than its weights define"
        )
    return error
