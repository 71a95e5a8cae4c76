"""What a job asks for, whether it gets a GPU, and what a run on SLURM does besides."""

import os
import time

import psutil
from snakemake.logging import logger

from hmmlens.cluster import needs as model
from hmmlens.cluster import queue, runs, sizes
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

# Networks with fewer units are recorded sooner on a CPU than a GPU is free.
LARGE = 256


def there_are_gpus():
    """Tell whether GPUs are given out: by the cluster, or here by --resources gpu=K."""
    if SITE is not None:
        return SITE.gpu is not None
    limit = workflow.global_resources.get("gpu")
    return bool(limit is not None and limit.value)


def size_of(rule, wildcards):
    """Return how large the work of a job is."""
    if "trips" in config:
        return sizes.of_trip(study, wildcards.trip)
    if "dataset" in wildcards.keys():
        return sizes.of_raw(study, wildcards.dataset)
    network = wildcards.network
    if network.startswith(RAW):
        return sizes.of_raw(study, network.removeprefix(RAW))
    if "reducer" in wildcards.keys():
        return sizes.of_reduction(study, network, wildcards.reducer)
    return sizes.of_network(study, network)


def gpus(rule, wildcards):
    """Return how many GPUs a job asks for: with device auto, one where it is worth its wait."""
    if rule not in ON_DEVICE or study.device == "cpu":
        return 0
    if rule == "sweep_states" and study.sweep.engine != "torch":
        return 0
    if study.device == "cuda":
        return 1
    if rule == "train_network" and wildcards.network.endswith(UNTRAINED):
        return 0
    if rule in ON_DEVICE_IF_LARGE and size_of(rule, wildcards).n_units < LARGE:
        return 0
    return int(there_are_gpus())


# Rules that work on the study's device.
ON_DEVICE_IF_LARGE = {"load_network", "record_activations", "find_endpoints"}
ON_DEVICE = {
    "train_network",
    "sweep_states",
    "round_trip",
    "train_emulation",
} | ON_DEVICE_IF_LARGE


def needs(rule, n_processes=1):
    """Return the resources of a rule: what its work needs, in the words of the cluster."""

    def modelled(wildcards, attempt):
        need = model.need(rule, size_of(rule, wildcards), attempt)
        return need.mem_mb * n_processes, need.runtime

    return placed(rule, modelled)


def fixed(name, mem_mb, runtime):
    """Return the resources of a rule whose work is always much the same."""
    return placed(
        name, lambda wildcards, attempt: (mem_mb * attempt, runtime * attempt)
    )


def placed(name, asked):
    """Return the resources of a job in the words of the cluster, within its limits.

    ``asked`` takes wildcards and attempt and returns megabytes and minutes.
    """

    def within(wildcards, attempt):
        mem_mb, runtime = asked(wildcards, attempt)
        if SITE is None:
            return mem_mb, runtime
        return min(mem_mb, SITE.limits.mem_mb), min(runtime, SITE.limits.runtime)

    resources = {
        "mem_mb": lambda wildcards, attempt: within(wildcards, attempt)[0],
        "runtime": lambda wildcards, attempt: within(wildcards, attempt)[1],
    }
    if name in ON_DEVICE:
        resources["gpu"] = lambda wildcards: gpus(name, wildcards)
    if SITE is not None:
        resources["serial"] = 1

        def at_site(key):
            return lambda wildcards: SITE.resources(gpus(name, wildcards)).get(key)

        for key in {*SITE.resources(0), *SITE.resources(1)}:
            resources[key] = at_site(key)
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
    if SITE is not None:
        Watch(run, SITE.tell_after, at_work, logger.warning, give_up).start()
    HELD.append(note)


# The note of this run, open as long as it lasts.
HELD = []


onstart:
    begin()


onsuccess:
    runs.end(HELD[0])


onerror:
    runs.end(HELD[0])
