"""Interpretation: what the states of the chosen models mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import xarray as xr

from hmmlens.futures.summary import Summary
from hmmlens.interpretation import states
from hmmlens.interpretation.contrast import DEFAULT_CONTRASTS, ContrastSettings
from hmmlens.validation.certified import certified_by
from hmmlens.validation.certified_model import transitions_given_input


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
    settings: ContrastSettings = DEFAULT_CONTRASTS,
    futures: Summary | None = None,
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
    settings : ContrastSettings, optional
        Settings of the comparison of a state with all steps.
    futures : Summary, optional
        Futures of the network. The states that they certify are followed through their transitions
        given the input.

    Returns
    -------
    Dataset
        The ``explanation`` store.
    """
    reduced, sweep = stores_of(chosen_reducer(choices))
    chosen = choices[choices["chosen_reducer"]]
    certified = certified_by(futures)
    tables = None
    if certified is not None:
        tables = partial(transitions_given_input, certified, train=root["split"].to_numpy() == 0)
    return states.interpret(chosen, sweep, reduced, root, sequences, settings, tables)
