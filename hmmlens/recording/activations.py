"""Recordings of a study: which sequences are recorded, and how a layer is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.io import seals, store
from hmmlens.io.zarr_chunks import refuse_lost
from hmmlens.ragged import steps_inside
from hmmlens.stats.moments import Moments, Part
from hmmlens.typing import Floats

#: First steps of a sequence that no statistic of the verdict uses by default: the way from the
#: zero state.
WARM_UP = 20

#: Of a layer, about so many bytes are held at a time.
PART_BYTES = 2**25


def thin(
    split: NDArray[np.integer],
    length: NDArray[np.integer],
    max_frames: int,
    min_sequences: int = 8,
) -> NDArray[np.int64]:
    """Return the sequences to record: evenly spaced within each split, in their order.

    Parameters
    ----------
    split, length : ndarray of shape (sequence,)
        Split and number of steps of each sequence.
    max_frames : int
        Steps in all, aimed at. Every split keeps its share; the largest split makes room.
    min_sequences : int, optional
        Sequences that each split keeps, where it has as many, so that intervals can be given.

    Returns
    -------
    ndarray of shape (recorded,)
        Numbers of sequences, rising.

    Examples
    --------
    >>> split = np.repeat([0, 1, 2], [60, 20, 20])
    >>> np.bincount(split[thin(split, np.full(100, 50), max_frames=2500)]).tolist()
    [30, 10, 10]
    """
    share = min(1.0, max_frames / length.sum())
    members = [np.flatnonzero(split == part) for part in np.unique(split)]
    sizes = np.array([len(m) for m in members])
    kept = np.maximum((share * sizes + 1e-9).astype(int), np.minimum(min_sequences, sizes))
    surplus = kept.sum() - max(int(share * sizes.sum() + 1e-9), 1)
    largest = int(sizes.argmax())
    kept[largest] = max(kept[largest] - max(surplus, 0), min(min_sequences, sizes[largest]))
    chosen = [
        m[np.linspace(0, len(m) - 1, n).round().astype(int)]
        for m, n in zip(members, kept, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def network_input(data: xr.Dataset, kind: str) -> xr.DataArray:
    """Return the input that a network of a study receives from a ``sequences`` store.

    That is ``input``, but for datasets whose ``input`` describes the array ``fed`` that a network
    trained elsewhere receives. Its attribute ``zeros``, where there is one, describes its zeros.

    Parameters
    ----------
    data : Dataset
        The ``sequences`` store.
    kind : {"trained", "torch", "keras", "adapter"}
        Kind of the network.

    Returns
    -------
    DataArray of shape (sequence, time, ...)
        The input.
    """
    return data["fed"] if "fed" in data and kind != "trained" else data["input"]


def read(path: Path, layer: str | None = None) -> xr.Dataset:
    """Open the root of an ``activations`` store (input, output, labels), or one of its layers.

    Parameters
    ----------
    path : Path
        The store.
    layer : str, optional
        Name of a layer.

    Returns
    -------
    Dataset
        Its arrays are read when they are used.
    """
    store.check(path, "activations")
    refuse_lost(path)
    data: xr.Dataset = xr.open_zarr(path, group=layer, consolidated=False, chunks=None)
    data.attrs.pop(seals.SEAL, None)
    return data


#: Between the names of nodes whose states are taken together.
TOGETHER = "+"


def default_layer(tree: xr.DataTree) -> str:
    """Return the last layer of the forward pass that has the steps of the input.

    Of a bidirectional layer, the name holds both directions, as ``rnn+rnn_reverse``.

    Parameters
    ----------
    tree : DataTree
        See :func:`hmmlens.extract`.

    Returns
    -------
    str
        A name for :func:`layer_of`.

    Raises
    ------
    DataError
        When all layers have other steps than the input.

    Examples
    --------
    >>> import torch
    >>> from hmmlens import extract
    >>> network = torch.nn.Sequential(torch.nn.GRU(2, 3, num_layers=2, batch_first=True))
    >>> default_layer(extract(network, np.zeros((4, 5, 2))))
    '0_l1'
    """
    layers = tree.attrs.get("layers") or [[name] for name in tree.children]
    timed = [names for names in layers if all("time" in tree[n]["hidden"].dims for n in names)]
    if not timed:
        raise DataError(
            "no layer has the steps of the input, which states are compared at; found: "
            f"{', '.join(tree.children)}"
        )
    return TOGETHER.join(timed[-1])


def layer_of(tree: xr.DataTree, name: str) -> xr.Dataset:
    """Return the state of one or several nodes.

    Parameters
    ----------
    tree : DataTree
        See :func:`hmmlens.extract`.
    name : str
        Name of a node, or of several with ``+`` between them, whose units stand side by side.

    Returns
    -------
    Dataset
        ``hidden`` and, of LSTMs, ``cell`` (sequence, time, unit).

    Raises
    ------
    DataError
        When nodes that are to be taken together have other steps than the input.
    """
    names = name.split(TOGETHER)
    if len(names) == 1:
        return tree[name].to_dataset()
    for each in names:
        if "time" not in tree[each]["hidden"].dims:
            raise DataError(f"layer {each} has other steps than the input; name another one")
    arrays = {}
    for variable in ("hidden", "cell"):
        if all(variable in tree[each] for each in names):
            parts = [tree[each][variable].to_numpy() for each in names]
            arrays[variable] = (("sequence", "time", "unit"), np.concatenate(parts, axis=2))
    return xr.Dataset(arrays)


class States:
    """The state of a recorded layer, read some sequences at a time.

    Parameters
    ----------
    root, layer : Dataset
        Of the ``activations`` store.
    which : {"hidden", "cell", "both"}
        The state of an LSTM; ``both`` are side by side, each divided by its own standard deviation
        over all units and steps, so that neither dominates.

    Attributes
    ----------
    shape : tuple of int
        (sequence, time, unit)
    length : ndarray of shape (sequence,)
        Steps of each sequence.

    Raises
    ------
    DataError
        When the layer has other steps than the input.
    """

    def __init__(self, root: xr.Dataset, layer: xr.Dataset, which: str) -> None:
        if "time" not in layer["hidden"].dims:
            raise DataError("this layer has other steps than the input; name another one")
        names = ["hidden"]
        if "cell" in layer and which != "hidden":
            names = ["cell"] if which == "cell" else ["hidden", "cell"]
        self.length = root["length"].to_numpy()
        self._arrays = [layer[name] for name in names]
        n_sequences, n_steps = self._arrays[0].shape[:2]
        self.shape = n_sequences, n_steps, sum(array.shape[2] for array in self._arrays)
        self._scales: NDArray[np.float64] | None = None
        if len(names) > 1:
            self._scales = self._deviations()

    @property
    def rows(self) -> int:
        """Return the number of sequences in a part.

        Returns
        -------
        int
            As many as take about :data:`PART_BYTES`; where it can be, a multiple of 8.
        """
        fit = max(1, PART_BYTES // (8 * self.shape[1] * self.shape[2]))
        return min(self.shape[0], fit if fit < 8 else fit // 8 * 8)

    def parts(self) -> Iterator[Part]:
        """Read all sequences, part by part.

        Yields
        ------
        Part
            Some sequences.
        """
        for first in range(0, self.shape[0], self.rows):
            place = slice(first, min(first + self.rows, self.shape[0]))
            n = place.stop - first
            inside = steps_inside(self.length[place], n, self.shape[1])
            read = [array[place].to_numpy()[inside] for array in self._arrays]
            frames = np.concatenate(read, axis=1, dtype=np.float64)
            if self._scales is not None:
                frames /= self._scales
            yield Part(place, inside, frames)

    def _deviations(self) -> NDArray[np.float64]:
        """Return for each unit the deviation of all units of its array over all steps."""
        widths = [array.shape[2] for array in self._arrays]
        edges = np.cumsum(widths)[:-1]
        moments = [Moments() for _ in widths]
        for part in self.parts():
            for one, frames in zip(moments, np.split(part.frames, edges, axis=1), strict=True):
                one.add(frames.reshape(-1, 1))
        return np.repeat([max(float(one.variance[0]) ** 0.5, 1e-12) for one in moments], widths)


def state(root: xr.Dataset, layer: xr.Dataset, which: str) -> NDArray[np.float64]:
    """Return the state of a recorded layer, 0 past each end.

    Parameters
    ----------
    root, layer : Dataset
        Of the ``activations`` store.
    which : {"hidden", "cell", "both"}
        See :class:`States`.

    Returns
    -------
    ndarray of shape (sequence, time, unit)
        The state.
    """
    states = States(root, layer, which)
    padded = np.zeros(states.shape)
    for part in states.parts():
        padded[part.rows][part.inside] = part.frames
    return padded


def output_distribution(output: Floats, kind: str) -> Floats:
    """Return the distribution that a network emits at each step.

    Logits of symbols become probabilities; values stay as they are.

    Parameters
    ----------
    output : ndarray of shape (..., output)
        What the network returned.
    kind : str
        ``symbols`` for logits; anything else for values.

    Returns
    -------
    ndarray of shape (..., output)
        Probabilities, or values.

    Examples
    --------
    >>> output_distribution(np.log([[1.0, 3.0]]), "symbols")
    array([[0.25, 0.75]])
    """
    if kind != "symbols":
        return np.asarray(output, dtype=np.float64)
    shifted = np.exp(output - output.max(axis=-1, keepdims=True)).astype(np.float64)
    distribution: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return distribution
