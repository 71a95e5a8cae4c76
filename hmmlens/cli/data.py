"""The dataset that the arguments of ``hmmlens explain`` describe, and how a network reads it."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmlens.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.datasets.own.base import FileData
    from hmmlens.explanation.settings import ExplanationSettings

log = logging.getLogger(__name__)

#: Options that name columns of a table.
TABLE_OPTIONS = (
    *("sequence", "time", "inputs", "targets", "truth", "group", "split", "separator", "symbols"),
)


def settings_of(args: argparse.Namespace, settings: ExplanationSettings | None = None) -> FileData:
    """Return the settings of the dataset that the arguments describe.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    settings : ExplanationSettings, optional
        Hold the shares of the splits, and how recordings are cut.

    Returns
    -------
    FileData
        Settings of the kind of dataset that reads such a file.

    Raises
    ------
    ConfigError
        When an option does not fit; the message names it.
    """
    from pydantic import ValidationError

    from hmmlens.datasets.build import file_datasets
    from hmmlens.datasets.own.table import TableData
    from hmmlens.io.input_files import check_file, check_folder

    path = str(args.data)
    if not os.path.exists(path):
        raise ConfigError(f"--data {path}: there is no such file")
    shared: dict[str, Any] = {"standardise": args.standardise, "split_by": args.split_by}
    if settings is not None:
        shared |= {"split": settings.split, "blocks": settings.blocks}
    if path.rstrip("/").endswith(".zarr"):
        check_folder(path, "a Zarr store")
    else:
        check_file(path)
    if path.endswith(TableData.endings):
        columns = _columns(args, Path(path))
        if args.split_by == "group" and columns["group"] is None:
            raise ConfigError("--split-by group needs a column of groups; name it with --group")
        if args.symbols and len(columns["inputs"]) > 1:
            raise ConfigError(
                f"--symbols is for one column, but there are {', '.join(columns['inputs'])}; name "
                "the one that the network reads with --inputs"
            )
        kind = "symbols" if args.symbols else "values"
        given: dict[str, Any] = {
            "columns": columns,
            "input_kind": kind,
            "separator": _separator(args),
        }
        if args.targets:
            # What the network returns at a step is compared with the target of the same step.
            given |= {
                "target_kind": "symbols" if args.outputs == "logits" else "values",
                "horizon": 0,
            }
        try:
            return TableData.model_validate({"kind": "table", "path": path, **given, **shared})
        except ValidationError as error:
            raise ConfigError(f"{path}: {'; '.join(e['msg'] for e in error.errors())}") from None
    others = [name for name in TABLE_OPTIONS if getattr(args, name) is not None]
    if others:
        raise ConfigError(f"--{others[0]} is for tables, and --data {path} is none")
    endings: list[str] = []
    for kind, dataset in file_datasets().items():
        if path.rstrip("/").endswith(dataset.endings):
            return dataset.model_validate({"kind": kind, "path": path, **shared})
        endings += dataset.endings
    raise ConfigError(f"--data {path}: must end in {', '.join(endings[:-1])} or {endings[-1]}")


def _separator(args: argparse.Namespace) -> str:
    separator = "\t" if args.separator == "\\t" else args.separator or ","
    if len(separator) != 1:
        raise ConfigError(f"--separator wants one character, found {args.separator!r}")
    return separator


def _columns(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Return which columns hold what: those that are named, or those of the default names."""
    from hmmlens.datasets.own import table_columns
    from hmmlens.datasets.own.table_files import column_names
    from hmmlens.datasets.own.words import clean
    from hmmlens.errors import did_you_mean

    separator = _separator(args)
    there = column_names(path, separator)
    found: dict[str, Any] = {}
    for role in ("sequence", "time", "truth", "group", "split"):
        name = getattr(args, role)
        needed = name is not None or role in ("sequence", "time")
        name = role if name is None else clean(name)
        if needed and name not in there:
            other = table_columns.other_separator(there)
            raise ConfigError(
                f"{path}: there is no column {name!r}{did_you_mean(name, there)}; the file has: "
                f"{table_columns.listed(there)}; "
                + (
                    f"its columns seem to be separated by {other!r}: add --separator {other!r}"
                    if other
                    else f"name the right one with --{role}"
                )
            )
        found[role] = name if name in there else None
    named = _named(args.inputs, "--inputs")
    targets = _named(args.targets, "--targets")
    for name in targets or []:
        if name not in there:
            raise ConfigError(
                f"{path}: there is no column {name!r}{did_you_mean(name, there)}, which --targets "
                f"names; the file has: {table_columns.listed(there)}"
            )
    unnamed = [name for name in there if table_columns.is_unnamed(name)]
    if unnamed and not named:
        log.warning(
            "%s: the column %s is not read; it looks like an index that pandas wrote",
            path, table_columns.listed(unnamed),
        )  # fmt: skip
    taken = [*found.values(), *unnamed, *(targets or [])]
    left = [name for name in there if name not in taken]
    inputs = named or left
    if not inputs:
        raise ConfigError(f"{path}: no column is left for the network to read; see --inputs")
    for name in [*found.values(), *inputs, *(targets or [])]:
        table_columns.refuse_repeated(path, name, there)
    return {**found, "inputs": inputs, "targets": targets}


def _named(names: list[str] | None, option: str) -> list[str] | None:
    """Return the columns that an option names, None where it was not given."""
    from hmmlens.datasets.own.words import clean

    named = None if names is None else [clean(name) for name in names]
    if named and len(set(named)) < len(named):
        raise ConfigError(f"{option} names a column twice: {' '.join(named)}")
    return named


def read_data(args: argparse.Namespace, settings: ExplanationSettings) -> xr.Dataset:
    """Return the sequences of ``--data``.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    settings : ExplanationSettings
        Hold the seed and the shares of the splits.

    Returns
    -------
    Dataset
        The ``sequences`` store.
    """
    import numpy as np

    from hmmlens.datasets.own.files import from_file

    seed = settings.seed if args.seed is None else args.seed
    return from_file(
        settings_of(args, settings), np.random.default_rng(seed), frozen=True, missing=True
    )


def read_inputs(data: xr.Dataset) -> Any:
    """Return what the network reads.

    Parameters
    ----------
    data : Dataset
        The ``sequences`` store.

    Returns
    -------
    ndarray or dict of str to ndarray
        A dict where the file holds several inputs.
    """
    from hmmlens.datasets.packing import unpack

    inputs = data["input"].to_numpy()
    return unpack(inputs, data.attrs["parts"]) if "parts" in data.attrs else inputs


def read_feed(args: argparse.Namespace) -> dict[str, Any]:
    """Return how the network is called, and which of its outputs counts.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    dict of str to object
        ``feed`` and ``output`` of :func:`hmmlens.explain`.
    """
    from hmmlens.rnn.factories import imported

    feed = None if args.feed is None else imported("feed", args.feed, Path.cwd())
    return {"feed": feed, "output": args.output}
