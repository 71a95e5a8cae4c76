"""Verdict on a network whose readout alone is fitted to the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from hmmlens.recording import activations
from hmmlens.rnn import training
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.rnn.training import Sequences
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.stages.futures import compare_futures
from hmmlens.stages.judge import judge_layer
from hmmlens.stages.record import record
from hmmlens.typing import Ints
from hmmlens.validation.baselines.reservoir import fit_readout
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS, EvidenceSettings


def judge_with_readout(
    network: RecurrentNetwork,
    splits: Mapping[str, Sequences],
    data: xr.Dataset,
    chosen: Ints,
    ceilings: pd.DataFrame,
    lstm_state: str,
    seed: int,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
    readout: BaselineSettings = DEFAULT_BASELINES,
) -> dict[str, Any]:
    """Fit the readout of a network to its task, in place, and judge its top layer.

    Parameters
    ----------
    network : RecurrentNetwork
        The network, whose recurrence stays as it is.
    splits : mapping
        ``train`` and ``test``, see :func:`hmmlens.rnn.training.by_split`.
    data : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences are recorded.
    ceilings : DataFrame
        See :func:`hmmlens.validation.ceilings.of_dataset`.
    lstm_state : {"hidden", "both"}
        Which states of an LSTM are taken.
    seed : int
        Seed of the visited states, of k-means and of the resamples.
    settings : EvidenceSettings
        Settings of the measurements.
    readout : BaselineSettings, optional
        Settings of the readout.

    Returns
    -------
    dict
        ``layer`` and the row of :func:`hmmlens.stages.judge.judge_layer`.
    """
    fit_readout(network, splits["train"], readout)
    top = list(network.layer_names.values())[-1]
    inputs = activations.network_input(data.isel(sequence=chosen), "trained")
    tree = record(network, inputs, data, chosen, layers=[top], verify="none")
    root = tree.to_dataset()
    recorded = verdict_inputs.recorded(root, tree[top].to_dataset(), data, lstm_state)
    settled = find_endpoints(
        network,
        root["input"].to_numpy(),
        recorded.distribution,
        recorded.length,
        recorded.split,
        data.attrs,
        seed,
    )
    futures = compare_futures(
        network, root["input"].to_numpy(), root["output"].to_numpy(), recorded.length,
        recorded.split, data.attrs["target_kind"],
    )  # fmt: skip
    test = pd.Series(training.evaluate(network, splits["test"])._asdict())
    losses = verdict_inputs.losses(test, ceilings, data.attrs, trained_here=True)
    return {"layer": top} | judge_layer(
        recorded, losses, settled, seed, settings=settings, futures=futures
    )
