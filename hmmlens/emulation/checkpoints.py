"""The weights of a network along its training, stacked in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.errors import StoreError

#: The entry of a file that holds the updates, next to the network's own.
UPDATES = "updates"


class Checkpoints(NamedTuple):
    """Weights after some updates.

    Attributes
    ----------
    updates : Tensor of shape (checkpoint)
        Rising; 0 is before the first update.
    weights : dict of Tensor of shape (checkpoint, ...)
        By name as in a network's ``state_dict``.
    """

    updates: Tensor
    weights: dict[str, Tensor]

    @classmethod
    def stacked(cls, kept: list[tuple[int, dict[str, Tensor]]]) -> Checkpoints:
        """Stack the weights of one checkpoint or more.

        Parameters
        ----------
        kept : list of (int, dict of Tensor)
            Updates with the weights after them; the last of an update counts.

        Returns
        -------
        Checkpoints
            The checkpoints, in the order of their updates.
        """
        by_update = dict(kept)
        order = sorted(by_update)
        names = by_update[order[0]]
        return cls(
            torch.tensor(order),
            {name: torch.stack([by_update[u][name] for u in order]).cpu() for name in names},
        )

    def items(self) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Iterate over the checkpoints.

        Yields
        ------
        update : int
        weights : dict of Tensor
            As in a network's ``state_dict``.
        """
        for index, update in enumerate(self.updates.tolist()):
            yield update, {name: value[index] for name, value in self.weights.items()}


def save(checkpoints: Checkpoints, path: Path) -> None:
    """Write a safetensors file, which has its name only when it is complete.

    Parameters
    ----------
    checkpoints : Checkpoints
    path : Path
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file({UPDATES: checkpoints.updates, **checkpoints.weights}, partial)
    partial.replace(path)


def load(path: Path) -> Checkpoints:
    """Read a file that :func:`save` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Checkpoints
        The content of the file.

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
