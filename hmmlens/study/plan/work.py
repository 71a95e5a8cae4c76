"""The work of a job, from which its time, memory and disk space are predicted."""

from __future__ import annotations

from typing import NamedTuple

from hmmlens.study import entries, jobs
from hmmlens.study.cluster import asked, sizes
from hmmlens.study.config import Study
from hmmlens.study.emulation_jobs import of_step
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.emulation_work import OfTraining
from hmmlens.study.roundtrip_study import RoundTripStudy
from hmmlens.study.rules import RULES, Job
from hmmlens.study.work import Gathering, Size


class Work(NamedTuple):
    """What a job takes by the model of its work, beyond what the smallest job takes.

    The units do not matter, because :mod:`hmmlens.study.plan.scaling` fits measured costs to it.
    """

    seconds: float
    mb: float
    disk_mb: float


#: MB of a number in a store, and of a store without any.
NUMBER_MB, EMPTY_MB = 8e-6, 0.02


def least(rule: str) -> Work:
    """Return what the smallest job of a rule takes by the model.

    Parameters
    ----------
    rule : str
        Name of the rule.

    Returns
    -------
    Work
        In seconds and MB.
    """
    smallest = RULES[rule].model.least
    return Work(smallest.seconds, smallest.mb, EMPTY_MB)


class Sizer:
    """The work of the jobs of one study, each size looked up once.

    Parameters
    ----------
    study : Study, EmulationStudy or RoundTripStudy
        The study.
    """

    def __init__(self, study: jobs.AnyStudy) -> None:
        self.study = study
        self._sizes: dict[tuple[str | None, ...], Size] = {}

    def size(self, job: Job) -> Size:
        """Return how large a job is.

        Parameters
        ----------
        job : Job
            A job of a study that trains no emulating networks.

        Returns
        -------
        Size
            See :mod:`hmmlens.study.cluster.sizes`.
        """
        assert not isinstance(self.study, EmulationStudy)
        wildcards = job.wildcards
        key = tuple(wildcards.get(name) for name in ("dataset", "network", "reducer", "trip"))
        if key not in self._sizes:
            self._sizes[key] = asked.size(self.study, wildcards)
        return self._sizes[key]

    def kinds(self, job: Job) -> tuple[str, ...]:
        """Return the kinds of jobs that are similar to a job.

        Parameters
        ----------
        job : Job
            A job of the study.

        Returns
        -------
        tuple of str
            The most similar first. Kinds of reductions differ, as some take far more work.
        """
        if job.rule != "reduce_layer":
            return (job.rule,)
        assert isinstance(self.study, Study)
        return f"{job.rule} {self.study.reducers[job.place[-1]].kind}", job.rule

    def gpus(self, job: Job) -> int:
        """Return how many GPUs a job asks for where there are some.

        Parameters
        ----------
        job : Job
            A job of the study.

        Returns
        -------
        int
            Number of GPUs.
        """
        return asked.gpus(self.study, job.rule, job.wildcards, there_are=True)

    def work(self, job: Job) -> Work:
        """Return the work of a job.

        Parameters
        ----------
        job : Job
            A job of the study.

        Returns
        -------
        Work
            Beyond what the smallest job of its rule takes.
        """
        model = RULES[job.rule].model
        if isinstance(model, Gathering):
            n, each = self._gathered(job), model.each
            return Work(n * each.seconds, n * each.mb, n * NUMBER_MB)
        if isinstance(model, OfTraining):
            assert isinstance(self.study, EmulationStudy)
            of = sizes.of_emulation(self.study, job.wildcards)
            beyond = model.beyond(of)
            return Work(beyond.seconds, beyond.mb, NUMBER_MB * model.kept(of))
        size = self.size(job)
        total, smallest = model.work(size), model.least
        kept = NUMBER_MB * model.kept(size)
        return Work(total.seconds - smallest.seconds, total.mb - smallest.mb, kept)

    def _gathered(self, job: Job) -> int:
        """Return how many results a job combines."""
        study = self.study
        if isinstance(study, RoundTripStudy):
            return len(entries.trips(study))
        if isinstance(study, EmulationStudy):
            return len(of_step(study, "trained"))
        if job.rule == "make_tables":
            return len(entries.places(study))
        if job.rule == "draw_network":
            return len(study.networks[job.place[0]].layers)
        return len(entries.layers(study))
