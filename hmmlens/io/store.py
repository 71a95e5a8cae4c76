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
from hmmlens.io import ownership
from hmmlens.io.zarr_chunks import ALL_CHUNKS, refuse_lost

SCHEMA_VERSION = 1

#: Steps by which an array is cut along its first dimension aim at this many bytes a chunk.
CHUNK_BYTES = 4 * 2**20


def rows_per_chunk(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many entries of the first dimension make a chunk of about ``CHUNK_BYTES``."""
    row = itemsize
    for size in shape[1:]:
        row *= max(size, 1)
    return max(1, min(shape[0] if shape else 1, CHUNK_BYTES // max(row, 1)))


def inside(folder: str | Path) -> Path:
    """Return the store in a folder that Snakemake owns."""
    path = Path(folder)
    return path / f"{path.name}.zarr"


@contextmanager
def replacing(path: Path, kind: str | None = None) -> Iterator[Path]:
    """Yield a temporary folder name that becomes ``path`` when the block ends without error.

    Parameters
    ----------
    path : a folder; a Zarr store, or of files.
    kind : what it holds. A folder of files needs one.

    Raises
    ------
    StoreError
        When there is anything at ``path`` that hmmlens did not write; see
        :mod:`hmmlens.io.ownership`.
    """
    path = ownership.resolved(path)
    ownership.verified(path, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = ownership.fresh(path)
    try:
        yield partial
        if (partial / ownership.ROOT).exists():
            ownership.seal_store(partial)
        elif kind is not None:
            ownership.seal(partial, kind)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    try:
        ownership.replace(partial, path, kind)
    except StoreError as error:
        raise StoreError(f"{error}; what was written lies in {partial}") from error


def store_attributes(kind: str, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes every store carries: its schema, its kind, and what made it."""
    return {"schema_version": SCHEMA_VERSION, "store": kind, ALL_CHUNKS: True, **made_by}


def write(dataset: xr.Dataset, path: Path, kind: str, made_by: Mapping[str, Any]) -> None:
    """Write ``dataset`` to a Zarr v3 store at ``path``.

    Parameters
    ----------
    dataset : the labelled arrays.
    path : the store's folder.
    kind : ``sequences``, ``reduced``, ``sweep``, ...; checked again when it is read.
    made_by : attributes that say what made it (rule, version, config hash, inputs, seed).
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
    """Adds arrays to a store part by part, see :func:`writing`."""

    def __init__(self, path: Path) -> None:
        import zarr

        self._root = zarr.open_group(path, mode="r+")
        self._arrays: dict[str, Any] = {}

    def create(self, name: str, shape: tuple[int, ...], dims: Sequence[str], rows: int) -> None:
        """Make an array of float64.

        Parameters
        ----------
        rows : entries of the first dimension that will be written at a time.
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
        """Fill some entries of the first dimension."""
        self._arrays[name][rows] = values


@contextmanager
def writing(
    small: xr.Dataset, path: Path, kind: str, made_by: Mapping[str, Any]
) -> Iterator[Writer]:
    """Write a store whose large arrays are never held as a whole.

    Parameters
    ----------
    small : the arrays that are.
    path, kind, made_by : see :func:`write`.
    """
    with replacing(path, kind) as partial:
        write(small, partial, kind, made_by)
        yield Writer(partial)


def read(path: Path, kind: str) -> xr.Dataset:
    """Open a store lazily and check that it is what ``kind`` says.

    Raises
    ------
    StoreError
        When there is no store, it has another kind or schema version, or a chunk of it is lost.
    """
    check(path, kind)
    refuse_lost(path)
    data: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None)
    data.attrs.pop(ownership.SEAL, None)
    return data


def check(path: Path, kind: str) -> dict[str, Any]:
    """Return the attributes of the store at ``path``.

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
