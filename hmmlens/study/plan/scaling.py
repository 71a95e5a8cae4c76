"""What a job takes as a function of its work: a start, and a power of the work beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.typing import Floats

#: An exponent is fitted to works of at least so many different sizes and such a range; or it is 1.
DISTINCT, RANGE = 3, 4.0
#: Bounds of exponents. They are drawn to 1, and the start to what the model of the work says, with
#: the weight of so much of a job: enough to decide where jobs do not.
BOUNDS, PULL = (0.3, 2.0), 0.1


class Law(NamedTuple):
    """``start + rate * work ** exponent``.

    largest : the largest work that it was fitted to
    n : how many jobs it was fitted to
    """

    start: float
    rate: float
    exponent: float
    largest: float
    n: int

    def __call__(self, work: ArrayLike) -> Floats:
        """Return what jobs of ``work`` take."""
        found: Floats = self.start + self.rate * np.asarray(work, dtype=float) ** self.exponent
        return found


def fit(work: ArrayLike, found: ArrayLike, least: float, scaled: bool = False) -> Law:
    """Fit a law to jobs by the squares of the logarithms of (found / predicted).

    Parameters
    ----------
    work : (job), 0 or more.
    found : (job), above 0: what each took. NaN is left out; where nothing is left, the model of the
        work is believed.
    least : the start, as large as the model of the work believes it beside the work.
    scaled : whether the model of the work is believed but for one factor.
    """
    x, y = (np.asarray(values, dtype=float) for values in (work, found))
    x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    if not len(x):
        return Law(least, 1.0, 1.0, 0.0, 0)
    positive, largest = np.unique(x[x > 0]), float(x.max())
    if scaled or len(np.unique(x)) == 1:
        scale = float(np.exp(np.log(y / (least + x)).mean()))
        return Law(scale * least, scale, 1.0, largest, len(x))
    from scipy.optimize import least_squares

    free = len(positive) >= DISTINCT and positive[-1] >= RANGE * positive[0]
    # In units of the largest work, so that all three parameters are of a like size.
    unit = x / largest
    low, high = BOUNDS

    def exponent_of(q: float) -> float:
        return low + (high - low) / (1 + float(np.exp(-q)))

    def gaps(p: Floats) -> Floats:
        exponent = exponent_of(p[2]) if free else 1.0
        predicted = np.exp(p[0]) + np.exp(p[1]) * unit**exponent
        believed = p[0] - p[1] - np.log(least / largest)
        pulled = PULL * np.array([exponent - 1, believed])
        return np.append(np.log(predicted) - np.log(y), pulled)

    # An exponent of 1 to begin with.
    one = float(np.log((1 - low) / (high - 1)))
    typical = float(np.log(y).mean())
    begins = [(np.log(y.min()) - 1, np.log(y.max()), one), (typical, typical, one)]
    # An exponent that is given is no parameter.
    fits = [least_squares(gaps, begin[: 3 if free else 2], method="lm") for begin in begins]
    best = min(fits, key=lambda fit: fit.cost).x
    exponent = exponent_of(best[2]) if free else 1.0
    rate = float(np.exp(best[1]) / largest**exponent)
    return Law(float(np.exp(best[0])), rate, exponent, largest, len(x))
