"""Small packages of the form that the recorded datasets read."""

from __future__ import annotations

import io
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np

from hmmlens.datasets.recorded.names import GAIT as RECORDINGS
from hmmlens.datasets.recorded.names import SPEECH as CLIPS
from hmmlens.datasets.recorded.speech_clips import RATE_HZ

#: Rows of each recording, and its hip angle; the last person stands in the second half.
ROWS = dict(zip(RECORDINGS, (700, 600, 650, 900, 620, 640, 660, 800), strict=True))


def hip(index: int, seconds: np.ndarray) -> np.ndarray:
    return 0.1 * index + np.sin(3 * seconds)


def write_gait_wheel(path: Path) -> Path:
    """Write a wheel with all recordings of walking, 10 ms apart, and return its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for index, (name, rows) in enumerate(ROWS.items()):
            seconds = np.arange(rows) / 100
            stands = np.arange(rows) >= (rows // 2 if name == "J_LG_stopgo" else rows)
            lines = ["Time;Hip_x;Hip_vel;target_cos;target_sin"]
            columns = (seconds, hip(index, seconds), np.cos(3 * seconds), stands)
            for s, x, v, c in zip(*columns, strict=True):
                lines.append(f"0 days 00:00:{s:09.6f};{float(x)!r};{float(v)!r};{float(c)};0.0")
            member = f"ao_compensation_model/dataset/training/training_data_{name}_target.csv"
            archive.writestr(member, "\n".join(lines))
    return path


FOLDER = "./usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb"

#: Each clip is a tone of its own, from 0.5 s up: 300, 600, ... Hz.
TONES = {name: 300.0 * (i + 1) for i, name in enumerate(CLIPS)}
LENGTHS = {name: RATE_HZ // 2 + 800 * i for i, name in enumerate(CLIPS)}


def tone(name: str) -> np.ndarray:
    seconds = np.arange(LENGTHS[name]) / RATE_HZ
    return np.rint(8000 * np.sin(2 * np.pi * TONES[name] * seconds)).astype("<i2")


def wav(samples: np.ndarray, rate: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def write_speech_package(path: Path, clips: dict[str, bytes]) -> Path:
    """Write an ``ar`` archive with the clips in its data.tar.xz."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        for name, content in clips.items():
            member = tarfile.TarInfo(f"{FOLDER}-{name}.wav")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    text = b"!<arch>\n"
    # The first member has an odd length, so that the one after it is padded.
    for name, content in (("debian-binary", b"2.0"), ("data.tar.xz", tar.getvalue())):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        text += header.encode() + content + b"\n" * (len(content) % 2)
    path.write_bytes(text)
    return path
