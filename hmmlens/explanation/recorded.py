"""The stages after recording, with their controls, and the verdict."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from hmmlens.explanation import networks as nets
from hmmlens.explanation.layers import (
    compare_layer_futures,
    explain_layer,
    fit_controls,
    judge_trained,
)
from hmmlens.explanation.losses import losses_of
from hmmlens.explanation.settings import Plan
from hmmlens.report.explain.result import Explanation
from hmmlens.report.explain.result_tables import gather_tables
from hmmlens.typing import Floats, Ints

log = logging.getLogger(__name__)


def explain_recorded(
    model: Any,
    recorded: Mapping[str, xr.DataTree],
    name: str,
    sequences: xr.Dataset,
    chosen: Ints,
    plan: Plan,
    about: Mapping[str, Any],
    floor: float | None = None,
    wanted: Sequence[str] | None = None,
    batch_first: bool | None = None,
    states: Floats | None = None,
) -> Explanation:
    """Explain what was recorded of a network and of its untrained control.

    Parameters
    ----------
    model : module or object
        The trained network; None where it cannot be run.
    recorded : mapping of str to DataTree
        ``trained`` and, where there is one, ``untrained`` -> its ``activations`` store.
    name : str
        The layer that is explained.
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences were recorded.
    plan : Plan
        What is computed.
    about : mapping of str to object
        The arguments, for the record.
    floor : float, optional
        Smallest possible loss.
    wanted : sequence of str, optional
        The layers that were recorded.
    batch_first : bool, optional
        False where the network takes (time, sequence, ...).
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors, from which a network with ``step`` goes on.

    Returns
    -------
    Explanation
        Stores, tables and a summary.
    """
    losses = losses_of(recorded["trained"], sequences, floor)
    controls = fit_controls(sequences, chosen, plan)
    raw = {name: stores for of in controls.values() for name, stores in of.items()}
    futures = compare_layer_futures(
        model, recorded["trained"], sequences, wanted, batch_first, states
    )
    log.info("the futures of the trained network are compared")
    explained = {}
    for role, acts in recorded.items():
        trained = role == "trained"
        reducers = plan.reducers if trained else plan.confirmatory()
        with nets.naming_the_control(role):
            explained[role] = explain_layer(
                acts, name, sequences, reducers, controls if trained else {}, plan,
                futures if trained else None,
            )  # fmt: skip
        log.info("the states of the %s network are found", role)
    verdict = judge_trained(
        model, recorded["trained"], name, sequences, plan, futures, losses, states
    )
    tables = gather_tables(name, explained, raw, sequences, verdict)
    return Explanation(sequences, name, explained, raw, tables, about, futures)
