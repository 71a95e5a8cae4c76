"""What a job asks for, whether it gets a GPU, and what a run on SLURM does besides."""

import os
import time

import psutil
from snakemake.logging import logger

from hmmlens.cluster import asked
from hmmlens.cluster import needs as model
from hmmlens.cluster import queue, runs
from hmmlens.cluster import site as site_config
from hmmlens.cluster.watch import Watch
from hmmlens.errors import HmmlensError

# From profiles/slurm; a relative path starts at the Snakefile.
SITE_FILE = config.get("site")
try:
    SITE = None if SITE_FILE is None else site_config.read(BASE / SITE_FILE)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

if SITE is not None:
    # Snakemake asks for the states of jobs by the first sacct of PATH.
    shim = str(BASE / "profiles" / "slurm" / "bin")
    if shim not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([shim, os.environ["PATH"]])


def there_are_gpus():
    """Tell whether GPUs are given out: by the cluster, or here by --resources gpu=K."""
    if SITE is not None:
        return SITE.gpu is not None
    limit = workflow.global_resources.get("gpu")
    return bool(limit is not None and limit.value)


def gpus(rule, wildcards):
    """Return how many GPUs a job asks for."""
    return asked.gpus(study, rule, dict(wildcards.items()), there_are_gpus())


def needs(rule, n_processes=1):
    """Return the resources of a rule: what its work needs, in the words of the cluster."""

    def need_of(wildcards, attempt):
        size = asked.size(study, dict(wildcards.items()))
        need = model.need(rule, size, attempt)
        mem_mb = need.mem_mb * n_processes
        if SITE is None:
            return mem_mb, need.runtime
        return min(mem_mb, SITE.limits.mem_mb), min(need.runtime, SITE.limits.runtime)

    resources = {
        "mem_mb": lambda wildcards, attempt: need_of(wildcards, attempt)[0],
        "runtime": lambda wildcards, attempt: need_of(wildcards, attempt)[1],
    }
    if rule in asked.ON_DEVICE:
        resources["gpu"] = lambda wildcards: gpus(rule, wildcards)
    if SITE is not None:
        resources["serial"] = 1

        def at_site(name):
            return lambda wildcards: SITE.resources(gpus(rule, wildcards)).get(name)

        for name in {*SITE.resources(0), *SITE.resources(1)}:
            resources[name] = at_site(name)
    return resources


def at_work():
    """Tell whether this process has a rule at work on this machine."""
    return bool(psutil.Process().children())


def give_up(told):
    """End this run as after an error of its executor; if that does not help, for good."""
    workflow.scheduler.executor_error_callback(WorkflowError(told))
    time.sleep(300)
    os._exit(1)


def begin():
    """Hold the study for this run, end what a killed one left, and watch the queue."""
    run = getattr(workflow.scheduler._executor, "run_uuid", None)
    try:
        if SITE is not None:
            site_config.check_names(SITE, *queue.offered(), str(SITE_FILE))
        note, told = runs.begin(Path(".snakemake") / "runs" / study.study, run)
    except HmmlensError as error:
        raise WorkflowError(str(error)) from None
    if told:
        logger.warning(told)
    if SITE is not None and run is not None:
        Watch(run, SITE.tell_after, at_work, logger.warning, give_up).start()
    HELD.append(note)
    # With these, what its jobs take is learnt from: see hmmlens plan.
    Path(RESULTS).mkdir(parents=True, exist_ok=True)
    Path(RESULTS, layout.SETTINGS).write_text(study.model_dump_json())


# The note of this run, open as long as it lasts.
HELD = []


onstart:
    begin()


# After an error jobs may still run; the next run looks for them.
onsuccess:
    runs.end(HELD[0])
