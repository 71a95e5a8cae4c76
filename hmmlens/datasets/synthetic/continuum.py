"""Tasks without discrete states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("continuum", label="continuum")
class ContinuumData(SyntheticDataset):
    """A task without discrete states, on which no states must be found."""

    kind: Literal["continuum"]
    law: Literal["ar1", "var2", "ring", "ring2", "integrator", "leaky", "head_direction"]
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return values whose targets are those ahead, or a sum of them.

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

        from hmmlens.datasets.assembly import assemble
        from hmmlens.datasets.synthetic import continua

        task = continua.TASKS[self.law]
        inputs, target = task.sample(self.n_sequences, self.n_steps, rng)
        floor = continua.floor_mse(self.law, self.n_steps)
        return assemble(
            inputs.astype(np.float32),
            target.astype(np.float32),
            np.full(inputs.shape[:2], -1),
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "values",
                "target_kind": "values",
                "feature_names": list(task.feature_names),
                "target_names": list(task.target_names),
                "task": task.task,
                "target_delay": task.target_delay,
                "truth": "none: there are no discrete states",
                "state_names": [],
                **({} if floor is None else {"floor_mse": floor}),
            },
        )
