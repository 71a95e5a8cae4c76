"""Read the arrays of a Zarr store as xarray does, and find chunks that are missing.

Values are decoded by the CF conventions, as xarray does: ``scale_factor``, ``add_offset``,
``_FillValue`` and ``missing_value``. Of codes (symbols, states, lengths, splits, groups) whole
numbers come back, -1 where they are missing.

A chunk that is not on the disk was deleted, or held nothing but the fill value and was left out,
as writers do by default; a store does not state which. It is accepted where both mean the same:
where the fill value means missing in an array whose entries may be missing (``target``, ``state``),
and past the ends of the sequences. Everywhere else it is refused; a store written with
``write_empty_chunks=True`` has no such chunk.

In format 2, where zarr itself writes a fill value of 0 and xarray reads it as missing, entries of
0 mean one or the other, and are refused.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.datasets.content import (
    DIMS,
    MAY_LACK,
    check_array_names,
    dims_of,
    is_named_input,
    symbol_dims,
)
from hmmlens.errors import DataError
from hmmlens.io.input_files import check_folder, check_size
from hmmlens.io.zarr_chunks import missing_chunks
from hmmlens.typing import Bools

log = logging.getLogger(__name__)


def read_zarr_arrays(path: Path, required: Sequence[str] = ("input",)) -> dict[str, NDArray[Any]]:
    """Return the arrays of a Zarr store by name.

    Parameters
    ----------
    path : pathlib.Path
        The folder of the store.
    required : sequence of str, optional
        Arrays that must be there.

    Returns
    -------
    dict of str to ndarray
        Arrays by name.

    Raises
    ------
    DataError
        With the store, and the array, and the chunk or index where something does not fit.
    """
    check_folder(path, "a Zarr store")
    try:
        import zarr

        group = zarr.open_group(path, mode="r")
        raw = _open(path, decode_cf=False)
        decoded = _open(path)
    except Exception as error:
        # Whatever damaged metadata make zarr and xarray raise.
        raise DataError(
            f"{path}: cannot be read as a Zarr store with named dimensions ({error}); "
            "write it with xarray's Dataset.to_zarr"
        ) from None
    # An array with steps may have the name of its last dimension.
    names = [str(name) for name in raw.variables if name not in raw.dims or raw[name].ndim > 1]
    check_array_names(names, path, required)
    for name in names:
        _check(raw[name], group[name], name, path)
    inside = _Inside(None)
    arrays = {}
    # The lengths first, for what stands past an end may be missing.
    for name in sorted(names, key=lambda name: name != "length"):
        array = _Array(name, path, group[name], raw[name], inside)
        arrays[name] = array.codes_or_values(decoded[name])
        if name == "length" and "time" in raw.sizes:
            inside = _Inside(np.arange(raw.sizes["time"]) < arrays[name][:, None])
    return arrays


def _open(path: Path, **options: Any) -> xr.Dataset:
    # Numbers stay numbers where they could be read as times.
    options = {"decode_times": False, "decode_timedelta": False, **options}
    with warnings.catch_warnings():
        # Several fill values in one array are all missing; xarray warns of them.
        warnings.simplefilter("ignore", xr.SerializationWarning)
        data: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None, **options)
        return data


def _check(variable: xr.DataArray, array: Any, name: str, path: Path) -> None:
    found = tuple(map(str, variable.dims))
    if is_named_input(name):
        if found[:1] != ("sequence",) or "time" in found[2:]:
            raise DataError(
                f"{path}: array {name!r} has the dimensions ({', '.join(found)}), but (sequence, "
                "time, ...) or, without steps, (sequence, ...) is needed; transpose or rename them"
            )
    elif found not in (DIMS[name], symbol_dims(name)):
        raise DataError(
            f"{path}: array {name!r} has the dimensions ({', '.join(found)}), but "
            f"({', '.join(DIMS[name])}) is needed; transpose or rename them"
        )
    if " since " in str(variable.attrs.get("units", "")) and variable.dtype.kind in "iuf":
        raise DataError(f"{path}: array {name!r} holds dates, wants real numbers or text")
    itemsize = max(getattr(variable.dtype, "itemsize", 8), 1)
    check_size(path, name, variable.shape, itemsize)
    check_size(path, f"{name} (a chunk)", array.shards or array.chunks, itemsize)


class _Inside:
    """Which entries lie before the ends of the sequences.

    Parameters
    ----------
    flags : (sequence, time), or None where all of them do.
    """

    def __init__(self, flags: Bools | None) -> None:
        self.flags = flags

    def of(self, name: str, shape: tuple[int, ...]) -> Bools:
        """Return the entries of an array, in its shape."""
        timed = dims_of(name)[:2] == ("sequence", "time")
        if self.flags is None or not timed or shape[:2] != self.flags.shape:
            return np.ones(shape, dtype=bool)
        flags = self.flags[(...,) + (None,) * (len(shape) - 2)]
        return np.broadcast_to(flags, shape)


class _Array:
    """One array of a store.

    Parameters
    ----------
    array : as zarr opens it.
    raw : as it is stored.
    """

    def __init__(
        self, name: str, path: Path, array: Any, raw: xr.DataArray, inside: _Inside
    ) -> None:
        self.name, self.path, self.array, self.raw = name, path, array, raw
        self.inside = inside.of(name, raw.shape)

    def codes_or_values(self, decoded: xr.DataArray) -> NDArray[Any]:
        """Return the decoded values, or whole numbers where the array holds codes.

        Raises
        ------
        DataError
            When a chunk is damaged or lost, or it is not clear whether an entry is missing.
        """
        try:
            stored: NDArray[Any] = self.raw.to_numpy()
            values: NDArray[Any] = decoded.to_numpy()
        except MemoryError:
            raise self._error("does not fit into the memory of this machine") from None
        except Exception as error:
            # Whatever a damaged chunk makes the codecs raise.
            raise self._error(f"is damaged: {error}") from None
        if values.dtype.kind == "f" and stored.dtype.kind in "iuf":
            self._refuse_ambiguous(stored, np.isnan(values))
        if stored.dtype.kind in "iu" and values.dtype.kind == "f":
            values_too = self.name in ("input", "target") or is_named_input(self.name)
            coded = DIMS["state"] if values_too else DIMS[self.name]
            if coded == tuple(map(str, self.raw.dims)):
                values = self._codes(stored, values)
        self._refuse_lost(values)
        return values

    def _error(self, what: str) -> DataError:
        return DataError(f"{self.path}: array {self.name!r} {what}")

    def _codes(self, stored: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        """Return whole numbers, -1 where they are missing; or the values where they are none."""
        missing = np.isnan(values)
        if not {"scale_factor", "add_offset"} & set(self.raw.attrs):
            # Exact, whatever their size.
            codes = stored
        else:
            known = np.where(missing, 0, values)
            if (known != np.round(known)).any() or (np.abs(known) >= 2**53).any():
                return values
            codes = known.astype(np.int64)
        if self.name not in MAY_LACK and (missing & self.inside).any():
            raise self._error(f"at {self._place(missing & self.inside)}: the value is missing")
        if codes.dtype == np.uint64 and (codes > np.uint64(2**63 - 1)).any():
            return values
        return np.where(missing, -1, codes.astype(np.int64))

    def _refuse_ambiguous(self, stored: NDArray[Any], missing: Bools) -> None:
        about = self.array.metadata
        packed = {"scale_factor", "add_offset"} & set(self.raw.attrs)
        if about.zarr_format != 2 or packed or about.fill_value is None or about.fill_value != 0:
            return
        if (zeros := missing & self.inside & (stored == 0)).any():
            raise self._error(
                f"at {self._place(zeros)}: holds 0, which is the fill value of this array in Zarr "
                "format 2, so that it is a value for zarr and missing for xarray; write the store "
                "in format 3, or give the array the fill value null if 0 is a value"
            )

    def _refuse_lost(self, values: NDArray[Any]) -> None:
        n_missing = 0
        for region, name in missing_chunks(self.array, self.path / self.name):
            if not self.inside[region].any():
                continue
            if not self._all_missing(values[region]):
                raise self._error(
                    f"lacks its chunk {name} ({self._region(region)}): it was lost, or held "
                    f"nothing but the fill value {self.array.fill_value} and was left out; if it "
                    "was, write the store again with write_empty_chunks=True"
                )
            n_missing += 1
        if n_missing:
            log.warning(
                "%s: %d chunks of array %r are not there, and what they hold counts as missing",
                self.path, n_missing, self.name,
            )  # fmt: skip

    def _all_missing(self, values: NDArray[Any]) -> bool:
        """Return whether entries are all missing, and may be."""
        if self.name not in MAY_LACK or values.dtype.kind not in "if":
            return False
        return bool((np.isnan(values) if values.dtype.kind == "f" else values == -1).all())

    def _place(self, flags: Bools) -> str:
        index = np.argwhere(flags)[0]
        return ", ".join(f"{dim} {i}" for dim, i in zip(self.raw.dims, index, strict=True))

    def _region(self, region: tuple[slice, ...]) -> str:
        parts = zip(self.raw.dims, region, strict=True)
        return ", ".join(f"{dim} {part.start} to {part.stop - 1}" for dim, part in parts)
