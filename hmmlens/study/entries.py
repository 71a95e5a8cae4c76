"""What the settings of a study name: networks, trainings, layers, reductions and round trips."""

from __future__ import annotations

from typing import Any

from hmmlens import naming
from hmmlens.study.config import Study
from hmmlens.study.layout import UNTRAINED
from hmmlens.study.roundtrip_study import RoundTripStudy


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
        {**run, "layer": layer, "untrained": f"{run['network']}{UNTRAINED}"}
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
