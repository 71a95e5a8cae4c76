"""What predicts the network's output without its states, or with states of another kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.sweep import HMMSweep
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.roundtrip.preparation import Seen
from hmmlens.roundtrip.recovered import N_COMPONENTS, method
from hmmlens.stats.scaling import scaled
from hmmlens.validation.baselines import codebook, methods, raw_inputs
from hmmlens.validation.baselines.automata import automaton_distribution
from hmmlens.validation.baselines.methods import Layer
from hmmlens.validation.baselines.outputs import linear_prediction, ngram_distribution
from hmmlens.validation.fidelity import fidelity
from hmmlens.validation.input_output import InputOutput
from hmmlens.validation.recorded import DEFAULT_SETTINGS, prepare

#: Inputs that an n-gram of them sees.
ORDERS = (1, 2, 4)
N_RESTARTS = 3


def fidelities(seen: Seen, names: Sequence[str], n_states: int, seed: int) -> list[dict[str, Any]]:
    """Return the R2 of the network's output, by each rival, on test.

    Parameters
    ----------
    names : methods that get states, each with the chain that is counted from its labels on train.
    n_states : of every method, and of the hidden Markov model of the raw input.

    Returns
    -------
    list of dict
        ``rival, n_states`` (0 where it has none), ``fidelity_0`` at the same step and
        ``fidelity_5`` five steps ahead with the true inputs in between. N-grams see all inputs up
        to the step they predict, so both are one number; the linear readout of all units is
        fitted to the same step and is the upper bound there.
    """
    recorded = seen.recorded
    data, _ = prepare(recorded, seed)
    skip = recorded.hidden.shape[1] - data.distribution.shape[1]
    hidden = recorded.hidden[:, skip:]
    train, test = (np.any(data.masks[name], axis=1) for name in ("train", "test"))
    inside = data.masks["test"][test]
    rows: list[dict[str, Any]] = []

    def add(baseline: str, n: int, now: float, ahead: float) -> None:
        rows.append({"rival": baseline, "n_states": n, "fidelity_0": now, "fidelity_5": ahead})

    everywhere = np.any(np.stack(list(data.masks.values())), axis=0)
    symbols = np.where(everywhere, data.classes, -1)
    for order in ORDERS:
        distribution = ngram_distribution(
            symbols[train], data.distribution[train], symbols[test], order, data.n_classes
        )
        score = fidelity(
            data.distribution[test][inside], distribution[inside], data.average, "values"
        )
        add(f"last {order} input{'s' if order > 1 else ''}", 0, score, score)
    linear = linear_prediction(
        hidden[train], data.distribution[train], data.masks["train"][train], hidden[test]
    )
    score = fidelity(data.distribution[test][inside], linear[inside], data.average, "values")
    add("linear readout", 0, score, np.nan)

    length = everywhere.sum(axis=1)
    pca = PrincipalComponents(N_COMPONENTS).fit(hidden[data.masks["train"]])
    known = length > 0
    whole = Layer(pca.transform(hidden[known]), length[known])
    learn = Layer(pca.transform(hidden[train]), length[train])
    for name in names:
        labels = methods.label(method(name), learn, whole, n_states, seed).test
        add(name, n_states, *_of_states(labels, known, data, n_states))
    inside = np.arange(recorded.inputs.shape[1]) < recorded.length[:, None]
    for name, given in _inputs(recorded.inputs, inside, recorded.split == 0).items():
        labels = _raw(given[:, skip:], train, known, length, n_states, seed)
        add(f"{name} hmm", n_states, *_of_states(labels, known, data, n_states))
    return rows


def automaton(seen: Seen, seed: int) -> dict[str, Any]:
    """Return the row of :func:`fidelities` of an automaton learnt from inputs and outputs.

    It sees all inputs from the first one on, so the two numbers are one.
    """
    recorded = seen.recorded
    data, _ = prepare(recorded, seed)
    skip = recorded.hidden.shape[1] - data.distribution.shape[1]
    inside = np.arange(recorded.distribution.shape[1]) < recorded.length[:, None]
    symbols = np.where(inside, recorded.inputs.astype(np.int64), -1)
    train, test = recorded.split == 0, np.any(data.masks["test"], axis=1)
    distribution, n_states = automaton_distribution(
        symbols[train], recorded.distribution[train], symbols[test]
    )
    scored = data.masks["test"][test]
    score = fidelity(
        data.distribution[test][scored], distribution[:, skip:][scored], data.average, "values"
    )
    row = {"rival": "automaton", "n_states": n_states}
    return row | {"fidelity_0": score, "fidelity_5": score}


def _inputs(
    inputs: NDArray[Any], inside: NDArray[np.bool_], train: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """Return the inputs of the controls without a network: symbols, or scaled values; and lagged.

    The lagged ones are reduced as the states of the network are.
    """
    symbols = inputs.ndim == 2
    coded = (raw_inputs.one_hot if symbols else scaled)(inputs, inside, train)
    if not coded.shape[2]:
        return {raw_inputs.RAW: np.zeros(inside.shape, np.int64)}
    before = np.where(inside[:, :, None], raw_inputs.lagged(coded), 0.0)
    pca = PrincipalComponents(N_COMPONENTS).fit(before[inside & train[:, None]])
    raw = inputs.astype(np.int64) if symbols else coded
    return {raw_inputs.RAW: raw, raw_inputs.LAGGED: pca.transform(before)}


def _raw(
    values: NDArray[Any], train: NDArray[np.bool_], known: NDArray[np.bool_],
    length: NDArray[np.integer], n_states: int, seed: int,
) -> NDArray[np.int64]:  # fmt: skip
    """Return filtered states (known sequence, time) of a hidden Markov model of the inputs."""
    symbols = values.ndim == 2
    options: dict[str, Any] = {"n_restarts": N_RESTARTS, "random_state": seed}
    if symbols:
        options |= {"emission": "categorical", "n_symbols": int(values.max()) + 1, "smoothing": 0.5}
    sweep = HMMSweep([n_states], ("tied",), **options)
    sweep.fit(values[train], length[train])
    model = sweep.models_["none" if symbols else "tied", n_states]
    found: NDArray[np.int64] = model.filter(values[known], length[known]).posteriors.argmax(axis=2)
    return found


def _of_states(
    labels: NDArray[np.integer], known: NDArray[np.bool_], data: InputOutput, n_states: int
) -> tuple[float, float]:
    """Return the R2 at the same step and at the horizon of labelled states and their chain."""
    horizon = DEFAULT_SETTINGS.horizon
    states = np.zeros(data.classes.shape, dtype=np.int64)
    states[known] = np.maximum(labels, 0)
    book, cells = codebook.counted(states, data, n_states), codebook.one_hot(states, n_states)
    curve = codebook.score(data, "test", cells, book.transmat, book.means, horizon)
    return float(curve[0]), float(curve[horizon])
