"""Predicted costs of a study, and the errors of such predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.study import jobs
from hmmlens.study.plan import scaling
from hmmlens.study.plan.measured import Past, Took
from hmmlens.study.plan.work import Sizer, Work, least
from hmmlens.study.rules import EMULATING

#: Quantity (``seconds``, ``mb``, ``disk_mb``) -> function that predicts it from the work of a job.
Predictors = Mapping[str, scaling.PowerFunction]

#: Kind of job, see :meth:`hmmlens.study.plan.work.Sizer.kinds` -> its predictors.
PredictorsOfKinds = Mapping[str, Predictors]


class Plan(NamedTuple):
    """Predicted costs of a study.

    Attributes
    ----------
    table : DataFrame
        A row for each rule and one for all: ``rule, jobs, core_hours, gpu_hours, disk_mb, peak_mb,
        beyond``. GPU-hours are those of jobs that hold a GPU where there are some, taken as their
        hours of one core. ``beyond`` is the work of the largest job over that of the largest job
        that was measured, 1 at least. A rule that was never measured has NaN.
    speed : float
        Seconds of this machine for each second of the machine of the shipped studies.
    """

    table: pd.DataFrame
    speed: float


class MeasuredJob(NamedTuple):
    """One job that was run: its kinds, its work, and what it took."""

    kinds: tuple[str, ...]
    work: Work
    took: Took


def _measured_jobs(past: Sequence[Past]) -> list[MeasuredJob]:
    jobs_run = []
    for study, took in past:
        sizer = Sizer(study)
        jobs_run += [
            MeasuredJob(sizer.kinds(job), sizer.work(job), one) for job, one in took.items()
        ]
    return jobs_run


def predictors_for(known: PredictorsOfKinds, kinds: tuple[str, ...]) -> Predictors | None:
    """Return the predictors of the most similar jobs that were measured.

    Parameters
    ----------
    known : mapping of str to mapping of str to PowerFunction
        Kind of job -> its predictors.
    kinds : tuple of str
        Kinds of the job, the most similar first.

    Returns
    -------
    mapping of str to PowerFunction or None
        None where no such job was measured.
    """
    return next((known[kind] for kind in kinds if kind in known), None)


def fit(past: Sequence[Past], own: Sequence[Past] = ()) -> tuple[PredictorsOfKinds, float]:
    """Fit the predictors of every kind of job.

    Parameters
    ----------
    past : sequence of Past
        Studies that were run on some machine.
    own : sequence of Past
        Studies that were run on the user's machine. The seconds of the others are scaled by the
        median ratio of the time that the same work took on the two, and all are fitted together.

    Returns
    -------
    predictors : mapping of str to mapping of str to PowerFunction
        Kind of job -> its predictors.
    speed : float
        The factor by which the seconds of ``past`` were scaled.
    """
    there, here = _measured_jobs(past), _measured_jobs(own)
    known = _fit_kinds(there)
    ratios = [
        np.log(one.took.seconds / float(predict["seconds"](one.work.seconds)))
        for one in here
        if (predict := predictors_for(known, one.kinds)) is not None
    ]
    if not ratios:
        return _fit_kinds([*there, *here]), 1.0
    speed = float(np.exp(np.median(ratios)))
    scaled = [
        one._replace(took=one.took._replace(seconds=speed * one.took.seconds)) for one in there
    ]
    return _fit_kinds([*scaled, *here]), speed


def _fit_kinds(measured: Sequence[MeasuredJob]) -> PredictorsOfKinds:
    by_kind: dict[str, list[MeasuredJob]] = defaultdict(list)
    for one in measured:
        for kind in one.kinds:
            by_kind[kind].append(one)
    return {
        kind: {
            name: scaling.fit(
                [getattr(one.work, name) for one in rows],
                [getattr(one.took, name) for one in rows],
                getattr(least(kind.split()[0]), name),
                # Studies are far apart in size, and the model was measured at either scale.
                scaled=kind in EMULATING and not EMULATING[kind].local,
            )
            for name in Took._fields
        }
        for kind, rows in by_kind.items()
    }


def plan(study: jobs.AnyStudy, past: Sequence[Past], own: Sequence[Past] = ()) -> Plan:
    """Predict the costs of all jobs of a study, whether some of them are done or not.

    Parameters
    ----------
    study : Study, EmulationStudy or RoundTripStudy
        The study that is planned.
    past : sequence of Past
        See :func:`fit`.
    own : sequence of Past
        See :func:`fit`.

    Returns
    -------
    Plan
        Costs of each rule and of all.
    """
    known, speed = fit(past, own)
    sizer = Sizer(study)
    rows: dict[str, dict[str, float]] = {}
    for job in jobs.of_study(study):
        row = rows.setdefault(
            job.rule,
            dict.fromkeys(("jobs", "core_hours", "gpu_hours", "disk_mb", "peak_mb"), 0.0)
            | {"beyond": 1.0},
        )
        row["jobs"] += 1
        work, predict = sizer.work(job), predictors_for(known, sizer.kinds(job))
        if predict is None:
            row |= dict.fromkeys(("core_hours", "gpu_hours", "disk_mb", "peak_mb"), np.nan)
            continue
        hours = float(predict["seconds"](work.seconds)) / 3600
        row["core_hours"] += hours
        row["gpu_hours"] += hours if sizer.gpus(job) else 0.0
        row["disk_mb"] += float(predict["disk_mb"](work.disk_mb))
        row["peak_mb"] = max(row["peak_mb"], float(predict["mb"](work.mb)))
        if predict["seconds"].largest:
            row["beyond"] = max(row["beyond"], work.seconds / predict["seconds"].largest)
    table = pd.DataFrame([{"rule": rule, **row} for rule, row in rows.items()])
    total = {"rule": "all", **table.drop(columns=["rule", "peak_mb", "beyond"]).sum()}
    total |= {"peak_mb": table["peak_mb"].max(), "beyond": table["beyond"].max()}
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True)
    return Plan(table.astype({"jobs": int}), speed)


def errors(past: Sequence[Past], own: Sequence[Past] = ()) -> pd.DataFrame:
    """Predict each study from all the others, and return the errors of these predictions.

    Parameters
    ----------
    past : sequence of Past
        See :func:`fit`.
    own : sequence of Past
        See :func:`fit`.

    Returns
    -------
    DataFrame
        ``study, rule, place, seconds, mb, disk_mb``: for each job, predicted over measured. The
        column ``seconds_found`` holds the measured seconds, the weight of a job in its study.
    """
    rows = []
    for i, one in enumerate([*past, *own]):
        others = [p for j, p in enumerate(past) if j != i]
        own_others = [p for j, p in enumerate(own) if j + len(past) != i]
        known, _ = fit(others or own_others, own_others if others else ())
        sizer = Sizer(one.study)
        for job, took in one.took.items():
            work, predict = sizer.work(job), predictors_for(known, sizer.kinds(job))
            if predict is None:
                continue
            row = {
                name: float(predict[name](getattr(work, name))) / getattr(took, name)
                for name in Took._fields
            }
            key = {"study": one.study.study, "rule": job.rule, "place": "/".join(job.place)}
            rows.append({**key, **row, "seconds_found": took.seconds})
    names = ["study", "rule", "place", *Took._fields, "seconds_found"]
    return pd.DataFrame(rows, columns=names)
