"""Weights from elsewhere are data: code in them never runs; controls forget what was learnt."""

from __future__ import annotations

import copy
import io
import os
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from hmmlens.rnn import factories, loading, output_checks, recurrent_network, weights_files

FACTORY = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, n_units=4):
        super().__init__()
        self.rnn = nn.GRU(3, n_units, batch_first=True)
        self.out = nn.Linear(n_units, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])

def build(n_units=4):
    return Net(n_units)

def text():
    return "no module"

def kind():
    return Net

def pair():
    return Net(), None

def nothing():
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a user's factory, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "models.py").write_text(FACTORY)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def build(folder: Path, **kwargs: Any) -> nn.Module:
    return factories.build("mine.models:build", kwargs, folder)


def values() -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32))


# --- Factories ------------------------------------------------------------------------------


def test_a_factory_builds_with_its_arguments(folder: Path) -> None:
    path = list(sys.path)
    state = torch.get_rng_state()
    module = build(folder, n_units=7)
    assert module.rnn.hidden_size == 7
    assert not module.training
    assert sys.path == path
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("absent.models:build", "factory absent.models:build: No module named 'absent'; put the"),
        ("mine.models:made", "the module mine.models has no made"),
        ("mine.models:text", "made a str, no torch.nn.Module"),
        ("mine.models:pair", "made a tuple, no torch.nn.Module"),
        ("mine.models:nothing", "made a NoneType, no torch.nn.Module"),
        ("mine.models:kind", r"returned the class Net itself; return an instance, Net\(...\)"),
    ],
)
def test_a_factory_that_gives_no_module_is_refused(
    folder: Path, factory: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        factories.build(factory, {}, folder)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_units": 2, "n_layers": 2}, "unexpected keyword argument 'n_layers'"),
        ({}, "missing a required"),
    ],
)
def test_arguments_that_a_factory_does_not_take_are_refused(
    folder: Path, kwargs: dict[str, Any], message: str
) -> None:
    (folder / "mine" / "sized.py").write_text("def build(n_units): return n_units")
    with pytest.raises(DataError, match=f"factory mine.sized:build with .*: .*{message}"):
        factories.build("mine.sized:build", kwargs, folder)


# --- Weights --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["safetensors", "state dict", "checkpoint", "old torch file"])
def test_weights_of_any_form_give_the_same_network(folder: Path, form: str) -> None:
    trained = loading.reinitialise(build(folder), 7)
    path = folder / ("w.safetensors" if form == "safetensors" else "w.pt")
    if form == "safetensors":
        save_file(trained.state_dict(), path)
    elif form == "checkpoint":
        torch.save({"epoch": 3, "state_dict": trained.state_dict()}, path)
    else:
        torch.save(
            trained.state_dict(), path, _use_new_zipfile_serialization=form != "old torch file"
        )
    other = weights_files.fill(build(folder), weights_files.read_weights(path), path)
    assert torch.equal(other(values()), trained(values()))


class Hostile:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["alone", "next to weights", "plain pickle", "old torch file"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, form: str) -> None:
    path, trace = tmp_path / "w.pt", tmp_path / "trace"
    content: Any = Hostile(trace)
    if form == "next to weights":
        content = {"state_dict": {"weight": torch.zeros(2)}, "callback": content}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form != "old torch file")
    with pytest.raises(DataError) as caught:
        weights_files.read_weights(path)
    assert not trace.exists()
    message = str(caught.value)
    assert message.startswith(
        f"{path}: this file holds Python objects, and opening it could run any"
    )
    assert "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')" in message
    assert "\n" not in message
    # The file is as hostile as it looks.
    if form == "plain pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert trace.exists()


def test_a_whole_module_is_refused(folder: Path) -> None:
    path = folder / "w.pt"
    torch.save(build(folder), path)
    with pytest.raises(DataError, match="this file holds Python objects"):
        weights_files.read_weights(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.safetensors", b"nothing", "this is no whole safetensors file"),
        ("w.pt", b"", "this is no whole file of torch.save"),
        ("w.pt", b"sequence,time\n0,0\n", "this is no whole file of torch.save"),
        ("w.pt", None, "there is no such file"),
    ],
)
def test_files_that_hold_nothing_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path}: {message}"):
        weights_files.read_weights(path)


def test_a_file_that_was_cut_off_is_refused(folder: Path) -> None:
    path = folder / "w.pt"
    torch.save(build(folder).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"no whole file of torch.save|holds Python objects"):
        weights_files.read_weights(path)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "old torch file"])
def test_a_damaged_file_is_refused(folder: Path, new: bool) -> None:
    path = folder / "w.pt"
    torch.save(build(folder).state_dict(), path, _use_new_zipfile_serialization=new)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    n_refused = 0
    for end in rng.integers(0, len(whole), size=60):
        damaged = bytearray(whole)
        damaged[end : end + 3] = rng.bytes(len(damaged[end : end + 3]))
        for content in (whole[:end], bytes(damaged)):
            path.write_bytes(content)
            try:
                # A number of an array may be hit, which nobody can see.
                weights_files.read_weights(path)
            except DataError as error:
                assert str(path) in str(error)
                assert "\n" not in str(error)
                n_refused += 1
    assert n_refused > 60


