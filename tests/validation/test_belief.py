"""Readouts of planted beliefs, and of what is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.datasets.synthetic.machines import MACHINES, state_form
from hmmlens.errors import DataError
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.validation import belief
from hmmlens.validation.belief import Beliefs, belief_scores, exact_beliefs

N, STEPS = 90, 40
SPLIT = np.repeat([0, 1, 2], 30)


def process(name: str, seed: int = 0) -> tuple[np.ndarray, Beliefs, np.ndarray]:
    """Symbols, beliefs and lengths of a target, sequences of unequal lengths."""
    if name in MACHINES:
        hmm, truth_of = state_form(MACHINES[name])
    else:
        hmm, truth_of = preset_hmm(name), np.arange(3)
    rng = np.random.default_rng(seed)
    symbols, _ = sample_hmm(hmm, N, STEPS, rng)
    length = rng.integers(20, STEPS + 1, size=N)
    model = CategoricalHMM.from_parameters(*hmm)
    return symbols, exact_beliefs(model, symbols, truth_of, length), length


def scores(sources: dict[str, np.ndarray], name: str = "rrxor") -> dict[tuple[str, str], float]:
    symbols, beliefs, length = process(name)
    table = belief_scores(sources, beliefs, symbols, length, SPLIT, 30, 0)
    for row in table.itertuples():
        assert np.isnan(row.value) or row.low < row.high
    return {(row.source, row.score): row.value for row in table.itertuples()}


def noisy(values: np.ndarray, sd: float = 0.01) -> np.ndarray:
    """Map values linearly to 12 units, with noise."""
    rng = np.random.default_rng(3)
    mixed = values @ rng.normal(size=(values.shape[2], 12)) + rng.normal(size=12)
    return mixed + sd * rng.normal(size=mixed.shape)


def test_beliefs_are_the_sum_over_all_paths() -> None:
    hmm, truth_of = state_form(MACHINES["rrxor"])
    model = CategoricalHMM.from_parameters(*hmm)
    symbols = np.array([[0, 1, 1, 0]])
    found = exact_beliefs(model, symbols, truth_of)
    edges, start = MACHINES["rrxor"].edges, MACHINES["rrxor"].startprob
    for t in range(4):
        distribution = np.zeros(5)
        for path in itertools.product(range(5), repeat=t + 2):
            p = start[path[0]]
            for i, symbol in enumerate(symbols[0, : t + 1]):
                p *= edges[symbol, path[i], path[i + 1]]
            distribution[path[-1]] += p
        distribution /= distribution.sum()
        np.testing.assert_allclose(found.state[0, t], distribution, atol=1e-12)
        following = [(distribution @ edges[symbol]).sum() for symbol in range(2)]
        np.testing.assert_allclose(found.following[0, t], following, atol=1e-12)


def test_beliefs_do_not_look_ahead() -> None:
    hmm = preset_hmm("mess3")
    symbols, _ = sample_hmm(hmm, 5, 30, np.random.default_rng(0))
    model, names = CategoricalHMM.from_parameters(*hmm), np.arange(3)
    before = exact_beliefs(model, symbols, names)
    symbols[:, 20:] = 0
    after = exact_beliefs(model, symbols, names)
    np.testing.assert_array_equal(before.state[:, :20], after.state[:, :20])


def test_planted_belief_is_read_and_noise_is_not() -> None:
    _, beliefs, _ = process("rrxor")
    noise = np.random.default_rng(1).normal(size=(N, STEPS, 12))
    found = scores({"planted": noisy(beliefs.state), "noise": noise})
    assert found["planted", "r2"] > 0.99
    assert found["planted", "partial_r2"] > 0.95
    assert abs(found["noise", "r2"]) < 0.05
    assert abs(found["noise", "partial_r2"]) < 0.05


def test_next_symbol_distribution_alone_is_not_the_belief() -> None:
    """States with the same next symbol and another future are distinguished by a belief only."""
    _, beliefs, _ = process("rrxor")
    found = scores({"following": noisy(beliefs.following)})
    assert 0.1 < found["following", "r2"] < 0.8
    assert abs(found["following", "partial_r2"]) < 0.05


def test_partial_score_is_undefined_where_the_next_symbol_determines_all() -> None:
    # Three states of mess3 have three distributions of the next symbol that span the simplex.
    _, beliefs, _ = process("mess3")
    found = scores({"planted": noisy(beliefs.state)}, "mess3")
    assert np.isnan(found["planted", "partial_r2"])
    assert found["planted", "r2"] > 0.98


def test_controls_score_what_they_know() -> None:
    symbols, beliefs, _ = process("mess3")
    rows = {n: belief.last_symbols(symbols, n, 3) for n in (1, 4)}
    found = scores(
        {"planted": noisy(beliefs.state)} | {str(n): r for n, r in rows.items()}, "mess3"
    )
    for n in (1, 4):
        assert found[str(n), "r2"] == pytest.approx(found[f"last {n} symbols", "r2"])
    assert found["last 1 symbols", "r2"] < found["last 4 symbols", "r2"] < 0.99
    # On a stationary process the step carries no information, once the first symbols are past.
    assert abs(found["planted", "r2_shuffled"]) < 0.1


def test_clock_scores_as_well_on_shuffled_pairs() -> None:
    """The belief of a process that always starts alike follows the step."""
    machine = MACHINES["rrxor"]._replace(startprob=np.eye(5)[0])
    hmm, truth_of = state_form(machine)
    symbols, _ = sample_hmm(hmm, N, STEPS, np.random.default_rng(0))
    beliefs = exact_beliefs(CategoricalHMM.from_parameters(*hmm), symbols, truth_of)
    clock = np.tile(np.eye(STEPS), (N, 1, 1))
    length = np.full(N, STEPS)
    table = belief_scores({"clock": clock}, beliefs, symbols, length, SPLIT, 30, 0)
    value = table.set_index(["source", "score"])["value"]
    assert value["clock", "r2"] > 0.3
    assert value["clock", "r2_shuffled"] == pytest.approx(value["clock", "r2"], abs=0.02)


def test_score_is_that_of_scikit_learn_on_held_out_sequences() -> None:
    _, beliefs, length = process("mess3")
    values = noisy(beliefs.state, 0.3)
    inside = np.arange(STEPS) < length[:, None]
    train, test = (inside & (part == SPLIT)[:, None] for part in (0, 2))
    model = LinearRegression().fit(values[train], beliefs.state[train])
    error = ((model.predict(values[test]) - beliefs.state[test]) ** 2).sum()
    worst = ((beliefs.state[train].mean(axis=0) - beliefs.state[test]) ** 2).sum()
    found = scores({"planted": values}, "mess3")
    assert found["planted", "r2"] == pytest.approx(1 - error / worst, abs=1e-4)
    # What lies past an end, or in select, changes nothing.
    values = np.where((train | test)[..., None], values, np.nan)
    again = scores({"planted": values}, "mess3")
    assert again == pytest.approx(found, nan_ok=True)


def test_more_units_than_steps_score_nothing_held_out() -> None:
    noise = np.random.default_rng(1).normal(size=(N, STEPS, 600))
    found = scores({"wide": noise}, "mess3")
    assert found["wide", "r2"] < 0


def test_last_symbols_by_hand() -> None:
    found = belief.last_symbols(np.array([[1, 0, 1, -1]]), 2, 2)
    wanted = [[0, 1, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(found[0], wanted)


def test_sources_and_splits_that_do_not_fit_are_refused() -> None:
    symbols, beliefs, length = process("mess3")
    with pytest.raises(DataError, match=r"short has shape \(90, 39, 2\)"):
        belief_scores({"short": np.zeros((N, 39, 2))}, beliefs, symbols, length, SPLIT, 30, 0)
    with pytest.raises(DataError, match="the test split holds no sequence"):
        belief_scores({}, beliefs, symbols, length, np.zeros(N, dtype=int), 30, 0)
