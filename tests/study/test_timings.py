"""What jobs took, from benchmark files and logs that are made by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

import hmmlens
from hmmlens import cli
from hmmlens.study import start_up, timings

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
LOG = "2026-01-31 12:00:00,{} INFO start-up took {} s of CPU time\n"
SCRIPTS = Path(hmmlens.__file__).parents[1] / "workflow" / "scripts"


def add(folder: Path, job: str, row: str, start: str | None = None) -> Path:
    """Write the benchmark file and the log of a job, and return the path of the first."""
    path, log = folder / "benchmarks" / f"{job}.tsv", folder / "logs" / f"{job}.log"
    for one in (path, log):
        one.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + row)
    first = "2026-01-31 12:00:00,000 INFO hmmlens 0.1.0, rule fit, {}\n"
    log.write_text(first + ("" if start is None else LOG.format("001", start)))
    return path


def line(seconds: str, mb: str, cpu: str) -> str:
    return f"{seconds}\t0:00:00\t{mb}\t1.0\t1.0\t1.0\t0.0\t0.0\t50.0\t{cpu}\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    # Whole multiples of half a second: Snakemake looked at the job when it ended.
    add(tmp_path, "fit/net/0/pca-2.5", line("4.00", "200.00", "3.00"), "0.75")
    add(tmp_path, "fit/net/1/pca-2.5", line("6.00", "1300.00", "5.00"), "1.25")
    add(tmp_path, "draw/net", line("0.40", "NA", "NA"), "0.20")
    add(tmp_path, "write_report", line("2.00", "90.00", "1.60"), None)
    return tmp_path


def test_sums_by_rule(study: Path) -> None:
    rows = {row.rule: row for row in timings.by_rule(timings.read(study))}
    assert list(rows) == ["fit", "write_report", "draw", "all"]
    assert rows["fit"][1:] == (2, 8.0, 10.0, 1300.0, 0.25)
    # Too short to be looked at: it cannot have used more than its wall time.
    assert rows["draw"][1:4] == (1, 0.4, 0.4)
    assert math.isnan(rows["draw"].mb)
    assert rows["draw"].start_up == pytest.approx(0.5)
    assert math.isnan(rows["write_report"].start_up)
    assert rows["all"][1:4] == (4, pytest.approx(10.0), pytest.approx(12.4))
    # 2.2 of the 8.4 seconds of the jobs whose start-up is known.
    assert rows["all"].start_up == pytest.approx(2.2 / 8.4)


def test_command_prints_the_table(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["timings", str(study)]) == 0
    printed = capsys.readouterr().out.splitlines()
    cells = {row.split()[0]: row.split()[1:] for row in printed[2:9] if row.strip("-")}
    assert cells["fit"] == ["2", "8.0", "80%", "10.0", "1,300", "25%"]
    assert cells["write_report"] == ["1", "1.6", "16%", "2.0", "90"]
    assert cells["draw"] == ["1", "0.4", "4%", "0.4", "50%"]
    assert cells["all"] == ["4", "10.0", "100%", "12.4", "1,300", "26%"]
    assert "The start-up of 1 of 4 jobs is not known" in printed[-1]


def test_command_takes_a_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "own.yaml"
    config.write_text(
        "study: own\ndatasets: {flipflop: {kind: flipflop}}\n"
        "networks: {gru: {dataset: flipflop, cell: gru}}\nreducers: {pca: {kind: pca}}\n"
    )
    assert cli.main(["timings", "own.yaml"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(
        "hmmlens timings: results/own/benchmarks: there are no benchmark files"
    )
    assert message.count("\n") == 1
    add(tmp_path / "results" / "own", "fit/net", line("4.00", "200.00", "3.00"), "0.75")
    assert cli.main(["timings", "own.yaml"]) == 0
    assert "not known" not in capsys.readouterr().out
    assert cli.main(["timings", "absent.yaml"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content, why",
    [
        (HEAD, "has no row"),
        ("", "has no row"),
        (HEAD + line("four", "200.00", "3.00"), "no benchmark file of Snakemake"),
        (HEAD + line("4.00", "200.00", ""), "no benchmark file of Snakemake"),
        (HEAD + line("nan", "200.00", "3.00"), "no benchmark file of Snakemake"),
        (HEAD + "4.00\t0:00:04\n", "no benchmark file of Snakemake"),
        ("a\tb\n1\t2\n", "no benchmark file of Snakemake"),
        ("\x80\x00\xff", "no benchmark file of Snakemake"),
    ],
)
def test_an_unreadable_row_is_one_sentence(
    content: str, why: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = study / "benchmarks" / "fit" / "net" / "0" / "pca-2.5.tsv"
    path.write_bytes(content.encode("latin-1"))
    assert cli.main(["timings", str(study)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"hmmlens timings: {path}: ")
    assert why in message
    assert message.count("\n") == 1


def test_start_up_is_the_cpu_time_before_the_line() -> None:
    code = (
        "import sys, time\n"
        "from hmmlens.study import start_up\n"
        "before = time.process_time()\n"
        "while time.process_time() < before + 0.3: pass\n"
        "text = start_up.line()\n"
        "while time.process_time() < before + 0.8: pass\n"
        "print(before, text)\n"
    )
    before, text = subprocess.check_output([sys.executable, "-c", code], text=True).split(" ", 1)
    seconds = start_up.seconds_in(f"2026-01-31 12:00:00,000 INFO {text}")
    assert seconds == pytest.approx(float(before) + 0.3, abs=0.02)


def test_a_line_of_a_script_is_not_taken_for_it() -> None:
    assert start_up.seconds_in("start-up took 1.00 s of CPU time") is None
    assert (
        start_up.seconds_in("2026-01-31 12:00:00,000 INFO x start-up took 1.00 s of CPU time")
        is None
    )


@pytest.mark.study
def test_jobs_log_their_start_up(tmp_path: Path) -> None:
    """The line that scripts of the workflow write is the one that is read."""
    code = (
        "import sys\n"
        f"sys.path.append({str(SCRIPTS)!r})\n"
        "from types import SimpleNamespace\n"
        "import job\n"
        "job.start(SimpleNamespace(log=['job.log'], output=[], rule='fit', wildcards={}))\n"
        "while __import__('time').process_time() < 3: pass\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    seconds = start_up.seconds_in((tmp_path / "job.log").read_text())
    assert seconds is not None and 0 < seconds < 3