def test_an_archive_of_the_first_torch_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    path, trace = tmp_path / "w.pt", tmp_path / "trace"
    content = pickle.dumps(Hostile(trace))
    with tarfile.open(path, "w") as file:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            file.addfile(about, io.BytesIO(content))
    with pytest.raises(DataError, match="this file holds Python objects") as caught:
        weights_files.read_weights(path)
    assert "weights_only" not in str(caught.value)
    assert not trace.exists()


def test_a_scripted_module_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/constants.pkl", b"\x80\x02).")
        file.writestr("net/code/net.py", "import os")
    with pytest.raises(DataError, match=str(path)):
        weights_files.read_weights(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "holds no weights by name, but a list"),
        ({"lr": 0.1, "weight": torch.zeros(2)}, "'lr' is no array by name"),
        ({0: torch.zeros(2)}, "0 is no array by name"),
        ({}, "holds no weights by name"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "w.pt"
    torch.save(content, path)
    with pytest.raises(DataError, match=message):
        weights_files.read_weights(path)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    path = folder / "w.pt"
    torch.save(build(folder, n_units=5).state_dict(), path)
    with pytest.raises(DataError) as caught:
        weights_files.fill(build(folder), weights_files.read_weights(path), path)
    message = str(caught.value)
    assert message.startswith(f"{path}: the weights do not fit Net: size mismatch for rnn")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"out.bias": None}, r'Missing key\(s\) in state_dict: "out.bias"'),
        ({"more": torch.zeros(2)}, r'Unexpected key\(s\) in state_dict: "more"'),
        ({"out.bias": torch.zeros(3)}, "size mismatch for out.bias"),
    ],
)
def test_keys_that_do_not_fit_are_named(
    folder: Path, change: dict[str, Tensor | None], message: str
) -> None:
    path, content = folder / "w.safetensors", build(folder).state_dict() | change
    save_file({name: value for name, value in content.items() if value is not None}, path)
    with pytest.raises(DataError, match=f"{path}: the weights do not fit Net: {message}"):
        weights_files.fill(build(folder), weights_files.read_weights(path), path)


def test_tied_weights_are_saved_once_more(tmp_path: Path) -> None:
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    recurrent_network.save(tied, tmp_path / "w.safetensors")
    weights_files.fill(tied, weights_files.read_weights(tmp_path / "w.safetensors"), tmp_path)


# --- Untrained controls ------------------------------------------------------------------------


class Learnt(nn.Module):
    """A module with parameters and buffers of several kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 4, 2, batch_first=True)
        self.norm = nn.BatchNorm1d(4)
        self.start = nn.Parameter(torch.arange(8.0).view(2, 4))


def test_an_untrained_control_has_new_weights_from_its_seed() -> None:
    torch.manual_seed(1)
    module = Learnt()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(3)
        module.norm.running_mean.fill_(5)
    learnt = {k: v.clone() for k, v in module.state_dict().items()}
    state = torch.get_rng_state()
    controls = [
        loading.reinitialise(copy.deepcopy(module), seed).state_dict() for seed in (1, 1, 2)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    for name in learnt:
        assert torch.equal(controls[0][name], controls[1][name])
        if name.startswith("rnn"):
            assert not torch.equal(controls[0][name], controls[2][name])
            # Torch draws from a range of 1 / sqrt(units).
            assert controls[0][name].abs().max() <= 0.5
    assert (controls[0]["norm.running_mean"] == 0).all()
    assert not torch.equal(controls[0]["start"], learnt["start"])
    assert torch.equal(controls[0]["start"].flatten().sort().values, learnt["start"].flatten())


# --- Fitting the dataset --------------------------------------------------------------------


def dataset(kind: str = "values") -> xr.Dataset:
    shape = (4, 6) if kind == "symbols" else (4, 6, 2)
    dims = ("sequence", "time", "output")[: len(shape)]
    data = xr.Dataset({"target": (dims, np.zeros(shape))}, attrs={"target_kind": kind})
    return data.assign_attrs(n_symbols=2)


@pytest.mark.parametrize("kind", ["values", "symbols"])
def test_outputs_that_fit_are_returned(folder: Path, kind: str) -> None:
    tree = hmmlens.extract(build(folder), values())
    output = output_checks.check_recording(tree, dataset(kind), ["rnn"])
    np.testing.assert_array_equal(output, tree["output"])


def test_outputs_and_layers_that_do_not_fit_are_refused(folder: Path) -> None:
    module = build(folder)
    tree = hmmlens.extract(module, values())
    with pytest.raises(DataError, match=r"there is no layer 'gru'; the layers .* are: rnn"):
        output_checks.check_recording(tree, dataset(), ["gru"])
    three = dataset("symbols").assign_attrs(n_symbols=3)
    with pytest.raises(DataError, match=r"= \(4, 6, 3\), a logit for each symbol .* \(4, 6, 2\)"):
        output_checks.check_recording(tree, three, ["rnn"])
    tree["output"][2, 5, 1] = np.nan
    with pytest.raises(DataError, match="'output 2' is NaN at sequence 2, step 5; look into"):
        output_checks.check_recording(tree, dataset(), ["rnn"])
    tree["output"][:] = 3
    with pytest.raises(DataError, match=r"never changes \(it is \(3, 3\) at every step\)"):
        output_checks.check_recording(tree, dataset(), ["rnn"])
    last = hmmlens.extract(nn.GRU(3, 2, batch_first=True), values()[:, :, :])
    del last["output"]
    with pytest.raises(DataError, match="found no tensor"):
        output_checks.check_recording(last, dataset(), ["rnn"])
