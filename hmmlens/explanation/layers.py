"""One layer through the stages after recording, with its controls, and the verdict on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from hmmlens.explanation.readout import UNKNOWN_FUTURES, has_futures
from hmmlens.explanation.settings import Plan
from hmmlens.futures.summary import Summary
from hmmlens.naming import raw_variants
from hmmlens.recording import activations
from hmmlens.report.explain.result import Layer
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.stages.futures import compare_futures
from hmmlens.stages.interpret import chosen_reducer, interpret_choices
from hmmlens.stages.judge import judge_layer
from hmmlens.stages.reduce import reduce_layer
from hmmlens.stages.reduce_inputs import reduce_inputs
from hmmlens.stages.score import score_models
from hmmlens.stages.sweep import fit_models
from hmmlens.typing import Floats, Ints
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.grading.recorded import EvidenceSettings, Losses
from hmmlens.validation.scorecard import Stores

log = logging.getLogger(__name__)

#: Both states of an LSTM are taken.
LSTM_STATE = "both"
#: Of a network whose task is not known.
NO_LOSSES = Losses(np.nan, np.nan)


def fit_controls(sequences: xr.Dataset, chosen: Ints, plan: Plan) -> dict[str, dict[str, Stores]]:
    """Reduce the inputs themselves and fit models to them.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences were recorded.
    plan : Plan
        What is computed.

    Returns
    -------
    dict
        Control -> reduction -> its ``reduced`` and its ``sweep`` store.
    """
    if not plan.settings.controls.raw_input:
        return {}
    reducers = plan.confirmatory()
    reduced = {
        control: {
            variant: reduce_inputs(sequences, chosen, variant, reducers, plan.seed)
            for variant in variants
        }
        for control, variants in raw_variants(reducers).items()
    }
    return {
        control: {
            name: (data, fit_models(data, plan.sweep, plan.seed)) for name, data in of.items()
        }
        for control, of in reduced.items()
    }


def explain_layer(
    acts: xr.DataTree,
    name: str,
    sequences: xr.Dataset,
    reducers: Mapping[str, dict[str, Any]],
    controls: Mapping[str, Mapping[str, Stores]],
    plan: Plan,
    futures: Summary | None = None,
) -> Layer:
    """Reduce a recorded layer, fit models, score them, choose some and interpret their states.

    Parameters
    ----------
    acts : DataTree
        The ``activations`` store.
    name : str
        The layer.
    sequences : Dataset
        The ``sequences`` store.
    reducers : mapping
        Settings of each reducer by its name.
    controls : mapping
        The controls that are scored as well, see :func:`fit_controls`.
    plan : Plan
        What is computed.
    futures : Summary, optional
        Futures of the network.

    Returns
    -------
    Layer
        Stores, scores and states of the layer.
    """
    root, layer = acts.to_dataset(), activations.layer_of(acts, name)
    stores: dict[str, Stores] = {}
    for reducer, settings in reducers.items():
        reduced = reduce_layer(root, layer, LSTM_STATE, settings, plan.seed)
        stores[reducer] = reduced, fit_models(reduced, plan.sweep, plan.seed, futures)
    sections = plan.settings
    scores, choices = score_models(
        root, sequences, stores, controls, sections.selection, sections.validation, plan.seed,
        futures,
    )  # fmt: skip
    states = interpret_choices(choices, stores.__getitem__, root, sequences, futures=futures)
    best = chosen_reducer(choices)
    return Layer(acts, best, *stores.pop(best), scores, choices, states, stores)


def compare_layer_futures(
    model: Any,
    acts: xr.DataTree,
    sequences: xr.Dataset,
    wanted: Sequence[str] | None,
    batch_first: bool | None,
    states: Floats | None = None,
) -> Summary | None:
    """Compare what a network does next from the states that it visits.

    Parameters
    ----------
    model : module
        The network.
    acts : DataTree
        The ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.
    wanted : sequence of str or None
        The layers that were recorded, see :func:`hmmlens.extract`.
    batch_first : bool or None
        False where the network takes (time, sequence, ...).
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors, from which a network with ``step`` goes on.

    Returns
    -------
    Summary or None
        See :func:`hmmlens.stages.futures.compare_futures`; None too where outputs were made for
        every step and a layer reads later inputs.
    """
    if model is None:
        log.info("futures are not compared: there are recorded states, and no network to run")
        return None
    if not has_futures(acts):
        log.warning("futures are not compared: %s", UNKNOWN_FUTURES)
        return None
    root = acts.to_dataset().load()
    # Means over inputs that lack values need what describes these.
    shown = sequences["input"].to_numpy()[root["sequence"]] if "fed" in sequences else None
    return compare_futures(
        model, root["input"].to_numpy(), root["output"].to_numpy(), root["length"].to_numpy(),
        root["split"].to_numpy(), sequences.attrs["target_kind"], shown, layers=wanted,
        batch_first=batch_first, states=states,
    )  # fmt: skip


def judge_trained(
    model: Any,
    acts: xr.DataTree,
    name: str,
    sequences: xr.Dataset,
    plan: Plan,
    futures: Summary | None = None,
    losses: Losses = NO_LOSSES,
    states: Floats | None = None,
) -> dict[str, Any]:
    """Return the row of the verdict.

    Parameters
    ----------
    model : module
        The trained network.
    acts : DataTree
        The ``activations`` store.
    name : str
        The layer.
    sequences : Dataset
        The ``sequences`` store.
    plan : Plan
        What is computed.
    futures : Summary, optional
        Futures of the network.
    losses : Losses, optional
        Its losses, where its task is known.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors, from which a network with ``step`` goes on.

    Returns
    -------
    dict
        See :func:`hmmlens.stages.judge.judge_layer`.
    """
    root = acts.to_dataset()
    layer = activations.layer_of(acts, name)
    recorded = verdict_inputs.recorded(root, layer, sequences, LSTM_STATE)
    settled = find_endpoints(
        model, acts["input"].to_numpy(), recorded.distribution, recorded.length,
        recorded.split, {**sequences.attrs, "target_delay": 0}, plan.seed,
        states=states,
    )  # fmt: skip
    tolerance = plan.settings.selection.fidelity_tolerance
    settings = EvidenceSettings(fidelity_tolerance=tolerance)
    return judge_layer(recorded, losses, settled, plan.seed, settings=settings, futures=futures)
