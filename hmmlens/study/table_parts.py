"""The parts of a study that explains networks whose results go into its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hmmlens.naming import RAW_LAYER
from hmmlens.study.config import Study
from hmmlens.study.entries import layers, places, raw_places, reducers, runs
from hmmlens.study.jobs import PER_RUN, of_study
from hmmlens.study.layout import RAW
from hmmlens.study.rules import Job


class Parts(NamedTuple):
    """The parts of a study that go into its tables.

    Attributes
    ----------
    datasets : list of str
        Names of datasets.
    runs : list of dict
        Entries of :func:`~hmmlens.study.entries.runs`.
    layers : list of dict
        Entries of :func:`~hmmlens.study.entries.layers`.
    places : list of dict
        Entries of :func:`~hmmlens.study.entries.places`.
    raw : list of dict
        Entries of :func:`~hmmlens.study.entries.raw_places` of datasets that have all of them.
    judged : list of str
        Configured networks with verdicts.
    reservoirs : list of str
        Those of them with reservoirs.
    checked : list of str
        Configured networks with checks.
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
    """Return the parts of a study whose results can be gathered.

    Parameters
    ----------
    study : Study
        The study.
    done : callable
        Takes a job and returns whether it has ended well, see :func:`hmmlens.study.jobs.is_done`;
        by default all have. A run counts when its network is recorded and its autonomous dynamics
        are known, a layer when its models are chosen and interpreted too, the verdict on a network
        when one of its layers counts.

    Returns
    -------
    Parts
        Names and entries of what can be gathered.
    """
    present = {job for job in of_study(study) if done(job)}

    def _present(rules: tuple[str, ...], *place: Any) -> bool:
        return all(Job(rule, tuple(map(str, place))) in present for rule in rules)

    def _recorded(run: dict[str, Any]) -> bool:
        place = run["network"], run["seed"]
        made = _present(("train_network",), *place) or _present(("load_network",), *place)
        return made and _present(PER_RUN, *place)

    def _read(layer: dict[str, Any]) -> bool:
        place = layer["network"], layer["seed"], layer["layer"]
        swept = (
            _present(("sweep_states",), *place, name) for name in reducers(study, layer["network"])
        )
        ready = _present(("validate_layer", "interpret_layer"), *place)
        return ready and _recorded(layer) and all(swept)

    complete = [layer for layer in layers(study) if _read(layer)]
    known = {layer["network"] for layer in complete}

    def _judged(rule: str) -> list[str]:
        return [name for name in study.networks if name in known and _present((rule,), name)]

    raw = raw_places(study)
    missing = {
        place["dataset"]
        for place in raw
        if not _present(
            ("sweep_states",), f"{RAW}{place['dataset']}", 0, RAW_LAYER, place["reducer"]
        )
    }
    keys = ("network", "seed", "layer", "reducer")
    return Parts(
        datasets=[n for n in study.datasets if _present(("make_dataset", "find_ceilings"), n)],
        runs=[run for run in runs(study) if _recorded(run)],
        layers=complete,
        places=[p for p in places(study) if _present(("sweep_states",), *(p[key] for key in keys))],
        raw=[place for place in raw if place["dataset"] not in missing],
        judged=_judged("judge_network"),
        # Reservoirs are reported with the verdict on their network.
        reservoirs=[n for n in _judged("judge_reservoirs") if n in _judged("judge_network")],
        checked=_judged("check_network"),
    )
