"""The jobs of a study of networks that emulate HMMs; see :mod:`hmmlens.study.jobs`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hmmlens.study.emulation_study import ALWAYS, EmulationStudy
from hmmlens.study.layout import STEPS, Step
from hmmlens.study.rules import Job


def of_step(study: EmulationStudy, step: Step) -> list[Job]:
    """Return the jobs of a step, one for each training that takes part in it."""
    return [
        Job(STEPS[step], (name, str(seed)))
        for name, network in study.networks.items()
        for seed in network.seeds(step)
    ]


def biases(study: EmulationStudy) -> list[Job]:
    """Return the jobs that ask the objectives which generator they like best, one a target."""
    return [Job("measure_bias", (target,)) for target in (study.bias.targets if study.bias else ())]


def of_study(study: EmulationStudy) -> Iterator[Job]:
    """Yield all jobs, in the order of the story."""
    for step in STEPS:
        yield from of_step(study, step)
    yield from biases(study)
    for rule in ("gather_torre", "draw_torre", "write_torre"):
        yield Job(rule)


def told(study: EmulationStudy, done: Collection[Job] | None = None) -> set[Job]:
    """Return the jobs whose results are told.

    Parameters
    ----------
    done : those that have ended well; by default all. A training is told when the plateau of its
        loss has been looked for too, without which nothing says whether it escaped; what was done
        with it is told when it is.
    """
    ended = {job for job in of_study(study) if done is None or job in done}
    trained = {
        job.place
        for job in of_step(study, "trained")
        if all(Job(STEPS[step], job.place) in ended for step in ALWAYS)
    }
    return {job for job in ended if job.rule not in STEPS.values() or job.place in trained}
