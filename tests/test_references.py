"""What docstrings and documents refer to is there."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROLES = re.compile(r":(?:func|class|mod|data|meth|attr|exc):`~?\.?(hmmlens\.[\w.]+)`")
FILES = re.compile(r"`(hmmlens/[\w/]+\.py|(?:docs|benchmarks|examples|workflow)/[\w/.-]+)`")


def is_there(name: str) -> bool:
    """Return whether a dotted name is that of a module, or of something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        module, _, last = name.rpartition(".")
        # Fields of dataclasses without a default are no attributes of their class.
        try:
            return last in getattr(pkgutil.resolve_name(module), "__annotations__", {})
        except (ImportError, AttributeError):
            return False
    return True


@pytest.mark.parametrize("folder", sorted(p.name for p in (ROOT / "hmmlens").iterdir()))
def test_references_in_docstrings_are_there(folder: str) -> None:
    path = ROOT / "hmmlens" / folder
    files = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    wrong = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in set(ROLES.findall(file.read_text()))
        if not is_there(name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "document", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_files_that_documents_name_are_there(document: str) -> None:
    names = set(FILES.findall((ROOT / document).read_text()))
    assert not [name for name in names if not (ROOT / name).exists()]
