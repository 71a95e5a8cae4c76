"""Hip movement of two walking people, cut into windows of one recording each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.content import SPLITS
from hmmlens.datasets.recorded.names import GAIT as RECORDINGS
from hmmlens.datasets.recorded.names import PHASE_LEAD
from hmmlens.datasets.recorded.sources import GAIT
from hmmlens.datasets.settings import GaitData, GaitPhaseData
from hmmlens.errors import DataError
from hmmlens.typing import Floats

#: What is recorded.
FEATURES = ["hip angle", "hip velocity"]

#: A stand shorter than this many rows (about half a second) is a pause within a step.
MIN_STANDING_ROWS = 50

#: Samples a second that the package's own network reads.
PHASE_RATE_HZ = 100.0

#: The recording that the package's authors kept out of training, to stop it by.
PHASE_VALIDATION = "H_3km"


class Recording(NamedTuple):
    """One gait recording at an even rate.

    values : (time, feature), hip angle in rad and hip velocity in rad/s
    standing : (time), True while the person stands
    phase : (time, 2), sine and cosine of the gait phase
    """

    values: Floats
    standing: NDArray[np.bool_]
    phase: Floats


class Windows(NamedTuple):
    """Windows of recordings: ``inputs``, ``target`` and truth ``states`` (sequence, time, ...)."""

    inputs: Floats
    target: Floats
    states: NDArray[np.int64]
    split: NDArray[np.int8]
    group: NDArray[np.int64]


def _table(wheel: Path, name: str) -> Any:
    import pandas as pd

    member = f"ao_compensation_model/dataset/training/training_data_{name}_target.csv"
    with zipfile.ZipFile(wheel) as archive:
        if member not in archive.namelist():
            raise DataError(
                f"there is no gait recording {name!r}; allowed: {', '.join(RECORDINGS)}"
            )
        table = pd.read_csv(io.BytesIO(archive.read(member)), sep=";")
    wanted = ["Time", "Hip_x", "Hip_vel", "target_cos", "target_sin"]
    missing = [column for column in wanted if column not in table]
    if missing:
        raise DataError(f"gait recording {name}: column {missing[0]} is missing")
    return table


def read(wheel: Path, name: str, rate_hz: float) -> Recording:
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

    table = _table(wheel, name)
    seconds = pd.to_timedelta(table["Time"]).dt.total_seconds().to_numpy()
    if np.any(np.diff(seconds) <= 0):
        row = int(np.flatnonzero(np.diff(seconds) <= 0)[0]) + 1
        raise DataError(f"gait recording {name}: the clock does not advance at row {row}")
    resting = (table["target_cos"] == 1).to_numpy() & (table["target_sin"] == 0).to_numpy()
    standing = keep_long_runs(resting, MIN_STANDING_ROWS)
    clock = np.arange(seconds[0], seconds[-1], 1 / rate_hz)
    columns = ("Hip_x", "Hip_vel", "target_sin", "target_cos")
    even = np.stack([np.interp(clock, seconds, table[c].to_numpy(float)) for c in columns], axis=1)
    phase = even[:, 2:] / np.maximum(np.linalg.norm(even[:, 2:], axis=1, keepdims=True), 1e-12)
    nearest = np.rint(np.interp(clock, seconds, np.arange(len(seconds)))).astype(int)
    return Recording(even[:, :2], standing[nearest], phase)


def phase_scale(wheel: Path) -> tuple[Floats, Floats]:
    """Return centre and scale (feature) of the inputs of the package's own network.

    The authors' rule, computed again because they stored it as a pickle: median and
    interquartile range over the rows of all recordings but ``PHASE_VALIDATION``.
    """
    rows = [
        _table(wheel, name)[["Hip_x", "Hip_vel"]].to_numpy(float)
        for name in RECORDINGS
        if name != PHASE_VALIDATION
    ]
    low, centre, high = np.percentile(np.concatenate(rows), [25, 50, 75], axis=0)
    return centre, high - low


def ahead(settings: GaitData, wheel: Path) -> tuple[Windows, dict[str, Any]]:
    """Return windows whose target is the movement ``horizon`` steps ahead, and attributes."""
    windows = _cut(settings, settings.horizon, wheel, settings.rate_hz, lambda r: r.values)
    train = windows.inputs[windows.split == 0].reshape(-1, windows.inputs.shape[2])
    offset, scale = train.mean(axis=0), train.std(axis=0)
    ms = 1000 * settings.horizon / settings.rate_hz
    windows = windows._replace(
        inputs=(windows.inputs - offset) / scale, target=(windows.target - offset) / scale
    )
    return windows, _attributes(offset, scale) | {
        "target_names": FEATURES,
        "task": f"predict hip angle and velocity {ms:.0f} ms ahead",
        "target_delay": settings.horizon,
        "rate_hz": settings.rate_hz,
    }


def phase_ahead(settings: GaitPhaseData, wheel: Path) -> tuple[Windows, dict[str, Any]]:
    """Return windows as the package's own network reads them, and attributes.

    The target is the sine and cosine of the gait phase ``PHASE_LEAD`` samples ahead.
    """
    windows = _cut(settings, PHASE_LEAD, wheel, PHASE_RATE_HZ, lambda r: r.phase)
    offset, scale = phase_scale(wheel)
    windows = windows._replace(inputs=(windows.inputs - offset) / scale)
    return windows, _attributes(offset, scale) | {
        "target_names": ["sine of phase", "cosine of phase"],
        "task": f"tell the gait phase {1000 * PHASE_LEAD / PHASE_RATE_HZ:.0f} ms ahead",
        "target_delay": PHASE_LEAD,
        "note": f"The authors' own network was trained on all recordings but {PHASE_VALIDATION}",
        "rate_hz": PHASE_RATE_HZ,
    }


def _attributes(offset: Floats, scale: Floats) -> dict[str, Any]:
    return {
        "input_kind": "values",
        "target_kind": "values",
        "feature_names": FEATURES,
        "feature_units": ["rad", "rad/s"],
        "group_names": list(RECORDINGS),
        "truth": "walking or standing (derived from the signal, not annotated by people)",
        "state_names": ["walk", "stand"],
        "offset": offset.tolist(),
        "scale": scale.tolist(),
        "source": GAIT.citation,
        "licence": GAIT.licence,
        "sha256": GAIT.sha256,
    }


def _cut(
    settings: GaitData | GaitPhaseData,
    lead: int,
    wheel: Path,
    rate_hz: float,
    target: Callable[[Recording], Floats],
) -> Windows:
    parts = {name: 1 for name in settings.select_recordings}
    parts |= {name: 2 for name in settings.test_recordings}
    n = settings.n_steps
    inputs, targets, states, split, group = [], [], [], [], []
    for index, name in enumerate(RECORDINGS):
        recording = read(wheel, name, rate_hz)
        wanted = target(recording)
        for start in range(0, len(recording.values) - n - lead + 1, n):
            inputs.append(recording.values[start : start + n])
            targets.append(wanted[start + lead : start + lead + n])
            states.append(recording.standing[start : start + n].astype(np.int64))
            split.append(parts.get(name, 0))
            group.append(index)
    if set(split) != {0, 1, 2}:
        empty = SPLITS[min({0, 1, 2} - set(split))]
        raise DataError(
            f"the {empty} split of gait holds no window of {n} steps; "
            "give it another recording, or make n_steps smaller"
        )
    return Windows(
        np.stack(inputs),
        np.stack(targets),
        np.stack(states),
        np.array(split, dtype=np.int8),
        np.array(group),
    )


def keep_long_runs(flags: NDArray[np.bool_], min_length: int) -> NDArray[np.bool_]:
    """Return ``flags`` (time) with runs of True shorter than ``min_length`` set to False."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    kept = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= min_length:
            kept[start:stop] = True
    return kept
