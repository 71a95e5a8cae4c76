"""The weights of a network along its training, stacked in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import StoreError

#: The entry of a file that holds the updates, beside the network's own.
UPDATES = "updates"


class Checkpoints(NamedTuple):
    """Weights after some updates.

    updates : (checkpoint), rising; 0 is before the first
    weights : by name as in a network's ``state_dict``, each (checkpoint, ...)
    """

    updates: Tensor
    weights: dict[str, Tensor]

    @classmethod
    def stacked(cls, kept: list[tuple[int, dict[str, Tensor]]]) -> Checkpoints:
        """Stack the weights of one checkpoint or more; the last of an update counts."""
        by_update = dict(kept)
        order = sorted(by_update)
        names = by_update[order[0]]
        return cls(
            torch.tensor(order),
            {name: torch.stack([by_update[u][name] for u in order]).cpu() for name in names},
        )

    def items(self) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Yield each update with its ``state_dict``."""
        for index, update in enumerate(self.updates.tolist()):
            yield update, {name: value[index] for name, value in self.weights.items()}


def save(checkpoints: Checkpoints, path: Path) -> None:
    """Write a safetensors file, under its name when whole."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file({UPDATES: checkpoints.updates, **checkpoints.weights}, partial)
    partial.replace(path)


def load(path: Path) -> Checkpoints:
    """Read a file that :func:`save` wrote.

    Raises
    ------
    StoreError
        When it cannot be read, or holds no updates.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        content = load_file(path)
        return Checkpoints(content.pop(UPDATES), content)
    except (OSError, SafetensorError, KeyError) as error:
        raise StoreError(
            f"{path}: the checkpoints cannot be read; train the network again"
        ) from error
