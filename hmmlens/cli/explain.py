"""The command ``hmmlens``.

What is wrong with arguments or files is told in one sentence on stderr, with exit code 2. Whatever
takes long to import is imported when the arguments are known to be good.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hmmlens
from hmmlens import user_text
from hmmlens.cli import studies
from hmmlens.errors import ConfigError, HmmlensError, no_exit
from hmmlens.io.writing import reason
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.study import failures

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.datasets.own.base import FileData

log = logging.getLogger(__name__)

#: Exit codes of arguments or files that do not fit, and of Ctrl-C.
WRONG, STOPPED = 2, 130

#: Names of inputs that are listed on the screen.
MOST_NAMES = 40

#: Options that name columns of a table.
TABLE_OPTIONS = ("sequence", "time", "inputs", "truth", "group", "split", "separator", "symbols")

EXPLAIN = """\
Record the states of a recurrent network on data, reduce them, fit hidden Markov models, and write
what the states are to a folder: explanation.html, tables, figures and all stores in between.
Beside the network stand an untrained twin of it, the raw input and the lagged input.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that tells a mistake in one line, and guesses no option from its beginning."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {user_text.line(message)}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    top = _Parser(prog="hmmlens", description=hmmlens.__doc__.partition("\n")[0])
    top.add_argument("--version", action="version", version=f"hmmlens {hmmlens.__version__}")
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser)
    told = "explain a network by the states that it moves through"
    command = commands.add_parser("explain", help=told, description=EXPLAIN)
    command.set_defaults(run=explain)
    _explain_options(command)
    studies.add_to(commands)
    return top


def _explain_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("factory", type=_factory, help="function that returns the torch module, as my_module:build")
    add("--weights", required=True, type=Path, help=".safetensors, or a state dict of torch.save")
    add("--data", required=True, help=".csv, .csv.gz or .parquet table, .npz file, .zarr store")
    add(
        "--out",
        required=True,
        type=Path,
        help="folder to write; only an explanation as hmmlens wrote it is replaced",
    )
    add("--kwargs", type=_json, default={}, metavar="JSON", help="what the function is called with")

    columns = command.add_argument_group("columns of a table, with one row for each step")
    add = columns.add_argument
    add("--sequence", metavar="NAME", help="id of the sequence (default: sequence)")
    add("--time", metavar="NAME", help="rises within a sequence (default: time)")
    add("--inputs", metavar="NAME", nargs="+", help="what the network reads (default: all others)")
    add("--symbols", action="store_true", default=None, help="the input is a column of 0, 1, 2 ...")
    add("--truth", metavar="NAME", help="labels to compare with (default: truth, if it is there)")
    add("--group", metavar="NAME", help="whose sequences go together (default: group, if there)")
    add("--split", metavar="NAME", help="train, select or test (default: split, if it is there)")
    add("--separator", metavar="CHARACTER", help="of a CSV file's columns; \\t is tab (default: ,)")

    reading = command.add_argument_group("what the network reads and says")
    add = reading.add_argument
    add("--outputs", choices=("values", "logits"), default="values", help="default: values")
    add("--time-first", action="store_true", help="the network takes (time, sequence, ...)")
    add("--input-names", metavar="NAME", nargs="+", help="names of features or symbols")
    add("--output-names", metavar="NAME", nargs="+", help="names of the network's outputs")
    add(
        "--standardise", action="store_true", help="as studies do; by default data stay as they are"
    )
    add("--split-by", choices=("sequence", "group"), help="default: group where there are groups")

    states = command.add_argument_group("states")
    add = states.add_argument
    add("--layer", help="as hmmlens.extract names it (default: the last of the forward pass)")
    add("--layers", metavar="NAME", nargs="+", help="modules to record (default: all of torch's)")
    add("--n-states", type=_counts, default=range(1, 13), metavar="COUNTS", help="1-12, or 1,2,4,8")
    reducers = tuple(name for name, reducer in REDUCERS.items() if not reducer.exploratory)
    add("--reducer", default="pca", choices=reducers)
    add("--n-components", type=_count, default=8, metavar="N", help="default: 8")
    add("--n-restarts", type=_count, default=5, metavar="N", help="fits of each model; default: 5")
    add("--max-frames", type=_count, default=13000, metavar="N", help="default: 13000 steps in all")
    add("--no-untrained", action="store_true", help="leave the untrained twin out")

    running = command.add_argument_group("running")
    add = running.add_argument
    add("--seed", type=_seed, default=0, help="of every random draw; default: 0")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    add("--debug", action="store_true", help="show where in the code an error arose")


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object, such as {{"n_units": 8}}')
    return found


def _factory(text: str) -> str:
    module, colon, function = text.partition(":")
    if not colon or not all(name.isidentifier() for name in [*module.split("."), function]):
        raise argparse.ArgumentTypeError(f"{text!r} is not as my_module:build is")
    return text


