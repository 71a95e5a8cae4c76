"""Tables and report of a study of emulating networks, with its comparison with the paper.

The study has one folder per training, ``results/{study}/{network}/{seed}``, with a folder of
tables (CSV) for each step of the work. Networks take part in some steps only: where one did not,
the folder is missing. Where a step had no result, as for a network whose states diverge, its
folder has ``refused.csv`` (one row: ``reason``) instead of the missing tables.

=============  =====================================================================================
``trained/``   ``network.safetensors``, ``checkpoints.safetensors``
               (:mod:`hmmlens.emulation.checkpoints`), ``history.csv``
               (:data:`hmmlens.emulation.training.HISTORY`), ``outcome.csv`` (one row:
               ``diverged, n_updates, skipped, loss, max_hidden, rate``)
``plateau/``   ``plateau.csv`` (one row: ``level, level_low, level_high, floor, floor_low,
               floor_high`` of the objective, and the fields of
               :class:`hmmlens.emulation.analysis.plateau.detection.Plateau`), and of networks that
               the paper's objective trained ``escape.csv``
               (:func:`hmmlens.emulation.analysis.plateau.escape.escape_row`); gathered as
               ``trained_plateau`` and ``trained_escape``
``scores/``    ``metrics.csv`` (:data:`hmmlens.emulation.analysis.metrics.COLUMNS`),
``stability.csv`` (one
               row: ``lyapunov, low, high, first, last, largest, left``, see
               :mod:`hmmlens.dynamics.lyapunov`)
``reverse/``   one CSV for each table of
:func:`hmmlens.emulation.analysis.pipeline.reverse_engineer`, and
               ``pictures/``, what :func:`hmmlens.emulation.analysis.pipeline.pictures` returns for
               figures
``kicks/``     one CSV for each table of :func:`hmmlens.emulation.kicks.pipeline.kick_analysis`,
               without the ``kick_`` in front of its name (``kicks``, ``units``, ``gated``, ...)
``states/``    one CSV for each table of
               :func:`hmmlens.emulation.states.pipeline.states_and_dynamics`
``protocols/`` one CSV for each table of
               :func:`hmmlens.emulation.analysis.paper_protocols.all_protocols`
=============  =====================================================================================

Networks that are called ``plateau-...`` are of the sweep of short trainings, see
:func:`hmmlens.emulation.analysis.plateau.length.grid`.

Each of these folders but ``plateau/`` also has ``cost.csv`` (one row: ``cpu_seconds, memory_mb``).
``bias/{target}/`` has the tables of :mod:`hmmlens.emulation.analysis.objective_bias` (``values,
summary, best_factor, shrinkage``).

What is gathered lies in ``results/{study}/tables``. Every table of a step is one file
``{step}_{table}.csv`` there (``trained_history``, ``scores_metrics``, ``reverse_orbits``,
``kicks_refused``, ...), with ``network, target, seed`` in front; ``bias_{table}.csv`` has
``target`` in front. Pictures are not gathered: figures read them from the folders of the networks.
A table without any rows in the whole study has no file. Further tables:

==============  ====================================================================================
``networks``    one row a training: ``network, target, seed``, its settings ``cell, n_units,
                n_noise, bias, leak, radius, objective, n_steps, batch_size, learning_rate,
                carried, activity_penalty``, ``scored`` (whether it was to be scored),
                ``n_updates`` (done), ``diverged, loss``
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
                high`` (interval of the mean or share), ``n`` (trainings), ``objective`` (that
                trained them), ``predicted_low, predicted_high`` (of a further training, see
                :func:`hmmlens.stats.paired.prediction`), ``answer`` (one of
                :data:`hmmlens.report.emulation.paper_comparison.ANSWERS`), ``rule``
``batch_powers``, ``additions``, ``matched_loss``
                see :func:`hmmlens.emulation.analysis.comparison.powers` and
                :mod:`hmmlens.report.emulation.text_training`
``plateau_by_setting``, ``plateau_effects``, ``comparison``, ``trends``
                see :mod:`hmmlens.emulation.analysis.plateau.length` (of the sweep) and
                :mod:`hmmlens.emulation.analysis.comparison` (of ReLU networks on chain2, measures
                of ``scores_metrics`` and ``reverse_orbits``)
``refusals``    ``network, target, seed, step, reason`` of all analyses that could not be made
``answers``     ``question`` (bias, homogeneity, plateau), ``part`` (its order), ``sentence``
``cost``        ``step, network, n, cpu_seconds`` (mean), ``memory_mb`` (largest)
==============  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.emulation.analysis.comparison import compare, powers, trends
from hmmlens.emulation.analysis.plateau.length import by_setting, effects
from hmmlens.report import document
from hmmlens.report.acceptance import outcome_sentences
from hmmlens.report.emulation import text_networks, text_plateau, text_training
from hmmlens.report.emulation.acceptance import Tables, gates
from hmmlens.report.emulation.gather import (
    cost_table,
    gather,
    networks_table,
    refusals,
    targets_table,
)
from hmmlens.report.emulation.paper_claims import CLAIMS
from hmmlens.report.emulation.paper_comparison import counted, paper_table
from hmmlens.report.emulation.text import answers
from hmmlens.study import emulation_jobs
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.rules import Job

#: Tables that the report prints.
PRINTED = ("networks", "gates", "paper", "refusals", "cost", "bias_best_factor", "bias_shrinkage")


def tables(
    results: Path, study: EmulationStudy, gathered: Collection[Job] | None = None
) -> dict[str, pd.DataFrame]:
    """Return all tables of a study: those of its networks, and what is made of them.

    Parameters
    ----------
    results : Path
        Folder of the study.
    study : EmulationStudy
        The study.
    gathered : collection of Job, optional
        Jobs that are gathered, see :func:`hmmlens.study.emulation_jobs.reported`; by default all.

    Returns
    -------
    dict of str to DataFrame
        Name -> table, see above.
    """
    gathered = emulation_jobs.reported(study) if gathered is None else gathered
    found = gather(results, study, gathered)
    found["networks"] = networks_table(study, found, gathered)
    found |= swept(found) | two_objectives(found) | added(found)
    return found | {
        "targets": targets_table(study),
        "gates": gates(found),
        "paper": paper_table(found, CLAIMS, study.scale == "paper"),
        "answers": answers(found),
        "refusals": refusals(found),
        "cost": cost_table(found),
    }


def swept(found: Tables) -> dict[str, pd.DataFrame]:
    """Return what the length of the plateau depends on, see :mod:`.plateau.length`.

    Parameters
    ----------
    found : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    dict of str to DataFrame
        ``plateau_by_setting`` and ``plateau_effects``; empty without a sweep.
    """
    runs = text_plateau.swept(found)
    if runs.empty:
        return {}
    # Resampling is of trainings that are there; any seed serves as well.
    powers = effects(runs, np.random.default_rng(0))
    return {"plateau_by_setting": by_setting(runs), "plateau_effects": powers}


def added(found: Tables) -> dict[str, pd.DataFrame]:
    """Return what a penalty or carried states change, and kick units at matched loss.

    Parameters
    ----------
    found : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    dict of str to DataFrame
        ``additions`` (:func:`hmmlens.report.emulation.text_training.additions`) and
        ``matched_loss`` (:func:`hmmlens.report.emulation.text_training.matched`), where there are
        such networks.
    """
    made = {
        "additions": text_training.additions(found),
        "matched_loss": text_training.matched(found),
    }
    return {name: table for name, table in made.items() if len(table)}


def two_objectives(found: Tables) -> dict[str, pd.DataFrame]:
    """Compare networks of two objectives, and return their trends with the batch size.

    Parameters
    ----------
    found : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    dict of str to DataFrame
        ``comparison``, ``trends`` and ``batch_powers``; empty where no networks can be compared.
    """
    parts: dict[str, list[pd.DataFrame]] = {"comparison": [], "trends": [], "batch_powers": []}
    for target, networks in text_networks.comparable(found):
        towards = powers(networks, text_networks.own_of(found, target))
        tables = {"comparison": compare(networks), "trends": trends(networks)}
        for name, table in (tables | {"batch_powers": towards}).items():
            table.insert(0, "target", target)
            parts[name].append(table)
    return {name: pd.concat(tables) for name, tables in parts.items() if tables}


def facts(found: Tables, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report prints apart from its tables and figures.

    Parameters
    ----------
    found : mapping of str to DataFrame
        Gathered tables of the study by name.
    about : mapping of str to object
        Settings of the study, see :func:`hmmlens.report.document.head`.

    Returns
    -------
    dict
        ``about``; ``outcome``, sentences on the acceptance criteria; ``comparison``, sentences on
        the paper; ``answers``, question -> sentences; ``tables``, names of those that are there to
        print.
    """
    by_question: dict[str, list[str]] = {}
    if "answers" in found:
        for question, part in found["answers"].groupby("question", sort=False):
            by_question[str(question)] = part.sort_values("part")["sentence"].tolist()
    return {
        "about": dict(about),
        "outcome": outcome(found["gates"]),
        "comparison": counted(found["paper"]),
        "answers": by_question,
        "tables": [name for name in PRINTED if name in found],
    }


