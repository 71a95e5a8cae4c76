"""The jobs of a study, from its settings alone: what there is to compute, and what is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hmmlens.naming import RAW_LAYER
from hmmlens.rnn.settings import TrainedNetwork
from hmmlens.study import config, emulation_jobs, emulation_study, roundtrip_study
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.entries import base_name, has_reservoirs, layers, places, raw_places, runs, trips
from hmmlens.study.layout import RAW
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import EXPLAINING, Job

AnyStudy = Study | RoundTripStudy | EmulationStudy


def load(settings: Any, source: str) -> AnyStudy:
    """Check a parsed config of any kind and return it; see :func:`hmmlens.study.config.load`.

    Parameters
    ----------
    settings : object
        The mapping read from YAML.
    source : str
        Name of the file, for the messages.

    Returns
    -------
    Study, RoundTripStudy or EmulationStudy
        The checked settings.

    Raises
    ------
    ConfigError
        With one sentence per mistake, each on its own line.
    """
    if isinstance(settings, dict) and "emulation" in settings:
        return emulation_study.load(settings, source)
    if isinstance(settings, dict) and "trips" in settings:
        return roundtrip_study.load(settings, source)
    return config.load(settings, source)


def of_study(study: AnyStudy) -> list[Job]:
    """Return all jobs of a study except downloads, in the order in which they run.

    Parameters
    ----------
    study : Study, RoundTripStudy or EmulationStudy
        The study.

    Returns
    -------
    list of Job
        The jobs.
    """
    if isinstance(study, EmulationStudy):
        return list(emulation_jobs.of_study(study))
    return list(_of_trips(study) if isinstance(study, RoundTripStudy) else _of_networks(study))


def _of_networks(study: Study) -> Iterator[Job]:
    raw = raw_places(study)
    for name in study.datasets:
        for rule in _rules_for("dataset"):
            yield Job(rule, (name,))
    for place in raw:
        yield Job("raw_input", (place["dataset"], place["reducer"]))
    for run in runs(study):
        network, seed = run["network"], str(run["seed"])
        trained = isinstance(study.networks[base_name(network)], TrainedNetwork)
        for rule in ("train_network" if trained else "load_network", *PER_RUN):
            yield Job(rule, (network, seed))
    keys = ("network", "seed", "layer", "reducer")
    for rule in _rules_for(*keys):
        for place in places(study):
            yield Job(rule, tuple(str(place[key]) for key in keys))
    for place in raw:
        yield Job("sweep_states", (f"{RAW}{place['dataset']}", "0", RAW_LAYER, place["reducer"]))
    for rule in _rules_for("network", "seed", "layer"):
        for layer in layers(study):
            yield Job(rule, (layer["network"], str(layer["seed"]), layer["layer"]))
    for name in study.networks:
        if has_reservoirs(study, name):
            yield Job("judge_reservoirs", (name,))
        for rule in _rules_for("network"):
            yield Job(rule, (name,))
    for rule in _rules_for():
        yield Job(rule)


#: Rules that only some of the networks or datasets have jobs of.
OF_SOME = ("raw_input", "train_network", "load_network", "judge_reservoirs")


def _rules_for(*wildcards: str) -> list[str]:
    """Return the rules with these wildcards that have a job for every value of them."""
    return [
        name
        for name, rule in EXPLAINING.items()
        if rule.wildcards == wildcards and name not in OF_SOME
    ]


#: Rules with a job for each training, after it.
PER_RUN = tuple(_rules_for("network", "seed"))


def _of_trips(study: RoundTripStudy) -> Iterator[Job]:
    for trip in trips(study):
        yield Job("round_trip", (trip["trip"], trip["cell"], str(trip["seed"])))
    for rule in ("gather_round_trips", "draw_round_trips", "write_round_trips"):
        yield Job(rule)


def is_done(job: Job, results: Path) -> bool:
    """Return whether a job has ended well and its results are unchanged since.

    Snakemake writes the benchmark file last. A result without such a file, or younger than it, is
    being written, or was left incomplete by a job that was killed.

    Parameters
    ----------
    job : Job
        The job.
    results : Path
        Folder of the study.

    Returns
    -------
    bool
        True where all results exist and none is younger than the benchmark file.
    """
    try:
        ended = (results / job.benchmark).stat().st_mtime
        # A store is renamed into its folder when it is whole, so that the folder's time is its age.
        return all((results / path).stat().st_mtime <= ended for path in job.outputs)
    except FileNotFoundError:
        return False
