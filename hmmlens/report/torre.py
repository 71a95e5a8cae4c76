"""Hold a study of emulating networks against what is promised of them, and beside the paper.

The study has one folder per training, ``results/{study}/{network}/{seed}``, with a folder of
tables (CSV) for each step of the work. Networks take part in some steps only: where one did not,
the folder is missing. Where a step could say nothing, as of a network whose states run away, its
folder has ``refused.csv`` (one row: ``reason``) instead of what it could not tell.

=============  =====================================================================================
``trained/``   ``network.safetensors``, ``checkpoints.safetensors``
               (:mod:`hmmlens.emulation.checkpoints`), ``history.csv``
               (:data:`hmmlens.emulation.training.HISTORY`), ``outcome.csv`` (one row:
               ``diverged, n_updates, skipped, loss, max_hidden, rate``), ``plateau.csv``
               (one row: ``level, level_low, level_high, floor, floor_low,
               floor_high`` of the objective, and the fields of
               :class:`hmmlens.dynamics.plateau.Plateau`)
``scores/``    ``metrics.csv`` (:data:`hmmlens.emulation.metrics.COLUMNS`), ``stability.csv`` (one
               row: ``lyapunov, low, high, first, last, largest, left``, see
               :mod:`hmmlens.emulation.stability`)
``reverse/``   one CSV for each table of :func:`hmmlens.dynamics.reverse.reverse_engineer`, and
               ``pictures/``, what :func:`hmmlens.dynamics.reverse.pictures` returns for figures
``kicks/``     one CSV for each table of :func:`hmmlens.dynamics.kick_analysis.kick_analysis`,
               without the ``kick_`` in front of its name (``kicks``, ``units``, ``gated``, ...)
``states/``    one CSV for each table of
               :func:`hmmlens.dynamics.state_study.states_and_dynamics`
=============  =====================================================================================

Networks that are called ``plateau-...`` are of the sweep of short trainings, see
:func:`hmmlens.emulation.plateau.grid`.

Each of these folders also has ``cost.csv`` (one row: ``cpu_seconds, memory_mb``).
``bias/{target}/`` has the tables of :mod:`hmmlens.emulation.bias` (``values, summary, best_factor,
shrinkage``).

What is gathered lies in ``results/{study}/tables``. Every table of a step is one file
``{step}_{table}.csv`` there (``trained_history``, ``scores_metrics``, ``reverse_orbits``,
``kicks_refused``, ...), with ``network, target, seed`` in front; ``bias_{table}.csv`` has
``target`` in front. Pictures are not gathered: figures read them from the folders of the networks.
A table without any rows in the whole study has no file. Beside them:

==============  ====================================================================================
``networks``    one row a training: ``network, target, seed``, its settings ``cell, n_units,
                n_noise, bias, leak, radius, objective, n_steps, batch_size, learning_rate``,
                ``scored`` (whether it was to be scored), ``n_updates`` (done), ``diverged, loss``
                (median of the last tenth of the updates), ``level, floor, start, escape, length``
                (see ``trained_plateau``), ``lyapunov, left, transition_error,
                largest_transition_error, loss_ratio`` (loss over floor, of the paper's objective
                only), ``stable`` (whether all that is asked of a stable target holds),
                ``cpu_training, cpu_analyses``
``targets``     ``target, matrix`` (startprob, transmat, emissionprob), ``row, column, value``
``gates``       what is promised: ``gate, limit`` (at least, at most), ``wanted, value, low, high,
                n, outcome`` (reached, missed, reported, not asked)
``paper``       ``topic, what, target, paper`` (the number, or its range, as text), ``paper_low,
                paper_high, source`` (where it stands and how it was got from there), ``ours, low,
                high, n`` (trainings), ``objective`` (that trained them), ``answer``
                (agrees, differs, not testable at this scale, not asked), ``rule``
``plateau_by_setting``, ``plateau_effects``, ``comparison``, ``trends``
                see :mod:`hmmlens.emulation.plateau` (of the sweep) and
                :mod:`hmmlens.emulation.comparison` (of ReLU networks on chain2, measures of
                ``scores_metrics`` and ``reverse_orbits``)
``refusals``    ``network, target, seed, step, reason`` of all that could not be told
``answers``     ``question`` (bias, homogeneity, plateau), ``part`` (its order), ``sentence``
``cost``        ``step, network, n, cpu_seconds`` (mean), ``memory_mb`` (largest)
==============  ====================================================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.config_emulation import EmulationStudy
from hmmlens.emulation.folders import COST, REFUSED
from hmmlens.report import roundtrip
from hmmlens.report.torre_claims import CLAIMS
from hmmlens.report.torre_gates import WHO, Tables, gates, is_stable, read
from hmmlens.report.torre_paper import AGREES, DIFFERS, paper_table

#: What is done with a network, in order.
STEPS = ("trained", "scores", "reverse", "kicks", "states")
#: Tables that the report prints.
PRINTED = ("networks", "gates", "paper", "refusals", "cost", "bias_best_factor", "bias_shrinkage")
#: Settings of a network and of its training that stand in the table of networks.
SETTINGS = ("cell", "n_units", "n_noise", "bias", "leak", "radius")
TRAINING = ("objective", "n_steps", "batch_size", "learning_rate")
#: Rows of the scores that stand there too.
ERRORS = {"transition error": "transition_error",
          "largest transition error": "largest_transition_error"}  # fmt: skip


def tables(results: Path, study: EmulationStudy) -> dict[str, pd.DataFrame]:
    """Return all tables of a study: those of its networks, and what is made of them.

    Parameters
    ----------
    results : ``results/{study}``.
    """
    found = gather(results, study)
    found["networks"] = networks_table(study, found)
    return found | {
        "targets": targets_table(study),
        "gates": gates(found),
        "paper": paper_table(found, CLAIMS, study.scale == "paper"),
        "refusals": refusals(found),
        "cost": cost_table(found),
    }


def outcome(table: pd.DataFrame) -> list[str]:
    """Return what the gates say, in sentences."""
    told = roundtrip.outcome(table)
    skipped = int(table["outcome"].eq("not asked").sum())
    if skipped:
        told.append(f"{skipped} more are not asked, as the study has too few networks for them.")
    return told


def beside(table: pd.DataFrame) -> str:
    """Return how many of the paper's findings agree with ours, in a sentence."""
    counts = table["answer"].value_counts()
    agree, differ = (int(counts.get(answer, 0)) for answer in (AGREES, DIFFERS))
    return (
        f"Of {agree + differ} findings of the paper that could be compared, {agree} agree with "
        f"ours and {differ} differ; {len(table) - agree - differ} could not be compared."
    )


