"""Verdicts on activations that are planted, without a network: states, a ring, noise."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.errors import DataError
from hmmlens.futures.summary import NAMES, Summary
from hmmlens.hmm import input_driven
from hmmlens.interpretation.state_probabilities import state_outputs
from hmmlens.recording.activations import WARM_UP
from hmmlens.validation.baselines import codebook
from hmmlens.validation.forecast import free_run
from hmmlens.validation.grading.evidence import judge
from hmmlens.validation.grading.measurements import fit_states
from hmmlens.validation.grading.recorded import Losses, Recorded, components, prepare

GOOD = Losses(0.1, 1.0)


def ends(n: int, ratio: float = 1.0, drift: float = 0.0) -> Endpoints:
    return Endpoints(np.zeros((0, 1)), n, round(n * ratio), ratio, drift)


def recorded(distribution: np.ndarray, inputs: np.ndarray, seed: int = 0) -> Recorded:
    """Return units that hold the output and a little noise."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(distribution.shape[2], 10))
    hidden = distribution @ mix + 0.02 * rng.normal(size=(*distribution.shape[:2], 10))
    split = np.arange(len(distribution)) * 5 // len(distribution)
    split = np.array([0, 0, 0, 1, 2])[split]
    return Recorded(
        hidden, distribution, inputs, np.full(len(distribution), distribution.shape[1]), split
    )


def counter(modulus: int = 3, seed: int = 0) -> Recorded:
    rng = np.random.default_rng(seed)
    pulses = (rng.random((50, 80)) < 0.15).astype(int)
    distribution = np.eye(modulus)[pulses.cumsum(axis=1) % modulus]
    distribution = distribution + 0.01 * rng.normal(size=distribution.shape)
    return recorded(distribution, pulses[..., None].astype(np.float32), seed)


def ring(seed: int = 0) -> Recorded:
    rng = np.random.default_rng(seed)
    turns = rng.integers(-2, 3, size=(50, 80))
    angle = rng.uniform(0, 2 * np.pi, (50, 1)) + 0.25 * turns.cumsum(axis=1)
    distribution = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    return recorded(distribution, turns[..., None].astype(np.float32), seed)


def futures(n_classes: int, **numbers: float) -> Summary:
    """Return futures with as many separate classes, or a continuum with one."""
    many = n_classes > 1
    found = dict.fromkeys(NAMES, np.nan) | {
        "n_classes": n_classes, "within": 0.05 if many else np.nan,
        "between": 1.0 if many else np.nan, "points": 1.0 if many else np.nan,
        "n_compared": 300, "counts_output": 0, "memory": 1.9, "chain": 1.2 if many else 20,
        "density": 3, "accuracy": 1.0, "input_accuracy": 0.3,
        "moves": 1.0 if many else np.nan, "machine_20": 1.0 if many else np.nan,
    }  # fmt: skip
    return Summary(found | numbers, np.full((50, 80), -1))


def test_counter_with_separate_classes_holds_states() -> None:
    row, verdict = judge(
        counter(), GOOD, ends(3), random_state=0, reservoir_grade="X", futures=futures(3)
    )
    assert verdict.grade == row["grade"] == "D" and verdict.n_states == 3
    assert row["input_driven"] is False and row["gap_closed"] != row["gap_closed"]
    assert row["fidelity_5"] > 0.98 >= row["fidelity_fewer"]
    assert row["fidelity_5"] > row["linear_5"] + 0.3
    assert row["fidelity_5"] >= row["codebook_5"] - 0.02
    assert row["hmm_gain_5"] == pytest.approx(row["fidelity_5"] - row["codebook_5"], abs=1e-9)
    assert row["hmm_gain_5_low"] <= row["hmm_gain_5"] <= row["hmm_gain_5_high"]
    assert all(row[f"fidelity_5_output_{k}"] > 0.98 for k in (1, 2, 3))
    assert row["outputs_sentence"] == ""
    assert row["resolution"] == row["n_states"] == 3
    assert row["closed_loop"] > 0.95
    assert row["flicker"] == 0 and row["elbow_output"] > 3
    assert row["repeated"].startswith("Faithful (0.9 wanted) with 2 (")
    assert row["count_mode"] == 3 and row["count_at_edge"] < 0.5
    shares = {name: part for name, part in row.items() if name.startswith("count_share_")}
    assert max(shares, key=shares.__getitem__) == "count_share_3"
    assert sum(shares.values()) == pytest.approx(1)


def test_same_activations_without_weights_are_consistent_at_most() -> None:
    row, verdict = judge(counter(), GOOD, None, random_state=0)
    assert verdict.grade == "consistent with D"
    assert row["n_states"] == 3 and np.isnan(row["n_endpoints"])
    assert row["input_driven"] is None


def test_incompetent_network_has_its_grade_without_the_gate_as_well() -> None:
    row, verdict = judge(counter(), Losses(1.0, 1.0), None, 0, futures=futures(3))
    assert verdict.grade == "X" and not row["supported"]
    assert row["grade_without_gate"] == "D"


