"""What a verdict needs, out of a study's stores and tables."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.activations import state
from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.errors import DataError
from hmmlens.validation import verdict
from hmmlens.validation.ceilings import MARGINAL, METRICS
from hmmlens.validation.evidence import Losses, Recorded, judge
from hmmlens.validation.fidelity import output_law

log = logging.getLogger(__name__)


def recorded(
    root: xr.Dataset, layer: xr.Dataset, sequences: xr.Dataset, lstm_state: str
) -> Recorded:
    """Return what was recorded of one layer.

    Parameters
    ----------
    root, layer : of the ``activations`` store.
    sequences : the ``sequences`` store.
    lstm_state : see :func:`hmmlens.activations.layer_state`.
    """
    return Recorded(
        state(root, layer, lstm_state),
        output_law(root["output"].to_numpy().astype(np.float64), sequences.attrs["target_kind"]),
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
        float(floor.iloc[0]) if len(floor) else np.nan,
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


def judged(*evidence: Any, **settings: Any) -> dict[str, Any]:
    """Return the row of :func:`hmmlens.validation.evidence.judge`.

    Where a recording does not allow a verdict, the row says so, and why.
    """
    try:
        return judge(*evidence, **settings)[0]
    except DataError as error:
        log.warning("not judged: %s", error)
        return verdict.not_judged(str(error)).row()
