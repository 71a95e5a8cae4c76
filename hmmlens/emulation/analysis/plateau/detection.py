"""The plateau of the loss, the escape from it, and the update at which the dynamics change.

On the plateau a network emits symbols as often as the target does, but independently of each other:
its level is the loss of independent samples. All are found by rules, the same for every network.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class PlateauSettings:
    """Settings of :func:`levels` and :func:`plateau`.

    Attributes
    ----------
    n_repeats : int
        Pairs of batches whose mean is a level.
    n_smooth : int
        Losses are smoothed by the median of so many rows of the history, an odd number.
    near : float
        The loss is on the plateau within this share of the way from its level to the floor.
    n_stay : int
        The escape is past when the loss stays below half the way for so many rows.
    """

    n_repeats: int = 5
    n_smooth: int = 9
    near: float = 0.15
    n_stay: int = 20


@dataclass(frozen=True)
class OnsetSettings:
    """Settings of :func:`onset`.

    Attributes
    ----------
    rise : float
        Dynamics have changed when the lower end of a share's interval exceeds the share before the
        escape by this much, the criterion of Torre et al. 2025 for their complex fraction.
    n_checkpoints : int
        Consecutive checkpoints for which that must hold.
    """

    rise: float = 0.02
    n_checkpoints: int = 3


class Plateau(NamedTuple):
    """The plateau of a loss; NaN where there was none.

    Attributes
    ----------
    start : float
        First update at which the smoothed loss is within ``near`` of the level.
    escape : float
        First update from which it stays below the middle of level and floor.
    length : float
        Updates from start to escape; 0 where it escaped without ever being on the plateau.
    loss : float
        Median loss from start to escape.
    final : float
        Median loss of the last tenth of the updates.
    """

    start: float
    escape: float
    length: float
    loss: float
    final: float


class Onset(NamedTuple):
    """A lasting rise of a share; NaN where there was none.

    Attributes
    ----------
    update : float
        The first checkpoint of the rise.
    before : float
        Median of the share over the checkpoints before the escape.
    above : float
        Threshold that the lower end of its interval had to exceed.
    """

    update: float
    before: float
    above: float


def frequencies(hmm: HMMParameters, n_steps: int) -> Floats:
    """Return the frequency of each symbol in sequences of a length.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of a sequence.

    Returns
    -------
    ndarray of shape (symbol)
        Frequencies.
    """
    distribution, total = hmm.startprob, np.zeros_like(hmm.startprob)
    for _ in range(n_steps):
        total, distribution = total + distribution, distribution @ hmm.transmat
    mean: Floats = total @ hmm.emissionprob / n_steps
    return mean


def levels(
    hmm: HMMParameters,
    n_sequences: int,
    n_steps: int,
    objective: Objective,
    rng: np.random.Generator,
    settings: PlateauSettings = PlateauSettings(),
) -> tuple[Estimate, Estimate]:
    """Return the loss of independent symbols of the target's frequencies, and of the target itself.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_sequences, n_steps : int
        Size of a batch: number of sequences, and their length.
    objective : callable
        One of :data:`hmmlens.emulation.objectives.OBJECTIVES`.
    rng : numpy.random.Generator
        Source of the batches.
    settings : PlateauSettings
        Number of pairs of batches.

    Returns
    -------
    level : Estimate
        The plateau's level, a mean over pairs of batches with Student's interval.
    floor : Estimate
        The loss of the target, likewise.
    """
    n_symbols = hmm.emissionprob.shape[1]
    often = frequencies(hmm, n_steps)
    plateau, floor = [], []
    with torch.inference_mode():
        for _ in range(settings.n_repeats):
            target, other = (
                _one_hot(sample_hmm(hmm, n_sequences, n_steps, rng)[0], n_symbols) for _ in range(2)
            )
            independent = rng.choice(n_symbols, size=(n_sequences, n_steps), p=often / often.sum())
            plateau.append(float(objective(_one_hot(independent, n_symbols), target)))
            floor.append(float(objective(other, target)))
    return mean_estimate(np.array(plateau)), mean_estimate(np.array(floor))


def plateau(
    updates: Floats,
    loss: Floats,
    level: float,
    floor: float,
    settings: PlateauSettings = PlateauSettings(),
) -> Plateau:
    """Find the plateau and the escape from it in the history of a loss.

    Parameters
    ----------
    updates, loss : ndarray of shape (row)
        Update and loss of each row of the history.
    level, floor : float
        Result of :func:`levels` at the batch size of the training.
    settings : PlateauSettings
        Thresholds.

    Returns
    -------
    Plateau
        Its beginning, its end and its loss.

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
    n_smooth, n_stay = settings.n_smooth, settings.n_stay
    padded = np.pad(loss, n_smooth // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, n_smooth), axis=1)
    below = smooth < (level + floor) / 2
    stays = np.array([below[i : i + n_stay].all() for i in range(len(below))])
    # A run that ends sooner is too short to conclude that it stays.
    stays[max(0, len(stays) - n_stay + 1) :] = False
    end = int(stays.argmax()) if stays.any() else len(loss)
    near = np.flatnonzero(np.abs(smooth[:end] - level) <= settings.near * (level - floor))
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


def onset(
    table: pd.DataFrame,
    measure: str,
    escape: float | None,
    settings: OnsetSettings = OnsetSettings(),
) -> Onset:
    """Find the checkpoint from which a share is higher than before the escape.

    Before is the median over the checkpoints ahead of ``escape``, the first one at least. The rise
    is the first run of ``n_checkpoints`` checkpoints at which the lower end of the share's interval
    exceeds that by ``rise``; checkpoints whose states are not finite end a run.

    Parameters
    ----------
    table : DataFrame
        Result of :func:`hmmlens.emulation.analysis.along_training.evolution`.
    measure : str
        ``critical``, which is the bifurcation, or ``unstable``.
    escape : float or None
        See :class:`Plateau`; NaN, of a loss that did not escape, gives NaN. None, where the loss is
        not known, compares with the first checkpoint alone.
    settings : OnsetSettings
        Size and length of the rise.

    Returns
    -------
    Onset
        The rise.
    """
    updates = table["update"].to_numpy(dtype=float)
    if not len(updates) or (escape is not None and np.isnan(escape)):
        return Onset(np.nan, np.nan, np.nan)
    ahead = updates < max(escape or 0.0, updates[0] + 1)
    before = float(np.nanmedian(table.loc[ahead, measure])) if ahead.any() else np.nan
    above = before + settings.rise
    high = table[f"{measure}_low"].to_numpy(dtype=float) > above
    n = settings.n_checkpoints
    rises = [updates[i] for i in range(len(high) - n + 1) if high[i : i + n].all()]
    update = float(rises[0]) if rises else np.nan
    return Onset(update, before, above)


def _one_hot(symbols: NDArray[np.integer], n_symbols: int) -> Tensor:
    return one_hot(torch.from_numpy(symbols.astype(np.int64)), n_symbols).float()
