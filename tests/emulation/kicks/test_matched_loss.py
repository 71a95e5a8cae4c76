"""Losses of networks that are their target or not, and the first checkpoint at a level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.kicks import matched_loss as module
from hmmlens.emulation.kicks.matched_loss import (
    COLUMNS,
    MatchedLossSettings,
    kicks_at_loss,
    loss_shares,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven

SETTINGS = MatchedLossSettings(n_sequences=600, n_steps=20)
HMM = preset_hmm("chain2")


class Emitting:
    """A network whose logits are those of a Markov chain of two states, or of chance."""

    n_units = n_noise = 1

    def __init__(self, leave: float, bad: bool = False) -> None:
        self.leave, self.bad = leave, bad

    def start(self, n: int) -> Any:
        return n

    def run(self, noise: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        uniform = torch.special.ndtr(noise[..., 0])
        moves = uniform < self.leave
        moves[:, 0] = uniform[:, 0] < 0.5
        hidden = (moves.cumsum(dim=1) % 2)[..., None].float()
        return hidden / (0.0 if self.bad else 1.0), state

    def out(self, hidden: torch.Tensor) -> torch.Tensor:
        log = torch.tensor(np.log(np.maximum(HMM.emissionprob, 1e-9)), dtype=torch.float32)
        return log[hidden[..., 0].long()]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Any]]:
    def loaded(network: Any, checkpoints: Any) -> Iterator[tuple[int, Any]]:
        yield from checkpoints

    def noise(network: Any, generator: torch.Generator, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, 1, generator=generator)

    monkeypatch.setattr(module, "loaded", loaded)
    monkeypatch.setattr(module, "sample_noise", noise)
    return [(0, Emitting(0.5)), (5, Emitting(0.5, bad=True)), (10, Emitting(0.1)),
            (20, Emitting(0.05))]  # fmt: skip


def test_loss_is_1_for_independent_symbols_and_0_for_the_target(planted: Any) -> None:
    shares = loss_shares(planted[0][1], planted, HMM, 0, SETTINGS).set_index("update")["loss_share"]
    assert shares[0] == pytest.approx(1, abs=0.1)
    assert shares[20] == pytest.approx(0, abs=0.1)
    assert shares[20] < shares[10] < shares[0]
    assert np.isnan(shares[5])


def test_kick_units_are_those_of_the_checkpoint_at_the_level(
    planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def analysis(network: Emitting, symbols: Any, seed: int, settings: Any) -> dict[str, Any]:
        asked.append(network.leave)
        if network.leave == 0.05:
            raise DataError("it diverges")
        return {"kick_verdict": pd.DataFrame([{"n_exits": 2, "n_with_kicks": 1, "g1": True}])}

    monkeypatch.setattr(module, "kick_analysis", analysis)
    shares = loss_shares(planted[0][1], planted, HMM, 3, SETTINGS).set_index("update")["loss_share"]
    levels = [float(shares[10]) + 1e-6, float(shares[10]) - 1e-6, float(shares.min()) - 1]
    table = kicks_at_loss(planted[0][1], planted, HMM, levels, 3, SETTINGS)
    assert list(table) == COLUMNS and asked == [0.1, 0.05]
    assert table["update"].tolist()[:2] == [10, 20] and np.isnan(table["update"][2])
    assert (table["n_exits"][0], table["n_with_kicks"][0]) == (2, 1)
    assert table["note"].tolist() == ["", "it diverges", "no checkpoint has so small a loss"]
    assert table["n_exits"].isna().tolist() == [False, True, True]


def test_an_untrained_network_is_no_nearer_than_independent_symbols() -> None:
    torch.manual_seed(0)
    network = NoiseDriven("relu", 3, 6, 3).requires_grad_(False)
    kept = [(0, network.state_dict())]
    # Its symbols are nearly independent, but the rare one is as frequent as the others.
    assert loss_shares(network, kept, HMM, 0, SETTINGS)["loss_share"].iloc[0] > 1
    table = kicks_at_loss(network, kept, HMM, [0.5], 0, SETTINGS)
    assert table["note"].tolist() == ["no checkpoint has so small a loss"]
