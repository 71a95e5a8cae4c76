"""The flip-flop task of Sussillo & Barak 2013 (Neural Computation 25:626)."""

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


@DATASETS.register("flipflop", label="flip-flop")
class FlipFlopData(SyntheticDataset):
    """The flip-flop: each channel remembers the sign of its last pulse (Sussillo & Barak 2013)."""

    kind: Literal["flipflop"]
    n_bits: int = Field(default=3, ge=1, le=6)
    pulse_probability: float = Field(default=0.1, gt=0, lt=1, description="per step and channel")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return pulses whose targets are the signs of the last pulses.

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
        from hmmlens.datasets.synthetic.generators import sample_flipflop

        inputs, target, states = sample_flipflop(
            self.n_bits, self.pulse_probability, self.n_sequences, self.n_steps, rng
        )
        codes = range(2**self.n_bits)
        return assemble(
            inputs.astype(np.float32),
            target.astype(np.float32),
            states,
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "values",
                "target_kind": "values",
                "feature_names": [f"pulse {i + 1}" for i in range(self.n_bits)],
                "target_names": [f"bit {i + 1}" for i in range(self.n_bits)],
                "task": "hold the sign of each channel's last pulse",
                "target_delay": 0,
                "truth": "the signs of the last pulses",
                "state_names": [
                    "".join("+" if code >> bit & 1 else "-" for bit in range(self.n_bits))
                    for code in codes
                ],
                "floor_mse": 0.0,
            },
        )