def outcome(table: pd.DataFrame) -> list[str]:
    """Return the outcome of the acceptance criteria in sentences.

    Parameters
    ----------
    table : DataFrame
        Table ``gates``.

    Returns
    -------
    list of str
        At least one sentence.
    """
    sentences = outcome_sentences(table)
    skipped = int(table["outcome"].eq("not asked").sum())
    if skipped:
        sentences.append(f"{skipped} more are not asked, as there are too few networks for them.")
    return sentences


def write(
    template: Path, tables: Path, figures: Path, about: Mapping[str, Any], output: Path
) -> None:
    """Set the report; see :func:`hmmlens.report.document.compile_pdf`.

    Parameters
    ----------
    template : Path
        The Typst file.
    tables : Path
        Folder of the tables.
    figures : Path
        Folder of the figures.
    about : mapping of str to object
        Settings that the report prints, see :func:`hmmlens.report.document.head`; with ``partial``
        where the study is not finished.
    output : Path
        The PDF; it appears under its name when it is whole.
    """
    from hmmlens.report.emulation.figures.registry import FIGURES

    drawn = [name for name in FIGURES if (figures / f"{name}.pdf").exists()]
    content = facts({path.stem: pd.read_csv(path) for path in sorted(tables.glob("*.csv"))}, about)
    content["figures"] = [
        {"section": section, "figures": placed}
        for section, placed in FIGURES.placed(drawn).items()
        if placed
    ]
    printed = [tables / f"{name}.csv" for name in content["tables"]]
    pictures = [figures / f"{name}.pdf" for name in drawn]
    document.compile_pdf(template, content, printed, {"": pictures}, output)
