"""Commands about a study as a whole: what it will cost, what it has so far, and what it took."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmlens import user_text

if TYPE_CHECKING:
    from hmmlens.study.jobs import AnyStudy

PLAN = """\
Print how many jobs a study has, and for each rule its core-hours, GPU-hours, disk and peak memory,
predicted from measured jobs of studies that come with hmmlens and of those below results/, with the
error of such predictions of the same rules.
"""

PARTIAL = """\
Write a report of what a study has so far to results/STUDY/partial_report, with all tables and a
list of what is missing. Snakemake may be at work meanwhile.
"""

TIMINGS = """\
Print for each rule of a study how many of its jobs have ended, their CPU and wall seconds, their
largest memory, and the share of start-up, from the benchmark files and logs below its folder.
"""


def add_to(commands: Any) -> None:
    """Add the commands to the subparsers of ``hmmlens``.

    Parameters
    ----------
    commands : argparse action
        Of ``add_subparsers``.
    """
    summary = "predict what a study will cost, before it starts"
    _options(commands.add_parser("plan", help=summary, description=PLAN), plan)
    summary = "report what a study has so far, and list what is missing"
    _options(commands.add_parser("partial", help=summary, description=PARTIAL), partial)
    summary = "print what the jobs of a study took, by rule"
    command = commands.add_parser("timings", help=summary, description=TIMINGS)
    command.set_defaults(run=timings)
    what = "config file or folder of results (default: config.yaml)"
    command.add_argument("study", type=Path, nargs="?", default=Path("config.yaml"), help=what)
    _add_debug(command)


def _options(command: argparse.ArgumentParser, run: Any) -> None:
    command.set_defaults(run=run)
    default = Path("config.yaml")
    command.add_argument("--configfile", type=Path, default=default, help="default: config.yaml")
    _add_debug(command)


def _add_debug(command: argparse.ArgumentParser) -> None:
    what = "show where in the code an error arose"
    command.add_argument("--debug", action="store_true", help=what)


def _study(path: Path) -> AnyStudy:
    """Return the study of a config of any kind."""
    from hmmlens.io.yaml_files import read_yaml
    from hmmlens.study.jobs import load

    return load(read_yaml(path), str(path))


def plan(args: argparse.Namespace) -> None:
    """Print what a study will take.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command line.
    """
    study = _study(args.configfile)

    from hmmlens.study.plan import costs, measured, text

    past, own = measured.shipped(), measured.read_all(Path("results"))
    planned = costs.plan(study, past, own)
    print(f"{study.study}: what all of it takes\n\n{text.table(planned)}\n")
    errors = costs.errors(past, own)
    same_rules = errors[errors["rule"].isin(planned.table["rule"])]
    for line in [*text.notes(planned), *text.worth(same_rules)]:
        print(line)
    if own:
        names = ", ".join(sorted(one.study.study for one in own))
        print(f"Of this machine: {names}; it takes {planned.speed:.2f} times as long as the other.")


def partial(args: argparse.Namespace) -> None:
    """Report what a study has so far.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command line.
    """
    study = _study(args.configfile)

    import logging

    from hmmlens.report import partial as report
    from hmmlens.study import layout

    # Messages of matplotlib about adjusted limits of axes are of no use to a user.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    folder, found = report.write(study, Path("results") / study.study)
    print(f"{found.sentence}\nThe partial report: {user_text.line(folder / layout.REPORT)}")


def timings(args: argparse.Namespace) -> None:
    """Print what the jobs of a study took.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command line.
    """
    from hmmlens.study import timings as measured

    results = args.study
    if not results.is_dir():
        results = Path("results") / _study(results).study
    print(
        user_text.block(f"{results}: what its jobs took\n\n{measured.text(measured.read(results))}")
    )
