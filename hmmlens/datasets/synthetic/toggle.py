"""The toggle: a memory of one bit that each pulse inverts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.synthetic.pulses import PulseData
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("toggle", label="toggle")
class ToggleData(PulseData):
    """The toggle: the target changes its sign with every pulse."""

    kind: Literal["toggle"]
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return pulses whose targets are -1 and 1 in turn.

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
        import numpy as np

        about = {
            "target_names": ["sign"],
            "task": "change sign with every pulse",
            "state_names": ["-", "+"],
        }
        return self.count_pulses(2, np.array([[-1.0], [1.0]]), rng, about)
