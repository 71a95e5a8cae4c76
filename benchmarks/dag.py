"""Plan 10,000 jobs with Snakemake: ``python benchmarks/dag.py [--seeds 1 3 10]``.

The study ``workflow/studies/cluster.yaml`` with so many seeds of each network: 10, as it stands
there, are about 10,000 jobs. *graph* is what every start costs before the first job: reading the
study and building the graph of all jobs (``snakemake --rulegraph``). *dry run* adds the choice and
the printing of all jobs (``snakemake -n``). *half done* is a graph when the outputs of half of the
jobs are there, *SLURM* one with ``profiles/slurm``, whose rules ask for more. CPU seconds of one
process, which on a quiet machine are its seconds.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hmmlens.study import entries, jobs

STUDY = ROOT / "workflow" / "studies" / "cluster.yaml"


def cpu(folder: Path, config: Path, *options: str) -> tuple[float, float]:
    """Return CPU seconds and peak MB of a Snakemake that starts no job."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(config), "--cores", "1"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def leave(results: Path, done: list[jobs.Job]) -> None:
    """Leave empty outputs, in the order in which the jobs would have made them."""
    for job in done:
        for path in job.outputs:
            where = results / path
            if where.suffix:
                where.parent.mkdir(parents=True, exist_ok=True)
                where.touch()
            else:
                where.mkdir(parents=True, exist_ok=True)
                (where / ".snakemake_timestamp").touch()


def main() -> None:
    """Print a table of seconds by number of jobs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--slurm", action="store_true", help="where SLURM's tools are installed")
    args = parser.parse_args()
    settings = yaml.safe_load(STUDY.read_text())
    heads = ["graph", "dry run", "half done"] + ["SLURM"] * args.slurm
    print(f"| networks | jobs | {' | '.join(heads)} | peak, MB |\n{'|---' * (len(heads) + 3)}|")
    for n_seeds in args.seeds:
        for network in settings["networks"].values():
            network["n_seeds"] = n_seeds
        study = jobs.load(settings, str(STUDY))
        every = jobs.of_study(study)
        with tempfile.TemporaryDirectory(prefix="dag-") as name:
            folder, config = Path(name), Path(name) / "study.yaml"
            config.write_text(yaml.safe_dump(settings))
            plain = ("--workflow-profile", "none")
            runs = [cpu(folder, config, "--rulegraph", *plain)]
            runs.append(cpu(folder, config, "-n", "--quiet", "all", *plain))
            leave(folder / "results" / study.study, every[: len(every) // 2])
            runs.append(cpu(folder, config, "--rulegraph", *plain))
            if args.slurm:
                profile = str(ROOT / "profiles" / "slurm")
                runs.append(cpu(folder, config, "--rulegraph", "--workflow-profile", profile))
        seconds = " | ".join(f"{run[0]:.1f}" for run in runs)
        peak = max(run[1] for run in runs)
        print(
            f"| {len(entries.runs(study))} | {len(every) + 1:,} | {seconds} | {peak:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
