"""The command: its arguments, its defaults, and its messages about mistakes."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hmmlens
from hmmlens.cli import command as cli
from hmmlens.cli.data import settings_of
from hmmlens.datasets.own.table import TableData
from hmmlens.errors import ConfigError, DataError
from hmmlens.io import store
from hmmlens.rnn import recurrent_network

ROOT = Path(hmmlens.__file__).parents[1]

NETWORK = """
import torch

class Own(torch.nn.Module):
    def __init__(self, n_units):
        super().__init__()
        self.rnn = torch.nn.GRU(2, n_units, batch_first=True)
        self.out = torch.nn.Linear(n_units, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])

def build(n_units=3):
    return Own(n_units)

def broken():
    return {}["weights"]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, with a network, its weights and a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_cli_network", raising=False)
    (tmp_path / "own_cli_network.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    recurrent_network.save(
        importlib.import_module("own_cli_network").build(), Path("w.safetensors")
    )
    table().to_csv("d.csv", index=False)
    return tmp_path


def table() -> pd.DataFrame:
    """Return 12 sequences of 10 steps with all the default names."""
    n = np.arange(120)
    values = np.random.default_rng(0).normal(size=(120, 2))
    return pd.DataFrame(
        {
            **{"sequence": n // 10, "time": n % 10, "left": values[:, 0], "right": values[:, 1]},
            "truth": np.where(values[:, 0] > 0, "on", "off"),
            "split": np.array(["train"] * 60 + ["select"] * 30 + ["test"] * 30),
        }
    )


def arguments(**change: Any) -> list[str]:
    """Return good arguments, with some of them changed; None leaves an option out."""
    options: dict[str, Any] = {"weights": "w.safetensors", "data": "d.csv", "out": "found"}
    factory = change.pop("factory", "own_cli_network:build")
    words = ["explain", factory]
    for name, value in (options | change).items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *([] if value is True else str(value).split())]
    return words


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("hmmlens")
    return lines[0]


# --- Arguments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": None}, "the following arguments are required: --data"),
        ({"factory": "own_cli_network"}, "'own_cli_network' is not as my_module:build is"),
        ({"kwargs": "{n_units:3}"}, "is no JSON"),
        ({"kwargs": "[3]"}, "is no JSON object"),
        ({"n_states": "5-2"}, "must rise"),
        ({"n_states": "1,one"}, "'one' is no whole number of 1 or more"),
        ({"outputs": "words"}, "invalid choice: 'words'"),
        ({"seed": "-1"}, "--seed"),
        ({"layer_names": "rnn x"}, "unrecognized arguments: --layer-names rnn x"),
    ],
)
def test_a_wrong_argument_is_reported_in_one_line(
    change: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments(**change))
    assert stopped.value.code == 2
    line = error_line(capsys)
    assert message in line
    assert line.endswith("--help")


def test_numbers_of_states() -> None:
    assert cli.parser().parse_args(arguments(n_states="2-4")).n_states == [2, 3, 4]
    assert cli.parser().parse_args(arguments(n_states="1,2,8")).n_states == [1, 2, 8]
    assert cli.parser().parse_args(arguments()).n_states is None


def settings(**change: Any) -> Any:
    return settings_of(cli.parser().parse_args(arguments(**change)))


def test_columns_of_the_usual_names_need_no_option(place: Path) -> None:
    found = settings()
    assert isinstance(found, TableData)
    assert found.columns.model_dump() == {
        **{"sequence": "sequence", "time": "time", "inputs": ["left", "right"], "targets": None},
        **{"truth": "truth", "group": None, "split": "split"},
    }
    assert found.input_kind == "values"
    # The network reads what stands in the file.
    assert not found.standardise
    table().rename(columns={"sequence": "trial"}).to_parquet("d.parquet")
    found = settings(data="d.parquet", sequence="trial", truth="split", split="truth")
    assert (found.columns.sequence, found.columns.inputs) == ("trial", ["left", "right"])
    found = settings(data="d.parquet", sequence="trial", targets="right")
    assert (found.columns.inputs, found.columns.targets) == (["left"], ["right"])
    assert (found.target_kind, found.horizon) == ("values", 0)
    table()[["sequence", "time", "left"]].to_csv("d.csv", index=False, sep=";")
    found = settings(separator=";", symbols=True)
    assert (found.columns.inputs, found.columns.truth, found.input_kind) == (
        *(["left"], None, "symbols"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "absent.csv"}, "--data absent.csv: there is no such file"),
        ({"data": f"{'x' * 5000}.csv"}, "there is no such file"),
        ({"data": "w.safetensors"}, "must end in .csv, .csv.gz, .parquet, .npz or .zarr"),
        ({"sequence": "trial"}, "there is no column 'trial'; the file has: sequence, time, left"),
        ({"truth": "trueth"}, "there is no column 'trueth' (did you mean 'truth'?)"),
        ({"symbols": True}, "--symbols is for one column, but there are left, right"),
        ({"inputs": "left left"}, "names a column twice"),
        ({"targets": "left left"}, "--targets names a column twice"),
        ({"targets": "rihgt"}, "no column 'rihgt' (did you mean 'right'?), which --targets names"),
        ({"targets": "left right"}, "no column is left for the network to read; see --inputs"),
        ({"separator": "ab"}, "--separator wants one character"),
        ({"split_by": "group"}, "name it with --group"),
        ({"data": "d.npz", "time": "t"}, "--time is for tables"),
    ],
)
def test_what_does_not_fit_the_data_is_reported(
    change: dict[str, Any], message: str, place: Path
) -> None:
    np.savez("d.npz", input=np.zeros((3, 4, 2)))
    with pytest.raises(ConfigError) as caught:
        settings(**change)
    assert message in str(caught.value)


