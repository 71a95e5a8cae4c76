"""Interpretation: what the states of the chosen models mean."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import xarray as xr

from hmmlens.interpretation import states


def chosen_reducer(choices: pd.DataFrame) -> str:
    """Return the name of the reducer that was chosen.

    Parameters
    ----------
    choices : DataFrame
        See :func:`hmmlens.validation.scorecard.choices`.

    Returns
    -------
    str
        Such as ``pca-8``.
    """
    return str(choices.loc[choices["chosen_reducer"], "reducer"].iloc[0])


def interpret_choices(
    choices: pd.DataFrame,
    stores_of: Callable[[str], tuple[xr.Dataset, xr.Dataset]],
    root: xr.Dataset,
    sequences: xr.Dataset,
) -> xr.Dataset:
    """Describe the chosen models of a layer in units of inputs, outputs and the truth.

    Parameters
    ----------
    choices : DataFrame
        See :func:`hmmlens.validation.scorecard.choices`.
    stores_of : callable
        Takes the name of a reducer and returns its ``reduced`` and its ``sweep`` store.
    root : Dataset
        Root of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.

    Returns
    -------
    Dataset
        The ``explanation`` store.
    """
    reduced, sweep = stores_of(chosen_reducer(choices))
    return states.interpret(choices[choices["chosen_reducer"]], sweep, reduced, root, sequences)
