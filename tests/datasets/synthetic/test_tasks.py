"""Tasks whose answer is known: what is registered of them is what their sequences show."""

from __future__ import annotations

import functools
import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.spatial import KDTree

from hmmlens.datasets.build import build
from hmmlens.datasets.settings import DatasetConfig
from hmmlens.datasets.synthetic.task import TaskData
from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import MANY_STATES, Sample
from hmmlens.datasets.synthetic.tasks.mealy import explore
from hmmlens.errors import ConfigError
from hmmlens.settings import Section, check

#: Tasks on which thresholds of an earlier version of the verdict were fixed.
SEEN_BEFORE = {
    *("flipflop2", "flipflop3", "parity", "mod3", "mod4", "ar1", "ring", "ring_jumps"),
    *("integrator", "clipped_integrator", "leaky", "rounded_integrator", "analogue_hold"),
    *("chirp", "path", "graded_decision", "fully3", "cyclic4"),
}
MACHINES = [name for name, task in TASKS.items() if task.answer in ("discrete", "many")]
OTHERS = [name for name in TASKS if name not in MACHINES]
CONTINUA = [name for name, task in TASKS.items() if task.answer in ("continuum", "mixed")]


@functools.cache
def sampled(name: str, n_sequences: int = 5, n_steps: int = 12, seed: int = 0) -> Sample:
    return TASKS[name].sample(n_sequences, n_steps, np.random.default_rng(seed))


def codes(values: np.ndarray) -> np.ndarray:
    """Return a number for each distinct row of values (sequence, time, ...)."""
    rows = np.round(values.reshape(*values.shape[:2], -1), 9)
    flat = np.unique(rows.reshape(-1, rows.shape[2]), axis=0, return_inverse=True)[1]
    return flat.reshape(values.shape[:2])


def transitions(sample: Sample) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return (state, input) and (next state, output without noise) at every step but the first."""
    assert sample.states is not None
    exact = sample.target if sample.exact is None else sample.exact
    inputs, outputs, states = codes(sample.inputs), codes(exact), sample.states
    before = np.stack([states[:, :-1], inputs[:, 1:]], axis=-1).reshape(-1, 2).tolist()
    after = np.stack([states[:, 1:], outputs[:, 1:]], axis=-1).reshape(-1, 2).tolist()
    return [(tuple(b), tuple(a)) for b, a in zip(before, after, strict=True)]


def equivalent(table: dict[tuple[int, int], tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the pairs of states that no inputs seen in both distinguish."""
    by_state: dict[int, dict[int, tuple[int, int]]] = {}
    for (state, symbol), found in table.items():
        by_state.setdefault(state, {})[symbol] = found
    same = set(itertools.combinations(sorted(by_state), 2))
    while True:
        apart = {
            (one, two)
            for one, two in same
            for symbol in by_state[one].keys() & by_state[two].keys()
            for (next_one, out_one), (next_two, out_two) in [
                (by_state[one][symbol], by_state[two][symbol])
            ]
            if out_one != out_two
            or (
                next_one != next_two
                and (min(next_one, next_two), max(next_one, next_two)) not in same
            )
        }
        if not apart:
            return same
        same -= apart


@pytest.mark.parametrize("name", TASKS)
def test_arrays_are_finite_and_follow_from_the_seed(name: str) -> None:
    task, one = TASKS[name], sampled(name)
    for values, n_symbols in ((one.inputs, task.n_symbols), (one.target, task.n_targets)):
        assert values.shape[:2] == (5, 12)
        assert np.isfinite(values).all()
        assert values.ndim == (3 if n_symbols is None else 2)
        if n_symbols is not None:
            assert np.issubdtype(values.dtype, np.integer)
            assert values.min() >= 0
    again, other = (task.sample(5, 12, np.random.default_rng(seed)) for seed in (0, 1))
    np.testing.assert_array_equal(again.inputs, one.inputs)
    np.testing.assert_array_equal(again.target, one.target)
    assert not np.array_equal(other.inputs, one.inputs)


@pytest.mark.parametrize("name", TASKS)
def test_datasets_hold_what_is_known(name: str) -> None:
    task = TASKS[name]
    settings = TaskData(kind="task", name=name, n_sequences=100, n_steps=60)
    data = build(settings, 0)
    for key in ("answer", "half", "memory", "n_states", "n_moore"):
        assert data.attrs.get(key) == getattr(task, key)
    for kind, n_symbols in (("input", task.n_symbols), ("target", task.n_targets)):
        values = data[kind].to_numpy()
        assert np.isfinite(values).all()
        if n_symbols is not None:
            assert sorted(set(values.ravel().tolist())) == list(range(n_symbols))
    states = set(np.unique(data["state"].to_numpy()).tolist())
    assert states == ({-1} if task.n_states is None else set(range(task.n_states)))


@pytest.mark.parametrize("name", MACHINES)
def test_states_and_inputs_determine_what_follows(name: str) -> None:
    known = transitions(sampled(name, 600, 60))
    half = len(known) // 2
    table = dict(known[:half])
    assert dict(reversed(known[:half])) == table
    checked = [table[before] == after for before, after in known[half:] if before in table]
    assert all(checked)
    assert len(checked) > 0.9 * half