def test_one_select_sequence_gives_a_verdict_without_a_distribution_of_counts() -> None:
    data = counter()
    split = data.split.copy()
    split[np.flatnonzero(split == 1)[1:]] = 0
    row, verdict = judge(data._replace(split=split), GOOD, None, 0, futures=futures(3))
    assert verdict.grade == "D" and "count_mode" not in row


def test_ring_is_a_continuum_and_without_futures_not_supported() -> None:
    data = ring()
    assert judge(data, GOOD, None, 0, futures=futures(1))[1].grade == "C"
    assert judge(data, GOOD, None, random_state=0)[1].grade == "not supported"


def test_shuffled_time_is_unfaithful() -> None:
    data = counter()
    order = np.argsort(np.random.default_rng(0).random(data.distribution.shape[:2]), axis=1)[
        ..., None
    ]
    shuffled = data._replace(
        distribution=np.take_along_axis(data.distribution, order, axis=1),
        hidden=np.take_along_axis(data.hidden, order, axis=1),
    )
    row, verdict = judge(shuffled, GOOD, None, random_state=0)
    assert verdict.grade == "U" and row["fidelity_5"] < 0.2 < row["fidelity_0"]
    assert row["closed_loop"] < 0.05


def test_components_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    data = counter()
    train = np.broadcast_to((data.split == 0)[:, None], data.distribution.shape[:2])
    found = components(data.hidden, train)
    oracle = PCA(0.95, svd_solver="full").fit(data.hidden[train])
    assert found.shape[2] == oracle.n_components_ == 2
    wanted = oracle.transform(data.hidden.reshape(-1, 10)).reshape(found.shape)
    np.testing.assert_allclose(abs(found), abs(wanted), atol=1e-8)


def test_filtered_states_and_predictions_ignore_the_future() -> None:
    data = counter()
    past, space = prepare(data, 0)
    test = np.flatnonzero(data.split == 2)
    other = counter(seed=9)
    spoilt = data._replace(
        **{name: getattr(data, name).copy() for name in ("hidden", "distribution", "inputs")}
    )
    for name in ("hidden", "distribution", "inputs"):
        getattr(spoilt, name)[test, 50:] = getattr(other, name)[test, 50:]
    future, moved = prepare(spoilt, 0)
    predictions = []
    for part, points in ((past, space), (future, moved)):
        book = codebook.fit(points, part, 3, 0)
        train = part.masks["train"]
        rows = train.any(axis=1)
        start = input_driven.from_states(
            points[rows], book.states[rows], part.classes[rows], train[rows], 3, part.n_classes
        )
        model, _ = input_driven.fit(points[rows], part.classes[rows], start)
        posteriors = model.filter(points, part.classes).posteriors
        means = state_outputs(posteriors[rows], part.distribution[rows])
        predictions.append(
            [posteriors[test]]
            + [
                distribution[test] @ means
                for distribution in free_run(posteriors, model.transmat, part.classes, 5)
            ]
        )
    cut = 50 - min(WARM_UP, 80 // 5)
    scores = []
    for part, points in ((past, space), (future, moved)):
        early = part.masks["test"] & (np.arange(part.distribution.shape[1]) < cut)
        fits = fit_states(points, part._replace(masks=part.masks | {"test": early}), 3, 0)
        scores.append((fits.test, fits.codebook_test, fits.select))
    np.testing.assert_array_equal(*scores)
    for one, two in zip(*predictions, strict=True):
        np.testing.assert_array_equal(one[:, :cut], two[:, :cut])
        assert not np.allclose(one[:, cut:], two[:, cut:])


def test_what_fills_short_sequences_is_not_looked_at() -> None:
    data = counter()
    lengths = np.where(np.arange(50) % 3 == 0, 45, 80)
    short = data._replace(length=lengths)
    outside = np.arange(80)[None] >= lengths[:, None]
    parts = {n: getattr(data, n).copy() for n in ("hidden", "distribution", "inputs")}
    for part in parts.values():
        part[outside] = np.nan
    one, two = (
        judge(short, GOOD, ends(3), 0)[0],
        judge(short._replace(**parts), GOOD, ends(3), 0)[0],
    )
    assert {k: v for k, v in one.items() if v == v} == {k: v for k, v in two.items() if v == v}


def test_too_short_and_dead_recordings_are_refused() -> None:
    data = counter()
    hidden, distribution, inputs = (part[:, :6] for part in data[:3])
    short = Recorded(hidden, distribution, inputs, np.full(50, 6), data.split)
    with pytest.raises(DataError, match="no train sequence is longer than the warm-up"):
        judge(short, GOOD, None, 0)
    with pytest.raises(DataError, match="no unit of this layer ever changes"):
        judge(data._replace(hidden=np.ones_like(data.hidden)), GOOD, None, 0)
