"""Recordings of walking people, cut into windows of one recording each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.datasets.assembly import assemble
from hmmlens.datasets.published_packages import GAIT
from hmmlens.datasets.recorded.names import GAIT as RECORDINGS
from hmmlens.datasets.splits import SPLITS
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

    Attributes
    ----------
    values : ndarray of shape (time, feature)
        Hip angle in rad and hip velocity in rad/s.
    standing : ndarray of bool, shape (time,)
        Whether the person stands.
    phase : ndarray of shape (time, 2)
        Sine and cosine of the gait phase.
    """

    values: Floats
    standing: NDArray[np.bool_]
    phase: Floats


class Windows(NamedTuple):
    """Windows of recordings.

    Attributes
    ----------
    inputs : ndarray of shape (sequence, time, feature)
        Hip angle and velocity.
    target : ndarray of shape (sequence, time, output)
        What is to be predicted.
    states : ndarray of shape (sequence, time)
        1 where the person stands, else 0.
    split : ndarray of shape (sequence,)
        0 train, 1 select, 2 test.
    group : ndarray of shape (sequence,)
        Recording of each window.
    """

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
    """Read one recording from the wheel and resample it.

    Rows lie about 10 ms apart, not evenly, so values are interpolated in time. A person stands
    where the wheel's own phase target rests at (cos 1, sin 0) for at least
    ``MIN_STANDING_ROWS`` rows: it was derived from the signal, not annotated by people.

    Parameters
    ----------
    wheel : pathlib.Path
        The fetched package.
    name : str
        Name of the recording.
    rate_hz : float
        Sampling rate after resampling.

    Returns
    -------
    Recording
        At an even rate.

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
    """Return centre and scale of the inputs of the package's own network.

    The authors' rule, computed again because they stored it as a pickle: median and
    interquartile range over the rows of all recordings but ``PHASE_VALIDATION``.

    Parameters
    ----------
    wheel : pathlib.Path
        The fetched package.

    Returns
    -------
    centre, scale : ndarray of shape (feature,)
        In rad and rad/s.
    """
    rows = [
        _table(wheel, name)[["Hip_x", "Hip_vel"]].to_numpy(float)
        for name in RECORDINGS
        if name != PHASE_VALIDATION
    ]
    low, centre, high = np.percentile(np.concatenate(rows), [25, 50, 75], axis=0)
    return centre, high - low


def cut_windows(
    wheel: Path,
    rate_hz: float,
    n_steps: int,
    lead: int,
    held: tuple[Sequence[str], Sequence[str]],
    target: Callable[[Recording], Floats],
) -> Windows:
    """Cut all recordings into windows that do not overlap.

    Parameters
    ----------
    wheel : pathlib.Path
        The fetched package.
    rate_hz : float
        Sampling rate after resampling.
    n_steps : int
        Steps in a window.
    lead : int
        Steps from an input to its target.
    held : tuple of two sequences of str
        Recordings of the select and of the test split; all others train.
    target : callable
        Takes a recording and returns what is to be predicted, (time, output).

    Returns
    -------
    Windows
        Not standardised.

    Raises
    ------
    DataError
        When a split holds no window, or a recording does not fit.
    """
    parts = {name: split for split, names in enumerate(held, 1) for name in names}
    inputs, targets, states, split, group = [], [], [], [], []
    for index, name in enumerate(RECORDINGS):
        recording = read(wheel, name, rate_hz)
        wanted = target(recording)
        for start in range(0, len(recording.values) - n_steps - lead + 1, n_steps):
            inputs.append(recording.values[start : start + n_steps])
            targets.append(wanted[start + lead : start + lead + n_steps])
            states.append(recording.standing[start : start + n_steps].astype(np.int64))
            split.append(parts.get(name, 0))
            group.append(index)
    if set(split) != {0, 1, 2}:
        empty = SPLITS[min({0, 1, 2} - set(split))]
        raise DataError(
            f"the {empty} split of gait holds no window of {n_steps} steps; "
            "give it another recording, or make n_steps smaller"
        )
    return Windows(
        np.stack(inputs),
        np.stack(targets),
        np.stack(states),
        np.array(split, dtype=np.int8),
        np.array(group),
    )


def assemble_windows(
    windows: Windows, offset: Floats, scale: Floats, attributes: dict[str, Any]
) -> xr.Dataset:
    """Return windows as labelled arrays.

    Parameters
    ----------
    windows : Windows
        Standardised windows.
    offset, scale : ndarray of shape (feature,)
        What was subtracted from the inputs, and what they were divided by, in rad and rad/s.
    attributes : dict
        Further attributes of the dataset.

    Returns
    -------
    xarray.Dataset
        The arrays with all attributes.
    """
    data = assemble(
        windows.inputs.astype(np.float32),
        windows.target.astype(np.float32),
        windows.states,
        windows.split,
        windows.group,
        {
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
        | attributes,
    )
    # Zeros are the middle of the angles, and very nearly no velocity.
    data["input"].attrs["zeros"] = "a leg held still"
    return data


def keep_long_runs(flags: NDArray[np.bool_], min_length: int) -> NDArray[np.bool_]:
    """Return flags in which short runs of True are set to False.

    Parameters
    ----------
    flags : ndarray of bool, shape (time,)
        Flags of successive steps.
    min_length : int
        Length of the shortest run that is kept.

    Returns
    -------
    ndarray of bool, shape (time,)
        A new array.
    """
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    kept = np.zeros_like(flags)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= min_length:
            kept[start:stop] = True
    return kept
