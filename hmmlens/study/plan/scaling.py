"""Cost of a job as a function of its work: a constant and a power of the work."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.typing import Floats

#: An exponent is fitted to works of at least so many different sizes and such a range; or it is 1.
DISTINCT, RANGE = 3, 4.0
#: Bounds of exponents, and the weight (in jobs) of the penalty on an exponent other than 1 and on a
#: start other than that of the model of the work. It decides only where the jobs do not.
BOUNDS, PENALTY = (0.3, 2.0), 0.1


class PowerFunction(NamedTuple):
    """The function ``start + rate * work ** exponent``.

    Attributes
    ----------
    start : float
        Cost of a job without any work.
    rate : float
        Factor of the power.
    exponent : float
        Exponent of the work.
    largest : float
        The largest work that the function was fitted to.
    n : int
        Number of jobs that the function was fitted to.
    """

    start: float
    rate: float
    exponent: float
    largest: float
    n: int

    def __call__(self, work: ArrayLike) -> Floats:
        """Return the costs of jobs.

        Parameters
        ----------
        work : array_like of any shape
            Work of each job.

        Returns
        -------
        ndarray of the same shape
            Cost of each job.
        """
        costs: Floats = self.start + self.rate * np.asarray(work, dtype=float) ** self.exponent
        return costs


def fit(work: ArrayLike, costs: ArrayLike, least: float, scaled: bool = False) -> PowerFunction:
    """Fit a power function to jobs by least squares of log(measured / predicted).

    Parameters
    ----------
    work : array_like of shape (job,)
        Work of each job, 0 or more.
    costs : array_like of shape (job,)
        Measured cost of each job, above 0. NaN is ignored; where nothing else is measured, the
        function is that of the model of the work.
    least : float
        The start according to the model of the work, in units of the work.
    scaled : bool
        True fits one factor of the model of the work only.

    Returns
    -------
    PowerFunction
        The fitted function.
    """
    x, y = (np.asarray(values, dtype=float) for values in (work, costs))
    x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    if not len(x):
        return PowerFunction(least, 1.0, 1.0, 0.0, 0)
    positive, largest = np.unique(x[x > 0]), float(x.max())
    if scaled or len(np.unique(x)) == 1:
        scale = float(np.exp(np.log(y / (least + x)).mean()))
        return PowerFunction(scale * least, scale, 1.0, largest, len(x))
    from scipy.optimize import least_squares

    free = len(positive) >= DISTINCT and positive[-1] >= RANGE * positive[0]
    # In units of the largest work, so that all three parameters are of a like size.
    unit = x / largest
    low, high = BOUNDS

    def _exponent_of(q: float) -> float:
        return low + (high - low) / (1 + float(np.exp(-q)))

    def _residuals(p: Floats) -> Floats:
        exponent = _exponent_of(p[2]) if free else 1.0
        predicted = np.exp(p[0]) + np.exp(p[1]) * unit**exponent
        from_model = p[0] - p[1] - np.log(least / largest)
        penalties = PENALTY * np.array([exponent - 1, from_model])
        return np.append(np.log(predicted) - np.log(y), penalties)

    # An exponent of 1 to begin with.
    one = float(np.log((1 - low) / (high - 1)))
    typical = float(np.log(y).mean())
    initial = [(np.log(y.min()) - 1, np.log(y.max()), one), (typical, typical, one)]
    # An exponent of 1 is no parameter of the fit.
    fits = [least_squares(_residuals, p[: 3 if free else 2], method="lm") for p in initial]
    best = min(fits, key=lambda fit: fit.cost).x
    exponent = _exponent_of(best[2]) if free else 1.0
    rate = float(np.exp(best[1]) / largest**exponent)
    return PowerFunction(float(np.exp(best[0])), rate, exponent, largest, len(x))
