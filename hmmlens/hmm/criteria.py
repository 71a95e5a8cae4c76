"""Criteria that weigh the likelihood of a model by its number of parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.hmm.fitting import FittableHMM
from hmmlens.observations import Sequences
from hmmlens.typing import Floats


class InformationCriteria(FittableHMM, ABC):
    """BIC, AIC and ICL of a fitted model."""

    @abstractmethod
    def score_checked(self, data: Sequences) -> float:
        """Return the log-likelihood of data that have been checked.

        Parameters
        ----------
        data : Sequences
            Checked data.

        Returns
        -------
        float
            In nats.
        """

    @abstractmethod
    def smooth_checked(self, data: Sequences) -> tuple[Floats, Floats]:
        """Return smoothed posteriors and entropies of data that have been checked.

        Parameters
        ----------
        data : Sequences
            Checked data.

        Returns
        -------
        tuple of ndarray
            Posteriors and, for each sequence, the entropy of the state path.
        """

    def bic(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return -2 log L + m log N for m parameters and N observed frames (Schwarz 1978).

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        float
            The lower the better. Infinite where the model cannot emit the data.
        """
        self._check_is_fitted()
        data = self._check_data(X, lengths, mask)
        penalty = self.n_parameters * float(np.log(len(data.observed)))
        return -2 * self.score_checked(data) + penalty

    def aic(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return -2 log L + 2 m for m parameters (Akaike 1974).

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        float
            The lower the better. Infinite where the model cannot emit the data.
        """
        self._check_is_fitted()
        return -2 * self.score_checked(self._check_data(X, lengths, mask)) + 2 * self.n_parameters

    def icl(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return BIC + 2 H(states | data), which penalises uncertain states.

        Biernacki, Celeux & Govaert (2000), with the entropy of whole state paths.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        float
            The lower the better. Infinite where the model cannot emit the data.
        """
        self._check_is_fitted()
        bic = self.bic(X, lengths, mask=mask)
        if np.isposinf(bic):
            return bic
        data = self._check_data(X, lengths, mask)
        return bic + 2 * float(self.smooth_checked(data)[1].sum())
