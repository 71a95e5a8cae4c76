"""The registry of datasets and what every dataset's settings class offers.

A dataset is one module: a settings class that :data:`DATASETS` registers under its ``kind``, with a
method ``build``. Reading a config imports these modules, so they import NumPy, xarray and readers
of files only within functions.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hmmlens.datasets.published_packages import PublishedPackage
from hmmlens.registry import Registry
from hmmlens.settings import Section

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


class Dataset(Section):
    """Base of the settings classes of datasets.

    Attributes
    ----------
    source : PublishedPackage or None
        The published package that the dataset is read from; None where it needs none.
    """

    source: ClassVar[PublishedPackage | None] = None

    if TYPE_CHECKING:
        kind: str

    @abstractmethod
    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return the sequences; see :func:`hmmlens.datasets.build.build`.

        Parameters
        ----------
        rng : numpy.random.Generator
            Generator of everything that is sampled.
        source : pathlib.Path or None
            The file of ``source``, where the dataset needs one.
        frozen : bool
            Whether no network is trained on the dataset.

        Returns
        -------
        xarray.Dataset
            The arrays that :func:`hmmlens.datasets.build.build` documents.
        """

    @abstractmethod
    def n_steps_in_all(self) -> int:
        """Return the number of steps of all sequences, or an estimate from above.

        Returns
        -------
        int
            Before any is left out.
        """

    def n_values_per_step(self) -> int:
        """Return the number of values of a step, input and target together, at most.

        Returns
        -------
        int
            1 or more.
        """
        return 16


#: Settings classes of datasets by kind.
DATASETS: Registry[type[Dataset]] = Registry("dataset")
