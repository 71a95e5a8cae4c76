"""The benchmark of modern cells: its tables count what was judged, and the page shows them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Recipe
from hmmlens.rnn import recurrent_network
from hmmlens.roundtrip import suite

ROOT = Path(__file__).parents[2]
PAGE, TABLE = ROOT / "docs" / "modern_cells.md", ROOT / "benchmarks" / "modern_cells.csv"


@pytest.fixture(scope="module")
def benchmark() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "modern_cells.py"))


def test_tasks_are_of_the_kinds_that_the_tables_name(benchmark: dict[str, Any]) -> None:
    answers = {
        name: TASKS[name].answer for kind in ("COUNTERS", "LATCHES") for name in benchmark[kind]
    }
    assert set(answers.values()) == {"discrete"}
    assert {TASKS[name].answer for name in benchmark["CONTINUA"]} == {"continuum"}


def test_rates_count_networks_and_have_exact_intervals(benchmark: dict[str, Any]) -> None:
    row = {"task": "parity", "n_states": 2, "cell": "mamba", "recurrence": "gated", "grade": "X"}
    learnt = {"grade": "D", "n_claimed": 2, "remaining": 0.01, "long": 0.02}
    lost = {"n_claimed": None, "remaining": 0.9, "long": 1.1}
    rows = [row | lost | {"seed": seed} for seed in range(4)]
    rows += [
        row | learnt | {"cell": "slstm", "recurrence": "nonlinear", "seed": seed}
        for seed in range(2)
    ]
    rows.append(rows[-1] | {"seed": 3, "n_claimed": 4, "long": 0.5})
    found = pd.DataFrame(rows)
    rates = benchmark["rates"](found).set_index(["recurrence", "tasks"])
    # 1 - 0.025 ** (1 / 4), and 0.025 ** (1 / 3).
    assert rates.loc[("gated", "counters"), "D"] == "0 (0.00 to 0.60)"
    nonlinear = rates.loc[("nonlinear", "counters")]
    assert nonlinear["D"] == "3 (0.29 to 1.00)"
    assert nonlinear[["networks", "learnt", "learnt for 200 steps"]].tolist() == [3, 3, 2]
    assert nonlinear["number of states exact"] == 2
    grades = benchmark["grades"](found).set_index("cell")["parity"]
    assert grades.to_dict() == {"Mamba": "4 X", "sLSTM": "3 D"}


def test_a_constant_output_keeps_the_whole_loss_on_longer_sequences(
    benchmark: dict[str, Any], tmp_path: Path
) -> None:
    place = suite.train_network("parity", "mingru", 0, tmp_path, Recipe(4, 40, 20, 2))
    network, _ = suite.load(place)
    for value in network.out.parameters():
        torch.nn.init.zeros_(value)
    recurrent_network.save(network, place / suite.WEIGHTS)
    # Both targets, 1 and -1, are at a distance of 1 from zero.
    assert benchmark["remaining_on_long"](place) == pytest.approx(1, abs=0.02)


def test_the_page_has_the_tables_that_were_measured(benchmark: dict[str, Any]) -> None:
    page = PAGE.read_text()
    if not TABLE.exists():
        assert page.count("Not measured yet.") == 2
        return
    for name, text in benchmark["tables"]().items():
        assert f"<!-- table: {name} -->\n{text}\n" in page
