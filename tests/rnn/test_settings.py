"""Settings of networks read the registries; old names of bundled networks still work."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hmmlens.rnn import factories
from hmmlens.rnn.equations import CELLS, TRAINABLE
from hmmlens.rnn.settings import TorchNetwork, TrainedNetwork


def torch_network(factory: str) -> TorchNetwork:
    return TorchNetwork(
        kind="torch", dataset="data", factory=factory, weights="w.pt", layers=["lstm"]
    )


def test_a_factory_of_the_old_package_of_adapters_warns_and_builds(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match=r"networks\.adapters\.silero:build is deprecated"):
        network = torch_network("hmmlens.networks.adapters.silero:build")
    assert network.factory == "hmmlens.rnn.adapters.silero:build"
    assert type(factories.build(network.factory, {}, tmp_path)).__name__ == "SileroVAD"


def test_other_factories_keep_their_names() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch_network("mine.models:build").factory == "mine.models:build"


@pytest.mark.parametrize("cell", TRAINABLE)
def test_width_counts_every_array_of_the_state(cell: str) -> None:
    def width(**settings: Any) -> int:
        return TrainedNetwork(dataset="data", cell=cell, n_units=7, **settings).width

    assert width() == 7 * CELLS[cell].n_states
    assert width(lstm_state="hidden") == width(lstm_state="cell") == 7


def test_cells_that_cannot_be_trained_are_refused() -> None:
    with pytest.raises(ValidationError, match="Input should be 'vanilla', 'gru', 'lstm', 'mingru'"):
        TrainedNetwork(dataset="data", cell="vanilla relu")
