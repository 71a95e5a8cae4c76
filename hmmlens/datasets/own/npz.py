"""Arrays in a NumPy .npz file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.own.base import FileData

if TYPE_CHECKING:
    from hmmlens.datasets.content import Content


@DATASETS.register("npz", label="NumPy archive")
class NpzData(FileData):
    """Your own arrays in a NumPy .npz file: input, and if you have them target, length, ..."""

    endings = (".npz",)

    kind: Literal["npz"]

    def read(self, missing: bool = False) -> Content:
        """Return what the file holds; see :func:`hmmlens.datasets.own.arrays.read_npz`.

        Parameters
        ----------
        missing : bool, default=False
            Whether values of inputs may be missing.

        Returns
        -------
        Content
            Sequences, padded to the longest.
        """
        from hmmlens.datasets.own.arrays import read_npz
        from hmmlens.io.input_files import check_file

        check_file(self.path)
        return read_npz(Path(self.path), missing)
