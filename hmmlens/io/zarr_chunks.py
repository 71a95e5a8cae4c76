"""Which chunks of a Zarr store are not on the disk.

Zarr reads a chunk that is not there as the array's fill value, without a warning. By default
writers leave out chunks that hold nothing but the fill value, so that a deleted chunk looks like
one that was left out. Stores of hmmlens hold every chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hmmlens.errors import StoreError

#: The attribute of a store that holds every chunk.
ALL_CHUNKS = "all_chunks"


def missing_chunks(array: Any, folder: Path) -> Iterator[tuple[tuple[slice, ...], str]]:
    """Yield the chunks of an array that are not on the disk.

    Parameters
    ----------
    array : zarr.Array
        The array; of a sharded one, its shards are the chunks.
    folder : pathlib.Path
        The folder of the array.

    Yields
    ------
    region : tuple of slice
        The part of the array.
    name : str
        The file of the chunk below ``folder``.
    """
    sizes = array.shards or array.chunks
    grid = [-(-length // size) for length, size in zip(array.shape, sizes, strict=True)]
    for place in np.ndindex(*grid):
        name = array.metadata.encode_chunk_key(place)
        if not (folder / name).is_file():
            region = zip(place, sizes, array.shape, strict=True)
            yield tuple(slice(i * size, min((i + 1) * size, n)) for i, size, n in region), name


def refuse_lost(path: Path) -> None:
    """Check that a store of hmmlens holds every chunk.

    Stores of versions that left chunks out do not state that they hold every one; they pass.

    Parameters
    ----------
    path : pathlib.Path
        Folder of the store.

    Raises
    ------
    StoreError
        With the array and the chunk that is missing.
    """
    import zarr

    root = zarr.open_group(path, mode="r")
    if not root.attrs.get(ALL_CHUNKS):
        return
    for name, array in root.members(max_depth=None):
        if isinstance(array, zarr.Array):
            for _, chunk in missing_chunks(array, path / name):
                raise StoreError(
                    f"{path}: array {name!r} has lost its chunk {chunk}; delete the store and "
                    "make it again"
                )
