"""Weights between kick units and integrators, against planted blocks and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.emulation.kicks.connectivity import (
    CONTRASTS,
    SETS,
    ExitPair,
    block_means,
    connectivity_tables,
    contrasts,
    integrators,
    null_contrasts,
    permute_weights,
    recurrent_weights,
)
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from tests.emulation.kicks.kicked import KICKS, SOURCES, kicked

ONE, OTHER = np.array([0, 1, 2]), np.array([3, 4, 5])


def planted(rng: np.random.Generator, strength: float = 1.0, n: int = 60) -> np.ndarray:
    """Return noise, and units 6-19 that excite 0-2 and inhibit 3-5, and 20-33 the reverse."""
    weight = 0.1 * rng.normal(size=(n, n))
    for own, other, mine in ((ONE, OTHER, range(6, 20)), (OTHER, ONE, range(20, 34))):
        weight[np.ix_(own, mine)] += strength
        weight[np.ix_(other, mine)] -= strength
    return weight


def test_integrators_excite_one_group_and_inhibit_the_other() -> None:
    weight = planted(np.random.default_rng(0))
    first, second = integrators(weight, ONE, OTHER)
    # 70 of 150 units is 28 of 60.
    np.testing.assert_array_equal(first, range(6, 20))
    np.testing.assert_array_equal(second, range(20, 34))
    reverse = integrators(weight, OTHER, ONE)
    np.testing.assert_array_equal(reverse[0], second)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_blocks_are_mean_weights_without_a_units_own(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(40, 40))
    one, other = rng.choice(40, 4, replace=False), rng.choice(40, 3, replace=False)
    sets = [one, other, *integrators(weight, one, other)]
    assert not set(sets[2]) & set(sets[3])
    assert not (set(sets[2]) | set(sets[3])) & (set(one) | set(other))
    found = block_means(weight, one, other)
    for i, to in enumerate(sets):
        for j, source in enumerate(sets):
            some = [weight[a, b] for a in to for b in source if a != b]
            assert found[i, j] == pytest.approx(np.mean(some))
    values = contrasts(found)
    for value, (more, less) in zip(values, CONTRASTS.values(), strict=True):
        wanted = sum(found[b] for b in more) / 2 - sum(found[b] for b in less) / 2
        assert value == pytest.approx(wanted)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1), st.integers(0, 2**32 - 1))
def test_permutations_keep_what_each_unit_has(axis: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(12, 12))
    found = permute_weights(weight, axis, rng)
    np.testing.assert_array_equal(np.diag(found), np.diag(weight))
    np.testing.assert_array_equal(np.sort(found, axis=axis), np.sort(weight, axis=axis))
    assert (found != weight).sum() > 60
    # What the other units get is not kept.
    assert not np.allclose(found.sum(axis=1 - axis), weight.sum(axis=1 - axis))


def with_weights(weight: np.ndarray) -> NoiseDriven:
    import torch

    net = NoiseDriven("relu", 2, len(weight), 3)
    with torch.no_grad():
        net.recurrent.weight[:] = torch.from_numpy(weight)
    return net


def pair_of(rng: np.random.Generator, n: int = 60, n_sets: int = 100) -> ExitPair:
    sets = [np.stack([rng.choice(n, 3, replace=False) for _ in range(n_sets)]) for _ in range(4)]
    return ExitPair((ONE, OTHER), (sets[0], sets[1]), (sets[2], sets[3]))


def test_planted_motif_beats_every_null() -> None:
    rng = np.random.default_rng(0)
    table, tested = connectivity_tables(with_weights(planted(rng)), pair_of(rng), 99, rng)
    cell = table.set_index(["to", "from"])["weight"]
    assert cell["kick 1", "integrators 1"] == pytest.approx(1, abs=0.05)
    assert cell["kick 1", "integrators 2"] == pytest.approx(-1, abs=0.05)
    assert len(table) == len(SETS) ** 2
    own = tested[tested["contrast"] == "integrators to kick"].set_index("null")
    assert own["value"].to_numpy() == pytest.approx(2, abs=0.1)
    # Permuted inputs spread the motif over all sources, permuted outputs over all targets.
    assert (own.loc[["outputs", "matched", "selective"], "p"] < 0.05).all()
    assert own.loc["inputs", "n_null"] == 99 and own.loc["inputs", "p"] == 0.01
    assert (own["null_high"] < 2).all()


@pytest.mark.study
def test_choosing_integrators_is_part_of_chance() -> None:
    # In random weights integrators differ from each other by the choice alone.
    smallest = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        weight = rng.normal(size=(60, 60))
        found = contrasts(block_means(weight, ONE, OTHER))
        assert found[list(CONTRASTS).index("integrators to kick")] > 0.4
        _, tested = connectivity_tables(with_weights(weight), pair_of(rng, n_sets=40), 39, rng)
        smallest.append(tested["p"].to_numpy().reshape(4, 4))
    # (seed, null, contrast): p values of nothing are not small more often than they should be.
    small = (np.stack(smallest) <= 0.1).mean(axis=0)
    assert small.max() <= 0.3 and small.mean() < 0.15


def test_sets_that_share_units_are_no_pair() -> None:
    rng = np.random.default_rng(0)
    sets = (np.array([[6, 7, 8], [9, 10, 11]]), np.array([[8, 12, 13], [12, 13, 14]]))
    nulls = null_contrasts(rng.normal(size=(60, 60)), ExitPair((ONE, OTHER), sets, sets), 2, rng)
    assert {name: len(rows) for name, rows in nulls.items()} == {
        "inputs": 2,
        "outputs": 2,
        # The first of these may go with the second of those only, the second with both.
        "matched": 2,
        "selective": 2,
    }
    alike = (np.array([[6, 7, 8]]), np.array([[8, 12, 13]]))
    nulls = null_contrasts(rng.normal(size=(60, 60)), ExitPair((ONE, OTHER), alike, alike), 2, rng)
    assert nulls["matched"].shape == (0, len(CONTRASTS))


def test_planted_network_has_its_sources_as_integrators_of_nothing_else() -> None:
    weight = recurrent_weights(kicked())
    found = block_means(weight, *[np.array(k) for k in KICKS])
    assert found[0, 0] == found[0, 1] == 0
    for side in (0, 1):
        onto = weight[KICKS[side]].mean(axis=0)
        assert (onto[SOURCES[side]] > 0.5).all() and (onto[SOURCES[1 - side]] == 0).all()
    with pytest.raises(DataError, match="gru cell has several weights"):
        recurrent_weights(NoiseDriven("gru", 2, 4, 3))
