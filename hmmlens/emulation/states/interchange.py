"""Interchange interventions: whether a model of states predicts what the exchange of a state does.

The model is fitted to free runs alone and forecasts interventions that it never saw. An
*interchange* replaces a state of a base run by a real state of a source run (Geiger et al. 2021).
If states of the model are states of the network, a source in the same state changes nothing, and
one in another state has the effect that the model forecasts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.forecasts import Runs, output_distributions
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import StateModel
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.ngrams import jensen_shannon
from hmmlens.stats.surrogates import circular_shifts, p_value
from hmmlens.typing import Floats, Int64s


class SampledStates(NamedTuple):
    """Real states of test runs, equally many from each state of the model where it has as many.

    Attributes
    ----------
    run, time : ndarray of shape (frame)
        The step of each.
    state : ndarray of shape (frame)
        State of the model.
    entries : ndarray of shape (frame, entry)
        State of the network.
    """

    run: Int64s
    time: Int64s
    state: Int64s
    entries: NDArray[np.float32]


def sample_states(
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> SampledStates:
    """Sample states of the test runs in each state of the model.

    Parameters
    ----------
    runs : Runs
    model : StateModel
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    SampledStates
        Up to ``settings.n_each`` for each state of the model.

    Raises
    ------
    DataError
        When fewer than two states of the model occur in more than one run.
    """
    rows = np.flatnonzero(split == 2)
    sampled, n_shared = [], 0
    for state in range(model.n_states):
        places = np.argwhere(model.path[rows] == state)
        chosen = rng.permutation(places)[: settings.n_each]
        n_shared += len(np.unique(chosen[:, 0])) > 1
        sampled.append(np.c_[rows[chosen[:, 0]], chosen[:, 1], np.full(len(chosen), state)])
    if n_shared < 2:
        raise DataError(
            "fewer than two states of the model occur in more than one test run, so that no "
            "interchange between runs is possible; record longer runs"
        )
    run, time, names = np.concatenate(sampled).T
    return SampledStates(run, time, names, runs.entries[run, time])


def forecasts_by_state(model: StateModel, settings: StateSettings = DEFAULTS) -> Floats:
    """Return the model's forecast from each of its states.

    Parameters
    ----------
    model : StateModel
    settings : StateSettings

    Returns
    -------
    ndarray of shape (state, h, symbol)
        Output distributions after each state.
    """
    return model.forecast(np.eye(model.n_states), settings.horizon)


class Interchanges(NamedTuple):
    """All interchanges of a base state for a source state of another run.

    A network's future depends on its past through its state alone, so that after an interchange
    its output distributions are those of the source on the same noise.

    Attributes
    ----------
    allowed : ndarray of shape (base, source)
        Whether the two are of different runs.
    divergence : ndarray of shape (base, source)
        Jensen-Shannon divergence of their output distributions, mean over steps; nats.
    increased : ndarray of shape (base, source)
        The symbol whose probability increases most, summed over steps.
    """

    allowed: NDArray[np.bool_]
    divergence: Floats
    increased: Int64s


def interchange_effects(run: Int64s, distributions: Floats) -> Interchanges:
    """Return the effects of all interchanges.

    Parameters
    ----------
    run : ndarray of shape (frame)
    distributions : ndarray of shape (frame, h, symbol)
        Outputs of the network after each state.

    Returns
    -------
    Interchanges
        Divergences and the symbols that increase most.
    """
    divergence = np.stack(
        [
            jensen_shannon(distribution[None], distributions).mean(axis=1)
            for distribution in distributions
        ]
    )
    return Interchanges(run[:, None] != run, divergence, most_increased(distributions))


def most_increased(distributions: Floats) -> Int64s:
    """Return the symbol whose probability increases most from one state to another.

    Parameters
    ----------
    distributions : ndarray of shape (state, h, symbol)

    Returns
    -------
    ndarray of shape (from, to)
        Numbers of symbols.
    """
    total = distributions.sum(axis=1)
    symbol: Int64s = (total[None] - total[:, None]).argmax(axis=2)
    return symbol


def mean_by_state(
    values: NDArray[np.bool_] | Floats,
    effects: Interchanges,
    state: NDArray[np.integer],
    n_states: int,
    weight: Floats,
) -> Floats:
    """Return the mean over allowed interchanges by the states of base and source.

    Parameters
    ----------
    values : ndarray of shape (base, source)
    effects : Interchanges
    state : ndarray of shape (frame)
    n_states : int
    weight : ndarray of shape (frame)

    Returns
    -------
    ndarray of shape (base state, source state)
        NaN where there are none.
    """
    member = np.eye(n_states)[state] * weight[:, None]
    total = member.T @ effects.allowed @ member
    with np.errstate(invalid="ignore"):
        mean: Floats = member.T @ (values * effects.allowed) @ member / total
    return mean


def scores(divergence: Floats, correct: Floats) -> dict[str, float]:
    """Return scores from means by pair of states; all states have equal weight.

    Parameters
    ----------
    divergence : ndarray of shape (base state, source state)
    correct : ndarray of shape (base state, source state)
        Share of interchanges after which the symbol that increases most is the forecast one.

    Returns
    -------
    dict of float
        ``js_within``, ``js_between``, ``ratio``, ``accuracy``, see :func:`interchange`
    """
    same = np.eye(len(divergence), dtype=bool)
    within, between = _mean(divergence[same]), _mean(divergence[~same])
    ratio = within / between if between > 0 else np.nan
    accuracy = _mean(correct[~same])
    return {"js_within": within, "js_between": between, "ratio": ratio, "accuracy": accuracy}


def _mean(values: Floats) -> float:
    """Return the mean of what is finite, NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def interchange(
    network: DrivenNetwork,
    runs: Runs,
    model: StateModel,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    generator: torch.Generator,
    settings: StateSettings = DEFAULTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Interchange real states within and between states of the model.

    Parameters
    ----------
    network : DrivenNetwork
    runs : Runs
    model : StateModel
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    rng : numpy.random.Generator
    generator : torch.Generator
        Of the noise.
    settings : StateSettings

    Returns
    -------
    scores : DataFrame
        ``statistic, value, low, high, null, p``: ``js_within`` and ``js_between`` (nats; mean over
        pairs of states, and over 1 to ``settings.horizon`` steps later), ``ratio`` of the two (0:
        the output depends on the states alone, 1: not at all), ``accuracy``, the share of
        interchanges between states after which the symbol that increases most is the one that the
        model forecasts, and ``js_floor``, the divergence due to Monte Carlo alone. Intervals
        resample runs; ``null`` is the mean with the model's states circularly shifted in time
        within each run, ``p`` the share of shifts with as low a ratio, or as high an accuracy.
    by_pair : DataFrame
        ``receiver`` (state of the base), ``donor`` (state of the source), ``js, accuracy, n``
        (interchanges)

    Raises
    ------
    DataError
        When fewer than two states of the model occur in more than one run.
    """
    n_states, sampled = model.n_states, sample_states(runs, model, split, rng, settings)
    distributions, again = (
        output_distributions(
            network, sampled.entries, settings.horizon, settings.n_noise, generator
        ).mean
        for _ in range(2)
    )
    effects = interchange_effects(sampled.run, distributions)
    predicted = most_increased(forecasts_by_state(model, settings))

    def _means(state: NDArray[np.integer], weight: Floats) -> tuple[Floats, Floats]:
        correct = effects.increased == predicted[state[:, None], state]
        divergence, share = (
            mean_by_state(values, effects, state, n_states, weight)
            for values in (effects.divergence, correct)
        )
        return divergence, share

    even = np.ones(len(sampled.run))
    divergence, correct = _means(sampled.state, even)
    units, unit = np.unique(sampled.run, return_inverse=True)
    shares = np.full(len(units), 1 / len(units))
    resamples = rng.multinomial(len(units), shares, settings.n_bootstrap)
    resampled = [scores(*_means(sampled.state, counts[unit].astype(float))) for counts in resamples]
    length = np.full(len(runs.distribution), runs.distribution.shape[1])
    shifted = (circular_shifts(model.path, length, rng) for _ in range(settings.n_shifts))
    null = [scores(*_means(path[sampled.run, sampled.time], even)) for path in shifted]
    rows = [
        _row(name, value, *(np.array([row[name] for row in part]) for part in (resampled, null)))
        for name, value in scores(divergence, correct).items()
    ]
    floor = float(jensen_shannon(distributions, again).mean())
    rows.append({"statistic": "js_floor", "value": floor})
    member = np.eye(n_states)[sampled.state]
    number = member.T @ effects.allowed @ member
    np.fill_diagonal(correct, np.nan)
    places = [(i, j) for i in range(n_states) for j in range(n_states)]
    table = [(i, j, divergence[i, j], correct[i, j], int(number[i, j])) for i, j in places]
    columns = ["receiver", "donor", "js", "accuracy", "n"]
    return pd.DataFrame(rows), pd.DataFrame(table, columns=columns)


def _row(name: str, value: float, resampled: Floats, null: Floats) -> dict[str, object]:
    """Return a row of scores; resamples without some state do not enter the interval."""
    known = resampled[np.isfinite(resampled)]
    low, high = interval(known) if len(known) else (np.nan, np.nan)
    row = {"statistic": name, "value": value, "low": low, "high": high, "p": np.nan}
    row["null"] = _mean(null)
    if name in ("ratio", "accuracy") and np.isfinite([value, *null]).all():
        # A low ratio, or a high accuracy, is evidence for the states.
        sign = -1 if name == "ratio" else 1
        row["p"] = p_value(sign * value, sign * null)
    return row
