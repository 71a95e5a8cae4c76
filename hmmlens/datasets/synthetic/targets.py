"""Generated tasks beside hidden Markov models: what goes in, what is wanted, what is true."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.datasets.synthetic import automata, continua
from hmmlens.datasets.synthetic.settings import ContinuumData, CounterData, TargetData, ToggleData


class Made(NamedTuple):
    """A generated task.

    inputs, target : (sequence, time) symbols, or (sequence, time, feature) values
    states : (sequence, time), -1 where there is no truth
    attributes : as in :func:`hmmlens.datasets.build.build`
    """

    inputs: NDArray[np.generic]
    target: NDArray[np.generic]
    states: NDArray[np.int64]
    attributes: dict[str, Any]


def make(settings: TargetData, rng: np.random.Generator) -> Made:
    """Sample the task that ``settings`` describe."""
    if isinstance(settings, ToggleData):
        return _toggle(settings, rng)
    if isinstance(settings, CounterData):
        return _counter(settings, rng)
    if isinstance(settings, ContinuumData):
        return _continuum(settings, rng)
    automaton = automata.tomita(settings.grammar)
    symbols, accepted, states = automata.sample_words(
        automaton, settings.mistake_probability, settings.n_sequences, settings.n_steps, rng
    )
    language = automata.TOMITA_TEXT[settings.grammar]
    return Made(
        symbols.astype(np.int16),
        accepted.astype(np.int16),
        states,
        {
            "input_kind": "symbols",
            "target_kind": "symbols",
            "n_symbols": 2,
            "task": f"say whether the word so far is in the language: {language}",
            "target_delay": 0,
            "truth": "the state of the minimal automaton",
            "state_names": [
                f"q{i}{'+' if accepts else '-'}" for i, accepts in enumerate(automaton.accepts)
            ],
            "floor_nll": 0.0,
        },
    )


def _toggle(settings: ToggleData, rng: np.random.Generator) -> Made:
    pulses, states = automata.sample_pulses(
        2, settings.pulse_probability, settings.n_sequences, settings.n_steps, rng
    )
    return _pulsed(
        pulses,
        2.0 * states[..., None] - 1,
        states,
        "change sign with every pulse",
        ["sign"],
        ["-", "+"],
    )


def _counter(settings: CounterData, rng: np.random.Generator) -> Made:
    n = settings.modulus
    pulses, states = automata.sample_pulses(
        n, settings.pulse_probability, settings.n_sequences, settings.n_steps, rng
    )
    names = [f"count {i}" for i in range(n)]
    return _pulsed(pulses, np.eye(n)[states], states, f"count pulses modulo {n}", names, names)


def _pulsed(
    pulses: NDArray[np.int64],
    target: NDArray[np.floating],
    states: NDArray[np.int64],
    task: str,
    target_names: list[str],
    state_names: list[str],
) -> Made:
    return Made(
        pulses[..., None].astype(np.float32),
        target.astype(np.float32),
        states,
        {
            "input_kind": "values",
            "target_kind": "values",
            "feature_names": ["pulse"],
            "target_names": target_names,
            "task": task,
            "target_delay": 0,
            "truth": "the number of pulses so far, modulo the number of states",
            "state_names": state_names,
            "floor_mse": 0.0,
        },
    )


def _continuum(settings: ContinuumData, rng: np.random.Generator) -> Made:
    law = continua.LAWS[settings.law]
    inputs, target = law.sample(settings.n_sequences, settings.n_steps, rng)
    floor = continua.floor_mse(settings.law, settings.n_steps)
    return Made(
        inputs.astype(np.float32),
        target.astype(np.float32),
        np.full(inputs.shape[:2], -1),
        {
            "input_kind": "values",
            "target_kind": "values",
            "feature_names": list(law.feature_names),
            "target_names": list(law.target_names),
            "task": law.task,
            "target_delay": law.target_delay,
            "truth": "none: there are no discrete states",
            "state_names": [],
            **({} if floor is None else {"floor_mse": floor}),
        },
    )
