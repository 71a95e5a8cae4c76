"""Machines that emit on edges: their state-emitting form is the same process."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hmmlens.datasets.synthetic.generators import sample_hmm
from hmmlens.datasets.synthetic.machines import MACHINES, Machine, state_form
from hmmlens.hmm.models import CategoricalHMM


def joint(machine: Machine, word: tuple[int, ...]) -> np.ndarray:
    """Return P(word, state after it) (state)."""
    law = machine.startprob
    for symbol in word:
        law = law @ machine.edges[symbol]
    return law


@pytest.mark.parametrize("name", MACHINES)
def test_edges_are_distributions_and_the_start_is_stationary(name: str) -> None:
    machine = MACHINES[name]
    transmat = machine.edges.sum(axis=0)
    np.testing.assert_allclose(transmat.sum(axis=1), 1)
    np.testing.assert_allclose(machine.startprob @ transmat, machine.startprob)


@pytest.mark.parametrize("name", MACHINES)
def test_state_form_gives_every_word_its_probability_and_belief(name: str) -> None:
    machine = MACHINES[name]
    hmm, machine_state = state_form(machine)
    model = CategoricalHMM.from_parameters(*hmm)
    lump = np.eye(len(machine.startprob))[machine_state]
    total = 0.0
    for word in itertools.product(range(2), repeat=6):
        law = joint(machine, word)
        total += law.sum()
        if law.sum() == 0:
            continue
        passed = model.filter(np.array([word]))
        assert passed.log_likelihood[0] == pytest.approx(np.log(law.sum()))
        for t in range(6):
            part = joint(machine, word[: t + 1])
            np.testing.assert_allclose(
                passed.posteriors[0, t] @ lump, part / part.sum(), atol=1e-12
            )
    assert total == pytest.approx(1)


def test_random_machine_goes_through_too() -> None:
    rng = np.random.default_rng(0)
    edges = rng.dirichlet(np.ones(9), size=3).reshape(3, 3, 3).transpose(1, 0, 2)
    machine = Machine(rng.dirichlet(np.ones(3)), edges, ("a", "b", "c"))
    hmm, machine_state = state_form(machine)
    assert len(machine_state) == 9
    model = CategoricalHMM.from_parameters(*hmm)
    for word in itertools.product(range(3), repeat=4):
        expected = np.log(joint(machine, word).sum())
        assert model.score(np.array([word])) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "n_pairs"), [("z1r", 4), ("rrxor", 8)])
def test_only_pairs_that_occur_are_states(name: str, n_pairs: int) -> None:
    assert len(state_form(MACHINES[name]).machine_state) == n_pairs


def test_z1r_emits_zero_one_and_something() -> None:
    hmm, machine_state = state_form(MACHINES["z1r"])
    symbols, states = sample_hmm(hmm, 200, 30, np.random.default_rng(0))
    after = machine_state[states]
    # State "one" is where the zero led; the next symbol is 1, and then comes the random one.
    assert np.all(symbols[after == 1] == 0)
    assert np.all(symbols[:, 1:][after[:, :-1] == 1] == 1)
    random = symbols[:, 1:][after[:, :-1] == 2]
    assert abs(random.mean() - 0.5) < 5 * 0.5 / np.sqrt(random.size)


def test_rrxor_emits_the_exclusive_or_of_two_random_bits() -> None:
    hmm, machine_state = state_form(MACHINES["rrxor"])
    symbols, states = sample_hmm(hmm, 200, 30, np.random.default_rng(0))
    starts = machine_state[states] == 0
    row, t = np.nonzero(starts[:, :-3])
    a, b, c = (symbols[row, t + k] for k in (1, 2, 3))
    np.testing.assert_array_equal(a ^ b, c)
    for bit in (a, b):
        assert abs(bit.mean() - 0.5) < 5 * 0.5 / np.sqrt(bit.size)
