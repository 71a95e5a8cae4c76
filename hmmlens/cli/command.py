"""The command ``hmmlens``.

What is wrong with arguments or files is reported in one sentence on stderr, with exit code 2.
Whatever takes long to import is imported when the arguments are known to be good.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import hmmlens
from hmmlens import user_text
from hmmlens.cli import explain, networks, studies
from hmmlens.errors import HmmlensError, no_exit
from hmmlens.io.writing import reason
from hmmlens.study import failures

#: Exit codes of arguments or files that do not fit, and of Ctrl-C.
WRONG, STOPPED = 2, 130


class _Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line and accepts no abbreviated options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {user_text.line(message)}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command.

    Returns
    -------
    argparse.ArgumentParser
        With a subparser for each command.
    """
    top = _Parser(prog="hmmlens", description=hmmlens.__doc__.partition("\n")[0])
    top.add_argument("--version", action="version", version=f"hmmlens {hmmlens.__version__}")
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser)
    explain.add_to(commands)
    networks.add_to(commands)
    studies.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit code.
    """
    args = parser().parse_args(argv)
    if "check" in args:
        args.check(args)
    for stream in (sys.stdout, sys.stderr):
        # A terminal without a character prints a sign for it, and the run goes on.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(failures.Formatter("%(message)s"))
    logging.basicConfig(handlers=[handler])
    for name in ("explanation", "rnn.weight_names"):
        logging.getLogger(f"hmmlens.{name}").setLevel(logging.INFO)
    try:
        with no_exit("code that was run"):
            code = args.run(args)
        sys.stdout.flush()
    except (HmmlensError, OSError) as error:
        if args.debug:
            raise
        message: object = error
        if isinstance(error, OSError) and not isinstance(error, HmmlensError):
            message = f"the system refuses: {reason(error)}"
            _let_go_of_stdout()
        print(f"hmmlens {args.command}: {user_text.line(message)}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        message = "stopped"
        if args.command == "explain":
            message += "; the same command takes up what was recorded"
        print(f"\nhmmlens {args.command}: {message}", file=sys.stderr)
        return STOPPED
    return code or 0


def _let_go_of_stdout() -> None:
    """Drop what could not be written, or Python reports it again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
