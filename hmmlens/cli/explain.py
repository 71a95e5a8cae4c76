"""The command ``hmmlens explain``: what it runs, and what it prints."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmlens import user_text
from hmmlens.cli import options
from hmmlens.cli.data import read_data, read_feed, read_inputs

if TYPE_CHECKING:
    import xarray as xr
    from torch import nn

    from hmmlens.explanation.settings import ExplanationSettings
    from hmmlens.report.explain.result import Explanation

#: Options of tables and networks, which states that are recorded have no use for.
NOT_OF_STATES = (
    *("sequence", "time", "inputs", "symbols", "targets", "truth", "group", "split", "separator"),
    *("standardise", "layers", "kwargs", "feed", "output"),
)

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
    command.set_defaults(check=partial(_check, command))
    options.add_network(command, required=False, factory_required=False)
    options.add_recorded(command)
    command.add_argument(
        "--out",
        required=True,
        type=Path,
        help="folder to write; only an explanation as hmmlens wrote it is replaced",
    )
    options.add_shared(command)


def _check(command: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message unless the arguments name either a network or recorded states."""
    given = {"factory": args.factory, "--weights": args.weights, "--data": args.data}
    if args.states is None:
        if missing := [name for name, value in given.items() if value is None]:
            command.error(f"the following arguments are required: {', '.join(missing)}")
        for name in ("step", "readout"):
            if getattr(args, name) is not None:
                command.error(f"--{name} is for --states")
        return
    given |= {f"--{name}": getattr(args, name) for name in NOT_OF_STATES}
    if extra := [name for name, value in given.items() if value]:
        command.error(f"{extra[0]} does not go with --states, whose file holds what is explained")
    if args.readout is not None and args.step is None:
        command.error("--readout is for --step")


def read_settings(path: Path | None, effort: str | None = None) -> ExplanationSettings:
    """Return the settings of a file, or the defaults of an effort.

    Parameters
    ----------
    path : Path or None
        A YAML file.
    effort : str, optional
        See :func:`hmmlens.explain`.

    Returns
    -------
    ExplanationSettings
        All sections.
    """
    from hmmlens.explanation import settings
    from hmmlens.io.yaml_files import read_yaml

    return settings.checked(None if path is None else read_yaml(path), str(path), effort)


def load_network(args: argparse.Namespace) -> nn.Module:
    """Return the network of the arguments, on its device.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command. Without weights, the network has those of its function.

    Returns
    -------
    torch.nn.Module
        The network.
    """
    from hmmlens.rnn import devices, factories, loading

    if args.weights is None:
        network = factories.build(args.factory, args.kwargs, Path.cwd())
    else:
        settings = {"kind": "torch", "factory": args.factory, "kwargs": args.kwargs}
        network = loading.load({**settings, "weights": args.weights}, Path.cwd())
    return network.to(devices.choose(args.device))


def shared_arguments(
    args: argparse.Namespace, data: xr.Dataset, sections: ExplanationSettings
) -> dict[str, Any]:
    """Return the arguments of :func:`hmmlens.explain` that :func:`hmmlens.check` takes too.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    data : Dataset
        The ``sequences`` store.
    sections : ExplanationSettings
        Settings.

    Returns
    -------
    dict of str to object
        All but the network and its inputs.
    """
    import numpy as np

    from hmmlens.validation.network_outputs import groups_of

    parts = data.attrs.get("parts", ())
    symbols = len(parts) == 1 and parts[0].kind == "whole" and not parts[0].tail
    # The name of an array of symbols is no name of a symbol.
    own = None if symbols else data.attrs["feature_names"]
    names = {"truth": data.attrs["state_names"]}
    if inputs := args.input_names or own:
        names["input"] = inputs
    return {
        "lengths": data["length"].to_numpy(),
        "truth": data["state"].to_numpy(),
        "split": data["split"].to_numpy(),
        "groups": groups_of(data, np.arange(data.sizes["sequence"])),
        "outputs": args.outputs,
        "targets": data["target"].to_numpy() if args.targets else None,
        "untrained": None if args.no_untrained else "redraw",
        "layer": args.layer,
        "layers": args.layers,
        "batch_first": False if args.time_first else None,
        **read_feed(args),
        "settings": sections,
        "names": names | ({"output": args.output_names} if args.output_names else {}),
    }


