"""A study with 18 inputs whose title, columns and labels hold markup and formulas."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hmmlens import user_text
from tests.test_user_text import NASTY
from tests.workflow.runs import snakemake

SCRIPT = "</script><script>alert(1)</script>"


class _Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag == "script"
        if self._open:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.scripts[-1] += data


def study(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    # What a CSV file can hold, and what differs without blanks around it.
    columns = [n for n in NASTY if n.strip() and n.isprintable()][:18]
    assert len(columns) == 18
    table = pd.DataFrame({"sequence": np.repeat(np.arange(30), 20), "time": list(range(20)) * 30})
    table = table.assign(**{name: rng.normal(size=600) for name in columns})
    table["phase"] = rng.choice(["$a_b$", SCRIPT, "=1+1"], size=600)
    table.to_csv(folder / "wide.csv", index=False)
    roles = {"sequence": "sequence", "time": "time", "inputs": columns, "truth": "phase"}
    config = {
        "study": "wide",
        "title": f"{SCRIPT} $x_1$ {{brace}} #let 100%_ \x1b[31mred",
        "device": "cpu",
        "datasets": {"wide": {"kind": "table", "path": "wide.csv", "columns": roles}},
        "networks": {"wide-gru": {"dataset": "wide", "cell": "gru", "n_units": 4, "n_seeds": 1}},
        "training": {"max_epochs": 1},
        "reducers": {"pca-2": {"kind": "pca", "n_components": 2}},
        "sweep": {"n_states": [1, 2], "covariance_types": ["tied"], "n_restarts": 1, "max_iter": 3},
        "validation": {"n_bootstrap": 20},
        "controls": {"untrained": False, "raw_input": True, "reservoir": False},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.mark.slow
def test_text_of_a_study_is_nowhere_live(tmp_path: Path) -> None:
    config = study(tmp_path)
    done = snakemake(tmp_path, config, "--cores", "2")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "\x1b[31m" not in done.stdout
    results = tmp_path / "results" / "wide"
    assert (results / "report.pdf").exists()
    for folder in ("tables", "figures"):
        for path in (results / folder).rglob("*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                for text in (text for row in csv.reader(file) for text in row):
                    assert user_text.cell(text) == text, path
    target = tmp_path / "run.html"
    done = snakemake(tmp_path, config, "--report", str(target))
    assert done.returncode == 0, done.stdout[-3000:]
    page = _Scripts()
    page.feed(target.read_text(encoding="utf-8"))
    page.close()
    assert len(page.scripts) > 10
    assert not any(script.strip().startswith("alert") for script in page.scripts)
