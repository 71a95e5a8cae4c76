"""Counters of pulses, modulo a small number."""

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


@DATASETS.register("counter", label="counter")
class CounterData(PulseData):
    """A counter: the target is the number of pulses so far, modulo a small number, one-hot."""

    kind: Literal["counter"]
    modulus: int = Field(default=3, ge=2, le=8)
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return pulses whose targets are their numbers so far, one-hot.

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

        names = [f"count {i}" for i in range(self.modulus)]
        about = {
            "target_names": names,
            "task": f"count pulses modulo {self.modulus}",
            "state_names": names,
        }
        return self.count_pulses(self.modulus, np.eye(self.modulus), rng, about)
