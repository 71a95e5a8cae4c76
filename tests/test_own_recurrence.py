"""The page about recurrence written by hand: its code runs and finds what was planted."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

# Each network is explained from end to end.
pytestmark = pytest.mark.study

PAGE = Path(__file__).parents[1] / "docs" / "own_recurrence.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Yield what the code of the page has made."""
    kinds = "python( jax)?" if importlib.util.find_spec("jax") else "python()"
    code = re.findall(rf"^```{kinds}\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("page")
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        for _, block in code:
            if block.startswith("# leaky.py"):
                Path("leaky.py").write_text(block)
            else:
                exec(block, found)
        yield found
    sys.modules.pop("leaky", None)


def test_recorded_states_are_those_of_the_equations(names: dict[str, Any]) -> None:
    network, pulses = names["network"], names["pulses"]
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    matrix = np.abs(weights["recurrent"]) * [1, 1, -1]
    state = np.zeros((len(pulses), 3))
    for t in range(pulses.shape[1]):
        total = state @ matrix.T + pulses[:, t] @ weights["input.weight"].T + weights["input.bias"]
        state = 0.2 * state + 0.8 * np.tanh(total)
        np.testing.assert_allclose(names["hidden"][:, t], state, atol=1e-4)
    assert torch.equal(network.sign, torch.tensor([1.0, 1.0, -1.0]))


def test_planted_states_are_found(names: dict[str, Any]) -> None:
    verdict = names["explanation"].verdict
    assert (verdict["grade"], verdict["n_states"]) == ("D", 4)
    verdict = names["low_rank"].verdict
    assert (verdict["grade"], verdict["n_states"]) == ("D", 2)
    assert names["low_rank"].activations.attrs["replay_error"] < 1e-6


def test_arrays_of_jax_have_the_verdict_of_the_same_network_in_torch(names: dict[str, Any]) -> None:
    pytest.importorskip("jax", reason="JAX is not installed: pip install '.[jax]'")
    np.testing.assert_allclose(names["recorded"], names["hidden"], atol=1e-5)
    found, same = names["by_arrays"].verdict, names["explanation"].verdict
    assert (found["grade"], found["n_states"]) == (same["grade"], same["n_states"]) == ("D", 4)
    assert names["by_arrays"].activations.attrs["replay_error"] < 1e-5
