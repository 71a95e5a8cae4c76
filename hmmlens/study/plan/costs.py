"""The plan of a study, and what a plan is worth."""

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

#: kind of job, see :meth:`hmmlens.study.plan.work.Sizer.kinds` -> the laws of its seconds, memory,
#: disk
Laws = Mapping[str, Mapping[str, scaling.Law]]


class Plan(NamedTuple):
    """What a study will take.

    table : DataFrame, a row for each rule and one for all: ``rule, jobs, core_hours, gpu_hours,
        disk_mb, peak_mb, beyond``. GPU hours are those that jobs hold a GPU where there are some,
        taken as their hours of one core. ``beyond`` says how much larger the largest job is than
        any that was measured, 1 at least. A rule that was never measured has NaN.
    speed : seconds of this machine for each one of the machine of the shipped studies
    """

    table: pd.DataFrame
    speed: float


class Seen(NamedTuple):
    """One job that was run."""

    kinds: tuple[str, ...]
    work: Work
    took: Took


def _seen(past: Sequence[Past]) -> list[Seen]:
    found = []
    for study, took in past:
        sizer = Sizer(study)
        found += [Seen(sizer.kinds(job), sizer.work(job), one) for job, one in took.items()]
    return found


def law_of(known: Laws, kinds: tuple[str, ...]) -> Mapping[str, scaling.Law] | None:
    """Return the laws of the likest jobs that were measured."""
    return next((known[kind] for kind in kinds if kind in known), None)


def fit(past: Sequence[Past], own: Sequence[Past] = ()) -> tuple[Laws, float]:
    """Fit the laws of every kind of job.

    Parameters
    ----------
    past : studies on some machine.
    own : studies on the user's. The others' seconds are scaled by the median of what the same work
        took here and there, and all are fitted together.

    Returns
    -------
    laws, and the scale
    """
    there, here = _seen(past), _seen(own)
    known = _laws(there)
    ratios = [
        np.log(one.took.seconds / float(law["seconds"](one.work.seconds)))
        for one in here
        if (law := law_of(known, one.kinds)) is not None
    ]
    if not ratios:
        return _laws([*there, *here]), 1.0
    speed = float(np.exp(np.median(ratios)))
    scaled = [
        one._replace(took=one.took._replace(seconds=speed * one.took.seconds)) for one in there
    ]
    return _laws([*scaled, *here]), speed


def _laws(seen: Sequence[Seen]) -> Laws:
    by_kind: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
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
    """Return what a study will take, all of it, whether part of it is done or not.

    Parameters
    ----------
    past, own : see :func:`fit`.
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
        work, law = sizer.work(job), law_of(known, sizer.kinds(job))
        if law is None:
            row |= dict.fromkeys(("core_hours", "gpu_hours", "disk_mb", "peak_mb"), np.nan)
            continue
        hours = float(law["seconds"](work.seconds)) / 3600
        row["core_hours"] += hours
        row["gpu_hours"] += hours if sizer.gpus(job) else 0.0
        row["disk_mb"] += float(law["disk_mb"](work.disk_mb))
        row["peak_mb"] = max(row["peak_mb"], float(law["mb"](work.mb)))
        if law["seconds"].largest:
            row["beyond"] = max(row["beyond"], work.seconds / law["seconds"].largest)
    table = pd.DataFrame([{"rule": rule, **row} for rule, row in rows.items()])
    total = {"rule": "all", **table.drop(columns=["rule", "peak_mb", "beyond"]).sum()}
    total |= {"peak_mb": table["peak_mb"].max(), "beyond": table["beyond"].max()}
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True)
    return Plan(table.astype({"jobs": int}), speed)


def errors(past: Sequence[Past], own: Sequence[Past] = ()) -> pd.DataFrame:
    """Predict each study from all the others, and return how far off that was.

    Returns
    -------
    DataFrame
        ``study, rule, place, seconds, mb, disk_mb``: for each job, predicted over measured.
        Beside them ``seconds_found``, which weighs a job in its study.
    """
    rows = []
    for i, one in enumerate([*past, *own]):
        others = [p for j, p in enumerate(past) if j != i]
        mine = [p for j, p in enumerate(own) if j + len(past) != i]
        known, _ = fit(others or mine, mine if others else ())
        sizer = Sizer(one.study)
        for job, took in one.took.items():
            work, law = sizer.work(job), law_of(known, sizer.kinds(job))
            if law is None:
                continue
            row = {
                name: float(law[name](getattr(work, name))) / getattr(took, name)
                for name in Took._fields
            }
            key = {"study": one.study.study, "rule": job.rule, "place": "/".join(job.place)}
            rows.append({**key, **row, "seconds_found": took.seconds})
    names = ["study", "rule", "place", *Took._fields, "seconds_found"]
    return pd.DataFrame(rows, columns=names)
