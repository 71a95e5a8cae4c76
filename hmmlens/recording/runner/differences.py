"""How two runs of a module on the same sequences differ: not at all, by rounding, or by more."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.recording.verification.replay import allowed

#: Node or ``output`` -> (sequence, time, ...)
Recording = Mapping[str, Tensor]


def part(recording: Recording, rows: NDArray[np.int64]) -> Recording:
    """Return some sequences of a recording.

    Parameters
    ----------
    recording : mapping of str to Tensor of shape (sequence, ...)
        States and output.
    rows : ndarray of shape (member,)
        Numbers of sequences.

    Returns
    -------
    dict of str to Tensor of shape (member, ...)
        The same arrays.
    """
    return {
        name: values[torch.from_numpy(rows).to(values.device)] for name, values in recording.items()
    }


def differ(one: Recording, other: Recording, length: int) -> bool:
    """Return whether two runs of sequences of one length differ within it by more than rounding.

    Parameters
    ----------
    one, other : mapping of str to Tensor of shape (sequence, ...)
        States and outputs of the two runs.
    length : int
        Steps of the sequences, within which they are compared.

    Returns
    -------
    bool
        True also where the runs have other layers or steps.
    """
    if one.keys() != other.keys():
        return True
    pairs = [_same_steps(one[name], other[name], length) for name in one]
    return any(pair is None or gap(*pair) > limit(pair[1]) for pair in pairs)


def by_rounding(padded: Recording, alone: Recording, length: int) -> bool:
    """Return whether two runs differ by rounding only, which grows where a network is chaotic.

    The layers then agree at the step that they read first. Where all layers agree, so do outputs,
    but for whole numbers such as the largest of two equal logits.

    Parameters
    ----------
    padded, alone : mapping of str to Tensor of shape (sequence, ...)
        States and outputs of the same sequences with padding and without.
    length : int
        Steps of the sequences.

    Returns
    -------
    bool
        False where the runs differ in another way, or have other steps.
    """
    if padded.keys() != alone.keys():
        return False
    parted = False
    for name in (name for name in alone if name != "output"):
        pair = _same_steps(padded[name], alone[name], length)
        if pair is None:
            return False
        one, other = pair
        rounding = limit(other)
        parted |= gap(one, other) > rounding
        if min(gap(one[:, step], other[:, step]) for step in (0, -1)) > rounding:
            return False
    return parted or not alone["output"].is_floating_point()


def _same_steps(one: Tensor, other: Tensor, length: int) -> tuple[Tensor, Tensor] | None:
    """Return two arrays cut to the steps inside, or None where their shapes do not fit."""
    if one.shape != other.shape:
        timed = one.ndim > 1 and other.ndim > 1 and other.shape[1] == length < one.shape[1]
        if not timed or one.shape[2:] != other.shape[2:]:
            return None
    if one.ndim > 2:
        return one[:, :length], other[:, :length]
    return (one[:, :length], other) if one.shape != other.shape else (one, other)


def gap(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; what is a number in one of them only differs infinitely.

    Parameters
    ----------
    one, other : Tensor of the same shape
        The values.

    Returns
    -------
    float
        Zero where both are the same or no number; for whole numbers 1 where any differs.
    """
    if not one.is_floating_point():
        return float((one != other).any())
    same = (one == other) | (one.isnan() & other.isnan())
    gaps = (one - other).abs().where(~same, one.new_zeros(()))
    return float(gaps.nan_to_num(nan=math.inf).max()) if gaps.numel() else 0.0


def limit(values: Tensor) -> float:
    """Return the difference that rounding explains, of which infinite values are no measure.

    Parameters
    ----------
    values : Tensor
        The values, of which some may be infinite, as masked logits are.

    Returns
    -------
    float
        Zero for whole numbers.
    """
    if not values.is_floating_point() or not values.numel():
        return 0.0
    return allowed(float(values.double().nan_to_num(0.0, 0.0, 0.0).abs().max()), values.dtype)
