"""Mixed tasks: their targets follow from the inputs, and bits and values are both in memory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Sample

#: Mixed tasks whose points and whose continuum are both in memory, and the numbers of their states.
HELD = {
    "heading_and_toggle": 2,
    "hold_and_count": 3,
    "selected_value": 2,
    "signed_sum": 2,
    "reversed_heading": 2,
    "count_and_average": 4,
}

#: Those of the half on which thresholds may be fixed.
FIXING = {"hold_and_count", "reversed_heading", "count_and_average"}

#: Outputs that show the continuum, where it is more than one.
N_VALUES = {"heading_and_toggle": 2, "reversed_heading": 2}


def heading_and_toggle(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    angle, odd = math.atan2(inputs[0, 2], inputs[0, 1]), False
    for turn, _, _, pulse in inputs:
        angle += turn
        odd = odd != bool(pulse)
        states.append(int(odd))
        targets.append([math.cos(angle), math.sin(angle), 1.0 if odd else -1.0])
    return states, targets


def hold_and_count(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    held, count = math.nan, 0
    for value, sampled, pulse in inputs:
        held = value if sampled else held
        count = (count + int(pulse)) % 3
        states.append(count)
        targets.append([held, *(float(count == k) for k in range(3))])
    return states, targets


def selected_value(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    one = two = math.nan
    bit = -1
    for first, first_sampled, second, second_sampled, pulse in inputs:
        one = first if first_sampled else one
        two = second if second_sampled else two
        bit = int(pulse > 0) if pulse else bit
        states.append(bit)
        targets.append([two if bit else one])
    return states, targets


def signed_sum(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    total, sign = 0.0, -1.0
    for value, pulse in inputs:
        total = 0.95 * total + value
        sign = pulse or sign
        states.append(int(sign > 0))
        targets.append([sign * total])
    return states, targets


def reversed_heading(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    angle, sign = math.atan2(inputs[0, 1], inputs[0, 0]), -1.0
    for _, _, turn, pulse in inputs:
        sign = pulse or sign
        angle += sign * 0.15 * turn
        states.append(int(sign > 0))
        targets.append([math.cos(angle), math.sin(angle)])
    return states, targets


def count_and_average(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    average, count = 0.0, 0
    for value, pulse in inputs:
        average = 0.95 * average + 0.05 * value
        count = (count + int(pulse)) % 4
        states.append(count)
        targets.append([average, *(float(count == k) for k in range(4))])
    return states, targets


def gated_sum(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    total, on = 0.0, False
    for value, pulse in inputs:
        total = 0.95 * total + value
        on = on != bool(pulse)
        states.append(int(on))
        targets.append([total if on else 0.0])
    return states, targets


def bits_and_sum(inputs: NDArray[np.float64]) -> tuple[list[int], list[list[float]]]:
    """Return states and targets of one sequence, step by step."""
    states, targets = [], []
    total, one, two = 0.0, -1.0, -1.0
    for first, second, push in inputs:
        one, two = first or one, second or two
        total = min(max(total + push, -1.0), 1.0)
        states.append(int(one > 0) + 2 * int(two > 0))
        targets.append([one, two, total])
    return states, targets


FUNCTIONS = (
    *(heading_and_toggle, hold_and_count, selected_value, signed_sum),
    *(reversed_heading, count_and_average, gated_sum, bits_and_sum),
)
BY_STEPS = {function.__name__: function for function in FUNCTIONS}


def sampled(name: str, n_sequences: int = 2000) -> Sample:
    return TASKS[name].sample(n_sequences, 40, np.random.default_rng(1))


def explained(inputs: NDArray[np.number], values: NDArray[np.number]) -> float:
    """Return the largest R² of a value, given the inputs of one step."""
    half = len(inputs) // 2
    model = LinearRegression().fit(inputs[:half], values[:half])
    error = ((values[half:] - model.predict(inputs[half:])) ** 2).mean(axis=0)
    return float((1 - error / values[half:].var(axis=0)).max())


@pytest.mark.parametrize("name", BY_STEPS)
def test_targets_follow_from_the_inputs_step_by_step(name: str) -> None:
    sample = sampled(name, 60)
    for inputs, target, known in zip(sample.inputs, sample.target, sample.states, strict=True):
        states, targets = BY_STEPS[name](inputs)
        np.testing.assert_array_equal(known, states)
        np.testing.assert_allclose(target, targets, atol=1e-9)


@pytest.mark.parametrize("name", HELD)
def test_points_and_continuum_are_independent_and_both_in_memory(name: str) -> None:
    sample, n_states = sampled(name), HELD[name]
    task = TASKS[name]
    half = "fixing" if name in FIXING else "reporting"
    assert (task.answer, task.half, task.n_states) == ("mixed", half, n_states)
    # At one late step sequences are independent of each other.
    inputs, target, states = sample.inputs[:, -1], sample.target[:, -1], sample.states[:, -1]
    continuum = target[:, : N_VALUES.get(name, 1)]
    points = np.eye(n_states)[states]
    assert (points.mean(axis=0) > 0.5 / n_states).all()
    for state in range(n_states):
        inside, outside = continuum[states == state], continuum[states != state]
        # Values of all sizes occur in every state, with the same distribution.
        assert len(np.unique(np.round(inside, 6), axis=0)) > 0.95 * len(inside)
        spread = np.sqrt(inside.var(axis=0) / len(inside) + outside.var(axis=0) / len(outside))
        assert (abs(inside.mean(axis=0) - outside.mean(axis=0)) < 4 * spread).all()
    # The present input explains hardly anything of either.
    assert explained(inputs, continuum) < 0.15
    assert explained(inputs, points) < 0.15


def test_the_ring_of_ring_and_bit_is_in_the_input_and_its_bit_is_not() -> None:
    sample = sampled("ring_and_bit")
    inputs = sample.inputs[:, -1]
    assert explained(inputs, sample.target[:, -1, :2]) > 0.8
    assert explained(inputs, sample.target[:, -1, 2:]) < 0.15
