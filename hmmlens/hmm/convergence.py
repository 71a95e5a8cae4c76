"""The record of EM's log-likelihoods, which decides when EM stops."""

from __future__ import annotations

import logging
import sys

import numpy as np

log = logging.getLogger(__name__)

#: A likelihood may fall by this much in a step of EM without a warning, as in hmmlearn.
ROUNDING = float(np.finfo(float).eps ** 0.5)


class ConvergenceMonitor:
    """Record the log-likelihoods of EM, as hmmlearn's monitor does.

    A subclass may stop EM by another rule.

    Parameters
    ----------
    tol : float
        EM has converged when a step raises the log-likelihood by less, in nats.
    n_iter : int
        Largest number of steps.
    verbose : bool
        Whether each step is printed to the standard error stream.

    Attributes
    ----------
    history : list of float
        Log-likelihood before each step, with the log prior under ``prior_mode="floor"``; nats.
    iter : int
        Number of steps done.

    Examples
    --------
    >>> monitor = ConvergenceMonitor(tol=0.01, n_iter=100, verbose=False)
    >>> for log_likelihood in (-120.0, -100.0, -99.999):
    ...     monitor.report(log_likelihood)
    >>> monitor.iter, monitor.converged
    (3, True)
    """

    def __init__(self, tol: float, n_iter: int, verbose: bool) -> None:
        self.tol, self.n_iter, self.verbose = tol, n_iter, verbose
        self.history: list[float] = []
        self.iter = 0

    def _reset(self) -> None:
        self.history.clear()
        self.iter = 0

    def report(self, log_prob: float) -> None:
        """Record one step.

        Parameters
        ----------
        log_prob : float
            Log-likelihood before the step, nats.
        """
        if self.verbose:
            delta = log_prob - self.history[-1] if self.history else np.nan
            print(f"{self.iter + 1:>10d} {log_prob:>16.8f} {delta:>+16.8f}", file=sys.stderr)
        if self.history and log_prob - self.history[-1] < -ROUNDING:
            log.warning(
                "Model is not converging.  Current: %s is not greater than %s. Delta is %s",
                log_prob, self.history[-1], log_prob - self.history[-1],
            )  # fmt: skip
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        """Whether EM is to stop.

        Returns
        -------
        bool
            True when the last step added less than ``tol``, or all steps are done.
        """
        small = len(self.history) >= 2 and self.history[-1] - self.history[-2] < self.tol
        return self.iter == self.n_iter or small
