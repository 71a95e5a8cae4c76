"""Fetching refuses what it should, and gait is read right from a tiny hand-made wheel."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets import sources
from hmmlens.datasets.sources import MIN_STANDING_ROWS, Source, fetch, keep_long_runs, read_gait
from hmmlens.errors import DataError

CONTENT = b"a wheel"
SOURCE = Source("some-data", "1.2", hashlib.sha256(CONTENT).hexdigest(), "MIT", "Somebody")


class FakePip:
    """Stands for subprocess.run: puts files where pip was told to."""

    def __init__(self, *contents: bytes, code: int = 0, stderr: str = "") -> None:
        self.contents, self.code, self.stderr = contents, code, stderr
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        for i, content in enumerate(self.contents):
            (folder / f"some_data-1.{i}-py3-none-any.whl").write_bytes(content)
        return subprocess.CompletedProcess(command, self.code, "", self.stderr)


def pip(monkeypatch: pytest.MonkeyPatch, fake: FakePip) -> FakePip:
    monkeypatch.setattr(sources.subprocess, "run", fake)
    return fake


def test_right_file_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = pip(monkeypatch, FakePip(CONTENT))
    target = tmp_path / "cache" / "data.whl"
    fetch(SOURCE, target)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["data.whl"]
    (command,) = fake.commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert command[-1] == "some-data==1.2"
    # Only downloaded, alone, and never built.
    assert {"--no-deps", "--only-binary=:all:"} <= set(command)
    fetch(SOURCE, target)
    assert len(fake.commands) == 1


def test_file_with_a_wrong_hash_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = pip(monkeypatch, FakePip(CONTENT))
    target = tmp_path / "data.whl"
    target.write_bytes(b"half a wh")
    fetch(SOURCE, target)
    assert target.read_bytes() == CONTENT
    assert len(fake.commands) == 1


def test_wrong_hash_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(monkeypatch, FakePip(b"another wheel"))
    with pytest.raises(DataError) as caught:
        fetch(SOURCE, tmp_path / "data.whl")
    assert SOURCE.sha256 in str(caught.value)
    assert hashlib.sha256(b"another wheel").hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fake", "said"),
    [
        (FakePip(code=1, stderr="line 1\nERROR: no such version\n"), "ERROR: no such version"),
        (FakePip(CONTENT, code=1), "nothing"),
        (FakePip(), "nothing"),
        (FakePip(CONTENT, CONTENT), "nothing"),
    ],
)
def test_failed_download_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: FakePip, said: str
) -> None:
    pip(monkeypatch, fake)
    with pytest.raises(DataError) as caught:
        fetch(SOURCE, tmp_path / "data.whl")
    message = str(caught.value)
    assert message.startswith("some-data==1.2 could not be downloaded with pip; ")
    assert message.endswith(f"pip said: {said}")
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


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
    recording = read_gait(path, "H_3km", rate)
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
    recording = read_gait(path, "J_5km", 25)
    clock = seconds[0] + np.arange(len(recording.values)) / 25
    nearest = abs(np.subtract.outer(clock, seconds)).argmin(axis=1)
    expected = (nearest >= 100) & (nearest < 150) | (nearest >= 300)
    np.testing.assert_array_equal(recording.standing, expected)
    assert 0 < expected.sum() < len(expected)


def test_rest_needs_both_cosine_and_sine(tmp_path: Path) -> None:
    seconds, resting = uneven_clock(200, 2), np.ones(200, dtype=bool)
    path = wheel(tmp_path / "w.whl", J_5km=table(seconds, resting, target_sin=np.full(200, 0.1)))
    assert not read_gait(path, "J_5km", 25).standing.any()


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
def test_recording_that_does_not_fit_is_told(
    tmp_path: Path, name: str, change: dict[str, Any], sentence: str
) -> None:
    text = table(np.array([1.0, 1.1, 1.2]), np.zeros(3, dtype=bool), **change)
    with pytest.raises(DataError, match=sentence):
        read_gait(wheel(tmp_path / "w.whl", H_3km=text), name, 25)
