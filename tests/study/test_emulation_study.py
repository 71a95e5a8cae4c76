"""Studies of emulating networks: what they may hold, and how mistakes are reported."""

from __future__ import annotations

from typing import Any

import jsonschema
import numpy as np
import pytest

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.settings import PRESETS
from hmmlens.errors import ConfigError
from hmmlens.study import schema
from hmmlens.study.emulation_study import EmulationStudy, load

OWN = {
    "startprob": [0.5, 0.5],
    "transmat": [[0.9, 0.1], [0.1, 0.9]],
    "emissionprob": [[0.8, 0.2], [0.2, 0.8]],
}
MINIMAL: dict[str, Any] = {
    "study": "small",
    "emulation": {},
    "networks": {"one": {"target": "chain2"}},
}


def changed(**keys: Any) -> dict[str, Any]:
    return {**MINIMAL, **keys}


def network(**keys: Any) -> dict[str, Any]:
    return changed(networks={"one": {"target": "chain2", **keys}})


def test_a_network_takes_its_own_training_or_the_studys() -> None:
    study = load(
        changed(
            emulation={"n_updates": 7},
            networks={
                "one": {"target": "chain2"},
                "two": {"target": "mine", "training": {"n_steps": 9}, "cell": "gru"},
            },
            targets={"mine": OWN},
        ),
        "study.yaml",
    )
    assert study.training_of("one").n_updates == 7
    # A section of its own takes nothing from the study's.
    assert study.training_of("two").n_updates != 7 and study.training_of("two").n_steps == 9
    assert np.array_equal(study.hmm_of("mine").transmat, OWN["transmat"])
    assert study.networks["two"].architecture().cell == "gru"
    assert "target" not in study.networks["two"].architecture().model_dump()


def test_seeds_take_part_in_all_analyses_or_the_first_of_them_only() -> None:
    study = load(network(n_seeds=4, analyses=["scores", "kicks"], only_first={"kicks": 2}), "s")
    one = study.networks["one"]
    assert (one.seeds("scores"), one.seeds("kicks"), one.seeds("states")) == (
        range(4), range(2), range(0),
    )  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_that_may_be_named_is_there(name: str) -> None:
    study = load(network(target=name), "study.yaml")
    assert np.array_equal(study.hmm_of(name).emissionprob, preset_hmm(name).emissionprob)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            network(target="chain22"),
            "networks.one.target: there is no target 'chain22' (did you mean 'chain2'?)",
        ),
        # Machines that emit on edges are no targets.
        (network(target="rrxor"), "networks.one.target: there is no target 'rrxor'"),
        (
            changed(bias={"targets": ["chain2", "chain9"]}),
            "bias.targets[1]: there is no target 'chain9'",
        ),
        (changed(bias={"n_draws": [3]}), "bias: n_draws: needs a number for each of batch_sizes"),
        (changed(targets={"chain2": OWN}), "targets.chain2: is a preset's name"),
        (
            changed(targets={"mine": {**OWN, "emissionprob": [[0.5, 0.5], [0.5, 0.5]]}}),
            "targets.mine: every state emits the same symbols",
        ),
        (network(analyses=["kicks", "kicks"]), "networks.one.analyses: holds one of them twice"),
        (
            network(n_seeds=2, only_first={"states": 3}),
            "networks.one.only_first.states: found 3, with 2 seeds and these analyses: scores",
        ),
        (network(analyses=["kicks"], only_first={"states": 1}), "one.only_first.states: found 1"),
        (network(analyses=["kick"]), "(did you mean 'kicks'?)"),
        (network(cell="gru", leak=0.5), "networks.one: leak: a gru has gates instead"),
        (network(training={"betas": [0.9, 1.0]}), "networks.one.training: betas: must be below 1"),
        (network(n_seed=3), "networks.one.n_seed: unknown key 'n_seed' (did you mean 'n_seeds'?)"),
        (
            changed(networks={"tables": {"target": "chain2"}}),
            "networks.tables: the name 'tables' is reserved for results of the study",
        ),
        (
            changed(
                targets={"mine": {**OWN, "startprob": [1.0, 0.0]}},
                networks={"one": {"target": "mine", "training": {"carried": 0.5}}},
            ),
            "networks.one: carries states over",
        ),
    ],
)
def test_a_mistake_is_reported_in_a_sentence(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(raw, "study.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("study.yaml: ") for line in lines)
    assert any(message in line for line in lines), lines


def test_the_schema_takes_a_study_and_refuses_one_with_an_unknown_key() -> None:
    import json

    document = json.loads((schema.FOLDER / "emulation.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.validate(MINIMAL, document)
    assert (schema.FOLDER / "emulation.schema.json").read_text(encoding="utf-8") == schema.text(
        EmulationStudy
    )
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(network(n_seed=3), document)
