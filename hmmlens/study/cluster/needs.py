"""Memory and time that a job asks a cluster for, by the model of its work.

A job asks for twice the memory and eight times the time of the model, because nodes differ, and
each attempt after a failure for twice as much again. A job whose request does not follow from a
model (:class:`hmmlens.study.rules.Rule`) asks for as much more in proportion to its attempts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from hmmlens.study.cluster import asked, sizes
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.jobs import AnyStudy
from hmmlens.study.rules import RULES, Request
from hmmlens.study.work import OfSize, Size

#: Memory of the two processes of Snakemake that SLURM counts in addition to a job's own.
SNAKEMAKE_MB = 400
MEMORY_MARGIN, TIME_MARGIN = 2, 8
#: Minutes that a job may take to find its files and libraries on a busy file system.
START_MINUTES = 5


class Need(NamedTuple):
    """What a job asks for.

    Attributes
    ----------
    mem_mb : int
        Memory in MB.
    runtime : int
        Time in minutes.
    """

    mem_mb: int
    runtime: int


def need(rule: str, size: Size, attempt: int = 1) -> Need:
    """Return what a job asks for by the model of its work.

    Parameters
    ----------
    rule : str
        Name of the job's rule.
    size : Size
        Size of its work, see :mod:`hmmlens.study.cluster.sizes`.
    attempt : int
        1, and one more after each failure.

    Returns
    -------
    Need
        Memory and time, with margins, doubled for each further attempt.
    """
    model = RULES[rule].model
    assert isinstance(model, OfSize)
    work, again = model.work(size), 2 ** (attempt - 1)
    memory = (SNAKEMAKE_MB + MEMORY_MARGIN * work.mb) * again
    minutes = (START_MINUTES + TIME_MARGIN * work.seconds / 60) * again
    return Need(100 * ceil(memory / 100), ceil(minutes))


def of_job(study: AnyStudy, rule: str, wildcards: Mapping[str, str], attempt: int = 1) -> Need:
    """Return what a job of a study asks for.

    Parameters
    ----------
    study : Study, RoundTripStudy or EmulationStudy
        The study.
    rule : str
        Name of the job's rule.
    wildcards : mapping
        Names and values of the job's wildcards.
    attempt : int
        1, and one more after each failure.

    Returns
    -------
    Need
        Memory and time of this attempt.
    """
    asks = RULES[rule].asks
    if asks is None:
        assert not isinstance(study, EmulationStudy)
        return need(rule, asked.size(study, wildcards), attempt)
    if not isinstance(asks, Request):
        assert isinstance(study, EmulationStudy)
        asks = asks(sizes.of_emulation(study, wildcards))
    return Need(asks.mem_mb * attempt, asks.runtime * attempt)
