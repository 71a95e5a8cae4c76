"""How large one job's work is, and whether it gets a GPU."""

from __future__ import annotations

from collections.abc import Mapping

from hmmlens.naming import RAW_REDUCER
from hmmlens.study.cluster import sizes
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import RAW, UNTRAINED
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import RULES
from hmmlens.study.work import Size

#: Networks with fewer units are recorded sooner on a CPU than a GPU is free.
LARGE = 256


def size(study: Study | RoundTripStudy, wildcards: Mapping[str, str]) -> Size:
    """Return how large the work of a job is.

    Parameters
    ----------
    study : Study or RoundTripStudy
        The study.
    wildcards : mapping
        Names and values of the job's wildcards.

    Returns
    -------
    Size
        The quantities that the cost of the job grows with.
    """
    if isinstance(study, RoundTripStudy):
        return sizes.of_trip(study, wildcards["trip"])
    reducer = wildcards.get("reducer", RAW_REDUCER)
    if "dataset" in wildcards:
        return sizes.of_raw(study, wildcards["dataset"], reducer)
    network = wildcards["network"]
    if network.startswith(RAW):
        return sizes.of_raw(study, network.removeprefix(RAW), reducer)
    if "reducer" in wildcards:
        return sizes.of_reduction(study, network, wildcards["reducer"])
    return sizes.of_network(study, network)


def gpus(
    study: Study | RoundTripStudy | EmulationStudy,
    rule: str,
    wildcards: Mapping[str, str],
    there_are: bool,
) -> int:
    """Return how many GPUs a job asks for.

    With ``device: auto`` a job asks for one where it is worth the wait.

    Parameters
    ----------
    study : Study, RoundTripStudy or EmulationStudy
        The study.
    rule : str
        Name of the job's rule.
    wildcards : mapping
        Names and values of the job's wildcards.
    there_are : bool
        Whether GPUs are available to jobs.

    Returns
    -------
    int
        0 or 1.
    """
    device = RULES[rule].device
    if device == "cpu" or study.device == "cpu":
        return 0
    if rule == "sweep_states" and isinstance(study, Study) and study.sweep.engine != "torch":
        return 0
    if study.device == "cuda":
        return 1
    if rule == "train_network" and wildcards["network"].endswith(UNTRAINED):
        return 0
    # Networks that emulate are only trained on a device.
    if isinstance(study, EmulationStudy):
        return int(there_are)
    if device == "large" and size(study, wildcards).n_units < LARGE:
        return 0
    return int(there_are)
