"""A network that was trained elsewhere goes through the workflow, beside its untrained control."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hmmlens.recording import activations
from tests.workflow.runs import snakemake

pytestmark = pytest.mark.study

FACTORY = """
from torch import nn

class Net(nn.Module):
    def __init__(self, n_units):
        super().__init__()
        self.rnn = nn.LSTM(2, n_units, 2, batch_first=True, dropout=0.3)
        self.out = nn.Linear(n_units, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])

def build(n_units):
    return Net(n_units)
"""

STUDY = """
study: loaded
device: cpu
datasets:
  bits: {kind: flipflop, n_bits: 2, n_sequences: 24, n_steps: 40, pulse_probability: 0.2}
networks:
  mine:
    kind: torch
    dataset: bits
    factory: mine:build
    kwargs: {n_units: 6}
    weights: weights.pt
    layers: [rnn_l1]
reducers:
  pca-2: {kind: pca, n_components: 2}
sweep: {n_states: [1, 2, 4], n_restarts: 1, max_iter: 10}
validation: {n_bootstrap: 20}
controls: {untrained: true, raw_input: false}
"""


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def user_folder(folder: Path) -> Path:
    """Write a user's module, weights and study; return the study."""
    (folder / "mine.py").write_text(f"import mine_helper\n{FACTORY}")
    (folder / "mine_helper.py").write_text("SCALE = 1\n")
    names: dict[str, Any] = {}
    exec(FACTORY, names)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = names["build"](6)
        torch.save(network.state_dict(), folder / "weights.pt")
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the study once and return its folder."""
    folder = tmp_path_factory.mktemp("loaded")
    run = snakemake(folder, user_folder(folder), "--cores", "1")
    assert run.returncode == 0, run.stdout[-3000:]
    return folder


def test_a_loaded_network_reaches_the_report(done: Path) -> None:
    results = done / "results" / "loaded"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert not (results / "figures" / "overview" / "training.pdf").exists()
    networks = pd.read_csv(results / "tables" / "networks.csv").set_index("network")
    row = networks.loc["mine"]
    assert (row["cell"], row["n_units"], row["n_layers"], row["n_epochs"]) == ("lstm", 6, 1, 0)
    assert 0 < row["replay_error"] < 1e-5
    findings = json.loads((results / "findings.json").read_text())["networks"]
    assert [(t["network"], t["layer"]) for t in findings] == [("mine", "rnn_l1")]
    assert findings[0]["endpoints"] == (
        "Its autonomous dynamics were not studied: it has no single steps that could be called."
    )


def test_its_states_and_scores_are_those_of_the_weights(done: Path) -> None:
    results = done / "results" / "loaded"
    names: dict[str, Any] = {}
    exec(FACTORY, names)
    network = names["build"](6)
    network.load_state_dict(torch.load(done / "weights.pt", weights_only=True))
    network.eval()
    path = results / "mine" / "0" / "activations" / "activations.zarr"
    root, layer = activations.read(path), activations.read(path, "rnn_l1")
    with torch.no_grad():
        hidden = network.rnn(torch.from_numpy(root["input"].to_numpy()))[0]
        output = network.out(hidden).numpy()
    np.testing.assert_allclose(layer["hidden"], hidden, atol=1e-6)
    np.testing.assert_allclose(root["output"], output, atol=1e-6)
    # All sequences are recorded, so that their error is that of the table.
    data = activations.store.read(results / "data" / "bits" / "bits.zarr", "sequences")
    test = data["split"].to_numpy() == 2
    error = float(((output - data["target"].to_numpy())[test] ** 2).mean())
    scores = pd.read_csv(results / "mine" / "0" / "scores.csv").set_index("split")
    assert scores.loc["test", "mse"] == pytest.approx(error, rel=1e-5)
    assert scores["nll"].isna().all()


def test_its_untrained_control_has_other_weights_of_the_same_shapes(done: Path) -> None:
    from safetensors.torch import load_file

    results = done / "results" / "loaded"
    mine, untrained = (
        load_file(results / name / "0" / "network.safetensors")
        for name in ("mine", "mine-untrained")
    )
    for name, weight in mine.items():
        assert untrained[name].shape == weight.shape
        assert not torch.equal(untrained[name], weight)


@pytest.mark.parametrize("name", ["mine.py", "mine_helper.py"])
def test_only_what_changed_runs_again(done: Path, name: str) -> None:
    run = snakemake(done, done / "study.yaml", "--cores", "1", "--dry-run")
    assert "Nothing to be done" in run.stdout
    before = (done / name).read_text()
    (done / name).write_text(before + "\n# Another line.\n")
    run = snakemake(done, done / "study.yaml", "--cores", "1", "--dry-run")
    (done / name).write_text(before)
    assert "load_network" in run.stdout
    assert "record_activations" in run.stdout
    assert "make_dataset" not in run.stdout


@pytest.mark.parametrize("fault", ["hostile", "layer", "missing", "exit"])
def test_what_is_wrong_with_a_network_is_reported(tmp_path: Path, fault: str) -> None:
    study = user_folder(tmp_path)
    if fault == "hostile":
        torch.save({"a": Hostile(tmp_path / "trace")}, tmp_path / "weights.pt")
        message = "opening it could run any code, so it is refused"
    elif fault == "layer":
        study.write_text(STUDY.replace("[rnn_l1]", "[rnn]"))
        message = "there is no layer 'rnn'; the layers of this network are: rnn_l0, rnn_l1"
    elif fault == "exit":
        with open(tmp_path / "mine_helper.py", "a") as helper:
            helper.write("raise SystemExit(0)\n")
        message = "factory mine:build: SystemExit(0) (mine_helper.py, line 2) would end the run"
    else:
        (tmp_path / "weights.pt").unlink()
        message = "weights.pt"
    results = tmp_path / "results" / "loaded"
    target = "results/loaded/mine/0/network.safetensors"
    run = snakemake(tmp_path, study, "--cores", "1", target)
    assert run.returncode != 0
    assert not (tmp_path / "trace").exists()
    assert not (results / "mine" / "0" / "network.safetensors").exists()
    if fault == "missing":
        # Before any job.
        assert message in run.stdout
        assert not (results / "data").exists()
    else:
        assert message in (results / "logs" / "load_network" / "mine" / "0.log").read_text()


BOTH_WAYS = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.rnn = nn.GRU(3, 4, bidirectional=True)
        self.out = nn.Linear(8, 5)

    def forward(self, x):
        return self.out(self.rnn(self.embed(x))[0])
"""

