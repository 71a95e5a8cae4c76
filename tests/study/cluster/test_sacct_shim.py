"""The sacct of profiles/slurm prints what the plugin understands, whatever SLURM's prints."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.study.cluster.conftest import Play

BIN = Path(__file__).parents[3] / "profiles" / "slurm" / "bin"
QUERY = "-X --parsable2 --clusters all --noheader --format=JobIdRaw,State --endtime now --name"


def sacct(*words: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sacct", *words],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_states_that_the_plugin_does_not_know(play: Play) -> None:
    lines = ["1|RUNNING", "2|CANCELLED by 1000", "3|PREEMPTED", "4|NODE_FAIL", "5|COMPLETED"]
    play("sacct", f"printf '%s\\n' {' '.join(map(repr, lines))}")
    done = sacct(*QUERY.split(), "hmmlens_1")
    assert done.returncode == 0
    expected = ["1|RUNNING", "2|CANCELLED", "3|CANCELLED", "4|NODE_FAIL", "5|COMPLETED"]
    assert done.stdout.splitlines() == expected


def test_queue_answers_where_accounts_do_not(play: Play) -> None:
    play("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    play("squeue", 'echo "7|COMPLETED"; echo "$@" >&2; [ "$4" = --name ] && [ "$5" = hmmlens_1 ]')
    done = sacct(*QUERY.split(), "hmmlens_1")
    assert (done.returncode, done.stdout) == (0, "7|COMPLETED\n")


def test_without_an_answer_the_output_is_empty_which_means_ask_again(play: Play) -> None:
    play("sacct", "exit 1")
    play("squeue", "echo slurm_load_jobs error; exit 1")
    done = sacct(*QUERY.split(), "hmmlens_1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_other_questions_go_to_slurm_as_they_are(play: Play) -> None:
    play("sacct", 'echo "$# $1 CANCELLED by 5"; exit 3')
    done = sacct("-j", "5 6")
    assert (done.returncode, done.stdout) == (3, "2 -j CANCELLED by 5\n")
