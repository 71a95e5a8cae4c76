"""Driven models equal the sum over all paths, contain plain ones, and never lose likelihood."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from hmmlens.errors import DataError
from hmmlens.hmm import input_classes, input_driven
from hmmlens.hmm.engine.passes.input_driven_pass import expect
from hmmlens.hmm.input_driven import InputDrivenHMM
from hmmlens.hmm.models import GaussianHMM
from hmmlens.ragged import steps_inside

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("spherical", "diag", "full", "tied")


def a_model(seed: int, k: int = 3, c: int = 2, d: int = 2, kind: str = "tied") -> InputDrivenHMM:
    rng = np.random.default_rng(seed)
    return InputDrivenHMM(
        rng.dirichlet(np.ones(k)),
        rng.dirichlet(np.ones(k), (c, k)),
        2 * rng.normal(size=(k, d)),
        np.tile(np.eye(d), (k, 1, 1)),
        kind,
    )


def data(seed: int, n: int, t: int, c: int = 2, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 2 * rng.normal(size=(n, t, d)), rng.integers(c, size=(n, t))


def toggles(seed: int, n: int = 40, t: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places of a state that every pulse flips, the pulses, and the states."""
    rng = np.random.default_rng(seed)
    pulses = (rng.random((n, t)) < 0.2).astype(int)
    states = pulses.cumsum(axis=1) % 2
    values = (2.0 * states - 1)[..., None] + 0.7 * rng.normal(size=(n, t, 1))
    return values, pulses, states


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_expectations_equal_the_sum_over_all_paths(seed: int, n_steps: int) -> None:
    model = a_model(seed)
    values, classes = data(seed + 1, 1, n_steps)
    inside = np.ones((1, n_steps), dtype=bool)
    density = np.array([[multivariate_normal.logpdf(x, m) for m in model.means] for x in values[0]])
    paths = np.array(list(itertools.product(range(3), repeat=n_steps)))
    logs = np.log(model.startprob[paths[:, 0]]) + density[0, paths[:, 0]]
    totals = [logs]
    for t in range(1, n_steps):
        move = model.transmat[classes[0, t], paths[:, t - 1], paths[:, t]]
        totals.append(totals[-1] + np.log(move) + density[t, paths[:, t]])
    found = expect(
        model.startprob, model.transmat, model.log_density(values, inside), classes, inside
    )
    assert found.log_likelihood[0] == pytest.approx(logsumexp(totals[-1]), abs=1e-9)
    whole = np.exp(totals[-1] - logsumexp(totals[-1]))
    upto = [np.exp(part - logsumexp(part)) for part in totals]
    trans = np.zeros_like(model.transmat)
    for t in range(n_steps):
        for k in range(3):
            here = paths[:, t] == k
            assert found.smoothed[0, t, k] == pytest.approx(whole[here].sum(), abs=1e-9)
            assert found.filtered[0, t, k] == pytest.approx(upto[t][here].sum(), abs=1e-9)
            for j in range(3):
                if t:
                    both = (paths[:, t - 1] == k) & (paths[:, t] == j)
                    trans[classes[0, t], k, j] += whole[both].sum()
    np.testing.assert_allclose(found.trans, trans, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_model_with_equal_tables_is_the_plain_model(kind: str) -> None:
    model = a_model(3, c=1, kind=kind)
    equal = InputDrivenHMM(
        model.startprob, np.tile(model.transmat, (4, 1, 1)), model.means, model.covars, kind
    )
    plain = GaussianHMM.from_parameters(
        model.startprob, model.transmat[0], model.means, model.covars, kind
    )
    values, classes = data(4, 5, 12, c=4)
    lengths = np.array([12, 1, 5, 12, 7])
    found, wanted = equal.filter(values, classes, lengths), plain.filter(values, lengths)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(KINDS), st.sampled_from(["stmc", "t", "tm", "sc"]))
def test_em_never_loses(seed: int, kind: str, update: str) -> None:
    values, classes = data(seed, 6, 15)
    lengths = np.array([15, 3, 15, 1, 9, 15])
    _, history = input_driven.fit(
        values, classes, a_model(seed + 1, kind=kind), lengths, max_iter=12, tol=-1, update=update
    )
    assert len(history) == 12
    assert (np.diff(history) >= -1e-7 * np.abs(history[1:])).all()


def test_a_toggle_is_found_where_a_plain_model_cannot() -> None:
    values, pulses, states = toggles(0)
    inside = np.ones(states.shape, dtype=bool)
    guess = (values[..., 0] > 0).astype(int)
    found = {}
    for name, classes, n in (("driven", pulses, 2), ("plain", 0 * pulses, 1)):
        start = input_driven.from_states(values, guess, classes, inside, 2, n)
        found[name], _ = input_driven.fit(values, classes, start, max_iter=50)
    stay, flip = found["driven"].transmat
    np.testing.assert_allclose(stay, np.eye(2), atol=0.02)
    np.testing.assert_allclose(flip, np.eye(2)[::-1], atol=0.05)
    test, new_pulses, truth = toggles(1)
    right = {
        name: (model.filter(test, new_pulses * (name == "driven")).posteriors.argmax(2) == truth)
        for name, model in found.items()
    }
    assert right["driven"].mean() > 0.98
    assert right["plain"].mean() < right["driven"].mean() - 0.02


