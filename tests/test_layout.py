"""Modules and folders of the library stay small enough to be read at a glance."""

from __future__ import annotations

from pathlib import Path

import hmmlens

ROOT = Path(hmmlens.__file__).parent
#: Most lines of a module, and most modules of a folder besides ``__init__.py``.
MAX_LINES, MAX_MODULES = 350, 20


def test_no_module_is_longer_than_the_limit() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in ROOT.rglob("*.py")
    }
    assert len(lines) > 100
    assert {name: n for name, n in lines.items() if n > MAX_LINES} == {}


def test_no_folder_holds_more_modules_than_the_limit() -> None:
    counts: dict[str, int] = {}
    for path in ROOT.rglob("*.py"):
        if path.name != "__init__.py":
            folder = str(path.parent.relative_to(ROOT))
            counts[folder] = counts.get(folder, 0) + 1
    assert counts["recording"] > 1
    assert {folder: n for folder, n in counts.items() if n > MAX_MODULES} == {}
