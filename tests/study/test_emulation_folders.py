"""Folders of emulating networks, and what trainings will cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.analysis import outcome
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.emulation.training import Trained, train
from hmmlens.errors import DataError, StoreError
from hmmlens.study import emulation_folders, emulation_work
from hmmlens.study.emulation_study import load
from hmmlens.study.plan import training_cost

SMALL = EmulationNetwork(n_units=6, n_noise=3)
SETTINGS = Emulation(n_steps=6, n_updates=12, batch_size=8, n_data=16, checkpoint_every=4)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(SETTINGS, SMALL, preset_hmm("chain2"), seed=1)


def test_a_network_comes_back_with_all_its_checkpoints(trained: Trained, tmp_path: Path) -> None:
    emulation_folders.write_network(trained, tmp_path)
    network = emulation_folders.read_network(tmp_path, SMALL, 3)
    noise = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.run(noise)[0], trained.network.run(noise)[0])
    assert not any(p.requires_grad for p in network.parameters())
    kept = emulation_folders.read_checkpoints(tmp_path)
    # Update 2 ends the first epoch.
    assert kept.updates.tolist() == [0, 2, 4, 8, 12]
    last = dict(kept.items())[12]
    assert all(torch.equal(last[k], v) for k, v in network.state_dict().items())


def test_a_network_with_other_settings_is_refused(trained: Trained, tmp_path: Path) -> None:
    emulation_folders.write_network(trained, tmp_path)
    with pytest.raises(StoreError, match="do not fit"):
        emulation_folders.read_network(tmp_path, EmulationNetwork(n_units=7, n_noise=3), 3)


def test_a_step_that_is_refused_records_the_reason(tmp_path: Path) -> None:
    def refuse() -> dict[str, pd.DataFrame]:
        raise DataError("it runs away")

    made = emulation_folders.attempted(refuse)
    emulation_folders.write_step({**made, "empty": pd.DataFrame()}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"refused.csv", "cost.csv"}
    assert pd.read_csv(tmp_path / "refused.csv")["reason"].tolist() == ["it runs away"]
    spent = pd.read_csv(tmp_path / "cost.csv").iloc[0]
    assert spent["cpu_seconds"] > 0 and 10 < spent["memory_mb"] < 1e6


def test_a_mistake_in_the_code_is_no_refusal() -> None:
    def fail() -> dict[str, pd.DataFrame]:
        raise KeyError("x")

    with pytest.raises(KeyError):
        emulation_folders.attempted(fail)


def test_kick_units_are_read_whatever_their_effect(tmp_path: Path) -> None:
    assert emulation_folders.read_kicks(tmp_path) is None
    table = pd.DataFrame(
        {
            "exit": [0, 0, 1, 1],
            "kind": ["group", "three", "group", "three"],
            "kicks": [True, False, False, False],
            "best_units": ["4 5 6 7", "7 5 2", "", ""],
        }
    )
    emulation_folders.write_tables({"kicks": table}, tmp_path)
    assert emulation_folders.read_kicks(tmp_path) == {0: [7, 5, 2]}


def test_how_a_training_ended(trained: Trained) -> None:
    end = outcome.end_row(trained).iloc[0]
    assert (end["n_updates"], end["diverged"], end["skipped"]) == (12, False, 0)
    assert end["loss"] == trained.history["loss"].iloc[-1]
    settings = SETTINGS.model_copy(update={"batch_size": 64, "n_steps": 20})
    row = outcome.plateau_row(
        trained.history, settings, preset_hmm("chain2"), np.random.default_rng(0)
    ).iloc[0]
    assert row["floor_low"] < row["floor"] < row["level_low"] < row["level"]
    # So short a training does not escape.
    assert np.isnan(row["escape"])


@pytest.mark.parametrize(
    ("weight", "runs_away"), [pytest.param(0.5, False, marks=pytest.mark.study), (1.5, True)]
)
def test_states_that_run_away_are_reported(
    trained: Trained, weight: float, runs_away: bool
) -> None:
    network = train(SETTINGS.model_copy(update={"n_updates": 1}), SMALL, preset_hmm("chain2"),
                    seed=2).network.requires_grad_(False)  # fmt: skip
    network.recurrent.weight.fill_(weight / 6)
    row = outcome.stability_row(network, torch.Generator().manual_seed(0)).iloc[0]
    assert (row["lyapunov"] > 0) == runs_away
    assert row["left"] == (1.0 if runs_away else 0.0)


def test_a_study_states_what_its_trainings_will_cost() -> None:
    short, long = ({"target": "chain2", "training": {"n_updates": n}} for n in (100, 1000))
    study = load(
        {"study": "s", "emulation": {}, "networks": {"a": short, "b": {**long, "n_seeds": 3}}}, "s"
    )
    costs = training_cost.of_study(study)
    updates = costs["b"].seconds - costs["a"].seconds
    assert costs["a"].seconds - emulation_work.START == pytest.approx(updates / 9)
    sentence = training_cost.sentence(study)
    total = costs["a"].seconds + 3 * costs["b"].seconds
    assert sentence.startswith(
        f"4 trainings will take about {training_cost.duration(total)} on one CPU core"
    )
    assert "(b)" in sentence


def test_cost_grows_with_the_square_of_large_batches() -> None:
    network = EmulationNetwork()
    one, two = (
        emulation_work.of_training(Emulation(batch_size=n, n_steps=20), network)
        for n in (8192, 16384)
    )
    ratio = (two.seconds - emulation_work.START) / (one.seconds - emulation_work.START)
    assert 3 < ratio < 4 and two.memory_mb > 2 * one.memory_mb
    gated = emulation_work.of_training(Emulation(), EmulationNetwork(cell="lstm"))
    assert gated.seconds > 1.5 * emulation_work.of_training(Emulation(), network).seconds


def test_the_command_prints_a_line_for_each_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("study: s\nemulation: {}\nnetworks: {a: {target: chain2, n_seeds: 2}}\n")
    assert training_cost.main([str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a: 2 x ") and lines[1].startswith("2 trainings will take")
    file.write_text("study: s\nemulation: {}\nnetworks: {a: {target: chain}}\n")
    assert training_cost.main([str(file)]) == 1
    assert "there is no target 'chain'" in capsys.readouterr().err
    assert training_cost.main([]) == 2
