"""The verdict on a network whose readout alone is fitted to the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.dynamics.endpoints import find_endpoints
from hmmlens.recording import activations
from hmmlens.recording.extract import extract
from hmmlens.validation import verdict_inputs
from hmmlens.validation.recorded import DEFAULT_SETTINGS, EvidenceSettings

if TYPE_CHECKING:
    from hmmlens.rnn.recurrent_network import RecurrentNetwork
    from hmmlens.rnn.training import Sequences


def judge_with_readout(
    network: RecurrentNetwork,
    splits: Mapping[str, Sequences],
    data: xr.Dataset,
    chosen: NDArray[np.integer],
    ceilings: pd.DataFrame,
    lstm_state: str,
    seed: int,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
) -> dict[str, Any]:
    """Fit the readout of a network to its task, in place, and return the verdict on its top layer.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    splits : mapping of str to Sequences
        ``train`` and ``test``, see :func:`hmmlens.rnn.training.by_split`.
    data : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (chosen,)
        Which of its sequences are recorded.
    ceilings : DataFrame
        See :func:`hmmlens.validation.ceilings.of_dataset`.
    lstm_state : str
        Which states of an LSTM count, see :mod:`hmmlens.validation.verdict_inputs`.
    seed : int
        Seed of the endpoints and of the verdict.
    settings : EvidenceSettings, optional
        Settings of the measurements.

    Returns
    -------
    dict of str to Any
        ``layer`` and the row of :func:`hmmlens.validation.evidence.judge`.
    """
    # These import torch.
    from hmmlens.rnn import training
    from hmmlens.validation.baselines import reservoir

    reservoir.fit_readout(network, splits["train"])
    part = data.isel(sequence=chosen)
    top = list(network.layer_names.values())[-1]
    tree = extract(
        network,
        activations.network_input(part, "trained"),
        part["length"].to_numpy(),
        layers=[top],
        verify="none",
    )
    root = tree.to_dataset().assign(
        sequence=("sequence", chosen), split=("sequence", part["split"].to_numpy())
    )
    recorded = verdict_inputs.recorded(root, tree[top].to_dataset(), data, lstm_state)
    settled = find_endpoints(
        network, root["input"].to_numpy(), recorded.distribution, recorded.length, data.attrs,
        np.random.default_rng(seed),
    )  # fmt: skip
    test = pd.Series(training.evaluate(network, splits["test"])._asdict())
    losses = verdict_inputs.losses(test, ceilings, data.attrs, trained_here=True)
    return {"layer": top} | verdict_inputs.judged(
        recorded, losses, settled, seed, settings=settings
    )
