"""The jobs of a study, from its settings alone: what there is to compute, and what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hmmlens import naming
from hmmlens.naming import RAW_LAYER
from hmmlens.rnn.settings import TrainedNetwork
from hmmlens.study import config, emulation_jobs, emulation_study, roundtrip_study
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import RAW, UNTRAINED
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import Job

AnyStudy = Study | RoundTripStudy | EmulationStudy


def load(settings: Any, source: str) -> AnyStudy:
    """Check a parsed config of any kind and return it; see :func:`hmmlens.study.config.load`."""
    if isinstance(settings, dict) and "emulation" in settings:
        return emulation_study.load(settings, source)
    if isinstance(settings, dict) and "trips" in settings:
        return roundtrip_study.load(settings, source)
    return config.load(settings, source)


def networks(study: Study) -> list[str]:
    """Return the names of all networks, and after them those of their untrained twins."""
    names = list(study.networks)
    return names + ([f"{name}{UNTRAINED}" for name in names] if study.controls.untrained else [])


def base_name(network: str) -> str:
    """Return the configured network behind a network or its untrained twin."""
    return network.removesuffix(UNTRAINED)


def exploratory(study: Study) -> list[str]:
    """Return the reducers that only serve to look at."""
    return [name for name, reducer in study.reducers.items() if reducer.exploratory]


def reducers(study: Study, network: str) -> list[str]:
    """Return the reducers of a network; controls go without maps that only serve to look at."""
    left_out = exploratory(study) if network.endswith(UNTRAINED) else []
    return [name for name in study.reducers if name not in left_out]


def has_reservoirs(study: Study, network: str) -> bool:
    """Tell whether a network is judged beside its initial weights with a fitted readout."""
    return study.controls.reservoir and study.networks[base_name(network)].kind == "trained"


def runs(study: Study) -> list[dict[str, Any]]:
    """Return ``network, role, dataset, n_layers, seed`` of every training and its twin."""
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
    """Return :func:`runs` with ``layer`` and ``untrained``, for every layer."""
    return [
        {**run, "layer": layer, "twin": f"{run['network']}{UNTRAINED}"}
        for run in runs(study)
        for layer in study.networks[base_name(run["network"])].layers
    ]


def places(study: Study) -> list[dict[str, Any]]:
    """Return :func:`layers` with ``reducer``, for every reduction."""
    return [
        {**layer, "reducer": reducer}
        for layer in layers(study)
        for reducer in reducers(study, layer["network"])
    ]


def raw_variants(study: Study) -> dict[str, list[str]]:
    """Return each control on the inputs with its reductions; none where they are switched off."""
    if not study.controls.raw_input:
        return {}
    left_out = exploratory(study)
    return naming.raw_variants(name for name in study.reducers if name not in left_out)


def raw_places(study: Study) -> list[dict[str, str]]:
    """Return ``dataset, reducer`` of every reduction of every dataset's own inputs."""
    return [
        {"dataset": dataset, "reducer": variant}
        for dataset in study.datasets
        for found in raw_variants(study).values()
        for variant in found
    ]


def trips(study: RoundTripStudy) -> list[dict[str, Any]]:
    """Return ``trip, cell, seed`` of every network of a round trip."""
    return [
        {"trip": name, "cell": cell, "seed": seed}
        for name, trip in study.trips.items()
        for cell in trip.cells
        for seed in range(trip.n_seeds)
    ]


def of_study(study: AnyStudy) -> list[Job]:
    """Return all jobs of a study but those that download, in the order of the story."""
    if isinstance(study, EmulationStudy):
        return list(emulation_jobs.of_study(study))
    return list(_of_trips(study) if isinstance(study, RoundTripStudy) else _of_networks(study))


