"""Types of EM: parameters of a batch of models, statistics, priors, and emissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


class Parameters(NamedTuple):
    """Parameters of a batch of models with the same number of states.

    Attributes
    ----------
    startprob : ndarray of shape (restart, state)
        Initial distributions.
    transmat : ndarray of shape (restart, state, next_state)
        Transition probabilities.
    emission : tuple of ndarray
        Means (restart, state, component) and covariances, whose shape after the restart is
        (state,), (state, component), (state, component, component) or, tied, (component,
        component); or, for symbols, ``emissionprob`` (restart, state, symbol) alone.
    """

    startprob: Floats
    transmat: Floats
    emission: tuple[Floats, ...]

    def take(self, keep: NDArray[np.integer] | list[int]) -> Parameters:
        """Return some of the restarts.

        Parameters
        ----------
        keep : ndarray of int or list of int
            Numbers of restarts.

        Returns
        -------
        batch : Parameters
            A smaller batch.
        """
        emission = tuple(part[keep] for part in self.emission)
        return Parameters(self.startprob[keep], self.transmat[keep], emission)


@dataclass
class Statistics:
    """Expected sufficient statistics, summed over sequences.

    Attributes
    ----------
    log_likelihood : ndarray of shape (restart,)
        Nats.
    start : ndarray of shape (restart, state)
        Expected numbers of sequences that begin in each state.
    trans : ndarray of shape (restart, state, next_state)
        Expected numbers of transitions.
    sums : ndarray of shape (restart, state, feature)
        Features weighted by posteriors.
    scatter : ndarray of shape (component, component)
        Sum of x x'; only where a family needs it.
    n_rescued : ndarray of int of shape (restart,)
        Sequences repeated in log space.
    """

    log_likelihood: Floats
    start: Floats
    trans: Floats
    sums: Floats
    scatter: Floats
    n_rescued: NDArray[np.int64]

    def scaled(self, factor: float) -> Statistics:
        """Return the statistics times a factor, except for the count of rescued sequences.

        Parameters
        ----------
        factor : float
            The factor.

        Returns
        -------
        Statistics
            A copy.
        """
        parts = {n: v if n == "n_rescued" else v * factor for n, v in vars(self).items()}
        return Statistics(**parts)

    def __iadd__(self, other: Statistics) -> Self:
        for name, value in vars(self).items():
            value += getattr(other, name)
        return self


@dataclass(frozen=True)
class Prior:
    """Prior of the M-step, in hmmlearn's terms (Huang, Acero & Hon 2001, p. 443).

    Attributes
    ----------
    startprob, transmat, emissionprob : ndarray or float
        Dirichlet weights; 1 is the uniform prior.
    means, means_weight : ndarray or float
        A normal prior.
    covars : ndarray or float
        Added to a scatter matrix.
    covars_weight : float
        Added to its number of frames.
    """

    startprob: Floats | float = 1.0
    transmat: Floats | float = 1.0
    means: Floats | float = 0.0
    means_weight: Floats | float = 0.0
    covars: Floats | float = 0.0
    covars_weight: float = 1.0
    emissionprob: Floats | float = 1.0


class Family(Protocol):
    """What EM needs to know of an emission."""

    #: whether the product with the features gives logarithms
    logarithmic: bool

    def n_features(self, n_components: int) -> int:
        """Return the number of features of a frame.

        Parameters
        ----------
        n_components : int
            Components of a frame.

        Returns
        -------
        int
            The number of features.
        """

    def features(self, values: NDArray[np.generic], out: Floats) -> Floats:
        """Return features of packed values.

        Parameters
        ----------
        values : ndarray of shape (component, frame) or (frame,)
            Packed values or symbols.
        out : ndarray of shape (feature, frame)
            Written to.

        Returns
        -------
        ndarray of shape (feature, frame)
            ``out``.
        """

    def scatter(self, values: NDArray[np.generic]) -> Floats:
        """Return what of the data is needed in addition to the features.

        Parameters
        ----------
        values : ndarray of shape (component, frame) or (frame,)
            Packed values or symbols.

        Returns
        -------
        ndarray of shape (component, component)
            Empty where the features are enough.
        """

    def weights(self, emission: tuple[Floats, ...]) -> Floats:
        """Return weights, whose product with the features is the density.

        Parameters
        ----------
        emission : tuple of ndarray
            See :class:`Parameters`.

        Returns
        -------
        ndarray of shape (restart, state, feature)
            Weights.
        """

    def common(self, emission: tuple[Floats, ...], scatter: Floats) -> Floats | float:
        """Return the part of the log-likelihood that is the same for all states.

        Parameters
        ----------
        emission : tuple of ndarray
            See :class:`Parameters`.
        scatter : ndarray
            See :meth:`scatter`.

        Returns
        -------
        ndarray of shape (restart,) or float
            Nats.
        """

    def maximise(
        self, old: tuple[Floats, ...], stats: Statistics, prior: Prior, update: str
    ) -> tuple[Floats, ...]:
        """Return the parameters that maximise the expected penalised log-likelihood.

        Parameters
        ----------
        old : tuple of ndarray
            Parameters of the E-step.
        stats : Statistics
            Its result.
        prior : Prior
            The prior.
        update : str
            Letters of the parameters that are estimated.

        Returns
        -------
        tuple of ndarray
            New parameters.
        """

    def penalty(self, emission: tuple[Floats, ...], prior: Prior) -> Floats | float:
        """Return the log prior density up to a constant.

        Parameters
        ----------
        emission : tuple of ndarray
            See :class:`Parameters`.
        prior : Prior
            The prior.

        Returns
        -------
        ndarray of shape (restart,) or float
            Nats.
        """
