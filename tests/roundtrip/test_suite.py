"""Networks of the suite are kept whole, are not trained twice, and come back with their data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Recipe
from hmmlens.errors import StoreError
from hmmlens.rnn import training
from hmmlens.roundtrip import suite, suite_rates
from hmmlens.validation.verdict import GRADES

SMALL = Recipe(n_units=4, n_sequences=20, n_steps=12, n_epochs=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for task, cell in (("lexer", "lstm"), ("ring", "gru")):
        suite.train_network(task, cell, 3, tmp_path, SMALL)
    return tmp_path


@pytest.mark.parametrize(("task", "cell"), [("lexer", "lstm"), ("ring", "gru")])
def test_a_network_comes_back_with_its_data(task: str, cell: str, folder: Path) -> None:
    place = folder / f"{task}-{cell}-3"
    network, data = suite.load(place)
    record = suite.read_record(place)
    test = training.by_split(data, torch.device("cpu"))["test"]
    losses = training.evaluate(network, test)
    assert record["loss"] == pytest.approx(losses.nll if task == "lexer" else losses.mse)
    assert record["answer"] == TASKS[task].answer == data.attrs["answer"]
    assert (record["floor"] is None) == (TASKS[task].answer == "continuum")
    # Step by step it returns what it returns at once.
    state, inputs = network.start(len(test.inputs)), test.inputs
    with torch.no_grad():
        output = network(inputs)
        for t in range(inputs.shape[1]):
            state = network.step(state, inputs[:, t])
            torch.testing.assert_close(network.readout(state), output[:, t])


def test_a_network_is_trained_once_for_each_recipe(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def train_on_task(*args: object) -> None:
        trained.append(args)
        raise InterruptedError

    monkeypatch.setattr(suite, "train_on_task", train_on_task)
    suite.train_network("lexer", "lstm", 3, folder, SMALL)
    assert not trained
    for seed, recipe in ((4, SMALL), (3, Recipe(n_units=5, n_sequences=20, n_steps=12))):
        with pytest.raises(InterruptedError):
            suite.train_network("lexer", "lstm", seed, folder, recipe)


def test_another_recipe_takes_the_place_of_the_first(folder: Path) -> None:
    place = suite.train_network("ring", "gru", 3, folder, Recipe(5, 20, 12, 1))
    network, data = suite.load(place)
    assert (network.n_units, data.sizes["time"]) == (5, 12)
    assert suite.read_record(place)["epochs"] == 1


def test_index_lists_whole_networks(folder: Path) -> None:
    (folder / "mod3-gru-0.partial1").mkdir()
    (folder / "mod3-gru-0.partial1" / suite.RECORD).write_text("{}")
    suite.write_index(folder)
    table = pd.read_csv(folder / "index.csv")
    assert table["folder"].tolist() == ["lexer-lstm-3", "ring-gru-3"]
    assert list(table.columns) == suite.COLUMNS
    lexer = table.iloc[0]
    assert (lexer["n_states"], lexer["floor"], lexer["half"]) == (4, 0, "reporting")
    assert lexer["remaining"] == pytest.approx(lexer["loss"] / lexer["marginal"], rel=1e-4)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no network of the suite; train it with"):
        suite.load(tmp_path / "parity-gru-0")


def test_the_readme_has_the_rates_that_were_measured() -> None:
    root = Path(__file__).parents[2]
    rates = pd.read_csv(root / "benchmarks" / "verdict_rates.csv")
    rates = rates[rates["half"] == "reporting"].set_index("question")
    text = " ".join((root / "README.md").read_text().split())
    for question, words in {
        "discrete task, learnt: D": "{hits} of {networks} networks that learnt a discrete task",
        "of these D: number of states exact": "exact number of states in {hits} of {networks}",
        "continuum: D or B (error)": "of {networks} networks that learnt a continuum {hits} get",
        "mixed: D (error)": "Of {networks} that learnt a mixture of a bit and a continuum, {hits}",
        "untrained, without the gate of competence: D (error)": "{hits} of {networks} untrained",
    }.items():
        assert words.format(**rates.loc[question].to_dict()) in text


def test_rates_count_networks_and_tasks() -> None:
    rows = [("a", "D", 2), ("a", "D", 3), ("b", "C", 2)]
    table = pd.DataFrame(
        [
            {"task": task, "half": "reporting", "answer": "discrete", "n_states": 2, "grade": grade,
             "n_claimed": claimed, "remaining": 0.0, "trained": True}
            for task, grade, claimed in rows
        ]
    )  # fmt: skip
    found = suite_rates.rates(table).set_index(["half", "question"]).loc["reporting"]
    learnt, exact = found.iloc[0], found.iloc[1]
    assert (learnt["networks"], learnt["hits"], learnt["tasks"], learnt["task_hits"]) == (
        3,
        2,
        2,
        1,
    )
    assert (exact["networks"], exact["hits"]) == (2, 1)
    assert learnt["low"] < 2 / 3 < learnt["high"]


def test_a_network_of_the_suite_is_judged(folder: Path) -> None:
    row = suite_rates.judge(folder / "ring-gru-3")
    assert (row["task"], row["answer"], row["trained"]) == ("ring", "continuum", True)
    assert row["grade"] in GRADES and row["cpu"] >= 0
