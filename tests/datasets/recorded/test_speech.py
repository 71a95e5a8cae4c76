"""Speech is read from a tiny hand-made Debian package, and mixed as its settings state."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hmmlens.datasets.build import build
from hmmlens.datasets.recorded.speech import SpeechData
from hmmlens.datasets.recorded.speech_clips import (
    BANDS,
    CLIPS,
    FRAME,
    RATE_HZ,
    band_levels,
    read_clips,
)
from hmmlens.errors import DataError
from tests.datasets.packages import TONES, tone, wav, write_speech_package


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deb") / "speech.deb"
    return write_speech_package(path, {name: wav(tone(name)) for name in CLIPS})


def speech(**change: Any) -> SpeechData:
    return SpeechData(**({"kind": "speech", "n_sequences": 15, "n_steps": 200} | change))


def test_clips_are_read_at_full_scale(deb: Path) -> None:
    clips = read_clips(deb)
    assert list(clips) == list(CLIPS)
    for name, samples in clips.items():
        np.testing.assert_array_equal(samples * 32768, tone(name))


def test_truth_is_where_a_tone_sounds_and_splits_share_no_clip(deb: Path) -> None:
    # Noise far below the tones, so that a frame's loudness shows what it holds.
    data = build(speech(noise_db=-80.0), seed=1, source=deb)
    frames, state = data["fed"].to_numpy(), data["state"].to_numpy()
    assert frames.shape == (15, 200, FRAME)
    loud = (np.abs(frames) > 0.01).mean(axis=2)
    # All but the first and last frame of a clip are wholly inside or outside.
    assert np.all(state[loud > 0.9] == 1)
    assert np.all(state[loud == 0] == 0)
    assert 0.15 < state.mean() < 0.6
    np.testing.assert_array_equal(data["target"].to_numpy()[:, :, 0], state)
    spectrum = np.abs(np.fft.rfft(frames, axis=2))
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)[spectrum.argmax(axis=2)]
    wanted = {0: {"0870", "0890"}, 1: {"0930"}, 2: {"0880", "0920"}}
    for part, names in wanted.items():
        audible = hertz[(loud > 0.9) & (data["split"].to_numpy() == part)[:, None]]
        found = {min(TONES, key=lambda n, f=f: abs(TONES[n] - f)) for f in audible}
        assert found == names
    assert np.bincount(data["split"]).tolist() == [9, 3, 3]


def test_noise_has_its_level_everywhere(deb: Path) -> None:
    data = build(speech(noise_db=-20.0), seed=1, source=deb)
    frames, state = data["fed"].to_numpy().astype(float), data["state"].to_numpy()
    quiet = frames[state == 0]
    quiet = quiet[np.abs(quiet).max(axis=1) < 0.15]
    # A tone of amplitude a has the mean square a^2 / 2.
    expected = (8000 / 32768) ** 2 / 2 * 1e-2
    assert (quiet**2).mean() == pytest.approx(expected, rel=0.05)


def test_levels_describe_the_band_of_a_tone() -> None:
    seconds = np.arange(FRAME) / RATE_HZ
    for index, (low, high) in enumerate(pairwise(BANDS)):
        level = band_levels(0.1 * np.sin(np.pi * (low + high) * seconds))
        assert level.shape == (len(BANDS) - 1,)
        assert level.argmax() == index
        # Ten times the amplitude is 20 dB.
        louder = band_levels(np.sin(np.pi * (low + high) * seconds))
        assert louder[index] - level[index] == pytest.approx(20, abs=1e-6)


def test_levels_give_decibels_back_and_the_seed_decides(deb: Path) -> None:
    one, two, other = (build(speech(), seed, source=deb) for seed in (1, 1, 2))
    levels = one["input"].to_numpy() * np.array(one.attrs["scale"]) + one.attrs["offset"]
    np.testing.assert_allclose(levels, band_levels(one["fed"].to_numpy()), atol=1e-3)
    np.testing.assert_array_equal(one["fed"], two["fed"])
    assert not np.array_equal(one["fed"], other["fed"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"test_clips": ["0999"]}, "test_clips: there is no '0999'.*, wants some of: 0870, "),
        ({"test_clips": ["0930"]}, "'0930' is named twice in select_clips and test_clips"),
        (
            {"test_clips": ["0870", "0880", "0890", "0920"]},
            "name all clips, so that none is left for training",
        ),
    ],
)
def test_settings_that_leave_nothing_are_reported(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        speech(**change)


def test_another_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match=r"x\.deb: this is no Debian package"):
        read_clips(path)
    path.write_bytes(b"!<arch>\n")
    with pytest.raises(DataError, match=r"the Debian package holds no data\.tar"):
        read_clips(path)
    clips = {name: wav(tone(name)) for name in CLIPS[1:]}
    with pytest.raises(DataError, match="the speech clip 0870 is missing"):
        read_clips(write_speech_package(path, clips))
    with pytest.raises(DataError, match="0870 has 1 channels of 2 bytes at 8000 Hz, but 1 of 2"):
        read_clips(write_speech_package(path, {"0870": wav(tone("0870"), 8000)} | clips))
