"""Checks hold for planted Markov states, and each fails where what it asks for is missing."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.hmm.models import GaussianHMM
from hmmlens.stats.chain_given_input import simulated
from hmmlens.validation.baselines.codebook import one_hot
from hmmlens.validation.chosen_model import Check, Chosen
from hmmlens.validation.input_output import InputOutput
from hmmlens.validation.model_checks import checks, null_tests

N_SEQUENCES, N_STEPS = 30, 80
STAY = np.array([[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
PLACES = np.array([[0.0, 2], [2, -1], [-2, -1]])


def markov_path(rng: np.random.Generator, transmat: np.ndarray = STAY) -> np.ndarray:
    path = np.zeros((N_SEQUENCES, N_STEPS), dtype=np.int64)
    path[:, 0] = rng.integers(0, 3, N_SEQUENCES)
    for t in range(1, N_STEPS):
        upto = transmat[path[:, t - 1]].cumsum(axis=1)
        path[:, t] = (upto <= rng.random((N_SEQUENCES, 1))).sum(axis=1)
    return path


def chosen(path: np.ndarray, values: np.ndarray | None = None, seed: int = 0) -> Chosen:
    """Return a model of three places on what ``path`` emits there, or on ``values``."""
    rng = np.random.default_rng(seed)
    if values is None:
        values = PLACES[path] + 0.4 * rng.normal(size=(*path.shape, 2))
    model = GaussianHMM.from_parameters(
        np.full(3, 1 / 3), STAY, PLACES, np.stack([0.16 * np.eye(2)] * 3), "tied"
    )
    length = np.full(len(path), path.shape[1])
    split = np.arange(len(path)) % 3
    masks = {
        name: np.broadcast_to((split == part)[:, None], path.shape)
        for part, name in enumerate(("train", "select", "test"))
    }
    posteriors = model.filter(values, length).posteriors
    driven = InputOutput(np.eye(3)[path], np.zeros_like(path), 1, masks)
    inputs = np.zeros((*path.shape, 1))
    return Chosen(model, values, posteriors, driven, inputs, length, split, path, 5)


def asked(name: str, of: Chosen, seed: int = 0) -> Check:
    return checks.CHECKS[name](of, np.random.default_rng(seed))


def test_planted_chain_passes_all_that_ask_for_states() -> None:
    table = checks.run(chosen(markov_path(np.random.default_rng(3))), 0).set_index("check")
    assert list(table.index) == list(checks.CHECKS)
    # One asks for inputs that move the states, the other refuses 5 % of chains by chance.
    wanted = set(checks.CHECKS) - {"linear rival", "Chapman-Kolmogorov"}
    assert all(table.loc[sorted(wanted), "holds"]), table[["value", "p", "holds"]]
    assert (table.loc[list(null_tests.CHECKS), "p"] == 1 / 201).all()
    assert table["sentence"].str.endswith(".").all()


def clock(rng: np.random.Generator) -> np.ndarray:
    """Return states that all last 8 steps, begun anywhere."""
    start = rng.integers(0, 24, N_SEQUENCES)
    return (start[:, None] + np.arange(N_STEPS)) // 8 % 3


@pytest.mark.parametrize("name", ["Chapman-Kolmogorov", "implied timescales", "dwells"])
def test_clock_is_no_markov_chain(name: str) -> None:
    rng = np.random.default_rng(0)
    found = asked(name, chosen(clock(rng)))
    assert found.holds is False
    assert "not" in found.sentence


def test_chains_seldom_fail_by_chance() -> None:
    failed = [
        not asked(name, chosen(markov_path(np.random.default_rng(seed)), seed=seed), seed).holds
        for seed in range(12)
        for name in ("Chapman-Kolmogorov", "dwells")
    ]
    # 24 tests at 5 %: more than 5 failures have a probability below .002.
    assert sum(failed) <= 5


def test_truth_at_random_leaves_sure_states_uncalibrated_and_no_better_than_chance() -> None:
    rng = np.random.default_rng(0)
    path = markov_path(rng)
    of = chosen(path)
    other = np.where((of.split == 2)[:, None], markov_path(rng), path)
    found = asked("calibration", of._replace(truth=other))
    assert found.holds is False and found.value > 0.3
    assert asked("calibration", of).value < 0.05
    shifted = asked("truth shifted", of._replace(truth=other))
    assert shifted.holds is False and shifted.p > 0.05


def test_states_beat_a_linear_system_only_where_outputs_jump_with_them() -> None:
    rng = np.random.default_rng(0)
    pulses = (rng.random((N_SEQUENCES, N_STEPS)) < 0.15).astype(np.int64)
    of = chosen(pulses.cumsum(axis=1) % 3)
    data = of.data._replace(classes=pulses, n_classes=2)
    counter = of._replace(data=data, inputs=one_hot(pulses, 2))
    found = asked("linear rival", counter)
    assert found.holds and found.low > 0.3
    # An output that is linear in the components is read by the system and cut to pieces by states.
    slow = of.values.cumsum(axis=1)
    values = (slow - slow.mean()) / slow.std()
    posteriors = of.model.filter(values, of.length).posteriors
    line = of._replace(
        values=values, posteriors=posteriors, data=of.data._replace(distribution=values)
    )
    found = asked("linear rival", line)
    assert found.holds is False and found.sentence.endswith("worse.")


def drifting(rng: np.random.Generator) -> np.ndarray:
    """Return a slow Gaussian autoregression (sequence, time, 2) with unit variance."""
    values = rng.normal(size=(N_SEQUENCES, N_STEPS, 2))
    for t in range(1, N_STEPS):
        values[:, t] = 0.95 * values[:, t - 1] + np.sqrt(1 - 0.95**2) * values[:, t]
    return values


def test_linear_drift_is_better_explained_without_states() -> None:
    rng = np.random.default_rng(0)
    found = asked("likelihood", chosen(markov_path(rng), drifting(rng)))
    assert found.holds is False and found.high < 0 and found.sentence.endswith("worse.")


@pytest.mark.parametrize("name", ["phases at random", "VAR(1) surrogate"])
def test_linear_drift_is_rarely_distinguished_from_its_surrogates(name: str) -> None:
    outcomes = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        outcomes.append(asked(name, chosen(markov_path(rng), drifting(rng)), seed).holds)
    # 12 tests at 5 %: more than 3 would have a probability of .002.
    assert sum(outcomes) <= 3


def test_states_without_memory_predict_no_better_than_in_shuffled_time() -> None:
    rng = np.random.default_rng(0)
    even = np.full((3, 3), 1 / 3)
    outcomes = [
        asked("time shuffled", chosen(markov_path(rng, even), seed=seed), seed).holds
        for seed in range(8)
    ]
    assert sum(outcomes) <= 2


@pytest.mark.study
def test_a_check_that_is_not_possible_states_it_and_the_rest_goes_on() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    unknown = of._replace(truth=np.full_like(of.truth, -1))
    table = checks.run(unknown, 0).set_index("check")
    for name in ("calibration", "truth shifted"):
        assert table.loc[name, "holds"] is None and "not known" in table.loc[name, "sentence"]
    assert table.loc["likelihood", "holds"]
    # A path that never moves has neither transitions nor visits.
    still = of._replace(posteriors=one_hot(np.zeros_like(of.truth), 3))
    table = checks.run(still, 0).set_index("check")
    assert table.loc["dwells", "holds"] is None
    assert "to be left" in table.loc["dwells", "sentence"]


@pytest.mark.study
def test_same_seed_gives_the_same_table() -> None:
    of = chosen(markov_path(np.random.default_rng(0)))
    assert checks.run(of, 4).equals(checks.run(of, 4))
    assert not checks.run(of, 4).equals(checks.run(of, 5))


def test_a_truth_of_each_sequence_is_permuted_not_shifted() -> None:
    rng = np.random.default_rng(0)
    path = np.repeat(rng.integers(0, 3, N_SEQUENCES)[:, None], N_STEPS, axis=1)
    of = chosen(path)
    found = asked("truth shifted", of)
    assert found.holds and found.p < 0.01
    assert "with one permuted over 10 sequences" in found.sentence
    # States that never change leave nothing to shuffle, and no transitions to test.
    for name in ("time shuffled", "Chapman-Kolmogorov", "second order"):
        unasked = asked(name, of)
        assert unasked.holds is None and np.isnan(unasked.p)
    same = asked("truth shifted", of._replace(truth=np.zeros_like(path)))
    assert same.holds is None and np.isnan(same.p)
    assert "the truth is one and the same in every sequence" in same.sentence


def test_too_few_sequences_exclude_nothing() -> None:
    path = np.repeat(np.array([0, 1, 1] * 4)[:, None], N_STEPS, axis=1)
    of = chosen(path)
    few = of._replace(split=np.array([2, 2, 2, *[0] * 9]))
    found = asked("truth shifted", few)
    # One of three sequences is not like the others: 3 orders.
    assert found.p == pytest.approx(1 / 3) and found.holds is None
    assert "a p below 0.33 is not possible" in found.sentence


def moved(classes: np.ndarray, tables: np.ndarray, seed: int = 0) -> Chosen:
    """Return a model whose places are moved by the tables of the input's classes."""
    rng = np.random.default_rng(seed)
    path = np.zeros(classes.shape, dtype=np.int64) + rng.integers(0, 3, (len(classes), 1))
    path = simulated(path, classes, tables, 1, rng)[0]
    of = chosen(path, seed=seed)
    data = of.data._replace(classes=classes, n_classes=len(tables))
    return of._replace(data=data, inputs=one_hot(classes, len(tables)))


