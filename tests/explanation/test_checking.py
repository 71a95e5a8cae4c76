"""A check on two sequences refuses what an explanation refuses, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hmmlens import check, explain
from hmmlens.errors import DataError
from tests.explanation.planted import QUICK, Last, Transformed, latch, pulses, spoilt


def outcome(found: Any, item: str) -> str:
    """Return the outcome of one finding."""
    return next(f.outcome for f in found.findings if f.item == item)


def test_a_network_with_single_steps_passes_with_all_that_is_possible() -> None:
    inputs, states = pulses()
    found = check(latch(2.0), inputs, truth=states, targets=np.zeros((30, 60, 2)))
    assert found.passed
    assert {finding.outcome for finding in found.findings} == {"possible"}
    assert "largest replay error" in str(found)
    assert "neutral input: zeros" in str(found)


@pytest.mark.parametrize(
    ("network", "options", "item", "sentence"),
    [
        (Transformed(spoilt(np.nan)), {}, "values of outputs", "is NaN"),
        (Last(2, True), {"targets": np.zeros((30, 60, 5))}, "targets", "targets have 5 values"),
        (Last(2, True), {"layer": "gru"}, "recording", "there is no layer 'gru'"),
        (nn.Linear(2, 2), {}, "recording", "holds no recurrent layer of torch"),
        (Last(2, True), {"truth": np.zeros((30, 9))}, "data", "truth"),
        (
            Last(2, True), {"untrained": Last(3, True)},
            "untrained control", "it returns an output of the shape",
        ),
    ],
)  # fmt: skip
def test_what_explain_refuses_is_refused(
    network: Any, options: dict[str, Any], item: str, sentence: str
) -> None:
    inputs, _ = pulses()
    with pytest.raises(DataError) as error:
        explain(network, inputs, **QUICK, **options)
    found = check(network, inputs, **options)
    assert not found.passed
    last = found.findings[-1]
    assert (last.item, last.outcome) == (item, "refused")
    # The sentence is that of explain, but for the sizes of what was recorded.
    assert sentence in last.sentence
    assert sentence in str(error.value)


def test_what_reads_ahead_passes_without_futures() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 3, batch_first=True, bidirectional=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.rnn(x)[0]
            return outputs

    inputs, _ = pulses()
    found = check(Both(), inputs)
    assert found.passed
    assert outcome(found, "futures") == "not possible"
    assert outcome(found, "endpoints") == "not possible"


def test_sequences_of_different_lengths_are_among_the_two() -> None:
    inputs, _ = pulses()
    lengths = np.tile([60, 40, 50], 10)
    found = check(latch(2.0), inputs, lengths=lengths)
    assert found.findings[0].sentence.startswith("30 sequences of 40 to 60 steps")
    assert found.passed


class Noisy(nn.Module):
    """Adds noise to what one or both directions read."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 3, batch_first=True, bidirectional=both)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noise = torch.stack([torch.randn_like(x[:, 0]) for _ in range(x.shape[1])], dim=1)
        outputs: torch.Tensor = self.rnn(x + 0.3 * noise)[0]
        return outputs


@pytest.mark.parametrize(("both", "expected"), [(False, "possible"), (True, "not possible")])
def test_noise_is_not_taken_for_reading_ahead(both: bool, expected: str) -> None:
    inputs, _ = pulses()
    torch.manual_seed(0)
    assert outcome(check(Noisy(both), inputs, untrained=None), "futures") == expected
