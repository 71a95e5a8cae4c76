"""States in the words of the task, against machines whose states are known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmmlens.report.explain import conclusion, start_up_words
from hmmlens.report.explain.choice_words import agreement_of

SIGNS = np.array(list(product((-1.0, 1.0), repeat=3)))
BITS = ["bit 1", "bit 2", "bit 3"]


def states(truth: list[str], share: list[float], levels: list[str], combinations: str = ""):
    return pd.DataFrame(
        {"state": list("ABCDEFGH")[: len(levels)], "top_truth": truth, "top_truth_share": share,
         "output_levels": levels, "combinations": combinations}
    )  # fmt: skip


def test_flip_flops_are_all_combinations_of_signs_whatever_their_order_and_occupancy() -> None:
    mean = SIGNS[np.random.default_rng(0).permutation(8)] * [1.0, 0.97, 1.02]
    text = conclusion.combination_words(mean, np.ones(3), BITS)
    assert text == "the 8 combinations of the signs of bit 1, bit 2 and bit 3"
    # Where all values are above 0, they have no signs.
    raised = conclusion.combination_words(mean + 2, np.ones(3), BITS)
    assert raised == "the 8 combinations of high and low values of bit 1, bit 2 and bit 3"
    assert conclusion.combination_words(SIGNS[:2, 2:], np.ones(1), ["y"]) == "the two signs of y"


@pytest.mark.parametrize("lacking", ["a state", "an output that varies", "two levels"])
def test_other_states_are_no_combinations(lacking: str) -> None:
    mean = SIGNS[:7] if lacking == "a state" else SIGNS.copy()
    if lacking == "an output that varies":
        mean[:, 2] = 0.01 * mean[:, 2]
    if lacking == "two levels":
        mean[0, 0] = 0.0
    assert conclusion.combination_words(mean, np.ones(3), BITS) == ""


def test_outputs_are_put_in_words() -> None:
    reading = xr.Dataset(
        {
            "output_mean": (("state", "output"), [[1.0, 3, 2], [-1.0, 9, 2], [0.0, 8.8, 2]]),
            "output_sd": (("state", "output"), np.full((3, 3), 0.1)),
            "occupancy": ("state", [0.5, 0.3, 0.2]),
        }
    )  # fmt: skip
    assert conclusion.output_words(reading, ["x", "y", "z"], False) == [
        "x positive, y low", "x negative, y high", "x middle, y high"
    ]  # fmt: skip
    shares = reading.assign(output_mean=(("state", "output"), np.eye(3)[[1, 2, 0]]))
    words = conclusion.output_words(shares, ["code", "string", "comment"], True)
    assert words == [f"{name} (probability 1.00)" for name in ("string", "comment", "code")]
    assert conclusion.combinations_of(shares, ["a", "b", "c"], True) == ""


def test_each_true_state_has_one_state() -> None:
    about = {"state_names": ["even", "odd"]}
    table = states(["odd", "even"], [1.0, 0.97], ["sign positive", "sign negative"])
    text = conclusion.sentence(table, about, True, 0.95)
    assert text == (
        "Each of the 2 true states has one state of the network: A is odd, B is even "
        "(agreement 0.95 ARI)."
    )
    both = conclusion.sentence(table.assign(combinations="the two signs of sign"), about, True)
    assert both == ("The 2 states are the two signs of sign, one for each true state.")
    # Regions are no findings.
    assert conclusion.sentence(table, about, False) == ""


def test_true_states_that_share_a_state_are_not_called_one_to_one() -> None:
    about = {"state_names": ["p", "q", "r"]}
    table = states(["p", "q"], [1.0, 0.4], ["y low", "y high"])
    text = conclusion.sentence(table, about, True)
    assert text == (
        "The task has 3 true states; the network's 2 states stand for 1 of them: A is p; "
        "1 has no true state in most steps."
    )
    mostly = conclusion.sentence(table.assign(top_truth_share=[1.0, 0.8]), about, True)
    assert mostly.endswith("2 of them: A is p, B is mostly q (in 80 % of its steps).")
    # Combinations of outputs are not called true states where these are mixed.
    signs = table.assign(top_truth_share=[1.0, 0.8], combinations="the two signs of y")
    assert "signs" not in conclusion.sentence(signs, {"state_names": ["p", "q"]}, True)
    doubled = conclusion.sentence(states(["p", "p", "q"], [1.0] * 3, [""] * 3), about, True)
    assert "3 states stand for 2 of them: A is p, B is p, C is q." in doubled


def test_without_a_truth_outputs_are_described() -> None:
    table = states(["", ""], [np.nan, np.nan], ["x high, y low", "x low, y low"])
    text = conclusion.sentence(table, {"state_names": []}, True)
    assert text == "The output in each state is A: x high, y low; B: x low, y low."
    four = table.assign(combinations="the two levels of x")
    assert conclusion.sentence(four, {}, True) == "The 2 states are the two levels of x."
    hidden = conclusion.sentence(table.assign(output_levels=""), {}, True)
    assert hidden.startswith("The present output does not differ between the states")
    # A table that was read from a file.
    read = states(["'+", "'-"], [1.0, 1.0], [np.nan, np.nan])
    assert "A is +, B is -." in conclusion.sentence(read, {"state_names": ["+", "-"]}, True)
    numbers = conclusion.sentence(read.assign(top_truth=[1, 0]), {"state_names": ["0", "1"]}, True)
    assert "A is 1, B is 0." in numbers


def test_the_agreement_is_that_of_the_explained_model() -> None:
    choices = pd.DataFrame({"pick": ["bic", "explained"], "ari": [0.5, 0.9]})
    assert agreement_of(choices) == 0.9 and np.isnan(agreement_of(choices[["pick"]]))


def test_start_up_states_are_called_so() -> None:
    table = pd.DataFrame({"state": list("ABC"), "start_up": [np.nan, 1.0, 4.0]})
    text = start_up_words.sentence(table, "region")
    assert text.startswith(
        "B and C are start-up regions, visited only in the first 4 steps of sequences"
    )
    one = start_up_words.sentence(table[:2], "state")
    assert one.startswith("B is a start-up state, visited only in the first step of sequences")
    assert start_up_words.sentence(table[:1], "state") == ""
    assert start_up_words.sentence(table[["state"]], "state") == ""
    assert start_up_words.title("Region", "C", 1.0) == (
        "Start-up region C (only in the first step of sequences)"
    )
    reading = xr.Dataset({"start_up": ("state", table["start_up"].to_numpy())})
    assert start_up_words.note(reading) == "start-up: B, C"
    assert start_up_words.note(reading.isel(state=[0])) == ""
