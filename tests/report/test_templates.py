"""The templates of the reports are installed with the package."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import hmmlens
from hmmlens.report import document

PACKAGE = Path(hmmlens.__file__).parent / "report"
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_template_is_data_of_the_package() -> None:
    patterns = tomllib.loads(PYPROJECT.read_text())["tool"]["setuptools"]["package-data"]
    names = sorted(path.name for path in document.TEMPLATES.iterdir())
    assert names == ["emulation.typ", "explain.typ", "roundtrip.typ"]
    for name in names:
        place = (document.TEMPLATES / name).relative_to(PACKAGE).as_posix()
        assert any(fnmatch(place, pattern) for pattern in patterns["hmmlens.report"])
