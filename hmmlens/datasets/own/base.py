"""What all datasets from a user's own file share."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from hmmlens.datasets.base import Dataset
from hmmlens.settings import Section, Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from hmmlens.datasets.content import Content

Text = Annotated[str, StringConstraints(min_length=1)]


class Blocks(Section):
    """How one or two recordings are cut in time where the file says no split."""

    count: int = Field(default=40, ge=3, description="blocks of a recording in all, at most")
    shortest: int = Field(default=50, ge=2, description="steps of a block, at least")
    gap: int | None = Field(
        default=None,
        ge=0,
        description="steps between the splits that none reads; left out: a 20th of the recording",
    )


class FileData(Dataset, abc.ABC):
    """Base of datasets that are read from a user's own file.

    Attributes
    ----------
    endings : tuple of str
        How the names of its files end.
    """

    endings: ClassVar[tuple[str, ...]]

    path: Text = Field(description="relative to the folder in which the study is run")
    horizon: int | None = Field(
        default=None,
        ge=0,
        description="steps from an input to its target; left out: 0, or 1 where the file has no "
        "targets and the inputs themselves are predicted",
    )
    standardise: bool = Field(
        default=True, description="values less their mean, over their deviation, on train"
    )
    split: Split = Field(default=Split(), description="where the file says no split")
    split_by: Literal["sequence", "group"] | None = Field(
        default=None, description="left out: by group where the file has groups"
    )

    blocks: Blocks = Field(
        default=Blocks(), description="of files of one or two sequences without a split"
    )

    def files(self) -> list[Path]:
        """Return the file, or all files of a store, in a fixed order; none if it is not there.

        Returns
        -------
        list of pathlib.Path
            Sorted.
        """
        path = Path(self.path)
        return sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())

    @abc.abstractmethod
    def read(self, missing: bool = False) -> Content:
        """Return what the file holds.

        Parameters
        ----------
        missing : bool, default=False
            Whether values of inputs may be missing, which are NaN then.

        Returns
        -------
        Content
            Sequences, padded to the longest.

        Raises
        ------
        DataError
            With the file, and the place in it where something does not fit.
        """

    def n_steps_in_all(self) -> int:
        """Return the number of steps that the bytes of the file have room for.

        Returns
        -------
        int
            1 or more.
        """
        n_bytes = sum(path.stat().st_size for path in self.files())
        n_bytes *= 4 if self.path.endswith(".gz") else 1
        # As few bytes a value as a file may take.
        return max(1, n_bytes // (4 * self.n_values_per_step()))

    def n_values_per_step(self) -> int:
        """Return the number of values of a step, 1 where it is not known without reading.

        Returns
        -------
        int
            1 or more.
        """
        return 1

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return the sequences of the file; see :func:`hmmlens.datasets.own.files.from_file`.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of everything that is sampled.
        source : pathlib.Path, optional
            The file of the class's ``source``, where it has one.
        frozen : bool
            Whether no network is trained on the dataset.

        Returns
        -------
        xarray.Dataset
            See :func:`hmmlens.datasets.build.build`.
        """
        from hmmlens.datasets.own.files import from_file
        from hmmlens.errors import DataError

        data = from_file(self, rng, frozen)
        if "parts" in data.attrs:
            raise DataError(
                f"{self.path}: holds several inputs, which hmmlens explain, check and layers read; "
                "a study needs one array input"
            )
        return data
