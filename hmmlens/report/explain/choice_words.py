"""Sentences on the number of states: of the model that is explained, and by likelihood.

The verdict and its number of states rest on the futures of the network. What a likelihood criterion
chooses answers another question, and stands in a sentence of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.report.wording import span, whole_span

#: Name of the R2 of the present output from the present state, the same everywhere.
FIDELITY = "fidelity at the same step"
#: What a number of states by likelihood means.
MEANING = (
    "this counts how many Gaussian clusters describe the density of the hidden activity well, and "
    "is no evidence of discrete states"
)
#: Criterion -> its name.
NAMES = {
    "held_out": "the held-out likelihood",
    "bic": "BIC (the Bayesian information criterion)",
    "aic": "AIC (the Akaike information criterion)",
    "icl": "ICL (the integrated completed likelihood)",
}


def agreement_of(choices: pd.DataFrame) -> float:
    """Return the agreement of the explained model with the truth, of the first training.

    Parameters
    ----------
    choices : DataFrame
        ``pick`` and, where the truth is known, ``ari``; rows of the chosen reducers.

    Returns
    -------
    float
        Adjusted Rand index, NaN where it is not known.
    """
    explained = choices[choices["pick"] == "explained"]
    return float(explained["ari"].iloc[0]) if "ari" in explained and len(explained) else np.nan


def explained_sentence(choices: pd.DataFrame) -> str:
    """Return which model is explained, over the trainings of one layer.

    Parameters
    ----------
    choices : DataFrame
        ``pick, n_states, fidelity_test`` and, where futures certify states, ``certified_ari``; rows
        of the chosen reducers.

    Returns
    -------
    str
        One sentence.
    """
    explained = choices[choices["pick"] == "explained"]
    agreement = explained.get("certified_ari", pd.Series(np.nan, explained.index))
    certified = agreement.notna()
    n = whole_span(explained["n_states"])
    noun = "state" if n == "1" else "states"
    if len(certified) and certified.all():
        what = (
            f"it has the {n} {noun} of the verdict, which the futures of the network certify "
            f"(agreement {span(agreement)} ARI)"
        )
    elif certified.any():
        what = f"it has {n} {noun}, those that futures certify in some trainings"
    else:
        what = f"with {n} {noun} it is the smallest that is nearly as faithful as the best"
        if explained["at_edge"].all():
            what = f"it has {n} {noun}, the largest number that was fitted, and the best fidelity"
    return (
        f"What is described here is the explained model: {what}; its {FIDELITY} is "
        f"{span(explained['fidelity_test'])}."
    )


def criterion_sentence(choices: pd.DataFrame, criterion: str) -> str:
    """Return which number of states a criterion of likelihood chooses.

    Parameters
    ----------
    choices : DataFrame
        ``pick, n_states, at_edge, fidelity_test``, rows of the chosen reducers.
    criterion : str
        The criterion that chooses, such as ``bic``.

    Returns
    -------
    str
        One sentence.
    """
    picked = choices[choices["pick"] == criterion]
    n = whole_span(picked["n_states"])
    name = NAMES.get(criterion, criterion.upper())
    text = f"{name[0].upper()}{name[1:]} chooses {n} state{'' if n == '1' else 's'}"
    if picked["at_edge"].all():
        text += ", the largest number that was fitted: it still improves there and gives no number"
    elif picked["at_edge"].any():
        text += ", for some trainings the largest number that was fitted"
    return f"{text} ({FIDELITY}: {span(picked['fidelity_test'])})."


def likelihood_sentence(choices: pd.DataFrame, criterion: str) -> str:
    """Return :func:`criterion_sentence`, labelled, with what it means.

    Parameters
    ----------
    choices : DataFrame
        See there.
    criterion : str
        See there.

    Returns
    -------
    str
        Two sentences, for where no text around them states the meaning.
    """
    chosen = criterion_sentence(choices, criterion).removesuffix(".")
    return f"This is not the verdict. {chosen}; {MEANING}."


def choice_sentence(choices: pd.DataFrame, criterion: str) -> str:
    """Return :func:`criterion_sentence` and :func:`explained_sentence`.

    Parameters
    ----------
    choices : DataFrame
        See there.
    criterion : str
        See there.

    Returns
    -------
    str
        Two sentences.
    """
    return f"{criterion_sentence(choices, criterion)} {explained_sentence(choices)}"
