"""Trees of a recording: read from a store, with the ends of sequences marked."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import xarray as xr

from hmmlens.io import seals, store
from hmmlens.io.zarr_chunks import refuse_lost
from hmmlens.ragged import INSIDE


def read_tree(path: Path) -> xr.DataTree:
    """Open an activations store lazily.

    Parameters
    ----------
    path : Path
        The store.

    Returns
    -------
    DataTree
        The recording.

    Raises
    ------
    StoreError
        When there is no whole store of activations.
    """
    store.check(path, "activations")
    refuse_lost(path)
    tree = _in_order(xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None))
    tree.attrs.pop(seals.SEAL, None)
    for node in tree.subtree:
        if node.attrs.get("replay_error", 0) is None:
            node.attrs["replay_error"] = math.nan
    return with_ends(tree)


def with_ends(tree: xr.DataTree) -> xr.DataTree:
    """Mark in every node with ragged arrays which steps lie inside a sequence.

    The coordinate ``inside`` (sequence, time) is True before each sequence's end. It is made from
    ``length`` whenever a tree is returned, and is not stored.

    Parameters
    ----------
    tree : DataTree
        It is changed in place.

    Returns
    -------
    DataTree
        The same.
    """
    for node in tree.subtree:
        for dim, lengths in (("time", tree.get("length")), ("step", node.get("length"))):
            data = node.to_dataset(inherit=False)
            if lengths is None or not any(dim in array.dims for array in data.data_vars.values()):
                continue
            inside = np.arange(data.sizes[dim]) < lengths.to_numpy()[:, None]
            if not inside.all():
                node.dataset = data.assign_coords({INSIDE: (("sequence", dim), inside)})
    return tree


def _in_order(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree with its layers in the order of the forward pass.

    Groups of a store are listed in any order that its file system has.
    """
    names = [name for layer in tree.attrs.get("layers", ()) for name in layer]
    names += sorted(set(tree.children) - set(names))
    nodes = {f"/{name}": tree.children[name].to_dataset(inherit=False) for name in names}
    return xr.DataTree.from_dict({"/": tree.to_dataset(), **nodes})
