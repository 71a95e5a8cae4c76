"""What a job asks for, whether it gets a GPU, and the watch of a run on SLURM."""

import os
import time

import psutil
from snakemake.exceptions import WorkflowError

from hmmlens.rnn import devices
from hmmlens.study.cluster import asked
from hmmlens.study.cluster import needs as model
from hmmlens.study.cluster import queue, runs
from hmmlens.study.cluster import site as site_config
from hmmlens.study.cluster.watch import Watch
from hmmlens.errors import HmmlensError
from hmmlens.study.rules import RULES

# From profiles/slurm; a relative path starts at the Snakefile.
SITE_FILE = config.get("site")
try:
    SITE = None if SITE_FILE is None else site_config.read(BASE / SITE_FILE)
except ConfigError as error:
    refuse(error)

if SITE is not None:
    # Snakemake asks for the states of jobs by the first sacct of PATH.
    queue.look_first_in(BASE / "profiles" / "slurm" / "bin")


def there_are_gpus():
    """Return whether GPUs are available: from the cluster, or here by --resources gpu=K."""
    if SITE is not None:
        return SITE.gpu is not None
    limit = workflow.global_resources.get("gpu")
    return bool(limit is not None and limit.value)


def gpus(name, wildcards):
    """Return how many GPUs a job asks for."""
    return asked.gpus(study, name, dict(wildcards.items()), there_are_gpus())


def needs(name, n_processes=1):
    """Return the resources of a rule, in the words of the cluster and within its limits."""
    row = RULES[name]
    if row.local:
        return row.asks._asdict()

    def within(wildcards, attempt):
        need = model.of_job(study, name, dict(wildcards.items()), attempt)
        mem_mb = need.mem_mb * n_processes
        if SITE is None:
            return mem_mb, need.runtime
        return min(mem_mb, SITE.limits.mem_mb), min(need.runtime, SITE.limits.runtime)

    resources = {
        "mem_mb": lambda wildcards, attempt: within(wildcards, attempt)[0],
        "runtime": lambda wildcards, attempt: within(wildcards, attempt)[1],
    }
    if row.device != "cpu":
        resources["gpu"] = lambda wildcards: gpus(name, wildcards)
    if SITE is not None:
        resources["serial"] = 1

        def at_site(key):
            return lambda wildcards: SITE.resources(gpus(name, wildcards)).get(key)

        for key in {*SITE.resources(0), *SITE.resources(1)}:
            resources[key] = at_site(key)
    return resources


def at_work():
    """Return whether this process has a rule at work on this machine."""
    return bool(psutil.Process().children())


def give_up(reason):
    """End this run as after an error of its executor; if that does not help, for good."""
    workflow.scheduler.executor_error_callback(WorkflowError(reason))
    time.sleep(300)
    os._exit(1)


def begin():
    """Lock the study for this run, end the jobs that a killed run left, and watch the queue."""
    run = getattr(workflow.scheduler._executor, "run_uuid", None)
    # On a cluster a GPU is given to jobs, not to this process.
    if SITE is None and study.device == "cuda" and not devices.visible_devices():
        refuse(
            "device: found cuda, and this process may use no NVIDIA GPU (none is at /dev/nvidia0, "
            f"or {devices.VISIBLE} names none); write auto or cpu"
        )
    try:
        if SITE is not None:
            site_config.check_names(SITE, *queue.offered(), str(SITE_FILE))
        note, ended = runs.begin(Path(".snakemake") / "runs" / study.study, run)
    except HmmlensError as error:
        refuse(error)
    if ended:
        logger.warning(ended)
    if SITE is not None and run is not None:
        Watch(run, SITE.tell_after, at_work, logger.warning, give_up).start()
    HELD.append(note)
    # hmmlens plan estimates the cost of jobs from runs with these settings.
    Path(RESULTS).mkdir(parents=True, exist_ok=True)
    Path(RESULTS, layout.SETTINGS).write_text(study.model_dump_json())


# The note of this run, open as long as it lasts.
HELD = []


onstart:
    begin()


# After an error jobs may still run; the next run looks for them.
onsuccess:
    runs.end(HELD[0])
