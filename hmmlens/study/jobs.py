"""The jobs of a study, from its settings alone: what there is to compute, and what is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hmmlens import naming
from hmmlens.naming import RAW_LAYER
from hmmlens.rnn.settings import TrainedNetwork
from hmmlens.study import config, emulation_jobs, emulation_study, roundtrip_study
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import RAW, UNTRAINED
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


def networks(study: Study) -> list[str]:
    """Return the names of all networks, followed by those of their untrained controls.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of str
        Names in the order of the settings.
    """
    names = list(study.networks)
    return names + ([f"{name}{UNTRAINED}" for name in names] if study.controls.untrained else [])


def base_name(network: str) -> str:
    """Return the name of the configured network that a network or an untrained control belongs to.

    Parameters
    ----------
    network : str
        Name of a configured network or of an untrained control.

    Returns
    -------
    str
        Name of a configured network.
    """
    return network.removesuffix(UNTRAINED)


def exploratory(study: Study) -> list[str]:
    """Return the reducers that only serve for exploration.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of str
        Names of reducers.
    """
    return [name for name, reducer in study.reducers.items() if reducer.exploratory]


def reducers(study: Study, network: str) -> list[str]:
    """Return the reducers of a network; untrained controls have no exploratory ones.

    Parameters
    ----------
    study : Study
        The study.
    network : str
        Name of a configured network or of an untrained control.

    Returns
    -------
    list of str
        Names of reducers.
    """
    left_out = exploratory(study) if network.endswith(UNTRAINED) else []
    return [name for name in study.reducers if name not in left_out]


def has_reservoirs(study: Study, network: str) -> bool:
    """Return whether a network is compared with its initial weights with a fitted readout.

    Parameters
    ----------
    study : Study
        The study.
    network : str
        Name of a configured network or of an untrained control.

    Returns
    -------
    bool
        True where the control is switched on and the network is trained by the study.
    """
    return study.controls.reservoir and study.networks[base_name(network)].kind == "trained"


def runs(study: Study) -> list[dict[str, Any]]:
    """Return every training and its untrained control.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of dict
        Entries with ``network, role, dataset, n_layers, seed``.
    """
    return [
        {
            "network": name,
            "role": "untrained" if name.endswith(UNTRAINED) else "trained",
            "dataset": study.networks[base_name(name)].dataset,
            "n_layers": len(study.networks[base_name(name)].layers),
            "seed": seed,
        }
        for name in networks(study)
        for seed in range(study.networks[base_name(name)].n_seeds)
    ]


def layers(study: Study) -> list[dict[str, Any]]:
    """Return every layer of every training and untrained control.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of dict
        Entries of :func:`runs` with ``layer`` and with the name of the untrained control.
    """
    return [
        {**run, "layer": layer, "twin": f"{run['network']}{UNTRAINED}"}
        for run in runs(study)
        for layer in study.networks[base_name(run["network"])].layers
    ]


def places(study: Study) -> list[dict[str, Any]]:
    """Return every reduction of every layer.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of dict
        Entries of :func:`layers` with ``reducer``.
    """
    return [
        {**layer, "reducer": reducer}
        for layer in layers(study)
        for reducer in reducers(study, layer["network"])
    ]


def raw_variants(study: Study) -> dict[str, list[str]]:
    """Return each control on the inputs with its reductions.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    dict of str to list of str
        Names of reductions for each control; empty where these controls are switched off.
    """
    if not study.controls.raw_input:
        return {}
    left_out = exploratory(study)
    return naming.raw_variants(name for name in study.reducers if name not in left_out)


def raw_places(study: Study) -> list[dict[str, str]]:
    """Return every reduction of every dataset's own inputs.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    list of dict
        Entries with ``dataset, reducer``.
    """
    return [
        {"dataset": dataset, "reducer": variant}
        for dataset in study.datasets
        for variants in raw_variants(study).values()
        for variant in variants
    ]


def trips(study: RoundTripStudy) -> list[dict[str, Any]]:
    """Return every network of every round trip.

    Parameters
    ----------
    study : RoundTripStudy
        The study.

    Returns
    -------
    list of dict
        Entries with ``trip, cell, seed``.
    """
    return [
        {"trip": name, "cell": cell, "seed": seed}
        for name, trip in study.all_trips.items()
        for cell in trip.cells
        for seed in range(trip.n_seeds)
    ]


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
