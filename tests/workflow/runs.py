"""Run Snakemake on small studies in folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "workflow" / "studies" / "smoke.yaml"
PUBLISHED = ROOT / "workflow" / "studies" / "published.yaml"


def command(folder: Path, config: Path, *options: str) -> list[str]:
    """Return the command that runs a study with its results under ``folder``."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(config), *options),
    ]


def snakemake(
    folder: Path, config: Path, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a study; stdout and stderr come back together as ``stdout``.

    Parameters
    ----------
    env : environment variables that differ from those of this process.
    """
    return subprocess.run(
        command(folder, config, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | env,
    )


#: A module that every Python process of a run imports at its start. It counts, over all processes
#: of the run, when a file whose path matches is opened for writing or given its name, and acts at a
#: chosen count: so a run is killed at a chosen moment of its work, and not of a clock.
INTERRUPTER = """
import fnmatch, os, signal, sys

PATTERN, COUNT, HOW = (os.environ[f"INTERRUPT_{name}"] for name in ("AT", "COUNT", "HOW"))
SEEN = os.path.join(os.path.dirname(__file__), "seen")

def look(event, args):
    if event == "os.rename":
        path = args[1]
    elif event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR):
        path = args[0]
    else:
        return
    if not isinstance(path, str | os.PathLike) or not fnmatch.fnmatch(str(path), PATTERN):
        return
    log = os.open(SEEN, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, b".")
    seen = os.fstat(log).st_size
    os.close(log)
    if seen == int(COUNT):
        if HOW == "kill the run":
            os.killpg(0, signal.SIGKILL)
        if HOW == "kill Snakemake alone":
            os.kill(os.getsid(0), signal.SIGKILL)
        if HOW == "stop the job":
            os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(look)
"""


def interrupted(
    folder: Path, config: Path, hooks: Path, at: str, count: int, how: str, *options: str
) -> subprocess.Popen[str]:
    """Start a study that is interrupted when something is written for the ``count``-th time.

    Parameters
    ----------
    hooks : an empty folder.
    at : pattern of the paths that are counted, as in :mod:`fnmatch`.
    how : ``kill the run``, ``kill Snakemake alone`` or ``stop the job``.
    """
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(INTERRUPTER)
    env = {"INTERRUPT_AT": at, "INTERRUPT_COUNT": str(count), "INTERRUPT_HOW": how}
    return subprocess.Popen(
        command(folder, config, *options),
        stdout=(hooks / "screen").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | env | {"PYTHONPATH": str(hooks)},
    )


def kill_when(
    folder: Path, config: Path, hooks: Path, at: str, count: int, how: str, *options: str
) -> None:
    """Run a study until it is killed as :func:`interrupted` describes, and unlock its folder."""
    process = interrupted(folder, config, hooks, at, count, how, *options)
    code = process.wait()
    screen = (hooks / "screen").read_text()[-3000:]
    assert code == -signal.SIGKILL, f"{at} was not written {count} times: {screen}"
    # What Snakemake asks the user to do after a kill.
    assert snakemake(folder, config, "--unlock").returncode == 0


def csv_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every CSV below ``results``."""
    results = folder / "results"
    return {str(p.relative_to(results)): p.read_bytes() for p in sorted(results.rglob("*.csv"))}
