"""Settings of an explanation: sections of a study, and arguments that replace single settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import hmmlens
from hmmlens.errors import ConfigError, DataError
from hmmlens.explanation.settings import ExplanationSettings, Plan
from hmmlens.hmm.settings import Sweep

ARGUMENTS: dict[str, Any] = {"n_states": [1, 2], "n_restarts": 1, "n_components": 2}
SECTIONS: dict[str, Any] = {
    "sweep": {"n_states": [1, 2], "n_restarts": 1},
    "reducers": {"pca-2": {"kind": "pca", "n_components": 2}},
}


def explained(**options: Any) -> hmmlens.Explanation:
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).normal(size=(20, 40, 2)).astype(np.float32)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(2, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.rnn(x)[0]

    truth = (inputs[..., 0] > 0).astype(int)
    return hmmlens.explain(Network(), inputs, truth=truth, untrained=None, **options)


@pytest.fixture(scope="module")
def by_arguments() -> hmmlens.Explanation:
    return explained(**ARGUMENTS)


@pytest.mark.study
def test_sections_and_arguments_give_the_same_tables(by_arguments: hmmlens.Explanation) -> None:
    by_sections = explained(settings=SECTIONS)
    assert by_sections.tables.keys() == by_arguments.tables.keys()
    for name, table in by_arguments.tables.items():
        pd.testing.assert_frame_equal(by_sections.tables[name], table)
    assert by_sections.about == by_arguments.about


def test_defaults_are_recorded_as_they_were() -> None:
    assert Plan(None).about() == {
        "max_frames": 13000,
        "reducer": {"kind": "pca", "n_components": 8},
        "sweep": {
            "n_states": list(range(1, 13)),
            "covariance_types": ["tied"],
            "n_restarts": 5,
            "random_state": 0,
        },
        "random_state": 0,
    }


@pytest.mark.study
def test_several_reducers_are_scored_and_one_is_chosen(tmp_path: Path) -> None:
    reducers = {**SECTIONS["reducers"], "fa": {"kind": "factor_analysis", "n_components": 2}}
    found = explained(settings=SECTIONS | {"reducers": reducers}, out=tmp_path / "found")
    scores = found.layers["trained"].scores
    assert set(reducers) < set(scores["reducer"])
    assert found.choices["reducer"].nunique() == 1
    layer = found.layers["trained"]
    assert {layer.reducer, *layer.others} == set(reducers)
    for reducer in reducers:
        assert (tmp_path / "found" / "network" / "0" / found.layer / reducer / "sweep").is_dir()
    assert set(reducers) < set(found.tables["fits"]["reducer"])


def test_selection_validation_and_controls_are_those_of_the_settings() -> None:
    sections = {
        "selection": {"criterion": "aic", "fidelity_tolerance": 0.9},
        "validation": {"n_bootstrap": 20},
        "controls": {"raw_input": False},
        "split": {"train": 0.5, "select": 0.25, "test": 0.25},
        "seed": 3,
    }
    found = explained(settings=SECTIONS | sections)
    assert set(found.choices["pick"]) == {"aic", "explained"}
    assert "within 0.9 of the best" in found.choices["sentence"].iloc[1]
    assert found.raw == {}
    assert np.bincount(found.sequences["split"]).tolist() == [10, 5, 5]
    assert found.about["selection"] == sections["selection"]
    assert found.about["random_state"] == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sweep": {"n_restart": 2}}, r"settings: sweep.n_restart: .*did you mean 'n_restarts'"),
        ({"selection": {"criterion": "bix"}}, r"settings: selection.criterion: .*bic"),
        ({"reducers": {"map": {"kind": "tsne"}}}, "t-SNE alone"),
        ({"networks": {}}, r"settings: .*networks"),
    ],
)
def test_a_wrong_setting_is_one_sentence(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Plan(wrong)
    assert "\n" not in str(caught.value)


def test_settings_of_another_type_are_refused() -> None:
    with pytest.raises(DataError, match="settings is a list"):
        Plan([])  # type: ignore[arg-type]


def test_a_section_may_be_a_model() -> None:
    plan = Plan({"sweep": Sweep(n_states=[1, 3])})
    assert plan.sweep == {"n_states": [1, 3], "covariance_types": ["tied"], "n_restarts": 5}
    assert Plan(ExplanationSettings(seed=4)).seed == 4


def test_an_argument_replaces_a_setting() -> None:
    plan = Plan({**SECTIONS, "seed": 3}, n_states=4, reducer="ica", random_state=5)
    assert plan.sweep["n_states"] == [4] and plan.sweep["n_restarts"] == 1
    assert plan.reducers == {"ica-8": {"kind": "ica", "n_components": 8}}
    assert plan.seed == 5


def test_the_old_name_of_the_seed_warns() -> None:
    with pytest.warns(DeprecationWarning, match="use 'random_state'"), pytest.raises(DataError):
        hmmlens.explain(None, None, outputs="words", seed=1)  # type: ignore[call-arg]


def test_quick_effort_fits_less_and_keeps_what_is_set() -> None:
    quick = Plan(None, effort="quick")
    assert quick.sweep["n_states"] == list(range(1, 9)) and quick.sweep["n_restarts"] == 2
    controls = quick.settings.controls
    assert not controls.untrained and not controls.raw_input
    own = {"sweep": {"n_restarts": 7}, "controls": {"raw_input": True}}
    made = ExplanationSettings(effort="quick", **own)  # type: ignore[arg-type]
    for plan in (Plan({**own, "effort": "quick"}), Plan(own, effort="quick"), Plan(made)):
        assert plan.sweep["n_restarts"] == 7 and plan.sweep["n_states"] == list(range(1, 9))
        assert plan.settings.controls.raw_input and not plan.settings.controls.untrained
        assert plan.about()["effort"] == "quick"
    assert Plan({"effort": "quick"}, effort="normal").about() == Plan(None).about()
    with pytest.raises(ConfigError, match="settings: effort: found 'slow', wants one of: quick"):
        Plan(None, effort="slow")
    with pytest.raises(DataError, match="effort is 'normal', and 'quick' in settings"):
        Plan(made, effort="normal")


@pytest.mark.study
def test_quick_effort_gives_the_same_verdict_and_names_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "quick"
    quick = explained(effort="quick", out=out, n_states=[1, 2], n_restarts=1)
    normal = explained(n_states=[1, 2], n_restarts=1)
    pd.testing.assert_series_equal(quick.verdict, normal.verdict)
    assert "untrained" not in quick.layers and quick.raw == {} != normal.raw
    left_out = "the untrained control and the models of the input left out"
    assert left_out in quick.summary() and "quick" not in normal.summary()
    figures = {path.suffix for path in (out / "figures").rglob("*.*")}
    assert figures == {".png", ".csv"}