def _natural(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {2**32 - 1}")
    return int(text)


def _count(text: str) -> int:
    return _natural(text, 1)


def _counts(text: str) -> list[int]:
    """Return the numbers of ``1-12`` or ``1,2,4,8``."""
    first, dash, last = text.partition("-")
    if dash:
        numbers = list(range(_count(first), _count(last) + 1))
    else:
        numbers = [_count(part.strip()) for part in text.split(",")]
    if not numbers or sorted(set(numbers)) != numbers:
        raise argparse.ArgumentTypeError(f"{text!r} must rise, as 1-12 or 1,2,4,8 do")
    return numbers


# --- Data -----------------------------------------------------------------------------------


def settings_of(args: argparse.Namespace) -> FileData:
    """Return the settings of the dataset that the arguments describe.

    Raises
    ------
    ConfigError
        Saying which option does not fit.
    """
    from pydantic import ValidationError

    from hmmlens.datasets.build import file_datasets
    from hmmlens.datasets.own.table import TableData
    from hmmlens.io.input_files import check_file, check_folder

    path = str(args.data)
    if not os.path.exists(path):
        raise ConfigError(f"--data {path}: there is no such file")
    shared: dict[str, Any] = {"standardise": args.standardise, "split_by": args.split_by}
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
        given = {"columns": columns, "input_kind": kind, "separator": _separator(args)}
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
    from hmmlens.datasets.own import table_files
    from hmmlens.datasets.own.words import clean
    from hmmlens.errors import did_you_mean

    separator = _separator(args)
    there = table_files.column_names(path, separator)
    found: dict[str, Any] = {}
    for role in ("sequence", "time", "truth", "group", "split"):
        name = getattr(args, role)
        needed = name is not None or role in ("sequence", "time")
        name = role if name is None else clean(name)
        if needed and name not in there:
            other = table_files.other_separator(there)
            raise ConfigError(
                f"{path}: there is no column {name!r}{did_you_mean(name, there)}; the file has: "
                f"{table_files.listed(there)}; "
                + (
                    f"its columns seem to be separated by {other!r}: add --separator {other!r}"
                    if other
                    else f"name the right one with --{role}"
                )
            )
        found[role] = name if name in there else None
    named = args.inputs and [clean(name) for name in args.inputs]
    if named and len(set(named)) < len(named):
        raise ConfigError(f"--inputs names a column twice: {' '.join(named)}")
    unnamed = [name for name in there if table_files.is_unnamed(name)]
    if unnamed and not named:
        log.warning(
            "%s: the column %s is not read; it looks like an index that pandas wrote",
            path, table_files.listed(unnamed),
        )  # fmt: skip
    left = [name for name in there if name not in [*found.values(), *unnamed]]
    inputs = named or left
    if not inputs:
        raise ConfigError(f"{path}: no column is left for the network to read; see --inputs")
    for name in [*found.values(), *inputs]:
        table_files.refuse_repeated(path, name, there)
    return {**found, "inputs": inputs}


# --- Running --------------------------------------------------------------------------------


def _read(args: argparse.Namespace) -> xr.Dataset:
    import numpy as np

    from hmmlens.datasets.own.files import from_file

    return from_file(settings_of(args), np.random.default_rng(args.seed), frozen=True)


def _read_as(data: xr.Dataset) -> str:
    """Return what the network received, so that a column read by mistake is seen."""
    if data["input"].ndim == 2:
        return "The network received symbols."
    names = [user_text.line(name) for name in data.attrs["feature_names"]]
    told = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        told += f" and {len(names) - MOST_NAMES} more"
    return f"The network received, in this order: {told}."


def explain(args: argparse.Namespace) -> None:
    """Explain a network as the arguments say, and tell what was found on stdout."""
    from hmmlens.report.explain import folder

    folder.check(args.out)
    data = _read(args)

    import numpy as np

    from hmmlens.explanation import explain as explained
    from hmmlens.rnn import devices, factories, loading
    from hmmlens.validation.scorecard import groups_of

    settings = {"kind": "torch", "factory": args.factory, "kwargs": args.kwargs}
    network = loading.load({**settings, "weights": args.weights}, Path.cwd())
    names = {
        "input": args.input_names or data.attrs["feature_names"],
        "truth": data.attrs["state_names"],
    }
    found = explained(
        network.to(devices.choose(args.device)),
        data["input"].to_numpy(),
        lengths=data["length"].to_numpy(),
        truth=data["state"].to_numpy(),
        split=data["split"].to_numpy(),
        groups=groups_of(data, np.arange(data.sizes["sequence"])),
        outputs=args.outputs,
        untrained=None if args.no_untrained else "redraw",
        layer=args.layer,
        layers=args.layers,
        batch_first=False if args.time_first else None,
        max_frames=args.max_frames,
        reducer=args.reducer,
        n_components=args.n_components,
        n_states=args.n_states,
        n_restarts=args.n_restarts,
        random_state=args.seed,
        names=names | ({"output": args.output_names} if args.output_names else {}),
        note=data.attrs.get("cut"),
        out=args.out,
        made_by={
            "factory": args.factory,
            "kwargs": json.dumps(args.kwargs, sort_keys=True),
            "code": factories.code_of(args.factory, Path.cwd()),
        },
    )
    print(found.summary())
    print(f"\n{_read_as(data)}")
    print(f"The explanation: {user_text.line(args.out / folder.PAGE)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets a sign for it, not the end of the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(failures.Formatter("%(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("hmmlens.explanation").setLevel(logging.INFO)
    try:
        with no_exit("code that was run"):
            args.run(args)
        sys.stdout.flush()
    except (HmmlensError, OSError) as error:
        if args.debug:
            raise
        told: object = error
        if isinstance(error, OSError) and not isinstance(error, HmmlensError):
            told = f"the system refuses: {reason(error)}"
            _let_go_of_stdout()
        print(f"hmmlens {args.command}: {user_text.line(told)}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        told = "stopped"
        if args.command == "explain":
            told += "; the same command takes up what was recorded"
        print(f"\nhmmlens {args.command}: {told}", file=sys.stderr)
        return STOPPED
    return 0


def _let_go_of_stdout() -> None:
    """Drop what could not be written, or Python tells of it a second time when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
