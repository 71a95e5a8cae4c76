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
    inputs : array_like of shape (sequence, time) or (sequence, time, feature)
        Symbols or values to record with.
    every : int, default=1
        Epochs between recordings; the first is at the end of epoch ``every``.

    Attributes
    ----------
    records_ : dict of int to DataTree
        What :func:`hmmlens.extract` returns after each recorded epoch; the first epoch is 1.

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
        """Check that the model can be converted, before an epoch is run in vain.

        A model that is not built yet is checked later.

        Parameters
        ----------
        logs : mapping, optional
            Not used.
        """
        if self.model.built:
            convert(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the states after every so many epochs.

        Parameters
        ----------
        epoch : int
            The epoch, from 0.
        logs : mapping, optional
            Not used.
        """
        if (epoch + 1) % self.every == 0:
            self.records_[epoch + 1] = extract(convert(self.model), self.inputs, progress=False)