def gather(results: Path, study: EmulationStudy) -> dict[str, pd.DataFrame]:
    """Read all tables of a study, the same one of all networks below each other.

    Parameters
    ----------
    results : ``results/{study}``.
    """
    parts: dict[str, list[pd.DataFrame]] = {}

    def add(name: str, folder: Path, about: dict[str, Any]) -> None:
        for path in sorted(folder.glob("*.csv")):
            table = pd.read_csv(path)
            # A table of a step may say itself which target, or seed, it is about.
            table = table.drop(columns=[column for column in about if column in table])
            for place, (column, value) in enumerate(about.items()):
                table.insert(place, column, value)
            parts.setdefault(f"{name}_{path.stem}", []).append(table)

    for network, settings in study.networks.items():
        for seed in range(settings.n_seeds):
            about = {"network": network, "target": settings.target, "seed": seed}
            for step in STEPS:
                add(step, results / network / str(seed) / step, about)
    for target in study.bias.targets if study.bias else ():
        add("bias", results / "bias" / target, {"target": target})
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def networks_table(study: EmulationStudy, tables: Tables) -> pd.DataFrame:
    """Return one row a training, see above; ``scored`` tells whether it was to be scored."""
    rows = [
        {"network": name, "target": network.target, "seed": seed}
        | {key: getattr(network, key) for key in SETTINGS}
        | {key: getattr(study.training_of(name), key) for key in TRAINING}
        | {"scored": "scores" in network.analyses}
        for name, network in study.networks.items()
        for seed in range(network.n_seeds)
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
    analyses = pd.concat([costs[step] for step in STEPS[1:]])
    for column, rows_ in (("cpu_training", costs["trained"]), ("cpu_analyses", analyses)):
        total = rows_.groupby(WHO)["cpu_seconds"].sum().rename(column).reset_index()
        table = table.merge(total, on=WHO, how="left")
    return table


def targets_table(study: EmulationStudy) -> pd.DataFrame:
    """Return every entry of every target: ``target, matrix, row, column, value``."""
    rows = [
        (target, matrix, i, j, float(value))
        for target in dict.fromkeys(network.target for network in study.networks.values())
        for matrix, values in study.hmm_of(target)._asdict().items()
        for (i, j), value in np.ndenumerate(np.atleast_2d(values))
    ]
    return pd.DataFrame(rows, columns=["target", "matrix", "row", "column", "value"])


def cost_table(tables: Tables) -> pd.DataFrame:
    """Return ``step, network, n, cpu_seconds, memory_mb``: means over seeds, largest memory."""
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
    """Return ``network, target, seed, step, reason`` of all that could not be told."""
    parts = [
        tables[f"{step}_{REFUSED}"].assign(step=step)
        for step in STEPS
        if f"{step}_{REFUSED}" in tables
    ]
    columns = [*WHO, "step", "reason"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
