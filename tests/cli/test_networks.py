"""The commands that show what is possible with a network before it is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from hmmlens.cli import command as cli
from tests.cli.test_explain import error_line, place  # noqa: F401


def test_layers_are_listed_with_and_without_data(
    place: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["layers", "own_cli_network:build"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("rnn: GRU, forward, 2 inputs, 3 units\n")
    assert "readout of prefixes: not known" in out
    words = ["layers", "own_cli_network:build", "--data", "d.csv", "--kwargs", '{"n_units": 4}']
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("rnn: GRU, forward, 2 inputs, 4 units, 10 steps\n")
    assert "readout of prefixes: yes" in out


def test_a_check_passes_or_refuses_by_its_exit_code(
    place: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["check", "own_cli_network:build", "--weights", "w.safetensors", "--data", "d.csv"]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "data               possible: 12 sequences of 10 steps: 6 train, 3 select, 3 test" in out
    assert cli.main([*words, "--layer", "gru"]) == 2
    assert "recording  refused: there is no layer 'gru'" in capsys.readouterr().out
    # Nothing is written.
    assert sorted(p.name for p in place.iterdir() if not p.name.startswith("__")) == [
        *("d.csv", "own_cli_network.py", "w.safetensors"),
    ]


@pytest.mark.parametrize("command", ["layers", "check"])
def test_bad_input_is_one_line(
    command: str,
    place: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [command, "own_cli_network:build", "--weights", "w.safetensors", "--data", "none.csv"]
    assert cli.main(words) == 2
    assert "--data none.csv: there is no such file" in error_line(capsys)
    words = [command, "own_cli_network:broken", "--weights", "w.safetensors", "--data", "d.csv"]
    assert cli.main(words) == 2
    assert "factory own_cli_network:broken: KeyError" in error_line(capsys)
