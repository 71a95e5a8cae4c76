"""Generators that are wrong in a known way, and what objectives make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.datasets.synthetic.generators import HMMParameters, preset_hmm
from hmmlens.emulation.analysis.objective_bias import (
    TRUE,
    best_factor,
    shrinkage,
    summary,
    values,
)
from hmmlens.emulation.analysis.reference_generators import (
    hand_made,
    independent,
    moves,
    moving,
    of_hmm,
    regular,
    without_rare,
)
from hmmlens.errors import DataError
from hmmlens.stats.dwell import visits

#: States with symbols of their own, so that symbols are states.
CLEAR = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.eye(2))


def test_regular_dwells_have_the_mean_of_the_model_and_less_chance() -> None:
    rng = np.random.default_rng(0)
    path = regular(CLEAR)(400, 600, rng)
    seen = visits(path)
    for state, mean in ((0, 10.0), (1, 5.0)):
        # Few dwells of a hundred steps or more are cut off.
        length = seen.length[(seen.state == state) & (seen.room > 100)]
        assert length.mean() == pytest.approx(mean, rel=0.02)
        # 1 + two geometric waits of mean w = (mean - 1) / 2, each of variance w (1 + w).
        wait = (mean - 1) / 2
        assert length.var() == pytest.approx(2 * wait * (1 + wait), rel=0.08)
        assert length.std() / mean < 0.8 * np.sqrt(1 - 1 / mean)
    # No dwell begins with the sequence: the first label is as often as any other.
    assert np.mean(path[:, 0]) == pytest.approx(1 / 3, abs=0.08)


def test_moving_more_or_less_changes_how_often_and_nothing_else() -> None:
    chain = preset_hmm("chain3")
    for factor in (0.6, 1.2):
        other = moving(chain, factor)
        np.testing.assert_allclose(other.transmat.sum(axis=1), 1)
        left = 1 - np.diag(chain.transmat)
        np.testing.assert_allclose(1 - np.diag(other.transmat), factor * left)
        np.testing.assert_array_equal(other.emissionprob, chain.emissionprob)
    with pytest.raises(DataError, match="too often"):
        moving(chain, 3.0)


def test_rare_symbols_are_those_that_are_not_informative() -> None:
    distribution = without_rare(preset_hmm("chain2")).emissionprob
    np.testing.assert_allclose(distribution, [[1, 0, 0], [0, 0, 1]])
    with pytest.raises(DataError, match="no rare"):
        without_rare(preset_hmm("fully3"))
    assert "no rare symbol" not in hand_made(preset_hmm("fully3"))
    # In chain5 states move so often that 1.4 times as often is impossible.
    names = hand_made(preset_hmm("chain5"))
    assert moves(1.4) not in names and moves(0.6) in names and next(iter(names)) == TRUE


def test_independent_symbols_are_as_frequent_and_forget_at_once() -> None:
    symbols = independent(CLEAR)(500, 100, np.random.default_rng(0))
    assert np.mean(symbols) == pytest.approx(1 / 3, abs=0.01)
    both = np.mean(symbols[:, 1:] * symbols[:, :-1])
    assert both == pytest.approx(1 / 9, abs=0.01)
    sampled = of_hmm(CLEAR)(500, 100, np.random.default_rng(0))
    assert np.mean(sampled[:, 1:] == sampled[:, :-1]) > 0.8


def test_the_papers_objective_is_lower_for_other_distributions_and_split_samples_are_not() -> None:
    chain = preset_hmm("chain2")
    some = {k: v for k, v in hand_made(chain).items() if k in
            (TRUE, moves(0.6), "no rare symbol", "independent symbols")}  # fmt: skip
    drawn = values(chain, 50, 0, batches={128: 24}, generators=some)
    table = summary(drawn).set_index(["objective", "generator"])
    assert table.loc[("sinkhorn", "no rare symbol"), "excess_high"] < 0
    assert table.loc[("sinkhorn", TRUE), "low"] > 1 and not table.loc[("sinkhorn", TRUE), "lowest"]
    for unbiased in ("split", "energy"):
        row = table.loc[(unbiased, TRUE)]
        assert row["low"] < 0 < row["high"]
        assert table.loc[(unbiased, "independent symbols"), "excess_low"] > 0
        assert table.loc[(unbiased, moves(0.6)), "excess_low"] > 0
    assert table.groupby("objective")["wins"].sum().round(9).eq(1).all()
    again = values(chain, 50, 0, ("split",), {128: 2}, some)
    first = drawn[(drawn["objective"] == "split") & (drawn["draw"] < 2)]
    np.testing.assert_allclose(again["value"], first["value"], rtol=1e-6)


def made_up(power: float, lowest: float = 0.7, noise: float = 1e-3) -> pd.DataFrame:
    """Return values whose bias falls by a power of n, with a minimum at a factor."""
    rng = np.random.default_rng(0)
    rows = []
    for n in (100, 200, 400):
        for draw in range(6):
            base = 5 * (n / 100) ** power
            for factor in (0.4, 0.6, 0.8, 1.0, 1.2, 1.4):
                far = np.log(factor / lowest) ** 2 - np.log(lowest) ** 2
                value = base * (1 + far) + noise * rng.normal()
                name = TRUE if factor == 1 else moves(factor)
                rows.append({"objective": "made up", "generator": name, "n": n, "draw": draw}
                            | {"value": value})  # fmt: skip
    return pd.DataFrame(rows)


def test_power_and_place_of_the_bias_are_found() -> None:
    rng = np.random.default_rng(0)
    drawn = made_up(-0.5)
    table = shrinkage(drawn, rng).set_index("of")
    for name in ("value at the target", "gain of the best other"):
        assert table.loc[name, "power"] == pytest.approx(-0.5, abs=0.01)
        assert table.loc[name, "power_low"] <= table.loc[name, "power_high"]
    assert table.loc["value at the target", "at_smallest"] == pytest.approx(5, abs=0.01)
    assert table.loc["value at the target", "at_largest"] == pytest.approx(2.5, abs=0.01)
    best = best_factor(drawn, rng)
    np.testing.assert_allclose(best["factor"], 0.7, atol=0.01)
    assert (best["low"] <= best["factor"]).all() and not best["at_edge"].any()
    assert best_factor(made_up(-0.5, lowest=0.2), rng)["at_edge"].all()
    # No bias: the target is best, and there is no power to fit.
    none = shrinkage(made_up(-0.5, lowest=1.0, noise=0.0), rng).set_index("of")
    assert none.loc["gain of the best other", "at_largest"] == 0
    assert np.isnan(none.loc["gain of the best other", "power"])
