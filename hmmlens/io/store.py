"""Labelled arrays on disk: written whole or not at all, checked when read.

A store lies in a folder of its own, which Snakemake owns: ``FOLDER/FOLDER_NAME.zarr``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import StoreError
from hmmlens.io import ownership, seals
from hmmlens.io.writing import fresh, resolved
from hmmlens.io.zarr_chunks import ALL_CHUNKS, refuse_lost

SCHEMA_VERSION = 1

#: Steps by which an array is cut along its first dimension aim at this many bytes a chunk.
CHUNK_BYTES = 4 * 2**20


def rows_per_chunk(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many entries of the first dimension make a chunk of about ``CHUNK_BYTES``.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    itemsize : int
        Bytes of an entry.

    Returns
    -------
    int
        1 or more.
    """
    row = itemsize
    for size in shape[1:]:
        row *= max(size, 1)
    return max(1, min(shape[0] if shape else 1, CHUNK_BYTES // max(row, 1)))


def inside(folder: str | Path) -> Path:
    """Return the path of the store in a folder that Snakemake owns.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder.

    Returns
    -------
    pathlib.Path
        Whether or not there is a store.
    """
    path = Path(folder)
    return path / f"{path.name}.zarr"


@contextmanager
def replacing(path: Path, kind: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder name that becomes ``path`` when the block ends without error.

    Parameters
    ----------
    path : pathlib.Path
        A folder: a Zarr store, or one of files.
    kind : str, optional
        What it holds. A folder of files needs one.

    Yields
    ------
    pathlib.Path
        The temporary name.

    Raises
    ------
    StoreError
        When there is anything at ``path`` that hmmlens did not write; see
        :mod:`hmmlens.io.ownership`.
    """
    path = resolved(path)
    ownership.verified(path, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = fresh(path)
    try:
        yield partial
        if (partial / seals.ROOT).exists():
            seals.seal_store(partial)
        elif kind is not None:
            seals.seal(partial, kind)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    try:
        ownership.replace(partial, path, kind)
    except StoreError as error:
        raise StoreError(f"{error}; what was written lies in {partial}") from error


def store_attributes(kind: str, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that every store has.

    Parameters
    ----------
    kind : str
        What the store holds.
    made_by : mapping
        Attributes that state what made it.

    Returns
    -------
    dict
        With the version of the schema and the kind as well.
    """
    return {"schema_version": SCHEMA_VERSION, "store": kind, ALL_CHUNKS: True, **made_by}


def write(dataset: xr.Dataset, path: Path, kind: str, made_by: Mapping[str, Any]) -> None:
    """Write ``dataset`` to a Zarr v3 store at ``path``.

    Parameters
    ----------
    dataset : xarray.Dataset
        The labelled arrays.
    path : pathlib.Path
        Folder of the store.
    kind : str
        ``sequences``, ``reduced``, ``sweep``, ...; checked again when it is read.
    made_by : mapping
        Attributes that state what made it (rule, version, config hash, inputs, seed).
    """
    dataset = dataset.assign_attrs(store_attributes(kind, made_by))
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        if variable.ndim and variable.size:
            first = rows_per_chunk(variable.shape, variable.dtype.itemsize)
            encoding[str(name)] = {"chunks": (first, *variable.shape[1:])}
    with replacing(path, kind) as partial:
        dataset.to_zarr(
            partial, mode="w", zarr_format=3, consolidated=False, encoding=encoding,
            write_empty_chunks=True,
        )  # fmt: skip


class Writer:
    """Writer that adds arrays to a store part by part; see :func:`writing`.

    Parameters
    ----------
    path : pathlib.Path
        Folder of the store.
    """

    def __init__(self, path: Path) -> None:
        import zarr

        self._root = zarr.open_group(path, mode="r+")
        self._arrays: dict[str, Any] = {}

    def create(self, name: str, shape: tuple[int, ...], dims: Sequence[str], rows: int) -> None:
        """Create an array of float64.

        Parameters
        ----------
        name : str
            Name of the array.
        shape : tuple of int
            Its shape.
        dims : sequence of str
            Names of its dimensions.
        rows : int
            Entries of the first dimension that will be written at a time.
        """
        fit = rows_per_chunk(shape, 8)
        if rows < shape[0]:
            # Even parts of what is written at a time, so that no chunk is read to be filled.
            fit = next(rows // k for k in range(1, rows + 1) if rows % k == 0 and rows // k <= fit)
        self._arrays[name] = self._root.create_array(
            name, shape=shape, dtype="float64", chunks=(fit, *shape[1:]), dimension_names=dims,
            fill_value=np.nan, config={"write_empty_chunks": True},
        )  # fmt: skip

    def write(self, name: str, rows: slice, values: NDArray[Any]) -> None:
        """Fill some entries of the first dimension.

        Parameters
        ----------
        name : str
            Name of the array.
        rows : slice
            Entries of the first dimension.
        values : ndarray of shape (row, ...)
            Their values.
        """
        self._arrays[name][rows] = values


@contextmanager
def writing(
    small: xr.Dataset, path: Path, kind: str, made_by: Mapping[str, Any]
) -> Iterator[Writer]:
    """Write a store whose large arrays are never held as a whole.

    Parameters
    ----------
    small : xarray.Dataset
        The arrays that are.
    path : pathlib.Path
        Folder of the store.
    kind : str
        What it holds; see :func:`write`.
    made_by : mapping
        Attributes that state what made it.

    Yields
    ------
    Writer
        Adds the large arrays.
    """
    with replacing(path, kind) as partial:
        write(small, partial, kind, made_by)
        yield Writer(partial)


def read(path: Path, kind: str) -> xr.Dataset:
    """Open a store lazily and check its kind.

    Parameters
    ----------
    path : pathlib.Path
        Folder of the store.
    kind : str
        What it must hold.

    Returns
    -------
    xarray.Dataset
        Without the seal of the store.

    Raises
    ------
    StoreError
        When there is no store, it has another kind or schema version, or a chunk of it is missing.
    """
    check(path, kind)
    refuse_lost(path)
    data: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None)
    data.attrs.pop(seals.SEAL, None)
    return data


def check(path: Path, kind: str) -> dict[str, Any]:
    """Return the attributes of a store.

    Parameters
    ----------
    path : pathlib.Path
        Folder of the store.
    kind : str
        What it must hold.

    Returns
    -------
    dict
        All attributes of the root.

    Raises
    ------
    StoreError
        When there is no whole store of ``kind``.
    """
    header = Path(path) / "zarr.json"
    if not header.exists():
        raise StoreError(f"{path}: there is no store here; run the rule that makes it again")
    attributes: dict[str, Any] = json.loads(header.read_text()).get("attributes", {})
    if attributes.get("store") != kind:
        raise StoreError(f"{path}: holds {attributes.get('store')!r}, but {kind!r} is expected")
    if attributes.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: has schema version {attributes.get('schema_version')}, but this version of "
            f"hmmlens reads {SCHEMA_VERSION}; delete it and run the study again"
        )
    return attributes
