"""Reductions equal scikit-learn's, fitted on the train split alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition

import hmmlens
from hmmlens.errors import DataError
from hmmlens.reduction.fitting import Reduction, fit_transform
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.stats.moments import Part

#: Settings of kinds whose defaults are too large here.
SMALL: dict[str, dict[str, Any]] = {
    "tsne": {"n_components": 2, "perplexity": 10.0, "max_fit_frames": 60},
}
#: Settings of every registered kind, as the config gives them.
KINDS = {
    kind: SMALL.get(kind, {"n_components": 3} if "n_components" in member.model_fields else {})
    for kind, member in REDUCERS.items()
}
TRAIN = np.array([True, False, True, True, False, True, True, False])


def state_of(seed: int = 0, dead: tuple[int, ...] = ()) -> np.ndarray:
    """Return (sequence, time, unit) with three strong, skewed directions in six units."""
    rng = np.random.default_rng(seed)
    source = rng.exponential(size=(8, 30, 3)) * [3, 2, 1]
    state = source @ rng.normal(size=(3, 6)) + 0.1 * rng.normal(size=(8, 30, 6))
    state[..., list(dead)] = 0.1
    return state


def reduced(state: np.ndarray, kind: str, seed: int = 5) -> tuple[np.ndarray, dict[str, Any]]:
    return fit_transform(state, TRAIN, {"kind": kind, **KINDS[kind]}, seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_is_transformed_as_a_chunk_of_all(kind: str) -> None:
    state = state_of(dead=(3,))
    parts = [
        Part(
            slice(first, first + 4), np.ones((4, 30), bool), state[first : first + 4].reshape(-1, 6)
        )
        for first in (0, 4)
    ]
    reduction = Reduction(lambda: parts, TRAIN, {"kind": kind, **KINDS[kind]}, 5)
    whole = reduction.transform(state.reshape(-1, 6))
    chunk = reduction.padded(parts[1]).reshape(-1, whole.shape[1])
    # The map is of single precision.
    atol = 1e-3 if REDUCERS[kind].exploratory else 1e-12
    np.testing.assert_allclose(chunk, whole[120:], rtol=0, atol=atol)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_properties_are_those_of_the_algorithm(kind: str) -> None:
    settings = REDUCERS[kind].model_construct(kind=kind, **KINDS[kind])
    assert REDUCERS.label(kind) == REDUCERS.label(kind).strip() != ""
    if REDUCERS[kind].invertible:
        assert hasattr(settings.build(0), "inverse_transform")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_pca_equals_scikit_learn_fitted_on_train(seed: int, n_components: int) -> None:
    state = state_of(seed)
    found, about = fit_transform(state, TRAIN, {"kind": "pca", "n_components": n_components}, 0)
    oracle = decomposition.PCA(n_components, svd_solver="full").fit(state[TRAIN].reshape(-1, 6))
    expected = oracle.transform(state.reshape(-1, 6)).reshape(8, 30, n_components)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    ratio = about["explained_variance_ratio"]
    np.testing.assert_allclose(ratio, oracle.explained_variance_ratio_)
    # And by its definition: the eigenvalues of the covariance of the train frames.
    values = np.linalg.eigvalsh(np.cov(state[TRAIN].reshape(-1, 6).T))[::-1]
    np.testing.assert_allclose(ratio, (values / values.sum())[:n_components], atol=1e-10)
    assert about["exploratory"] is False
    assert about["n_dead_units"] == 0


@pytest.mark.parametrize(
    ("kind", "oracle"),
    [
        ("factor_analysis", decomposition.FactorAnalysis(3, random_state=5)),
        (
            "ica",
            decomposition.FastICA(3, whiten="unit-variance", random_state=5, max_iter=1000),
        ),
    ],
)
def test_linear_kinds_equal_scikit_learn_fitted_on_train(kind: str, oracle: Any) -> None:
    state = state_of()
    expected = oracle.fit(state[TRAIN].reshape(-1, 6)).transform(state.reshape(-1, 6))
    np.testing.assert_allclose(reduced(state, kind)[0].reshape(-1, 3), expected, atol=1e-9)


def test_ica_recovers_planted_sources() -> None:
    rng = np.random.default_rng(1)
    source = rng.exponential(size=(8, 200, 3))
    found, _ = fit_transform(
        source @ rng.normal(size=(3, 3)), TRAIN, {"kind": "ica", "n_components": 3}, 0
    )
    across = np.corrcoef(source.reshape(-1, 3).T, found.reshape(-1, 3).T)[:3, 3:]
    assert np.all(abs(across).max(axis=0) > 0.98)
    assert sorted(abs(across).argmax(axis=0)) == [0, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_test_rows_do_not_change_the_map(kind: str) -> None:
    state = state_of()
    other = state.copy()
    other[~TRAIN] = 100 * np.random.default_rng(9).normal(size=other[~TRAIN].shape)
    one, two = reduced(state, kind)[0], reduced(other, kind)[0]
    # The map is of single precision.
    atol = 1e-3 if kind == "tsne" else 1e-9
    np.testing.assert_allclose(one[TRAIN], two[TRAIN], atol=atol)
    assert not np.allclose(one[~TRAIN], two[~TRAIN])


@pytest.mark.parametrize("kind", KINDS)
def test_shape_seed_and_dead_units(kind: str) -> None:
    state = state_of(dead=(1, 4))
    one, about = reduced(state, kind)
    n_components = KINDS[kind].get("n_components", 4)
    assert one.shape == (8, 30, n_components)
    assert np.isfinite(one).all()
    assert about["n_dead_units"] == 2
    assert about["exploratory"] is (kind == "tsne")
    np.testing.assert_array_equal(one, reduced(state, kind)[0])
    # Constant units have no effect: without them all is the same.
    without = np.delete(state, [1, 4], axis=2)
    np.testing.assert_array_equal(one, reduced(without, kind)[0])


@pytest.mark.parametrize("kind", ["ica", "tsne"])
def test_seed_is_used(kind: str) -> None:
    one, other = (reduced(state_of(), kind, seed)[0] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_unit_that_moves_on_test_alone_is_dead() -> None:
    state = state_of(dead=(2,))
    state[~TRAIN, :, 2] = np.random.default_rng(0).normal(size=(3, 30))
    found, about = reduced(state, "identity")
    assert about["n_dead_units"] == 1
    np.testing.assert_array_equal(found, np.delete(state, 2, axis=2))


def test_no_more_components_than_moving_units() -> None:
    state = state_of(dead=(0, 1, 2, 3))
    for kind in ("pca", "factor_analysis", "ica"):
        assert reduced(state, kind)[0].shape == (8, 30, 2)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1 / 3, 1e6 / 7])
def test_layer_that_never_changes_is_reported(value: float) -> None:
    with pytest.raises(DataError, match="no unit of this layer ever changes"):
        fit_transform(np.full((8, 30, 6), value), TRAIN, {"kind": "pca", "n_components": 2}, 0)


def test_tsne_keeps_far_clusters_apart_on_frames_it_has_not_seen() -> None:
    rng = np.random.default_rng(0)
    cluster = rng.integers(0, 2, size=(8, 30))
    state = 0.1 * rng.normal(size=(8, 30, 6)) + 10 * cluster[..., None]
    found, _ = reduced(state, "tsne")
    seen, new = found[TRAIN].reshape(-1, 2), found[~TRAIN].reshape(-1, 2)
    distance = ((new[:, None] - seen[None]) ** 2).sum(axis=2)
    nearest = cluster[TRAIN].ravel()[distance.argmin(axis=1)]
    assert (nearest == cluster[~TRAIN].ravel()).mean() > 0.99


def test_public_function_fits_on_all_sequences() -> None:
    state = state_of()
    found = hmmlens.reduce(state, "pca", n_components=2)
    flat = state.reshape(-1, 6)
    expected = decomposition.PCA(2, svd_solver="full").fit_transform(flat)
    np.testing.assert_allclose(found.reshape(-1, 2), expected, atol=1e-10)
    # The config's default.
    assert hmmlens.reduce(state).shape == (8, 30, 6)
    assert hmmlens.reduce(state.tolist(), "identity").shape == (8, 30, 6)


@pytest.mark.parametrize(
    ("state", "options", "sentence"),
    [
        (np.zeros((4, 5)), {}, r"state has shape \(4, 5\); \(sequence, time, unit\) is needed"),
        (
            state_of(),
            {"kind": "pcaa"},
            "found 'pcaa'.* pca, factor_analysis, ica, identity, tsne",
        ),
        (state_of(), {"n_component": 2}, "n_component"),
        (
            state_of(),
            {"n_components": 0},
            "reducer.n_components: found 0, wants a whole number of 1 or more",
        ),
        (state_of(), {"kind": "identity", "n_components": 2}, "n_components"),
        (np.ones((4, 5, 2)), {}, "no unit of this layer ever changes"),
    ],
)
def test_public_function_reports_what_is_wrong(
    state: np.ndarray, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        hmmlens.reduce(state, **options)
