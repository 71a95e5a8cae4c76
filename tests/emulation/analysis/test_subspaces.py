"""Readouts at known angles, and pairs of labels whose orbits are drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.emulation.analysis.subspaces import (
    Stretch,
    SubspaceSettings,
    pairs,
    projections,
    stretches,
)
from hmmlens.errors import DataError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_projection_is_the_cosine_of_the_angle_to_the_plane() -> None:
    hidden = rng().normal(size=(30, 200, 20)) * ([5.0, 3] + [0.1] * 18)
    readout = np.zeros((3, 20))
    readout[0, 0], readout[0, 5] = np.cos(np.deg2rad(40)), np.sin(np.deg2rad(40))
    readout[1, 7] = 1.0
    # Its length does not matter, nor do the two directions within the plane.
    readout[2, :2] = [-7.0, 4.0]
    table = projections(hidden, readout, (0, 1, 2), rng()).set_index("symbol")
    assert table["angle"][0] == pytest.approx(40, abs=0.5)
    assert table["projection"][1] < 0.01 and table["projection"][2] == pytest.approx(1, abs=1e-3)
    assert table["projection"][-1] == pytest.approx(table["projection"][:3].mean())
    assert (table["low"] <= table["projection"] + 1e-9).all()
    assert (table["projection"] <= table["high"] + 1e-9).all()
    # Of 20 units: the root of a beta variable with mean 2 / 20.
    from scipy.stats import beta

    assert table["chance"][0] == pytest.approx(beta.ppf(0.975, 1, 9) ** 0.5, abs=0.02)
    assert projections(hidden, readout, (0, 2), rng())["symbol"].tolist() == [0, 2, -1]
    single = projections(hidden[:1], readout, (0,), rng())
    assert np.isfinite(single["projection"]).all() and single["low"].isna().all()


def test_uncertain_plane_has_a_wide_interval() -> None:
    """The second axis is one unit in half of the runs and another in the rest."""
    hidden = rng().normal(size=(6, 200, 4)) * [5.0, 0, 0, 0.1]
    hidden[:3, :, 1] += rng().normal(size=(3, 200))
    hidden[3:, :, 2] += rng().normal(size=(3, 200))
    table = projections(hidden, np.eye(4), (1,), rng())
    assert table["low"][0] < 0.2 and table["high"][0] > 0.9


def test_stretches_by_hand() -> None:
    labels = np.array([[0, 1, 0, 2, 1, 1, 0, 1], [0, 0, 0, 0, 0, 2, 1, 0]])
    assert stretches(labels, (0, 1), 3) == [Stretch(0, 0, 3), Stretch(0, 4, 8)]
    # Five steps of 0 alone are no stretch of a pair; with a 2 behind them they are one of 0 and 2.
    assert stretches(labels, (0, 2), 3) == [Stretch(1, 0, 6)]
    assert stretches(labels, (1, 2), 3) == [Stretch(0, 3, 6)]
    assert stretches(labels, (1, 2), 4) == []


def walk(n_runs: int = 6, n_steps: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return states that go round in units 0 and 1 with labels 0 and 1, then to and fro in 2.

    The second half has labels 1 and 2.
    """
    half = n_steps // 2
    angle = 2 * np.pi * (np.arange(half) + 0.5) / 20
    hidden = np.zeros((n_runs, n_steps, 5))
    hidden[:, :half, 0], hidden[:, :half, 1] = 3 * np.cos(angle), 2 * np.sin(angle)
    hidden[:, half:, 2] = np.cos(angle)
    hidden += 0.05 * rng().normal(size=hidden.shape)
    labels = np.empty((n_runs, n_steps), dtype=np.int64)
    labels[:, :half] = np.sin(angle) < 0
    labels[:, half:] = 1 + (np.cos(angle) < 0)
    return hidden, labels


def test_pairs_have_their_own_orbits() -> None:
    hidden, labels = walk()
    region = np.full(labels.shape, -1)
    region[:, ::10] = np.where(labels[:, ::10] == 0, 2, 1)
    table, longest = pairs(hidden, labels, region, rng(), SubspaceSettings(min_stretch=100))
    table = table.set_index(["first", "second"])
    turning, shaking = table.loc[(0, 1)], table.loc[(1, 2)]
    # In the second half label 1 comes first, so the first pair's stretch runs on to the first 2.
    assert turning["n_stretches"] == 6 and turning["longest"] == 305
    assert turning["rotation"] > 0.95 and turning["turns_per_100"] == pytest.approx(5, rel=0.02)
    assert turning["pc1"] == pytest.approx(9 / 13, abs=0.03)
    assert turning["switches_per_100"] == pytest.approx(10, abs=0.5)
    assert turning["cluster"] == pytest.approx(0.5, abs=0.05)
    assert turning["transition"] == 0
    assert abs(shaking["rotation"]) < 0.2 and shaking["rotation_low"] < 0.1
    assert shaking["kick"] == 1
    never = table.loc[(0, 2)]
    assert never["n_stretches"] == 0 and np.isnan(never["rotation"])
    shown = longest[(longest["first"] == 0) & (longest["second"] == 1)]
    assert len(shown) == 305 and shown["time"].tolist() == list(range(305))
    assert set(longest["label"]) == {0, 1, 2}


def test_network_with_one_label_has_no_pair() -> None:
    hidden, labels = walk()
    with pytest.raises(DataError, match="no pair of labels"):
        pairs(hidden, np.zeros_like(labels), np.full(labels.shape, -1), rng())
    table, longest = pairs(
        hidden, labels, np.full(labels.shape, -1), rng(), SubspaceSettings(min_stretch=10_000)
    )
    assert (table["n_stretches"] == 0).all() and longest.empty