SYMBOLS = """
study: symbols
device: cpu
datasets:
  words: {kind: npz, path: words.npz}
networks:
  mine:
    kind: torch
    dataset: words
    factory: both:Net
    batch_first: false
    weights: weights.pt
    layers: [rnn, rnn_reverse]
reducers:
  pca-2: {kind: pca, n_components: 2}
sweep: {n_states: [1, 2], n_restarts: 1, max_iter: 5}
validation: {n_bootstrap: 20}
controls: {untrained: false, raw_input: true}
"""


@pytest.mark.slow
def test_a_bidirectional_network_of_ragged_symbols_that_train_lacks_in_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, lengths = rng.integers(0, 4, (24, 30)), rng.integers(20, 31, 24)
    x[23, 3] = 4
    split = np.repeat([0, 1, 2], 8)
    np.savez(tmp_path / "words.npz", input=x, length=lengths, split=split)
    (tmp_path / "both.py").write_text(BOTH_WAYS)
    names: dict[str, Any] = {}
    exec(BOTH_WAYS, names)
    network = names["Net"]().eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    (tmp_path / "study.yaml").write_text(SYMBOLS)
    run = snakemake(tmp_path, tmp_path / "study.yaml", "--cores", "1")
    assert run.returncode == 0, run.stdout[-3000:]
    results = tmp_path / "results" / "symbols"
    assert "The train split lacks the input symbol 4, which occurs at 1 step of 1 sequence" in (
        (results / "logs" / "make_dataset" / "words.log").read_text()
    )
    path = results / "mine" / "0" / "activations" / "activations.zarr"
    root = activations.read(path)
    nodes = [activations.read(path, name)["hidden"].to_numpy() for name in ("rnn", "rnn_reverse")]
    for row, sequence in enumerate(root["sequence"].to_numpy()):
        alone = torch.from_numpy(x[sequence, : lengths[sequence], None])
        with torch.no_grad():
            states = network.rnn(network.embed(alone))[0][:, 0].numpy()
        found = np.concatenate([node[row, : len(states)] for node in nodes], axis=1)
        np.testing.assert_allclose(found, states, atol=1e-6)
