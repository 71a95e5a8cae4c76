"""What was found, in plain sentences with the numbers that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hmmlens.report.wording import listed, span, whole_span
from hmmlens.validation.competence import competence
from hmmlens.validation.verdict import GRADES, reasons_of

#: Name of the R2 of the present output from the present state, the same everywhere.
FIDELITY = "fidelity at the same step"

#: A network is called close to its floor within this many percent of it.
CLOSE_PERCENT = 5.0


def competence_sentence(rows: pd.DataFrame) -> str:
    """Say whether the trainings of one network are competent, by the verdict's own rule.

    Parameters
    ----------
    rows : ``loss, marginal, floor`` of the table of verdicts; empty where none was judged.
    """
    if not {"loss", "marginal"} <= set(rows) or rows["marginal"].isna().all():
        return ""
    known = rows[rows["marginal"].notna()]
    floors = known["floor"] if "floor" in known else pd.Series(np.nan, known.index)
    found = [
        competence(*values) for values in zip(known["loss"], known["marginal"], floors, strict=True)
    ]
    if found[0].holds is None:
        return ""
    n = sum(bool(one.holds) for one in found)
    first = found[0].sentence[:1].lower() + found[0].sentence[1:].removesuffix(".")
    if len(found) > 1:
        told = "are competent" if n == len(found) else "is competent" if n == 1 else "are competent"
        return (
            f"By the verdict's rule, {n} of {len(found)} trainings {told}; of the first, {first}."
        )
    return f"By the verdict's rule, it is {'' if n else 'not '}competent: {first}."


def task_sentence(rows: pd.DataFrame, note: str = "", graded: pd.DataFrame | None = None) -> str:
    """Say how well the trainings of one network do their task.

    Parameters
    ----------
    rows : rows of the networks table, one per seed.
    note : what the dataset has to say of networks that were trained elsewhere.
    graded : see :func:`competence_sentence`.
    """
    trained_here = (rows["n_epochs"] > 0).any()
    first = rows.iloc[0]
    unit = "nats per step" if first["metric"] == "nll" else "mean squared error"
    digits = 3 if first["metric"] == "nll" else 4
    text = f"It reaches {span(rows['test'], digits)} {unit} on test"
    if np.isfinite(first["floor"]) and first["floor"] > 0:
        above = rows["above_floor_percent"]
        text += (
            f", {span(above, 1)} % above the {first['floor']:.{digits}f} of the exact filter"
            if above.min() >= 0
            else f", the exact filter {first['floor']:.{digits}f} ({span(above, 1)} %)"
        )
    elif first["floor"] == 0:
        text += "; an exact answer exists, with error 0"
    text += f". The best simple baseline ({first['best_baseline']}) reaches "
    text += f"{first['best_baseline_score']:.{digits}f}"
    if (rows["test"] > first["best_baseline_score"]).all():
        text += ", which is better"
        text += "" if trained_here else ": it was fitted to these data, and the network to others"
    elif (
        np.isfinite(first["above_floor_percent"])
        and (rows["above_floor_percent"] > CLOSE_PERCENT).any()
    ):
        text += f"; not every training comes within {CLOSE_PERCENT:g} % of the floor"
    competent = competence_sentence(pd.DataFrame() if graded is None else graded)
    parts = [f"{text}.", competent, f"{note}." if note and not trained_here else ""]
    return " ".join(part for part in parts if part)


def choice_sentence(choices: pd.DataFrame, criterion: str) -> str:
    """Say which state counts are chosen in one layer, over its seeds (chosen reducers only)."""
    picked = choices[choices["pick"] == criterion]
    compact = choices[choices["pick"] == "compact"]
    name = {"held_out": "Held-out likelihood"}.get(criterion, criterion.upper())
    text = f"{name} chooses {whole_span(picked['n_states'])} states"
    if picked["at_edge"].all():
        text += ", the most that were offered, so it supports no finite number"
    elif picked["at_edge"].any():
        text += ", for some trainings the most that were offered"
    text += (
        f" ({FIDELITY} {span(picked['fidelity_test'])}); "
        f"{whole_span(compact['n_states'])} states already carry a fidelity of "
        f"{span(compact['fidelity_test'])}."
    )
    return text


def agreement_sentence(rows: pd.DataFrame, truth: str) -> str:
    """Compare trained, untrained and raw input at the true state count, over seeds.

    Parameters
    ----------
    rows : rows of the agreement table of one layer whose rule is ``true``. The first covariance
        type is the one that the last sentence rests on; the others are told beside it.
    """
    kinds = [kind for kind in dict.fromkeys(rows["covariance_type"]) if kind != "none"]
    reasons = rows.get("null", pd.Series(dtype=object)).dropna()
    if kinds and rows["ari"].isna().all() and len(reasons):
        reason = str(reasons.iloc[0])
        return f"{reason[0].upper()}{reason[1:]}."
    if not kinds or rows["ari"].isna().all():
        return "The number of true states lies outside the grid, so no agreement is compared."
    text = f"At the true number of states ({int(rows['n_states'].iloc[0])}), agreement with {truth}"
    ceiling = rows["ceiling_ari"].iloc[0]
    if np.isfinite(ceiling):
        text += f" (exact filter: ARI {ceiling:.2f})"
    for kind in kinds:
        part = rows[rows["covariance_type"].isin([kind, "none"])]
        ari = {role: found["ari"] for role, found in part.groupby("role")}
        text += f" is ARI {span(ari['trained'])} with {kind} covariance"
        others = [f"{_NAMES[role]} {span(ari[role])}" for role in _NAMES if role in ari]
        told = [f"against {listed(others)}"] if others else []
        told += chance_words(part[part["role"] == "trained"])
        text += f" ({', '.join(told)}); it" if told else "; it"
    text = text.removesuffix("; it") + "."
    first = rows[rows["covariance_type"].isin([kinds[0], "none"])]
    trained = first[first["role"] == "trained"]
    low, high = trained["ari_low"].min(), trained["ari_high"].max()
    of_role = first.groupby("role")["ari"]
    highest, lowest = of_role.max(), of_role.min()
    others = [role for role in _NAMES if role in highest]
    beaten = [_NAMES[role] for role in others if highest[role] < low]
    better = [_NAMES[role] for role in others if lowest[role] > high]
    equal = [_NAMES[role] for role in others if not highest[role] < low]
    if beaten and not equal:
        return (
            f"{text} With {kinds[0]} covariance every control lies below the trained network's "
            "interval: the network adds to what its input and its wiring hold."
        )
    if better:
        above = f"clearly above {' and '.join(beaten)}, but " if beaten else ""
        return (
            f"{text} With {kinds[0]} covariance it is {above}below {' and '.join(better)}: right "
            "as these states may be, they do not show that the network added anything."
        )
    if equal:
        above = f"clearly above {' and '.join(beaten)}, but not above " if beaten else ""
        return (
            f"{text} With {kinds[0]} covariance it is {above or 'not clearly above '}"
            f"{' or '.join(equal)}, so this agreement alone does not show that the network built "
            "the states."
        )
    return text


def chance_words(rows: pd.DataFrame) -> list[str]:
    """Return the p value of an agreement and its null, or why there is none; nothing if not asked.

    Parameters
    ----------
    rows : ``shift_p, null`` of :func:`hmmlens.validation.scorecard.score_sweep`, one per seed.
    """
    p = rows.get("shift_p", pd.Series(dtype=float))
    if p.notna().any():
        tested = rows.loc[p.notna(), "null"] if "null" in rows else pd.Series(["shifted in time"])
        return [f"p {span(p, 3)} against a truth {' or '.join(dict.fromkeys(tested))}"]
    return list(dict.fromkeys(rows["null"].dropna())) if "null" in rows else []


_NAMES = {
    "untrained": "the untrained twin",
    "raw input": "the raw input",
    "lagged input": "the lagged input",
}


def endpoint_sentence(rows: pd.DataFrame, neutral: str) -> str:
    """Say where the trainings of one network settle when they are left alone.

    Parameters
    ----------
    rows : ``n_coarse, n_fine, ratio``, one per seed.
    neutral : what the neutral input was.
    """
    if rows["n_coarse"].isna().all() and neutral != "none":
        return f"It was not left alone: {neutral}."
    if rows["n_coarse"].isna().all():
        return "No input says nothing new to it, so it cannot be left alone."
    text = (
        f"With an input that says nothing new ({neutral}), it settles in "
        f"{whole_span(rows['n_coarse'])} place{'s' if (rows['n_coarse'] > 1).any() else ''}, "
        f"{whole_span(rows['n_fine'])} when told apart four times finer"
    )
    if (rows["ratio"] <= 1.5).all() and (rows["n_coarse"] > 1).all():
        return text + ": separate points."
    if (rows["n_coarse"] == 1).all():
        return text + ": one point, in which nothing is remembered."
    return text + ": not clearly separate points."


def verdict_sentence(rows: pd.DataFrame) -> str:
    """Say the verdict on one layer over its seeds.

    Parameters
    ----------
    rows : ``seed, sentence``, one per training.
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


