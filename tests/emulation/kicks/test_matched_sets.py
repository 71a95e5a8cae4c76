"""Sets to compare a group with: they keep what they promise."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.emulation.kicks.candidates import record_unperturbed_runs
from hmmlens.emulation.kicks.matched_sets import matched_sets, selective_sets, unit_traits
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.kicks.kicked import SYMBOLS, kicked


def test_traits_are_activity_and_norms_of_weights() -> None:
    net = kicked()
    seen = record_unperturbed_runs(net, SYMBOLS, torch.Generator().manual_seed(0))
    found = unit_traits(net, seen)
    weight = net.recurrent.weight.detach().double().numpy()
    np.testing.assert_allclose(found[:, 0], seen.run.states.double().mean(dim=(0, 1)), rtol=1e-5)
    for unit in range(60):
        assert found[unit, 1] == pytest.approx(np.linalg.norm(weight[unit]), rel=1e-6)
        assert found[unit, 2] == pytest.approx(np.linalg.norm(weight[:, unit]), rel=1e-6)


@pytest.mark.parametrize(("cell", "n_gates"), [("gru", 3), ("lstm", 4)])
def test_norms_are_over_all_gates(cell: str, n_gates: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NoiseDriven(cell, 4, 7, 3)
    seen = record_unperturbed_runs(net, SYMBOLS, torch.Generator().manual_seed(0))
    found = unit_traits(net, seen)
    weight = net.gates.weight_hh.detach().double().numpy()
    for unit in range(7):
        rows = weight[unit + 7 * np.arange(n_gates)]
        assert found[unit, 1] == pytest.approx(np.linalg.norm(rows))
        assert found[unit, 2] == pytest.approx(np.linalg.norm(weight[:, unit]))
    hidden = seen.run.states[..., :7].abs().double().mean(dim=(0, 1))
    np.testing.assert_allclose(found[:, 0], hidden, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_matched_sets_are_like_the_group(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Half of the units are ten times as active as the others, the group is of them.
    kinds = np.exp(0.1 * rng.normal(size=(120, 3))) * np.where(np.arange(120) < 60, 10, 1)[:, None]
    units = rng.choice(60, size, replace=False)
    avoid = np.setdiff1d(rng.choice(60, 4, replace=False), units)
    n_sets = 40
    found = matched_sets(units, kinds, n_sets, rng, avoid=avoid)
    assert found.units.shape == (n_sets, size)
    assert len({tuple(sorted(row)) for row in found.units}) == n_sets
    assert all(len(set(row)) == size for row in found.units)
    assert not np.isin(found.units, [*units, *avoid]).any()
    assert (found.units < 60).all()
    np.testing.assert_allclose(found.ratio, 1, atol=0.25)
    means = np.exp(np.log(kinds[found.units]).mean(axis=(0, 1)) - np.log(kinds[units]).mean(axis=0))
    np.testing.assert_allclose(found.ratio, means)


def test_impossible_match_is_an_error() -> None:
    rng = np.random.default_rng(0)
    kinds = np.ones((60, 3))
    # The group is far more active than anything else.
    kinds[:3] = 50.0
    found = matched_sets(np.array([0, 1, 2]), kinds, 30, rng)
    np.testing.assert_allclose(found.ratio, 1 / 50)
    with pytest.raises(DataError, match="20 units are too few"):
        matched_sets(np.arange(6), np.ones((20, 3)), 10, rng)
    with pytest.raises(DataError, match="only 15 different sets"):
        # Each unit has fifteen stand-ins, so that a group of one has as many sets.
        matched_sets(np.array([0]), np.ones((60, 3)), 20, rng)


def test_units_that_are_never_on_can_be_matched() -> None:
    kinds = np.ones((60, 3))
    kinds[::2, 0] = 0.0
    found = matched_sets(np.array([0, 2, 4]), kinds, 30, np.random.default_rng(0))
    assert (found.units % 2 == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 12), st.integers(1, 3), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_selective_sets_are_of_candidates(n: int, size: int, n_sets: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates = rng.choice(150, n, replace=False)
    units = rng.choice(candidates, size, replace=False)
    found = selective_sets(units, candidates, n_sets, rng)
    sets = {tuple(sorted(row)) for row in found.tolist()}
    every = {tuple(sorted(c)) for c in combinations(candidates.tolist(), size)}
    every -= {tuple(sorted(units.tolist()))}
    assert len(sets) == len(found) == min(n_sets, len(every)) and sets <= every
