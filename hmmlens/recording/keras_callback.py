"""Record the states of a Keras model while it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hmmlens.errors import DataError
from hmmlens.recording.extract import extract
from hmmlens.rnn.adapters.keras import convert, keras


class RecordStates(keras.callbacks.Callback):
    """Record the states of a model while ``fit`` runs: ``model.fit(..., callbacks=[states])``.

    Parameters
    ----------
    inputs : (sequence, time) symbols or (sequence, time, feature) values to record with.
    every : epochs between recordings; the first is at the end of epoch ``every``.

    Attributes
    ----------
    records_ : epoch (the first is 1) -> what :func:`hmmlens.extract` returns.

    Raises
    ------
    DataError
        When ``every`` is below 1; when ``fit`` begins with a model that cannot be converted.
    """

    def __init__(self, inputs: Any, every: int = 1) -> None:
        super().__init__()
        if every < 1:
            raise DataError(f"every must be 1 or more, found {every}")
        self.inputs, self.every = inputs, every
        self.records_: dict[int, Any] = {}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Stop before an epoch is lost. A model that is not built yet shows its layers later."""
        if self.model.built:
            convert(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record where it is time for it."""
        if (epoch + 1) % self.every == 0:
            self.records_[epoch + 1] = extract(convert(self.model), self.inputs, progress=False)
