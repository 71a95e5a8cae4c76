"""States of a node: its segments, replayed and joined in the order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hmmlens.recording.capture.segments import Segment
from hmmlens.recording.runner.batch import Node
from hmmlens.recording.verification.replay import Replayed, Wants, replay


def replay_segments(
    parts: Sequence[Segment], node: str, wants: Wants, keep: bool, inside: Tensor | None
) -> list[Replayed | None]:
    """Replay the segments of a node by stepping them through the layer's own weights.

    Parameters
    ----------
    parts : sequence of Segment
        The segments of the node.
    node : str
        Its name, for messages.
    wants : Wants
        What is recorded.
    keep : bool
        Step in any case, and keep the stepped states.
    inside : Tensor of shape (sequence, time) or None
        Steps of the model's input, false where one is padded.

    Returns
    -------
    list of Replayed or None
        None for segments that need not, or cannot, be stepped.

    Raises
    ------
    DataError
        When the states do not replay.
    """
    # Steps of the layer's own are not those that are padded.
    n_steps = sum(segment.hidden.shape[1] for segment in parts)
    same = inside is not None and inside.shape[1] == n_steps
    found: list[Replayed | None] = []
    first = 0
    for segment in parts:
        last = first + segment.hidden.shape[1]
        # A cell of torch shows its own cell state.
        hidden_cell = segment.cell is not None and segment.before is None
        needed = keep or wants.gates or (wants.cell and hidden_cell)
        if segment.weights is None or not needed:
            found.append(None)
        else:
            real = inside[:, first:last] if inside is not None and same else None
            found.append(replay(segment, node, first, wants, keep, real))
        first = last
    return found


def node_of(parts: Sequence[Segment], steps: Sequence[Replayed | None], wants: Wants) -> Node:
    """Join the segments of a node, in the order of time.

    Parameters
    ----------
    parts : sequence of Segment
        The segments.
    steps : sequence of Replayed or None
        Their replays.
    wants : Wants
        What is recorded.

    Returns
    -------
    Node
        The node.
    """
    pieces: dict[str, list[Tensor]] = {}
    errors = []
    for segment, replayed in zip(parts, steps, strict=True):
        arrays = {"hidden": segment.hidden}
        if wants.inputs and segment.inputs is not None:
            arrays["layer_input"] = segment.inputs
        if replayed is not None:
            arrays |= replayed.arrays
        if wants.cell and segment.before is not None and len(segment.final) > 1:
            arrays["cell"] = segment.final[1]
        for name, values in arrays.items():
            pieces.setdefault(name, []).append(segment.in_time(values))
        errors.append(math.nan if replayed is None else replayed.error)
    joined = {n: p[0] if len(p) == 1 else torch.cat(p, dim=1) for n, p in pieces.items()}
    own = parts[0].lengths if len(parts) == 1 else None
    return Node(joined, own, max(errors) if not any(map(math.isnan, errors)) else math.nan)