def test_tables_alone_keep_the_emissions() -> None:
    values, pulses, states = toggles(2)
    start = input_driven.from_states(values, states, 0 * pulses, states >= 0, 2, 2)
    model, _ = input_driven.fit(values, pulses, start, update="t")
    np.testing.assert_allclose(model.means, start.means, atol=1e-12)
    np.testing.assert_allclose(model.covars, start.covars, atol=1e-12)
    assert model.transmat[1, 0, 1] > 0.8 > start.transmat[1, 0, 1]


def test_the_future_changes_nothing_before_it() -> None:
    model = a_model(5)
    values, classes = data(6, 4, 20)
    other, moved = data(7, 4, 20)
    other[:, :12], moved[:, :12] = values[:, :12], classes[:, :12]
    one, two = model.filter(values, classes), model.filter(other, moved)
    np.testing.assert_array_equal(one.posteriors[:, :12], two.posteriors[:, :12])
    assert not np.allclose(one.posteriors[:, 12:], two.posteriors[:, 12:])


def test_what_fills_a_sequence_is_not_looked_at() -> None:
    model = a_model(8)
    values, classes = data(9, 3, 10)
    lengths = np.array([10, 4, 7])
    outside = ~steps_inside(lengths, 3, 10)
    spoilt, wrong = values.copy(), classes.copy()
    spoilt[outside], wrong[outside] = np.nan, -1
    for one, two in zip(
        model.filter(values, classes, lengths), model.filter(spoilt, wrong, lengths), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    fits = [
        input_driven.fit(v, c, model, lengths)[1] for v, c in ((values, classes), (spoilt, wrong))
    ]
    assert fits[0] == fits[1]


def test_transitions_are_counted_by_the_class_they_enter_under() -> None:
    states = np.array([[0, 1, 1, 0], [1, 0, 0, 0]])
    classes = np.array([[1, 0, 1, 1], [0, 1, 0, 0]])
    inside = np.array([[True] * 4, [True, True, False, False]])
    counts = input_driven.transitions(states, classes, inside, 2, 2)
    assert counts.tolist() == [[[0, 1], [0, 0]], [[0, 0], [2, 1]]]


def test_rare_class_moves_as_the_others_do() -> None:
    counts = np.zeros((2, 2, 2))
    counts[0] = [[90, 10], [20, 80]]
    tables = input_driven.tables(counts)
    np.testing.assert_allclose(tables[1], [[0.9, 0.1], [0.2, 0.8]], atol=1e-3)
    np.testing.assert_allclose(tables.sum(axis=2), 1)
    assert (input_driven.tables(np.zeros((1, 3, 3))) == 1 / 3).all()


def test_state_without_frames_starts_in_the_middle() -> None:
    values, pulses, states = toggles(3)
    start = input_driven.from_states(values, states, pulses, states >= 0, 3, 2)
    assert start.means[2] == pytest.approx(values.mean())
    assert np.isfinite(input_driven.fit(values, pulses, start, max_iter=3)[1]).all()


def test_wrong_classes_are_reported() -> None:
    model = a_model(0)
    values, classes = data(1, 2, 5)
    classes[1, 3] = 2
    with pytest.raises(DataError, match="input class 2 at sequence 1, step 3 lies outside 0 to 1"):
        model.filter(values, classes)
    with pytest.raises(DataError, match="input classes have shape"):
        model.filter(values, classes[:, :4])
    with pytest.raises(DataError, match=r"values holds a value that is not finite at \(0, 0, 0\)"):
        model.filter(np.full((1, 2, 2), np.nan), np.zeros((1, 2), dtype=int))


def test_rare_combination_of_inputs_moves_as_its_parts_do() -> None:
    # Two bits, each set by a pulse of its own; both pulses coincide in few steps.
    rng = np.random.default_rng(0)
    classes = rng.choice(4, size=(30, 60), p=[0.7, 0.145, 0.145, 0.01])
    bits = np.zeros((30, 60), dtype=int)
    for t in range(1, 60):
        flipped = bits[:, t - 1] ^ classes[:, t]
        bits[:, t] = flipped
    places = np.array([[-1.0, -1], [1, -1], [-1, 1], [1, 1]])
    values = places[bits] + 0.1 * rng.standard_normal((30, 60, 2))
    inside = np.ones((30, 60), dtype=bool)
    parts = [(), (), (), (1, 2)]
    counts = input_classes.transitions(bits, classes, inside, 4, 4)
    assert input_classes.composes(counts, parts)
    true = np.eye(4)[np.arange(4) ^ 3]
    errors = []
    for given_parts in ((), parts):
        start = input_driven.from_states(values, bits, classes, inside, 4, 4, parts=given_parts)
        model, history = input_driven.fit(values, classes, start, parts=given_parts)
        assert (np.diff(history) > -1e-6).all()
        errors.append(np.abs(model.transmat[3] - true).max())
    assert errors[1] < 0.1 < errors[0]
    # Where both at once do something else, the average stays.
    other = counts.copy()
    other[3] = 5 * np.eye(4)
    assert not input_classes.composes(other, parts) and not input_classes.composes(counts, ())
