"""The command ``hmmlens explain``: its options, and what it runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmlens import user_text
from hmmlens.cli.data import settings_of
from hmmlens.reduction.reducers import REDUCERS

if TYPE_CHECKING:
    import xarray as xr

    from hmmlens.explanation.settings import ExplanationSettings

#: Names of inputs that are listed on the screen.
MOST_NAMES = 40

EXPLAIN = """\
Record the states of a recurrent network on data, reduce them, fit hidden Markov models, and write
what the states are to a folder: explanation.html, tables, figures and all stores in between. The
same is done with an untrained control of the network, the raw input and the lagged input.
"""


def add_to(commands: Any) -> None:
    """Add the command to the subparsers of ``hmmlens``.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returns.
    """
    summary = "explain a network by the states that it moves through"
    command = commands.add_parser("explain", help=summary, description=EXPLAIN)
    command.set_defaults(run=explain)
    _options(command)


def _options(command: argparse.ArgumentParser) -> None:
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
    add(
        "--targets",
        metavar="NAME",
        nargs="+",
        help="what the network should return at each step, one column per output, or one of 0, 1, "
        "2 ... for logits; decides whether it is competent (default: not known)",
    )
    add("--floor", type=float, metavar="LOSS", help="smallest possible loss at the targets")
    add("--truth", metavar="NAME", help="labels to compare with (default: truth, if it is there)")
    add("--group", metavar="NAME", help="whose sequences go together (default: group, if there)")
    add("--split", metavar="NAME", help="train, select or test (default: split, if it is there)")
    add("--separator", metavar="CHARACTER", help="of a CSV file's columns; \\t is tab (default: ,)")

    reading = command.add_argument_group("inputs and outputs of the network")
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
    add("--n-states", type=_counts, metavar="COUNTS", help="1,2,4,8; default: 1-12")
    reducers = tuple(name for name, reducer in REDUCERS.items() if not reducer.exploratory)
    add("--reducer", choices=reducers, help="default: pca; several by --config")
    add("--n-components", type=_count, metavar="N", help="default: 8")
    add("--n-restarts", type=_count, metavar="N", help="fits of each model; default: 5")
    add("--max-frames", type=_count, metavar="N", help="default: 13000 steps in all")
    add("--no-untrained", action="store_true", help="leave the untrained control out")

    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="YAML file of settings (effort, seed, split, blocks, activations, reducers, sweep, "
        "selection, validation, controls, as in a study); the options above replace single ones",
    )

    running = command.add_argument_group("running")
    add = running.add_argument
    add(
        "--effort",
        choices=("quick", "normal"),
        help="quick leaves out controls and PDF figures and fits fewer models (default: normal)",
    )
    add("--seed", type=_seed, help="of every random draw; default: 0")
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


def _settings(path: Path | None, effort: str | None) -> ExplanationSettings:
    """Return the settings of a file, or the defaults of an effort."""
    from hmmlens.explanation import settings
    from hmmlens.io.yaml_files import read_yaml

    return settings.checked(None if path is None else read_yaml(path), str(path), effort)


def _read(args: argparse.Namespace, settings: ExplanationSettings) -> xr.Dataset:
    import numpy as np

    from hmmlens.datasets.own.files import from_file

    seed = settings.seed if args.seed is None else args.seed
    return from_file(settings_of(args, settings), np.random.default_rng(seed), frozen=True)


def _read_as(data: xr.Dataset) -> str:
    """Return what the network received, so that a column read by mistake is seen."""
    if data["input"].ndim == 2:
        return "The network received symbols."
    names = [user_text.line(name) for name in data.attrs["feature_names"]]
    shown = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown += f" and {len(names) - MOST_NAMES} more"
    return f"The network received, in this order: {shown}."


def explain(args: argparse.Namespace) -> None:
    """Explain a network according to the arguments, and print the findings.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    """
    from hmmlens.report.explain import folder

    folder.check_folder(args.out)
    sections = _settings(args.config, args.effort)
    data = _read(args, sections)

    import numpy as np

    from hmmlens.explanation.pipeline import explain as explained
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
        targets=data["target"].to_numpy() if args.targets else None,
        floor=args.floor,
        untrained=None if args.no_untrained else "redraw",
        layer=args.layer,
        layers=args.layers,
        batch_first=False if args.time_first else None,
        max_frames=args.max_frames,
        reducer=args.reducer,
        n_components=args.n_components,
        n_states=args.n_states,
        n_restarts=args.n_restarts,
        settings=sections,
        random_state="settings" if args.seed is None else args.seed,
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