def _read_as(data: xr.Dataset) -> str:
    """Return what the network received, so that a column read by mistake is seen."""
    if data["input"].ndim == 2:
        return "The network received symbols."
    names = [user_text.line(name) for name in data.attrs["feature_names"]]
    shown = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown += f" and {len(names) - MOST_NAMES} more"
    return f"The network received, in this order: {shown}."


def choices(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments that networks and recorded states are explained with alike.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    dict of str to object
        What replaces single settings, and where the explanation is written.
    """
    names = ("floor", "max_frames", "reducer", "n_components", "n_states", "n_restarts", "out")
    seed = "settings" if args.seed is None else args.seed
    return {name: getattr(args, name) for name in names} | {"random_state": seed}


def explain(args: argparse.Namespace) -> None:
    """Explain a network, or recorded states, according to the arguments, and print the findings.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    """
    from hmmlens.report.explain import folder

    folder.check_folder(args.out)
    found, lines = explain_network(args) if args.states is None else (explain_file(args), [])
    print(found.summary())
    print("", *lines, f"The explanation: {user_text.line(args.out / folder.PAGE)}", sep="\n")


def explain_network(args: argparse.Namespace) -> tuple[Explanation, list[str]]:
    """Explain the network of the arguments.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    found : Explanation
        The findings.
    lines : list of str
        What the network received.
    """
    sections = read_settings(args.config, args.effort)
    data = read_data(args, sections)

    from hmmlens.explanation.pipeline import explain as explained
    from hmmlens.rnn import factories

    found = explained(
        load_network(args),
        read_inputs(data),
        **shared_arguments(args, data, sections),
        **choices(args),
        note=data.attrs.get("cut"),
        made_by={
            "factory": args.factory,
            "kwargs": json.dumps(args.kwargs, sort_keys=True),
            "code": factories.code_of(args.factory, Path.cwd()),
        },
    )
    return found, [_read_as(data)]


def explain_file(args: argparse.Namespace) -> Explanation:
    """Explain the recorded states of the file of the arguments.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    Explanation
        The findings.

    Raises
    ------
    ConfigError
        When the file is of another kind.
    """
    from hmmlens.errors import ConfigError
    from hmmlens.io.input_files import check_file, check_folder

    path: Path = args.states
    if path.suffix not in (".npz", ".zarr"):
        raise ConfigError(f"--states {path}: must end in .npz or .zarr")
    if path.suffix == ".npz":
        check_file(path)
    else:
        check_folder(path, "a Zarr store")
    sections = read_settings(args.config, args.effort)

    from hmmlens.datasets.own.arrays import read_states
    from hmmlens.explanation.states import explain_states
    from hmmlens.rnn.factories import imported

    read = read_states(path)
    content = read.content
    names: dict[str, Any] = {"input": args.input_names or content.names["input"]}
    if "state" in content.names:
        names["truth"] = content.names["state"]
    if args.output_names or "target" in content.names:
        names["output"] = args.output_names or content.names["target"]
    step, readout = (
        None if name is None else imported(kind, name, Path.cwd())
        for kind, name in (("step", args.step), ("readout", args.readout))
    )
    return explain_states(
        read.hidden,
        read.output,
        content.input if read.has_input else None,
        content.length,
        step,
        content.target,
        readout=readout,
        output_kind=args.outputs,
        truth=content.state,
        split=content.split,
        groups=content.group,
        layer=args.layer,
        settings=sections,
        names=names,
        **choices(args),
    )
