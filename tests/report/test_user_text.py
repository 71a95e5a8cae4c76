"""Names of the user's reach pages, tables, figures and reports as text and as nothing else."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from hmmlens import explain, user_text
from hmmlens.errors import ConfigError
from hmmlens.report import document
from hmmlens.report.explain import tables, typeset
from hmmlens.report.explain.result import Explanation
from tests.test_user_text import NASTY

TEMPLATE = document.TEMPLATES / "explain.typ"
#: What a page is made of.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "figure", "img"),
    *("details", "summary"),
    *("figcaption", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"),
}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(len(NASTY), 4, batch_first=True)
        self.out = nn.Linear(4, len(NASTY))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.out(self.gru(x)[0])
        return result


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(10, 30, len(NASTY))).astype(np.float32)
    truth = rng.integers(0, len(NASTY), size=(10, 30))
    names = dict.fromkeys(("input", "output", "truth"), NASTY)
    return explain(
        Network(), inputs, truth=truth, names=names, n_states=[1, 2], n_restarts=1, untrained=None
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def saved(explanation: Explanation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user_text") / "found"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        explanation.save(folder)
    return folder


@pytest.mark.study
def test_a_page_holds_names_as_text(explanation: Explanation, saved: Path) -> None:
    page = _Page()
    page.feed((saved / "explanation.html").read_text(encoding="utf-8"))
    page.close()
    assert page.elements <= ELEMENTS
    assert not {name for name in page.attributes if name.startswith("on")}
    summary = explanation.summary()
    # On the page the reasons of the verdict are a list, and the choice by likelihood has a heading.
    headings = ("- ", "Number of states by likelihood. ")
    lines = summary.splitlines()
    for heading in headings:
        lines = [line.removeprefix(heading) for line in lines]
    assert [line for line in lines if line not in page.text] == []
    kinds = {unicodedata.category(c) for c in summary if c != "\n"}
    assert not kinds & {"Cc", "Cs"}


@pytest.mark.study
def test_a_folder_holds_names_that_run_nothing(saved: Path) -> None:
    found = list(saved.rglob("*.csv"))
    assert len(found) > 5
    for path in found:
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
            for text in row:
                assert user_text.cell(text) == text, path
    for path in saved.rglob("*.tex"):
        assert "$x_1$" not in path.read_text(encoding="utf-8").replace(r"\$", "")
    assert (saved / "summary.txt").read_text(encoding="utf-8")
    figure = next((saved / "figures").rglob("*-bands.csv"))
    head = next(csv.reader(io.StringIO(figure.read_text(encoding="utf-8"))))
    # All of more inputs than are drawn.
    assert "$x_1$" in head and "'=1+2" in head and len(head) == len(NASTY) + 3


def test_tables_without_formulas_keep_their_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [-1.5, np.nan], "b": ["x", "-2"], "c": [True, None], "d": [1, 2]})
    tables.save(table, tmp_path / "t")
    expected = table.to_csv(index=False, float_format="%.6g")
    assert (tmp_path / "t.csv").read_text() == expected


def test_messages_steer_no_terminal() -> None:
    error = ConfigError("no column '\x1b[31mred\x1b[0m' in caf\udce9.csv\nhere")
    assert str(error) == "no column 'red' in caf\N{REPLACEMENT CHARACTER}.csv\nhere"


def test_parameters_of_rules_end_no_script() -> None:
    about = {"title": "</script><script>x()</script> {brace}"}
    text = document.params(about)
    assert "<" not in text
    assert json.loads(text) == about


# --- The report -----------------------------------------------------------------------------

#: Columns of each table that the template reads, with a value.
COLUMNS = {
    "verdicts": "role=trained grade=D supported=True n_states=3 input_driven=False fidelity_5=.9 "
    "codebook_5=.8 hmm_gain_5=.1 hmm_gain_5_low=0 hmm_gain_5_high=.2 linear_5=.7 "
    "grade_without_gate=D reasons=so resolution=3 count_sentence=3 "
    "trainings_sentence=3 repeated=no",
    "networks": "role=trained n_parameters=9 n_epochs=2 metric=mse test=1 floor=.5 "
    "best_baseline_score=1 best_baseline=mean replay_error=1e-8",
    "states": "pick=explained state=A occupancy=1 mean_dwell=2 model_dwell=2 top_input_mean=1 "
    "top_output_mean=1 top_truth_share=1 dwell_told=2",
    "checks": "check=dwells value=1 p_adjusted= holds=True sentence=well",
}


def write_tables(folder: Path, networks: list[str], layer: str, names: list[str]) -> list[Path]:
    paths = []
    for name, columns in COLUMNS.items():
        row = dict(part.split("=") for part in columns.split())
        rows = [
            {"network": network, "seed": "0", "layer": layer, "dataset": "mine", **row}
            for network in networks
        ]
        table = pd.DataFrame(rows)
        if name == "states":
            texts = map(user_text.readable, names)
            columns = ("top_input", "top_output", "top_truth", "input_told", "output_told")
            table = pd.concat([table.assign(**dict.fromkeys(columns, n)) for n in texts])
        tables.save(table, folder / name)
        paths.append(folder / f"{name}.csv")
    return paths


def pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: list[str], layer: str, title: str
) -> list[Image.Image]:
    """Set the report and return its pages as pictures of 72 points an inch."""
    import typst

    compile_ = typst.compile
    drawn: list[bytes] = []

    def recorded(path: Path, **settings: object) -> bytes:
        found = compile_(path, **settings, format="png", ppi=72)  # type: ignore[call-overload]
        drawn.extend(found if isinstance(found, list) else [found])
        return b"%PDF"

    monkeypatch.setattr(typst, "compile", recorded)
    about = {
        "title": title, "study": "mine", "seed": 0, "version": "0", "engine": "numpy",
        "many_layers": True, "tolerance": 0.02, "covariance_types": ["tied"], "criterion": "bic",
        "n_states": "1 to 3", "n_restarts": 1, "max_iter": 9, "min_covar": 0.1,
        "reducers": ["pca"], "max_frames": 9, "sources": {},
    }  # fmt: skip
    sentences = (
        "task_name",
        "answer",
        "evidence",
        "limit",
        "same_output",
        "task",
        "choice",
        "gain",
    )
    said = dict.fromkeys(
        (*sentences, "outputs", "transitions", "agreement", "endpoints"), "As it is."
    )
    reasons = [
        {"holds": True, "sentence": title, "question": ""},
        {"holds": None, "sentence": "As it is.", "question": "Is it so"},
    ]
    known = {"reasons": reasons, "certified": True}
    shared = {"layer": layer, "dataset": "mine", **known, **said}
    facts = {
        "about": about,
        "networks": [{"network": n, **shared} for n in networks],
        "datasets": {"mine": {"task": title, "truth": " ".join(NASTY), "note": title}},
        "grade_words": {"D": "discrete"},
    }
    stems = {
        "overview": ["controls"],
        networks[0]: [f"{layer}-{k}" for k in ("selection", "scores", "trajectories", "bands")],
    }
    facts["figures"] = typeset.place_figures(stems, [(n, layer) for n in networks])
    paths = write_tables(tmp_path / "tables", networks, layer, NASTY)
    picture = tmp_path / "picture.pdf"
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(2, 1))
    figure.savefig(picture)
    plt.close(figure)
    figures: dict[str, list[Path]] = {}
    for folder, names in stems.items():
        for stem in names:
            path = tmp_path / folder / f"{stem}.pdf"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.read_bytes())
            figures.setdefault(folder, []).append(path)
    document.compile_pdf(TEMPLATE, facts, paths, figures, tmp_path / "report.pdf")
    return [Image.open(io.BytesIO(page)).convert("L") for page in drawn]


@pytest.mark.parametrize(
    "many",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["long names", "many networks"],
)
def test_a_report_keeps_to_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    networks = [f"network-{i}-{'x' * 28}" for i in range(60 if many else 2)]
    title = " ".join(NASTY)
    found = pages(tmp_path, monkeypatch, networks, "layer_" + "y" * 74, title)
    assert len(found) > (6 if many else 2)
    for page in found:
        ink = np.asarray(page) < 200
        # Margins are 16 and 18 mm; in the lower one stands the number of the page.
        assert not ink[:, :30].any() and not ink[:, -30:].any(), "reaches into the side margins"
        assert not ink[:14].any() and not ink[-14:].any(), "reaches into the edges of the page"
