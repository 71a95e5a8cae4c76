"""The report of a study of emulating networks is set from whatever tables there are."""

import json
import shutil
import subprocess

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from hmmlens.report import document

TEMPLATE = document.TEMPLATES / "emulation.typ"
ABOUT = {"title": "A study", "study": "made-up", "scale": "laptop", "seed": 1, "version": "0.0"}


def network(**changed):
    row = {"network": "chain2-a", "target": "chain2", "seed": 0, "cell": "relu", "leak": 0.5}
    row |= {"n_units": 150, "n_noise": 100, "bias": False, "objective": "split", "n_steps": 50}
    row |= {"batch_size": 512, "n_updates": 800.0, "diverged": True, "loss_ratio": None}
    return row | {"transition_error": 4.2e-05, "lyapunov": -0.12, "cpu_training": 80.4} | changed


def tables():
    gate = {"gate": "Loss near the floor", "limit": "at least", "wanted": 0.8, "value": 0.75}
    gate |= {"low": 0.2, "high": 0.99, "n": 4, "outcome": "missed"}
    other = gate | {"gate": "Never asked", "outcome": "not asked", "value": None}
    claim = {"topic": "dynamics", "what": "variance explained", "target": "chain2", "paper": "0.5"}
    claim |= {"ours": 0.61, "low": None, "high": None, "n": 1, "answer": "differs"}
    claim |= {"source": "a figure", "rule": "within a tenth"}
    factor = {"target": "chain2", "objective": "sinkhorn", "n": 256, "factor": 0.4}
    factor |= {"low": 0.4, "high": 0.5, "at_edge": True}
    shrunk = {"target": "chain2", "objective": "sinkhorn", "of": "value at the target"}
    shrunk |= {"power": None, "power_low": None, "power_high": None, "smallest_n": 256}
    shrunk |= {"at_smallest": 17.2, "largest_n": 4096, "at_largest": 11.3}
    refused = {"network": "gru", "target": "chain2", "seed": 1, "step": "kicks", "reason": "why"}
    cost = {"step": "reverse", "network": "chain2-a", "n": 3, "cpu_seconds": 61.0}
    return {
        "networks": [network(), network(diverged=False, lyapunov=None, n_updates=None)],
        "gates": [gate, other],
        "paper": [claim, claim | {"answer": "not asked", "what": "nobody asked this"}],
        "bias_best_factor": [factor],
        "bias_shrinkage": [shrunk],
        "refusals": [refused],
        "cost": [cost | {"memory_mb": 700.0}],
    }


def text_of(pdf):
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    extracted = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    return " ".join(extracted.stdout.decode().split())


def written(tmp_path, found, **facts):
    paths = []
    for name, rows in found.items():
        paths.append(tmp_path / f"{name}.csv")
        pd.DataFrame(rows).to_csv(paths[-1], index=False)
    content = {
        "about": ABOUT,
        "outcome": ["1 of 2."],
        "comparison": ["One differs."],
        "answers": {},
    }
    content |= {"figures": [], "tables": list(found)} | facts
    figures = []
    for drawn in (one for part in content["figures"] for one in part["figures"]):
        figures.append(tmp_path / f"{drawn['name']}.pdf")
        figure, _ = plt.subplots(figsize=(1, 1))
        figure.savefig(figures[-1])
        plt.close(figure)
    output = tmp_path / "report.pdf"
    document.compile_pdf(TEMPLATE, json.loads(json.dumps(content)), paths, {"": figures}, output)
    return output


def test_a_whole_study_is_reported(tmp_path):
    captions = {"losses": "What losses do.", "rates": "What rates do."}
    answers = {"bias": ["It is biased."]}
    drawn = [{"name": name, "caption": caption} for name, caption in captions.items()]
    figures = [{"section": "Training of networks", "figures": drawn}]
    pdf = written(tmp_path, tables(), figures=figures, answers=answers)
    text = text_of(pdf)
    for words in (
        "Loss near the floor at least 0.80 0.750 0.200 to 0.990 4 missed",
        "variance explained chain2 0.5 0.610 – 1 differs",
        "within a tenth",
        "(1) a figure",
        "0.40 to 0.50 yes",
        "17.2 at 256 11.3 at 4096 –",
        "It is biased.",
        "What losses do.",
        "What rates do.",
        "Training of networks",
        "relu, leak 0.5",
        "– (diverged)",
        "−0.12 80",
        "gru 1 kicks why",
    ):
        assert words in text, words
    for words in ("Never asked", "nobody asked this", "none of"):
        assert words not in text, words
    # A small number keeps its digits.
    assert "4.2 · 10−5" in text or "4.2 · 10 −5" in text


def test_a_study_with_next_to_nothing_is_reported_too(tmp_path):
    few = {name: rows for name, rows in tables().items() if name in ("networks", "gates")}
    text = text_of(written(tmp_path, few))
    assert "This study does not address this question." in text
    assert "Comparison with the paper" in text


def test_limits_of_scale_are_reported_at_the_laptops(tmp_path):
    few = {"networks": tables()["networks"]}
    assert "The paper's scale was not reached" in text_of(written(tmp_path, few)).replace("’", "'")
    text = text_of(written(tmp_path, few, about=ABOUT | {"scale": "paper"})).replace("’", "'")
    assert "The paper's scale was not reached" not in text
