"""Which files a module runs: its own, and those of all that it imports, directly or not.

Of a user's module the user's own files count, and neither those of hmmlens nor installed ones; see
:mod:`hmmlens.study.rule_code` for those of hmmlens.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

#: Where code lies that is not the user's: the standard library, installed packages and hmmlens.
FOREIGN = tuple(
    Path(path).resolve()
    for path in (
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parents[1]),
    )
)


def is_own(path: Path) -> bool:
    """Return whether a file is neither of the standard library nor of an installed package.

    Parameters
    ----------
    path : pathlib.Path
        A file of code.

    Returns
    -------
    bool
        True for the user's own files.
    """
    place = path.resolve()
    installed = {"site-packages", "dist-packages"} & set(place.parts)
    return not installed and not any(place.is_relative_to(folder) for folder in FOREIGN)


class Imports(NamedTuple):
    """The files that a file imports.

    Attributes
    ----------
    modules : list of pathlib.Path
        Files of modules, and of packages that names are taken from.
    packages : list of pathlib.Path
        ``__init__.py`` files that run only because a module lies below them.
    """

    modules: list[Path]
    packages: list[Path]


def of_module(name: str, folders: Iterable[Path]) -> list[Path]:
    """Return the user's files of a module, of the packages it lies in, and of all that they import.

    Imports anywhere in the code count, also those within functions, but not those for type checkers
    alone (``if TYPE_CHECKING:``). Those whose names are made while it runs (``importlib``) are not
    seen.

    Parameters
    ----------
    name : str
        Full name, such as ``package.module``.
    folders : iterable of pathlib.Path
        Where modules are looked for, the first one first.

    Returns
    -------
    list of pathlib.Path
        Sorted.
    """
    places = list(folders)
    return closure(module_files(name, places), lambda path: _imported(path, places), is_own)


def of_file(path: Path, folders: Iterable[Path]) -> list[Path]:
    """Return a file and all of the user's files that it imports; see :func:`of_module`.

    Parameters
    ----------
    path : pathlib.Path
        A file of code.
    folders : iterable of pathlib.Path
        Where modules are looked for, the first one first.

    Returns
    -------
    list of pathlib.Path
        Sorted, with the file itself.
    """
    places = list(folders)
    return closure([path], lambda path: _imported(path, places), is_own)


def closure(
    begin: Iterable[Path], read: Callable[[Path], Imports], counts: Callable[[Path], bool]
) -> list[Path]:
    """Return files, what these import, what that imports, and so on.

    Parameters
    ----------
    begin : iterable of pathlib.Path
        Files.
    read : callable
        Takes a file and returns what it imports, such as :func:`imports`. What its modules import
        counts too; its packages count without what they import.
    counts : callable
        Takes a file and returns whether it is part of the result. The imports of other files are
        not followed.

    Returns
    -------
    list of pathlib.Path
        Sorted.
    """
    found: set[Path] = set()
    packages: set[Path] = set()
    todo = list(begin)
    while todo:
        path = todo.pop()
        if path not in found and path.is_file() and counts(path):
            found.add(path)
            imported = read(path)
            todo += imported.modules
            packages.update(imported.packages)
    return sorted(found | {path for path in packages if path.is_file() and counts(path)})


def imports(path: Path, folders: list[Path]) -> Imports:
    """Return the files that a file imports.

    Parameters
    ----------
    path : pathlib.Path
        A file of code.
    folders : list of pathlib.Path
        Where modules are looked for, before the folder that the file's package lies in.

    Returns
    -------
    Imports
        Without what these import in turn.
    """
    found = Imports([], [])
    for base, names in _imports(path):
        # A relative import begins with the file's own folder, or one above it.
        dots = len(base) - len(base.lstrip("."))
        near = path.parents[min(max(dots - 1, 0), len(path.parents) - 1)]
        places = [near] if dots else [*folders, *_roots(path)]
        within = near if dots else None
        below = [module_files(f"{base.lstrip('.')}.{name}", places, within) for name in names]
        package = module_files(base.lstrip("."), places, within)
        for files in below:
            found.modules.extend(files[-1:])
            found.packages.extend(files[:-1])
        # A name that is no module is taken from the package, or the module, itself.
        taken = -1 if not names or not all(below) else len(package)
        found.modules.extend(package[taken:])
        found.packages.extend(package[:taken])
    return found


def _imported(path: Path, folders: list[Path]) -> Imports:
    """Return what a user's file imports; packages may do anything when they are imported."""
    found = imports(path, folders)
    return Imports(found.modules + found.packages, [])


def module_files(name: str, folders: list[Path], within: Path | None = None) -> list[Path]:
    """Return the file of a module or package, and the ``__init__.py`` files above it.

    Parameters
    ----------
    name : str
        Name from the folders, such as ``package.module``; empty for a package itself.
    folders : list of pathlib.Path
        Where it is looked for, the first one first.
    within : pathlib.Path, optional
        The package that an empty name stands for.

    Returns
    -------
    list of pathlib.Path
        The file last; empty where there is none.
    """
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


def digest(paths: Iterable[Path]) -> str:
    """Return a hash of the contents of files, wherever they lie.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files, in any order.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    sha = hashlib.sha256()
    for content in sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in set(paths)):
        sha.update(content.encode())
    return sha.hexdigest()


def search_path(*first: Path) -> list[Path]:
    """Return the folders in which Python looks for modules, after some others.

    Parameters
    ----------
    *first : pathlib.Path
        Folders that come first.

    Returns
    -------
    list of pathlib.Path
        In the order of the search.
    """
    return [*first, *(Path(entry or ".") for entry in sys.path)]


def _roots(path: Path) -> list[Path]:
    """Return the folder above the outermost package that a file lies in."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return [folder]


def _imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of modules that a file imports, each with the names taken from it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names if alias.name != "*"]
            yield "." * node.level + (node.module or ""), names


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield all statements, at any depth, without those that only a type checker reads."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        parts: tuple[str, ...] = ("body", "orelse", "finalbody", "handlers", "cases")
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            parts = ("orelse",)
        todo += (child for part in parts for child in getattr(node, part, ()))


def _is_type_checking(test: ast.expr) -> bool:
    """Return whether a condition is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"
