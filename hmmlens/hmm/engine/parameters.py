"""What EM works on: parameters of a batch of models, statistics, priors, and what emits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


class Parameters(NamedTuple):
    """Parameters of a batch of models with the same number of states.

    startprob : (restart, state)
    transmat : (restart, state, next_state)
    emission : means (restart, state, component) and covariances, whose shape after the restart
        is (state), (state, component), (state, component, component) or, tied, (component,
        component); or, for symbols, ``emissionprob`` (restart, state, symbol) alone.
    """

    startprob: Floats
    transmat: Floats
    emission: tuple[Floats, ...]

    def take(self, keep: NDArray[np.integer] | list[int]) -> Parameters:
        """Return some of the restarts."""
        emission = tuple(part[keep] for part in self.emission)
        return Parameters(self.startprob[keep], self.transmat[keep], emission)


@dataclass
class Statistics:
    """Expected sufficient statistics, summed over sequences.

    log_likelihood : (restart), nats
    start : (restart, state)
    trans : (restart, state, next_state)
    sums : (restart, state, feature)
    scatter : (component, component), sum of x x'; only where a family needs it
    n_rescued : (restart), sequences redone in log space
    """

    log_likelihood: Floats
    start: Floats
    trans: Floats
    sums: Floats
    scatter: Floats
    n_rescued: NDArray[np.int64]

    def scaled(self, factor: float) -> Statistics:
        """Return the statistics times ``factor``, but for the count of rescued sequences."""
        parts = {n: v if n == "n_rescued" else v * factor for n, v in vars(self).items()}
        return Statistics(**parts)

    def __iadd__(self, other: Statistics) -> Self:
        for name, value in vars(self).items():
            value += getattr(other, name)
        return self


@dataclass(frozen=True)
class Prior:
    """Prior of the M-step, in hmmlearn's terms (Huang, Acero & Hon 2001, p. 443).

    ``startprob``, ``transmat`` and ``emissionprob`` are Dirichlet weights (1 says nothing);
    ``means`` and ``means_weight`` a normal prior; ``covars`` is added to a scatter matrix and
    ``covars_weight`` to its number of frames.
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
        """Return the number of features of a frame."""

    def features(self, values: NDArray[np.generic], out: Floats) -> Floats:
        """Return features (feature, frame) of packed values, written to ``out``."""

    def scatter(self, values: NDArray[np.generic]) -> Floats:
        """Return what of the data is needed beside the features."""

    def weights(self, emission: tuple[Floats, ...]) -> Floats:
        """Return (restart, state, feature), whose product with the features is the density."""

    def common(self, emission: tuple[Floats, ...], scatter: Floats) -> Floats | float:
        """Return the part of the log-likelihood that is the same for all states (restart)."""

    def maximise(
        self, old: tuple[Floats, ...], stats: Statistics, prior: Prior, update: str
    ) -> tuple[Floats, ...]:
        """Return the parameters that maximise the expected penalised log-likelihood."""

    def penalty(self, emission: tuple[Floats, ...], prior: Prior) -> Floats | float:
        """Return the log prior density (restart) up to a constant."""
