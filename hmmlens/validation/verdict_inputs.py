"""What a verdict needs, out of a study's stores and tables."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.errors import DataError
from hmmlens.hmm import storage
from hmmlens.ragged import steps_inside
from hmmlens.recording.activations import output_distribution, state
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Ints
from hmmlens.validation import verdict
from hmmlens.validation.baselines.codebook import one_hot
from hmmlens.validation.ceilings import MARGINAL, METRICS
from hmmlens.validation.chosen_model import Chosen
from hmmlens.validation.evidence import judge
from hmmlens.validation.input_output import InputOutput, input_classes
from hmmlens.validation.recorded import (
    DEFAULT_SETTINGS,
    EvidenceSettings,
    Losses,
    Recorded,
    warm_up,
)

log = logging.getLogger(__name__)


SPLITS = ("train", "select", "test")


def recorded(
    root: xr.Dataset, layer: xr.Dataset, sequences: xr.Dataset, lstm_state: str
) -> Recorded:
    """Return what was recorded of one layer.

    Parameters
    ----------
    root, layer : of the ``activations`` store.
    sequences : the ``sequences`` store.
    lstm_state : see :class:`hmmlens.recording.activations.States`.
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
    """Return the losses that say whether a network is competent.

    Parameters
    ----------
    test : ``nll`` and ``mse`` of the network on test.
    ceilings : see :func:`hmmlens.validation.ceilings.of_dataset`.
    attributes : of the ``sequences`` store.
    trained_here : False for a network from elsewhere. Where the data hold no targets and the
        inputs ahead stand in for them, nobody knows whether it was taught to predict these.
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
    found: Recorded,
    pick: pd.Series,
    explanation: xr.Dataset,
    reduced: xr.Dataset,
    sweep: xr.Dataset,
    truth: Ints,
    group: Ints | None = None,
) -> Chosen:
    """Return a chosen model of one layer and what it is checked against.

    Parameters
    ----------
    pick : ``pick, covariance_type, n_states``.
    explanation : the layer's store, from which the states and their order are.
    reduced, sweep : of the layer's chosen reducer.
    truth : (sequence, time), -1 where unknown.
    group : (sequence), to whom or what each sequence belongs, where that is known.

    Returns
    -------
    Chosen
        Its horizon is that of the verdict, or less where all sequences are shorter.
    """
    reading = explanation.isel(pick=list(explanation.attrs["picks"]).index(pick["pick"]))
    posteriors = reading["posteriors"].to_numpy()[..., : int(pick["n_states"])]
    inside = steps_inside(found.length, *found.distribution.shape[:2])
    late = inside & (np.arange(inside.shape[1]) >= warm_up(found))
    masks = {name: late & (found.split == i)[:, None] for i, name in enumerate(SPLITS)}
    longest = min(int(found.length[found.split == part].max()) for part in (0, 2))
    classes, n_classes = input_classes(found.inputs, found.split == 0, found.length)
    symbols = found.inputs.ndim == 2
    inputs = (
        one_hot(classes, n_classes) if symbols else scaled(found.inputs, inside, found.split == 0)
    )
    inputs, values, distribution, posteriors = (
        np.where(inside[..., None], array, 0.0).astype(np.float64)
        for array in (inputs, reduced["reduced"].to_numpy(), found.distribution, posteriors)
    )
    return Chosen(
        storage.model(sweep, str(pick["covariance_type"]), int(pick["n_states"])),
        values,
        posteriors,
        InputOutput(distribution, classes, n_classes, masks),
        inputs,
        found.length,
        found.split,
        np.where(inside, truth, -1),
        max(min(DEFAULT_SETTINGS.horizon, longest - 1), 1),
        group,
    )


def settled(endpoints: xr.Dataset) -> Endpoints | None:
    """Return stored endpoints; None where the network could not be left alone."""
    found = endpoints.attrs
    if not np.isfinite(found["n_coarse"]):
        return None
    return Endpoints(
        endpoints["output"].to_numpy(),
        int(found["n_coarse"]),
        int(found["n_fine"]),
        float(found["ratio"]),
        float(found["drift"]),
    )


def judged(
    recorded: Recorded,
    losses: Losses,
    endpoints: Endpoints | None,
    seed: int,
    reservoir_grade: str | None = None,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
) -> dict[str, Any]:
    """Return the row of :func:`hmmlens.validation.evidence.judge`.

    Parameters
    ----------
    recorded, losses, endpoints, reservoir_grade, settings
        See :func:`hmmlens.validation.evidence.judge`.
    seed : int
        Seed of k-means and of resampling.

    Returns
    -------
    dict of str to Any
        Where a recording does not allow a verdict, the row states that, and why.
    """
    try:
        row, _ = judge(
            recorded, losses, endpoints, seed, reservoir_grade=reservoir_grade, settings=settings
        )
    except DataError as error:
        log.warning("not judged: %s", error)
        return verdict.not_judged(str(error)).row()
    return row
