"""A hidden Markov model with Gaussian emissions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from hmmlens.errors import DataError
from hmmlens.hmm import checks, covariance_checks
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.engine.blocks import MEMORY_LIMIT
from hmmlens.hmm.engine.covariances import compact
from hmmlens.hmm.gaussian_states import GaussianStates
from hmmlens.typing import Floats


class GaussianHMM(GaussianStates):
    """Hidden Markov model with Gaussian emissions, with hmmlearn's arguments and attributes.

    Parameters
    ----------
    n_components : int, default=1
        Number of states (hmmlearn's word).
    covariance_type : str, default="diag"
        ``spherical``, ``diag``, ``full`` or ``tied``.
    min_covar : float, default=1e-3
        Added to the diagonal of the covariance that EM starts from; with ``prior_mode="floor"``
        also the floor of the variances, relative to the mean variance of the data.
    startprob_prior, transmat_prior : array_like, default=1.0
        Dirichlet weights; 1 is the uniform prior.
    means_prior, means_weight : array_like, default=0
        Mean and weight (in frames) of a normal prior.
    covars_prior, covars_weight : array_like and float
        Inverse Wishart or inverse gamma prior, see ``prior_mode``.
    algorithm : str, default="viterbi"
        ``viterbi`` or ``map``, see :meth:`decode`.
    random_state : int, RandomState or None
        Seed of the initialisation. The same seed gives the initialisation of hmmlearn.
    n_iter : int, default=10
        Largest number of EM steps (hmmlearn's word). With 0 the model stays as initialised.
    tol : float, default=1e-2
        EM stops when a step gains less, nats in all.
    verbose : bool, default=False
        Whether each step is printed to the standard error stream.
    params, init_params : str
        Letters of what is estimated and of what is initialised before: s(tartprob), t(ransmat),
        m(eans), c(ovars).
    implementation : str, default="log"
        Accepted as by hmmlearn, and not used: scaling, with log space where it is needed, is as
        exact as log space.
    prior_mode : str, default="hmmlearn"
        ``hmmlearn`` adds ``covars_prior`` to every entry of a scatter matrix, as hmmlearn does,
        which bounds no eigenvalue of a full covariance. ``floor`` keeps every variance above
        ``min_covar`` times the mean variance of the data (over K for a state that holds all
        frames).
    engine : str, default="numpy"
        ``numpy`` or ``torch``.
    device : str, default="auto"
        Device of torch: ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.
    memory_limit : int, default=2**29
        Bytes that EM may use, the data not counted.

    Attributes
    ----------
    startprob_ : ndarray of shape (state,)
        Initial distribution. Attributes set by hand may be lists, and are checked when used.
    transmat_ : ndarray of shape (state, next_state)
        Transition probabilities.
    means_ : ndarray of shape (state, component)
        Means.
    covars_ : ndarray of shape (state, component, component)
        Covariances, to be set in the shape of their type: (state,), (state, component), (state,
        component, component) or (component, component).
    monitor_ : ConvergenceMonitor
        Log-likelihoods of EM.
    n_rescued_ : int
        The most sequences of one EM step that were done in log space.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens import GaussianHMM
    >>> rng = np.random.default_rng(0)
    >>> states = np.tile(np.arange(60) // 10 % 2, (8, 1))
    >>> X = 4.0 * states[..., None] + rng.normal(size=(8, 60, 1))
    >>> model = GaussianHMM(n_components=2, random_state=0).fit(X)
    >>> np.sort(model.means_.round(1), axis=0).tolist()
    [[0.0], [4.0]]
    >>> model.predict(X).shape
    (8, 60)
    """

    _letters = {"s": "startprob_", "t": "transmat_", "m": "means_", "c": "covars_"}

    def __init__(
        self,
        n_components: int = 1,
        covariance_type: str = "diag",
        min_covar: float = 1e-3,
        startprob_prior: Any = 1.0,
        transmat_prior: Any = 1.0,
        means_prior: Any = 0,
        means_weight: Any = 0,
        covars_prior: Any = 1e-2,
        covars_weight: float = 1,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = "stmc",
        init_params: str = "stmc",
        implementation: str = "log",
        *,
        prior_mode: str = "hmmlearn",
        engine: str = "numpy",
        device: str = "auto",
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.n_components, self.covariance_type = n_components, covariance_type
        self.min_covar = min_covar
        self.startprob_prior, self.transmat_prior = startprob_prior, transmat_prior
        self.means_prior, self.means_weight = means_prior, means_weight
        self.covars_prior, self.covars_weight = covars_prior, covars_weight
        self.algorithm, self.random_state = algorithm, random_state
        self.n_iter, self.tol, self.verbose = n_iter, tol, verbose
        self.params, self.init_params = params, init_params
        self.implementation, self.prior_mode = implementation, prior_mode
        self.engine, self.device, self.memory_limit = engine, device, memory_limit
        self.monitor_ = ConvergenceMonitor(tol, n_iter, verbose)

    @classmethod
    def from_parameters(
        cls,
        startprob: Floats,
        transmat: Floats,
        means: Floats,
        covars: Floats,
        covariance_type: str,
    ) -> Self:
        """Return a model with known parameters.

        Parameters
        ----------
        startprob : ndarray of shape (state,)
            Initial distribution.
        transmat : ndarray of shape (state, next_state)
            Transition probabilities.
        means : ndarray of shape (state, component)
            Means.
        covars : ndarray of shape (state, component, component)
            Covariances, whatever their type.
        covariance_type : str
            ``spherical``, ``diag``, ``full`` or ``tied``.

        Returns
        -------
        GaussianHMM
            A fitted model.

        Raises
        ------
        DataError
            When a shape does not fit, a row is no distribution, or a covariance is not of its
            type or not positive definite.
        """
        places = checks.numbers(means, "means")
        if places.ndim != 2:
            raise DataError(f"means has shape {places.shape}, (state, component) is needed")
        full = covariance_checks.fitted_covariances(covars, covariance_type, places.shape)
        model = cls(len(places), covariance_type)
        model.startprob_, model.transmat_ = np.array(startprob), np.array(transmat)
        model.means_, model._covars_ = places.copy(), compact(full, covariance_type)
        model._check_is_fitted()
        return model

    @property
    def n_features_in_(self) -> int:
        """Components of a frame, once there are means, under scikit-learn's name.

        Returns
        -------
        int
            The number of components.
        """
        return int(np.shape(self.means_)[-1])

    def to_hmmlearn(self) -> Any:
        """Return hmmlearn's model with the same arguments and parameters.

        Returns
        -------
        hmmlearn.hmm.GaussianHMM
            Fitted when this model is.
        """
        from hmmlearn.hmm import GaussianHMM as Reference

        arguments = self.get_params()
        for name in ("prior_mode", "engine", "device", "memory_limit"):
            arguments.pop(name)
        model = Reference(**arguments)
        if hasattr(self, "startprob_"):
            self._check_is_fitted()
            model.n_features = self.means_.shape[1]
            model.startprob_, model.transmat_ = self.startprob_, self.transmat_
            model.means_, model.covars_ = self.means_, self._covars_
        return model

    @classmethod
    def from_hmmlearn(cls, model: Any) -> Self:
        """Return a model with the arguments and parameters of hmmlearn's.

        Parameters
        ----------
        model : hmmlearn.hmm.GaussianHMM
            Fitted or not.

        Returns
        -------
        GaussianHMM
            Fitted when ``model`` is.
        """
        converted = cls(**model.get_params())
        if hasattr(model, "startprob_"):
            converted.startprob_, converted.transmat_ = (
                model.startprob_.copy(),
                model.transmat_.copy(),
            )
            converted.means_ = model.means_.copy()
            stored = np.array(model._covars_)
            # A step of hmmlearn leaves a spherical variance repeated for every component.
            converted._covars_ = (
                stored.reshape(len(converted.means_), -1)[:, 0].copy()
                if converted.covariance_type == "spherical"
                else stored
            )
        return converted
