"""The work of a job: what its time, memory and room on the disk grow with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hmmlens.study import jobs
from hmmlens.study.cluster import asked, needs
from hmmlens.study.cluster.sizes import Size
from hmmlens.study.config import Study
from hmmlens.study.emulation_jobs import of_step
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import Job
from hmmlens.study.plan import emulation
from hmmlens.study.roundtrip_study import RoundTripStudy


class Work(NamedTuple):
    """What a job takes by the model of its work, beyond what the least job takes.

    The unit is of no matter: laws say what so much work really takes.
    """

    seconds: float
    mb: float
    disk_mb: float


#: rule -> numbers that its results hold. Where there is none, they hold few whatever the size.
KEPT: dict[str, Callable[[Size], float]] = {
    "make_dataset": lambda s: s.n_steps * s.n_values,
    "raw_input": lambda s: s.n_recorded * s.n_components,
    "train_network": lambda s: s.n_units**2,
    "load_network": lambda s: s.n_units**2,
    "record_activations": lambda s: s.n_recorded * (s.n_units + s.n_values),
    "reduce_layer": lambda s: s.n_recorded * s.n_components,
    "interpret_layer": lambda s: s.n_recorded,
}
#: MB of a number in a store, and of a store without any.
NUMBER_MB, EMPTY_MB = 8e-6, 0.02

#: Rules that put results together, by how many: seconds and MB of each, and of none.
GATHERING: dict[str, tuple[needs.Work, needs.Work]] = {
    "make_tables": (needs.Work(0.02, 0.02), needs.Work(150, 3)),
    "draw_network": (needs.Work(10, 5), needs.Work(250, 4)),
    "draw_overview": (needs.Work(0.1, 0.05), needs.Work(200, 3)),
    "write_report": (needs.Work(0.5, 0.01), needs.Work(60, 1)),
    "gather_round_trips": (needs.Work(0.1, 0.02), needs.Work(150, 2)),
    "draw_round_trips": (needs.Work(0.1, 0.02), needs.Work(200, 3)),
    "write_round_trips": (needs.Work(0.5, 0.01), needs.Work(60, 1)),
    "gather_torre": (needs.Work(1.0, 0.07), needs.Work(350, 3)),
    "draw_torre": (needs.Work(2.0, 0.3), needs.Work(400, 20)),
    "write_torre": (needs.Work(1.0, 0.02), needs.Work(400, 3)),
}


def least(rule: str) -> Work:
    """Return what the least job of a rule takes by the model."""
    if rule in emulation.LEAST:
        found = emulation.LEAST[rule]
    else:
        found = GATHERING[rule][1] if rule in GATHERING else needs.WORK[rule](Size(0, 0))
    return Work(found.seconds, found.mb, EMPTY_MB)


class Sizer:
    """The work of the jobs of one study, each size looked up once."""

    def __init__(self, study: jobs.AnyStudy) -> None:
        self.study = study
        self._sizes: dict[tuple[str | None, ...], Size] = {}

    def size(self, job: Job) -> Size:
        """Return how large a job is, see :mod:`hmmlens.study.cluster.sizes`."""
        assert not isinstance(self.study, EmulationStudy)
        wildcards = job.wildcards
        key = tuple(wildcards.get(name) for name in ("dataset", "network", "reducer", "trip"))
        if key not in self._sizes:
            self._sizes[key] = asked.size(self.study, wildcards)
        return self._sizes[key]

    def kinds(self, job: Job) -> tuple[str, ...]:
        """Return what jobs a job is like, the likest first: some reducers take far more work."""
        if job.rule != "reduce_layer":
            return (job.rule,)
        assert isinstance(self.study, Study)
        return f"{job.rule} {self.study.reducers[job.place[-1]].kind}", job.rule

    def gpus(self, job: Job) -> int:
        """Return how many GPUs a job asks for where there are some."""
        return asked.gpus(self.study, job.rule, job.wildcards, there_are=True)

    def work(self, job: Job) -> Work:
        """Return the work of a job."""
        if job.rule in GATHERING:
            n, each = self._gathered(job), GATHERING[job.rule][0]
            return Work(n * each.seconds, n * each.mb, n * NUMBER_MB)
        if isinstance(self.study, EmulationStudy):
            mb, seconds = emulation.work(self.study, job)
            return Work(seconds, mb, NUMBER_MB * emulation.kept(self.study, job))
        size = self.size(job)
        found, none = needs.WORK[job.rule](size), least(job.rule)
        kept = KEPT[job.rule](size) if job.rule in KEPT else 0.0
        if job.rule == "sweep_states":
            kept = self._fits() * size.n_components**2
        return Work(found.seconds - none.seconds, found.mb - none.mb, NUMBER_MB * kept)

    def _fits(self) -> int:
        """Return how many states all models of a sweep have that are kept, padded to the most."""
        study = self.study
        assert isinstance(study, Study)
        counts = study.sweep.n_states
        return len(study.sweep.covariance_types) * len(counts) * counts[-1]

    def _gathered(self, job: Job) -> int:
        """Return how many results a job puts together."""
        study = self.study
        if isinstance(study, RoundTripStudy):
            return len(jobs.trips(study))
        if isinstance(study, EmulationStudy):
            return len(of_step(study, "trained"))
        if job.rule == "make_tables":
            return len(jobs.places(study))
        if job.rule == "draw_network":
            return len(study.networks[job.place[0]].layers)
        return len(jobs.layers(study))
