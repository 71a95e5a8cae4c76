"""Additions to the objective and matched losses, on trainings whose differences are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.emulation.analysis.comparison import powers
from hmmlens.report.emulation.text_networks import power_sentences
from hmmlens.report.emulation.text_training import (
    addition_sentences,
    additions,
    matched,
    matched_sentences,
)

ALIKE = {
    "target": "chain2", "cell": "relu", "n_units": 150, "n_noise": 100, "bias": False, "leak": 1.0,
    "radius": np.nan, "n_steps": 50, "batch_size": 512,
}  # fmt: skip
#: network -> objective, carried, penalty
TRAINED = {
    "plain": ("sinkhorn", 0.0, 0.0),
    "penalty": ("sinkhorn", 0.0, 1.0),
    "both": ("sinkhorn", 0.6, 1.0),
    "split": ("split", 0.0, 0.0),
    "split-penalty": ("split", 0.0, 1.0),
}


def networks(n_seeds: int) -> pd.DataFrame:
    rows = [
        ALIKE | {"network": name, "objective": o, "carried": c, "activity_penalty": p, "seed": seed}
        for name, (o, c, p) in TRAINED.items()
        for seed in range(n_seeds)
    ]
    return pd.DataFrame(rows)


def with_dwells(n_seeds: int, **longer: float) -> dict[str, pd.DataFrame]:
    """Return a study whose mean dwells are 20 + the seed, longer by some steps in some networks."""
    table = networks(n_seeds)
    rows = table[["network", "target", "seed"]].assign(metric="dwell mean", baseline=20.0)
    wobble = [0.1, -0.2, 0.15, -0.05, 0.0]
    shift = rows["network"].map(longer).fillna(0.0)
    noise = np.array(wobble)[rows["seed"]] * rows["network"].isin(list(longer))
    return {
        "networks": table,
        "scores_metrics": rows.assign(value=20.0 + rows["seed"] + shift + noise),
    }


def test_an_addition_is_compared_seed_by_seed() -> None:
    table = additions(with_dwells(5, penalty=6.0, both=0.0)).set_index("addition")
    assert list(table.index) == ["penalty", "penalty and carried states"]
    assert (table["n"] == 5).all() and (table["measure"] == "dwell").all()
    assert table.loc["penalty", "difference"] == pytest.approx(6.0)
    assert table.loc["penalty", "plain"] == pytest.approx(22.0)
    assert table.loc["penalty", "p"] == 2 / 2**5
    first, second = addition_sentences(table.reset_index())
    assert "adding penalty to the paper's objective changes the mean dwell by 6.0" in first
    assert first.endswith("a clear change.") and second.endswith("no clear change.")
    (one, _) = addition_sentences(additions(with_dwells(1, penalty=6.0, both=0.0)))
    assert one.endswith("too few seeds to distinguish it from chance.")


def test_without_additions_there_is_nothing_to_compare() -> None:
    whole = with_dwells(2)
    plain = whole["networks"][whole["networks"]["network"].isin(["plain", "split"])]
    assert additions({**whole, "networks": plain}).empty
    assert additions({}).empty and matched({}).empty and matched(whole).empty


def at_loss(**with_kicks: list[float]) -> pd.DataFrame:
    rows = [
        {"network": name, "target": "chain2", "seed": seed, "level": 0.2, "n_exits": 2.0,
         "n_with_kicks": n}
        for name, numbers in with_kicks.items()
        for seed, n in enumerate(numbers)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_kick_units_at_matched_loss_are_compared_by_training() -> None:
    kicks = at_loss(plain=[2, 2, 2, 2, 1], split=[0, 0, 0, 0, 0], penalty=[2, 2, 2, 2, 2])
    table = matched({"networks": networks(5), "kicks_at_loss": kicks})
    row = table.iloc[0]
    # Shares of exits are 1 and .5, of five trainings: not 9 of 10 exits of one sample.
    assert (row["sinkhorn"], row["sinkhorn_n"], row["split"], row["n"]) == (0.9, 5, 0.0, 5)
    assert row["difference"] == pytest.approx(-0.9) and row["p"] == 2 / 2**5
    (text,) = matched_sentences(table)
    assert "first is 20 % of that of independent symbols" in text
    assert "90 % of exits under the paper's objective (n = 5)" in text
    assert text.endswith("a clear difference.")
    # One that never had so small a loss has no share.
    kicks.loc[kicks["network"].eq("split"), ["n_exits", "n_with_kicks"]] = np.nan
    alone = matched({"networks": networks(5), "kicks_at_loss": kicks})
    assert (alone["split_n"].iloc[0], alone["n"].iloc[0]) == (0, 0)
    assert "split-sample" not in matched_sentences(alone)[0]


@pytest.mark.parametrize(
    ("power", "end"),
    [(-1.0, "it falls, and 1 / n is not excluded."), (0.0, "no change is not excluded, 1 / n is."),
     (-0.5, "1 / n is excluded.")],
)  # fmt: skip
def test_power_of_the_distance_to_the_target(power: float, end: str) -> None:
    rng = np.random.default_rng(0)
    tables = []
    for seed in range(4):
        for n in (256, 512, 1024):
            far = 18 * (n / 256) ** power * np.exp(0.02 * rng.normal())
            value = {"measure": ["dwell", "other"], "value": [20 + far, 1.0]}
            tables.append(pd.DataFrame(value).assign(objective="sinkhorn", batch_size=n, seed=seed))
    table = powers(tables, {"dwell": 20.0})
    assert list(table["measure"]) == ["dwell"] and table["n"].iloc[0] == 4
    assert table["power"].iloc[0] == pytest.approx(power, abs=0.05)
    assert table["at_smallest"].iloc[0] == pytest.approx(18, rel=0.05)
    (text,) = power_sentences(table)
    assert text.endswith(end) and "mean dwell is 1" in text
    (few,) = power_sentences(powers(tables[:3], {"dwell": 20.0}))
    assert few.endswith("too few seeds to compare it with 1 / n.")
