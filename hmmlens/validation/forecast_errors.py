"""Squared errors of forecasts by sequence and output: scores per output, and what a model adds.

R2 that is pooled over outputs gives no weight to an output that varies rarely. And an input-driven
HMM that is no better than k-means cells with a transition table per input adds nothing to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.typing import Floats
from hmmlens.validation.baselines.codebook import Codebook, one_hot
from hmmlens.validation.forecast import free_run
from hmmlens.validation.input_output import InputOutput

#: An output is worth a sentence where its R2 is so far below the pooled one.
FAR_BELOW = 0.1


class ForecastErrors(NamedTuple):
    """Squared errors on test at the horizon, summed over steps: (sequence, output).

    Attributes
    ----------
    states : ndarray of shape (sequence, output)
        Of the input-driven HMM.
    cells : ndarray of shape (sequence, output)
        Of as many k-means cells with a transition table per input class.
    average : ndarray of shape (sequence, output)
        Of the mean output of the train split.
    """

    states: Floats
    cells: Floats
    average: Floats

    @property
    def by_output(self) -> Floats:
        """Return the R2 of the input-driven HMM for each output.

        Returns
        -------
        ndarray of shape (output,)
            NaN for an output that does not vary.
        """
        away, worst = self.states.sum(axis=0), self.average.sum(axis=0)
        varies = worst > 1e-12 * worst.sum()
        found: Floats = 1 - np.divide(away, worst, out=np.full(len(away), np.nan), where=varies)
        return found

    def gain(self, n_bootstrap: int, rng: np.random.Generator) -> Estimate:
        """Return how much higher the R2 of the HMM is than that of the cells.

        Parameters
        ----------
        n_bootstrap : int
            Resamples of test sequences.
        rng : numpy.random.Generator
            Source of the resamples.

        Returns
        -------
        Estimate
            Difference, pooled over outputs, with its interval.
        """
        parts = np.stack([part.sum(axis=1) for part in self], axis=1)
        return estimate(parts, lambda s: float((s[1] - s[0]) / s[2]), n_bootstrap, rng)


def forecast_errors(
    data: InputOutput, posteriors: Floats, transmat: Floats, means: Floats, book: Codebook,
    horizon: int,
) -> ForecastErrors:  # fmt: skip
    """Return the squared errors of an input-driven HMM and of a codebook.

    Parameters
    ----------
    data : InputOutput
        Inputs and outputs.
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities for each class of inputs.
    means : ndarray of shape (state, output)
        Mean output of each state.
    book : Codebook
        Cells and their chain.
    horizon : int
        Steps ahead.

    Returns
    -------
    ForecastErrors
        Of the test sequences that are longer than the horizon.
    """
    inside = data.masks["test"].copy()
    inside[:, :horizon] = False
    rows = inside.any(axis=1)
    classes, wanted = data.classes[rows], data.distribution[rows]
    cells = one_hot(book.states, len(book.means))

    def _errors(predicted: Floats) -> Floats:
        square = np.where(inside[rows][..., None], (wanted - predicted) ** 2, 0.0)
        total: Floats = square.sum(axis=1)
        return total

    *_, ahead = free_run(posteriors[rows], transmat, classes, horizon)
    *_, ahead_cells = free_run(cells[rows], book.transmat, classes, horizon)
    return ForecastErrors(
        _errors(ahead @ means), _errors(ahead_cells @ book.means), _errors(data.average)
    )


def output_sentence(by_output: Floats, pooled: float, names: Sequence[str] | None = None) -> str:
    """Return a sentence on the output that is predicted worst, where it is far below the pooled R2.

    Parameters
    ----------
    by_output : ndarray of shape (output,)
        R2 of each output; NaN where it does not vary.
    pooled : float
        R2 over all outputs together.
    names : sequence of str, optional
        Names of the outputs; numbers from 1 by default.

    Returns
    -------
    str
        Empty where no output is far below.

    Examples
    --------
    >>> output_sentence(np.array([0.99, 0.2]), 0.97, ["word", "end"])
    'Output end is predicted with R2 0.20, all outputs together with 0.97, to which it adds little.'
    >>> output_sentence(np.array([0.99, 0.95]), 0.97)
    ''
    """
    if len(by_output) < 2 or not np.isfinite(by_output).any():
        return ""
    worst = int(np.nanargmin(by_output))
    if not by_output[worst] < pooled - FAR_BELOW:
        return ""
    name = str(worst + 1) if names is None else names[worst]
    return (
        f"Output {name} is predicted with R2 {by_output[worst]:.2f}, all outputs together with "
        f"{pooled:.2f}, to which it adds little."
    )
