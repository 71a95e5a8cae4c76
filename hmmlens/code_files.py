"""Which files of a user's own code a module runs: itself, and what it imports from beside it."""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Where code lies that is not the user's: the standard library, installed packages and hmmlens.
FOREIGN = tuple(
    Path(path).resolve()
    for path in (
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parent),
    )
)


def is_own(path: Path) -> bool:
    """Tell whether a file is neither of the standard library nor of an installed package."""
    place = path.resolve()
    installed = {"site-packages", "dist-packages"} & set(place.parts)
    return not installed and not any(place.is_relative_to(folder) for folder in FOREIGN)


def of_module(name: str, folders: Iterable[Path]) -> list[Path]:
    """Return the files of a module, of the packages it lies in, and of all that they import.

    Imports anywhere in the code count, also those within functions; those that are made up while
    it runs (``importlib``) are not seen.

    Parameters
    ----------
    name : such as ``package.module``.
    folders : where modules are looked for, the first one first.
    """
    return _closure(_files(name, list(folders)), list(folders))


def of_file(path: Path, folders: Iterable[Path]) -> list[Path]:
    """Return a file and, as :func:`of_module`, all of the user's that it imports."""
    return _closure([path], list(folders))


def digest(paths: Iterable[Path]) -> str:
    """Return a hash of the contents of files, wherever they lie."""
    sha = hashlib.sha256()
    for content in sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in set(paths)):
        sha.update(content.encode())
    return sha.hexdigest()


def search_path(*first: Path) -> list[Path]:
    """Return the folders in which Python looks for modules, after those that are given."""
    return [*first, *(Path(entry or ".") for entry in sys.path)]


def _closure(begin: Iterable[Path], folders: list[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    todo = list(begin)
    while todo:
        path = todo.pop()
        if path in found or not path.is_file() or not is_own(path):
            continue
        found[path] = None
        for name in _imports(path):
            # A relative import begins with the file's own folder, or one above it.
            dots = len(name) - len(name.lstrip("."))
            near = path.parents[min(max(dots - 1, 0), len(path.parents) - 1)]
            places = [near] if dots else [*folders, *_roots(path)]
            todo += _files(name.lstrip("."), places, within=near if dots else None)
    return sorted(found)


def _roots(path: Path) -> list[Path]:
    """Return the folder above the outermost package that a file lies in."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return [folder]


def _files(name: str, folders: list[Path], within: Path | None = None) -> list[Path]:
    """Return the file of a module or package, and the ``__init__.py`` files above it."""
    parts = [part for part in name.split(".") if part]
    if not parts:
        return [within / "__init__.py"] if within else []
    for folder in folders:
        stem = folder.joinpath(*parts)
        places = [stem.with_name(f"{stem.name}.py"), stem / "__init__.py"]
        packages = [folder.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts))]
        there = [path for path in places if path.is_file()]
        if there:
            # A package is preferred to a module of the same name.
            return [*(p for p in packages if p.is_file()), there[-1]]
    return []


def _imports(path: Path) -> Iterator[str]:
    """Yield the names of modules that a file imports; those of ``from`` may be no modules."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            joint = "" if base.endswith(".") or not base else "."
            yield from (f"{base}{joint}{alias.name}" for alias in node.names if alias.name != "*")
