"""Arrays in a Zarr store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.own.base import FileData

if TYPE_CHECKING:
    from hmmlens.datasets.content import Content


@DATASETS.register("zarr", label="Zarr store")
class ZarrData(FileData):
    """Your own arrays in a Zarr store with named dimensions, of the same names as in npz."""

    endings = (".zarr",)

    kind: Literal["zarr"]

    def read(self, missing: bool = False) -> Content:
        """Return what the store holds; see :func:`hmmlens.datasets.own.arrays.read_zarr`.

        Parameters
        ----------
        missing : bool, default=False
            Whether values of inputs may be missing.

        Returns
        -------
        Content
            Sequences, padded to the longest.
        """
        from hmmlens.datasets.own.arrays import read_zarr

        return read_zarr(Path(self.path), missing)
