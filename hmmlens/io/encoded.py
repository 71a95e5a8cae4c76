"""Refuse arrays whose stored numbers are not the values that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hmmlens.errors import DataError

#: Attributes (of CF) that state how values follow from the stored numbers; xarray decodes them.
_PACKED = ("scale_factor", "add_offset")
_MISSING = ("_FillValue", "missing_value")


def refuse_encoded(X: Any, name: str) -> None:
    """Check that an array of Zarr, HDF5 or xarray holds values, all of them.

    Parameters
    ----------
    X : object
        Anything; arrays of other kinds pass.
    name : str
        Name of the argument, for messages.

    Raises
    ------
    DataError
        When its attributes state that it is packed, or marks missing values by a whole number; or
        chunks of a Zarr array are missing, which reads as their fill value.
    """
    about = getattr(X, "attrs", None)
    if isinstance(about, Mapping):
        whole = getattr(getattr(X, "dtype", None), "kind", "") in ("i", "u")
        found = [key for key in (*_PACKED, *(_MISSING if whole else ())) if key in about]
        if found:
            raise DataError(
                f"{name} has the attribute {found[0]}, so its numbers are encoded values; decode "
                "them, as xarray.open_dataset and xarray.open_zarr do"
            )
    n_there = getattr(X, "nchunks_initialized", None)
    if n_there is not None and n_there < X.nchunks:
        raise DataError(
            f"{name}: {X.nchunks - n_there} of {X.nchunks} chunks of the Zarr array are not there; "
            f"they were lost, or held nothing but the fill value {X.fill_value} and were left out; "
            "write the array with write_empty_chunks=True, or give its values, as array[:]"
        )
