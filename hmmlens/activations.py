"""The workflow's store of activations: which sequences are recorded, and how a layer is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens import store
from hmmlens.errors import DataError
from hmmlens.hmm.inputs import steps_inside

#: Sequences that each split keeps, where it has as many, so that intervals can be given.
MIN_SEQUENCES = 8


def thin(
    split: NDArray[np.integer], length: NDArray[np.integer], max_frames: int
) -> NDArray[np.int64]:
    """Return the sequences to record: evenly spaced within each split, in their order.

    Parameters
    ----------
    split, length : (sequence)
    max_frames : steps in all, aimed at. Every split keeps its share, and at least
        ``MIN_SEQUENCES`` sequences where it has them; the largest split makes room.
    """
    share = min(1.0, max_frames / length.sum())
    members = [np.flatnonzero(split == part) for part in np.unique(split)]
    sizes = np.array([len(m) for m in members])
    kept = np.maximum((share * sizes + 1e-9).astype(int), np.minimum(MIN_SEQUENCES, sizes))
    surplus = kept.sum() - max(int(share * sizes.sum() + 1e-9), 1)
    largest = int(sizes.argmax())
    kept[largest] = max(kept[largest] - max(surplus, 0), min(MIN_SEQUENCES, sizes[largest]))
    chosen = [
        m[np.linspace(0, len(m) - 1, n).round().astype(int)]
        for m, n in zip(members, kept, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def fed(data: xr.Dataset, kind: str) -> xr.DataArray:
    """Return what a network of a study reads of a ``sequences`` store.

    That is ``input``, but for datasets whose ``input`` describes what a network that was trained
    elsewhere is ``fed``. An attribute ``zeros``, where there is one, says what zeros in it mean.

    Parameters
    ----------
    kind : of the network: ``trained`` here, ``torch``, ``keras`` or ``adapter``.
    """
    return data["fed"] if "fed" in data and kind != "trained" else data["input"]


def read(path: Path, layer: str | None = None) -> xr.Dataset:
    """Open the store's root (input, output, labels), or one of its layers."""
    store.check(path, "activations")
    data: xr.Dataset = xr.open_zarr(path, group=layer, consolidated=False, chunks=None)
    return data


def state(root: xr.Dataset, layer: xr.Dataset, which: str) -> NDArray[np.float64]:
    """Return the state (sequence, time, unit) of a recorded layer, 0 past each end.

    Parameters
    ----------
    root, layer : of the ``activations`` store.
    which : see :func:`layer_state`.

    Raises
    ------
    DataError
        When the layer has other steps than the input.
    """
    if "time" not in layer["hidden"].dims:
        raise DataError("this layer has other steps than the input; name another one")
    n_sequences, n_steps = layer["hidden"].shape[:2]
    inside = steps_inside(root["length"].to_numpy(), n_sequences, n_steps)
    # All real steps as one sequence, so that no scale depends on what fills the ends.
    frames = xr.Dataset(
        {
            name: (("sequence", "time", "unit"), layer[name].to_numpy()[inside][None])
            for name in ("hidden", "cell")
            if name in layer
        }
    )
    real = layer_state(frames, which)[0]
    padded = np.zeros((*inside.shape, real.shape[1]))
    padded[inside] = real
    return padded


def layer_state(layer: xr.Dataset, which: str) -> NDArray[np.float64]:
    """Return the state (sequence, time, unit) of a layer.

    ``which`` says what an LSTM's state is: ``hidden``, ``cell``, or ``both`` side by side, each
    divided by its own standard deviation over all units so that neither drowns the other.
    """
    hidden = layer["hidden"].to_numpy().astype(np.float64)
    if "cell" not in layer or which == "hidden":
        return hidden
    cell = layer["cell"].to_numpy().astype(np.float64)
    if which == "cell":
        return cell
    return np.concatenate([part / max(part.std(), 1e-12) for part in (hidden, cell)], axis=2)
