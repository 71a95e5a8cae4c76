"""README: its snippets run, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from hmmlens.datasets.synthetic.generators import sample_flipflop
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.study.config import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def made_up_hidden() -> np.ndarray:
    """Return (sequence, time, unit) that stays for a while at each of three places."""
    rng = np.random.default_rng(0)
    places = rng.normal(size=(3, 16))
    stay = rng.integers(0, 3, size=(20, 5)).repeat(10, axis=1)
    return places[stay] + 0.1 * rng.normal(size=(20, 50, 16))


@pytest.mark.study
def test_python_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = np.random.default_rng(0).integers(0, 3, size=(4, 20))
    values, _, _ = sample_flipflop(2, 0.2, 20, 40, np.random.default_rng(0))
    network = RecurrentNetwork("gru", 2, 2, 6, symbols_in=False, symbols_out=False)
    names: dict[str, object] = {"hidden": made_up_hidden(), "symbols": inputs}
    names |= {"model": network, "inputs": values.astype(np.float32)}
    assert blocks("python")
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), names)


def test_configs_are_valid() -> None:
    assert blocks("yaml")
    for text in blocks("yaml"):
        load(yaml.safe_load(text), "README.md")


def test_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    code = "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", README)])
    named = set(re.findall(r"^make ([a-z]+)", code, flags=re.MULTILINE))
    assert {"report", "test"} <= named <= targets


def test_paths_and_studies_are_there() -> None:
    table = README.split("## Where each thing is")[1].split("\n## ")[0]
    paths = re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE)
    assert len(paths) > 10
    links = re.findall(r"\]\(([^):]+)\)", README)
    assert [path for path in paths + links if not (ROOT / path).exists()] == []
