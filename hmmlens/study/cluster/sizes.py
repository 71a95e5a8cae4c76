"""How large the work of a job is, from the settings of its study alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

from hmmlens import naming
from hmmlens.datasets.base import Dataset
from hmmlens.rnn.settings import KerasNetwork, TorchNetwork, TrainedNetwork
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.emulation_work import EmulationSize
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.work import Size

#: Bytes of a value in a file, at least: fewer mean a larger size, and a job that asks for more.
BYTES_PER_VALUE = 4
#: Units of a network whose weights are not here yet.
UNKNOWN_UNITS = 256


def of_dataset(dataset: Dataset) -> Size:
    """Return the size of a dataset by its settings; an upper bound where it is read from a file.

    Parameters
    ----------
    dataset : Dataset
        Settings of the dataset.

    Returns
    -------
    Size
        Steps of the dataset and values of a step.
    """
    return Size(dataset.n_steps_in_all(), dataset.n_values_per_step())


def units_of(network: Any) -> int:
    """Return the units of all layers of a network, estimated from the file of one with weights.

    Parameters
    ----------
    network : NetworkConfig
        Settings of the network.

    Returns
    -------
    int
        Number of units.
    """
    if isinstance(network, TrainedNetwork):
        return network.n_units * network.n_layers
    path = Path(getattr(network, "weights", getattr(network, "file", "")))
    if isinstance(network, TorchNetwork | KerasNetwork) and path.is_file():
        # As many as a layer has whose gates fill the file, fewer gates giving more units.
        return max(1, int(sqrt(path.stat().st_size / BYTES_PER_VALUE / 2)))
    return UNKNOWN_UNITS


def of_network(study: Study, name: str) -> Size:
    """Return the size of the work on one network: its training, its layers, its reductions.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        Name of a configured network, or of its untrained control.

    Returns
    -------
    Size
        Size of the work on the widest reduction.
    """
    network = study.networks[name.removesuffix(naming.UNTRAINED_SUFFIX)]
    size = of_dataset(study.datasets[network.dataset])
    n_units = units_of(network)
    widths = [getattr(reducer, "n_components", n_units) for reducer in study.reducers.values()]
    n_networks = network.n_seeds * (2 if study.controls.untrained else 1)
    trained = isinstance(network, TrainedNetwork) and not name.endswith(naming.UNTRAINED_SUFFIX)
    return size._replace(
        n_recorded=min(size.n_steps, study.activations.max_frames),
        n_units=n_units,
        n_components=max(widths),
        n_epochs=study.training_of(name).max_epochs if trained else 0,
        n_fits=_fits(study, max(widths)),
        n_reducers=len(study.reducers),
        n_networks=n_networks,
        n_kept=_kept(study),
    )


def of_reduction(study: Study, name: str, reducer: str) -> Size:
    """Return the size of the work on one reduction of a network's layer.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        Name of a configured network, or of its untrained control.
    reducer : str
        Name of a configured reducer.

    Returns
    -------
    Size
        Size of the work on this reduction.
    """
    size = of_network(study, name)
    width = getattr(study.reducers[reducer], "n_components", size.n_units)
    return size._replace(n_components=width, n_fits=_fits(study, width), n_reducers=1)


def of_raw(study: Study, dataset: str, reducer: str = naming.RAW_REDUCER) -> Size:
    """Return the size of the work on a dataset's own inputs.

    Parameters
    ----------
    study : Study
        The study.
    dataset : str
        Name of the dataset.
    reducer : str
        One of :func:`hmmlens.naming.raw_variants`.

    Returns
    -------
    Size
        Size of the work on the inputs.
    """
    size = of_dataset(study.datasets[dataset])
    control = naming.control_of(reducer)
    width = size.n_values * (1 + (naming.N_LAGS if control == naming.LAGGED_REDUCER else 0))
    found = study.reducers.get(reducer.removeprefix(f"{control}-"))
    width = min(width, getattr(found, "n_components", width))
    return size._replace(
        n_recorded=min(size.n_steps, study.activations.max_frames),
        n_components=width,
        n_fits=_fits(study, width),
        n_kept=_kept(study),
    )


def of_trip(study: RoundTripStudy, name: str) -> Size:
    """Return the size of the work on one network of a round trip.

    Parameters
    ----------
    study : RoundTripStudy
        The study.
    name : str
        Name of the round trip.

    Returns
    -------
    Size
        Size of the work on one network.
    """
    trip = study.all_trips[name]
    size = of_dataset(trip.dataset)
    return size._replace(
        n_recorded=min(size.n_steps, study.max_frames),
        n_units=trip.n_units,
        n_components=trip.n_units,
        n_epochs=study.training_of(name).max_epochs,
        n_fits=float(sum(study.n_states) * study.n_restarts * 50 * len(study.methods)),
    )


def of_emulation(study: EmulationStudy, wildcards: Mapping[str, str]) -> EmulationSize:
    """Return the size of a job of a study of emulating networks.

    Parameters
    ----------
    study : EmulationStudy
        The study.
    wildcards : mapping
        Names and values of the job's wildcards: ``network`` and ``seed``, or ``target``.

    Returns
    -------
    EmulationSize
        The quantities that the cost of the job grows with.
    """
    name = wildcards.get("network")
    if name is None:
        return EmulationSize(study.emulation, None, study.n_scored, study.bias, False)
    first = wildcards["seed"] == "0"
    aligned = study.protocols.n_sequences
    return EmulationSize(
        study.training_of(name), study.networks[name], study.n_scored, None, first, aligned
    )


def _kept(study: Study) -> int:
    """Return the number of states of all models that a sweep keeps, padded to the largest."""
    counts = study.sweep.n_states
    return len(study.sweep.covariance_types) * len(counts) * counts[-1]


def _fits(study: Study, width: int) -> float:
    sweep = study.sweep
    states = sum(k * (1 + k / 8) for k in sweep.n_states) * (1 + width**2 / 32)
    slow = 30 if sweep.engine == "hmmlearn" else 1
    return states * sweep.n_restarts * sweep.max_iter * len(sweep.covariance_types) * slow
