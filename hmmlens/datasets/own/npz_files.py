"""Read the arrays of a NumPy .npz file, without running what is in it."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hmmlens.datasets.content import check_array_names
from hmmlens.errors import DataError
from hmmlens.io.input_files import check_size

_RUNS_CODE = (
    "holds Python objects, which are refused because reading them can run code; "
    "save arrays of numbers or text"
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz_arrays(path: Path, required: Sequence[str] = ("input",)) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    required : sequence of str, optional
        Arrays that must be there.

    Returns
    -------
    dict of str to ndarray
        Arrays by name.

    Raises
    ------
    DataError
        When the file is none, is damaged, holds Python objects, or an array whose header does not
        fit what follows it or the memory.
    """
    try:
        with path.open("rb") as opened:
            magic = opened.read(6)
        if magic == b"\x93NUMPY":
            raise DataError(f"{path}: holds one array without a name; use numpy.savez")
        if magic[:2] != b"PK":
            raise DataError(f"{path}: this is no .npz file; write it with numpy.savez")
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            counts = Counter(entry.filename.removesuffix(".npy") for entry in entries)
            check_array_names(list(counts), path, required)
            for name, count in counts.items():
                if count > 1:
                    raise DataError(f"{path}: holds {count} arrays {name!r}")
            for entry in entries:
                _check_header(archive, entry, path)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{path}: does not fit into the memory of this machine") from None
    except Exception as error:
        # Whatever a damaged file makes the readers of zip and NumPy raise.
        reason = f"cannot be read as .npz: {type(error).__name__}: {error}"
        raise DataError(
            f"{path}: {_RUNS_CODE if 'allow_pickle' in str(error) else reason}"
        ) from None


def _check_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    """Check that an array is as long as its header declares."""
    name = entry.filename.removesuffix(".npy")
    with archive.open(entry) as file:
        try:
            header = _HEADERS.get(npy.read_magic(file))
        except ValueError:
            header = None
        if header is None:
            raise DataError(f"{path}: {name!r} is no array; write it with numpy.savez")
        shape, _, dtype = header(file)
        if dtype.hasobject:
            raise DataError(f"{path}: array {name!r} {_RUNS_CODE}")
        held = entry.file_size - file.tell()
    check_size(path, name, shape, dtype.itemsize)
    if prod(shape) * dtype.itemsize != held:
        raise DataError(
            f"{path}: array {name!r} declares the shape {shape} of {dtype}, but {held} bytes "
            "follow; the file is damaged"
        )
