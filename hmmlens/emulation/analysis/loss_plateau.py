"""The plateau of the loss, the escape from it, and the step at which the dynamics change.

On the plateau a network says symbols as often as the target does, but each for itself: its level is
the loss of independent draws. What is found here follows rules, the same for every network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.emulation.objectives import Objective
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, mean_estimate
from hmmlens.typing import Floats

#: Pairs of batches that a level is the mean of.
N_REPEATS = 5
#: Losses are smoothed by the median of so many rows of the history.
N_SMOOTH = 9
#: Being on the plateau is to be within this share of the way from its level to the floor.
NEAR = 0.15
#: The escape is past when the loss stays below half the way for so many rows.
N_STAY = 20
#: Dynamics have changed when a share exceeds what it was before by this much, which is what Torre
#: et al. 2025 ask of their complex fraction, with its interval's lower end, and stays so for so
#: many checkpoints.
RISE, N_CHECKPOINTS = 0.02, 3


class Plateau(NamedTuple):
    """When the loss was on the plateau; NaN where it never was.

    start : first update at which the smoothed loss is within :data:`NEAR` of the level
    escape : first from which it stays below the middle of level and floor
    length : from start to escape; 0 where it escaped without ever being on the plateau
    loss : median loss from start to escape
    final : median loss of the last tenth of the updates
    """

    start: float
    escape: float
    length: float
    loss: float
    final: float


class Onset(NamedTuple):
    """When a share rose to stay; NaN where it did not.

    update : the first checkpoint of the rise
    before : median of the share over the checkpoints before the escape
    above : what the lower end of its interval had to exceed
    """

    update: float
    before: float
    above: float


def frequencies(hmm: HMMParameters, n_steps: int) -> Floats:
    """Return how often each symbol comes in sequences of that length (symbol)."""
    distribution, total = hmm.startprob, np.zeros_like(hmm.startprob)
    for _ in range(n_steps):
        total, distribution = total + distribution, distribution @ hmm.transmat
    found: Floats = total @ hmm.emissionprob / n_steps
    return found


def levels(
    hmm: HMMParameters,
    n_sequences: int,
    n_steps: int,
    objective: Objective,
    rng: np.random.Generator,
    n_repeats: int = N_REPEATS,
) -> tuple[Estimate, Estimate]:
    """Return the loss of independent symbols of the target's frequencies, and of the target itself.

    The first is the plateau's level, the second the floor. Each is a mean over ``n_repeats`` pairs
    of batches with its normal interval.

    Parameters
    ----------
    objective : of :data:`hmmlens.emulation.objectives.OBJECTIVES`.
    """
    n_symbols = hmm.emissionprob.shape[1]
    often = frequencies(hmm, n_steps)
    plateau, floor = [], []
    with torch.inference_mode():
        for _ in range(n_repeats):
            target, other = (
                _one_hot(sample_hmm(hmm, n_sequences, n_steps, rng)[0], n_symbols) for _ in range(2)
            )
            alone = rng.choice(n_symbols, size=(n_sequences, n_steps), p=often / often.sum())
            plateau.append(float(objective(_one_hot(alone, n_symbols), target)))
            floor.append(float(objective(other, target)))
    return mean_estimate(np.array(plateau)), mean_estimate(np.array(floor))


def plateau(updates: Floats, loss: Floats, level: float, floor: float) -> Plateau:
    """Find the plateau and the escape from it in the history of a loss, both (row).

    Parameters
    ----------
    level, floor : see :func:`levels`, at the batch size of the training.

    Raises
    ------
    DataError
        When the level is not above the floor: independent symbols are as good as any.
    """
    if level <= floor:
        raise DataError(
            f"the level of independent symbols, {level:.4g}, is not above the floor, {floor:.4g}"
        )
    updates, loss = np.asarray(updates, dtype=float), np.asarray(loss, dtype=float)
    half = N_SMOOTH // 2
    padded = np.pad(loss, half, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, N_SMOOTH), axis=1)
    below = smooth < (level + floor) / 2
    stays = np.array([below[i : i + N_STAY].all() for i in range(len(below))])
    # A run that ends sooner is too short to say that it stays.
    stays[max(0, len(stays) - N_STAY + 1) :] = False
    end = int(stays.argmax()) if stays.any() else len(loss)
    near = np.flatnonzero(np.abs(smooth[:end] - level) <= NEAR * (level - floor))
    final = float(np.median(loss[-max(1, len(loss) // 10) :]))
    escape = float(updates[end]) if end < len(loss) else np.nan
    if not len(near):
        return Plateau(np.nan, escape, 0.0 if end < len(loss) else np.nan, np.nan, final)
    start = int(near[0])
    return Plateau(
        float(updates[start]),
        escape,
        escape - float(updates[start]),
        float(np.median(loss[start:end])),
        final,
    )


def onset(table: pd.DataFrame, measure: str, escape: float | None) -> Onset:
    """Find the checkpoint from which a share is higher than before the escape.

    Before is the median over the checkpoints ahead of ``escape``, the first one at least. The rise
    is the first run of :data:`N_CHECKPOINTS` checkpoints at which the lower end of the share's
    interval exceeds that by :data:`RISE`; checkpoints whose states are not finite end a run.

    Parameters
    ----------
    table : see :func:`hmmlens.emulation.analysis.along_training.evolution`.
    measure : ``critical``, which is the bifurcation, or ``unstable``.
    escape : see :class:`Plateau`; NaN, of a loss that did not escape, gives NaN. None, where the
        loss is not known, compares with the first checkpoint alone.
    """
    updates = table["update"].to_numpy(dtype=float)
    if not len(updates) or (escape is not None and np.isnan(escape)):
        return Onset(np.nan, np.nan, np.nan)
    ahead = updates < max(escape or 0.0, updates[0] + 1)
    before = float(np.nanmedian(table.loc[ahead, measure])) if ahead.any() else np.nan
    above = before + RISE
    high = table[f"{measure}_low"].to_numpy(dtype=float) > above
    starts = range(len(high) - N_CHECKPOINTS + 1)
    rises = [updates[i] for i in starts if high[i : i + N_CHECKPOINTS].all()]
    update = float(rises[0]) if rises else np.nan
    return Onset(update, before, above)


def _one_hot(symbols: NDArray[np.integer], n_symbols: int) -> Tensor:
    return one_hot(torch.from_numpy(symbols.astype(np.int64)), n_symbols).float()
