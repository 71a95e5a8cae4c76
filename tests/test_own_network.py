"""The page about networks with several inputs and outputs: its code and its commands run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmlens.cli import command

# A network is explained from end to end, twice.
pytestmark = pytest.mark.study

PAGE = Path(__file__).parents[1] / "docs" / "own_network.md"


def blocks(kind: str) -> list[str]:
    """Return the code of the page in one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Yield what the code of the page has made."""
    folder = tmp_path_factory.mktemp("page")
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        for block in blocks("python"):
            if block.startswith("# basin_network.py"):
                Path("basin_network.py").write_text(block)
            else:
                exec(block, found)
        yield found
    sys.modules.pop("basin_network", None)


def test_the_output_is_that_of_the_network(names: dict[str, Any]) -> None:
    explanation, inputs = names["found"], names["inputs"]
    acts = explanation.layers["trained"].activations
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.no_grad():
        wanted = names["build"]()(**tensors)["y_hat"].numpy()
    np.testing.assert_allclose(acts["output"], wanted[acts["sequence"]], atol=1e-6)
    assert explanation.sequences.attrs["feature_names"] == names["names"]["input"]
    assert explanation.sequences.attrs["target_names"] == ["streamflow"]


def test_the_commands_run(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert [line.split()[1] for line in lines] == ["layers", "check", "explain"]
    for line in lines:
        assert command.main(line.split()[1:]) == 0
    printed = capsys.readouterr().out
    assert "lstm: LSTM, forward, 4 inputs, 8 units, 30 steps" in printed
    assert "possible: 20 sequences of 30 steps" in printed
    assert "in this order: weather.0, weather.1, season, basin.0, basin.1." in printed
    assert Path("found/explanation.html").is_file()
