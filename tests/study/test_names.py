"""Names in a study's settings that its results have already are refused."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hmmlens.errors import ConfigError
from hmmlens.study import entries, jobs, layout
from hmmlens.study.rules import RULES
from tests.workflow.runs import ROOT

BITS = {"kind": "flipflop", "n_sequences": 20, "n_steps": 30}
LOADED = {"kind": "torch", "dataset": "bits", "factory": "mine:net", "weights": "w.pt"}
EXPLAINING: dict[str, Any] = {
    "study": "names",
    "datasets": {"bits": BITS},
    "networks": {"a": {"dataset": "bits", "cell": "gru", "n_units": 6}},
    "reducers": {"pca-2": {"kind": "pca", "n_components": 2}},
}
TRIPS: dict[str, Any] = {
    "study": "names",
    "trips": {"a": {"dataset": BITS, "expected": "D"}},
}
EMULATING: dict[str, Any] = {
    "study": "names",
    "emulation": {},
    "networks": {"a": {"target": "chain2"}},
}


def with_name(raw: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    """Return settings in which the only entry of a section has another name."""
    raw = copy.deepcopy(raw)
    (value,) = raw[section].values()
    raw[section] = {name: value}
    return raw


def with_layers(*layers: str) -> dict[str, Any]:
    return {**EXPLAINING, "networks": {"a": {**LOADED, "layers": list(layers)}}}


def refused(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        jobs.load(raw, "study.yaml")
    return str(caught.value)


def names_in(folder: Path) -> set[str]:
    """Return the names in a folder that could be names of a config."""
    return {p.name for p in folder.iterdir() if re.fullmatch(r"[A-Za-z0-9_-]+", p.name)}


@pytest.mark.parametrize("raw", [EXPLAINING, TRIPS, EMULATING], ids=["explain", "trips", "emulate"])
def test_plain_names_are_taken(raw: dict[str, Any]) -> None:
    assert jobs.load(raw, "study.yaml").study == "names"


@pytest.mark.parametrize(
    ("raw", "section", "name"),
    [
        *[(EXPLAINING, "networks", n) for n in ("tables", "data", "overview", "logs", "figures")],
        *[(EXPLAINING, "networks", n) for n in ("benchmarks", "checkpoints")],
        *[(EXPLAINING, "reducers", n) for n in ("raw-input", "validation", "explanation")],
        *[(TRIPS, "trips", n) for n in ("tables", "figures", "logs", "benchmarks")],
        *[(EMULATING, "networks", n) for n in ("tables", "bias", "checkpoints")],
    ],
)
def test_name_of_a_result_is_refused(raw: dict[str, Any], section: str, name: str) -> None:
    suggestion = f"{name}-{section.removesuffix('s')}"
    assert refused(with_name(raw, section, name)) == (
        f"study.yaml: {section}.{name}: the name {name!r} is reserved for results of the study; "
        f"call it something else, such as {suggestion}"
    )
    assert jobs.load(with_name(raw, section, suggestion), "study.yaml")


@pytest.mark.parametrize("name", ["activations", "endpoints", "sequence", "split", "Activations"])
def test_layer_with_the_name_of_a_result_is_refused(name: str) -> None:
    assert refused(with_layers("rnn", name)) == (
        f"study.yaml: networks.a.layers[1]: the name {name!r} is reserved for results of the "
        f"study; rename the layer in the network, such as {name}_layer"
    )


def test_layer_that_is_named_twice_is_refused() -> None:
    assert refused(with_layers("rnn", "top", "rnn")).startswith(
        "study.yaml: networks.a.layers[2]: the layer 'rnn' is named twice"
    )


def test_layers_that_differ_only_in_capitals_are_refused() -> None:
    assert "the layers 'LSTM' and 'lstm' differ only in capitals" in refused(
        with_layers("LSTM", "lstm")
    )


def test_two_networks_have_no_path_in_common() -> None:
    # Names with the hyphens and digits that paths and file names are put together with.
    net = {"dataset": "bits", "cell": "gru", "n_units": 6, "n_seeds": 12}
    names = ("a", "a-1", "a-1-1", "1", "1-1", "raw", "untrained", "bits")
    raw = {**EXPLAINING, "networks": dict.fromkeys(names, net)}
    study = jobs.load(raw, "study.yaml")
    made = [path for job in jobs.of_study(study) for path in job.outputs]
    assert len({path.casefold() for path in made}) == len(made)
    folders = set(made)
    assert not any(str(up) in folders for path in made for up in Path(path).parents)
    rules = "".join(p.read_text() for p in (ROOT / "workflow" / "rules").rglob("*.smk"))
    (checkpoint,) = set(re.findall(r"\{CHECKPOINTS\}/(.*)\.pt", rules))
    kept = [
        checkpoint.replace("{{", "{").replace("}}", "}").format(**run)
        for run in entries.runs(study)
    ]
    assert len(set(kept)) == len(kept)


def test_every_place_of_the_rules_is_in_the_layout() -> None:
    """What rules write in addition to the outputs of the layout has a name of the layout."""
    rules = "".join(p.read_text() for p in (ROOT / "workflow" / "rules").rglob("*.smk"))
    literal = set(re.findall(r"\{RESULTS\}/([a-z]+)[/\"]", rules))
    outputs = {path.partition("/")[0] for rule in RULES.values() for path in rule.outputs}
    assert literal <= outputs | set(layout.OTHERS), literal


def test_shipped_studies_keep_their_names() -> None:
    for path in (ROOT / "config.yaml", *(ROOT / "workflow" / "studies").glob("*.yaml")):
        jobs.load(yaml.safe_load(path.read_text()), path.name)
