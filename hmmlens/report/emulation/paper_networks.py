"""The trainings of a study that the paper's findings are compared with."""

from __future__ import annotations

import pandas as pd

from hmmlens.report.emulation.acceptance import like_paper, main_size, paper_trained


def compared(networks: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the trainings that a claim about a target is compared with.

    Those of the paper's kind and size that its own objective trained; see
    :func:`hmmlens.report.emulation.acceptance.main_size`.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.
    target : str
        Name of the target; empty for all targets.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    kept = main_size(networks)
    return kept[kept["target"].eq(target)] if target else kept


def otherwise_trained(networks: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return trainings of the paper's kind and size that another objective trained.

    They are the nearest that a study has to the paper's network where its own objective trained
    none.

    Parameters
    ----------
    networks : DataFrame
        Table of networks of the study, one row per training.
    target : str
        Name of the target; empty for all targets.

    Returns
    -------
    DataFrame
        Rows of ``networks``.
    """
    own = like_paper(networks)
    own = own[own["n_units"].eq(150) & own["n_noise"].eq(100)]
    own = own.drop(index=paper_trained(own).index)
    return own[own["target"].eq(target)] if target else own


def objectives_of(networks: pd.DataFrame) -> str:
    """Return what trained some networks, in words.

    Parameters
    ----------
    networks : DataFrame
        Rows of the table of networks.

    Returns
    -------
    str
        Objectives with their additions.

    Examples
    --------
    >>> one = {"objective": "split", "carried": 0.6, "activity_penalty": 1.0}
    >>> objectives_of(pd.DataFrame([one]))
    'split with penalty and carried states'
    """
    found = []
    for row in networks.to_dict("records"):
        added = [
            name
            for name, key in (("penalty", "activity_penalty"), ("carried states", "carried"))
            if row[key]
        ]
        found.append(row["objective"] + (f" with {' and '.join(added)}" if added else ""))
    return ", ".join(dict.fromkeys(found))
