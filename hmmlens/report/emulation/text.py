"""The three questions that the paper leaves open, answered in sentences made from the numbers.

How biased is its objective, and do orbits survive without that bias; what of it follows from
units without biases alone, and what noise does where it does not; what sets the plateau of the
loss. Every sentence follows from the numbers, whichever result they give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from hmmlens.report.emulation import text_bias, text_homogeneity, text_plateau

#: Tables of a study by name, see :mod:`hmmlens.report.emulation.pipeline`.
Tables = Mapping[str, pd.DataFrame]

#: Question -> its sentences, none where the study does not ask it.
QUESTIONS: dict[str, Callable[[Tables], list[str]]] = {
    "bias": text_bias.sentences,
    "homogeneity": text_homogeneity.sentences,
    "plateau": text_plateau.sentences,
}


def answers(tables: Tables) -> pd.DataFrame:
    """Return the answers.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.

    Returns
    -------
    DataFrame
        ``question, part`` (its order, from 0), ``sentence``
    """
    rows = [
        {"question": question, "part": part, "sentence": sentence}
        for question, find in QUESTIONS.items()
        for part, sentence in enumerate(find(tables))
    ]
    return pd.DataFrame(rows, columns=["question", "part", "sentence"])
