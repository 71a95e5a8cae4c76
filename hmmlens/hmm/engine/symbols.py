"""Symbols as emissions, see :mod:`hmmlens.hmm.engine.emissions`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.parameters import Prior, Statistics
from hmmlens.hmm.engine.rows import rows_to_one, weighted_log
from hmmlens.observations import HIDDEN
from hmmlens.typing import Floats


class Categorical:
    """Symbols (frame), of which :data:`hmmlens.observations.HIDDEN` marks what was not observed.

    Parameters
    ----------
    n_symbols : int
        Symbols are 0 to ``n_symbols - 1``.
    """

    logarithmic = False

    def __init__(self, n_symbols: int) -> None:
        self.n_symbols = n_symbols

    def n_features(self, n_components: int) -> int:
        """Return the number of features of a frame.

        Parameters
        ----------
        n_components : int
            Not used.

        Returns
        -------
        int
            The number of symbols, and one for frames that were not observed.
        """
        return self.n_symbols + 1

    def features(self, values: NDArray[np.generic], out: Floats) -> Floats:
        """Return 1 where a frame holds the symbol, else 0.

        Parameters
        ----------
        values : ndarray of int of shape (frame,)
            Symbols.
        out : ndarray of shape (feature, frame)
            Written to.

        Returns
        -------
        ndarray of shape (feature, frame)
            ``out``.
        """
        kinds = np.append(np.arange(self.n_symbols), HIDDEN)
        np.equal(kinds[:, None], values, out=out, casting="unsafe")
        return out

    def scatter(self, values: NDArray[np.generic]) -> Floats:
        """Return nothing: the features are enough.

        Parameters
        ----------
        values : ndarray of int of shape (frame,)
            Symbols.

        Returns
        -------
        ndarray of shape (0, 0)
            Empty.
        """
        return np.zeros((0, 0))

    def weights(self, emission: tuple[Floats, ...]) -> Floats:
        """Return ``emissionprob``, and 1 for frames that were not observed.

        Parameters
        ----------
        emission : tuple of ndarray
            Emission probabilities.

        Returns
        -------
        ndarray of shape (restart, state, feature)
            Probabilities.
        """
        return np.concatenate([emission[0], np.ones((*emission[0].shape[:2], 1))], axis=2)

    def common(self, emission: tuple[Floats, ...], scatter: Floats) -> float:
        """Return 0: no part of the density is the same for all states.

        Parameters
        ----------
        emission : tuple of ndarray
            Emission probabilities.
        scatter : ndarray
            Not used.

        Returns
        -------
        float
            Zero.
        """
        return 0.0

    def maximise(
        self, old: tuple[Floats, ...], stats: Statistics, prior: Prior, update: str
    ) -> tuple[Floats, ...]:
        """Return ``emissionprob``; a state without mass keeps its own.

        Parameters
        ----------
        old : tuple of ndarray
            Emission probabilities of the E-step.
        stats : Statistics
            Its result.
        prior : Prior
            The prior.
        update : str
            Letters of the parameters that are estimated.

        Returns
        -------
        tuple of ndarray
            New emission probabilities.
        """
        if "e" not in update:
            return old
        counts = stats.sums[:, :, :-1]
        return (rows_to_one(np.maximum(prior.emissionprob - 1 + counts, 0), old[0]),)

    def penalty(self, emission: tuple[Floats, ...], prior: Prior) -> Floats | float:
        """Return the log Dirichlet density up to a constant.

        Parameters
        ----------
        emission : tuple of ndarray
            Emission probabilities.
        prior : Prior
            The prior.

        Returns
        -------
        ndarray of shape (restart,) or float
            Nats.
        """
        return weighted_log(np.asarray(prior.emissionprob) - 1.0, emission[0])
