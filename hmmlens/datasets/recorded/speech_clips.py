"""Read sentences with noise between them: what is speech is known by construction."""

from __future__ import annotations

import io
import tarfile
import wave
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.recorded.names import SPEECH as CLIPS
from hmmlens.errors import DataError
from hmmlens.typing import Floats

RATE_HZ = 16000

#: Samples of one frame, the step of a sequence: 32 ms.
FRAME = 512

#: Shortest and longest pause between sentences, in seconds.
PAUSE = (0.5, 3.0)

#: Edges in Hz of the bands whose levels describe a frame.
BANDS = (0, 250, 500, 1000, 2000, 4000, 8000)


class Mixture(NamedTuple):
    """Sequences of frames.

    Attributes
    ----------
    frames : ndarray of shape (sequence, time, sample)
        The signal, full scale being 1.
    levels : ndarray of shape (sequence, time, band)
        Levels of the bands, standardised by the train split.
    speech : ndarray of shape (sequence, time)
        1 where most of the frame lies inside a sentence, else 0.
    offset : ndarray of shape (band,)
        Mean of the levels on the train split, in dB.
    scale : ndarray of shape (band,)
        Standard deviation of the levels on the train split, in dB.
    """

    frames: NDArray[np.float32]
    levels: Floats
    speech: NDArray[np.int64]
    offset: Floats
    scale: Floats


def mix(
    clips: Mapping[str, Floats],
    parts: Sequence[Sequence[str]],
    split: NDArray[np.integer],
    n_steps: int,
    noise_db: float,
    rng: np.random.Generator,
) -> Mixture:
    """Return sequences of sentences in random order with pauses, in steady white noise.

    The noise is added to the sentences too. Pauses of the reader within a sentence count as speech.

    Parameters
    ----------
    clips : mapping of str to ndarray of shape (sample,)
        Sentences by name.
    parts : sequence of sequences of str
        Names of the sentences of each split, so that a sentence occurs in one split alone.
    split : ndarray of shape (sequence,)
        Split of each sequence.
    n_steps : int
        Frames in a sequence.
    noise_db : float
        Level of the noise relative to that of the speech, in dB.
    rng : numpy.random.Generator
        Source of order, pauses and noise.

    Returns
    -------
    Mixture
        One sequence for each entry of ``split``.
    """
    loudness = float(np.sqrt(np.mean(np.concatenate(list(clips.values())) ** 2)))
    noise = loudness * 10 ** (noise_db / 20)
    signals, inside = [], []
    for part in split:
        signal, speech = _sequence([clips[n] for n in parts[part]], n_steps * FRAME, rng)
        signals.append(signal + noise * rng.standard_normal(len(signal)))
        inside.append(speech)
    frames = np.stack(signals).reshape(len(split), -1, FRAME).astype(np.float32)
    share = np.stack(inside).reshape(frames.shape).mean(axis=2)
    levels = band_levels(frames)
    offset, scale = (f(levels[split == 0], axis=(0, 1)) for f in (np.mean, np.std))
    standardised = (levels - offset) / scale
    return Mixture(frames, standardised, (share > 0.5).astype(np.int64), offset, scale)


def _sequence(
    clips: list[Floats], n_samples: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return sentences in random order with pauses (sample), and where a sentence is."""
    pieces: list[Floats] = []
    speech: list[NDArray[np.bool_]] = []
    order: list[int] = []
    total = 0
    while total < n_samples:
        order = order or rng.permutation(len(clips)).tolist()
        clip = clips[order.pop()]
        pause = np.zeros(int(rng.uniform(*PAUSE) * RATE_HZ))
        pieces += [pause, clip]
        speech += [np.zeros(len(pause), dtype=bool), np.ones(len(clip), dtype=bool)]
        total += len(pause) + len(clip)
    return np.concatenate(pieces)[:n_samples], np.concatenate(speech)[:n_samples]


def band_levels(frames: NDArray[np.floating[Any]]) -> Floats:
    """Return the level of each of ``BANDS``.

    Parameters
    ----------
    frames : ndarray of shape (..., sample)
        Frames of a signal, full scale being 1.

    Returns
    -------
    ndarray of shape (..., band)
        In dB.
    """
    n = frames.shape[-1]
    power = np.abs(np.fft.rfft(frames * np.hanning(n), axis=-1)) ** 2 / n
    hertz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    bands = [
        power[..., (hertz >= low) & (hertz < high)].mean(axis=-1) for low, high in pairwise(BANDS)
    ]
    return 10 * np.log10(np.stack(bands, axis=-1) + 1e-12)


def read_clips(deb: Path) -> dict[str, Floats]:
    """Return the sentences in a Debian package.

    Parameters
    ----------
    deb : pathlib.Path
        The fetched package.

    Returns
    -------
    dict of str to ndarray of shape (sample,)
        Sentences by name, full scale being 1.

    Raises
    ------
    DataError
        When the file is no Debian package, or holds a clip of another format or none.
    """
    folder = "./usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb"
    clips = {}
    with tarfile.open(fileobj=io.BytesIO(_member(deb, "data.tar")), mode="r:*") as archive:
        for name in CLIPS:
            try:
                content = archive.extractfile(f"{folder}-{name}.wav")
            except KeyError:
                content = None
            if content is None:
                raise DataError(f"{deb}: the speech clip {name} is missing")
            with wave.open(content) as sound:
                form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
                if form != (1, 2, RATE_HZ):
                    raise DataError(
                        f"{deb}: the speech clip {name} has {form[0]} channels of {form[1]} bytes "
                        f"at {form[2]} Hz, but 1 of 2 bytes at {RATE_HZ} Hz is expected"
                    )
                samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
            clips[name] = samples / 32768
    return clips


def _member(deb: Path, prefix: str) -> bytes:
    """Return a member of a Debian package, which is an ``ar`` archive (deb(5), ar(5))."""
    content = deb.read_bytes()
    if content[:8] != b"!<arch>\n":
        raise DataError(f"{deb}: this is no Debian package")
    position = 8
    while position + 60 <= len(content):
        header = content[position : position + 60]
        name, size = header[:16].decode().strip(), int(header[48:58])
        if name.startswith(prefix):
            return content[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
    raise DataError(f"{deb}: the Debian package holds no {prefix}")
