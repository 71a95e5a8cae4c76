"""Whether a network does what a model of its states says when its state is swapped for another.

The model is fitted to free runs alone and forecasts interventions that it never saw. *Interchange*
puts a real state of another run in the place of a state (Geiger et al. 2021): if states of the
model are states of the network, a donor from the same state changes nothing, and one from another
state what the model says.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.forecasts import Runs, output_distributions
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.states.models import N_BOOTSTRAP, StateModel
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.ngrams import jensen_shannon
from hmmlens.stats.surrogates import circular_shifts, p_value
from hmmlens.typing import Floats, Int64s

#: Steps after an intervention that are looked at, and draws of noise for each of them.
HORIZON, N_DRAWS = 10, 32
#: States of the network that are drawn for each state of the model.
N_EACH = 48
#: Turns of the model's states in time behind a p value.
N_SHIFTS = 200


class Sample(NamedTuple):
    """Real states of test runs, as many from each state of the model where there are so many.

    run, time, state : (frame), where they are from and the model's state
    entries : (frame, entry)
    """

    run: Int64s
    time: Int64s
    state: Int64s
    entries: NDArray[np.float32]


def sample(
    runs: Runs, model: StateModel, split: NDArray[np.int8], rng: np.random.Generator
) -> Sample:
    """Draw up to :data:`N_EACH` states of the test runs in each state of the model.

    Raises
    ------
    DataError
        When fewer than two states of the model are met in more than one run.
    """
    rows = np.flatnonzero(split == 2)
    found, often = [], 0
    for state in range(model.n_states):
        places = np.argwhere(model.path[rows] == state)
        chosen = rng.permutation(places)[:N_EACH]
        often += len(np.unique(chosen[:, 0])) > 1
        found.append(np.c_[rows[chosen[:, 0]], chosen[:, 1], np.full(len(chosen), state)])
    if often < 2:
        raise DataError(
            "fewer than two states of the model are met in more than one test run, so that no "
            "state can be swapped between them; record longer runs"
        )
    run, time, names = np.concatenate(found).T
    return Sample(run, time, names, runs.entries[run, time])


def futures(model: StateModel) -> Floats:
    """Return the model's forecast from each of its states (state, h, symbol)."""
    return model.forecast(np.eye(model.n_states), HORIZON)


class Swaps(NamedTuple):
    """All swaps of a receiver's state for a donor's, which is from another run.

    A network knows nothing of its past but its state, so that after a swap it says what the donor
    would have said on the same noise.

    allowed : (receiver, donor)
    apart : (receiver, donor), Jensen-Shannon divergence (nats) of their laws, mean over steps
    gained : (receiver, donor), the symbol that gains most by the swap, over all steps
    """

    allowed: NDArray[np.bool_]
    apart: Floats
    gained: Int64s


def swaps(run: Int64s, distributions: Floats) -> Swaps:
    """Return what swaps do.

    Parameters
    ----------
    run : (frame)
    distributions : (frame, h, symbol), what the network says after each state.
    """
    apart = np.stack(
        [
            jensen_shannon(distribution[None], distributions).mean(axis=1)
            for distribution in distributions
        ]
    )
    return Swaps(run[:, None] != run, apart, gains(distributions))


def gains(distributions: Floats) -> Int64s:
    """Return the symbol that gains most (from, to) between laws (state, h, symbol)."""
    said = distributions.sum(axis=1)
    gained: Int64s = (said[None] - said[:, None]).argmax(axis=2)
    return gained


def by_state(
    values: NDArray[np.bool_] | Floats,
    found: Swaps,
    state: NDArray[np.integer],
    n_states: int,
    weight: Floats,
) -> Floats:
    """Return the mean of ``values`` (receiver, donor) by their states; NaN where there are none.

    Parameters
    ----------
    weight : (frame)
    """
    member = np.eye(n_states)[state] * weight[:, None]
    total = member.T @ found.allowed @ member
    with np.errstate(invalid="ignore"):
        mean: Floats = member.T @ (values * found.allowed) @ member / total
    return mean


def scores(apart: Floats, right: Floats) -> dict[str, float]:
    """Return scores from means by pair of states (receiver, donor); states count alike."""
    same = np.eye(len(apart), dtype=bool)
    within, between = _mean(apart[same]), _mean(apart[~same])
    ratio = within / between if between > 0 else np.nan
    accuracy = _mean(right[~same])
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
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Swap real states within and between states of the model.

    Returns
    -------
    scores : ``statistic, value, low, high, null, p``: ``js_within`` and ``js_between`` (nats; mean
        over pairs of states, and over 1 to :data:`HORIZON` steps later), ``ratio`` of the two
        (0: the states are all that counts, 1: they count for nothing), ``accuracy``, the share of
        swaps between states after which the symbol that gains most is the one that the model
        says, and ``js_floor``, what Monte Carlo alone gives. Intervals resample runs; ``null`` is
        the mean with the model's states turned in time within each run, ``p`` how often that
        gives as low a ratio, or as high an accuracy.
    by_pair : ``receiver, donor, js, accuracy, n`` (swaps)
    """
    n_states, drawn = model.n_states, sample(runs, model, split, rng)
    distributions, again = (
        output_distributions(network, drawn.entries, HORIZON, N_DRAWS, generator).mean
        for _ in range(2)
    )
    found, foretold = swaps(drawn.run, distributions), gains(futures(model))

    def means(state: NDArray[np.integer], weight: Floats) -> tuple[Floats, Floats]:
        right = found.gained == foretold[state[:, None], state]
        apart, share = (
            by_state(values, found, state, n_states, weight) for values in (found.apart, right)
        )
        return apart, share

    even = np.ones(len(drawn.run))
    apart, right = means(drawn.state, even)
    units, unit = np.unique(drawn.run, return_inverse=True)
    resamples = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), N_BOOTSTRAP)
    draws = [scores(*means(drawn.state, counts[unit].astype(float))) for counts in resamples]
    length = np.full(len(runs.distribution), runs.distribution.shape[1])
    turned = (circular_shifts(model.path, length, rng) for _ in range(N_SHIFTS))
    null = [scores(*means(path[drawn.run, drawn.time], even)) for path in turned]
    rows = [
        _row(name, value, *(np.array([row[name] for row in part]) for part in (draws, null)))
        for name, value in scores(apart, right).items()
    ]
    floor = float(jensen_shannon(distributions, again).mean())
    rows.append({"statistic": "js_floor", "value": floor})
    member = np.eye(n_states)[drawn.state]
    number = member.T @ found.allowed @ member
    np.fill_diagonal(right, np.nan)
    places = [(i, j) for i in range(n_states) for j in range(n_states)]
    table = [(i, j, apart[i, j], right[i, j], int(number[i, j])) for i, j in places]
    columns = ["receiver", "donor", "js", "accuracy", "n"]
    return pd.DataFrame(rows), pd.DataFrame(table, columns=columns)


def _row(name: str, value: float, draws: Floats, null: Floats) -> dict[str, object]:
    """Return a row of scores; a resample that misses a state has no say in the interval."""
    known = draws[np.isfinite(draws)]
    low, high = interval(known) if len(known) else (np.nan, np.nan)
    row = {"statistic": name, "value": value, "low": low, "high": high, "p": np.nan}
    row["null"] = _mean(null)
    if name in ("ratio", "accuracy") and np.isfinite([value, *null]).all():
        # A low ratio speaks for the states, and a high accuracy.
        sign = -1 if name == "ratio" else 1
        row["p"] = p_value(sign * value, sign * null)
    return row
