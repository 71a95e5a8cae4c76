"""Controls on the inputs have what a network's states have: scaling, lags, the same reducers."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from hmmlens import naming
from hmmlens.hmm import storage
from hmmlens.reduction.pca import PCA
from hmmlens.stats.scaling import scaled
from hmmlens.validation import ceilings, network_outputs, scorecard
from hmmlens.validation.baselines import raw_inputs
from hmmlens.validation.input_output import input_classes

Floats = NDArray[np.float64]
#: Lengths of 30 sequences, and which of them are train, select and test.
LENGTH = np.tile([40, 25, 33], 10)
SPLIT = np.repeat([0, 1, 2], 10)
INSIDE = np.arange(40) < LENGTH[:, None]


def sequences(inputs: NDArray[Any], **more: Any) -> xr.Dataset:
    """Return a ``sequences`` store of values (sequence, time, feature) or symbols."""
    symbols = inputs.ndim == 2
    attrs = {"input_kind": "symbols" if symbols else "values", **more}
    return xr.Dataset(
        {
            "input": (("sequence", "time", "feature")[: inputs.ndim], inputs),
            "length": ("sequence", LENGTH),
            "split": ("sequence", SPLIT),
        },
        attrs=attrs | ({"n_symbols": int(inputs[INSIDE].max()) + 1} if symbols else {}),
    )


def informative(rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """Return slow states, inputs that determine them, milliseconds, a time and a constant."""
    state = (np.cumsum(rng.random((30, 40)) < 0.05, axis=1) + rng.integers(0, 2, (30, 1))) % 2
    open_ = 2.0 * state - 1 + 0.3 * rng.normal(size=state.shape)
    ms, stamp = 800 + 50 * rng.normal(size=state.shape), 1.6e12 + rng.normal(0, 1e4, state.shape)
    found = np.stack([open_, ms, stamp, np.full(state.shape, 7.0)], axis=2)
    found[3, 4, 0] = 1e9
    found[~INSIDE] = np.nan
    return state, found


ALL = np.arange(30)
REDUCERS = {"pca-2": PCA(kind="pca", n_components=2).model_dump()}


def test_values_are_those_of_a_standard_scaler_fitted_to_train() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal([0, 800, 1e6], [1, 50, 3e4], (30, 40, 3))
    # What select and test hold, and what fills a sequence past its end, moves nothing.
    values[SPLIT > 0] *= 3
    values[~INSIDE] = 1e30
    found = scaled(values, INSIDE, SPLIT == 0)
    model = StandardScaler().fit(values[INSIDE & (SPLIT == 0)[:, None]])
    np.testing.assert_allclose(
        found[INSIDE & (SPLIT == 0)[:, None]],
        model.transform(values[INSIDE & (SPLIT == 0)[:, None]]),
        atol=1e-9,
    )
    assert (found[~INSIDE] == 0).all()


def test_a_wild_value_sets_no_scale_and_stands_apart() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 40, 1))
    values[2, 3] = 1e12
    found = scaled(values, INSIDE, SPLIT == 0)[..., 0]
    others = found[INSIDE & (SPLIT == 0)[:, None] & (values[..., 0] < 1e6)]
    assert 0.8 < others.std() < 1.05
    assert 4 < found[2, 3] < 12 and found[2, 3] > others.max()


def test_rare_pulses_are_kept_and_constants_are_not() -> None:
    values = np.zeros((30, 40, 3))
    values[0, 5, 0], values[..., 1], values[:, ::50, 2] = 1.0, 3.0, -1.0
    found = scaled(values, INSIDE, SPLIT == 0)
    assert found.shape[2] == 2
    assert found[0, 5, 0] > 5 and len(np.unique(found[INSIDE][:, 0].round(9))) == 2
    assert scaled(values[..., 1:2], INSIDE, SPLIT == 0).shape == (30, 40, 0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 3), st.integers(0, 6))
def test_lags_never_cross_the_start_of_a_sequence(
    seed: int, n_steps: int, n_features: int, n_lags: int
) -> None:
    values = np.random.default_rng(seed).normal(size=(3, n_steps, n_features))
    found = raw_inputs.lagged(values, n_lags).reshape(3, n_steps, n_lags + 1, n_features)
    for i in range(3):
        for t in range(n_steps):
            for lag in range(n_lags + 1):
                wanted = values[i, t - lag] if t >= lag else np.zeros(n_features)
                np.testing.assert_array_equal(found[i, t, lag], wanted)


def test_symbols_are_one_hot_and_the_rarest_share_a_column() -> None:
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 3, (30, 40))
    found = raw_inputs.one_hot(symbols, INSIDE, SPLIT == 0)
    np.testing.assert_array_equal(found[INSIDE], np.eye(3)[symbols[INSIDE]])
    assert (found[~INSIDE] == 0).all()
    symbols[25, 0] = 9
    assert (raw_inputs.one_hot(symbols, INSIDE, SPLIT == 0)[25, 0] == 0).all()
    many = rng.integers(0, 400, (30, 40))
    shared = raw_inputs.one_hot(many, INSIDE, SPLIT == 0)
    assert shared.shape[2] == raw_inputs.MOST_SYMBOLS + 1
    assert shared[INSIDE & (SPLIT == 0)[:, None]].sum(axis=1).max() == 1


def test_each_control_has_every_reducer() -> None:
    _, values = informative(np.random.default_rng(0))
    found = raw_inputs.controls(sequences(values), ALL, REDUCERS, 0)
    assert {name: list(parts) for name, parts in found.items()} == {
        "raw-input": ["raw-input", "raw-input-pca-2"],
        "lagged-input": ["lagged-input-pca-2"],
    }
    assert naming.raw_variants(REDUCERS) == {name: list(parts) for name, parts in found.items()}
    assert tuple(found) == scorecard.CONTROLS
    whole = found["raw-input"]["raw-input"]["reduced"].to_numpy()
    assert whole.shape == (30, 40, 3) and np.isfinite(whole[INSIDE]).all()
    for name in ("raw-input-pca-2", "lagged-input-pca-2"):
        part = found[naming.control_of(name)][name]
        assert part["reduced"].shape == (30, 40, 2) and part.attrs["emission"] == "gaussian"


def test_states_in_the_input_are_found_next_to_milliseconds() -> None:
    """Unscaled, milliseconds or a time stamp are all that a model of the inputs sees."""
    state, values = informative(np.random.default_rng(1))
    reduced = raw_inputs.control(sequences(values), ALL, "raw-input", None, 0)
    sweep = storage.fit(reduced, n_states=[2], covariance_types=["tied"], n_restarts=8)
    model = storage.model(sweep, "tied", 2)
    path = model.filter(reduced["reduced"].to_numpy(), LENGTH).posteriors.argmax(axis=2)
    ari = adjusted_rand_score(state[INSIDE], path[INSIDE])
    assert ari > 0.95


def test_the_most_faithful_reduction_is_chosen_on_select() -> None:
    state, values = informative(np.random.default_rng(1))
    distribution = np.where(INSIDE[..., None], state[..., None], 0.0).astype(float)
    network = network_outputs.Network(
        distribution, "values", LENGTH, SPLIT, np.where(INSIDE, state, -1)
    )
    good = raw_inputs.control(sequences(values), ALL, "raw-input", None, 0)
    noise = good.assign(
        reduced=good["reduced"].copy(
            data=np.random.default_rng(0).normal(size=good["reduced"].shape)
        )
    )
    grid: dict[str, Any] = {"n_states": [1, 2], "covariance_types": ["tied"], "n_restarts": 4}
    stores = {name: (part, storage.fit(part, **grid)) for name, part in (("b", noise), ("a", good))}
    assert scorecard.most_faithful(network, stores, "bic") == "a"
    scores, choices = scorecard.score_layer(
        network, {"pca-2": stores["b"]}, 20, 0, "bic", 0.02, {"raw-input": stores}
    )
    assert set(scores["reducer"]) == {"pca-2", "raw-input"}
    assert set(scores.loc[scores["reducer"] == "raw-input", "reduction"]) == {"a"}
    # A control is never taken for the network's own reduction.
    assert set(choices.loc[choices["chosen_reducer"], "reducer"]) == {"pca-2"}


def test_inputs_that_never_vary_carry_no_information() -> None:
    for variant in ("raw-input", "raw-input-pca-2", "lagged-input-pca-2"):
        part = raw_inputs.control(
            sequences(np.full((30, 40, 2), 5.0)), ALL, naming.control_of(variant),
            raw_inputs.settings_of(variant, REDUCERS), 0,
        )  # fmt: skip
        assert part.attrs["emission"] == "categorical" and (part["reduced"] == 0).all()
        sweep = storage.fit(part, n_states=[1, 2], covariance_types=["tied"], n_restarts=1)
        model = storage.model(sweep, "none", 2)
        posteriors = model.filter(part["reduced"].to_numpy(), LENGTH).posteriors
        assert np.isfinite(posteriors).all()
    assert input_classes(np.full((30, 40, 2), 5.0), SPLIT == 0, LENGTH)[1] == 1


def test_lagged_symbols_hold_what_the_last_symbol_was() -> None:
    """The state is the symbol of the step before, which only the lagged input holds."""
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 2, (30, 40))
    before = np.c_[np.zeros((30, 1), int), symbols[:, :-1]]
    agreed = {}
    reducers = {"pca-8": PCA(kind="pca").model_dump()}
    for variant in ("raw-input", "lagged-input-pca-8"):
        part = raw_inputs.control(
            sequences(symbols), ALL, naming.control_of(variant),
            raw_inputs.settings_of(variant, reducers), 0,
        )  # fmt: skip
        values = part["reduced"].to_numpy()
        columns = [values[..., None]] if values.ndim == 2 else [values]
        design = np.c_[np.ones(INSIDE.sum()), columns[0][INSIDE]]
        fitted = design @ np.linalg.lstsq(design, before[INSIDE], rcond=None)[0]
        agreed[variant] = np.corrcoef(fitted, before[INSIDE])[0, 1]
    assert agreed["raw-input"] < 0.1 and agreed["lagged-input-pca-8"] > 0.99


def test_input_classes_see_small_features_next_to_large_ones() -> None:
    rng = np.random.default_rng(0)
    sign = rng.integers(0, 2, (30, 40))
    values = np.stack([2.0 * sign - 1 + 0.1 * rng.normal(size=sign.shape),
                       1e6 * rng.random(sign.shape)], axis=2)  # fmt: skip
    classes, n_classes = input_classes(values, SPLIT == 0, LENGTH)
    pure = [np.bincount(sign[INSIDE & (classes == k)], minlength=2).max() for k in range(n_classes)]
    # Unscaled, every class holds both signs alike.
    assert sum(pure) / INSIDE.sum() > 0.99


def test_baselines_of_a_task_see_small_features_next_to_large_ones() -> None:
    rng = np.random.default_rng(0)
    sign = rng.integers(0, 2, (30, 40))
    values = np.stack([0.01 * (2.0 * sign - 1), 1e8 + 1e7 * rng.random(sign.shape)], axis=2)
    data = sequences(values, target_kind="symbols", n_target_symbols=2, state_names=[])
    data = data.assign(
        target=(("sequence", "time"), np.where(INSIDE, sign, -1)),
        state=(("sequence", "time"), np.full(sign.shape, -1)),
    )
    table = ceilings.of_dataset(data).set_index("name")["value"]
    assert table["logistic, 10 inputs"] < 0.05 < 0.6 < table["0-gram context"]
