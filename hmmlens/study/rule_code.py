"""Which files of code the results of a rule depend on, by its imports.

They are the rule's script, what it imports from its own folder, and every module of hmmlens that
these import, directly or through others, at the top of a file or within a function. A package that
gathers the names of its modules counts in full only where a name is taken from itself. Modules
that a study names, such as those of bundled networks, are found by :func:`of_module`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import hmmlens
from hmmlens.io import code_files

LIBRARY = Path(hmmlens.__file__).parent

_SETTINGS = "checks settings, whose values reach a job as params, which Snakemake compares"
_MESSAGES = "has part in what is reported of a job that fails, not in results"
_COSTS = "is about what jobs take, not what they make"
_FOLDERS = "decides whether a folder may be written, not what is written"
#: Modules that many others import and that move no result, with the reason. An edit to one re-runs
#: nothing, and what it imports counts only where another module imports it too.
IGNORED = {
    "hmmlens": "holds the version and public names, which no module of hmmlens needs",
    "hmmlens.io.code_files": "decides whether unfinished work may continue, and finds such files",
    "hmmlens.io.locks": _FOLDERS,
    "hmmlens.io.ownership": _FOLDERS,
    "hmmlens.io.seals": _FOLDERS,
    "hmmlens.io.writing": _FOLDERS,
    "hmmlens.io.yaml_files": _SETTINGS,
    "hmmlens.errors": _MESSAGES,
    "hmmlens.setting_messages": _MESSAGES,
    "hmmlens.study.config": _SETTINGS,
    "hmmlens.study.config_names": _SETTINGS,
    "hmmlens.study.emulation_study": _SETTINGS,
    "hmmlens.study.emulation_work": _COSTS,
    "hmmlens.study.failures": _MESSAGES,
    "hmmlens.study.roundtrip_study": _SETTINGS,
    "hmmlens.study.start_up": _COSTS,
    "hmmlens.study.work": _COSTS,
}
#: So do the settings of every stage, which lie in a module of this name.
SETTINGS = "settings.py"
_IGNORED_FILES = frozenset(
    file for name in IGNORED for file in code_files.module_files(name, [LIBRARY.parent])[-1:]
)


@functools.cache
def of_script(path: Path) -> list[str]:
    """Return the files that a script of the workflow depends on.

    Parameters
    ----------
    path : Path
        Path of the script.

    Returns
    -------
    list of str
        Paths, that of the script among them.
    """
    return _closure([path], path.parent)


@functools.cache
def of_module(name: str) -> list[str]:
    """Return the files that a module of hmmlens depends on.

    Parameters
    ----------
    name : str
        Name of the module, such as ``hmmlens.io.store``.

    Returns
    -------
    list of str
        Paths, that of the module among them.
    """
    return _closure(code_files.module_files(name, [LIBRARY.parent])[-1:], LIBRARY)


def _closure(begin: list[Path], scripts: Path) -> list[str]:
    def counts(path: Path) -> bool:
        ours = path.is_relative_to(LIBRARY) or path.parent == scripts
        return ours and path not in _IGNORED_FILES and path.name != SETTINGS

    found = code_files.closure(begin, lambda path: _imports(path, scripts), counts)
    return [str(path) for path in found]


@functools.cache
def _imports(path: Path, scripts: Path) -> code_files.Imports:
    """Return what a file imports; it is read once, as scripts share most of their modules."""
    return code_files.imports(path, [LIBRARY.parent, scripts])
