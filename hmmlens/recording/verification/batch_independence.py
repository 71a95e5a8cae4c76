"""Whether the recorded states of a sequence are its own.

The replay cannot show this. A model that sorts its sequences, or adds noise before a layer, gives
the output that its states give; so it is run once more with the sequences of the batch in other
places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.capture.segments import Segment
from hmmlens.recording.verification.replay import allowed
from hmmlens.typing import Int64s

#: Steps of each layer that are compared, the first one among them. A constant, because a model that
#: exchanges its sequences, or adds noise, does so at every step.
N_STEPS = 8

Sketch = Mapping[str, Sequence[Tensor]]


def sketch(nodes: Mapping[str, Sequence[Segment]]) -> dict[str, list[Tensor]]:
    """Return copies of some steps of each node.

    Parameters
    ----------
    nodes : mapping of str to sequence of Segment
        The segments of each node.

    Returns
    -------
    dict of str to list of Tensor of shape (sequence, step, unit)
        In the order of reading.
    """

    def _some(states: Tensor) -> Tensor:
        return states[:, :: max(1, states.shape[1] // N_STEPS)].clone()

    return {node: [_some(part.hidden) for part in parts] for node, parts in nodes.items()}


def shifted(lengths: Int64s) -> Int64s:
    """Return for each sequence the one before it of the same length, or itself.

    No model can exchange sequences of one length and let this pass: only the order as it is has
    the same sequence before each.

    Parameters
    ----------
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    ndarray of shape (sequence,)
        Numbers of sequences.
    """
    before: dict[int, int] = {}
    places = np.arange(len(lengths))
    for row, length in enumerate(lengths.tolist()):
        places[row] = before.get(length, row)
        before[length] = row
    return places


def doubt(first: Sketch, run: Callable[[Int64s], Sketch], lengths: Int64s, n_steps: int) -> str:
    """Return why states are not those of one sequence alone.

    Parameters
    ----------
    first : mapping of str to sequence of Tensor
        The sketch of the layers on the batch.
    run : callable
        Takes places (sequence,) and returns the sketch with the sequences of the batch there.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    n_steps : int
        Steps of the input.

    Returns
    -------
    str
        The reason; empty where each sequence has its own states.

    Raises
    ------
    DataError
        When a layer reads the sequences in another order than the input, or steps as sequences.
    """
    places = shifted(lengths)
    found = _moved(first, run(places), places)
    if found is None:
        return ""
    node, one, other, rows = found
    same = np.arange(len(lengths))
    if _moved(first, run(same), same) is not None:
        return (
            f"layer {node} holds other states when the module runs again: it is given noise, or "
            "a state that is carried over from call to call"
        )
    limit = _limit(one)
    if all(_elsewhere(one, other[row], int(places[row]), limit) for row in rows):
        raise DataError(
            f"layer {node} sees the sequences in another order than the input; let "
            "pack_padded_sequence sort them (enforce_sorted=False)"
        )
    if max(_gap(one[places[row], 0], other[row, 0]) for row in rows) <= limit:
        # Rounding that grows: a chaotic network, whose states part after some steps.
        return ""
    if len(lengths) == n_steps and _gap(one[:, 0], other[:, 0]) <= limit:
        raise DataError(
            f"layer {node} reads the sequences as steps; give batch_first=False, because the "
            "model takes (time, sequence, ...)"
        )
    return f"the states of layer {node} depend on the other sequences of the batch"


def _moved(
    one: Sketch, other: Sketch, places: Int64s
) -> tuple[str, Tensor, Tensor, list[int]] | None:
    """Return the first node whose states are not those of ``places``, both states, and the rows."""
    for node, a, b in _pairs(one, other):
        limit = _limit(a)
        rows = [row for row, place in enumerate(places) if _gap(a[place], b[row]) > limit]
        if rows:
            return node, a, b, rows
    return None


def _pairs(one: Sketch, other: Sketch) -> Iterator[tuple[str, Tensor, Tensor]]:
    for node, parts in one.items():
        for a, b in zip(parts, other.get(node, ()), strict=False):
            # How long a loop goes on may depend on all sequences.
            if a.shape == b.shape:
                yield node, a, b


def _elsewhere(states: Tensor, row: Tensor, place: int, limit: float) -> bool:
    """Return whether a row (time, unit) is that of any other place."""
    return any(_gap(other, row) <= limit for i, other in enumerate(states) if i != place)


def _limit(states: Tensor) -> float:
    return allowed(float(states.nan_to_num(0.0).abs().max()), states.dtype)


def _gap(one: Tensor, other: Tensor) -> float:
    """Return the largest difference; what is not a number in padded steps is none."""
    return float((one - other).nan_to_num(0.0).abs().max())
