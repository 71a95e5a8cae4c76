"""Mutual information of states with regions that are constructed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from hmmlens.emulation.states.regions import (
    count_steps,
    information_table,
    mutual_information,
    region_table,
    shift_within_labels,
)
from hmmlens.emulation.states.settings import StateSettings
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT
from tests.emulation.planted import Wells
from tests.emulation.states.test_interchange import planted


def runs_of(rng: np.random.Generator, n_runs: int, n_steps: int, n: int, stay: float) -> np.ndarray:
    """Return paths of a chain that stays, and else goes anywhere."""
    moves = rng.random((n_runs, n_steps)) > stay
    drawn = rng.integers(n, size=moves.shape)
    path = np.empty(moves.shape, dtype=np.int64)
    path[:, 0] = drawn[:, 0]
    for t in range(1, n_steps):
        path[:, t] = np.where(moves[:, t], drawn[:, t], path[:, t - 1])
    return path


def test_information_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, regions = rng.integers(2, size=(6, 50)), rng.integers(3, size=(6, 50))
    path = (labels + rng.integers(2, size=labels.shape) * regions) % 4
    counted = count_steps(labels, regions, path, (2, 3, 4))
    assert counted.shape == (6, 2, 3, 4) and counted.sum() == 300
    found = mutual_information(counted.sum(axis=0))
    both = labels * 3 + regions
    for name, truth in {"label": labels, "region": regions, "both": both}.items():
        nats = mutual_info_score(truth.ravel(), path.ravel())
        assert found[name].nats == pytest.approx(nats)
        entropy = mutual_info_score(truth.ravel(), truth.ravel())
        assert found[name].share == pytest.approx(nats / entropy)
    # The chain rule of mutual information.
    added = found["both"].nats - found["label"].nats
    assert found["region within label"].nats == pytest.approx(added)
    regions[0, :10] = -1
    assert count_steps(labels, regions, path, (2, 3, 4)).sum() == 290


def test_regions_within_labels_add_information_to_that_on_the_label() -> None:
    rng = np.random.default_rng(1)
    labels, regions = runs_of(rng, 10, 200, 2, 0.95), runs_of(rng, 10, 200, 3, 0.8)
    alone = information_table(labels, regions, labels, (2, 3, 2), rng).set_index("of")
    assert alone.loc["label", "share"] == 1 and alone.loc["label", "p"] < 0.01
    assert alone.loc["region within label", "share"] == 0
    assert alone.loc["region within label", "p"] == 1 and alone.loc["region", "p"] > 0.05
    full = information_table(labels, regions, 3 * labels + regions, (2, 3, 6), rng).set_index("of")
    np.testing.assert_allclose(full["share"], 1)
    assert (full["p"] < 0.01).all() and (full["null_high"] < 0.5).all()
    assert (full["low"] <= full["share"] + 1e-12).all()


@pytest.mark.study
def test_p_values_are_even_where_there_is_nothing() -> None:
    settings = StateSettings(n_shifts=60)
    rng = np.random.default_rng(2)
    p = []
    for _ in range(25):
        labels, regions, path = (runs_of(rng, 4, 80, n, 0.8) for n in (2, 3, 3))
        p.append(information_table(labels, regions, path, (2, 3, 3), rng, settings)["p"].to_numpy())
    # Of 25, 1.25 are below .05 on average; 7 or more come up once in 6,000 times.
    assert ((np.array(p) < 0.05).sum(axis=0) < 7).all()
    assert (np.median(p, axis=0) > 0.2).all()


def test_shifts_within_labels_keep_the_information_on_labels() -> None:
    rng = np.random.default_rng(0)
    labels, path = runs_of(rng, 5, 100, 2, 0.9), runs_of(rng, 5, 100, 4, 0.9)
    turned = shift_within_labels(path, labels, rng)
    regions = np.zeros_like(labels)
    before, after = (count_steps(labels, regions, p, (2, 1, 4)) for p in (path, turned))
    np.testing.assert_array_equal(before, after)
    assert (turned != path).mean() > 0.3


def test_table_of_states_and_regions() -> None:
    network = Wells(TRANSMAT, EMISSION)
    _, model = planted(network, TRANSMAT)
    path = np.array([[0, 0, 0, 0, 1, 1], [1, 0, 0, 0, 1, 1]])
    regions = np.array([[0, 0, 0, 1, 1, 1], [1, 0, 0, -1, 1, 0]])
    table = region_table(model, path, regions, ("cluster", "kick"), (0, 1, 2)).set_index("state")
    assert table["region"].tolist() == ["cluster", "kick", ""]
    np.testing.assert_allclose(table["occupancy"], [6 / 11, 5 / 11, 0])
    np.testing.assert_allclose(table["in_cluster"][:2], [5 / 6, 1 / 5])
    np.testing.assert_allclose(table["of_kick"][:2], [1 / 5, 4 / 5])
    np.testing.assert_allclose(table["mean_dwell"], 1 / (1 - np.diag(model.hmm.transmat_)))
    assert table["label"].tolist() == model.emission.argmax(axis=1).tolist()
