"""Read sentences with noise between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from hmmlens.datasets.base import DATASETS, Dataset
from hmmlens.datasets.published_packages import SPEECH
from hmmlens.datasets.recorded.names import SPEECH as CLIPS
from hmmlens.datasets.recorded.names import check_held
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("speech", label="speech")
class SpeechData(Dataset):
    """Read sentences with noise between them (LibriVox, in Debian's pocketsphinx-testdata)."""

    source = SPEECH

    kind: Literal["speech"]
    n_sequences: int = Field(default=30, ge=5)
    n_steps: int = Field(default=400, ge=50, description="frames of 32 ms in a sequence")
    noise_db: float = Field(
        default=-20.0, le=0, description="level of the noise against the speech, in dB"
    )
    split: Split = Split()
    select_clips: list[str] = Field(default=["0930"], min_length=1)
    test_clips: list[str] = Field(default=["0880", "0920"], min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> SpeechData:
        check_held(CLIPS, "clips", self.select_clips, self.test_clips)
        return self

    def n_steps_in_all(self) -> int:
        """Return the number of frames of all sequences.

        Returns
        -------
        int
            An estimate from above where it is not known.
        """
        return self.n_sequences * self.n_steps

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return sequences of frames whose target is whether they are speech.

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
        from itertools import pairwise

        import numpy as np

        from hmmlens.datasets.assembly import assemble
        from hmmlens.datasets.recorded import speech_clips as speech
        from hmmlens.datasets.splits import split_sequences

        assert source is not None
        clips = speech.read_clips(source)
        held = [*self.select_clips, *self.test_clips]
        parts = ([n for n in CLIPS if n not in held], self.select_clips, self.test_clips)
        split = split_sequences(self.n_sequences, self.split.model_dump(), rng)
        mixed = speech.mix(clips, parts, split, self.n_steps, self.noise_db, rng)
        bands = list(pairwise(speech.BANDS))
        data = assemble(
            mixed.levels.astype(np.float32),
            mixed.speech[:, :, None].astype(np.float32),
            mixed.speech,
            split,
            np.arange(len(split)),
            {
                "input_kind": "values",
                "target_kind": "values",
                "feature_names": [f"level {low}-{high} Hz" for low, high in bands],
                "feature_units": ["dB"] * len(bands),
                "target_names": ["probability of speech"],
                "task": "tell whether somebody speaks",
                "target_delay": 0,
                "rate_hz": speech.RATE_HZ / speech.FRAME,
                "truth": "inside a sentence or between sentences (known by construction)",
                "state_names": ["noise", "speech"],
                "offset": mixed.offset.tolist(),
                "scale": mixed.scale.tolist(),
                "source": SPEECH.citation,
                "licence": SPEECH.licence,
                "sha256": SPEECH.sha256,
            },
        )
        return data.assign(fed=(("sequence", "time", "sample"), mixed.frames, {"zeros": "silence"}))
