"""The commands that show what is possible with a network before it is explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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


NAMED = """
import torch

class Named(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(4, 2)
        self.rnn = torch.nn.GRU(3, 5, batch_first=True)

    def forward(self, x, token, start):
        assert not token.is_floating_point()
        h = start[:, None].expand(-1, 5)[None].contiguous()
        states, last = self.rnn(torch.cat([x, self.embed(token)], dim=-1), h)
        return {"y_hat": states, "h_n": last[0]}

def feed(data):
    return (data["x"], data["word"]), {"start": data["level"]}
"""


def test_several_inputs_and_outputs_are_read(
    place: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    (place / "own_named_network.py").write_text(NAMED)
    rng = np.random.default_rng(0)
    np.savez(
        "d.npz",
        input_x=rng.normal(size=(12, 7, 1)),
        input_word=rng.integers(0, 4, (12, 7)),
        input_level=rng.normal(size=12),
    )
    words = ["layers", "own_named_network:Named", "--data", "d.npz", "--output", "y_hat"]
    assert cli.main(words) == 2
    line = error_line(capsys)
    assert "the inputs are x, word, level, and Named.forward(x, token, start)" in line
    assert "give feed" in line
    assert cli.main([*words, "--feed", "own_named_network:feed"]) == 0
    assert capsys.readouterr().out.startswith("rnn: GRU, forward, 3 inputs, 5 units, 7 steps\n")
    assert cli.main([*words[:-2], "--feed", "own_named_network:feed"]) == 2
    assert "several tensors by name: y_hat, h_n; name its output" in error_line(capsys)
    assert cli.main([*words, "--feed", "own_named_network:none"]) == 2
    assert "feed own_named_network:none: the module own_named_network has no none" in (
        error_line(capsys)
    )


def test_feed_and_output_do_not_go_with_recorded_states(
    place: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["explain", "--states", "d.npz", "--out", "found", "--output", "y_hat"])
    assert "--output does not go with --states" in capsys.readouterr().err
