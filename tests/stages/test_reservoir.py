"""The verdict on a network whose readout alone is fitted to the task."""

from __future__ import annotations

import numpy as np
import torch

from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.flipflop import FlipFlopData
from hmmlens.rnn import recurrent_network, training
from hmmlens.stages.reservoir import judge_with_readout
from hmmlens.validation import ceilings


def test_untrained_network_does_not_remember_a_flip_flop() -> None:
    settings = FlipFlopData(
        kind="flipflop", n_bits=2, n_sequences=60, n_steps=60, pulse_probability=0.05
    )
    data = build(settings, 0)
    splits = training.by_split(data, torch.device("cpu"))
    own = {"cell": "gru", "n_units": 12, "n_layers": 2}
    net = recurrent_network.for_dataset(own, data.attrs, data.sizes, 0)
    chosen = np.arange(0, 60, 2)
    bounds = ceilings.of_dataset(data)
    row = judge_with_readout(net, splits, data, chosen, bounds, "both", 0)
    assert row["layer"] == "layer1" and row["grade"] == "X"
    # Its readout was fitted to the task: better than the best constant, far from the exact answer.
    assert row["loss"] < row["marginal"] and row["gap_closed"] < 0.8
    with torch.no_grad():
        found = training.evaluate(net, splits["test"])
    assert row["loss"] == found.mse and row["n_endpoints"] >= 1