def study(
    tables: Mapping[str, pd.DataFrame], about: Mapping[str, Mapping[str, Any]], criterion: str
) -> dict[str, Any]:
    """Return the findings of a study: sentences by network and layer, and what its datasets are.

    Parameters
    ----------
    tables : ``networks, choices, agreement, endpoints, verdicts``, see
        :mod:`hmmlens.report.explain.gather`.
    about : dataset -> the attributes of its store.
    """
    networks, endpoints = tables["networks"], tables["endpoints"]
    told = []
    for network, rows in networks[networks["role"] == "trained"].groupby("network", sort=False):
        chosen = tables["choices"][tables["choices"]["chosen_reducer"]]
        settled = endpoints[endpoints["network"] == network]
        dataset = rows["dataset"].iloc[0]
        for layer, mine in chosen[chosen["network"] == network].groupby("layer", sort=False):
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
            told.append(
                {
                    "network": network,
                    "layer": layer,
                    "dataset": dataset,
                    "verdict": verdict_sentence(graded),
                    "task": task_sentence(rows, about[dataset].get("note", ""), graded),
                    "reasons": [
                        {"holds": reason.holds, "sentence": reason.sentence}
                        for reason in (
                            reasons_of(graded.sort_values("seed").iloc[0]) if len(graded) else []
                        )
                    ],
                    "choice": choice_sentence(mine, criterion),
                    "agreement": agreement_sentence(same, about[dataset]["truth"])
                    if len(about[dataset]["state_names"])
                    else "It is not known, so no agreement is compared.",
                    "endpoints": endpoint_sentence(settled, settled["neutral_input"].iloc[0]),
                }
            )
    shown = ("task", "truth", "note", "cut", "source", "licence", "sha256")
    datasets = {n: {k: attrs[k] for k in shown if k in attrs} for n, attrs in about.items()}
    return {"networks": told, "datasets": datasets, "grades": GRADES}
