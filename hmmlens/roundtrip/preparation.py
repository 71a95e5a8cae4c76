"""Make the sequences of one task, train one network on them, and record it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.datasets.build import build
from hmmlens.rnn import recurrent_network, training
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.rnn.settings import Training
from hmmlens.roundtrip.settings import Trip
from hmmlens.seeds import derive_seed
from hmmlens.stages.record import choose_sequences, record
from hmmlens.typing import Floats
from hmmlens.validation.baselines import reservoir
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings
from hmmlens.validation.ceilings import of_dataset
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.grading.recorded import Losses, Recorded

LAYER = "layer0"


class PreparedNetwork(NamedTuple):
    """One network on one task.

    Attributes
    ----------
    data : Dataset
        The ``sequences`` store of the task.
    ceilings : DataFrame
        See :func:`hmmlens.validation.ceilings.of_dataset`.
    network : RecurrentNetwork
        After training.
    untrained : RecurrentNetwork
        The same before training.
    epochs : int
        Of the training.
    """

    data: xr.Dataset
    ceilings: pd.DataFrame
    network: RecurrentNetwork
    untrained: RecurrentNetwork
    epochs: int


def train_on_task(
    trip: Trip, cell: str, settings: Training, seed: int, device: str = "cpu"
) -> PreparedNetwork:
    """Make sequences and train a network on them.

    Parameters
    ----------
    trip : Trip
        The task.
    cell : str
        Kind of the cell.
    settings : Training
    seed : int
        Of everything random.
    device : str
        See :func:`hmmlens.rnn.recurrent_network.pick_device`.

    Returns
    -------
    PreparedNetwork
        The network with its task.
    """
    data = build(trip.dataset, derive_seed(seed, "data"))
    ceilings = of_dataset(data, derive_seed(seed, "ceilings"))
    place = recurrent_network.pick_device(device)
    options = {"cell": cell, "n_units": trip.n_units, "n_layers": 1}
    weights_seed = derive_seed(seed, "weights")
    network, untrained = (
        recurrent_network.for_dataset(options, data.attrs, data.sizes, weights_seed).to(place)
        for _ in range(2)
    )
    parts = training.by_split(data, place)
    history = training.train(network, parts, settings, derive_seed(seed, "training"))
    return PreparedNetwork(data, ceilings, network, untrained, len(history))


def with_readout(
    prepared: PreparedNetwork, settings: BaselineSettings = DEFAULT_BASELINES
) -> RecurrentNetwork:
    """Return the untrained network with its readout fitted to the task.

    Parameters
    ----------
    prepared : PreparedNetwork
    settings : BaselineSettings, optional
        Settings of the readout.

    Returns
    -------
    RecurrentNetwork
        A copy.
    """
    trained = prepared.network
    options = {"cell": trained.cell, "n_units": trained.n_units, "n_layers": 1}
    network = recurrent_network.for_dataset(options, prepared.data.attrs, prepared.data.sizes, 0)
    device = next(trained.parameters()).device
    network.load_state_dict(prepared.untrained.state_dict())
    network = network.to(device)
    train = training.by_split(prepared.data, device)["train"]
    reservoir.fit_readout(network, train, settings)
    return network


def losses_on_test(network: RecurrentNetwork, prepared: PreparedNetwork) -> Losses:
    """Return the test losses of a network, of the best constant answer, and the least possible.

    Parameters
    ----------
    network : RecurrentNetwork
    prepared : PreparedNetwork
        Of the task.

    Returns
    -------
    Losses
        In the unit of the task's loss.
    """
    device = next(network.parameters()).device
    scores = training.evaluate(network, training.by_split(prepared.data, device)["test"])
    test = pd.Series(scores._asdict())
    return verdict_inputs.losses(test, prepared.ceilings, prepared.data.attrs, trained_here=True)


class RecordedNetwork(NamedTuple):
    """A network as it was recorded.

    Attributes
    ----------
    recorded : Recorded
        The argument of :func:`hmmlens.validation.grading.evidence.judge`.
    state : ndarray of shape (sequence, time)
        True states of the recorded sequences, -1 where unknown.
    scale : float
        Divisor of an LSTM's hidden state, by which it is comparable with its cell state; 1 for
        others.
    replay_error : float
        Largest difference of the replay.
    output : ndarray of shape (sequence, time, output)
        What the network returned.
    """

    recorded: Recorded
    state: NDArray[np.int64]
    scale: float
    replay_error: float
    output: Floats


def record_network(network: RecurrentNetwork, data: xr.Dataset, max_frames: int) -> RecordedNetwork:
    """Record the states of a network, verified by replay.

    Parameters
    ----------
    network : RecurrentNetwork
    data : Dataset
        The ``sequences`` store.
    max_frames : int
        Steps in all, see :func:`hmmlens.stages.record.choose_sequences`.

    Returns
    -------
    RecordedNetwork
        The recording with the true states.
    """
    chosen = choose_sequences(data, max_frames)
    tree = record(network, data["input"].to_numpy()[chosen], data, chosen)
    root, layer = tree.to_dataset(), tree[LAYER].to_dataset()
    scale = float(layer["hidden"].to_numpy().astype(np.float64).std()) if "cell" in layer else 1.0
    return RecordedNetwork(
        verdict_inputs.recorded(root, layer, data, "both"),
        data["state"].to_numpy()[chosen].astype(np.int64),
        scale,
        float(root.attrs["replay_error"]),
        root["output"].to_numpy(),
    )
