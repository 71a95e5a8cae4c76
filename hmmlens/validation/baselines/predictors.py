"""Predictors of a network's output without states, behind one protocol.

They bound the value of states: from below, by what the last inputs or outputs predict; from above,
by a linear readout of the whole activation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from hmmlens.typing import Floats, Ints
from hmmlens.validation.baselines import linear, outputs
from hmmlens.validation.baselines.registry import baseline
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings
from hmmlens.validation.chosen_model import Chosen


class Prediction(NamedTuple):
    """Predicted outputs.

    Attributes
    ----------
    name : str
        The name in the column ``method``.
    now : ndarray of shape (sequence, time, output)
        The prediction at the same step.
    ahead : ndarray of shape (sequence, time, output) or None
        The prediction from ``chosen.horizon`` steps before; None where it is not defined.
    """

    name: str
    now: Floats
    ahead: Floats | None


class Predictor(Protocol):
    """The signature of every predictor."""

    def __call__(self, chosen: Chosen, hidden: Floats, symbols_out: bool) -> Iterator[Prediction]:
        """Yield predictions; none where the predictor does not apply."""


def _ngram(chosen: Chosen, symbols: Ints, order: int, n_symbols: int, lag: int) -> Floats:
    known = np.where(chosen.posteriors.any(axis=2), symbols, -1)
    train = chosen.split == 0
    return outputs.ngram_distribution(
        known[train], chosen.data.distribution[train], known, order, n_symbols, lag
    )


@baseline("last inputs", "outputs")
def _last_inputs(
    chosen: Chosen, hidden: Floats, symbols_out: bool,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Iterator[Prediction]:  # fmt: skip
    """Predict the output from the classes of the last inputs."""
    for n in settings.contexts:
        predicted = _ngram(chosen, chosen.data.classes, n, chosen.data.n_classes, 0)
        # It uses no activations, so it is as good further ahead.
        yield Prediction(f"last {n} input{'s' if n > 1 else ''}", predicted, predicted)


@baseline("last outputs", "outputs")
def _last_outputs(
    chosen: Chosen, hidden: Floats, symbols_out: bool,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Iterator[Prediction]:  # fmt: skip
    """Predict the output from the network's own most likely last outputs, which are symbols."""
    if not symbols_out:
        return
    distribution = chosen.data.distribution
    symbols, n_symbols = distribution.argmax(axis=2), distribution.shape[2]
    for n in settings.contexts:
        now, ahead = (_ngram(chosen, symbols, n, n_symbols, lag) for lag in (1, chosen.horizon))
        yield Prediction(f"last {n} output{'s' if n > 1 else ''}", now, ahead)


@baseline("linear system", "outputs")
def _linear_system(
    chosen: Chosen, hidden: Floats, symbols_out: bool,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Iterator[Prediction]:  # fmt: skip
    """Predict the output by a linear system with inputs in the components of the model."""
    data = chosen.data
    runs = linear.predictions(
        chosen.values, chosen.inputs, data.distribution, data.masks["train"], chosen.horizon
    )
    now, *_, ahead = runs
    yield Prediction("linear system", now, ahead)


@baseline("linear readout of all units", "outputs")
def _linear_readout(
    chosen: Chosen, hidden: Floats, symbols_out: bool,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Iterator[Prediction]:  # fmt: skip
    """Predict the output by a linear readout of all units: an upper bound at the same step."""
    data, train = chosen.data, chosen.split == 0
    predicted = outputs.linear_prediction(
        hidden[train], data.distribution[train], data.masks["train"][train], hidden
    )
    yield Prediction("linear readout of all units", predicted, None)
