"""Networks with one output for each sequence are explained as those with one at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens import explain
from hmmlens.errors import DataError
from hmmlens.explanation.checking import check
from hmmlens.recording import in_memory
from hmmlens.recording.inputs import Source
from tests.explanation.planted import QUICK, AtTheEnd, latch, pulses

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def data() -> Data:
    return pulses()


class EveryStep(torch.nn.Module):
    """Returns the output at every step of a network with the same parts."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.rnn, self.out = network.layers[0], network.out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.out(self.rnn(x)[0])
        return outputs


@pytest.mark.study
def test_the_explanation_is_that_of_outputs_at_every_step(data: Data) -> None:
    inputs, truth = data[0][:20, :40], data[1][:20, :40]
    settings = {"untrained": None, **QUICK, "n_states": [1, 4], "truth": truth}
    found = explain(AtTheEnd(latch(3.0)), inputs, **settings)
    wanted = explain(EveryStep(latch(3.0)), inputs, **settings)
    assert found.verdict["grade"] == wanted.verdict["grade"]
    pd.testing.assert_frame_equal(found.scores, wanted.scores)
    assert found.futures is not None and wanted.futures is not None
    numbers = pd.DataFrame([found.futures.numbers, wanted.futures.numbers])
    np.testing.assert_allclose(numbers.iloc[0], numbers.iloc[1], rtol=1e-4, atol=1e-5)
    summary = str(found.summary())
    assert "the network's own on the prefix that ends there (computed from the recorded" in summary
    assert "prefix" not in str(wanted.summary())


def test_outputs_and_futures_of_a_mean_are_those_of_running_means(data: Data) -> None:
    network, inputs = AtTheEnd(latch(3.0), mean=True), data[0][:12, :24]
    found = explain(network, inputs, untrained=None, **QUICK)
    assert found.futures is not None
    with torch.no_grad():
        hidden = network.rnn(torch.from_numpy(inputs))[0].cumsum(1).numpy()
    running = hidden / np.arange(1, 25)[:, None]
    acts = found.activations
    np.testing.assert_allclose(acts["output"], running[acts["sequence"].to_numpy()], atol=1e-5)


def test_targets_of_sequences_are_targets_of_their_last_steps(data: Data) -> None:
    lengths = np.arange(30) % 5 + 50
    source, rows = Source(data[0], lengths), np.arange(30)
    values = np.random.default_rng(0).normal(size=(30, 2))
    whole = np.full((30, 60, 2), np.nan)
    whole[rows, lengths - 1] = values
    symbols = np.full((30, 60), -1)
    symbols[rows, lengths - 1] = rows % 3
    for one, other in ((values, whole), (values[:, 0], whole[..., :1]), (rows % 3, symbols)):
        stored = in_memory.sequences(source, None, None, {}, 0, targets=one)["target"]
        np.testing.assert_array_equal(stored, other)


class Both(torch.nn.Module):
    def __init__(self, every_step: bool) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(2, 3, batch_first=True, bidirectional=True)
        self.out = torch.nn.Linear(6, 2)
        self.every_step = every_step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.rnn(x)
        outputs: torch.Tensor = self.out(hidden if self.every_step else hidden[:, -1])
        return outputs


@pytest.mark.parametrize(
    ("layer", "explained", "part", "knows"),
    [
        (None, "rnn", "prefix that ends", "the steps before each"),
        ("rnn_reverse", "rnn_reverse", "suffix that begins", "the steps after each"),
    ],
)
def test_directions_are_explained_one_by_one_without_futures(
    layer: str | None, explained: str, part: str, knows: str, data: Data
) -> None:
    found = explain(Both(every_step=False), data[0][:12], layer=layer, untrained=None, **QUICK)
    assert found.layer == explained
    assert found.futures is None
    summary = str(found.summary())
    assert part in summary and knows in summary
    assert "nothing is claimed about it" in summary


def test_both_directions_of_one_output_together_are_refused(data: Data) -> None:
    with pytest.raises(DataError, match="one by one; name rnn or rnn_reverse as layer"):
        explain(Both(every_step=False), data[0], layer="rnn+rnn_reverse", untrained=None, **QUICK)


def test_both_directions_at_every_step_are_explained_with_a_note(data: Data) -> None:
    found = explain(Both(every_step=True), data[0][:12], untrained=None, **QUICK)
    assert found.layer == "rnn+rnn_reverse"
    assert found.futures is None
    assert "a state of rnn+rnn_reverse at a step knows all steps of its" in str(found.summary())


@pytest.mark.parametrize("both", [False, True])
def test_a_check_finds_what_is_possible(both: bool, data: Data) -> None:
    network = Both(every_step=False) if both else AtTheEnd(latch(3.0))
    found = {f.item: f for f in check(network, data[0], untrained=None).findings}
    assert found["values of outputs"].sentence.startswith("2 values for each step (of what")
    assert found["futures"].outcome == ("not possible" if both else "possible")
