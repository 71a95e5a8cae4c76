"""Transitions given the input, against planted machines and brute force."""

import numpy as np
import pytest

from hmmlens.hmm.input_classes import composition, tables
from hmmlens.hmm.input_classes import transitions as counted
from hmmlens.interpretation.dwells import dwells
from hmmlens.interpretation.input_events import input_events
from hmmlens.interpretation.input_transitions import (
    certain_moves,
    input_transitions,
    probabilities,
)


def parity(p: float = 0.5, n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bits and the number of ones modulo 2."""
    bits = (np.random.default_rng(seed).random((n, 50)) < p).astype(int)
    return bits, bits.cumsum(axis=1) % 2


def flipflop(p: float = 0.12, n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pulses on two inputs, each of which sets its bit, and the states."""
    sides = [p / 2, 1 - p, p / 2]
    pulses = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], size=(n, 50, 2), p=sides)
    bits, path = np.zeros((n, 2), dtype=int), np.zeros((n, 50), dtype=int)
    for t in range(50):
        bits = np.where(pulses[:, t] == 0, bits, (pulses[:, t] > 0).astype(int))
        path[:, t] = bits @ [1, 2]
    return pulses, path


def test_parity_is_a_coin_without_and_certain_with_its_bit():
    bits, path = parity()
    found = input_transitions(path, input_events(bits[..., None].astype(float)), 2)
    stay, swap = np.eye(2), np.eye(2)[::-1]
    np.testing.assert_array_equal(probabilities(found.counts), [stay, swap])
    assert certain_moves(found.counts).tolist() == [[0, 1], [1, 0]]
    for event in (0, 1):
        assert found.counts[event].sum() == (bits[:, 1:] == event).sum()
    assert found.entropies.average.value == pytest.approx(1.0, abs=0.01)
    assert 0 <= found.entropies.given_input.value < 0.01
    assert found.entropies.gain.low > 0.98
    # At rest a state is never left, but no row of zeros is longer than the longest.
    longest = max(len(run) for row in bits for run in "".join(map(str, row[1:])).split("1"))
    waits = found.neutral_dwells
    assert waits is not None and (waits.exits == 0).all() and np.isnan(waits.estimate).all()
    assert (waits.low == longest + 1).all() and np.isnan(found.composed)


def test_entropies_equal_those_of_a_noisy_machine():
    """A bit that is ignored with probability 1/4; the entropies are known in closed form."""
    rng = np.random.default_rng(1)
    bits, _ = parity(n=400)
    path = (bits * (rng.random(bits.shape) < 0.75)).cumsum(axis=1) % 2
    found = input_transitions(path, input_events(bits, names=["0", "1"]), 2)

    def entropy(p: float) -> float:
        return float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))

    half = entropy(0.75) / 2
    for estimate, wanted in (
        (found.entropies.given_input, half),
        (found.entropies.average, entropy(0.375)),
        (found.entropies.gain, entropy(0.375) - half),
    ):
        assert estimate.value == pytest.approx(wanted, abs=0.02)
        assert estimate.low < wanted < estimate.high
    assert certain_moves(found.counts).tolist() == [[0, 1], [-1, -1]]


def test_an_input_that_does_nothing_gains_nothing():
    rng = np.random.default_rng(2)
    path = rng.integers(0, 3, size=(100, 50))
    found = input_transitions(path, input_events(rng.integers(0, 4, size=(100, 50))), 3)
    # Estimated on sequences that were not counted, so no spurious gain.
    assert found.entropies.gain.value < 0.005
    assert found.entropies.average.value == pytest.approx(np.log2(3), abs=0.02)


def test_flipflop_tables_are_exact_and_combinations_are_compositions():
    pulses, path = flipflop()
    events = input_events(pulses, names=["a", "b"])
    found = input_transitions(path, events, 4)
    moves = dict(zip(events.names, certain_moves(found.counts).tolist(), strict=True))
    assert moves["no event"] == [0, 1, 2, 3]
    assert moves["a=+1"] == [1, 1, 3, 3] and moves["b=\N{MINUS SIGN}1"] == [0, 1, 0, 1]
    assert moves["a=+1 and b=+1"] == [3, 3, 3, 3]
    assert found.composed == 1.0
    assert found.entropies.given_input.value < 0.03 < 0.4 < found.entropies.average.value


def test_counts_leave_out_unknown_steps_and_padding():
    path = np.array([[0, 1, -1, 1, 0], [1, 1, 0, -1, -1]])
    symbols = np.array([[0, 1, 0, 1, 1], [0, 0, 1, 0, 0]])
    events = input_events(symbols, np.array([5, 3]), names=["x", "y"])
    counts = input_transitions(path, events, 2).counts
    wanted = np.zeros((2, 2, 2))
    for event, before, after in ((1, 0, 1), (1, 1, 0), (0, 1, 1), (1, 1, 0)):
        wanted[event, before, after] += 1
    np.testing.assert_array_equal(counts, wanted)
    assert np.isnan(probabilities(counts)[0, 0]).all()


def test_one_sequence_has_no_entropy():
    bits, path = parity(n=1)
    found = input_transitions(path, input_events(bits), 2)
    assert np.isnan([*found.entropies.average, *found.entropies.given_input]).all()


def test_dwells_at_rest_are_those_of_the_neutral_matrix():
    """A pulse sets a state that decays with probability 1/8 per step."""
    rng = np.random.default_rng(3)
    pulse = rng.random((300, 60)) < 0.3
    path = np.zeros((300, 60), dtype=int)
    for t in range(1, 60):
        kept = path[:, t - 1] * (rng.random(300) >= 1 / 8)
        path[:, t] = np.where(pulse[:, t], 1, kept)
    found = input_transitions(path, input_events(pulse[..., None].astype(float)), 2)
    waits = found.neutral_dwells
    assert waits is not None
    assert waits.low[1] < 8 < waits.high[1] and waits.estimate[1] == pytest.approx(8, rel=0.1)
    # Without the input, pulses that hold the state are counted as well.
    assert dwells(path, 2).estimate[1] > 10


def test_rare_combinations_back_off_to_the_composition_of_their_parts():
    pulses, path = flipflop(n=400)
    events = input_events(pulses, names=["a", "b"])
    inside = np.ones_like(path, dtype=bool)
    counts = counted(path, events.event, inside, 4, len(events.names))
    both = events.names.index("a=+1 and b=+1")
    counts[both] = 0
    averaged, factored = tables(counts)[both], tables(counts, events.parts)[both]
    assert averaged[:, 3].max() < 0.9 < 0.98 < factored[:, 3].min()
    np.testing.assert_allclose(factored.sum(axis=1), 1)
    # Other classes stay as they were.
    single = [k for k, parts in enumerate(events.parts) if not parts]
    np.testing.assert_array_equal(tables(counts)[single], tables(counts, events.parts)[single])


def test_combinations_that_are_no_compositions_back_off_to_the_average():
    """Where two events together undo each other, composing them would be wrong."""
    counts = np.zeros((4, 3, 3))
    counts[0] = 50 * np.eye(3)
    counts[1] = counts[2] = 50 * np.roll(np.eye(3), 1, axis=1)
    counts[3] = 5 * np.eye(3)
    parts = [(), (), (), (1, 2)]
    np.testing.assert_array_equal(tables(counts, parts), tables(counts))


def test_composition_is_the_product_where_the_order_does_not_matter():
    matrices = np.stack([np.roll(np.eye(4), k, axis=1) for k in range(4)])
    np.testing.assert_array_equal(composition(matrices, (1, 2)), matrices[3])
    np.testing.assert_array_equal(composition(matrices, (2,)), matrices[2])
