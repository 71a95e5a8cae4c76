"""The inputs of a verdict, from a study's stores and tables."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.errors import DataError
from hmmlens.futures.summary import Summary
from hmmlens.hmm import storage
from hmmlens.ragged import steps_inside
from hmmlens.recording.activations import output_distribution, state
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Ints
from hmmlens.validation.baselines.codebook import one_hot
from hmmlens.validation.ceilings import MARGINAL, METRICS
from hmmlens.validation.chosen_model import Chosen
from hmmlens.validation.grading import verdict
from hmmlens.validation.grading.evidence import judge
from hmmlens.validation.grading.recorded import (
    DEFAULT_SETTINGS,
    EvidenceSettings,
    Losses,
    Recorded,
    warm_up,
)
from hmmlens.validation.input_output import InputOutput, combinations, input_classes

log = logging.getLogger(__name__)


SPLITS = ("train", "select", "test")


def recorded(
    root: xr.Dataset, layer: xr.Dataset, sequences: xr.Dataset, lstm_state: str
) -> Recorded:
    """Return what was recorded of one layer.

    Parameters
    ----------
    root, layer : Dataset
        Nodes of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.
    lstm_state : str
        Which states of an LSTM count, see :class:`hmmlens.recording.activations.States`.

    Returns
    -------
    Recorded
        The layer.
    """
    return Recorded(
        state(root, layer, lstm_state),
        output_distribution(
            root["output"].to_numpy().astype(np.float64), sequences.attrs["target_kind"]
        ),
        sequences["input"].to_numpy()[root["sequence"].to_numpy()],
        root["length"].to_numpy(),
        root["split"].to_numpy(),
    )


def losses(
    test: pd.Series, ceilings: pd.DataFrame, attributes: dict[str, Any], trained_here: bool
) -> Losses:
    """Return the losses that decide whether a network is competent.

    Parameters
    ----------
    test : Series
        ``nll`` and ``mse`` of the network on test.
    ceilings : DataFrame
        See :func:`hmmlens.validation.ceilings.of_dataset`.
    attributes : dict of str to Any
        Attributes of the ``sequences`` store.
    trained_here : bool
        False for a network from elsewhere. Where the data hold no targets and the next inputs take
        their place, it is not known whether it was taught to predict these.

    Returns
    -------
    Losses
        In the unit of the task.
    """
    metric = METRICS[attributes["target_kind"]]
    same = ceilings[ceilings["metric"] == metric]
    floor = same.loc[same["role"] == "floor", "value"]
    asked = trained_here or attributes.get("own_target", True)
    return Losses(
        float(test[metric]) if asked else np.nan,
        float(same.loc[same["name"] == MARGINAL[metric], "value"].iloc[0]),
        float(floor.min()),
    )


def chosen(
    layer: Recorded,
    pick: pd.Series,
    explanation: xr.Dataset,
    reduced: xr.Dataset,
    sweep: xr.Dataset,
    truth: Ints,
    group: Ints | None = None,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
) -> Chosen:
    """Return a chosen model of one layer and the data of its checks.

    Parameters
    ----------
    layer : Recorded
        The layer.
    pick : Series
        ``pick, covariance_type, n_states``.
    explanation : Dataset
        The layer's store, which holds the states and their order.
    reduced, sweep : Dataset
        Stores of the layer's chosen reducer.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    group : ndarray of shape (sequence,), optional
        To whom or what each sequence belongs, where that is known.
    settings : EvidenceSettings, optional
        The warm-up and the horizon.

    Returns
    -------
    Chosen
        Its horizon is that of the verdict, or less where all sequences are shorter.
    """
    reading = explanation.isel(pick=list(explanation.attrs["picks"]).index(pick["pick"]))
    posteriors = reading["posteriors"].to_numpy()[..., : int(pick["n_states"])]
    inside = steps_inside(layer.length, *layer.distribution.shape[:2])
    late = inside & (np.arange(inside.shape[1]) >= warm_up(layer, settings))
    masks = {name: late & (layer.split == i)[:, None] for i, name in enumerate(SPLITS)}
    longest = min(int(layer.length[layer.split == part].max()) for part in (0, 2))
    classes, n_classes = input_classes(layer.inputs, layer.split == 0, layer.length)
    symbols = layer.inputs.ndim == 2
    inputs = (
        one_hot(classes, n_classes) if symbols else scaled(layer.inputs, inside, layer.split == 0)
    )
    inputs, values, distribution, posteriors = (
        np.where(inside[..., None], array, 0.0).astype(np.float64)
        for array in (inputs, reduced["reduced"].to_numpy(), layer.distribution, posteriors)
    )
    return Chosen(
        storage.chosen_model(sweep, pick),
        values,
        posteriors,
        InputOutput(
            distribution,
            classes,
            n_classes,
            masks,
            combinations(layer.inputs, classes, n_classes, layer.length),
        ),
        inputs,
        layer.length,
        layer.split,
        np.where(inside, truth, -1),
        max(min(settings.horizon, longest - 1), 1),
        group,
    )


def settled(endpoints: xr.Dataset) -> Endpoints | None:
    """Return stored endpoints.

    Parameters
    ----------
    endpoints : Dataset
        The ``endpoints`` store.

    Returns
    -------
    Endpoints or None
        None where the network has no autonomous dynamics to find endpoints of.
    """
    attributes = endpoints.attrs
    if not np.isfinite(attributes["n_coarse"]):
        return None
    return Endpoints(
        endpoints["output"].to_numpy(),
        int(attributes["n_coarse"]),
        int(attributes["n_fine"]),
        float(attributes["ratio"]),
        float(attributes["drift"]),
    )


def judged(
    recorded: Recorded,
    losses: Losses,
    endpoints: Endpoints | None,
    seed: int,
    reservoir_grade: str | None = None,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
    futures: Summary | None = None,
) -> dict[str, Any]:
    """Return the row of :func:`hmmlens.validation.grading.evidence.judge`.

    Parameters
    ----------
    recorded : Recorded
        The layer.
    losses : Losses
        Test losses.
    endpoints : Endpoints or None
        Endpoints of the autonomous dynamics, where they are known.
    seed : int
        Seed of k-means and of resampling.
    reservoir_grade : str, optional
        Grade of an untrained network of the same kind with a fitted readout.
    settings : EvidenceSettings, optional
        Settings of the measurements.
    futures : Summary, optional
        Futures of the network.

    Returns
    -------
    dict of str to Any
        Where a recording does not allow a verdict, the row states that, and why.
    """
    try:
        row, _ = judge(
            recorded, losses, endpoints, seed, reservoir_grade, settings=settings, futures=futures
        )
    except DataError as error:
        log.warning("not judged: %s", error)
        return verdict.not_judged(str(error)).row()
    return row
