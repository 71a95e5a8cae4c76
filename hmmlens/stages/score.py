"""Scores: how faithful every model of a layer is to the network, and which models are chosen."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from hmmlens.futures.summary import Summary
from hmmlens.hmm.settings import Selection
from hmmlens.validation import network_outputs, scorecard
from hmmlens.validation.scorecard import Stores
from hmmlens.validation.settings import Validation


def score_models(
    root: xr.Dataset,
    sequences: xr.Dataset,
    stores: Mapping[str, Stores],
    controls: Mapping[str, Mapping[str, Stores]],
    selection: Selection,
    validation: Validation,
    seed: int,
    futures: Summary | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every model of a layer and of its controls, and choose among them.

    Parameters
    ----------
    root : Dataset
        Root of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.
    stores : mapping
        The ``reduced`` and the ``sweep`` store of each reducer.
    controls : mapping
        The same of each reduction of each control on the inputs.
    selection : Selection
        How models are chosen.
    validation : Validation
        Settings of the intervals.
    seed : int
        Seed of the resamples.
    futures : Summary, optional
        Futures of the network, see :func:`hmmlens.stages.futures.compare_futures`.

    Returns
    -------
    scores, choices : DataFrame
        See :func:`hmmlens.validation.scorecard.score_layer`.
    """
    return scorecard.score_layer(
        network_outputs.network_of(root, sequences, futures),
        stores,
        validation.n_bootstrap,
        seed,
        selection.criterion,
        selection.fidelity_tolerance,
        controls,
    )
