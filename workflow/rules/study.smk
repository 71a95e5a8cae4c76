"""The study, of whatever kind, and what all rules use."""

import atexit
import re
import sys
from pathlib import Path

from snakemake.logging import logger

# Every job uses the library in the folder of the Snakefile, installed or not.
BASE = Path(workflow.basedir)
sys.path.insert(0, str(BASE))

from hmmlens.io import code_files
from hmmlens.study import config_inputs, entries, jobs, layout, rule_code
from hmmlens.io.yaml_files import read_yaml
from hmmlens.errors import ConfigError
from hmmlens.study.failures import Failures
from hmmlens.seeds import derive_seed


def refuse(reason):
    """End before any job; a WorkflowError would print a line of this file after the reason."""
    raise SystemExit(str(reason))


# Snakemake puts the path of Python into the commands of jobs as it is.
if split := re.search(r"[\s\"'$`\\;&|<>()*?\[\]{}!]", sys.executable):
    refuse(
        f"Python is at {sys.executable}, and Snakemake cannot run jobs with {split[0]!r} in that "
        "path; move the folder to a path of letters, digits, dots and dashes, and install anew"
    )
if wildcard := re.search(r"[{}]", str(BASE)):
    refuse(
        f"the Snakefile is in {BASE}, and Snakemake takes {wildcard[0]!r} in a path for a wildcard; "
        "rename the folder"
    )

try:
    # Of two equal keys Snakemake uses the last; a user should get an error.
    for file in workflow.configfiles:
        read_yaml(file)
    # profiles/slurm names the settings of the cluster in the config too.
    settings = {key: value for key, value in config.items() if key != "site"}
    config_names = ", ".join(map(str, workflow.configfiles))
    study = jobs.load(settings, config_names)
    # Jobs that run in a process of their own read all this again.
    if workflow.is_main_process:
        config_inputs.check(study, Path.cwd(), config_names)
except ConfigError as error:
    refuse(error)


def report_failures(failures):
    """Print the reasons of all jobs that failed, after Snakemake's own last lines."""
    # A job that ends without its results is in no record of the logger.
    failed = getattr(getattr(workflow, "scheduler", None), "failed", ())
    failures.add(part for job in failed for part in (job if job.is_group() else [job]))
    failures.report()


if workflow.is_main_process:
    failures = Failures()
    logger.addHandler(failures)
    atexit.register(report_failures, failures)

RESULTS = f"results/{study.study}"
LOGS = f"{RESULTS}/{layout.LOGS}"
BENCHMARKS = f"{RESULTS}/{layout.BENCHMARKS}"
CHECKPOINTS = f"{RESULTS}/{layout.CHECKPOINTS}"
TABLES = f"{RESULTS}/{layout.TABLES}"
FIGURES = f"{RESULTS}/{layout.FIGURES}"


def code(script):
    """Return an input function for the code that a script runs, so that a change in it re-runs it."""
    path = BASE / "workflow" / "scripts" / f"{script}.py"
    return lambda wildcards: rule_code.of_script(path)


def job_seed(*names):
    """Return an input function for the seed of a job: study seed and the job's own name."""

    def find(wildcards):
        filled = [str(name).format(**dict(wildcards.items())) for name in names]
        return derive_seed(study.seed, *filled)

    return find


def code_of(function):
    """Return the user's files that a function (``package.module:function``) runs."""
    name = function.partition(":")[0]
    files = code_files.of_module(name, code_files.search_path(Path()))
    return [str(path) for path in files]
