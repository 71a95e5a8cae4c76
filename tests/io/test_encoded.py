"""Arrays whose numbers are not their values are refused wherever arrays are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import hmmlens
from hmmlens.errors import DataError
from hmmlens.recording.inputs import Source

VALUES = np.random.default_rng(0).normal(size=(4, 6, 2))


@pytest.mark.parametrize(
    ("encoding", "key"),
    [
        ({"dtype": "int16", "scale_factor": 1e-3}, "scale_factor"),
        ({"dtype": "int16", "scale_factor": 1.0, "add_offset": 2.0}, "scale_factor"),
        ({"dtype": "int16", "_FillValue": -9}, "_FillValue"),
    ],
)
def test_packed_arrays_are_refused_and_decoded_ones_taken(
    tmp_path: Path, encoding: dict[str, Any], key: str
) -> None:
    path = tmp_path / "a.zarr"
    data = xr.Dataset({"x": (("sequence", "time", "feature"), VALUES)})
    data.to_zarr(path, encoding={"x": encoding}, consolidated=False)
    raw = xr.open_zarr(path, consolidated=False, mask_and_scale=False)["x"]
    for array in (raw, zarr.open_group(path, mode="r")["x"]):
        for take in (Source, lambda X: hmmlens.reduce(X, "pca", n_components=1)):
            with pytest.raises(DataError, match=f"has the attribute {key}, so its numbers are enc"):
                take(array)
    decoded = xr.open_zarr(path, consolidated=False)["x"]
    np.testing.assert_array_equal(Source(decoded).batch(slice(0, 4)), decoded)


def test_missing_chunks_of_a_zarr_array_are_reported(tmp_path: Path) -> None:
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=VALUES.shape, chunks=(1, 6, 2), dtype="float64"
    )
    array[:] = VALUES
    np.testing.assert_array_equal(Source(array).batch(slice(0, 4)), VALUES)
    (tmp_path / "a.zarr" / "c" / "2" / "0" / "0").unlink()
    with pytest.raises(DataError, match="inputs: 1 of 4 chunks of the Zarr array are not there"):
        Source(array)
    # The values themselves are the caller's word.
    np.testing.assert_array_equal(Source(array[:]).batch(slice(2, 3)), np.zeros((1, 6, 2)))
