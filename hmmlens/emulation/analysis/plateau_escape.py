"""How the plateau ends: the correlation between the symbols of nearby steps, as it grows.

Symbols that a network emits from one state are independent draws, so that two steps say the same
symbol as often as their laws overlap. What that is above the overlap of the mean laws is all the
memory that shows. If it grew by a constant factor, as at a saddle of a smooth loss, its early
growth would foretell the escape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.forecasts import softmax
from hmmlens.dynamics.rollouts import draw
from hmmlens.emulation.analysis.along_training import Weights, loaded
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Floats

#: Steps between the two symbols: beyond what untrained weights remember.
LAG = 3
#: Sequences, and resamples of them.
N_SEQUENCES, N_BOOTSTRAP = 256, 200
#: The escape is where the correlation reaches this share of the target's; growth is fitted below
#: the other share, to at least so many checkpoints.
REACHED, SMALL, FEWEST = 0.5, 0.01, 4


class Correlations(NamedTuple):
    """The correlation at each checkpoint, as a share of the target's.

    updates, value : (checkpoint)
    drawn : (resample, checkpoint), sequences resampled; the same ones at every checkpoint
    """

    updates: Floats
    value: Floats
    drawn: Floats


class Growth(NamedTuple):
    """How the correlation grows, and when that would end the plateau.

    rate : per update, of an exponential, fitted to all small values since their minimum
    speeding : the same of the later half of those less that of the earlier half: 0 for an
        exponential
    first, last : updates that are fitted
    exponential : the update at which that exponential reaches half of the target's correlation
    early : the same from the first half of the values
    hyperbolic : the same of a growth that speeds up, 1 / correlation falling linearly
    reached : the update at which it did reach it
    """

    rate: Estimate
    speeding: Estimate
    first: float
    last: float
    exponential: Estimate
    early: Estimate
    hyperbolic: Estimate
    reached: float


def of_target(hmm: HMMParameters, n_steps: int, lag: int = LAG) -> float:
    """Return how much more often than by chance the target says the same symbol ``lag`` later.

    P(y_t = y_(t + lag)) less the overlap of the two mean laws, averaged over the steps t of a
    sequence.
    """
    joint, distribution, total = np.linalg.matrix_power(hmm.transmat, lag), hmm.startprob, 0.0
    for _ in range(n_steps - lag):
        both = hmm.emissionprob.T @ (distribution[:, None] * joint) @ hmm.emissionprob
        total += float(np.trace(both) - both.sum(axis=1) @ both.sum(axis=0))
        distribution = distribution @ hmm.transmat
    return total / (n_steps - lag)


def excess(distribution: Floats, weight: Floats, lag: int = LAG) -> Floats:
    """Return the same of laws (sequence, time, symbol) for weights (resample, sequence)."""
    share = weight / weight.sum(axis=1, keepdims=True)
    together = share @ (distribution[:, :-lag] * distribution[:, lag:]).sum(axis=2)
    mean = np.tensordot(share, distribution, axes=1)
    apart: Floats = (together - (mean[:, :-lag] * mean[:, lag:]).sum(axis=2)).mean(axis=1)
    # In the overlap of the mean laws each sequence meets itself once in n times.
    return np.asarray(apart * (len(distribution) / (len(distribution) - 1)))


def correlations(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    n_steps: int,
    generator: torch.Generator,
    rng: np.random.Generator,
) -> Correlations:
    """Measure the correlation along a training, all checkpoints on the same noise.

    Runs begin at the zero state, as in training.

    Raises
    ------
    DataError
        When the target's symbols are not more alike nearby than by chance.
    """
    there = of_target(hmm, n_steps)
    if there <= 0:
        raise DataError(
            f"the target says the same symbol {LAG} steps later no more often than by chance"
        )
    noise = draw(network, generator, N_SEQUENCES, n_steps)
    even = np.full(N_SEQUENCES, 1 / N_SEQUENCES)
    counts = rng.multinomial(N_SEQUENCES, even, size=N_BOOTSTRAP).astype(np.float64)
    weight = np.concatenate([np.ones((1, N_SEQUENCES)), counts])
    updates, found = [], []
    for update, then in loaded(network, checkpoints):
        with torch.inference_mode():
            distribution = softmax(then.readout(((then.run(noise)[0],),))).cpu().numpy()
        updates.append(float(update))
        found.append(excess(distribution, weight) / there)
    table = np.stack(found, axis=1)
    return Correlations(np.array(updates), table[0], table[1:])


def window(seen: Correlations) -> NDArray[np.integer]:
    """Return the checkpoints from which growth is told (index).

    Those before the first at which half of the target's correlation is reached, that lie below
    :data:`SMALL` and, with the lower end of their intervals, above 0, in one stretch that ends
    with the last such one; from its smallest value on.
    """
    low = np.quantile(seen.drawn, 0.025, axis=0)
    past = np.flatnonzero(seen.value >= REACHED)
    end = int(past[0]) if len(past) else len(seen.value)
    small = np.flatnonzero((seen.value < SMALL)[:end] & (low > 0)[:end])
    if not len(small):
        return small
    first = last = int(small[-1])
    while first > 0 and first - 1 in small:
        first -= 1
    first += int(seen.value[first : last + 1].argmin())
    return np.arange(first, last + 1)


def growth(seen: Correlations) -> Growth | None:
    """Fit growth, and foretell when the plateau ends; None with too few small values.

    Intervals resample sequences: they say how well the correlation of these weights is known.
    """
    rows = window(seen)
    if len(rows) < FEWEST:
        return None
    half = len(rows) // 2
    t = seen.updates

    def told(values: Floats) -> Floats:
        rate, exponential = _line(t[rows], np.log(values[rows]), np.log(REACHED))
        slow, early = _line(t[rows[: half + 1]], np.log(values[rows[: half + 1]]), np.log(REACHED))
        fast, _ = _line(t[rows[half:]], np.log(values[rows[half:]]), np.log(REACHED))
        _, hyperbolic = _line(t[rows], 1 / values[rows], 1 / REACHED)
        return np.array([rate, fast - slow, exponential, early, hyperbolic])

    usable = (seen.drawn[:, rows] > 0).all(axis=1)
    found, spread = told(seen.value), np.array([told(row) for row in seen.drawn[usable]])
    ends = []
    for column in range(len(found)):
        known = spread[:, column][np.isfinite(spread[:, column])] if len(spread) else spread
        ends.append(Estimate(found[column], *(interval(known) if len(known) else (np.nan,) * 2)))
    past = np.flatnonzero(seen.value >= REACHED)
    reached = float(t[past[0]]) if len(past) else np.nan
    first, last = float(t[rows[0]]), float(t[rows[-1]])
    return Growth(ends[0], ends[1], first, last, ends[2], ends[3], ends[4], reached)


def _line(t: Floats, values: Floats, level: float) -> tuple[float, float]:
    """Return the slope of a line through values, and when it reaches a level, NaN if never."""
    slope, origin = np.polyfit(t, values, 1)
    when = (level - origin) / slope if slope != 0 else np.nan
    # A line that leads away from the level has reached it in the past only.
    ahead = (level - values[-1]) * slope > 0
    return float(slope), float(when) if ahead else np.nan


def escape_row(
    network: NoiseDriven, checkpoints: Weights, hmm: HMMParameters, n_steps: int, seed: int
) -> pd.DataFrame:
    """Return what a training's checkpoints tell of its escape, in one row.

    Parameters
    ----------
    checkpoints : pairs of an update and the weights after it, such as ``items()`` of
        :class:`hmmlens.emulation.checkpoints.Checkpoints`.
    n_steps : of the sequences that it was trained on.

    Returns
    -------
    DataFrame
        ``initial`` (correlation before the first update, share of the target's), ``rate, rate_low,
        rate_high``, and so on for every field of :class:`Growth`; NaN without growth to be fitted

    Raises
    ------
    DataError
        See :func:`correlations`.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "escape"))
    rng = np.random.default_rng(derive_seed(seed, "escape", "resamples"))
    seen = correlations(network, checkpoints, hmm, n_steps, generator, rng)
    found = growth(seen)
    if found is None:
        nothing = Estimate(np.nan, np.nan, np.nan)
        found = Growth(nothing, nothing, np.nan, np.nan, nothing, nothing, nothing, np.nan)
    row: dict[str, float] = {"initial": float(seen.value[0])}
    for name, value in found._asdict().items():
        if isinstance(value, Estimate):
            row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            row[name] = float(value)
    return pd.DataFrame([row])
