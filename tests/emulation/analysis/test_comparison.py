"""Networks side by side, with differences that were put there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.emulation.analysis.comparison import compare, join_networks, trends
from hmmlens.errors import DataError


def networks(rng: np.random.Generator, n_seeds: int = 6) -> list[pd.DataFrame]:
    """Rotation falls by .2 under split samples, and by .1 with each doubling; dwells do not."""
    tables = []
    for seed in range(n_seeds):
        own = rng.normal(scale=0.5)
        for batch_size in (256, 512, 1024):
            for objective in ("sinkhorn", "split"):
                split = objective == "split"
                rotation = own + 0.6 - 0.2 * split - 0.1 * split * np.log2(batch_size / 256)
                rows = {"rotation": rotation + 0.01 * rng.normal(), "dwell": rng.normal(20, 1)}
                tables.append(
                    pd.DataFrame({"measure": rows.keys(), "value": rows.values()}).assign(
                        objective=objective, batch_size=batch_size, seed=seed
                    )
                )
    return tables


def test_pairs_show_what_seeds_hide() -> None:
    table = compare(networks(np.random.default_rng(0))).set_index(["measure", "batch_size"])
    row = table.loc[("rotation", 256)]
    assert row["difference"] == pytest.approx(-0.2, abs=0.02)
    assert row["difference_high"] < -0.15 and row["p"] == 2 / 64 and row["n_pairs"] == 6
    # Seeds differ by far more than objectives do.
    assert row["split_low"] < row["sinkhorn"] < row["split_high"]
    assert row["difference"] == pytest.approx(row["split"] - row["sinkhorn"])
    dwell = table.loc[("dwell", 512)]
    assert dwell["difference_low"] < 0 < dwell["difference_high"] and dwell["p"] > 0.05


def test_trend_with_the_batch() -> None:
    table = trends(networks(np.random.default_rng(0))).set_index(["measure", "objective"])
    assert table.loc[("rotation", "split"), "slope"] == pytest.approx(-0.1, abs=0.01)
    assert table.loc[("rotation", "split"), "high"] < 0
    row = table.loc[("rotation", "sinkhorn")]
    assert row["low"] < 0 < row["high"] and row["n"] == 6


def test_what_is_missing_is_left_out_and_what_is_wrong_refused() -> None:
    tables = networks(np.random.default_rng(0), 3)
    some = [t for t in tables if not ((t["seed"] == 2) & (t["objective"] == "split")).any()]
    some[0].loc[some[0]["measure"] == "dwell", "value"] = np.inf
    table = compare(some).set_index(["measure", "batch_size"])
    assert table.loc[("rotation", 256), "n_pairs"] == 2
    assert table.loc[("rotation", 256), ["sinkhorn_n", "split_n"]].tolist() == [3, 2]
    assert table.loc[("dwell", 256), "n_pairs"] == 1
    only = compare([t for t in tables if (t["objective"] == "split").all()])
    assert only["difference"].isna().all() and only["p"].isna().all()
    with pytest.raises(DataError, match="no network"):
        join_networks([])
    with pytest.raises(DataError, match="has no seed"):
        join_networks([tables[0].drop(columns="seed")])
    with pytest.raises(DataError, match="two rows"):
        join_networks([tables[0], tables[0]])


def test_networks_without_measures_have_nothing_to_compare() -> None:
    none = pd.DataFrame(columns=["objective", "batch_size", "seed", "measure", "value"])
    table = compare([none])
    assert table.empty
    assert list(table.columns) == list(compare(networks(np.random.default_rng(0), 2)).columns)
