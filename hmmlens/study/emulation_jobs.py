"""The jobs of a study of networks that emulate HMMs; see :mod:`hmmlens.study.jobs`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hmmlens.study.emulation_study import ALWAYS, EmulationStudy
from hmmlens.study.layout import STEPS, Step
from hmmlens.study.rules import Job


def of_step(study: EmulationStudy, step: Step) -> list[Job]:
    """Return the jobs of a step, one for each training that takes part in it.

    Parameters
    ----------
    study : EmulationStudy
        The study.
    step : str
        One of :data:`hmmlens.study.layout.STEPS`.

    Returns
    -------
    list of Job
        Jobs in the order of the networks and seeds.
    """
    return [
        Job(STEPS[step], (name, str(seed)))
        for name, network in study.networks.items()
        for seed in network.seeds(step)
    ]


def biases(study: EmulationStudy) -> list[Job]:
    """Return the jobs that find which generator the objectives prefer, one for each target.

    Parameters
    ----------
    study : EmulationStudy
        The study.

    Returns
    -------
    list of Job
        Jobs in the order of the targets; none where the study has no ``bias``.
    """
    return [Job("measure_bias", (target,)) for target in (study.bias.targets if study.bias else ())]


def of_study(study: EmulationStudy) -> Iterator[Job]:
    """Yield all jobs, in the order in which they run.

    Parameters
    ----------
    study : EmulationStudy
        The study.

    Yields
    ------
    Job
        Jobs of the steps, of the objectives, and of tables, figures and report.
    """
    for step in STEPS:
        yield from of_step(study, step)
    yield from biases(study)
    for rule in ("gather_torre", "draw_torre", "write_torre"):
        yield Job(rule)


def reported(study: EmulationStudy, done: Collection[Job] | None = None) -> set[Job]:
    """Return the jobs whose results are part of the report.

    Parameters
    ----------
    study : EmulationStudy
        The study.
    done : collection of Job, optional
        Jobs that have ended well; by default all. A training is part of the report when the plateau
        of its loss has been searched for as well, which shows whether the training escaped it; the
        analyses of a network are when its training is.

    Returns
    -------
    set of Job
        Jobs that have ended well and whose training, if any, is part of the report.
    """
    ended = {job for job in of_study(study) if done is None or job in done}
    trained = {
        job.place
        for job in of_step(study, "trained")
        if all(Job(STEPS[step], job.place) in ended for step in ALWAYS)
    }
    return {job for job in ended if job.rule not in STEPS.values() or job.place in trained}
