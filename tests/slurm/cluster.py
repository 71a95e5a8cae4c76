"""A SLURM of its own for tests, runs of a study on it, and ways to break both."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.workflow.runs import ROOT

HERE = Path(__file__).parent
STUDY = HERE / "study.yaml"
SITE = HERE / "site.yaml"
TABLES = "results/slurm/tables"
#: Seconds after which a run that should long have ended counts as one that hangs, with room for a
#: machine that has much else to do.
PATIENCE = 900


def wait_for(what: str, happened: Callable[[], bool], seconds: float = 240) -> None:
    """Wait until something has happened, or fail."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"after {seconds:.0f} s: no {what}"
        time.sleep(0.1)


class Job(NamedTuple):
    """A job of SLURM: number, what it is for, state, node."""

    number: str
    comment: str
    state: str
    node: str


class Cluster:
    """The test bed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_ports(6)
        # As the file `env` there says it to a shell. Jobs start sooner when Python may keep what it
        # has compiled.
        self.env = os.environ | {
            "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)

    def start(self) -> None:
        """Start all daemons that do not run."""
        command = [HERE / "testbed" / "start", self.folder, str(self.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        """Stop all daemons and remove the folder."""
        command = [HERE / "testbed" / "stop", self.folder]
        subprocess.run(command, check=True, timeout=120)

    def daemon(self, name: str) -> int:
        """Return the process of a daemon."""
        return int((self.folder / "pid" / name).read_text())

    def kill(self, name: str) -> None:
        """Kill a daemon."""
        os.kill(self.daemon(name), signal.SIGKILL)

    def ask(self, *command: str) -> str:
        """Return what one of SLURM's commands prints."""
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=True, timeout=30
        )
        return done.stdout

    def queue(self) -> list[Job]:
        """Return the jobs that have not ended."""
        lines = self.ask("squeue", "-h", "-o", "%i|%k|%T|%N").splitlines()
        return [Job(*line.split("|")) for line in lines]

    def history(self, *runs: str) -> list[Job]:
        """Return all jobs of some runs by their accounts, those that were tried again too."""
        names, fields = ",".join(runs), "jobidraw,comment,state,nodelist"
        output = self.ask("sacct", "-XPnD", f"--name={names}", f"--format={fields}")
        return [Job(*line.split("|")) for line in output.splitlines()]

    def resume(self, node: str) -> None:
        """Bring back a node that was set down; its daemon may have done so by itself."""
        command = ("scontrol", "update", f"nodename={node}", "state=resume")
        subprocess.run(command, env=self.env, capture_output=True, check=False, timeout=30)
        wait_for(
            f"return of {node}",
            lambda: "down" not in self.ask("sinfo", "-h", "-n", node, "-N", "-o", "%T"),
        )

    def running(self, rule: str, scripts: int = 1) -> list[Job]:
        """Wait until so many jobs of a rule run their script, and return them."""
        found: list[Job] = []

        def started() -> bool:
            found[:] = [
                job
                for job in self.queue()
                if job.comment.startswith(f"rule_{rule}_") and job.state == "RUNNING"
                if processes(job, rule)
            ]
            return len(found) >= scripts

        wait_for(f"{scripts} running {rule}", started)
        return found


def free_ports(n: int) -> int:
    """Return the first of ``n`` ports in a row that nobody listens on."""
    for first in range(16817, 17817, n):
        try:
            for port in range(first, first + n):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("there are no free ports")


def processes(job: Job, rule: str = "") -> list[int]:
    """Return the processes of a job; with a rule, those that run its script."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"SLURM_JOB_ID={job.number}".encode() in environ and (
            not rule or command.rstrip("\0").endswith(f".{rule}.py")
        ):
            found.append(int(folder.name))
    return found


def send(job: Job, number: signal.Signals, rule: str = "") -> None:
    """Send a signal to the processes of a job."""
    pids = processes(job, rule)
    assert pids, f"{job} has no processes"
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


class Run:
    """A run of the study through the profile, in a process of its own."""

    def __init__(self, cluster: Cluster, folder: Path, *options: str, path: str = "") -> None:
        self.log = folder / f"run-{len(list(folder.glob('run-*')))}.log"
        env = cluster.env | ({"PATH": f"{path}:{cluster.env['PATH']}"} if path else {})
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                command(folder, *options),
                env=env,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Or a test that runs in the background hands on that Ctrl-C is ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def text(self) -> str:
        """Return what it has printed."""
        return self.log.read_text()

    def says(self, text: str, seconds: float = 240) -> None:
        """Wait until it prints a text."""
        wait_for(f"{text!r} in {self.log}", lambda: text in self.text(), seconds)

    @property
    def name(self) -> str:
        """The name of all its jobs."""
        found = re.search(r"SLURM run ID: (\S+)", self.text())
        assert found is not None, self.text()
        return found[1]

    def wait(self) -> int:
        """Return its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it hangs:\n{self.text()[-3000:]}") from None

    def completes(self) -> None:
        """Wait for a good end."""
        assert self.wait() == 0, self.text()[-4000:]


def command(folder: Path, *options: str, study: Path = STUDY, target: str = TABLES) -> list[str]:
    """Return the command that runs a study through the profile, with the patience of a test."""
    return [
        *(sys.executable, "-m", "snakemake", target, "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(study)),
        *("--workflow-profile", str(ROOT / "profiles" / "slurm")),
        *("--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "5"),
        *(options if "--config" in options else ("--config", f"site={SITE}", *options)),
    ]


@contextmanager
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that looks like a daemon of SLURM and is none of ours."""
    process = subprocess.Popen(["bash", "-c", "exec -a slurmd sleep 600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()
