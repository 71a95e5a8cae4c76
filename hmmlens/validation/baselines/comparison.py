"""Compare a chosen model with other ways to get as many states, and with predictors without any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.agreement import SCORES, contingency
from hmmlens.typing import Floats

# The methods and the predictors are registered where they are defined.
from hmmlens.validation.baselines import codebook, methods, predictors  # noqa: F401
from hmmlens.validation.baselines.registry import of_kind, with_settings
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings
from hmmlens.validation.chosen_model import Chosen
from hmmlens.validation.fidelity import fidelity

#: Name of the chosen model, and of the method of the protocol that is the same model refitted.
CHOSEN, REFITTED = "chosen hmm", "hmm"


def compare(
    chosen: Chosen, hidden: Floats, symbols_out: bool, seed: int,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> pd.DataFrame:  # fmt: skip
    """Return how well every method predicts the output and agrees with the truth, on test.

    Parameters
    ----------
    chosen : Chosen
        The chosen model of one layer.
    hidden : ndarray of shape (sequence, time, unit)
        State of the whole layer, from which the upper bound is a linear readout.
    symbols_out : bool
        Whether the network's output is the distribution of a symbol.
    seed : int
        Seed of the methods.
    settings : BaselineSettings, optional
        Settings of the methods and of the predictors.

    Returns
    -------
    DataFrame
        ``method, n_states`` (NaN for predictors without states), ``now`` and ``ahead``: R2 of the
        output at the same step and at the horizon, without activations in between (transitions of
        all methods are counted by input class in the same way); where the truth is known, ``ari,
        ami``. A number that a method does not have is NaN.
    """
    rows = [
        *_with_states(chosen, seed, settings),
        *_without_states(chosen, hidden, symbols_out, settings),
    ]
    return pd.DataFrame(rows)


def _with_states(chosen: Chosen, seed: int, settings: BaselineSettings) -> Iterator[dict[str, Any]]:
    yield _row(CHOSEN, chosen, chosen.path, chosen.posteriors)
    train, rest = chosen.split == 0, chosen.split != 0
    layers = [methods.Layer(chosen.values[part], chosen.length[part]) for part in (train, rest)]
    for name in of_kind("states"):
        if name == REFITTED:
            continue
        try:
            labels = methods.label(name, layers[0], layers[1], chosen.n_states, seed, settings)
        except DataError:
            # Too few steps for so many states of this kind.
            yield {"method": name, "n_states": chosen.n_states}
            continue
        path = np.empty(chosen.truth.shape, dtype=np.int64)
        path[train], path[rest] = labels
        yield _row(name, chosen, path, codebook.one_hot(path, chosen.n_states))


def _row(name: str, chosen: Chosen, path: NDArray[np.int64], states: Floats) -> dict[str, Any]:
    data = chosen.data
    book = codebook.counted(path, data, chosen.n_states, states)
    curve = codebook.score(data, "test", states, book.transmat, book.means, chosen.horizon)
    row = {
        "method": name,
        "n_states": chosen.n_states,
        "now": float(curve[0]),
        "ahead": float(curve[chosen.horizon]),
    }
    truth = chosen.truth[chosen.split == 2]
    if (truth >= 0).any():
        table = contingency(truth, path[chosen.split == 2]).sum(axis=0)
        row |= {score: float(SCORES[score](table)) for score in ("ari", "ami")}
    return row


def _without_states(
    chosen: Chosen, hidden: Floats, symbols_out: bool, settings: BaselineSettings
) -> Iterator[dict[str, Any]]:
    data = chosen.data
    # The frames on which methods with states are scored.
    frames = data.masks["test"].copy()
    frames[:, : chosen.horizon] = False
    for predictor in of_kind("outputs").values():
        for prediction in with_settings(predictor, settings)(chosen, hidden, symbols_out):
            row: dict[str, Any] = {"method": prediction.name, "n_states": np.nan}
            for column in ("now", "ahead"):
                predicted = getattr(prediction, column)
                if predicted is not None:
                    row[column] = fidelity(
                        data.distribution[frames], predicted[frames], data.average, "values"
                    )
            yield row
