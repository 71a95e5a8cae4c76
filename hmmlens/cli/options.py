"""Options of the commands about one network: the network, its data, and what is recorded."""

from __future__ import annotations

import argparse
from pathlib import Path

from hmmlens.cli.argument_types import count, counts, factory, json_object, seed
from hmmlens.reduction.reducers import REDUCERS

DATA = ".csv, .csv.gz or .parquet table, .npz file, .zarr store"


def add_network(
    command: argparse.ArgumentParser, required: bool, factory_required: bool = True
) -> None:
    """Add options of the network and of the file with its inputs.

    Parameters
    ----------
    command : argparse.ArgumentParser
        The command.
    required : bool
        Whether weights and data must be given.
    factory_required : bool, optional
        Whether the function must be given.
    """
    add = command.add_argument
    add(
        "factory",
        type=factory,
        nargs=None if factory_required else "?",
        help="function that returns the torch module, as my_module:build",
    )
    weights = ".safetensors, or a state dict of torch.save"
    add("--weights", required=required, type=Path, help=weights)
    add("--data", required=required, help=DATA)
    add("--kwargs", type=json_object, default={}, metavar="JSON", help="arguments of the function")


def add_recorded(command: argparse.ArgumentParser) -> None:
    """Add options of states that another program has recorded.

    Parameters
    ----------
    command : argparse.ArgumentParser
        The command.
    """
    recorded = command.add_argument_group(
        "states recorded by another program, in place of the function, --weights and --data"
    )
    add = recorded.add_argument
    add(
        "--states",
        type=Path,
        metavar="FILE",
        help=".npz file or .zarr store with the arrays hidden and output and, where known, cell, "
        "input, target, length, state, split, group",
    )
    add(
        "--step",
        type=factory,
        help="function step(state, input), or an object with step and readout, as my_module:step",
    )
    add(
        "--readout",
        type=factory,
        help="function readout(state); default: that of --step, or linear",
    )


def add_shared(command: argparse.ArgumentParser, states: bool = True) -> None:
    """Add options of the data, of what the network reads, of its states, and of how a command runs.

    Parameters
    ----------
    command : argparse.ArgumentParser
        The command.
    states : bool, default=True
        Whether the command takes options of the layer, the reduction and the models.
    """
    _add_columns(command)
    _add_reading(command)
    if states:
        _add_states(command)
    _add_running(command)


def _add_columns(command: argparse.ArgumentParser) -> None:
    """Add options that name the columns of a table."""
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


def _add_reading(command: argparse.ArgumentParser) -> None:
    """Add options of what the network reads and returns."""
    reading = command.add_argument_group("inputs and outputs of the network")
    add = reading.add_argument
    add("--outputs", choices=("values", "logits"), default="values", help="default: values")
    add("--time-first", action="store_true", help="the network takes (time, sequence, ...)")
    add(
        "--feed",
        type=factory,
        metavar="MODULE:FUNCTION",
        help="takes the dict of inputs (arrays input_NAME), or the one tensor, and returns (args, "
        "kwargs) or the only argument of the network",
    )
    add("--output", metavar="NAME", help="key, field or index of what the network returns")
    add("--input-names", metavar="NAME", nargs="+", help="names of features or symbols")
    add("--output-names", metavar="NAME", nargs="+", help="names of the network's outputs")
    add(
        "--standardise", action="store_true", help="as studies do; by default data stay as they are"
    )
    add("--split-by", choices=("sequence", "group"), help="default: group where there are groups")


def _add_states(command: argparse.ArgumentParser) -> None:
    """Add options of the layer, the reduction and the models."""
    states = command.add_argument_group("states")
    add = states.add_argument
    add("--layer", help="as hmmlens.extract names it (default: the last of the forward pass)")
    add("--layers", metavar="NAME", nargs="+", help="modules to record (default: all of torch's)")
    add("--n-states", type=counts, metavar="COUNTS", help="1,2,4,8; default: 1-12")
    reducers = tuple(name for name, reducer in REDUCERS.items() if not reducer.exploratory)
    add("--reducer", choices=reducers, help="default: pca; several by --config")
    add("--n-components", type=count, metavar="N", help="default: 8")
    add("--n-restarts", type=count, metavar="N", help="fits of each model; default: 5")
    add("--max-frames", type=count, metavar="N", help="default: 13000 steps in all")
    add("--no-untrained", action="store_true", help="leave the untrained control out")

    command.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="YAML file of settings (effort, seed, split, blocks, activations, reducers, sweep, "
        "selection, validation, controls, as in a study); the options above replace single ones",
    )


def _add_running(command: argparse.ArgumentParser) -> None:
    """Add options of how the command runs."""
    running = command.add_argument_group("running")
    add = running.add_argument
    add(
        "--effort",
        choices=("quick", "normal"),
        help="quick leaves out controls and PDF figures and fits fewer models (default: normal)",
    )
    add("--seed", type=seed, help="of every random draw; default: 0")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    add("--debug", action="store_true", help="show where in the code an error arose")
