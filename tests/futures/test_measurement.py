"""Futures of networks whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from hmmlens.futures.comparison import Comparison, all_inputs, output_scale
from hmmlens.futures.legality import legal_steps
from hmmlens.futures.machine import Path
from hmmlens.futures.measurement import Futures, measure
from hmmlens.futures.refinement import candidates
from hmmlens.futures.running import ForwardContinuation, continuation_of
from hmmlens.futures.sampling import Sample
from hmmlens.futures.settings import FutureSettings
from hmmlens.futures.summary import MOST_KEPT, Summary, summarise
from hmmlens.stages.futures import compare_futures
from tests.futures.machines import (
    MATCH,
    PARITY,
    TRAFFIC,
    Integrator,
    MachineNetwork,
    classes_of,
    run,
)

SMALL = FutureSettings(n_states=120, most_states=240, n_continuations=12, n_steps=15, n_paths=24)
TEST = np.arange(60) >= 42


def symbols(n_symbols: int, p: list[float] | None = None, n_steps: int = 60) -> NDArray[np.int64]:
    return np.random.default_rng(1).choice(n_symbols, size=(60, n_steps), p=p)


def measured(network: Any, inputs: NDArray[Any], settings: FutureSettings = SMALL) -> Futures:
    lengths = np.full(len(inputs), inputs.shape[1])
    continuation = continuation_of(network, inputs, lengths, np.asarray, 4, 0)
    return measure(continuation, run(network, inputs), TEST, 0, settings)


@pytest.mark.parametrize(
    ("network", "n_symbols", "n_classes"),
    [
        pytest.param(PARITY, 2, 2, id="parity"),
        pytest.param(TRAFFIC, 2, 6, id="states with equal outputs"),
        # The last input shows in the present output alone.
        pytest.param(MATCH, 4, 3, id="memory that no output shows"),
    ],
)
def test_classes_are_the_states_of_an_exact_machine(
    network: MachineNetwork, n_symbols: int, n_classes: int
) -> None:
    inputs = symbols(n_symbols)
    found = measured(network, inputs)
    assert found.classes.n_classes == n_classes
    assert found.interval == (n_classes, n_classes)
    assert found.classes.points == 1 and not found.moore
    assert found.path is not None and found.machine is not None
    assert found.machine.moves == found.machine.accuracy == 1
    assert min(found.machine.closed_loop.values()) > 1 - 1e-9
    truth = classes_of(network, inputs)[found.path.rows]
    assigned = found.path.classes >= 0
    labels = found.path.classes[assigned]
    # Minimal classes of the memory: every true state lies in one of them.
    assert len(set(zip(truth[assigned], labels, strict=True))) == len(np.unique(truth[assigned]))


@pytest.mark.parametrize("clipped", [False, True])
def test_an_integrator_has_no_separate_classes_and_no_gaps(clipped: bool) -> None:
    inputs = np.random.default_rng(1).normal(scale=0.2, size=(60, 60, 1))
    found = measured(Integrator(clipped), inputs)
    assert found.classes.n_classes == 1 or found.classes.points < 0.9
    assert found.geometry.chain > 4
    assert found.forgets_after is None
    assert 0.5 < found.geometry.dimension < 1.5


def test_a_network_without_memory_forgets_at_once() -> None:
    copy = MachineNetwork([[0, 1, 2]] * 3, np.eye(3))
    found = measured(copy, symbols(3))
    assert found.memory_spread == 0 and found.forgets_after == 0
    # By their present outputs the states are three all the same.
    assert found.moore and found.classes.n_classes == 3
    assert found.machine is not None and found.machine.input_accuracy == 1


def test_a_shift_register_forgets_after_its_length() -> None:
    # Two symbols are held; the output is the older one.
    moves = [[2 * (k % 2) + s for s in range(2)] for k in range(4)]
    register = MachineNetwork(moves, [[k // 2] for k in range(4)])
    found = measured(register, symbols(2))
    # The older symbol leaves with the next input.
    assert found.classes.n_classes == 2 and found.forgets_after == 1


def test_a_state_that_a_rare_input_shows_is_found() -> None:
    # A bit that symbol 2 toggles and symbol 3 alone shows; otherwise the last symbol is shown.
    zero, one = [0, 1, 2, 0], [2, 3, 0, 4]
    network = MachineNetwork(
        [zero, zero, one, one, one],
        [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
    )
    inputs = symbols(4, [0.44, 0.44, 0.11, 0.01], 100)
    found = measured(network, inputs, replace(SMALL, n_states=200, n_continuations=32, n_steps=12))
    assert found.classes.n_classes == 2
    assert found.machine is not None and found.machine.by_output.min() > 0.99
    # The distances that are kept are those along the continuations that show the state.
    assert found.distances is not None
    same = found.classes.labels[:, None] == found.classes.labels[None]
    assert found.distances[same].max() < found.distances[~same].min()


@pytest.mark.parametrize("n_windows", [1, 2, 3])
def test_a_class_is_split_where_two_continuations_agree(n_windows: int) -> None:
    halves = np.repeat([0.0, 1.0], 10)
    by_window = np.zeros((6, 20, 20), dtype=np.float32)
    by_window[:n_windows] = np.abs(np.subtract.outer(halves, halves))
    sample = Sample(np.zeros((20, 2), dtype=int), np.zeros((6, 2), dtype=int), 5)
    comparison = Comparison(sample, np.zeros((20, 6, 5, 1)), np.zeros((20, 1)), by_window)
    found = candidates(comparison, np.zeros(20, dtype=int), FutureSettings())
    assert len(found) == (n_windows > 1)
    for split in found:
        assert adjusted_rand_score(split.labels, halves) == 1
        assert split.windows.tolist() == list(range(n_windows))


def test_many_classes_are_counted_with_more_states() -> None:
    # A register of five symbols, all of which the output shows one after another.
    moves = [[(2 * k) % 32 + s for s in range(2)] for k in range(32)]
    register = MachineNetwork(moves, [[k // 16] for k in range(32)])
    found = measured(register, symbols(2), replace(SMALL, most_states=720))
    assert found.n_sampled > SMALL.n_states
    assert found.classes.n_classes == 16


@pytest.mark.study
def test_noise_is_averaged_with_common_draws() -> None:
    noisy = MachineNetwork([[0, 1], [1, 0]], [[-1.0], [1.0]], noise=0.3)
    found = measured(noisy, symbols(2), replace(SMALL, n_states=60))
    assert found.classes.n_classes == 2


def test_prefixes_and_states_give_the_same_futures() -> None:
    inputs = symbols(2)
    lengths = np.full(len(inputs), inputs.shape[1])
    stepped = continuation_of(TRAFFIC, inputs, lengths, np.asarray, 4, 0)
    forward = ForwardContinuation(
        lambda x, first: run(TRAFFIC, x)[:, first:], inputs, lengths, np.asarray
    )
    prefixes, windows = np.array([[0, 9], [3, 20], [7, 9]]), inputs[:4, 5:15]
    np.testing.assert_array_equal(
        stepped.futures(prefixes, windows), forward.futures(prefixes, windows)
    )


def test_what_never_follows_a_class_is_not_legal() -> None:
    # Symbol 1 occurs after class 0 only.
    classes = np.array([[0, 1, 0, 1, 0, 1, 0]])
    inputs = all_inputs(np.array([[0, 1, 0, 1, 0, 1, 0]]))
    path = Path(classes, inputs, np.zeros((1, 7, 1)), np.array([False]), np.array([0]))
    windows = all_inputs(np.array([[1, 0, 1], [0, 1, 1]]))
    steps = legal_steps(path, windows, 2)
    assert steps is not None
    assert steps.tolist() == [[3, 0], [0, 2]]


def test_the_scale_is_the_deviation_of_all_outputs_together() -> None:
    outputs = np.random.default_rng(0).normal(size=(200, 50, 2)) * [3.0, 4.0]
    assert output_scale(outputs, np.full(200, 50)) == pytest.approx(5, rel=0.05)


def test_the_same_seed_gives_the_same_classes() -> None:
    one, other = (measured(TRAFFIC, symbols(2)) for _ in range(2))
    assert one.classes.labels.tolist() == other.classes.labels.tolist()
    assert adjusted_rand_score(one.classes.labels, other.classes.labels) == 1


STEPS = np.full(60, 60)


def compared(network: Any, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> Summary | None:
    split = np.repeat([0, 1, 2], [36, 12, 12])
    outputs = run(network, inputs)
    return compare_futures(network, inputs, outputs, lengths, split, "values", settings=SMALL)


@pytest.mark.parametrize("shortest", [1, 2, 3])
def test_short_sequences_among_longer_ones_do_no_harm(shortest: int) -> None:
    lengths = STEPS.copy()
    lengths[[0, 20, 59]] = shortest
    found = compared(PARITY, symbols(2), lengths)
    assert found is not None and found.numbers["n_classes"] == 2


def test_distances_of_the_sample_are_kept_with_its_classes() -> None:
    found = compared(PARITY, symbols(2), STEPS)
    assert found is not None and found.distances is not None and found.sample_classes is not None
    n = SMALL.n_states
    assert found.distances.shape == (n, n) and found.sample_classes.shape == (n,)
    # Two states with equal parity do the same; others part, by the range of a bit in units of its
    # standard deviation.
    same = found.sample_classes[:, None] == found.sample_classes[None]
    np.testing.assert_allclose(found.distances[same], 0, atol=1e-6)
    assert found.distances[~same].min() == pytest.approx(2, abs=0.05)
    path = np.full((60, 60), -1)
    many = measured(PARITY, symbols(2), replace(SMALL, n_states=MOST_KEPT + 20))
    cut = summarise(many, path.shape)
    assert many.distances is not None and len(many.distances) == MOST_KEPT + 20
    assert cut.distances is not None and cut.distances.shape == (MOST_KEPT, MOST_KEPT)


@pytest.mark.parametrize("n_steps", [1, 2])
def test_sequences_that_are_too_short_are_not_compared(n_steps: int) -> None:
    assert compared(PARITY, symbols(2), np.full(60, n_steps)) is None


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_output_that_does_not_vary_is_not_compared(value: float) -> None:
    constant = MachineNetwork([[0, 1], [1, 0]], [[value], [value * (1 + 1e-8)]])
    assert compared(constant, symbols(2), STEPS) is None


RARE = MachineNetwork(
    [[0, 1, 2, 0], [0, 1, 2, 0], [2, 3, 0, 4], [2, 3, 0, 4], [2, 3, 0, 4]],
    [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
)


@pytest.mark.parametrize(
    ("network", "p"),
    [
        pytest.param(TRAFFIC, [0.5, 0.5], id="states with equal outputs"),
        pytest.param(MATCH, [0.6, 0.1, 0.1, 0.2], id="memory that no output shows"),
        pytest.param(RARE, [0.44, 0.44, 0.09, 0.03], id="a rare input"),
    ],
)
def test_test_sequences_decide_nothing(network: MachineNetwork, p: list[float]) -> None:
    inputs = symbols(len(p), p)
    other = inputs.copy()
    # Every symbol of test is the first one, and what the network returned there is absurd.
    other[TEST] = 0
    found = []
    for given in (inputs, other):
        outputs = run(network, inputs)
        if given is other:
            outputs[TEST] = 100 * np.random.default_rng(1).normal(size=outputs[TEST].shape)
        lengths = np.full(60, inputs.shape[1])
        continuation = continuation_of(network, given, lengths, np.asarray, 4, 0)
        found.append(measure(continuation, outputs, TEST, 0, SMALL))
    one, two = found
    np.testing.assert_array_equal(one.classes.labels, two.classes.labels)
    for name in ("n_classes", "low", "high", "coverage", "points", "smallest"):
        assert getattr(one.classes, name) == getattr(two.classes, name), name
    for name in ("geometry", "interval", "moore", "memory_spread", "forgets_after", "restricted",
                 "n_split", "n_sampled"):  # fmt: skip
        assert repr(getattr(one, name)) == repr(getattr(two, name)), name
    if one.path is not None and two.path is not None:
        kept = ~one.path.test
        np.testing.assert_array_equal(one.path.classes[kept], two.path.classes[kept])
        # The test sequences are what the machine is compared with.
        assert repr(one.machine) != repr(two.machine)
