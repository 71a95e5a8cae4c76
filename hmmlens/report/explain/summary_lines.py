"""The summary of an explanation: verdict, evidence, states, and what likelihood chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hmmlens import user_text
from hmmlens.naming import state_name
from hmmlens.report.explain import (
    conclusion,
    gather,
    start_up_words,
    state_words,
    transition_tables,
)
from hmmlens.report.explain.agreement_words import chance_words
from hmmlens.report.explain.answers import answer
from hmmlens.report.explain.choice_words import (
    FIDELITY,
    agreement_of,
    explained_sentence,
    likelihood_sentence,
)
from hmmlens.report.explain.roles import NETWORKS, ROLE_NAMES, ROLES
from hmmlens.report.explain.tables import CONTROL_ROLES
from hmmlens.report.wording import number
from hmmlens.validation.grading.verdict import CERTIFIED

if TYPE_CHECKING:
    from hmmlens.report.explain.result import Explanation

#: A fidelity within this of another one is as high.
CLOSE = 0.02
#: Attributes of the ``sequences`` store that state what to know about inputs.
NOTES_OF_INPUTS = ("unseen_symbols_note", "missing_values_note")
#: What stands before the sentence on what was not shown.
LIMIT = "What this does not show"
#: What stands before the sentence on the number of states by likelihood.
BY_LIKELIHOOD = "Number of states by likelihood"


def everything(explanation: Explanation) -> list[str]:
    """Return the summary.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    list of str
        :func:`found`, :func:`states` and :func:`by_likelihood`, one finding per line.
    """
    lines = [*found(explanation), *states(explanation)]
    return [*lines, f"{BY_LIKELIHOOD}. {by_likelihood(explanation)}"]


def by_likelihood(explanation: Explanation) -> str:
    """Return which number of states likelihood chooses, and what that means.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    str
        One sentence.
    """
    criterion = str(explanation.choices["pick"].iloc[0])
    return user_text.line(likelihood_sentence(explanation.choices, criterion))


def found(explanation: Explanation) -> list[str]:
    """Return what was recorded, the verdict with its evidence, and scores with those of controls.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    list of str
        One finding per line.
    """
    given = answer(explanation.verdict.to_dict())
    about = explanation.sequences.attrs
    lines = [
        _recorded(explanation),
        *(about[name] for name in ("readout_note", "cut") if name in about),
        f"Verdict: {explanation.verdict['sentence']}",
        *([f"In the words of the task: {task}"] if (task := in_words(explanation)) else []),
        f"What shows it: {given.evidence}",
        f"{LIMIT}: {given.limit}",
        "The tests of the verdict:",
        *(f"- {reason.statement}" for reason in explanation.reasons),
        explained_sentence(explanation.choices),
        *_scores(explanation),
        *([_first_answer(explanation)] if explanation.about.get("effort") == "quick" else []),
    ]
    lines[1:1] = [about[name] for name in NOTES_OF_INPUTS if name in about]
    if "ari" not in explanation.scores and "null" in explanation.scores:
        reason = str(explanation.scores["null"].dropna().iloc[0])
        lines.append(f"{reason[0].upper()}{reason[1:]}.")
    return [user_text.line(line) for line in lines]


def n_answering(lines: Sequence[str]) -> int:
    """Return how many of the findings answer the question, before the tests and scores behind it.

    Parameters
    ----------
    lines : sequence of str
        See :func:`found`.

    Returns
    -------
    int
        Up to the line on what was not shown.
    """
    return next(k for k, line in enumerate(lines) if line.startswith(LIMIT)) + 1


def _first_answer(explanation: Explanation) -> str:
    """Return what was left out at quick effort."""
    missing = []
    if "untrained" not in explanation.layers:
        missing.append("the untrained control")
    if not explanation.raw:
        missing.append("the models of the input")
    left_out = f", and {' and '.join(missing)} left out" if missing else ""
    return (
        f"This is a first answer at quick effort: few hidden Markov models were fitted{left_out}. "
        "The verdict is that of normal effort, which rests on none of these."
    )


def in_words(explanation: Explanation) -> str:
    """Return what certified states are in the words of the task.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    str
        One sentence, see :func:`hmmlens.report.explain.conclusion.sentence`; empty where states are
        not certified.
    """
    table = explanation.tables["states"]
    shown = gather.select_rows(table, network=NETWORKS["trained"], pick="explained")
    certified = explanation.verdict["grade"] == CERTIFIED
    return conclusion.sentence(
        shown, explanation.sequences.attrs, certified, agreement_of(explanation.choices)
    )


def _recorded(explanation: Explanation) -> str:
    acts = explanation.activations
    error = float(acts.attrs["replay_error"])
    replayed = (
        f"the network reproduces its recorded states up to {error:.1g}"
        if np.isfinite(error)
        else "its recorded states could not be verified by replay"
    )
    hidden = [acts[name]["hidden"] for name in explanation.layer.split("+")]
    n_sequences, n_steps = hidden[0].shape[:2]
    n_units = sum(array.shape[2] for array in hidden)
    of = explanation.sequences.sizes["sequence"]
    recorded = f"{n_sequences} {f'of {of} ' if of > n_sequences else ''}sequences"
    return (
        f"Layer {explanation.layer}{_which(explanation, len(hidden))}: {n_units} units, {recorded} "
        f"of up to {n_steps} steps; {replayed}."
    )


def _which(explanation: Explanation, n_nodes: int) -> str:
    """Return how the layer was chosen, and what is taken together in it."""
    remarks = []
    acts = explanation.activations
    if explanation.about["layer"] is None and len(acts.children) > n_nodes:
        remarks.append("the last layer of the forward pass")
    if n_nodes > 1:
        layers = [list(names) for names in acts.attrs["layers"]]
        both = explanation.layer.split("+") in layers
        remarks.append("both directions together" if both else f"{n_nodes} taken together")
    return f" ({', '.join(remarks)})" if remarks else ""


def _scores(explanation: Explanation) -> list[str]:
    """Return fidelity and agreement next to those of the controls, at the numbers of states."""
    lines = []
    table, choices = explanation.scores, explanation.choices
    compact = choices[choices["pick"] == "explained"].iloc[0]
    n_compact, n_true = int(compact["n_states"]), len(explanation.sequences.attrs["state_names"])
    # States are compared with two labels or more.
    for n_states in dict.fromkeys([n_compact, n_true] if n_true > 1 else [n_compact]):
        same = table[
            (table["n_states"] == n_states)
            & table["covariance_type"].isin([compact["covariance_type"], "none"])
        ].set_index("role")
        at = f"the true {n_states}" if n_states == n_true > 1 else f"{n_states}"
        at += " state" if n_states == 1 else " states"
        for score, words in (
            ("fidelity_test", FIDELITY),
            ("ari", "agreement with the truth (adjusted Rand index, ARI)"),
        ):
            if score not in same or same[score].isna().all():
                continue
            scores = ", ".join(
                f"{ROLE_NAMES[r]} {number(same.loc[r, score])}"
                + (" (of its own output)" if r == "untrained" and score != "ari" else "")
                + (" (transitions given the input)" if same.loc[r].get("given_input") == 1 else "")
                for r in ROLES
                if r in same.index
            )
            if score == "ari":
                scores = "; ".join([scores, *chance_words(same.loc[["trained"]])])
            lines.append(f"At {at}, {words}: {scores}.")
            others = [same.loc[r, score] for r in CONTROL_ROLES if r in same.index]
            if (
                score == "fidelity_test"
                and explanation.verdict["grade"] != CERTIFIED
                and max(others, default=-np.inf) >= same.loc["trained", score] - CLOSE
            ):
                lines.append(
                    "A model of the inputs alone predicts the present output as well, so these "
                    "regions are no evidence of memory; the verdict does not rest on them."
                )
            if (
                score == "fidelity_test"
                and "untrained" in same.index
                and same.loc["untrained", score] >= same.loc["trained", score] - CLOSE
            ):
                lines.append(
                    "The untrained control is as faithful to its own output, so this fidelity is "
                    "no sign that training built the "
                    f"{'states' if explanation.verdict['grade'] == CERTIFIED else 'regions'}."
                )
    return lines


def _doubts(explanation: Explanation) -> str:
    """Return what makes the fit of a model without certified states doubtful; empty for nothing."""
    if explanation.verdict["grade"] == CERTIFIED:
        # The states of such a model were not found by EM.
        return ""
    chosen = explanation.choices
    model = chosen[chosen["pick"] == "explained"].iloc[0]
    wanted = {name: model[name] for name in ("reducer", "covariance_type", "n_states")}
    rows = gather.select_rows(explanation.tables["audit"], network=NETWORKS["trained"], **wanted)
    warnings = [str(text) for text in rows["warning"] if isinstance(text, str) and text]
    return f"The fit of this model is doubtful: {warnings[0]}." if warnings else ""


def states(explanation: Explanation) -> list[str]:
    """Return what inputs do, and what each state of the explained model is.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    list of str
        One line for each state.
    """
    about = explanation.sequences.attrs
    names = gather.read_axis_names(about)
    picks = list(explanation.states.attrs["picks"])
    reading = explanation.states.isel(pick=picks.index("explained"))
    kind = "State" if explanation.verdict["grade"] == CERTIFIED else "Region"
    lines = [
        f"What each input does: {effects}."
        for effects in (transition_tables.event_words(reading),)
        if effects
    ]
    lines += [
        line for line in (transition_tables.entropy_sentence(reading), _doubts(explanation)) if line
    ]
    for k in range(int(reading["n_states"])):
        state = reading.isel(state=k)
        heading = start_up_words.title(kind, state_name(k), start_up_words.steps_of(state))
        parts = [
            f"{heading}: {100 * float(state['occupancy']):.0f} % of steps",
            f"mean dwell {state_words.dwell(state)}",
        ]
        if waits := transition_tables.neutral_dwell(reading, k):
            parts.append(f"while {transition_tables.neutral_condition(reading)}: {waits}")
        parts += [
            f"{block}: {state_words.distinctive(state, block, names, about)}"
            for block in ("input", "output")
        ]
        if moves := transition_tables.moves(reading, k):
            parts.append(f"next state {moves}")
        lines.append("; ".join(parts) + ".")
    return [user_text.line(line) for line in lines]