def test_an_index_that_pandas_wrote_is_not_read(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table().to_csv("d.csv")
    assert settings().columns.inputs == ["left", "right"]
    assert "(a column without a name) is not read; it looks like an index" in caplog.text
    pd.read_csv("d.csv").to_csv("d.csv", index=False)
    assert "Unnamed: 0" in Path("d.csv").read_text()
    assert settings().columns.inputs == ["left", "right"]
    assert settings(inputs="left").columns.inputs == ["left"]
    with pytest.raises(ConfigError, match=r"d\.csv: .* at least 1 character"):
        settings_of(cli.parser().parse_args([*arguments(), "--inputs", ""]))
    table().set_index(pd.Index(np.arange(120) ** 2)).to_parquet("d.parquet")
    assert settings(data="d.parquet").columns.inputs == ["left", "right"]


def test_a_header_with_a_column_twice_is_reported(place: Path) -> None:
    text = table().to_csv(index=False)
    for name in ("left", "time"):
        Path("d.csv").write_text(text.replace("right", name, 1))
        with pytest.raises(DataError, match=f"the header has 2 columns '{name}'; rename all but"):
            settings()
    # A column that nothing reads may stand there twice.
    Path("d.csv").write_text(text.replace("truth", "left", 1))
    assert settings(inputs="right").columns.inputs == ["right"]


def test_a_table_separated_otherwise_is_reported(place: Path) -> None:
    for mark, shown in ((";", "';'"), ("\t", "'\\t'"), ("|", "'|'")):
        table().to_csv("d.csv", index=False, sep=mark)
        with pytest.raises(ConfigError) as caught:
            settings()
        assert str(caught.value).endswith(f"separated by {shown}: add --separator {shown}")
        words = [*arguments(), "--separator", shown.strip("'")]
        found = settings_of(cli.parser().parse_args(words))
        assert found.columns.inputs == ["left", "right"]


def test_a_table_without_features_is_reported(place: Path) -> None:
    table()[["sequence", "time", "truth"]].to_csv("d.csv", index=False)
    with pytest.raises(ConfigError, match="no column is left for the network to read"):
        settings()


# --- Running --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factory": "absent:build"}, "No module named 'absent'"),
        (
            {"factory": "own_cli_network:broken"},
            "KeyError (own_cli_network.py, line 17): ",
        ),
        ({"kwargs": '{"width":3}'}, "unexpected keyword argument 'width'"),
        ({"kwargs": '{"n_units":4}'}, "the weights do not fit Own"),
        ({"weights": "absent.pt"}, "absent.pt: there is no such file"),
        ({"weights": "d.csv"}, "d.csv: this is no whole file of torch.save"),
        ({"layer": "lstm"}, "there is no layer 'lstm'"),
        ({"inputs": "left"}, "the network fails on inputs of the shape (12, 10, 1)"),
        ({"out": "."}, "is there already and nothing in it shows that hmmlens wrote it"),
        ({"input_names": "a b c"}, "names['input'] holds 3 names; 2"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(
    change: dict[str, Any], message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in place.iterdir()}
    assert cli.main(arguments(**change)) == 2
    assert message in error_line(capsys)
    assert {path.name for path in place.iterdir()} - {"__pycache__"} == before - {"__pycache__"}


@pytest.mark.study
def test_arrays_are_explained_as_tables_are(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    np.savez(
        "d.npz",
        input=frame[["left", "right"]].to_numpy().reshape(12, 10, 2),
        state=(frame["truth"] == "on").to_numpy().reshape(12, 10).astype(int),
        split=frame["split"].to_numpy(dtype=str).reshape(12, 10)[:, 0],
        feature_names=np.array(["left", "right"]),
        state_names=np.array(["off", "on"]),
    )
    quick = {"n_states": "1-2", "n_restarts": 1, "no_untrained": True, "n_components": 2}
    # Where targets are named, the network's test loss is known.
    both = {"inputs": "left right", "targets": "left right"}
    assert cli.main(arguments(out="aimed", **both, **quick)) == 0
    assert "test loss is" in capsys.readouterr().out
    for data, out in (("d.csv", "table"), ("d.npz", "arrays")):
        assert cli.main(arguments(data=data, out=out, **quick)) == 0
        printed = capsys.readouterr().out
        summary = Path(out, "summary.txt").read_text()
        assert printed == (
            f"{summary}\nThe network received, in this order: left, right.\n"
            f"The explanation: {out}/explanation.html\n"
        )
        made = store.read(Path(out, "data", "sequences", "sequences.zarr"), "sequences")
        assert list(made.attrs["feature_names"]) == ["left", "right"]
    for name in ("by_count", "states", "transitions"):
        one, other = (Path(out, "tables", f"{name}.csv") for out in ("table", "arrays"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.study
def test_one_recording_is_cut_and_the_findings_note_it(
    place: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    np.savez("d.npz", input=np.random.default_rng(0).normal(size=(1, 400, 2)))
    quick = {"n_states": "1-2", "n_restarts": 1, "no_untrained": True, "n_components": 2}
    assert cli.main(arguments(data="d.npz", **quick)) == 0
    sentence = "No split was given, so one recording of 400 steps was cut in time: train has its "
    sentence += "steps 1 to 216 in 4 blocks, select has its steps 237 to 308 in 1 block"
    for text in (capsys.readouterr().out, caplog.text, Path("found/summary.txt").read_text()):
        assert sentence in text
    assert sentence in Path("found/explanation.html").read_text()


@pytest.mark.study
def test_layers_and_time_first_are_those_of_explain(place: Path) -> None:
    text = NETWORK.replace("batch_first=True", "batch_first=False, num_layers=2")
    (place / "own_time_first.py").write_text(text)
    recurrent_network.save(importlib.import_module("own_time_first").build(), Path("w.safetensors"))
    quick = {"n_states": "1-2", "n_restarts": 1, "no_untrained": True, "n_components": 2}
    more = {"factory": "own_time_first:build", "time_first": True, "layers": "rnn_l0", **quick}
    assert cli.main(arguments(**more)) == 0
    assert Path("found/summary.txt").read_text().startswith("Layer rnn_l0: 3 units, 12 sequences")


def test_debug_shows_where_an_error_arose(place: Path) -> None:
    with pytest.raises(hmmlens.errors.DataError) as caught:
        cli.main([*arguments(factory="own_cli_network:broken"), "--debug"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_ctrl_c_is_reported(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hmmlens.stages.record.extract", stop)
    assert cli.main(arguments(n_states="1-2")) == 130
    assert "takes up what was recorded" in capsys.readouterr().err


def test_the_command_is_installed_under_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["hmmlens"].partition(":")
    assert getattr(importlib.import_module(module), function) is cli.main
    done = subprocess.run(
        [sys.executable, "-m", "hmmlens", "explain", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--weights" in done.stdout


@pytest.mark.study
def test_settings_of_a_file_are_those_of_the_options(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("settings.yaml").write_text(
        "sweep: {n_states: [1, 2], n_restarts: 1}\n"
        "reducers: {pca-2: {kind: pca, n_components: 2}}\n"
        "controls: {untrained: false}\n"
    )
    quick = {"n_states": "1-2", "n_restarts": 1, "no_untrained": True, "n_components": 2}
    assert cli.main(arguments(out="options", **quick)) == 0
    assert cli.main(arguments(out="file", config="settings.yaml")) == 0
    for name in ("by_count", "states", "transitions"):
        one, other = (Path(out, "tables", f"{name}.csv") for out in ("options", "file"))
        assert one.read_bytes() == other.read_bytes()
    capsys.readouterr()
    Path("settings.yaml").write_text("sweep: {n_restart: 1}\n")
    assert cli.main(arguments(config="settings.yaml")) == 2
    assert "settings.yaml: sweep.n_restart" in error_line(capsys)
