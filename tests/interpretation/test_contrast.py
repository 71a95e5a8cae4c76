"""States are described by their contrast with all steps, not by what is large in every state."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.interpretation.contrast import (
    NOT_DESCRIBED,
    Contrast,
    ContrastSettings,
    contrast,
    distinctive,
    symbol_words,
    words,
)

NAMES = ["start_time", "pulse", "jitter", "constant"]


def night(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return hard states (step, state) and values: a large time, a pulse, a spread, a constant."""
    state = rng.integers(0, 3, 3000)
    values = np.stack(
        [
            82800 + rng.normal(0, 30, 3000),
            np.array([60.0, 62, 95])[state] + rng.normal(0, 4, 3000),
            np.array([0.1, 3.0, 0.1])[state] * rng.normal(0, 1, 3000),
            np.full(3000, 7.1),
        ],
        axis=1,
    )
    return np.eye(3)[state], values


def phrase(found: Contrast, state: int, symbols: bool = False, names: list[str] = NAMES) -> str:
    if symbols:
        shares = (found.mean[state], found.deviation[state], found.elsewhere[state])
        return symbol_words(names, *shares)
    return words(names, found.mean[state], found.deviation[state], found.spread[state])


def test_deviations_are_those_of_numpy() -> None:
    weight, values = night(np.random.default_rng(0))
    found = contrast(weight, values, False)
    for k in range(3):
        part = values[weight[:, k] == 1]
        np.testing.assert_allclose(found.mean[k], part.mean(axis=0), rtol=1e-9)
        expected = (part.mean(axis=0) - values.mean(axis=0))[:3] / values.std(axis=0)[:3]
        np.testing.assert_allclose(found.deviation[k, :3], expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            found.spread[k, :3], part.std(axis=0)[:3] / values.std(axis=0)[:3], rtol=1e-6
        )
    assert np.isnan(found.deviation[:, 3]).all() and np.isnan(found.spread[:, 3]).all()


def test_what_is_large_in_every_state_is_not_described() -> None:
    weight, values = night(np.random.default_rng(0))
    found = contrast(weight, values, False)
    for k in range(3):
        assert "start_time" not in phrase(found, k) and "constant" not in phrase(found, k)
    assert phrase(found, 2).startswith("pulse = 95") and "(+1.3 SD)" in phrase(found, 2)
    # The first state is calm: it differs by its spread.
    ratio = values[weight[:, 0] == 1, 2].std() / values[:, 2].std()
    assert f"(spread {ratio:.2g} times that of all steps)" in phrase(found, 0)
    # Of two states that share all steps, one has 3 times the spread of the other.
    two = contrast(np.eye(2)[(np.arange(3000) % 10 == 0).astype(int)], values, False)
    assert phrase(two, 0) == "as on average"


def test_a_clock_of_large_numbers_keeps_its_spread() -> None:
    """Squares of time stamps have no digits left for their spread."""
    rng = np.random.default_rng(0)
    stamp = 1.6e12 + rng.normal(0, 500, (1000, 1))
    weight = np.eye(2)[(stamp[:, 0] > 1.6e12).astype(int)]
    found = contrast(weight, stamp, False)
    for k in range(2):
        part = stamp[weight[:, k] == 1]
        assert found.sd[k, 0] == pytest.approx(part.std(), rel=1e-3)
    assert found.deviation[1, 0] == pytest.approx(-found.deviation[0, 0], rel=0.2) and (
        found.deviation[1, 0] > 0.7
    )


def test_symbols_are_described_by_their_shares() -> None:
    share = np.array([[0.9, 0.05, 0.05], [0.1, 0.6, 0.3]])
    rng = np.random.default_rng(0)
    state = rng.integers(0, 2, 20000)
    symbol = (rng.random(20000)[:, None] > share[state].cumsum(axis=1)).sum(axis=1)
    weight = np.eye(2)[state]
    found = contrast(weight, np.eye(3)[symbol], True)
    for k in range(2):
        p = np.bincount(symbol[state == k], minlength=3) / (state == k).sum()
        q = np.bincount(symbol, minlength=3) / 20000
        odds = np.log(p / (1 - p)) - np.log(q / (1 - q))
        np.testing.assert_allclose(found.deviation[k], odds, atol=0.01)
    names = ["a", "b", "c"]
    text = phrase(found, 0, True, names)
    p, q = (100 * np.bincount(symbol[state == k], minlength=3) / (state == k).sum() for k in (0, 1))
    first, *others = text.split(", ")
    assert first == f"a in {p[0]:.0f} % of its steps ({q[0]:.0f} % elsewhere)" and p[0] > 85
    wanted = {f"{names[i]} in {p[i]:.0f} % ({q[i]:.0f} %)" for i in (1, 2)}
    assert set(others) == wanted and "odds" not in text
    assert np.isnan(found.spread).all()


