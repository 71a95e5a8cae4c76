"""A chosen model with the data of its checks, and the row that a check returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.stats.calibration import N_BINS
from hmmlens.typing import Floats, Ints
from hmmlens.validation.input_output import InputOutput

#: A p value below this is evidence against chance.
LEVEL = 0.05


@dataclass(frozen=True)
class CheckSettings:
    """Settings of the checks of a chosen model.

    Attributes
    ----------
    n_draws : int
        Samples behind each p value and each interval.
    level : float
        A p value below this is evidence against chance.
    steps : tuple of int
        Steps over which the path is predicted (Chapman-Kolmogorov).
    lag : int
        The longer of the two lags of the timescales.
    fewest_visits : int
        The dwell times of a state are tested when so many visits were seen to end.
    fewest_changes : int
        The Markov property is tested when states change so often on test.
    n_shuffles : int
        Samples behind the p value of a longer memory; each shuffles every path.
    calibrated : float
        Largest mean calibration error of calibrated probabilities.
    n_bins : int
        Bins of the calibration error.
    most_certain : float
        Share of the steps, the most certain ones, whose accuracy the check of calibration states.
    n_fits : int
        Fits that are compared for stability.
    n_initialisations : int
        Initialisations of each of these fits, of which the most likely model counts.
    stable : float
        Smallest agreement of states that count as the same.
    """

    n_draws: int = 200
    level: float = LEVEL
    steps: tuple[int, ...] = (2, 5, 10)
    lag: int = 5
    fewest_visits: int = 5
    fewest_changes: int = 20
    n_shuffles: int = 99
    calibrated: float = 0.1
    n_bins: int = N_BINS
    most_certain: float = 0.8
    n_fits: int = 5
    n_initialisations: int = 4
    stable: float = 0.8


DEFAULT_CHECKS = CheckSettings()


class Scored(NamedTuple):
    """The test sequences of a chosen model without the warm-up, on which checks are computed.

    Attributes
    ----------
    path : ndarray of shape (sequence, time)
        Most likely state given the past, -1 past the end.
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered.
    values : ndarray of shape (sequence, time, component)
        Reduced activations.
    classes : ndarray of shape (sequence, time)
        Class of each input.
    n_classes : int
        Number of these.
    exact : bool
        Whether all inputs of a class are equal.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    length : ndarray of shape (sequence,)
        Number of steps.
    group : ndarray of shape (sequence,) or None
        To whom or what each sequence belongs; None where that is not known.
    """

    path: NDArray[np.int64]
    posteriors: Floats
    values: Floats
    classes: NDArray[np.int64]
    n_classes: int
    exact: bool
    truth: Ints
    length: Ints
    group: Ints | None

    @property
    def with_inputs(self) -> bool:
        """Return whether the class of the input varies.

        Returns
        -------
        bool
            Whether the class of the input varies.
        """
        return len(np.unique(self.classes[self.path >= 0])) > 1

    @property
    def n_changes(self) -> int:
        """Return how often the state changes.

        Returns
        -------
        int
            Number of changes.
        """
        before, after = self.path[:, :-1], self.path[:, 1:]
        return int(((before != after) & (before >= 0) & (after >= 0)).sum())


class Chosen(NamedTuple):
    """A chosen model of one layer and the data of its checks.

    Attributes
    ----------
    model : HiddenMarkovModel
        The model, fitted to ``values``.
    values : ndarray of shape (sequence, time, component)
        Reduced activations.
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered; 0 past a sequence's end.
    data : InputOutput
        Inputs and outputs; its masks leave the warm-up out.
    inputs : ndarray of shape (sequence, time, feature)
        Inputs, symbols one-hot.
    length : ndarray of shape (sequence,)
        Number of steps.
    split : ndarray of shape (sequence,)
        0 for train, 1 for select, 2 for test.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    horizon : int
        Steps ahead at which outputs are predicted.
    group : ndarray of shape (sequence,) or None
        To whom or what each sequence belongs; None where that is not known.
    """

    model: HiddenMarkovModel
    values: Floats
    posteriors: Floats
    data: InputOutput
    inputs: Floats
    length: Ints
    split: Ints
    truth: Ints
    horizon: int
    group: Ints | None = None

    @property
    def path(self) -> NDArray[np.int64]:
        """Return the most likely state given the past (sequence, time), -1 past the end.

        Returns
        -------
        ndarray of shape (sequence, time)
            Most likely state given the past.
        """
        inside = self.posteriors.any(axis=2)
        return np.where(inside, self.posteriors.argmax(axis=2), -1)

    @property
    def n_states(self) -> int:
        """Return the number of states.

        Returns
        -------
        int
            The number of states.
        """
        return int(self.posteriors.shape[2])

    @property
    def skip(self) -> int:
        """Return the number of first steps that are not scored.

        Returns
        -------
        int
            Steps of the warm-up.
        """
        used = np.logical_or.reduce([mask.any(axis=0) for mask in self.data.masks.values()])
        return int(used.argmax())

    @property
    def scored(self) -> Scored:
        """Return the test sequences without the warm-up.

        Returns
        -------
        Scored
            Sequences that end within the warm-up are left out.
        """
        skip = self.skip
        rows = (self.split == 2) & (self.length > skip)
        classes = np.where(self.path >= 0, self.data.classes, -1)
        return Scored(
            self.path[rows, skip:],
            self.posteriors[rows, skip:],
            self.values[rows, skip:],
            self.data.classes[rows, skip:],
            self.data.n_classes,
            _equal_within(self.inputs, classes, self.data.n_classes),
            self.truth[rows, skip:],
            self.length[rows] - skip,
            None if self.group is None else self.group[rows],
        )


def _equal_within(inputs: Floats, classes: Ints, n_classes: int) -> bool:
    """Return whether the inputs of each class are equal."""
    parts = (inputs[classes == k] for k in range(n_classes))
    return all(not len(part) or float(np.ptp(part, axis=0).max(initial=0)) < 1e-6 for part in parts)


class Check(NamedTuple):
    """The result of one check.

    Attributes
    ----------
    check : str
        Name of the check, which its caller knows.
    statistic : str
        Name of the number.
    value : float
        The number.
    low, high : float
        Its 95 % interval, or that of chance where there is a p value.
    p : float
        How often chance gives as much; NaN where that was not tested.
    holds : bool or None
        Whether it is evidence for the states; None where that could not be tested.
    sentence : str
        The result in words.
    """

    check: str
    statistic: str
    value: float
    low: float
    high: float
    p: float
    holds: bool | None
    sentence: str


def unknown(sentence: str) -> Check:
    """Return the row of a check that could not be made.

    Parameters
    ----------
    sentence : str
        Why not.

    Returns
    -------
    Check
        Without numbers.
    """
    return Check("", "", np.nan, np.nan, np.nan, np.nan, None, sentence)


#: A check of a chosen model.
CheckFunction = Callable[[Chosen, np.random.Generator, CheckSettings], Check]
