"""Check the files and functions that a study's settings name, before any job starts.

No user code is run, no file is read further than the header of a table, and torch is not imported.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hmmlens.datasets.own.base import FileData
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.own.zarr_store import ZarrData
from hmmlens.errors import ConfigError, DataError
from hmmlens.rnn.settings import KerasNetwork, TorchNetwork
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.roundtrip_study import RoundTripStudy

#: Files that mark the folder of a Zarr store, of format 3 or 2.
ZARR_MARKS = ("zarr.json", ".zgroup", ".zmetadata")


def check(study: Study | RoundTripStudy | EmulationStudy, folder: Path, source: str) -> None:
    """Check that all files and functions exist that a study names.

    Parameters
    ----------
    study : Study, RoundTripStudy or EmulationStudy
        The study.
    folder : Path
        Folder in which the study is run.
    source : str
        Name of the config file, for the messages.

    Raises
    ------
    ConfigError
        With one sentence for each that is missing or of the wrong kind, on its own line.
    """
    if problems := list(_problems(study, folder)):
        raise ConfigError("\n".join(f"{source}: {problem}" for problem in problems))


def _problems(study: Study | RoundTripStudy | EmulationStudy, folder: Path) -> Iterator[str]:
    if isinstance(study, RoundTripStudy):
        for i, method in enumerate(study.methods):
            if ":" in method and (problem := missing_function(method, folder)):
                yield f"methods[{i}]: {problem}"
    if not isinstance(study, Study):
        return
    for name, dataset in study.datasets.items():
        if not isinstance(dataset, FileData):
            continue
        if problem := _data_problem(dataset, folder):
            yield f"datasets.{name}.path: {problem}"
        elif problem := _horizon_problem(dataset, folder / dataset.path):
            yield f"datasets.{name}.horizon: {problem}"
    for name, network in study.networks.items():
        if isinstance(network, TorchNetwork):
            if problem := _file_problem(network.weights, folder):
                yield f"networks.{name}.weights: {problem}"
            if problem := missing_function(network.factory, folder):
                yield f"networks.{name}.factory: {problem}"
        if isinstance(network, KerasNetwork) and (problem := _file_problem(network.file, folder)):
            yield f"networks.{name}.file: {problem}"


# --- Files ----------------------------------------------------------------------------------


def _data_problem(dataset: FileData, folder: Path) -> str | None:
    store = isinstance(dataset, ZarrData) and (folder / dataset.path).is_dir()
    if problem := _file_problem(dataset.path, folder, store):
        return problem
    path = folder / dataset.path
    if isinstance(dataset, ZarrData):
        if not store:
            return f"{dataset.path} is a file; name the folder of a Zarr store"
        if not any((path / mark).is_file() for mark in ZARR_MARKS):
            return f"the folder {dataset.path} is no Zarr store; it holds no {ZARR_MARKS[0]}"
    if isinstance(dataset, NpzData) and not zipfile.is_zipfile(path):
        return f"{dataset.path} is no .npz file; write it with numpy.savez"
    if isinstance(dataset, TableData):
        return _header_problem(dataset, folder)
    return None


def _horizon_problem(dataset: FileData, path: Path) -> str | None:
    if dataset.horizon is None or isinstance(dataset, TableData):
        return None
    shape = _input_shape(path)
    if shape is None or len(shape) < 2 or dataset.horizon < shape[1]:
        return None
    return (
        f"found {dataset.horizon}, and no sequence in {dataset.path} can have more than "
        f"{shape[1]} steps"
    )


def _input_shape(path: Path) -> tuple[int, ...] | None:
    """Return the shape of the array ``input`` of an .npz file or a Zarr store, if it is plain."""
    try:
        if path.is_dir():
            return tuple(json.loads((path / "input" / "zarr.json").read_bytes())["shape"])
        from numpy.lib import format as npy

        with zipfile.ZipFile(path) as archive, archive.open("input.npy") as header:
            version = npy.read_magic(header)
            reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            return tuple(reader(header)[0])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        # The job that reads the file reports what is wrong with it.
        return None


def _header_problem(dataset: TableData, folder: Path) -> str | None:
    from hmmlens.datasets.own.table_files import check_columns

    columns = dataset.columns
    single = (columns.sequence, columns.time, columns.truth, columns.group, columns.split)
    wanted = [*filter(None, single), *columns.inputs, *(columns.targets or [])]
    try:
        check_columns(folder / dataset.path, dataset.separator, wanted)
    except DataError as error:
        return str(error).replace(os.path.join(folder, ""), "")
    except ImportError:
        # The reader of Parquet files is an extra; the job reports how to install it.
        return None
    return None


def _file_problem(name: str, folder: Path, store: bool = False) -> str | None:
    """Return what is wrong with a path.

    Parameters
    ----------
    name : str
        The path as the settings have it.
    folder : Path
        Folder in which the study is run.
    store : bool
        Whether the path is that of a folder.

    Returns
    -------
    str or None
        A sentence; None where the path is usable.
    """
    if unfit := sorted({char for char in name if char in "{}" or char < " "}):
        marks = " and ".join(map(repr, unfit))
        return f"the path {name!r} holds {marks}, which Snakemake cannot have in paths; rename it"
    path = folder / name
    try:
        if not path.exists():
            home = "; ~ stands for itself here" if name.startswith("~") else ""
            return (
                f"there is no file {name}; relative paths start at the folder in which the study "
                f"is run, {folder}{home}"
            )
        if path.is_dir() and not store:
            return f"{name} is a folder; name the file"
        if not store and not path.is_file():
            return f"{name} is no regular file"
        if not store and path.stat().st_size == 0:
            return f"the file {name} is empty"
    except (OSError, ValueError) as error:
        return f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
    if not os.access(path, os.R_OK):
        return f"{name} cannot be read: permission denied"
    return None


# --- Functions ------------------------------------------------------------------------------


def missing_function(name: str, folder: Path) -> str | None:
    """Return what is missing where a function is not found, from the text of its module.

    The module is not run.

    Parameters
    ----------
    name : str
        ``package.module:function``.
    folder : Path
        Folder in which the module is looked for before the installed ones.

    Returns
    -------
    str or None
        A sentence; None where the function exists, or where only running code could show whether it
        does.
    """
    module, _, function = name.partition(":")
    stem = folder.joinpath(*module.split("."))
    own = [path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()]
    if not own:
        top = module.partition(".")[0]
        # A package of the user's goes before an installed one of the same name.
        here = (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()
        if here or importlib.util.find_spec(top) is None:
            return (
                f"there is no module {module}; put {module.replace('.', '/')}.py into {folder}, "
                "or install its package"
            )
        return None
    try:
        tree = ast.parse(own[0].read_bytes(), str(own[0]))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"{own[0].name}{line} is no valid Python: {getattr(error, 'msg', error)}"
    except OSError as error:
        return f"{own[0]} cannot be read: {error.strerror}"
    names = _names(tree)
    if function in names or "*" in names or "__getattr__" in names:
        return None
    return f"the module {module} ({own[0].name}) has no {function}"


def _names(tree: ast.AST) -> set[str]:
    """Return all names that a module's code gives to anything, in any scope."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("globals", "setattr"):
            found.add("*")
    return found
