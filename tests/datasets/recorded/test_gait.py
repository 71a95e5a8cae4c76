"""Gait is read right from a tiny hand-made wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler

from hmmlens.datasets.recorded.gait_recordings import (
    MIN_STANDING_ROWS,
    RECORDINGS,
    keep_long_runs,
    phase_scale,
    read,
)
from hmmlens.errors import DataError


@settings(max_examples=150, deadline=None)
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 6))
def test_long_runs_equal_slow_loop(flags: list[bool], min_length: int) -> None:
    slow = [False] * len(flags)
    for i in range(len(flags)):
        start = stop = i
        while start > 0 and flags[start - 1]:
            start -= 1
        while stop < len(flags) and flags[stop]:
            stop += 1
        slow[i] = flags[i] and stop - start >= min_length
    assert keep_long_runs(np.array(flags, dtype=bool), min_length).tolist() == slow


def table(seconds: np.ndarray, resting: np.ndarray, **change: Any) -> str:
    """Return a recording as CSV text: hip 2 + 3 s, velocity -s."""
    columns = {
        "Time": [f"0 days 00:00:{s:09.6f}" for s in seconds],
        "Hip_x": 2 + 3 * seconds,
        "Hip_vel": -seconds,
        "target_cos": np.where(resting, 1.0, 0.5),
        "target_sin": np.where(resting, 0.0, 0.1),
        "extra": np.zeros(len(seconds)),
    } | change
    columns = {name: values for name, values in columns.items() if values is not None}
    rows = zip(*columns.values(), strict=True)
    return "\n".join([";".join(columns), *(";".join(map(str, row)) for row in rows)])


def wheel(path: Path, **recordings: str) -> Path:
    """Write a wheel with recordings under the names it has in the package."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in recordings.items():
            folder = "ao_compensation_model/dataset/training"
            archive.writestr(f"{folder}/training_data_{name}_target.csv", text)
    return path


def uneven_clock(n: int, seed: int) -> np.ndarray:
    """Return seconds of rows 5 to 15 ms apart, to the microsecond."""
    gaps = np.random.default_rng(seed).integers(5000, 15000, size=n)
    return (1_000_000 + np.cumsum(gaps)) / 1e6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([10.0, 25.0, 40.0, 90.0]))
def test_uneven_clock_is_resampled_in_time(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rate: float
) -> None:
    seconds = uneven_clock(300, seed)
    resting = np.zeros(300, dtype=bool)
    path = wheel(tmp_path_factory.mktemp("w") / "w.whl", H_3km=table(seconds, resting))
    recording = read(path, "H_3km", rate)
    # What is linear in time stays so, whatever the gaps between rows.
    clock = seconds[0] + np.arange(len(recording.values)) / rate
    np.testing.assert_allclose(recording.values[:, 0], 2 + 3 * clock, atol=1e-9)
    np.testing.assert_allclose(recording.values[:, 1], -clock, atol=1e-9)
    assert clock[-1] <= seconds[-1] < clock[-1] + 1 / rate + 1e-9
    assert not recording.standing.any()


def test_standing_is_a_long_rest_at_the_nearest_row(tmp_path: Path) -> None:
    seconds = uneven_clock(400, 1)
    resting = np.zeros(400, dtype=bool)
    resting[20 : 20 + MIN_STANDING_ROWS - 1] = True
    resting[100 : 100 + MIN_STANDING_ROWS] = True
    resting[300:] = True
    path = wheel(tmp_path / "w.whl", J_5km=table(seconds, resting))
    recording = read(path, "J_5km", 25)
    clock = seconds[0] + np.arange(len(recording.values)) / 25
    nearest = abs(np.subtract.outer(clock, seconds)).argmin(axis=1)
    expected = (nearest >= 100) & (nearest < 150) | (nearest >= 300)
    np.testing.assert_array_equal(recording.standing, expected)
    assert 0 < expected.sum() < len(expected)


def test_phase_is_interpolated_on_the_circle(tmp_path: Path) -> None:
    seconds = uneven_clock(400, 3)
    angle = 4 * seconds
    columns = {"target_cos": np.cos(angle), "target_sin": np.sin(angle)}
    path = wheel(tmp_path / "w.whl", J_5km=table(seconds, np.zeros(400, dtype=bool), **columns))
    phase = read(path, "J_5km", 100).phase
    clock = seconds[0] + np.arange(len(phase)) / 100
    np.testing.assert_allclose(
        phase, np.stack([np.sin(4 * clock), np.cos(4 * clock)], 1), atol=1e-3
    )
    np.testing.assert_allclose(np.linalg.norm(phase, axis=1), 1, atol=1e-12)


def test_scale_leaves_the_validation_recording_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = {name: rng.gamma(2, size=(60, 2)) for name in RECORDINGS}
    texts = {
        name: table(uneven_clock(60, 5), np.zeros(60, dtype=bool), Hip_x=x[:, 0], Hip_vel=x[:, 1])
        for name, x in rows.items()
    }
    kept = np.concatenate([x for name, x in rows.items() if name != "H_3km"])
    scaler = RobustScaler().fit(kept)
    centre, scale = phase_scale(wheel(tmp_path / "w.whl", **texts))
    np.testing.assert_allclose(centre, scaler.center_, rtol=1e-12)
    np.testing.assert_allclose(scale, scaler.scale_, rtol=1e-12)


def test_rest_needs_both_cosine_and_sine(tmp_path: Path) -> None:
    seconds, resting = uneven_clock(200, 2), np.ones(200, dtype=bool)
    path = wheel(tmp_path / "w.whl", J_5km=table(seconds, resting, target_sin=np.full(200, 0.1)))
    assert not read(path, "J_5km", 25).standing.any()


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("nobody", {}, "there is no gait recording 'nobody'; allowed: H_3km, .*J_LG_stopgo"),
        ("H_3km", {"Hip_vel": None}, "gait recording H_3km: column Hip_vel is missing"),
        ("H_3km", {"target_sin": None}, "gait recording H_3km: column target_sin is missing"),
        (
            "H_3km",
            {"Time": ["0 days 00:00:01", "0 days 00:00:02", "0 days 00:00:02"]},
            "gait recording H_3km: the clock does not advance at row 2",
        ),
    ],
)
def test_recording_that_does_not_fit_is_reported(
    tmp_path: Path, name: str, change: dict[str, Any], sentence: str
) -> None:
    text = table(np.array([1.0, 1.1, 1.2]), np.zeros(3, dtype=bool), **change)
    with pytest.raises(DataError, match=sentence):
        read(wheel(tmp_path / "w.whl", H_3km=text), name, 25)
