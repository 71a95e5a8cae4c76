"""Commands about one network before it is explained: its layers, and what would be refused."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hmmlens import user_text
from hmmlens.cli import options
from hmmlens.cli.data import read_data, read_feed, read_inputs
from hmmlens.cli.explain import load_network, read_settings, shared_arguments

if TYPE_CHECKING:
    import pandas as pd

LAYERS = """\
List the layers of a network that can be recorded, with their directions and shapes, and whether
states can be replayed, are determined by the inputs up to their step, and can be advanced by single
steps. With --data two sequences are run, which shows what the classes of the modules do not.
"""

CHECK = """\
Record two sequences as hmmlens explain would, and report what it would refuse. Takes the options of
hmmlens explain but --out. The exit code is 0 where nothing would be refused, and 2 otherwise.
"""

#: Exit code where something would be refused.
REFUSED = 2

#: Columns of the list, with the words that are printed.
PRINTED = {
    "recorded": "recorded",
    "replay": "replay",
    "prefix_readout": "readout of prefixes",
    "step": "single steps",
    "dynamics": "dynamics",
}


def add_to(commands: Any) -> None:
    """Add the commands to the subparsers of ``hmmlens``.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returns.
    """
    summary = "list the layers of a network that can be recorded"
    command = commands.add_parser("layers", help=summary, description=LAYERS)
    command.set_defaults(run=layers, config=None)
    options.add_network(command, required=False)
    options.add_shared(command, states=False)
    summary = "report what hmmlens explain would refuse"
    command = commands.add_parser("check", help=summary, description=CHECK)
    command.set_defaults(run=check)
    options.add_network(command, required=True)
    options.add_shared(command)


def layers(args: argparse.Namespace) -> None:
    """Print the layers of a network.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    """
    data = None if args.data is None else read_data(args, read_settings(None))

    from hmmlens.recording.listing import list_layers

    found = list_layers(
        load_network(args),
        None if data is None else read_inputs(data),
        None if data is None else data["length"].to_numpy(),
        batch_first=False if args.time_first else None,
        **read_feed(args),
    )
    print("\n\n".join(described(row) for _, row in found.iterrows()))


def described(row: pd.Series) -> str:
    """Return a layer in some lines.

    Parameters
    ----------
    row : Series
        See :class:`hmmlens.recording.listing.ListedLayer`.

    Returns
    -------
    str
        Name, shapes, and what is possible.
    """
    shapes = [] if row["n_units"] is None else [f"{row['n_units']} units"]
    if row["n_inputs"] is not None:
        shapes.insert(0, f"{row['n_inputs']} inputs")
    if row["n_steps"] is not None:
        shapes.append(f"{row['n_steps']} steps")
    head = f"{row['layer']}: {', '.join([row['kind'], row['direction'], *shapes])}"
    lines = [f"  {words + ':':<21}{row[name]}" for name, words in PRINTED.items()]
    return "\n".join([user_text.line(head), *map(user_text.block, lines)])


def check(args: argparse.Namespace) -> int:
    """Print what an explanation would refuse.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    int
        The exit code.
    """
    sections = read_settings(args.config, args.effort)
    data = read_data(args, sections)

    from hmmlens.explanation.checking import check as checked

    found = checked(load_network(args), read_inputs(data), **shared_arguments(args, data, sections))
    print(user_text.block(str(found)))
    return 0 if found.passed else REFUSED
