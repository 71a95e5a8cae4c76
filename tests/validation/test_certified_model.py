"""The model of certified states has the parameters that the labels give."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.special import softmax
from scipy.stats import norm

from hmmlens.hmm import storage
from hmmlens.interpretation.input_events import input_events
from hmmlens.interpretation.state_probabilities import filter_states
from hmmlens.stages.sweep import fit_models
from hmmlens.stats.agreement import rand_index
from hmmlens.validation.certified import Certified
from hmmlens.validation.certified_model import (
    FLOOR,
    of_labels,
    transitions_given_input,
    with_certified,
)

KINDS = ["spherical", "diag", "full", "tied"]
SWEEP = {"n_states": [1, 2], "covariance_types": ["tied", "full"], "n_restarts": 1, "max_iter": 3}


def labelled() -> tuple[np.ndarray, np.ndarray]:
    """Return values and labels, of which the first two steps are not known."""
    rng = np.random.default_rng(0)
    labels = (rng.random((30, 40)) < 0.2).cumsum(axis=1) % 3
    values = 5.0 * np.eye(3)[labels][..., :2] + rng.normal(size=(30, 40, 2)) * [1.0, 0.3]
    labels[:, :2] = -1
    return values, labels


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_the_moments_of_the_labelled_steps(kind: str) -> None:
    values, labels = labelled()
    model = of_labels(values, labels, 3, kind, weight=0.0)
    frames, states = values[labels >= 0], labels[labels >= 0]
    floor = FLOOR * frames.var(axis=0).mean() * np.eye(2)
    within = [np.cov(frames[states == k].T, bias=True) for k in range(3)]
    pooled = sum(c * (states == k).sum() for k, c in enumerate(within)) / len(states)
    for k, own in enumerate(within):
        np.testing.assert_allclose(model.means_[k], frames[states == k].mean(axis=0))
        expected = {
            "full": own,
            "diag": np.diag(np.diag(own)),
            "spherical": np.eye(2) * np.trace(own) / 2,
            "tied": pooled,
        }[kind]
        covariance = np.broadcast_to(model.covars_, (3, 2, 2))[k]
        np.testing.assert_allclose(covariance, expected + floor, atol=1e-12)
        leaving = labels[:, 2:-1] == k
        following = np.bincount(labels[:, 3:][leaving], minlength=3)
        np.testing.assert_allclose(model.transmat_[k], following / following.sum())


def test_a_state_without_a_step_takes_no_others_place() -> None:
    values, labels = labelled()
    model = of_labels(values, labels, 4, "tied")
    assert np.isfinite(model.means_).all()
    np.testing.assert_allclose(model.transmat_.sum(axis=1), 1)
    found = model.predict(values)
    assert rand_index(labels, found) > 0.95


def test_the_certified_number_is_fitted_and_has_the_certified_states() -> None:
    values, labels = labelled()
    split = np.repeat([0, 1, 2], 10)
    reduced = xr.Dataset(
        {
            "reduced": (("sequence", "time", "component"), values),
            "length": ("sequence", np.full(30, 40)),
            "split": ("sequence", split),
        },
        attrs={"emission": "gaussian"},
    )
    counts = {**SWEEP, "n_states": [1, 2, 3]}
    before = fit_models(reduced, counts, 0)
    after = with_certified(before, reduced, Certified(3, labels))
    train = labels[split == 0]
    for kind in ("tied", "full"):
        mine = storage.model(after, kind, 3)
        wanted = of_labels(values[split == 0], train, 3, kind)
        np.testing.assert_allclose(mine.means_, wanted.means_)
        for n_states in (1, 2):
            same = storage.model(before, kind, n_states)
            np.testing.assert_array_equal(storage.model(after, kind, n_states).means_, same.means_)
    # The scores of the fits are those of the sweep.
    assert storage.results(after).equals(storage.results(before))


def bits_of_parity() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bits, their parity, and values in which its two states overlap."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, size=(40, 50))
    parity = bits.cumsum(axis=1) % 2
    return bits, parity, parity[..., None] + rng.normal(size=(40, 50, 1))


def test_transitions_given_the_input_are_those_of_the_machine() -> None:
    bits, parity, _ = bits_of_parity()
    certified, events = Certified(2, np.where(bits < 0, -1, parity)), input_events(bits)
    table = transitions_given_input(certified, events, np.arange(40) < 30)
    wanted = np.array([np.eye(2), 1 - np.eye(2)])
    np.testing.assert_allclose(table, wanted, atol=2e-3)
    # What is not known is not counted, nor are sequences outside train.
    other = certified.classes.copy()
    other[30:] = 1 - other[30:, ::-1]
    other[:, 10] = -1
    again = transitions_given_input(Certified(2, other), events, np.arange(40) < 30)
    np.testing.assert_allclose(again, wanted, atol=2e-3)


def test_states_that_overlap_are_followed_through_their_inputs() -> None:
    bits, parity, values = bits_of_parity()
    model, length = of_labels(values, parity, 2, "tied"), np.full(40, 50)
    events = input_events(bits)
    table = transitions_given_input(Certified(2, parity), events, np.ones(40, dtype=bool))
    averaged = filter_states(model, values, length).argmax(axis=2)
    certain = np.array([np.eye(2), 1 - np.eye(2)])
    followed = filter_states(model, values, length, events, certain)
    # Given its bits a sequence is one of two, whatever its first state: the posterior in closed
    # form.
    toggled = np.stack([parity, 1 - parity])
    density = norm.logpdf(values[..., 0], model.means_[toggled, 0], np.sqrt(model.covars_[0, 0, 0]))
    first = np.log(model.startprob_)[toggled[:, :, :1]]
    exact = softmax(first + density.cumsum(axis=2), axis=0)[0]
    known = np.take_along_axis(followed, parity[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(known, exact, atol=1e-9)
    averaged_ari, followed_ari = (
        rand_index(parity, path) for path in (averaged, followed.argmax(axis=2))
    )
    assert averaged_ari < 0.4 < 0.75 < followed_ari
    # The table of other states is of no use to a model, nor is one event, which averages as well.
    three = of_labels(values, parity, 3, "tied")
    for other, tables in ((three, table), (model, table[:1])):
        plain = other.filter(values, length).posteriors
        np.testing.assert_array_equal(filter_states(other, values, length, events, tables), plain)
    # Nothing looks ahead.
    early = values[:, :20], np.full(40, 20), input_events(bits[:, :20])
    cut = filter_states(model, *early, certain)
    np.testing.assert_allclose(cut, followed[:, :20], atol=1e-12)