@pytest.mark.parametrize("name", MACHINES)
def test_machines_are_minimal(name: str) -> None:
    task, known = TASKS[name], transitions(sampled(name, 600, 60))
    assert len({state for (state, _), _ in known}) == task.n_states
    assert len({after for _, after in known}) == task.n_moore
    assert equivalent(dict(known)) == set()


def test_equivalent_states_are_found() -> None:
    # A counter modulo 4 whose output is that of a counter modulo 2.
    table = {(s, x): ((s + x) % 4, (s + x) % 2) for s in range(4) for x in range(2)}
    assert equivalent(table) == {(0, 2), (1, 3)}


@pytest.mark.parametrize("name", [n for n in MACHINES if TASKS[n].memory == "recent"])
def test_recent_memory_depends_on_the_last_inputs(name: str) -> None:
    sample, window = sampled(name, 600, 60), 6
    assert sample.states is not None
    inputs = codes(sample.inputs)
    pasts = np.stack([inputs[:, t : t + window] for t in range(60 - window + 1)], axis=1)
    states, kinds = sample.states[:, window - 1 :].ravel(), codes(pasts).ravel()
    assert len(set(zip(kinds.tolist(), states.tolist(), strict=True))) == len(set(kinds.tolist()))


@pytest.mark.parametrize("name", [n for n in TASKS if TASKS[n].memory == "none"])
def test_without_memory_the_same_input_has_the_same_target(name: str) -> None:
    sample = sampled(name, 50, 40)
    inputs, target = (a.reshape(2000, -1) for a in (sample.inputs, sample.target))
    distance, nearest = KDTree(inputs).query(inputs, k=2)
    near = distance[:, 1] < 0.01
    assert near.sum() > 100
    # Only at a border between two levels do near inputs have different targets.
    assert np.mean(np.abs(target - target[nearest[:, 1]])[near] < 0.02) > 0.98


@pytest.mark.parametrize("name", OTHERS)
def test_targets_vary_around_their_exact_value(name: str) -> None:
    sample = sampled(name, 400, 40)
    assert sample.target.std() > 0.1
    if sample.exact is not None and TASKS[name].n_targets is None:
        error = sample.target - sample.exact
        assert abs(error.mean()) < 0.03
        np.testing.assert_allclose((error**2).mean(), sample.floor)
    elif sample.exact is not None:
        np.testing.assert_allclose(sample.exact.sum(axis=2), 1)
        shares = np.bincount(sample.target.ravel(), minlength=TASKS[name].n_targets or 0)
        expected = sample.exact.mean(axis=(0, 1))
        np.testing.assert_allclose(shares / sample.target.size, expected, atol=0.02)


def test_floor_of_fractional_noise_is_that_of_the_best_linear_predictor() -> None:
    sample = sampled("fractional_noise", 20000, 4)
    past, target = sample.inputs[..., 0], sample.target[:, -1, 0]
    weights = np.linalg.lstsq(past, target, rcond=None)[0]
    variances = [1.0]
    assert sample.floor is not None
    for t in range(1, 5):
        given = sampled("fractional_noise", 2, t).floor
        assert given is not None
        variances.append(given * t - sum(variances[1:]))
    np.testing.assert_allclose(np.mean((target - past @ weights) ** 2), variances[4], rtol=0.03)
    np.testing.assert_allclose(sample.floor, np.mean(variances[1:]))


def test_machines_are_explored_from_their_start() -> None:
    table = explore(lambda held, symbol: (symbol or held, (float(held), 1.0)), 0, 3)
    assert table.moves.tolist() == [[0, 1, 2], [1, 1, 2], [2, 1, 2]]
    assert table.outputs.shape == (3, 3, 2)
    assert table.outputs[2, 0].tolist() == [2, 1]


def test_halves_are_fair_and_keep_what_was_seen_before_apart() -> None:
    answers = {half: Counter() for half in ("fixing", "reporting")}
    for task in TASKS.values():
        answers[task.half][task.answer] += 1
    fixing, reporting = answers["fixing"], answers["reporting"]
    assert set(fixing) == set(reporting)
    assert all(abs(fixing[answer] - reporting[answer]) <= 3 for answer in fixing)
    assert fixing["discrete"] + reporting["discrete"] >= 26
    assert len(CONTINUA) >= 18
    assert {TASKS[name].half for name in SEEN_BEFORE} == {"fixing"}


@pytest.mark.parametrize("name", TASKS)
def test_what_is_known_is_consistent(name: str) -> None:
    task = TASKS[name]
    assert task.description.endswith(".")
    assert (task.answer == "many") == ((task.n_states or 0) > MANY_STATES)
    assert (task.n_states is None) == (task.answer in ("continuum", "forgets"))
    assert (task.answer == "forgets") >= (task.memory == "none")
    assert (task.n_moore or 0) >= (task.n_states or 0)


def test_an_unknown_task_is_refused_in_one_sentence() -> None:
    class Study(Section):
        dataset: DatasetConfig

    with pytest.raises(ConfigError, match=r"there is no task 'pariti' \(did you mean 'parity'"):
        check(Study, {"dataset": {"kind": "task", "name": "pariti"}}, "study.yaml")
