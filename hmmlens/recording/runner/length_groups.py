"""Groups of sequences of equal length, and the batch that they make together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.runner.batch import Batch, Node


def of_length(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the sequences of each length.

    Parameters
    ----------
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    list of ndarray of shape (member,)
        Numbers of sequences, the shortest sequences first.
    """
    return [np.flatnonzero(lengths == length) for length in np.unique(lengths)]


def join_batches(
    groups: Sequence[tuple[NDArray[np.int64], int]], batches: Sequence[Batch], n: int
) -> Batch:
    """Join the batches of groups of sequences of one length, which were run one by one.

    Parameters
    ----------
    groups : sequence of (ndarray of shape (member,), int)
        Numbers of the sequences and length of each group.
    batches : sequence of Batch
        The batch of each group.
    n : int
        Sequences of the whole batch.

    Returns
    -------
    Batch
        With the sequences in their order.

    Raises
    ------
    DataError
        When layers run for some lengths only.
    """
    names = list(batches[0].nodes)
    for batch in batches:
        if set(batch.nodes) != set(names):
            differing = ", ".join(sorted(set(names) ^ set(batch.nodes)))
            raise DataError(
                f"sequences of different lengths run through different layers: {differing} stands "
                "for some of them only; give sequences of one length"
            )
    nodes = {}
    for name in names:
        parts = [batch.nodes[name] for batch in batches]
        own = torch.zeros(n, dtype=torch.int64)
        for (rows, _), node in zip(groups, parts, strict=True):
            steps = torch.full((len(rows),), node.arrays["hidden"].shape[1])
            own[torch.from_numpy(rows)] = steps if node.lengths is None else node.lengths.cpu()
        same = all(bool((own[torch.from_numpy(rows)] == length).all()) for rows, length in groups)
        arrays = {
            variable: _placed(groups, [node.arrays[variable] for node in parts], n)
            for variable in parts[0].arrays
        }
        errors = [node.error for node in parts]
        error = math.nan if any(map(math.isnan, errors)) else max(errors)
        nodes[name] = Node(arrays, None if same else own, error)
    outputs = [batch.output for batch in batches if batch.output is not None]
    output = _placed(groups, outputs, n) if len(outputs) == len(batches) else None
    known = [batch.error for batch in batches]
    error = math.nan if any(map(math.isnan, known)) else max(known)
    unknown = next((batch.unknown for batch in batches if batch.unknown), "")
    doubts: list[Callable[[], str]] = [batch.doubt for batch in batches]

    def _first_doubt() -> str:
        return next((reason for reason in (each() for each in doubts) if reason), "")

    return Batch(output, nodes, error, unknown, _first_doubt, batches[0].layers)


def _placed(
    groups: Sequence[tuple[NDArray[np.int64], int]], parts: Sequence[Tensor], n: int
) -> Tensor:
    """Return (sequence, time, ...) of all groups, with 0 past the end of each."""
    shapes = {tuple(values.shape[1:]) for values in parts}
    if len({(len(shape), *shape[1:]) for shape in shapes}) > 1:
        raise DataError(
            "the module's output has another shape for each length of its sequences: "
            f"{', '.join(map(str, sorted(shapes)))} after the first dimension; give sequences of "
            "one length"
        )
    longest = [max(shape[0] for shape in shapes)] if min(map(len, shapes)) else []
    whole = parts[0].new_zeros(n, *longest, *parts[0].shape[2:])
    for (rows, _), values in zip(groups, parts, strict=True):
        index = torch.from_numpy(rows).to(whole.device)
        if longest:
            whole[index, : values.shape[1]] = values
        else:
            whole[index] = values
    return whole
