"""Print what every module of hmmlens and every script of the workflow imports, as Python does it.

All import statements are executed, those within functions too, and ``__import__`` notes each.
``python import_graph.py FOLDER_OF_SCRIPTS`` prints JSON: ``files`` by module, and by importer the
``modules`` that names are taken from and the ``packages`` that these lie in.
"""

from __future__ import annotations

import builtins
import json
import modulefinder
import sys
import types
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

MODULES: dict[str, set[str]] = defaultdict(set)
PACKAGES: dict[str, set[str]] = defaultdict(set)
#: Names of the scripts; one that others import is a module too.
HELPERS: set[str] = set()
python_import = builtins.__import__


def ours(name: str) -> bool:
    return name.partition(".")[0] == "hmmlens" or name in HELPERS


def add(importer: str, module: str) -> None:
    if ours(module):
        MODULES[importer].add(module)
        above = module.split(".")[:-1]
        PACKAGES[importer] |= {".".join(above[: i + 1]) for i in range(len(above))}


def seen_import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    """Import as Python does, and note the modules in which the names that are taken were made."""
    found = python_import(name, globals, locals, fromlist or (), level)
    importer = (globals or {}).get("__name__", "")
    if importer.startswith("script ") or ours(importer):
        package = (globals or {}).get("__package__") or ""
        base = resolve_name("." * level + name, package) if level else name
        taken = {item: getattr(found, item, None) for item in fromlist or () if item != "*"}
        for item, value in taken.items():
            if isinstance(value, types.ModuleType) and value.__name__ == f"{base}.{item}":
                add(importer, value.__name__)
            else:
                add(importer, base)
                # A name may have been made elsewhere, and handed on.
                if isinstance(value, type | types.FunctionType):
                    add(importer, value.__module__)
        if not taken:
            add(importer, base)
    return found


def imports(code: types.CodeType) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield name, names taken and level of all import statements of code, at any depth."""
    for kind, what in modulefinder.ModuleFinder().scan_opcodes(code):
        if kind == "absolute_import":
            yield what[1], tuple(what[0] or ()), 0
        elif kind == "relative_import":
            yield what[2], tuple(what[1] or ()), what[0]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from imports(constant)


def run_all(code: types.CodeType, namespace: dict[str, Any]) -> None:
    """Run the import statements that lead to hmmlens."""
    for name, taken, level in imports(code):
        if level or ours(name):
            seen_import(name, namespace, None, taken, level)


def within_functions(code: types.CodeType) -> Iterator[types.CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def main(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    scripts = sorted(folder.glob("*.py"))
    sources = {path: path.read_text() for path in scripts}
    HELPERS.update(path.stem for path in scripts)
    builtins.__import__ = seen_import  # type: ignore[assignment]
    for path in scripts:
        run_all(compile(sources[path], path, "exec"), {"__name__": f"script {path.stem}"})
    done: set[str] = set()
    while todo := [name for name in sys.modules if ours(name) and name not in done]:
        for name in todo:
            done.add(name)
            module = sys.modules[name]
            file = Path(str(module.__file__))
            for code in within_functions(compile(file.read_bytes(), file, "exec")):
                run_all(code, vars(module))
    graph = {
        "files": {name: sys.modules[name].__file__ for name in done},
        "modules": {name: sorted(found) for name, found in MODULES.items()},
        "packages": {name: sorted(found) for name, found in PACKAGES.items()},
    }
    print(json.dumps(graph))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
