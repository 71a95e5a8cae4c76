"""Datasets from a user's file: targets ahead, splits that keep groups whole, train moments."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.datasets.build import build
from hmmlens.datasets.content import Content
from hmmlens.datasets.own.base import FileData
from hmmlens.datasets.own.files import sequences
from hmmlens.datasets.own.npz import NpzData
from hmmlens.datasets.own.table import TableData
from hmmlens.datasets.own.zarr_store import ZarrData
from hmmlens.errors import DataError

LENGTHS = np.array([9, 4, 7, 5, 6, 8, 4, 9, 5])
INSIDE = np.arange(9) < LENGTHS[:, None]


def content(symbols: bool = False, **change: Any) -> Content:
    """Return 9 sequences with 2 features, or 3 symbols, each with a value of its own."""
    rng = np.random.default_rng(0)
    if symbols:
        inputs: Any = np.where(INSIDE, rng.integers(0, 3, size=INSIDE.shape), 0)
        names = [f"cue {i}" for i in range(3)]
    else:
        inputs = np.where(INSIDE[..., None], 5 + 2 * rng.normal(size=(9, 9, 2)), 0)
        names = ["x", "y"]
    found: dict[str, Any] = {
        **{"input": inputs, "target": None, "length": LENGTHS, "state": None, "split": None},
        **{"group": None, "truth": "phase"},
        "names": {"sequence": [f"s{i}" for i in range(9)], "input": names},
    }
    return Content(**(found | change))


def made(held: Content, seed: int = 0, frozen: bool = False, **options: Any) -> xr.Dataset:
    options = {"kind": "npz", "path": "data.npz", **options}
    return sequences(held, NpzData(**options), np.random.default_rng(seed), frozen)


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("symbols", [False, True])
def test_inputs_are_predicted_ahead(symbols: bool, horizon: int) -> None:
    held = content(symbols)
    data = made(held, horizon=horizon, standardise=False)
    target = data["target"].to_numpy()
    for row, n in enumerate(LENGTHS):
        np.testing.assert_allclose(
            target[row, : n - horizon], held.input[row, horizon:n], rtol=1e-6
        )
        rest = target[row, n - horizon :]
        assert (rest == -1).all() if symbols else np.isnan(rest).all()
    about = data.attrs
    assert about["target_delay"] == horizon
    note = "3 symbols" if symbols else "x, y"
    assert about["task"] == f"predict {note} {horizon} step{'s' * (horizon > 1)} ahead"
    assert (data["state"] == -1).all()
    assert about["state_names"] == []


@pytest.mark.parametrize("horizon", [None, 0, 2])
def test_own_targets_stand_at_their_step_or_ahead(horizon: int | None) -> None:
    target = np.where(INSIDE, np.arange(9), -1)
    names = content().names | {"target": [f"label {i}" for i in range(9)]}
    data = made(content(target=target, names=names), horizon=horizon)
    ahead = horizon or 0
    expected = np.full((9, 9), -1)
    for row, n in enumerate(LENGTHS):
        expected[row, : n - ahead] = np.arange(ahead, n)
    np.testing.assert_array_equal(data["target"], expected)
    assert (data.attrs["input_kind"], data.attrs["target_kind"]) == ("values", "symbols")
    assert data.attrs["n_target_symbols"] == 9


def test_values_are_standardised_by_real_steps_of_the_train_split() -> None:
    held = content()
    data = made(held)
    split = data["split"].to_numpy()
    real = held.input[(split == 0)[:, None] & INSIDE]
    expected = (held.input - real.mean(axis=0)) / real.std(axis=0)
    found = data["input"].to_numpy()
    np.testing.assert_allclose(found[INSIDE], expected[INSIDE], rtol=1e-5, atol=1e-6)
    assert not found[~INSIDE].any()
    for name in ("input", "target"):
        prefix = "" if name == "input" else "target_"
        back = data[name] * data.attrs[f"{prefix}scale"] + data.attrs[f"{prefix}offset"]
        shift = 0 if name == "input" else 1
        np.testing.assert_allclose(back[0, : 9 - shift], held.input[0, shift:], rtol=1e-5)


def test_own_targets_have_moments_of_their_own() -> None:
    target = np.where(INSIDE[..., None], 100 + np.arange(9.0)[None, :, None], np.nan)
    target[0, 2] = np.nan
    held = content(target=target, names=content().names | {"target": ["z"]})
    data = made(held)
    train = target[data["split"].to_numpy() == 0]
    mean, sd = np.nanmean(train), np.nanstd(train)
    np.testing.assert_allclose(data["target"], (target - mean) / sd, rtol=1e-5, atol=1e-6)
    assert made(held, standardise=False)["target"].max() == 108


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=9, max_size=9), st.integers(0, 2**32 - 1))
def test_groups_stay_whole(drawn: list[int], seed: int) -> None:
    group = np.unique(drawn, return_inverse=True)[1]
    held = content(group=group, names=content().names | {"group": list("abcde")})
    if group.max() < 2:
        with pytest.raises(DataError, match="train, select and test each need one"):
            made(held, seed)
        return
    data = made(held, seed)
    split = data["split"].to_numpy()
    assert set(split) == {0, 1, 2}
    assert len(set(zip(group, split, strict=True))) == group.max() + 1
    np.testing.assert_array_equal(data["group"], group)
    xr.testing.assert_identical(data, made(held, seed))


def test_shares_of_sequences() -> None:
    shares = {"train": 1 / 3, "select": 1 / 3, "test": 1 / 3}
    group = np.zeros(9, dtype=int)
    data = made(content(group=group), split=shares, split_by="sequence")
    assert np.bincount(data["split"]).tolist() == [3, 3, 3]
    assert not np.array_equal(data["split"], made(content(), 1, split=shares)["split"])


def test_split_of_the_file_stands(caplog: pytest.LogCaptureFixture) -> None:
    split = np.array([2, 0, 1, 0, 0, 0, 0, 1, 2])
    data = made(content(split=split, group=np.arange(9)))
    np.testing.assert_array_equal(data["split"], split)
    assert not [r for r in caplog.records if r.levelname == "WARNING"]
    made(content(split=split, group=np.zeros(9, int)))
    assert "a group has sequences in several splits" in caplog.text


RISING = np.stack([np.tile(np.arange(9.0), (9, 1))] * 2, axis=2)

BAD: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("short", {"length": np.array([9, 1, 7, 5, 6, 8, 4, 9, 5])}, {},
     "data.npz: sequence 's1' has 1 step, wants 2 or more; leave it out"),
    ("short for its horizon", {}, {"horizon": 4},
     "data.npz: sequence 's1' has 4 steps, wants 5 or more with horizon 4; leave it out"),
    ("copying", {}, {"horizon": 0}, "data.npz: horizon 0 needs targets, which the file has not"),
    ("no groups", {}, {"split_by": "group"}, "split_by: group needs groups, which it has not"),
    ("two sequences", {"length": LENGTHS[:2], "input": np.ones((2, 9, 2))}, {},
     "there are 2 sequences and no split, but train, select and test each need one, and sequence "
     "'s0' of 9 steps is too short to be cut into them"),
    ("no test", {"split": np.array([0, 1] * 4 + [0])}, {}, "the test split holds no sequence"),
    ("no target in select", {"target": np.where(np.arange(9)[:, None] % 3 == 1, -1, INSIDE - 1),
                             "split": np.arange(9) % 3}, {},
     "the select split holds no step whose target is known"),
    ("still", {"input": np.where(INSIDE[..., None], [1.0, 2.0], 0)}, {},
     "'x' never changes on the train split, so it cannot be standardised; leave it out, or do "),
    ("hardly any change", {"input": np.where(INSIDE[..., None], 5e-324 * RISING, 0)}, {},
     "'x' never changes on the train split"),
    ("outlier", {"split": np.arange(9) % 3,
                 "input": np.where(np.arange(9)[:, None, None] == 8, 1e38, 1e-30 * RISING)}, {},
     f"'x' reaches {1e68 / np.std(np.r_[0:9, 0:5, 0:4]):.2g} in units of its standard deviation "),
    ("unseen symbol", {"symbols": True, "split": np.arange(9) % 3,
                       "input": np.where(INSIDE & (np.arange(9)[:, None] == 8), 2, 0)}, {},
     "input symbol 2 does not occur in the train split, so nothing can be learnt about it"),
]  # fmt: skip


def test_symbols_that_train_lacks_are_counted_where_no_network_is_trained() -> None:
    late = np.where(INSIDE & (np.arange(9)[:, None] == 8), 2, 0)
    held = content(symbols=True, split=np.arange(9) % 3, input=late)
    held = held._replace(names=held.names | {"target": ["a", "b"]})
    data = made(held, frozen=True)
    assert data.attrs["unseen_symbols"] == [2]
    assert (
        f"which occurs at {(late == 2).sum()} steps of 1 sequence"
        in (data.attrs["unseen_symbols_note"])
    )


@pytest.mark.parametrize(("change", "options", "sentence"), [b[1:] for b in BAD],
                         ids=[b[0] for b in BAD])  # fmt: skip
def test_what_cannot_become_a_dataset_is_reported(
    change: dict[str, Any], options: dict[str, Any], sentence: str
) -> None:
    held = content(**change)
    held = held._replace(names=held.names | {"target": ["a", "b"]})
    with pytest.raises(DataError) as caught:
        made(held, **options)
    assert sentence in str(caught.value)


def test_what_single_precision_rounds_away_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    inputs = np.where(INSIDE[..., None], RISING + np.array([1.7e9, 1.7e5]), 0)
    found = made(content(input=inputs), standardise=False)
    assert len(np.unique(found["input"][..., 0].to_numpy()[INSIDE])) == 1
    assert "data.npz: 'x' varies by 2.2 around 1.7e+09, which single precision" in caplog.text
    assert "'y' varies" not in caplog.text
    caplog.clear()
    found = made(content(input=inputs))
    assert len(np.unique(found["input"][..., 0].to_numpy()[INSIDE])) == 9
    assert not caplog.text


@pytest.mark.parametrize("kind", ["table", "npz", "zarr"])
def test_every_kind_of_file_gives_the_same_dataset(tmp_path: Path, kind: str) -> None:
    held = content()
    path = tmp_path / {"table": "d.csv", "npz": "d.npz", "zarr": "d.zarr"}[kind]
    names = {"feature_names": np.array(["x", "y"], dtype=object)}
    if kind == "table":
        rows = [(s, t, *held.input[s, t]) for s in range(9) for t in range(LENGTHS[s])]
        pd.DataFrame(rows, columns=["trial", "t", "x", "y"]).to_csv(path, index=False)
        columns = {"sequence": "trial", "time": "t", "inputs": ["x", "y"]}
        options: FileData = TableData(kind="table", path=str(path), columns=columns)
    elif kind == "npz":
        np.savez(path, input=held.input, length=LENGTHS, feature_names=np.array(["x", "y"]))
        options = NpzData(kind="npz", path=str(path))
    else:
        data = xr.Dataset(
            {
                "input": (("sequence", "time", "feature"), held.input),
                "length": ("sequence", LENGTHS),
                "feature_names": ("feature", names["feature_names"]),
            }
        )
        data.to_zarr(path, consolidated=False)
        options = ZarrData(kind="zarr", path=str(path))
    found = build(options, seed=5)
    expected = made(held, 5)
    about = found.attrs
    assert about.pop("source") == str(path)
    digest = about.pop("sha256")
    if kind != "zarr":
        assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    xr.testing.assert_identical(found, expected)


def test_the_hash_of_a_store_is_that_of_all_its_files(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    data = xr.Dataset({"input": (("sequence", "time", "feature"), content().input)})
    data.to_zarr(path, consolidated=False)
    options = ZarrData(kind="zarr", path=str(path))
    digests = {build(options, seed=0).attrs["sha256"]}
    for file in options.files():
        if file.name == "zarr.json":
            file.write_text(file.read_text() + " ")
            digests.add(build(options, seed=0).attrs["sha256"])
    assert len(digests) == 3  # as made, and after each of the two headers
