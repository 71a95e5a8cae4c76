"""A chosen model beside other ways to get as many states, and beside predictors without states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.agreement import SCORES, contingency
from hmmlens.typing import Floats, Ints
from hmmlens.validation.baselines import codebook, linear, outputs
from hmmlens.validation.baselines.methods import METHODS, Labels, Layer, label
from hmmlens.validation.chosen_model import Chosen
from hmmlens.validation.fidelity import fidelity

#: Inputs, or outputs, that a predictor without states remembers.
CONTEXTS = (1, 2, 4)
#: How the chosen model, and its refitted kin in the protocol, are named.
CHOSEN, KIN = "chosen hmm", "hmm"


def compare(chosen: Chosen, hidden: Floats, symbols_out: bool, seed: int) -> pd.DataFrame:
    """Return how well every method predicts the output and agrees with the truth, on test.

    Parameters
    ----------
    hidden : (sequence, time, unit), the whole state, of which the oracle is a linear readout.
    symbols_out : whether the network's output is the law of a symbol.

    Returns
    -------
    DataFrame
        ``method, n_states`` (NaN for predictors without states), ``now`` and ``ahead``: R2 of the
        output at the same step and at the horizon, without reading activations in between
        (transitions of all methods are counted by input class in the same way); where the truth
        is known, ``ari, ami``. A number that a method cannot have is NaN.
    """
    rows = [*_with_states(chosen, seed), *_without_states(chosen, hidden, symbols_out)]
    return pd.DataFrame(rows)


def _with_states(chosen: Chosen, seed: int) -> Iterator[dict[str, Any]]:
    yield _row(CHOSEN, chosen, chosen.path, chosen.posteriors)
    train, rest = chosen.split == 0, chosen.split != 0
    layers = [Layer(chosen.values[part], chosen.length[part]) for part in (train, rest)]
    for name in METHODS:
        if name == KIN:
            continue
        try:
            found: Labels = label(name, layers[0], layers[1], chosen.n_states, seed)
        except DataError:
            # Too few steps for so many states of this kind.
            yield {"method": name, "n_states": chosen.n_states}
            continue
        path = np.empty(chosen.truth.shape, dtype=np.int64)
        path[train], path[rest] = found
        yield _row(name, chosen, path, codebook.one_hot(path, chosen.n_states))


def _row(name: str, chosen: Chosen, path: NDArray[np.int64], states: Floats) -> dict[str, Any]:
    data = chosen.driven
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


def _without_states(chosen: Chosen, hidden: Floats, symbols_out: bool) -> Iterator[dict[str, Any]]:
    data, horizon, train = chosen.driven, chosen.horizon, chosen.split == 0
    inside = chosen.posteriors.any(axis=2)
    # The frames on which methods with states are scored.
    frames = data.masks["test"].copy()
    frames[:, :horizon] = False

    def scored(name: str, now: Floats, ahead: Floats | None) -> dict[str, Any]:
        row: dict[str, Any] = {"method": name, "n_states": np.nan}
        for column, said in (("now", now), ("ahead", ahead)):
            if said is not None:
                row[column] = fidelity(
                    data.distribution[frames], said[frames], data.average, "values"
                )
        return row

    def remembered(symbols: Ints, order: int, n_symbols: int, lag: int) -> Floats:
        known = np.where(inside, symbols, -1)
        return outputs.ngram_distribution(
            known[train], data.distribution[train], known, order, n_symbols, lag
        )

    for n in CONTEXTS:
        said = remembered(data.classes, n, data.n_classes, 0)
        # It never looks at activations, so it is as good further ahead.
        yield scored(f"last {n} input{'s' if n > 1 else ''}", said, said)
    if symbols_out:
        symbols, n_symbols = data.distribution.argmax(axis=2), data.distribution.shape[2]
        for n in CONTEXTS:
            now, ahead = (remembered(symbols, n, n_symbols, lag) for lag in (1, horizon))
            yield scored(f"last {n} output{'s' if n > 1 else ''}", now, ahead)
    runs = linear.predictions(
        chosen.values, chosen.inputs, data.distribution, data.masks["train"], horizon
    )
    system = list(runs)
    yield scored("linear system", system[0], system[-1])
    oracle = outputs.linear_prediction(
        hidden[train], data.distribution[train], data.masks["train"][train], hidden
    )
    yield scored("linear readout of all units", oracle, None)
