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
from hmmlens.stages.record import choose_sequences
from hmmlens.stages.record import record as record_states
from hmmlens.validation import verdict_inputs
from hmmlens.validation.baselines import reservoir
from hmmlens.validation.ceilings import of_dataset
from hmmlens.validation.recorded import Losses, Recorded

LAYER = "layer0"


class Drawn(NamedTuple):
    """One network on one task.

    data : the sequences it learnt from
    ceilings : see :func:`hmmlens.validation.ceilings.of_dataset`
    network : trained
    untrained : the same before
    epochs : of its training
    """

    data: xr.Dataset
    ceilings: pd.DataFrame
    network: RecurrentNetwork
    untrained: RecurrentNetwork
    epochs: int


def draw(trip: Trip, cell: str, settings: Training, seed: int, device: str = "cpu") -> Drawn:
    """Make sequences and train a network on them; everything that is random comes from ``seed``."""
    data = build(trip.dataset, derive_seed(seed, "data"))
    ceilings = of_dataset(data, derive_seed(seed, "ceilings"))
    place = recurrent_network.pick_device(device)
    own = {"cell": cell, "n_units": trip.n_units, "n_layers": 1}
    start = derive_seed(seed, "weights")
    network, untrained = (
        recurrent_network.for_dataset(own, data.attrs, data.sizes, start).to(place)
        for _ in range(2)
    )
    parts = training.by_split(data, place)
    history = training.train(network, parts, settings, derive_seed(seed, "training"))
    return Drawn(data, ceilings, network, untrained, len(history))


def with_readout(drawn: Drawn) -> RecurrentNetwork:
    """Return the untrained network with its readout fitted to the task."""
    own = {"cell": drawn.network.cell, "n_units": drawn.network.n_units, "n_layers": 1}
    network = recurrent_network.for_dataset(own, drawn.data.attrs, drawn.data.sizes, 0)
    device = next(drawn.network.parameters()).device
    network.load_state_dict(drawn.untrained.state_dict())
    network = network.to(device)
    reservoir.fit_readout(network, training.by_split(drawn.data, device)["train"])
    return network


def losses(network: RecurrentNetwork, drawn: Drawn) -> Losses:
    """Return the test losses of a network, of the best constant answer, and the least possible."""
    device = next(network.parameters()).device
    found = training.evaluate(network, training.by_split(drawn.data, device)["test"])
    test = pd.Series(found._asdict())
    return verdict_inputs.losses(test, drawn.ceilings, drawn.data.attrs, trained_here=True)


class Seen(NamedTuple):
    """A network as it was recorded.

    recorded : what :func:`hmmlens.validation.evidence.judge` takes
    state : (sequence, time) true states of the recorded sequences, -1 where unknown
    scale : what an LSTM's hidden state was divided by to stand beside its cell state; 1 for others
    replay_error : largest difference of the replay
    """

    recorded: Recorded
    state: NDArray[np.int64]
    scale: float
    replay_error: float


def record(network: RecurrentNetwork, data: xr.Dataset, max_frames: int) -> Seen:
    """Record the states of a network, checked by replay."""
    chosen = choose_sequences(data, max_frames)
    tree = record_states(network, data["input"].to_numpy()[chosen], data, chosen)
    root, layer = tree.to_dataset(), tree[LAYER].to_dataset()
    scale = float(layer["hidden"].to_numpy().astype(np.float64).std()) if "cell" in layer else 1.0
    return Seen(
        verdict_inputs.recorded(root, layer, data, "both"),
        data["state"].to_numpy()[chosen].astype(np.int64),
        scale,
        float(root.attrs["replay_error"]),
    )
