"""Which files of code the results of a rule depend on, by its imports.

They are the rule's script, what it imports from beside it, and every module of hmmlens that these
import, directly or through others, at the top of a file or within a function. A package that
gathers the names of its modules counts in full only where a name is taken from itself. Modules
that a study names, such as those of bundled networks, are found by :func:`of_module`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import hmmlens
from hmmlens import errors, setting_messages, settings
from hmmlens.datasets.own import settings
from hmmlens.datasets.synthetic import settings
from hmmlens.io import code_files, locks, ownership
from hmmlens.rnn import settings
from hmmlens.study import config, config_names, emulation_study, failures, roundtrip_study

LIBRARY = Path(hmmlens.__file__).parent

_SETTINGS = "checks settings, whose values reach a job as params, which Snakemake compares"
_MESSAGES = "has part in what is reported of a job that fails, not in results"
_FOLDERS = "decides whether a folder may be written, not what is written"
#: Modules that many others import and that move no result, with the reason. An edit to one re-runs
#: nothing, and what it imports counts only where another module imports it too.
IGNORED = {
    hmmlens: "holds the version and public names, which no module of hmmlens needs",
    code_files: "decides whether unfinished work may be continued, and finds such files",
    config: _SETTINGS,
    emulation_study: _SETTINGS,
    setting_messages: _SETTINGS,
    settings: _SETTINGS,
    config_names: _SETTINGS,
    settings: _SETTINGS,
    roundtrip_study: _SETTINGS,
    settings: _SETTINGS,
    settings: _SETTINGS,
    errors: _MESSAGES,
    failures: _MESSAGES,
    locks: _FOLDERS,
    ownership: _FOLDERS,
}
_IGNORED_FILES = frozenset(Path(str(module.__file__)) for module in IGNORED)


@functools.cache
def of_script(path: Path) -> list[str]:
    """Return the files that a script of the workflow depends on, the script among them."""
    return _closure([path], path.parent)


@functools.cache
def of_module(name: str) -> list[str]:
    """Return the files that a module of hmmlens depends on, such as ``hmmlens.io.store``."""
    return _closure(code_files.module_files(name, [LIBRARY.parent])[-1:], LIBRARY)


def _closure(begin: list[Path], scripts: Path) -> list[str]:
    def counts(path: Path) -> bool:
        ours = path.is_relative_to(LIBRARY) or path.parent == scripts
        return ours and path not in _IGNORED_FILES

    found = code_files.closure(begin, lambda path: _imports(path, scripts), counts)
    return [str(path) for path in found]


@functools.cache
def _imports(path: Path, scripts: Path) -> code_files.Imports:
    """Return what a file imports; it is read once, as scripts share most of their modules."""
    return code_files.imports(path, [LIBRARY.parent, scripts])
