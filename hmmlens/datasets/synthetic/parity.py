"""The parity of all bits so far: two states, and every 1 changes the state."""

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


@DATASETS.register("parity", label="parity")
class ParityData(SyntheticDataset):
    """Random bits and, at every step, whether the number of ones so far is odd."""

    kind: Literal["parity"]
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return bits whose targets are the parity of all bits so far."""
        import numpy as np

        from hmmlens.datasets.assembly import assemble

        bits = rng.integers(0, 2, size=(self.n_sequences, self.n_steps))
        parity = bits.cumsum(axis=1) % 2
        return assemble(
            bits.astype(np.int16),
            parity.astype(np.int16),
            parity,
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "symbols",
                "target_kind": "symbols",
                "n_symbols": 2,
                "n_target_symbols": 2,
                "task": "output the parity of all bits so far",
                "target_delay": 0,
                "truth": "the parity",
                "state_names": ["even", "odd"],
                "floor_nll": 0.0,
            },
        )
