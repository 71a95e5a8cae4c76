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
from hmmlens.roundtrip import suite, suite_verdicts
from hmmlens.validation.grading.verdict import GRADES

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


def test_members_are_each_task_and_cell_and_more_seeds_of_reporting_continua() -> None:
    table = pd.DataFrame(suite.members(), columns=["task", "cell", "seed"])
    assert not table.duplicated().any() and set(table["task"]) == set(TASKS)
    counts = table.groupby("task").size()
    many = {n for n, one in TASKS.items() if (one.half, one.answer) == ("reporting", "continuum")}
    assert set(counts.index[counts == 9]) == many
    assert set(counts.index[counts == 3]) == set(TASKS) - many
    # Enough to measure a rate of false states of at most a twentieth.
    assert counts[list(many)].sum() >= 95 and len(many) >= 12


def test_a_network_of_the_suite_and_its_controls_are_judged(folder: Path) -> None:
    rows = {
        role: suite_verdicts.judge(folder / "ring-gru-3", role) for role in suite_verdicts.ROLES
    }
    record = suite.read_record(folder / "ring-gru-3")
    for role, row in rows.items():
        assert (row["task"], row["answer"], row["role"]) == ("ring", "continuum", role)
        assert row["grade"] in GRADES and row["cpu"] >= 0
        assert row["trained"] == (role == "trained") and row["loss"] == record["loss"]
    # Competence is not tested before training; surrogates have no futures.
    assert rows["untrained"]["grade"] != "X" and "n_classes" in rows["untrained"]
    assert not any("n_classes" in rows[role] for role in ("shuffled", "phase-randomised"))
