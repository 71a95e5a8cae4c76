"""Ways to get states: on planted states, on their own ends, and without looking ahead."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.stats.agreement import agreement
from hmmlens.validation.baselines.methods import Labels, Layer, label
from hmmlens.validation.baselines.registry import of_kind
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings

METHODS = list(of_kind("states"))
CORNERS = np.array([[2.0, 0, 0], [-1, 1.7, 0], [-1, -1.7, 0]])


def planted(seed: int, noise: float, n: int = 20) -> tuple[Layer, np.ndarray]:
    """Three states in three corners, with sequences of unequal lengths and NaN past the ends."""
    rng = np.random.default_rng(seed)
    _, states = sample_hmm(preset_hmm("fully3"), n, 60, rng)
    values = CORNERS[states] + noise * rng.normal(size=(n, 60, 3))
    length = rng.integers(30, 61, size=n)
    past = np.arange(60) >= length[:, None]
    values[past], states[past] = np.nan, -1
    return Layer(values, length), states


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_planted_states(name: str) -> None:
    (train, _), (test, truth) = planted(0, 0.15), planted(1, 0.15)
    # The grid cannot put its cells where it likes and needs more of them.
    found = label(name, train, test, 5 if name == "pca grid" else 3, 0)
    # A sequence's first step has none before it, which an autoregression needs.
    truth[:, 0] = -1
    assert agreement(truth, found.test)["homogeneity"] > 0.95
    if name not in ("pca grid",):
        assert agreement(truth, found.test)["ari"] > 0.95


@pytest.mark.parametrize("name", METHODS)
def test_no_method_looks_ahead_or_past_an_end(name: str) -> None:
    (train, _), (test, _) = planted(0, 0.4), planted(1, 0.4)
    before = label(name, train, test, 3, 0)
    changed = test.values.copy()
    changed[:, 40:] = np.random.default_rng(5).normal(size=changed[:, 40:].shape)
    after = label(name, train, Layer(changed, np.where(test.length > 40, 60, test.length)), 3, 0)
    np.testing.assert_array_equal(after.test[:, :40], before.test[:, :40])
    np.testing.assert_array_equal(after.train, before.train)
    # Test labels do not depend on what else is in test.
    alone = label(name, train, Layer(test.values[:1], test.length[:1]), 3, 0)
    np.testing.assert_array_equal(alone.test[0], before.test[0])


@pytest.mark.parametrize("name", METHODS)
def test_labels_of_noise_follow_nothing(name: str) -> None:
    rng = np.random.default_rng(0)
    train, test = (Layer(rng.normal(size=(20, 60, 3)), np.full(20, 60)) for _ in range(2))
    _, truth = sample_hmm(preset_hmm("fully3"), 20, 60, rng)
    found = label(name, train, test, 3, 0)
    assert abs(agreement(truth, found.test)["ari"]) < 0.05


def test_dynamics_help_where_states_overlap() -> None:
    (train, _), (test, truth) = planted(0, 1.6, n=40), planted(1, 1.6)
    scores = {n: agreement(truth, label(n, train, test, 3, 0).test)["ari"] for n in METHODS}
    for name in ("k-means", "gaussian mixture", "pca grid"):
        assert scores["hmm"] > scores[name] + 0.1


def test_kmeans_is_that_of_scikit_learn() -> None:
    (train, _), (test, _) = planted(0, 0.5), planted(1, 0.5)
    for settings in (DEFAULT_BASELINES, BaselineSettings(n_restarts=1)):
        found = label("k-means", train, test, 4, 7, settings)
        theirs = KMeans(4, n_init=settings.n_restarts, random_state=7).fit(train.frames)
        np.testing.assert_array_equal(found.test[test.inside], theirs.predict(test.frames))


def test_grid_cuts_components_by_hand() -> None:
    # One component moves, from 0 to 3: four cells of three quarters each.
    values = np.array([0.0, 0.7, 0.8, 1.6, 2.9, 3.0])[None, :, None]
    train = Layer(values, np.array([6]))
    beyond = Layer(np.array([-5.0, 1.0, 2.0, 9.0])[None, :, None], np.array([4]))
    found = label("pca grid", train, beyond, 4, 0)
    # The axis may point either way.
    rank = {v: i for i, v in enumerate(dict.fromkeys(found.train[0].tolist()))}
    assert [rank[v] for v in found.train[0].tolist()] == [0, 0, 1, 2, 3, 3]
    assert [rank[v] for v in found.test[0].tolist()] == [0, 1, 2, 3]


def test_grid_never_has_more_cells_than_asked() -> None:
    rng = np.random.default_rng(0)
    layer = Layer(rng.normal(size=(10, 50, 5)), np.full(10, 50))
    for n in (1, 2, 5, 9):
        found = label("pca grid", layer, layer, n, 0)
        kinds = np.unique(found.train)
        assert len(kinds) <= n
        assert n < 5 or len(kinds) > n // 2


def test_another_method_is_entered_as_a_function() -> None:
    def sign(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
        return Labels(
            *(np.where(part.inside, part.values[..., 0] > 0, -1) for part in (train, test))
        )

    (train, _), (test, truth) = planted(0, 0.1), planted(1, 0.1)
    found = label(sign, train, test, 2, 0)
    assert agreement(np.where(truth < 0, -1, truth == 0), found.test)["accuracy"] > 0.99


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.zeros((2, 4), dtype=int), r"train labels have shape \(2, 4\), not \(2, 5\)"),
        (np.full((2, 5), 3), "train labels must be 0 to 2"),
        (np.full((2, 5), -1), "train labels must be 0 to 2"),
        (np.zeros((2, 5), dtype=int), "must be -1 past a sequence's end"),
    ],
)
def test_labels_that_break_the_protocol_are_refused(labels: np.ndarray, sentence: str) -> None:
    layer = Layer(np.zeros((2, 5, 1)), np.array([5, 3]))
    with pytest.raises(DataError, match=sentence):
        label(lambda *_: Labels(labels, labels), layer, layer, 3, 0)


def test_unknown_method_is_refused() -> None:
    layer = Layer(np.zeros((2, 5, 1)), np.array([5, 3]))
    with pytest.raises(DataError, match="there is no method 'kmeans'; there are hmm, k-means"):
        label("kmeans", layer, layer, 3, 0)
