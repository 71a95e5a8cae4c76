"""Predictors of the network's output without its states, or with states of another kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.sweep import HMMSweep
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.roundtrip.preparation import RecordedNetwork
from hmmlens.roundtrip.recovered import load_method
from hmmlens.roundtrip.settings import DEFAULTS, RoundTripSettings
from hmmlens.stats.scaling import scaled
from hmmlens.validation.baselines import codebook, methods, raw_inputs
from hmmlens.validation.baselines.automata import automaton_distribution
from hmmlens.validation.baselines.methods import Layer
from hmmlens.validation.baselines.outputs import linear_prediction, ngram_distribution
from hmmlens.validation.fidelity import fidelity
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS, prepare
from hmmlens.validation.input_output import InputOutput


def baseline_fidelities(
    recording: RecordedNetwork, n_states: int, seed: int, settings: RoundTripSettings = DEFAULTS
) -> list[dict[str, Any]]:
    """Return the R2 of the network's output on test, by each baseline.

    Parameters
    ----------
    recording : Seen
    n_states : int
        Of every method, and of the hidden Markov model of the raw input.
    seed : int
    settings : RoundTripSettings
        With the methods that label states, each with the chain that is counted from its labels on
        train.

    Returns
    -------
    list of dict
        ``rival, n_states`` (0 where it has none), ``fidelity_0`` at the same step and
        ``fidelity_5`` five steps ahead with the true inputs in between. N-grams read all inputs up
        to the step they predict, so both are one number; the linear readout of all units is
        fitted to the same step and is the upper bound there.
    """
    recorded = recording.recorded
    data, _ = prepare(recorded, seed)
    skip = recorded.hidden.shape[1] - data.distribution.shape[1]
    hidden = recorded.hidden[:, skip:]
    train, test = (np.any(data.masks[name], axis=1) for name in ("train", "test"))
    inside = data.masks["test"][test]
    rows: list[dict[str, Any]] = []

    def _add(baseline: str, n: int, now: float, ahead: float) -> None:
        rows.append({"rival": baseline, "n_states": n, "fidelity_0": now, "fidelity_5": ahead})

    everywhere = np.any(np.stack(list(data.masks.values())), axis=0)
    symbols = np.where(everywhere, data.classes, -1)
    for order in settings.ngram_orders:
        distribution = ngram_distribution(
            symbols[train], data.distribution[train], symbols[test], order, data.n_classes
        )
        score = fidelity(
            data.distribution[test][inside], distribution[inside], data.average, "values"
        )
        _add(f"last {order} input{'s' if order > 1 else ''}", 0, score, score)
    linear = linear_prediction(
        hidden[train], data.distribution[train], data.masks["train"][train], hidden[test]
    )
    score = fidelity(data.distribution[test][inside], linear[inside], data.average, "values")
    _add("linear readout", 0, score, np.nan)

    length = everywhere.sum(axis=1)
    pca = PrincipalComponents(settings.n_components).fit(hidden[data.masks["train"]])
    known = length > 0
    all_splits = Layer(pca.transform(hidden[known]), length[known])
    train_split = Layer(pca.transform(hidden[train]), length[train])
    for name in settings.methods:
        labels = methods.label(
            load_method(name), train_split, all_splits, n_states, seed, settings.baselines
        ).test
        _add(name, n_states, *_score_states(labels, known, data, n_states))
    inside = np.arange(recorded.inputs.shape[1]) < recorded.length[:, None]
    for name, values in _inputs(
        recorded.inputs, inside, recorded.split == 0, settings.n_components
    ).items():
        labels = _input_states(
            values[:, skip:], train, known, length, n_states, settings.n_input_restarts, seed
        )
        _add(f"{name} hmm", n_states, *_score_states(labels, known, data, n_states))
    return rows


def automaton_fidelity(
    recording: RecordedNetwork, seed: int, settings: RoundTripSettings = DEFAULTS
) -> dict[str, Any]:
    """Return the row of :func:`baseline_fidelities` of an automaton of inputs and outputs.

    Parameters
    ----------
    recording : Seen
        With symbols as inputs.
    seed : int
    settings : RoundTripSettings

    Returns
    -------
    dict
        The automaton reads all inputs from the first one on, so the two numbers are one.
    """
    recorded = recording.recorded
    data, _ = prepare(recorded, seed)
    skip = recorded.hidden.shape[1] - data.distribution.shape[1]
    inside = np.arange(recorded.distribution.shape[1]) < recorded.length[:, None]
    symbols = np.where(inside, recorded.inputs.astype(np.int64), -1)
    train, test = recorded.split == 0, np.any(data.masks["test"], axis=1)
    distribution, n_states = automaton_distribution(
        symbols[train], recorded.distribution[train], symbols[test], settings.baselines
    )
    scored = data.masks["test"][test]
    score = fidelity(
        data.distribution[test][scored], distribution[:, skip:][scored], data.average, "values"
    )
    row = {"rival": "automaton", "n_states": n_states}
    return row | {"fidelity_0": score, "fidelity_5": score}


def _inputs(
    inputs: NDArray[Any], inside: NDArray[np.bool_], train: NDArray[np.bool_], n_components: int
) -> dict[str, NDArray[Any]]:
    """Return the inputs of the controls without a network: symbols, or scaled values; and lagged.

    The lagged ones are reduced as the states of the network are.
    """
    symbols = inputs.ndim == 2
    coded = (raw_inputs.one_hot if symbols else scaled)(inputs, inside, train)
    if not coded.shape[2]:
        return {raw_inputs.RAW: np.zeros(inside.shape, np.int64)}
    before = np.where(inside[:, :, None], raw_inputs.lagged(coded), 0.0)
    pca = PrincipalComponents(n_components).fit(before[inside & train[:, None]])
    raw = inputs.astype(np.int64) if symbols else coded
    return {raw_inputs.RAW: raw, raw_inputs.LAGGED: pca.transform(before)}


def _input_states(
    values: NDArray[Any], train: NDArray[np.bool_], known: NDArray[np.bool_],
    length: NDArray[np.integer], n_states: int, n_restarts: int, seed: int,
) -> NDArray[np.int64]:  # fmt: skip
    """Return filtered states (known sequence, time) of a hidden Markov model of the inputs."""
    symbols = values.ndim == 2
    options: dict[str, Any] = {"n_restarts": n_restarts, "random_state": seed}
    if symbols:
        options |= {"emission": "categorical", "n_symbols": int(values.max()) + 1, "smoothing": 0.5}
    sweep = HMMSweep([n_states], ("tied",), **options)
    sweep.fit(values[train], length[train])
    model = sweep.models_["none" if symbols else "tied", n_states]
    posteriors = model.filter(values[known], length[known]).posteriors
    states: NDArray[np.int64] = posteriors.argmax(axis=2)
    return states


def _score_states(
    labels: NDArray[np.integer], known: NDArray[np.bool_], data: InputOutput, n_states: int
) -> tuple[float, float]:
    """Return the R2 at the same step and at the horizon of labelled states and their chain."""
    horizon = DEFAULT_SETTINGS.horizon
    states = np.zeros(data.classes.shape, dtype=np.int64)
    states[known] = np.maximum(labels, 0)
    book, cells = codebook.counted(states, data, n_states), codebook.one_hot(states, n_states)
    curve = codebook.score(data, "test", cells, book.transmat, book.means, horizon)
    return float(curve[0]), float(curve[horizon])
