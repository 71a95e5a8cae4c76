"""The contract of every baseline."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from hmmlens.errors import ConfigError
from hmmlens.naming import LAGGED_REDUCER, RAW_REDUCER
from hmmlens.validation.baselines import automata, codebook, methods, predictors, raw_inputs
from hmmlens.validation.baselines import reservoir as reservoir
from hmmlens.validation.baselines.registry import BASELINES, of_kind
from tests.validation.model_checks.test_checks import chosen, markov_path

#: The first parameters of a baseline of each kind.
PARAMETERS = {
    "states": list(inspect.signature(methods.Method.__call__).parameters)[1:],
    "outputs": list(inspect.signature(predictors.Predictor.__call__).parameters)[1:],
    "inputs": list(inspect.signature(raw_inputs.control).parameters),
    "symbols": list(inspect.signature(automata.automaton_distribution).parameters),
    "network": ["network"],
    "space": list(inspect.signature(codebook.fit).parameters)[:4],
}


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_keeps_the_contract(name: str) -> None:
    kind, function = BASELINES[name]
    assert BASELINES.label(name) and function.__doc__
    wanted = PARAMETERS[kind]
    assert list(inspect.signature(function).parameters)[: len(wanted)] == wanted
    assert of_kind(kind)[name] is function


@pytest.mark.parametrize("name", of_kind("outputs"))
@pytest.mark.parametrize("symbols_out", [False, True])
def test_every_predictor_predicts_an_output_at_every_step(name: str, symbols_out: bool) -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    found = list(of_kind("outputs")[name](of, of.values, symbols_out))
    assert found or not symbols_out
    for prediction in found:
        assert prediction.now.shape == of.data.distribution.shape
        assert prediction.ahead is None or prediction.ahead.shape == prediction.now.shape


def test_labels_are_those_of_reports() -> None:
    names = (RAW_REDUCER, LAGGED_REDUCER, "reservoir", "permuted")
    wanted = ["raw input", "lagged input", "reservoir", "permuted"]
    assert [BASELINES.label(name) for name in names] == wanted
    with pytest.raises(ConfigError, match="there is no baseline 'oracle'"):
        BASELINES.label("oracle")
