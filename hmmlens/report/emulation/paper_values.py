"""Numbers that are computed from a study's tables to be compared with the paper's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hmmlens.report.emulation.acceptance import DECAYED, WHO, Tables, of
from hmmlens.report.emulation.paper_entries import entry, of_network, region, rows_of

#: Two updates are about the same when they differ by no more than this share of the second.
ABOUT = 0.2


def n_fixed_points(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return the number of fixed points without noise.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One number per training.
    """
    rows = of(tables, "reverse_fixed_points", kept, "kind")
    return rows["kind"].eq("fixed").groupby([rows[who] for who in WHO]).sum().astype(float)


def all_states_decay(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return whether all states decay to a fixed point without noise.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One boolean per training.
    """
    rows = of(tables, "reverse_decay", kept, "distance")
    return rows.groupby(WHO)["distance"].max().le(DECAYED)


def size_power(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return the slope of log radius on log standard deviation of the noise.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One number per training.
    """
    rows = of(tables, "reverse_sizes", kept, "noise_sd", "radius")
    rows = rows[rows["radius"].gt(0)]
    found = {
        who: np.polyfit(np.log(part["noise_sd"]), np.log(part["radius"]), 1)[0]
        for who, part in rows.groupby(WHO)
        if len(part) > 1
    }
    return pd.Series(found, dtype=float)


def rotates_one_way(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return whether states rotate in one direction, by the interval of the best plane.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One boolean per training.
    """
    # In a plane and direction of other runs: in one of its own there is always some rotation.
    rows = rows_of(tables, "reverse_orbits", kept, measure="rotation_best")
    return rows.set_index(WHO)["low"].gt(0) if len(rows) else pd.Series(dtype=bool)


def rise_at_escape(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return whether critical pairs rise at about the escape, of trainings that escaped.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One boolean per training.
    """
    rise = entry("reverse_onset", "update", measure="critical")(tables, kept)
    escape = of_network("escape")(tables, kept).reindex(rise.index).dropna()
    away = (rise.reindex(escape.index) - escape).abs()
    return away.le(ABOUT * escape)


def every_exit_has_kicks(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return whether every exit has kick units.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One boolean per training.
    """
    rows = of(tables, "kicks_verdict", kept, "n_exits", "n_with_kicks").set_index(WHO)
    return rows["n_with_kicks"].eq(rows["n_exits"])


def clusters_least_unstable(tables: Tables, kept: pd.DataFrame) -> pd.Series:
    """Return whether clusters have the fewest unstable directions.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Gathered tables of the study by name.
    kept : DataFrame
        The trainings, with the columns of :data:`WHO`.

    Returns
    -------
    Series
        One boolean per training.
    """
    parts = [region("n_unstable", name)(tables, kept) for name in ("transition", "kick", "cluster")]
    whole = pd.concat(parts, axis=1, keys=["transition", "kick", "cluster"]).dropna()
    return whole["cluster"].lt(whole[["transition", "kick"]].min(axis=1))