def test_the_commonest_symbol_and_the_rest_are_named_though_no_state_differs_in_them() -> None:
    """Of 6 symbols one is common in both states, one differs between them, four are rare."""
    share = np.array(
        [[0.7, 0.2, 0.025, 0.025, 0.025, 0.025], [0.7, 0.0, 0.075, 0.075, 0.075, 0.075]]
    )
    state = np.repeat([0, 1], 1000)
    values = np.concatenate(
        [np.repeat(np.eye(6), (1000 * p).round().astype(int), 0) for p in share]
    )
    found = contrast(np.eye(2)[state], values, True)
    np.testing.assert_allclose(found.elsewhere, share[::-1], atol=1e-12)
    one = ContrastSettings(n_features=1)
    shares = (found.mean[0], found.deviation[0], found.elsewhere[0])
    text = symbol_words(list("abcdef"), *shares, settings=one)
    assert text == "a in 70 % of its steps (70 % elsewhere), b in 20 % (0 %), others in 10 %"
    text = symbol_words(list("abcdef"), *shares, predicted=True, settings=one)
    assert text.startswith("a with probability 70 % (70 % elsewhere), b 20 % (0 %)")
    alike = contrast(np.eye(2)[np.arange(1000) % 2], np.eye(2)[np.arange(1000) // 800], True)
    assert phrase(alike, 0, True, ["a", "b"]) == (
        "as on average: a in 80 % of its steps (80 % elsewhere), another in 20 %"
    )
    # Where there is only one state, there is nothing to compare with.
    only = contrast(np.ones((1000, 1)), values[:1000], True)
    assert np.isnan(only.elsewhere).all() and "elsewhere" not in phrase(
        only, 0, True, list("abcdef")
    )


def test_a_symbol_that_a_state_never_meets_has_finite_odds() -> None:
    weight = np.eye(2)[np.repeat([0, 1], 50)]
    found = contrast(weight, np.eye(3)[np.repeat([0, 1], 50)], True)
    assert np.isfinite(found.deviation[:, :2]).all()
    # The third symbol never comes, so it sets nothing apart.
    assert np.isnan(found.deviation[:, 2]).all()


def test_rare_states_and_gaps_break_nothing() -> None:
    weight, values = night(np.random.default_rng(0))
    values[:5, 1], values[5, 1] = np.nan, np.inf
    weight = np.c_[weight, np.zeros(len(weight))]
    found = contrast(weight, values, False)
    part = values[6:][weight[6:, 2] == 1]
    assert found.mean[2, 1] == pytest.approx(part[:, 1].mean(), rel=1e-3)
    assert np.isfinite(found.mean).all() and np.isnan(found.deviation[3]).all()
    assert phrase(found, 3) == NOT_DESCRIBED
    empty = contrast(weight, np.full_like(values, np.nan), False)
    assert phrase(empty, 0) == NOT_DESCRIBED


def test_states_that_are_all_alike_are_as_on_average() -> None:
    rng = np.random.default_rng(0)
    found = contrast(np.eye(2)[rng.integers(0, 2, 5000)], rng.normal(size=(5000, 2)), False)
    assert phrase(found, 0, names=["x", "y"]) == "as on average"
    assert len(distinctive(found.deviation[0], found.spread[0], False)) == 0
    units = words(["x"], np.array([3.0]), np.array([-2.0]), np.array([1.0]), ["mV"])
    assert units == "x = 3 mV (\N{MINUS SIGN}2.0 SD)"


@pytest.mark.parametrize("share", [-1e-17, -0.0, 0.0, 1e-9])
def test_a_share_of_nothing_has_no_sign(share: float) -> None:
    """Rounding below 0, which differs between processors, is printed as 0."""
    shares = np.array([share, 1 - share])
    text = symbol_words(["on", "off"], shares, np.array([-6.0, 6.0]), np.array([share, 0.5]))
    assert text.endswith(", on in 0 % (0 %)")


def test_settings_decide_how_much_is_named_and_of_which_states() -> None:
    deviation, spread, names = np.array([3.0, 2.0, 0.1]), np.ones(3), ["x", "y", "z"]
    one = ContrastSettings(n_features=1)
    assert words(names, deviation, deviation, spread, settings=one) == "x = 3 (+3.0 SD)"
    small = ContrastSettings(min_deviation=0.05)
    assert distinctive(deviation, spread, False, small).tolist() == [0, 1, 2]
    weight = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    values = np.arange(4.0)[:, None]
    rare = contrast(weight, values, False, ContrastSettings(min_steps=1.0))
    assert np.isfinite(rare.deviation).all()
    assert np.isnan(contrast(weight, values, False).deviation[1]).all()


def test_an_input_that_is_constant_in_a_state_is_always_there() -> None:
    weight = np.eye(2)[np.repeat([0, 1], 50)]
    values = np.where(weight[:, :1] == 1, 0.0, np.random.default_rng(0).normal(size=(100, 1)))
    assert phrase(contrast(weight, values, False), 0, names=["push"]) == "push = 0 always"
