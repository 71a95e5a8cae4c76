"""A study on a real SLURM gives the tables of a local run, whatever dies on the way.

The tests run in this order. Each takes away some results of the finished study, breaks something
while they are made anew, and finds the same tables at the end.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.slurm.cluster import (
    SITE,
    TABLES,
    Cluster,
    Run,
    bystander,
    command,
    processes,
    send,
    wait_for,
)
from tests.workflow.runs import csv_files
from tests.workflow.test_own_data import bad_cell, study

pytestmark = pytest.mark.slurm

#: Results of six jobs of three rules, of which four can run at once.
LATE = ("checks.csv", "methods.csv", "reservoirs.csv", "verdicts.csv")
N_LATE = 6


def forget(folder: Path, names: tuple[str, ...] = LATE) -> dict[str, str]:
    """Take away results of both networks, and return what all jobs wrote of their own cost."""
    costs = benchmarks(folder)
    for name in names:
        files = list((folder / "results" / "slurm").glob(f"*/{name}"))
        assert files
        for file in files:
            file.unlink()
    # What is missing is made again only on the way to something else that is missing.
    shutil.rmtree(folder / TABLES)
    return costs


def benchmarks(folder: Path) -> dict[str, str]:
    """Return what each job wrote of its seconds and memory, which no second run would repeat."""
    root = folder / "results" / "slurm" / "benchmarks"
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*.tsv")}


def check_end(
    cluster: Cluster, folder: Path, reference: dict[str, bytes], costs: dict[str, str], *runs: Run
) -> Counter[str]:
    """Check the end of a disturbed study, and return how often which rule ended in which state."""
    found = csv_files(folder)
    assert found.keys() == reference.keys()
    assert [name for name in reference if found[name] != reference[name]] == []
    assert not list((folder / "results").rglob("*.partial"))
    assert cluster.queue() == []
    history = cluster.history(*(run.name for run in runs))
    # Nothing that ended well ran twice, and nothing ran that was there.
    done = Counter(job.comment for job in history if job.state == "COMPLETED")
    assert max(done.values()) == 1
    names = {job.comment for job in history}
    assert len(names) == N_LATE
    # A job that is cancelled between writing its results and its end leaves them whole: they stay.
    cancelled = {job.comment for job in history if job.state.startswith("CANCELLED")}
    assert names - done.keys() <= cancelled
    again = {name for name, cost in benchmarks(folder).items() if costs[name] != cost}
    rules = {name.split("/")[0] for name in again}
    assert rules == {"check_network", "judge_network", "judge_reservoirs", "make_tables.tsv"}
    return Counter(
        f"{job.comment.split('_wildcards')[0].removeprefix('rule_')} {job.state.split()[0]}"
        for job in history
    )


def test_study_on_slurm_has_the_tables_of_a_local_run(
    cluster: Cluster, folder: Path, undisturbed: Run, reference: dict[str, bytes]
) -> None:
    found = csv_files(folder)
    assert found.keys() == reference.keys()
    assert len(reference) > 40
    assert [name for name in reference if found[name] != reference[name]] == []
    history = cluster.history(undisturbed.name)
    assert len(history) >= 40
    assert {job.state for job in history} == {"COMPLETED"}
    # Rules of a group share a job.
    kinds = Counter(job.comment.split("_wildcards")[0] for job in history)
    assert kinds["rule_record_find_endpoints_record_activations"] == 4
    assert kinds["rule_read_interpret_layer_validate_layer"] == 6
    assert not kinds.keys() & {"rule_find_endpoints", "rule_validate_layer"}
    # Training has a GPU, everything else goes without.
    nodes = {job.comment: job.node for job in history}
    trained = {c for c in nodes if c.startswith("rule_train") and "untrained" not in c}
    assert len(trained) == 2
    lines = cluster.ask(
        "sacct", "-XPn", f"--name={undisturbed.name}", "--format=comment,reqtres"
    ).splitlines()
    assert {line.split("|")[0] for line in lines if "gres/gpu=1" in line} == trained
    assert {nodes[comment] for comment in trained} <= {"gpu1", "gpu2"}
    logs = (folder / "results" / "slurm" / "logs").rglob("train_network/*/*.log")
    devices = {
        log.parent.name: line.partition("device cpu: ")[2]
        for log in logs
        for line in log.read_text().splitlines()
        if "device cpu: " in line
    }
    assert devices["flipflop-gru"] == "GPU 0, but torch sees no CUDA there"
    assert devices["flipflop-gru-untrained"] == "this job was given no GPU"


def test_model_of_the_work_covers_what_it_took(cluster: Cluster, undisturbed: Run) -> None:
    fields = "--format=jobid,reqmem,maxrss,totalcpu,timelimitraw"
    output = cluster.ask("sacct", "-PnD", "--units=M", f"--name={undisturbed.name}", fields)
    asked: dict[str, float] = {}
    for line in output.splitlines():
        number, memory, peak, cpu, limit = line.split("|")
        if "." not in number:
            asked[number] = float(memory.rstrip("M"))
            # Of processors, not of a clock, which knows what else this machine does.
            *_, minutes, seconds = ("0:0:" + cpu).split(":")
            assert 0 < 60 * float(minutes) + float(seconds) < 60 * int(limit) / 4
        elif peak:
            assert float(peak.rstrip("M")) < 0.8 * asked[number.split(".")[0]]


def test_jobs_that_die_are_tried_again_and_of_two_runs_one_goes(
    cluster: Cluster, folder: Path, undisturbed: Run, reference: dict[str, bytes]
) -> None:
    costs = forget(folder)
    less = ("--set-resources", "judge_reservoirs:mem_mb=500*4**(attempt-1)")
    both = [Run(cluster, folder, *less), Run(cluster, folder, *less)]
    wait_for("end of one of two runs", lambda: any(r.process.poll() is not None for r in both))
    (loser,) = [run for run in both if run.process.poll() is not None]
    (run,) = [run for run in both if run is not loser]
    assert loser.process.returncode != 0
    text = loser.text()
    assert "is at work in this folder already" in text or "cannot be locked" in text

    one, two = cluster.running("check_network", 2)
    # It stands still until its time is over, which is soon.
    send(one, signal.SIGSTOP, "check_network")
    cluster.ask("scontrol", "update", f"jobid={one.number}", "timelimit=1")
    send(two, signal.SIGKILL)

    def died(state: str, n: int) -> bool:
        return sum(job.state.startswith(state) for job in cluster.history(run.name)) >= n

    wait_for("jobs over their memory", lambda: died("FAILED", 3) or died("OUT_OF", 2))
    again = cluster.running("judge_reservoirs")[0]
    cluster.ask("scancel", again.number)
    run.completes()
    states = check_end(cluster, folder, reference, costs, run)
    over = states["judge_reservoirs FAILED"] + states["judge_reservoirs OUT_OF_MEMORY"]
    assert over == 2
    assert states["judge_reservoirs CANCELLED"] == 1
    assert states["judge_reservoirs COMPLETED"] == 2
    assert states["check_network TIMEOUT"] == 1
    assert states["check_network FAILED"] == 1
    assert states["check_network COMPLETED"] == 2
    assert states["judge_network COMPLETED"] == 2
    assert sum(states.values()) == N_LATE + 5


def test_daemons_that_die_and_nodes_that_fail_cost_no_result(
    cluster: Cluster, folder: Path, undisturbed: Run, reference: dict[str, bytes]
) -> None:
    costs = forget(folder)
    run = Run(cluster, folder)
    checks, reservoirs = cluster.running("check_network", 2), cluster.running("judge_reservoirs", 2)
    for job in checks:
        send(job, signal.SIGSTOP, "check_network")

    # Accounts are down while jobs end: the queue tells so.
    cluster.kill("slurmdbd")
    ending = {job.number for job in reservoirs}
    wait_for("end of jobs", lambda: not ending & {job.number for job in cluster.queue()})
    wait_for("sight of it", lambda: run.text().count("Finished jobid") >= 2)
    cluster.start()

    # Without a controller for some seconds. What it did in the last ones is not yet on the disk: it
    # would start such a job again, see that it runs, and drain the node.
    stopped = {job.number for job in checks}
    wait_for("end of all others", lambda: {job.number for job in cluster.queue()} == stopped)
    time.sleep(10)
    cluster.kill("slurmctld")
    time.sleep(5)
    cluster.start()

    # A node without its daemon: its job goes on, under a process of its own.
    one, two = checks
    cluster.kill(f"slurmd-{one.node}")
    send(one, signal.SIGCONT, "check_network")
    wait_for("end of a job without slurmd", lambda: not processes(one))
    cluster.start()

    # A node that is lost, with its job, which runs on another node then.
    cluster.ask("scontrol", "update", f"nodename={two.node}", "state=down", "reason=test")
    wait_for(
        "loss of a job",
        lambda: any(j.state == "NODE_FAIL" for j in cluster.history(run.name)),
    )
    # What the node would kill when it comes back; here nothing does.
    if processes(two):
        send(two, signal.SIGKILL)
    cluster.running("check_network")
    cluster.resume(two.node)
    run.completes()
    states = check_end(cluster, folder, reference, costs, run)
    assert states["check_network NODE_FAIL"] == 1
    assert sum(states.values()) == N_LATE + 1
    lost = [j for j in cluster.history(run.name) if j.comment == two.comment]
    assert {job.node for job in lost if job.state == "COMPLETED"} & {two.node} == set()


def test_jobs_that_a_killed_run_left_are_cancelled_first(
    cluster: Cluster, folder: Path, undisturbed: Run, reference: dict[str, bytes]
) -> None:
    costs = forget(folder)
    # Ctrl-C cancels the jobs itself and leaves no lock.
    first = Run(cluster, folder)
    cluster.running("check_network", 2)
    first.process.send_signal(signal.SIGINT)
    assert first.wait() != 0
    wait_for("empty queue", lambda: cluster.queue() == [])

    second = Run(cluster, folder)
    left = cluster.running("check_network", 2)
    for job in left:
        send(job, signal.SIGSTOP, "check_network")
    wait_for("two results", lambda: second.text().count("Finished jobid") >= 2)
    second.process.kill()
    assert second.wait() == -signal.SIGKILL

    locked = subprocess.run(command(folder), env=cluster.env, capture_output=True, text=True)
    assert locked.returncode != 0
    assert "--unlock" in locked.stdout + locked.stderr
    assert {job.number for job in left} <= {job.number for job in cluster.queue()}
    subprocess.run(command(folder, "--unlock"), env=cluster.env, check=True)
    third = Run(cluster, folder)
    third.completes()
    numbers = sorted(job.number for job in left)
    assert "Cancelled SLURM jobs that a killed run of this study had left: " in third.text()
    assert all(number in third.text() for number in numbers)
    states = check_end(cluster, folder, reference, costs, first, second, third)
    assert states["check_network CANCELLED"] == 4
    ended = {job.number: job.state for job in cluster.history(second.name)}
    assert all(ended[number].startswith("CANCELLED") for number in numbers)


def test_run_that_waits_for_nothing_is_reported_and_ended(
    cluster: Cluster, folder: Path, undisturbed: Run, reference: dict[str, bytes], tmp_path: Path
) -> None:
    costs = forget(folder, ("verdicts.csv",))
    fake = tmp_path / "sacct"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    site = tmp_path / "site.yaml"
    site.write_text(SITE.read_text().replace("tell_after: 1", "tell_after: 0.2"))
    cluster.ask("scontrol", "update", "nodename=cpu1,gpu1", "state=drain", "reason=test")
    run = Run(cluster, folder, "--config", f"site={site}", path=str(tmp_path))
    run.says("No SLURM job has ended for 0 min: 0 at work, 2 waiting (")
    cluster.ask("scontrol", "update", "nodename=cpu1,gpu1", "state=resume")
    run.says("SLURM has no jobs of this run and none runs here, but Snakemake still waits")
    assert run.wait() != 0
    last = Run(cluster, folder)
    last.completes()
    found = csv_files(folder)
    assert [name for name in reference if found[name] != reference[name]] == []
    again = {name for name, cost in benchmarks(folder).items() if costs[name] != cost}
    assert {name.split("/")[0] for name in again} == {"judge_network", "make_tables.tsv"}


def test_reason_of_a_failed_job_is_the_last_thing_on_the_screen(
    cluster: Cluster, tmp_path: Path
) -> None:
    reason = bad_cell(tmp_path)
    target = "results/reaching/data/trials"
    # Snakemake asks SLURM at growing intervals, and for so long a job that failed is in no queue: a
    # watch with the little patience of the other tests may end the run before Snakemake knows.
    site = tmp_path / "site.yaml"
    site.write_text(SITE.read_text().replace("tell_after: 1", "tell_after: 30"))
    options = ("--config", f"site={site}")
    done = subprocess.run(
        command(tmp_path, *options, study=study(tmp_path), target=target),
        env=cluster.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "SLURM jobid" in done.stdout
    log = tmp_path / "results" / "reaching" / "logs" / "make_dataset" / "trials.log"
    last = done.stdout.rpartition("At least one job did not complete successfully.\n")[2]
    expected = f"\nOne job failed:\n\nmake_dataset (dataset trials)\n  {reason}\n  log: {log}\n"
    assert last.startswith(expected), f"exit status {done.returncode}\n{done.stdout[-5000:]}"
    # The log of SLURM itself.
    rest = last.removeprefix(expected).splitlines()
    assert [line for line in rest if not line.startswith("  log: ")] == []


def test_test_bed_stops_what_it_started_and_nothing_else(
    cluster: Cluster, undisturbed: Run
) -> None:
    ours = str(cluster.folder)

    def mine() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().decode(errors="replace")
                environ = (path.parent / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if ours in command or (ours in environ and "pytest" not in command):
                found.append(command)
        return found

    assert len(mine()) >= 7
    with bystander() as other:
        cluster.stop()
        wait_for("end of all daemons", lambda: mine() == [], 20)
        assert other.poll() is None
    assert not cluster.folder.exists()
    assert not shutil.which("slurmd") or not Path("/etc/slurm/slurm.conf").exists()
