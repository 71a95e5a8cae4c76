"""One call explains a network whose states were built by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hmmlens import explain
from hmmlens.datasets.generators import sample_flipflop
from hmmlens.errors import DataError
from hmmlens.networks.cells import RecurrentNetwork
from hmmlens.report.result import Explanation


def latch(gain: float) -> RecurrentNetwork:
    """Return one tanh unit for each of two bits: a pulse sets it, a gain above 1 keeps it."""
    network = RecurrentNetwork("vanilla", 2, 2, 2, symbols_in=False, symbols_out=False)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(torch.zeros_like(value))
            if "weight_hh" in name:
                value.copy_(gain * torch.eye(2))
            elif "weight_ih" in name:
                value.copy_(6 * torch.eye(2))
            elif name == "out.weight":
                value.copy_(torch.eye(2))
    return network


@pytest.fixture(scope="module")
def data() -> tuple[NDArray[Any], NDArray[Any]]:
    inputs, _, states = sample_flipflop(2, 0.15, 30, 60, np.random.default_rng(0))
    return inputs.astype(np.float32), states


@pytest.fixture(scope="module")
def found(data: tuple[NDArray[Any], NDArray[Any]]) -> Explanation:
    inputs, states = data
    return explain(
        latch(3.0), inputs, truth=states, untrained=latch(0.5), n_components=2,
        n_states=range(1, 7), n_restarts=3, names={"input": ["left", "right"]},
    )  # fmt: skip


def test_states_of_a_latch_are_its_bits(found: Explanation) -> None:
    four = found.scores[found.scores["n_states"] == 4].set_index("role")
    # A step is needed from a pulse to the state, and the untrained one forgets at once.
    assert four.loc["trained", "ari"] > 0.95
    assert four.loc["trained", "fidelity_test"] > 0.95
    assert four.loc["untrained", "ari"] < 0.5
    assert four.loc["raw input", "ari"] < 0.5
    compact = found.model("compact")
    assert compact.n_components == 4
    means = found.states.isel(pick=found.states.attrs["picks"].index("compact"))["output_mean"]
    signs = {tuple(row) for row in np.sign(means.to_numpy()[:4])}
    assert len(signs) == 4


def test_summary_and_page_tell_the_same_states(found: Explanation, tmp_path: Path) -> None:
    text = found.summary()
    assert "4 states already carry" in text
    assert "State D" in text and "left" in text
    found.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") >= 5
    assert "4 states already carry" in page
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"outputs": "probabilities"}, "logits or values"),
        ({"truth": np.zeros((30, 5), dtype=int)}, "truth has shape"),
        ({"split": np.zeros(30, dtype=int)}, "each at least once"),
        ({"layer": "layer7"}, "there are: layer0"),
        ({"names": {"input": ["one"]}}, "2 for input"),
    ],
)
def test_bad_input_is_told(
    wrong: dict[str, Any], message: str, data: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    settings: dict[str, Any] = {"n_states": [1, 2], "n_restarts": 1, "n_components": 2, **wrong}
    with pytest.raises(DataError, match=message):
        explain(latch(3.0), data[0], **settings)
