"""A GPU gives what the CPU gives: training, recording, the sweep.

``make test-gpu`` runs these on a CUDA device, in a minute. The usual tests run the same code on the
CPU, where it must give the same to the last bit.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from hmmlens import HMMSweep, extract, reduce
from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.hmm import HMMData
from hmmlens.rnn import devices, recurrent_network, training
from hmmlens.rnn.settings import Training

#: How far a GPU may be from the CPU: states and losses are in single precision, and so are the
#: weights that a few epochs of training lead to; the sweep is in double precision.
STATE, LOSS, SWEEP = 1e-4, 1e-2, 1e-6


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    # What is claimed here is let go after the test.
    monkeypatch.setattr(devices, "_held", [])
    if request.param == "cuda" and devices.VISIBLE not in devices.os.environ:
        assert devices.visible_devices(), "no NVIDIA device here, or SLURM gave none"
    chosen = devices.choose(request.param)
    print(f"on {torch.cuda.get_device_name() if chosen.type == 'cuda' else 'the CPU'}")
    return chosen


@pytest.fixture
def limits(device: torch.device) -> tuple[float, float, float]:
    return (STATE, LOSS, SWEEP) if device.type == "cuda" else (0, 0, SWEEP)


def made(cell: str) -> tuple[Any, recurrent_network.RecurrentNetwork]:
    data = build(HMMData(kind="hmm", preset="fully3", n_sequences=60, n_steps=60), seed=1)
    settings = {"cell": cell, "n_units": 16, "n_layers": 2}
    return data, recurrent_network.for_dataset(settings, data.attrs, data.sizes, seed=2)


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_training(cell: str, device: torch.device, limits: tuple[float, float, float]) -> None:
    data, network = made(cell)
    settings = Training(max_epochs=4, patience=4, batch_size=12, learning_rate=0.01)
    curves, ends = [], []
    for place in (torch.device("cpu"), device):
        mine = copy.deepcopy(network).to(place)
        curves.append(training.train(mine, training.by_split(data, place), settings, seed=3))
        ends.append(training.evaluate(mine, training.by_split(data, place)["test"]).nll)
    here, there = ([row["select_nll"] for row in curve] for curve in curves)
    np.testing.assert_allclose(there, here, rtol=limits[1])
    assert ends[1] == pytest.approx(ends[0], rel=limits[1])
    # It has learnt something: there is a difference that could be lost.
    assert here[-1] < here[0] - 0.01


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_recording(cell: str, device: torch.device, limits: tuple[float, float, float]) -> None:
    data, network = made(cell)
    inputs, lengths = data["input"].to_numpy(), data["length"].to_numpy()
    here = extract(network, inputs, lengths, verify="all")
    there = extract(copy.deepcopy(network).to(device), inputs, lengths, verify="all")
    for layer in ("layer0", "layer1"):
        gap = abs(there[layer]["hidden"] - here[layer]["hidden"]).max()
        assert float(gap) <= limits[0]
    assert float(abs(here["layer1"]["hidden"]).max()) > 0.05


def test_sweep(device: torch.device, limits: tuple[float, float, float]) -> None:
    data, network = made("gru")
    hidden = extract(network, data["input"].to_numpy())["layer1"]["hidden"].to_numpy()
    low = reduce(hidden, "pca", n_components=4)
    options: dict[str, Any] = {"n_restarts": 4, "max_iter": 15, "tol": 1e-12, "random_state": 4}
    tables = [
        HMMSweep([1, 2, 3, 5], ["tied", "full"], engine=engine, device=place, **options)
        .fit(low)
        .results_.dropna(subset="log_likelihood")
        for engine, place in (("numpy", "cpu"), ("torch", device.type))
    ]
    columns = ["log_likelihood", "bic", "aic", "icl"]
    assert len(tables[0]) == len(tables[1]) == 2 * (1 + 3 * 4)
    np.testing.assert_allclose(tables[1][columns], tables[0][columns], rtol=limits[2])