def pulses(rng: np.random.Generator) -> np.ndarray:
    return (rng.random((N_SEQUENCES, N_STEPS)) < 0.5).astype(np.int64)


SWAP = np.stack([np.eye(3), np.eye(3)[[1, 0, 2]]])
ORDER = ("Chapman-Kolmogorov", "second order")


def test_states_that_an_input_without_memory_hides_are_tested_given_the_input() -> None:
    """The average over inputs of parity is a fair coin: the next state has an entropy of 1 bit."""
    of = moved(pulses(np.random.default_rng(0)), SWAP)
    for name in ORDER:
        found = asked(name, of)
        assert found.holds and found.value == 0 and found.p == 1
        assert "given the input" in found.statistic
    assert "state and input determine the next state" in asked("second order", of).sentence
    # A counter modulo four of which the two states of each half count as one.
    counts = of.data.classes.cumsum(axis=1) % 4 // 2
    merged = chosen(counts)._replace(data=of.data, inputs=of.inputs)
    for name in ORDER:
        found = asked(name, merged)
        assert found.holds is False and found.p < 0.01, found


def test_input_with_a_memory_is_no_memory_of_the_states() -> None:
    """The input is on for 6 steps and off for 6, and the state follows it."""
    rng = np.random.default_rng(1)
    start = rng.integers(0, 12, N_SEQUENCES)
    on = ((start[:, None] + np.arange(N_STEPS)) // 6 % 2).astype(np.int64)
    tables = np.full((2, 3, 3), 0.1)
    tables[0, :, 0], tables[1, :, 1] = 0.8, 0.8
    of = moved(on, tables)
    for name in (*ORDER, "dwells"):
        assert asked(name, of).holds, name
    # Without the input the same path is no Markov chain.
    alone = of._replace(data=of.data._replace(classes=np.zeros_like(on), n_classes=1))
    assert asked("Chapman-Kolmogorov", alone).holds is False
    average = asked("implied timescales", of)
    assert average.holds is None and "average over inputs" in average.statistic


def test_states_that_age_are_found_given_the_input() -> None:
    rng = np.random.default_rng(0)
    found = asked("dwells", moved(pulses(rng), SWAP))
    assert found.holds
    of = chosen(clock(rng))
    noise = of._replace(data=of.data._replace(classes=pulses(rng), n_classes=2))
    found = asked("dwells", noise._replace(inputs=one_hot(noise.data.classes, 2)))
    assert found.holds is False and found.value == 1


def test_memory_that_inputs_of_one_class_may_explain_is_not_held_against_states() -> None:
    rng = np.random.default_rng(0)
    of = moved(pulses(rng), SWAP)
    counts = of.data.classes.cumsum(axis=1) % 4 // 2
    differ = of.inputs + 0.1 * rng.normal(size=of.inputs.shape)
    merged = chosen(counts)._replace(data=of.data, inputs=differ)
    for name in ORDER:
        found = asked(name, merged)
        assert found.holds is None and "inputs of one class that differ" in found.sentence


@pytest.mark.parametrize("name", ORDER)
def test_chains_given_their_input_seldom_fail_by_chance(name: str) -> None:
    failed = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        tables = rng.dirichlet(np.full(3, 0.5), size=(2, 3))
        failed.append(asked(name, moved(pulses(rng), tables, seed=seed), seed).holds is False)
    # 12 tests at 5 %: more than 3 would have a probability of .002.
    assert sum(failed) <= 3


def test_too_few_transitions_are_no_test() -> None:
    of = moved(pulses(np.random.default_rng(0)), SWAP)
    few = of._replace(
        data=of.data._replace(
            masks={name: mask & (np.arange(N_STEPS) >= 78) for name, mask in of.data.masks.items()}
        )
    )
    for name in ORDER:
        found = asked(name, few)
        assert found.holds is None and "too few" in found.sentence and np.isnan(found.p)


def test_checks_read_test_sequences_without_the_warm_up_alone() -> None:
    rng = np.random.default_rng(0)
    tables = np.stack([STAY, STAY[[1, 2, 0]]])
    of = moved(pulses(rng), tables)
    late = np.arange(N_STEPS) >= 10
    of = of._replace(
        data=of.data._replace(masks={name: m & late for name, m in of.data.masks.items()})
    )
    unused = ~of.data.masks["test"]
    other = np.where(unused[..., None], np.roll(of.posteriors, 1, axis=2), of.posteriors)
    classes = np.where(unused, rng.permutation(of.data.classes.ravel()).reshape(unused.shape),
                       of.data.classes)  # fmt: skip
    spoilt = of._replace(posteriors=other, data=of.data._replace(classes=classes))
    for name in (*ORDER, "implied timescales", "dwells"):
        one, two = asked(name, of), asked(name, spoilt)
        np.testing.assert_array_equal(one[2:6], two[2:6])
        assert one.sentence == two.sentence
    # Values of the warm-up are given to no surrogate.
    values = np.where(late[None, :, None], of.values, 50.0)
    for name in ("phases at random", "VAR(1) surrogate", "truth shifted"):
        np.testing.assert_array_equal(
            asked(name, of)[2:6], asked(name, of._replace(values=values))[2:6]
        )
