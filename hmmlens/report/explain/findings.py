"""Findings about explained networks, in sentences with the numbers that support them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.report.explain import conclusion, start_up_words
from hmmlens.report.explain.agreement_words import agreement_sentence
from hmmlens.report.explain.answers import answer_of_layer
from hmmlens.report.explain.choice_words import agreement_of, choice_sentence
from hmmlens.report.wording import span, whole_span
from hmmlens.validation.grading.competence import competence
from hmmlens.validation.grading.verdict import GRADE_WORDS, GRADES, reasons_of

#: A loss within this many percent of the least possible loss is called close to it.
CLOSE_PERCENT = 5.0


def competence_sentence(rows: pd.DataFrame) -> str:
    """Return whether the trainings of one network do their task, by the rule of the verdict.

    Parameters
    ----------
    rows : DataFrame
        ``loss, marginal, floor`` of the table of verdicts, one row per training; empty where none
        was judged.

    Returns
    -------
    str
        Empty where the task is not known.
    """
    if not {"loss", "marginal"} <= set(rows) or rows["marginal"].isna().all():
        return ""
    known = rows[rows["marginal"].notna()]
    floors = known["floor"] if "floor" in known else pd.Series(np.nan, known.index)
    judged = [
        competence(*values) for values in zip(known["loss"], known["marginal"], floors, strict=True)
    ]
    if judged[0].holds is None:
        return ""
    n = sum(bool(one.holds) for one in judged)
    first = judged[0].sentence[:1].lower() + judged[0].sentence[1:].removesuffix(".")
    if len(judged) > 1:
        verb = "is" if n == 1 else "are"
        return (
            f"By the rule of the verdict, {n} of {len(judged)} trainings {verb} competent; of the "
            f"first, {first}."
        )
    return f"By the rule of the verdict, it is {'' if n else 'not '}competent: {first}."


def task_sentence(rows: pd.DataFrame, note: str = "", graded: pd.DataFrame | None = None) -> str:
    """Return how well the trainings of one network do their task.

    Parameters
    ----------
    rows : DataFrame
        Rows of the table of networks, one per training.
    note : str
        Remark of the dataset on networks that were trained elsewhere.
    graded : DataFrame, optional
        See :func:`competence_sentence`.

    Returns
    -------
    str
        Sentences.
    """
    trained_here = (rows["n_epochs"] > 0).any()
    first = rows.iloc[0]
    unit = "nats per step" if first["metric"] == "nll" else "mean squared error"
    digits = 3 if first["metric"] == "nll" else 4
    text = f"Its test loss is {span(rows['test'], digits)} {unit}"
    if np.isfinite(first["floor"]) and first["floor"] > 0:
        above = rows["above_floor_percent"]
        text += (
            f", {span(above, 1)} % above that of the exact filter ({first['floor']:.{digits}f})"
            if above.min() >= 0
            else f"; that of the exact filter is {first['floor']:.{digits}f} ({span(above, 1)} %)"
        )
    elif first["floor"] == 0:
        text += "; an exact answer exists, with loss 0"
    text += f". The best simple baseline ({first['best_baseline']}) has "
    text += f"{first['best_baseline_score']:.{digits}f}"
    if (rows["test"] > first["best_baseline_score"]).all():
        text += ", which is better"
        text += (
            "" if trained_here else "; it was fitted to these data, the network to data elsewhere"
        )
    elif (
        np.isfinite(first["above_floor_percent"])
        and (rows["above_floor_percent"] > CLOSE_PERCENT).any()
    ):
        text += f"; not every training comes within {CLOSE_PERCENT:g} % of the exact filter"
    competent = competence_sentence(pd.DataFrame() if graded is None else graded)
    parts = [f"{text}.", competent, f"{note}." if note and not trained_here else ""]
    return " ".join(part for part in parts if part)


def endpoint_sentence(rows: pd.DataFrame, neutral: str) -> str:
    """Return where the autonomous dynamics of the trainings of one network end.

    Parameters
    ----------
    rows : DataFrame
        ``n_coarse, n_fine, ratio``, one row per training.
    neutral : str
        What the neutral input was.

    Returns
    -------
    str
        One sentence.
    """
    if rows["n_coarse"].isna().all() and neutral != "none":
        return f"Its autonomous dynamics were not studied: {neutral}."
    if rows["n_coarse"].isna().all():
        return "No input is neutral for it, so its autonomous dynamics cannot be studied."
    text = (
        f"Under a neutral input ({neutral}) its dynamics end in "
        f"{whole_span(rows['n_coarse'])} point{'s' if (rows['n_coarse'] > 1).any() else ''}, "
        f"in {whole_span(rows['n_fine'])} at a four times finer resolution"
    )
    if (rows["ratio"] <= 1.5).all() and (rows["n_coarse"] > 1).all():
        return text + ": separate points."
    if (rows["n_coarse"] == 1).all():
        return text + ": one point, which holds no memory."
    return text + ": not clearly separate points."


def verdict_sentence(rows: pd.DataFrame) -> str:
    """Return the verdict on one layer over its trainings.

    Parameters
    ----------
    rows : DataFrame
        ``seed, sentence``, one row per training.

    Returns
    -------
    str
        Sentences; those of several trainings are grouped.
    """
    groups = rows.groupby("sentence", sort=False)["seed"].agg(list)
    if not len(groups):
        return "Not judged yet."
    if len(groups) == 1:
        return str(groups.index[0])
    return " ".join(
        f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}: {sentence}"
        for sentence, seeds in groups.items()
    )


def same_output_sentence(states: pd.DataFrame) -> str:
    """Return which states the present output does not distinguish.

    Parameters
    ----------
    states : DataFrame
        ``state, same_output``, see :func:`hmmlens.report.explain.tables.build_state_rows`.

    Returns
    -------
    str
        One sentence; empty where the output distinguishes all.
    """
    sets = {
        frozenset([row.state, *str(row.same_output).split(", ")])
        for row in states.itertuples()
        if isinstance(row.same_output, str) and row.same_output
    }
    if not sets:
        return ""
    groups = "; ".join(" and ".join(sorted(group)) for group in sorted(sets, key=sorted))
    return (
        f"States with the same present output: {groups}. No output shows which of them the network "
        "is in; they differ in what follows."
    )


def transition_sentences(entropies: pd.DataFrame) -> str:
    """Return how certain the next state is given the input, and what each input does.

    Parameters
    ----------
    entropies : DataFrame
        ``sentence, events``, see :func:`hmmlens.report.explain.transition_tables.of_picks`; one
        row, or none.

    Returns
    -------
    str
        Sentences; empty where inputs never vary.
    """
    sentence, events = _first_text(entropies, "sentence"), _first_text(entropies, "events")
    return f"{sentence} What inputs do: {events}." if events else sentence


def _first_text(rows: pd.DataFrame, column: str) -> str:
    """Return the text in the first row, empty where there is none."""
    if column not in rows or not len(rows) or not isinstance(rows[column].iloc[0], str):
        return ""
    return str(rows[column].iloc[0])


def _explained(table: pd.DataFrame, network: Any, layer: Any) -> pd.DataFrame:
    """Return the rows of the explained model of the first training of one layer."""
    rows = table[
        (table["network"] == network) & (table["layer"] == layer) & (table["pick"] == "explained")
    ]
    return rows[rows["seed"] == rows["seed"].min()]


def _renamed(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"answer" if name == "found" else name: value for name, value in answer.items()}


def study(
    tables: Mapping[str, pd.DataFrame], about: Mapping[str, Mapping[str, Any]], criterion: str
) -> dict[str, Any]:
    """Return the findings of a study: sentences by network and layer, and its datasets.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``networks, choices, agreement, endpoints, verdicts``, see
        :mod:`hmmlens.report.explain.gather`.
    about : mapping of str to mapping
        Dataset -> the attributes of its store.
    criterion : str
        The criterion that chooses the number of states.

    Returns
    -------
    dict
        ``networks``, a list with a dict of sentences for each network and layer; ``datasets``,
        name -> attributes; ``grades``, grade -> meaning; and
        ``grade_words``, the same in a word or two.
    """
    networks, endpoints = tables["networks"], tables["endpoints"]
    findings = []
    for network, rows in networks[networks["role"] == "trained"].groupby("network", sort=False):
        chosen = tables["choices"][tables["choices"]["chosen_reducer"]]
        settled = endpoints[endpoints["network"] == network]
        dataset = rows["dataset"].iloc[0]
        of_network = chosen[chosen["network"] == network]
        for layer, choices in of_network.groupby("layer", sort=False):
            agreement = tables["agreement"]
            same = agreement[
                (agreement["network"] == network)
                & (agreement["layer"] == layer)
                & (agreement["rule"] == "true")
            ]
            verdicts = tables["verdicts"]
            graded = verdicts[
                (verdicts["network"] == network)
                & (verdicts["layer"] == layer)
                & (verdicts["role"] == "trained")
            ]
            answered = answer_of_layer(graded)
            states = _explained(tables["states"], network, layer)
            first = choices[choices["seed"] == choices["seed"].min()]
            findings.append(
                {
                    "network": network,
                    "layer": layer,
                    "dataset": dataset,
                    "task_name": about[dataset].get("task", ""),
                    **_renamed(answered),
                    "conclusion": conclusion.sentence(
                        states, about[dataset], answered["certified"], agreement_of(first)
                    ),
                    "start_up": start_up_words.sentence(
                        states, "state" if answered["certified"] else "region"
                    ),
                    "same_output": same_output_sentence(states),
                    "transitions": transition_sentences(
                        _explained(tables["entropies"], network, layer)
                    ),
                    "gain": _first_text(graded, "gain_sentence"),
                    "outputs": _first_text(graded, "outputs_sentence"),
                    "verdict": verdict_sentence(graded),
                    "task": task_sentence(rows, about[dataset].get("note", ""), graded),
                    "reasons": [
                        reason._asdict()
                        for reason in (
                            reasons_of(graded.sort_values("seed").iloc[0]) if len(graded) else []
                        )
                    ],
                    "choice": choice_sentence(choices, criterion),
                    "agreement": agreement_sentence(same, about[dataset]["truth"])
                    if len(about[dataset]["state_names"])
                    else "The true states are not known, so no agreement is compared.",
                    "endpoints": endpoint_sentence(settled, settled["neutral_input"].iloc[0]),
                }
            )
    shown = ("task", "truth", "note", "readout_note", "cut", "source", "licence", "sha256")
    datasets = {n: {k: attrs[k] for k in shown if k in attrs} for n, attrs in about.items()}
    return {
        "networks": findings,
        "datasets": datasets,
        "grades": GRADES,
        "grade_words": GRADE_WORDS,
    }
