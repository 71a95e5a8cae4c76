"""States are recorded while Keras fits, and what cannot be is refused before it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hmmlens.errors import DataError

callback = pytest.importorskip(
    "hmmlens.recording.keras_callback",
    reason='needs Keras: pip install "hmmlens[keras]"',
    exc_type=ImportError,
)
keras = callback.keras
layers = keras.layers

VALUES = np.random.default_rng(1).normal(size=(4, 9, 3)).astype(np.float32)


def fit(model: Any, states: Any, n_epochs: int) -> Any:
    model.compile("sgd", "mse")
    targets = VALUES[:, :, :1]
    model.fit(VALUES, targets, epochs=n_epochs, verbose=0, callbacks=[states])
    return states


@pytest.mark.parametrize("built", [True, False])
def test_states_are_recorded_while_keras_fits(built: bool) -> None:
    keras.utils.set_random_seed(5)
    inner = layers.GRU(4, return_sequences=True, name="memory")
    before = [layers.Input((9, 3))] if built else []
    model = keras.Sequential([*before, inner, layers.Dense(1)])
    states = fit(model, callback.RecordStates(VALUES, every=2), 4)
    assert list(states.records_) == [2, 4]
    last = states.records_[4]["memory"]["hidden"]
    np.testing.assert_allclose(last, keras.ops.convert_to_numpy(inner(VALUES)), atol=1e-5)
    assert not np.allclose(states.records_[2]["memory"]["hidden"], last)


class Own(keras.Model):  # type: ignore[misc]
    """A model that is no chain of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.GRU(1, return_sequences=True)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def test_a_model_that_cannot_be_converted_is_reported_before_it_is_fitted() -> None:
    filters = layers.Conv1D(1, 3, padding="same", name="filter")
    model = keras.Sequential([layers.Input((9, 3)), filters])
    start = [w.copy() for w in model.get_weights()]
    with pytest.raises(DataError, match="layer 'filter' is a Conv1D"):
        fit(model, callback.RecordStates(VALUES), 1)
    for before, after in zip(start, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(DataError, match="Own is a model of its own kind; only Sequential and"):
        fit(Own(), callback.RecordStates(VALUES), 1)
    with pytest.raises(DataError, match="every must be 1 or more, found 0"):
        callback.RecordStates(VALUES, every=0)
