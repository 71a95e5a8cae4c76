"""The example of a user's own network runs both ways and finds what is known to be there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import adjusted_rand_score

from hmmlens.hmm import storage
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.stages.futures import compare_futures

# Each explains a network from end to end.
pytestmark = pytest.mark.study

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "own_network"


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the folder in which both ways have run."""
    folder = tmp_path_factory.mktemp("example") / "own_network"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("explained_by_*", "__pycache__"))
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "PYTHON": sys.executable}
    for command in ([sys.executable, "explain_it.py"], ["sh", "explain_it.sh"]):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "has the 4 states of the verdict" in done.stdout
    return folder


@pytest.fixture
def lexer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Yield the user's module."""
    monkeypatch.syspath_prepend(EXAMPLE)
    import lexer

    yield lexer
    del sys.modules["lexer"]


def test_weights_do_the_task_and_data_are_what_the_scripts_make(lexer: ModuleType) -> None:
    network = lexer.build()
    network.load_state_dict(load_file(EXAMPLE / "weights.safetensors"))
    text, states = lexer.write_programs(100, 50, seed=12345)
    emitted = network(torch.from_numpy(text)).argmax(dim=2).numpy()
    assert (emitted == lexer.classes_of(states)).mean() > 0.999
    table = pd.read_csv(EXAMPLE / "data.csv")
    text, states = lexer.write_programs(60, 50, seed=1)
    np.testing.assert_array_equal(table["character"], text.ravel())
    assert list(table["truth"]) == [lexer.STATES[state] for state in states.ravel()]


def test_futures_show_the_escape_that_no_output_shows(lexer: ModuleType) -> None:
    network = lexer.build()
    network.load_state_dict(load_file(EXAMPLE / "weights.safetensors"))
    text, states = lexer.write_programs(60, 50, seed=1)
    with torch.no_grad():
        output = network(torch.from_numpy(text)).numpy()
    split = np.repeat([0, 1, 2], [36, 12, 12])
    found = compare_futures(network, text, output, np.full(60, 50), split, "symbols")
    assert found is not None and found.numbers["n_classes"] == 4
    known = found.classes >= 0
    assert adjusted_rand_score(states[known], found.classes[known]) > 0.99


@pytest.mark.parametrize("way", ["python", "command"])
def test_stores_hold_the_states_of_the_grammar(copied: Path, way: str, lexer: ModuleType) -> None:
    out = copied / f"explained_by_{way}"
    run = out / "network" / "0"
    reading = store.read(run / "memory" / "explanation" / "explanation.zarr", "explanation")
    root = activations.read(run / "activations" / "activations.zarr")
    path = reading["path"][reading.attrs["picks"].index("explained")].to_numpy()
    test = root["split"].to_numpy() == 2
    assert 10 <= test.sum() <= 14
    # The truth comes from the table, not from what was stored.
    states = pd.read_csv(copied / "data.csv")["truth"].map(lexer.STATES.index).to_numpy()
    states = states.reshape(60, 50)[root["sequence"].to_numpy()]
    found = path[test].ravel()
    assert adjusted_rand_score(states[test].ravel(), found) > 0.98
    scores = pd.read_csv(out / "tables" / "by_count.csv")
    four = scores[scores["n_states"] == 4].set_index("role")
    assert four.loc["trained", "ari_low"] > 0.7
    for control in ("untrained", "raw input"):
        assert four.loc[control, "ari_high"] < 0.3
        assert four.loc[control, "fidelity_test"] < 0.6 < four.loc["trained", "fidelity_test"]
    sweep = store.read(run / "memory" / "pca-8" / "sweep" / "sweep.zarr", "sweep").load()
    assert storage.model(sweep, "tied", 4).transmat_.shape == (4, 4)
    assert (out / "explanation.html").read_text().count("<img") >= 5


def test_numbers_of_the_readme_are_those_found(copied: Path) -> None:
    text = " ".join((EXAMPLE / "README.md").read_text().split())
    tables = copied / "explained_by_python" / "tables"
    row = pd.read_csv(tables / "verdicts.csv").iloc[0]
    assert (row["grade"], row["n_states"]) == ("D", 4) and '"Discrete states, 4 of them"' in text
    scores = pd.read_csv(tables / "by_count.csv")
    four = scores[scores["n_states"] == 4].set_index("role")
    assert f"(fidelity {four.loc['trained', 'fidelity_test']:.2f})" in text
    assert f"(ARI {four.loc['trained', 'ari']:.2f})" in text
    # What EM finds where there are no clusters differs between processors.
    assert "or those of the characters without a network (both below 0.1)" in text
    assert (four.loc[["untrained", "raw input"], "ari"] < 0.1).all()


def test_both_ways_give_the_same(copied: Path) -> None:
    one, other = (copied / f"explained_by_{way}" for way in ("python", "command"))
    names = {path.name for path in (one / "tables").iterdir()}
    assert names == {path.name for path in (other / "tables").iterdir()}
    for name in names:
        assert (one / "tables" / name).read_bytes() == (other / "tables" / name).read_bytes(), name
    assert (one / "summary.txt").read_bytes() == (other / "summary.txt").read_bytes()


def test_the_minimal_example_finds_four_memories_and_one_survives_its_test() -> None:
    command = [sys.executable, ROOT / "examples" / "minimal.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "of the best: 4" in done.stdout
    number = r"(-?\d\.\d?)"
    outputs = re.findall(rf"output \[ ?{number}  ?{number} ?\]", done.stdout)
    *named, last = [tuple(round(float(part)) for part in pair) for pair in outputs]
    assert sorted(named) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    assert last == named[0]
