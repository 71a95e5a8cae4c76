"""Hip movement of two walking people, to be predicted some steps ahead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from hmmlens.datasets.base import DATASETS, Dataset
from hmmlens.datasets.published_packages import GAIT
from hmmlens.datasets.recorded.names import GAIT as RECORDINGS
from hmmlens.datasets.recorded.names import check_held

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("gait", label="gait")
class GaitData(Dataset):
    """Hip movement of two walking people (ao-compensation-model 0.1.6, MIT)."""

    source = GAIT

    kind: Literal["gait"]
    rate_hz: float = Field(default=25.0, gt=1, le=90, description="sampling rate after resampling")
    n_steps: int = Field(
        default=500, ge=20, description="steps in a window; windows do not overlap"
    )
    horizon: int = Field(
        default=5, ge=1, description="steps ahead to predict (5 at 25 Hz is 200 ms)"
    )
    select_recordings: list[str] = Field(default=["H_4km"], min_length=1)
    test_recordings: list[str] = Field(default=["H_LG_stopgo", "J_LG_stopgo"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> GaitData:
        check_held(RECORDINGS, "recordings", self.select_recordings, self.test_recordings)
        if self.horizon >= self.n_steps:
            raise ValueError(
                f"horizon must be below n_steps, the length of a window, found {self.horizon} and "
                f"{self.n_steps}"
            )
        return self

    def n_steps_in_all(self) -> int:
        """Return the number of steps of all recordings.

        Returns
        -------
        int
            An estimate from above where it is not known.
        """
        return int(40_000 * self.rate_hz / 25)

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return windows whose target is the movement ``horizon`` steps ahead.

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
        from hmmlens.datasets.recorded import gait_recordings as recordings

        assert source is not None
        windows = recordings.cut_windows(
            source,
            self.rate_hz,
            self.n_steps,
            self.horizon,
            (self.select_recordings, self.test_recordings),
            lambda recording: recording.values,
        )
        train = windows.inputs[windows.split == 0].reshape(-1, windows.inputs.shape[2])
        offset, scale = train.mean(axis=0), train.std(axis=0)
        windows = windows._replace(
            inputs=(windows.inputs - offset) / scale, target=(windows.target - offset) / scale
        )
        ms = 1000 * self.horizon / self.rate_hz
        return recordings.assemble_windows(
            windows,
            offset,
            scale,
            {
                "target_names": recordings.FEATURES,
                "task": f"predict hip angle and velocity {ms:.0f} ms ahead",
                "target_delay": self.horizon,
                "rate_hz": self.rate_hz,
            },
        )
