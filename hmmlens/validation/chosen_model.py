"""A chosen model with what it is checked against, and the row that a check returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.typing import Floats, Ints
from hmmlens.validation.input_output import InputOutput

#: Draws behind each p value and each interval.
N_DRAWS = 200
#: A p value below this speaks against chance.
LEVEL = 0.05


class Chosen(NamedTuple):
    """A chosen model of one layer and what it is held against.

    model : fitted to ``values`` (sequence, time, component)
    posteriors : (sequence, time, state), filtered; 0 past a sequence's end
    data : inputs and outputs; its masks leave the warm-up out
    inputs : (sequence, time, feature), symbols one-hot
    length, split : (sequence)
    truth : (sequence, time), -1 where unknown
    horizon : steps ahead at which outputs are predicted
    group : (sequence), to whom or what each sequence belongs; None where that is not known
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
        """Return the likeliest state given the past (sequence, time), -1 past the end."""
        inside = self.posteriors.any(axis=2)
        return np.where(inside, self.posteriors.argmax(axis=2), -1)

    @property
    def n_states(self) -> int:
        """Return the number of states."""
        return int(self.posteriors.shape[2])


class Check(NamedTuple):
    """One row.

    check : its name, which its caller knows
    value, low, high : the statistic and its 95 % interval, or that of chance where there is a p
    p : how often chance gives as much; NaN where it was not asked
    holds : whether it speaks for the states; None where it could not be told
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
    """Return the row of a check that could not be made."""
    return Check("", "", np.nan, np.nan, np.nan, np.nan, None, sentence)
