"""t-SNE against its definition, brute force and scikit-learn's exact implementation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import TSNE, trustworthiness
from sklearn.manifold._t_sne import _joint_probabilities

from hmmlens.reduction import neighbour_embedding as embedding


def clusters(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return frames around five places in eight dimensions, and the place of each."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 5, size=n)
    return 4 * rng.normal(size=(5, 8))[label] + rng.normal(size=(n, 8)), label


def divergence(points: np.ndarray, joint: np.ndarray) -> float:
    """Return the Kullback-Leibler divergence that t-SNE minimises, by its definition."""
    q = 1 / (1 + ((points[:, None] - points[None]) ** 2).sum(axis=2))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    known = joint > 0
    return float((joint[known] * np.log(joint[known] / q[known])).sum())


@pytest.mark.parametrize("perplexity", [1.5, 5.0, 30.0])
def test_affinities_have_the_perplexity(perplexity: float) -> None:
    distance = (
        np.random.default_rng(0).exponential(size=(20, 90)) * 10.0 ** np.arange(-10, 10)[:, None]
    )
    p = embedding.affinities(distance, perplexity)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-6)
    # Nearer neighbours have larger affinities.
    assert all((np.diff(row[np.argsort(d)]) <= 0).all() for row, d in zip(p, distance, strict=True))


def test_equal_distances_have_equal_affinities() -> None:
    np.testing.assert_allclose(embedding.affinities(np.zeros((2, 4)), 2.0), 0.25)
    np.testing.assert_allclose(embedding.affinities(np.full((1, 4), 7.0), 2.0), 0.25)


def test_joint_affinities_equal_scikit_learn() -> None:
    frames, _ = clusters(90)
    distance = ((frames[:, None] - frames[None]) ** 2).sum(axis=2).astype(np.float32)
    full = np.zeros((90, 90))
    full[np.triu_indices(90, 1)] = _joint_probabilities(distance, 29.7, 0)[: 90 * 89 // 2]
    # Three times the perplexity are all other frames.
    found = embedding.joint_affinities(frames, 29.7)
    np.testing.assert_allclose(found, found.T)
    assert found.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(found, full + full.T, atol=2e-6)


def test_a_frame_is_no_neighbour_of_itself_even_where_others_equal_it() -> None:
    frames = np.repeat(np.eye(3), 40, axis=0)
    joint = embedding.joint_affinities(frames, 5.0)
    assert (np.diag(joint) == 0).all()
    assert joint.sum() == pytest.approx(1, rel=1e-5)
    same = np.repeat(np.arange(3), 40)
    assert joint[same[:, None] != same].sum() == 0


@pytest.mark.parametrize("rows", [7, 1000])
def test_forces_are_the_gradient_of_the_divergence(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PAIRS_AT_ONCE", 30 * rows)
    frames, _ = clusters(30)
    joint = embedding.joint_affinities(frames, 5.0)
    points = np.random.default_rng(1).normal(size=(30, 2)) * 2
    attraction, repulsion, total = embedding._forces(points.astype(np.float32), joint)
    found = 4 * (attraction - repulsion / total)
    step, expected = 1e-5, np.empty_like(points)
    for place in np.ndindex(points.shape):
        moved = [points.copy(), points.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        high, low = (divergence(one, joint.astype(np.float64)) for one in moved)
        expected[place] = (high - low) / (2 * step)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("n_components", [1, 2])
def test_divergence_is_as_small_as_that_of_scikit_learn(n_components: int) -> None:
    frames, _ = clusters(300)
    joint = embedding.joint_affinities(frames, 30.0).astype(np.float64)
    ours = embedding.embed(frames, n_components, 30.0, 250, 0)
    other = TSNE(
        n_components, perplexity=30.0, method="exact", init="pca", max_iter=500, random_state=0
    ).fit_transform(frames.astype(np.float32))
    assert divergence(ours, joint) < 1.05 * divergence(other.astype(np.float64), joint)
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-3)


def test_frames_are_placed_where_their_neighbours_are() -> None:
    frames, label = clusters(900)
    mapped, other = frames[:300], frames[300:]
    points = embedding.embed(mapped, 2, 30.0, 250, 0)
    placed = embedding.place(other, mapped, points)
    distance = ((placed[:, None] - points[None]) ** 2).sum(axis=2)
    assert (label[:300][distance.argmin(axis=1)] == label[300:]).all()
    # Neighbours on the map are neighbours among the frames as much as for frames of the map.
    own = trustworthiness(mapped, points, n_neighbors=10)
    both = trustworthiness(frames, np.concatenate([points, placed]), n_neighbors=10)
    assert both > own - 0.02


def test_placing_by_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, _ = clusters(200)
    points = embedding.embed(frames[:100], 2, 20.0, 60, 0)
    whole = embedding.place(frames, frames[:100], points)
    monkeypatch.setattr(embedding, "PAIRS_AT_ONCE", 1300)
    np.testing.assert_allclose(embedding.place(frames, frames[:100], points), whole, atol=1e-3)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_frames_have_a_map(n: int) -> None:
    frames = np.random.default_rng(n).normal(size=(n, 1))
    points = embedding.embed(frames, 2, (n - 1) / 3, 60, 0)
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
    assert np.isfinite(embedding.place(frames, frames, points)).all()


def test_map_depends_on_the_seed_alone() -> None:
    frames, _ = clusters(100)
    one, same, other = (embedding.embed(frames, 2, 20.0, 90, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
