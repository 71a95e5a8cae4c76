"""Read the tables of all networks of a study of emulating networks, and join what is of one kind.

The files are described in :mod:`hmmlens.report.emulation.pipeline`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from hmmlens.emulation.settings import Analysis
from hmmlens.report.emulation.acceptance import WHO, Tables, is_stable, read
from hmmlens.study import emulation_jobs
from hmmlens.study.emulation_folders import COST, REFUSED
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.layout import STEPS as FOLDERS
from hmmlens.study.rules import Job

#: What is done with a network, in order.
TRAINED = "trained"
ANALYSES: tuple[Analysis, ...] = get_args(Analysis)
STEPS = (TRAINED, *ANALYSES)
#: Settings of a network and of its training that stand in the table of networks.
SETTINGS = ("cell", "n_units", "n_noise", "bias", "leak", "radius")
TRAINING = (
    "objective", "n_steps", "batch_size", "learning_rate", "carried", "activity_penalty",
)  # fmt: skip
#: Rows of the scores that stand there too.
ERRORS = {"transition error": "transition_error",
          "largest transition error": "largest_transition_error"}  # fmt: skip


def gather(
    results: Path, study: EmulationStudy, gathered: Collection[Job]
) -> dict[str, pd.DataFrame]:
    """Read all tables of a study, the same one of all networks below each other.

    Parameters
    ----------
    results : Path
        Folder of the study.
    study : EmulationStudy
        The study.
    gathered : collection of Job
        Jobs whose tables are read, see :func:`hmmlens.study.emulation_jobs.reported`.

    Returns
    -------
    dict of str to DataFrame
        Name, as in ``reverse_orbits``, -> table of all networks.
    """
    parts: dict[str, list[pd.DataFrame]] = {}

    def _add(name: str, folder: Path, about: dict[str, Any]) -> None:
        for path in sorted(folder.glob("*.csv")):
            table = pd.read_csv(path)
            # A table of a step may name its target, or seed, itself.
            table = table.drop(columns=[column for column in about if column in table])
            for place, (column, value) in enumerate(about.items()):
                table.insert(place, column, value)
            parts.setdefault(f"{name}_{path.stem}", []).append(table)

    # What an earlier version of the study left behind is no job of this one.
    for step in FOLDERS:
        for job in emulation_jobs.of_step(study, step):
            if job in gathered:
                network, seed = job.place
                target = study.networks[network].target
                about = {"network": network, "target": target, "seed": int(seed)}
                _add(TRAINED if step == "plateau" else step, results / job.outputs[0], about)
    for job in emulation_jobs.biases(study):
        if job in gathered:
            _add("bias", results / job.outputs[0], job.wildcards)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def networks_table(
    study: EmulationStudy, tables: Tables, gathered: Collection[Job] | None = None
) -> pd.DataFrame:
    """Return the table of networks, one row per training.

    Parameters
    ----------
    study : EmulationStudy
        The study.
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    gathered : collection of Job, optional
        Jobs that are gathered; by default all. A training that is not gathered has no row, and one
        without scores is not ``scored``, so that neither misses an acceptance criterion.

    Returns
    -------
    DataFrame
        See :mod:`hmmlens.report.emulation.pipeline`.
    """
    gathered = emulation_jobs.reported(study) if gathered is None else gathered
    trained = [job for job in emulation_jobs.of_step(study, "trained") if job in gathered]
    rows = [
        {"network": name, "target": study.networks[name].target, "seed": int(seed)}
        | {key: getattr(study.networks[name], key) for key in SETTINGS}
        | {key: getattr(study.training_of(name), key) for key in TRAINING}
        | {"scored": Job(FOLDERS["scores"], (name, seed)) in gathered}
        for name, seed in (job.place for job in trained)
    ]
    table = pd.DataFrame(rows)
    end = ["n_updates", "diverged", "loss"]
    plateau = ["level", "floor", "start", "escape", "length"]
    stability = ["lyapunov", "left"]
    for name, columns in (
        ("trained_outcome", end), ("trained_plateau", plateau), ("scores_stability", stability),
    ):  # fmt: skip
        table = table.merge(read(tables, name, *columns)[[*WHO, *columns]], on=WHO, how="left")
    metrics = read(tables, "scores_metrics", "metric", "value")
    for metric, column in ERRORS.items():
        rows_of = metrics[metrics["metric"] == metric][[*WHO, "value"]]
        table = table.merge(rows_of.rename(columns={"value": column}), on=WHO, how="left")
    # A floor of 0, as an unbiased objective has it, is nothing to be measured by.
    biased = table["objective"].eq("sinkhorn")
    table["loss_ratio"] = np.where(biased, table["loss"] / table["floor"], np.nan)
    table["stable"] = is_stable(table)
    costs = {step: read(tables, f"{step}_{COST}", "cpu_seconds") for step in STEPS}
    analyses = pd.concat([costs[step] for step in ANALYSES])
    for column, rows_ in (("cpu_training", costs[TRAINED]), ("cpu_analyses", analyses)):
        total = rows_.groupby(WHO)["cpu_seconds"].sum().rename(column).reset_index()
        table = table.merge(total, on=WHO, how="left")
    return table


def targets_table(study: EmulationStudy) -> pd.DataFrame:
    """Return every entry of every target: ``target, matrix, row, column, value``.

    Parameters
    ----------
    study : EmulationStudy
        The study.

    Returns
    -------
    DataFrame
        One row per entry of each matrix.
    """
    rows = [
        (target, matrix, i, j, float(value))
        for target in dict.fromkeys(network.target for network in study.networks.values())
        for matrix, values in study.hmm_of(target)._asdict().items()
        for (i, j), value in np.ndenumerate(np.atleast_2d(values))
    ]
    return pd.DataFrame(rows, columns=["target", "matrix", "row", "column", "value"])


def cost_table(tables: Tables) -> pd.DataFrame:
    """Return ``step, network, n, cpu_seconds, memory_mb``: means over seeds, largest memory.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    DataFrame
        One row per step and network.
    """
    parts = [
        tables[f"{step}_{COST}"].assign(step=step) for step in STEPS if f"{step}_{COST}" in tables
    ]
    if "bias_cost" in tables:
        parts.append(tables["bias_cost"].assign(step="bias", network=tables["bias_cost"]["target"]))
    groups = pd.concat(parts).groupby(["step", "network"], sort=False)
    found = groups.agg(
        n=("cpu_seconds", "size"), cpu_seconds=("cpu_seconds", "mean"),
        memory_mb=("memory_mb", "max"),
    )  # fmt: skip
    return found.reset_index()


def refusals(tables: Tables) -> pd.DataFrame:
    """Return ``network, target, seed, step, reason`` of all analyses that could not be made.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    DataFrame
        One row per analysis that could not be made.
    """
    parts = [
        tables[f"{step}_{REFUSED}"].assign(step=step)
        for step in STEPS
        if f"{step}_{REFUSED}" in tables
    ]
    columns = [*WHO, "step", "reason"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
