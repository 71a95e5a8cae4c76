"""What a verdict is given of stores and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hmmlens.hmm import HMMSweep, storage
from hmmlens.interpretation.states import read_picks
from hmmlens.recording.activations import state
from hmmlens.validation.baselines import comparison
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.grading.recorded import Losses, Recorded
from hmmlens.validation.model_checks import checks

CEILINGS = pd.DataFrame(
    [
        ("0-gram context", "baseline", "nll", 1.1),
        ("2-gram context", "baseline", "nll", 0.4),
        ("exact filter", "floor", "nll", 0.3),
        ("exact filter", "ceiling", "ari", 0.9),
        ("mean", "baseline", "mse", 2.0),
    ],
    columns=["name", "role", "metric", "value"],
)
TEST = pd.Series({"nll": 0.35, "mse": 0.2})


def test_losses_are_those_of_the_task() -> None:
    symbols = verdict_inputs.losses(TEST, CEILINGS, {"target_kind": "symbols"}, True)
    assert symbols == Losses(0.35, 1.1, 0.3)
    values = verdict_inputs.losses(TEST, CEILINGS, {"target_kind": "values"}, True)
    assert values[:2] == (0.2, 2.0) and np.isnan(values.floor)


def test_network_from_elsewhere_is_not_scored_by_targets_that_stand_in() -> None:
    ahead = {"target_kind": "values", "own_target": False}
    assert np.isnan(verdict_inputs.losses(TEST, CEILINGS, ahead, False).network)
    assert verdict_inputs.losses(TEST, CEILINGS, ahead, True).network == 0.2
    own = {"target_kind": "values", "own_target": True}
    assert verdict_inputs.losses(TEST, CEILINGS, own, False).network == 0.2


def test_network_without_autonomous_dynamics_has_no_endpoints() -> None:
    attrs = {"n_coarse": 3, "n_fine": 4, "ratio": 4 / 3, "drift": 0.01}
    stored = xr.Dataset({"output": (("start", "output"), np.zeros((5, 2)))}, attrs=attrs)
    found = verdict_inputs.settled(stored)
    assert found is not None
    assert (found.n_coarse, found.n_fine, found.drift) == (3, 4, 0.01)
    assert verdict_inputs.settled(stored.assign_attrs(n_coarse=np.nan)) is None


def test_recordings_that_are_too_short_are_not_judged_with_a_reason() -> None:
    rng = np.random.default_rng(0)
    hidden, distribution = rng.normal(size=(9, 6, 4)), rng.normal(size=(9, 6, 2))
    split = np.arange(9) % 3
    short = Recorded(hidden, distribution, np.zeros((9, 6), int), np.full(9, 6), split)
    row = verdict_inputs.judged(short, Losses(0.1, 1.0), None, 0)
    assert row["grade"] == "not judged" and not row["supported"]
    assert "record longer sequences" in row["reasons"]


def test_state_of_a_layer_ignores_what_fills_ends() -> None:
    rng = np.random.default_rng(0)
    length = np.array([7, 4, 2])
    hidden, cell = rng.normal(size=(2, 3, 7, 5))
    root = xr.Dataset({"length": ("sequence", length)})
    dims = ("sequence", "time", "unit")
    layers = []
    for fill in (0.0, 99.0):
        inside = (np.arange(7) < length[:, None])[..., None]
        padded = (np.where(inside, values, fill) for values in (hidden, cell))
        layers.append(
            xr.Dataset(dict(zip(("hidden", "cell"), ((dims, v) for v in padded), strict=True)))
        )
    one, two = (state(root, layer, "both") for layer in layers)
    np.testing.assert_array_equal(one, two)
    assert one.shape == (3, 7, 10) and not one[1, 4:].any()


@pytest.mark.parametrize(("n_steps", "horizon"), [(40, 5), (4, 3)])
def test_chosen_model_is_checked_on_its_own_states_even_of_short_sequences(
    n_steps: int, horizon: int
) -> None:
    rng = np.random.default_rng(0)
    path = np.repeat(rng.integers(0, 2, (30, (n_steps + 1) // 2)), 2, axis=1)[:, :n_steps]
    values = 2.0 * path[..., None] - 1 + 0.1 * rng.normal(size=(30, n_steps, 2))
    split, length = np.arange(30) % 3, np.where(np.arange(30) % 4, n_steps, n_steps - 1)
    sweep = HMMSweep([2], ("tied",), n_restarts=1, random_state=0)
    sweep.fit(values[split == 0], length[split == 0])
    stored = storage.to_dataset(sweep)
    filled = np.where((np.arange(n_steps) < length[:, None])[..., None], values, np.nan)
    choices = pd.DataFrame([{"pick": "explained", "covariance_type": "tied", "n_states": 2}])
    read = read_picks(
        choices, stored, values, inputs=values, outputs=values, truth=path, length=length,
        n_truth=2,
    )  # fmt: skip
    found = Recorded(filled, filled, (path > 0).astype(np.int64), length, split)
    reduced = xr.Dataset({"reduced": (("sequence", "time", "component"), filled)})
    of = verdict_inputs.chosen(found, choices.iloc[0], read, reduced, stored, path)
    assert of.horizon == horizon
    np.testing.assert_array_equal(of.path, read["path"].isel(pick=0))
    assert (of.path[np.arange(n_steps) >= length[:, None]] == -1).all()
    for part in (of.values, of.data.distribution, of.inputs, of.posteriors):
        assert np.isfinite(part).all()
    reasons = checks.run(of, 0).set_index("check")["holds"]
    assert reasons["truth shifted"] and reasons["calibration"]
    table = comparison.compare(of, of.values, False, 0).set_index("method")
    assert table.loc[comparison.CHOSEN, "now"] > 0.9