def _of_networks(study: Study) -> Iterator[Job]:
    raw = raw_places(study)
    for name in study.datasets:
        yield Job("make_dataset", (name,))
        yield Job("find_ceilings", (name,))
    for place in raw:
        yield Job("raw_input", (place["dataset"], place["reducer"]))
    for run in runs(study):
        network, seed = run["network"], str(run["seed"])
        trained = isinstance(study.networks[base_name(network)], TrainedNetwork)
        for rule in ("train_network" if trained else "load_network", *PER_RUN):
            yield Job(rule, (network, seed))
    for rule in ("reduce_layer", "sweep_states"):
        for place in places(study):
            keys = ("network", "seed", "layer", "reducer")
            yield Job(rule, tuple(str(place[key]) for key in keys))
    for place in raw:
        yield Job("sweep_states", (f"{RAW}{place['dataset']}", "0", RAW_LAYER, place["reducer"]))
    for rule in ("validate_layer", "interpret_layer"):
        for layer in layers(study):
            yield Job(rule, (layer["network"], str(layer["seed"]), layer["layer"]))
    for name in study.networks:
        if has_reservoirs(study, name):
            yield Job("judge_reservoirs", (name,))
        for rule in ("judge_network", "check_network", "draw_network"):
            yield Job(rule, (name,))
    for rule in ("make_tables", "draw_overview", "write_report"):
        yield Job(rule)


#: Rules with a job for each training, after it.
PER_RUN = ("record_activations", "find_endpoints")


def _of_trips(study: RoundTripStudy) -> Iterator[Job]:
    for trip in trips(study):
        yield Job("round_trip", (trip["trip"], trip["cell"], str(trip["seed"])))
    for rule in ("gather_round_trips", "draw_round_trips", "write_round_trips"):
        yield Job(rule)


def is_done(job: Job, results: Path) -> bool:
    """Tell whether a job has ended well, and its results are what it left.

    Snakemake writes the benchmark file last. What is there without one, or is younger, is being
    written, or was left behind half-written by a job that was killed.

    Parameters
    ----------
    results : the study's folder.
    """
    try:
        ended = (results / job.benchmark).stat().st_mtime
        # A store is renamed into its folder when it is whole, so that the folder tells its age.
        return all((results / path).stat().st_mtime <= ended for path in job.outputs)
    except FileNotFoundError:
        return False


class Parts(NamedTuple):
    """What of a study goes into its tables.

    datasets : names
    runs, layers, places : entries of :func:`runs`, :func:`layers` and :func:`places`
    raw : entries of :func:`raw_places` of datasets that have all of them
    judged, reservoirs, checked : configured networks with such results; reservoirs of judged ones
    """

    datasets: list[str]
    runs: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    places: list[dict[str, Any]]
    raw: list[dict[str, str]]
    judged: list[str]
    reservoirs: list[str]
    checked: list[str]


def parts(study: Study, done: Callable[[Job], bool] = lambda job: True) -> Parts:
    """Return what of a study there is to gather.

    Parameters
    ----------
    done : tells whether a job has ended well, see :func:`is_done`; by default all have. A run
        counts when its network is recorded and was left alone, a layer when its models are chosen
        and read too, a network's verdict when one of its layers does.
    """
    present = {job for job in of_study(study) if done(job)}

    def there(rules: tuple[str, ...], *place: Any) -> bool:
        return all(Job(rule, tuple(map(str, place))) in present for rule in rules)

    def recorded(run: dict[str, Any]) -> bool:
        place = run["network"], run["seed"]
        made = there(("train_network",), *place) or there(("load_network",), *place)
        return made and there(PER_RUN, *place)

    def read(layer: dict[str, Any]) -> bool:
        place = layer["network"], layer["seed"], layer["layer"]
        swept = (
            there(("sweep_states",), *place, name) for name in reducers(study, layer["network"])
        )
        ready = there(("validate_layer", "interpret_layer"), *place)
        return ready and recorded(layer) and all(swept)

    found = [layer for layer in layers(study) if read(layer)]
    known = {layer["network"] for layer in found}

    def judged(rule: str) -> list[str]:
        return [name for name in study.networks if name in known and there((rule,), name)]

    raw = raw_places(study)
    missing = {
        place["dataset"]
        for place in raw
        if not there(("sweep_states",), f"{RAW}{place['dataset']}", 0, RAW_LAYER, place["reducer"])
    }
    keys = ("network", "seed", "layer", "reducer")
    return Parts(
        datasets=[n for n in study.datasets if there(("make_dataset", "find_ceilings"), n)],
        runs=[run for run in runs(study) if recorded(run)],
        layers=found,
        places=[p for p in places(study) if there(("sweep_states",), *(p[key] for key in keys))],
        raw=[place for place in raw if place["dataset"] not in missing],
        judged=judged("judge_network"),
        # A reservoir is told beside the verdict on its network.
        reservoirs=[n for n in judged("judge_reservoirs") if n in judged("judge_network")],
        checked=judged("check_network"),
    )
