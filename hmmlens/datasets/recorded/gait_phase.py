"""Hip movement of two walking people, as the network in the package of the recordings reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from hmmlens.datasets.base import DATASETS, Dataset
from hmmlens.datasets.published_packages import GAIT
from hmmlens.datasets.recorded.names import GAIT as RECORDINGS
from hmmlens.datasets.recorded.names import PHASE_LEAD, check_held

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("gait_phase", label="gait phase")
class GaitPhaseData(Dataset):
    """The same recordings as the network in their package reads them: 100 Hz, phase ahead."""

    source = GAIT

    kind: Literal["gait_phase"]
    n_steps: int = Field(
        default=500, ge=20, description="steps in a window; windows do not overlap"
    )
    select_recordings: list[str] = Field(default=["H_3km"], min_length=1)
    test_recordings: list[str] = Field(default=["H_LG_stopgo", "J_LG_stopgo"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> GaitPhaseData:
        check_held(RECORDINGS, "recordings", self.select_recordings, self.test_recordings)
        if self.n_steps <= PHASE_LEAD:
            raise ValueError(
                f"n_steps must be above {PHASE_LEAD}, the steps that the phase lies ahead, "
                f"found {self.n_steps}"
            )
        return self

    def n_steps_in_all(self) -> int:
        """Return the number of steps of all recordings.

        Returns
        -------
        int
            An estimate from above where it is not known.
        """
        return 160_000

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return windows whose target is the sine and cosine of the phase some samples ahead.

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
        rate_hz = recordings.PHASE_RATE_HZ
        windows = recordings.cut_windows(
            source,
            rate_hz,
            self.n_steps,
            PHASE_LEAD,
            (self.select_recordings, self.test_recordings),
            lambda recording: recording.phase,
        )
        offset, scale = recordings.phase_scale(source)
        windows = windows._replace(inputs=(windows.inputs - offset) / scale)
        return recordings.assemble_windows(
            windows,
            offset,
            scale,
            {
                "target_names": ["sine of phase", "cosine of phase"],
                "task": f"tell the gait phase {1000 * PHASE_LEAD / rate_hz:.0f} ms ahead",
                "target_delay": PHASE_LEAD,
                "note": "The authors' own network was trained on all recordings but "
                f"{recordings.PHASE_VALIDATION}",
                "rate_hz": rate_hz,
            },
        )
