"""A hidden Markov model with Gaussian emissions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens import observations
from hmmlens.errors import DataError
from hmmlens.hmm import checks
from hmmlens.hmm.base import HiddenMarkovModel
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.engine import em, streams
from hmmlens.hmm.engine.blocks import MEMORY_LIMIT
from hmmlens.hmm.engine.covariances import compact, dependent, expand, roots
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.observations import Sequences
from hmmlens.typing import Floats

PRIOR_MODES = ("hmmlearn", "floor")


class GaussianHMM(HiddenMarkovModel):
    """Gaussian emissions.

    Parameters
    ----------
    n_components : number of states.
    covariance_type : spherical, diag, full or tied.
    min_covar : added to the diagonal of the covariance that EM starts from; with
        ``prior_mode="floor"`` also the floor, relative to the data's mean variance.
    startprob_prior, transmat_prior : Dirichlet weights; 1 says nothing.
    means_prior, means_weight : mean and weight (in frames) of a normal prior.
    covars_prior, covars_weight : see ``prior_mode``.
    algorithm : ``viterbi`` or ``map``, see :meth:`decode`.
    random_state : seed of the start. The same seed gives the start that hmmlearn draws.
    n_iter, tol : EM stops after so many steps, or when one gains less nats in all. Without a step
        (0) the model stays as it is initialised.
    params, init_params : letters of what is estimated and of what is drawn anew before:
        s(tartprob), t(ransmat), m(eans), c(ovars).
    implementation : taken for the sake of hmmlearn's callers and not used: scaling, with log
        space where it is needed, is as safe as log space.
    prior_mode : ``hmmlearn`` adds ``covars_prior`` to every entry of a scatter matrix, as hmmlearn
        does, which bounds no eigenvalue of a full covariance. ``floor`` keeps every variance above
        ``min_covar`` times the data's mean variance (over K for a state that holds all frames).
    engine : ``numpy`` or ``torch``.
    device : of torch: ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.
    memory_limit : bytes that EM may take beside the data.

    Attributes
    ----------
    Attributes that are set by hand may be lists, and are checked when the model is used.

    startprob_ : (state)
    transmat_ : (state, next_state)
    means_ : (state, component)
    covars_ : (state, component, component). To be set in the shape of the covariance type:
        (state), (state, component), (state, component, component) or (component, component).
    monitor_ : history of EM
    n_rescued_ : sequences of an EM step that were done in log space, at most
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
        startprob : (state)
        transmat : (state, next_state)
        means : (state, component)
        covars : (state, component, component), whatever the covariance type.

        Raises
        ------
        DataError
            When a shape does not fit, a row is no distribution, or a covariance is not of its
            type or not positive definite.
        """
        places = checks.numbers(means, "means")
        if places.ndim != 2:
            raise DataError(f"means has shape {places.shape}, (state, component) is needed")
        full = checks.fitted_covariances(covars, covariance_type, places.shape)
        model = cls(len(places), covariance_type)
        model.startprob_, model.transmat_ = np.array(startprob), np.array(transmat)
        model.means_, model._covars_ = places.copy(), compact(full, covariance_type)
        model._check_is_fitted()
        return model

    @property
    def covars_(self) -> Floats:
        """Covariances (state, component, component), whatever their type."""
        shape = self.n_components, self.n_features
        return expand(self._covars_, self.covariance_type, *shape)

    @covars_.setter
    def covars_(self, covars: ArrayLike) -> None:
        self._covars_ = checks.covariances(covars, self.covariance_type, self.n_components)

    @property
    def n_features(self) -> int:
        """Components of a frame; may be set before there are means, as in hmmlearn."""
        return int(np.shape(self.means_)[-1]) if hasattr(self, "means_") else self._n_features

    @n_features.setter
    def n_features(self, n_features: int) -> None:
        self._n_features = n_features

    @property
    def n_features_in_(self) -> int:
        """Components of a frame, once there are means; scikit-learn's name."""
        return int(np.shape(self.means_)[-1])

    def _n_free(self) -> dict[str, int]:
        k, d = np.shape(self.means_)
        covariance = {
            "spherical": k,
            "diag": k * d,
            "full": k * d * (d + 1) // 2,
            "tied": d * (d + 1) // 2,
        }[self.covariance_type]
        return {"s": k - 1, "t": k * (k - 1), "m": k * d, "c": covariance}

    def log_density(self, frames: NDArray[Any]) -> Floats:
        """Return log P(frame | state) (frame, state) of values (frame, component).

        Raises
        ------
        DataError
            When a covariance is not positive definite.
        """
        from scipy.linalg import solve_triangular

        n_features = self.means_.shape[1]
        logs = np.empty((len(frames), self.n_components))
        covars = self._covars_
        if self.covariance_type in ("spherical", "diag"):
            # What EM and hmmlearn take where a variance is 0.
            covars = np.maximum(covars, np.finfo(float).tiny)
        covars = expand(covars, self.covariance_type, *self.means_.shape)
        # Values are whitened first, which keeps more digits than the quadratic form of EM.
        remedy = 'fit with prior_mode="floor" and a min_covar above 0, or drop components'
        factors = roots(covars, "covars_", remedy)
        for k, (mean, factor) in enumerate(zip(self.means_, factors, strict=True)):
            # A square too large for a float is infinite, and its density 0.
            with np.errstate(over="ignore"):
                white = solve_triangular(factor, (frames - mean).T, lower=True, check_finite=False)
                square = (white**2).sum(axis=0)
            log_det = 2 * np.log(np.diag(factor)).sum()
            logs[:, k] = -0.5 * (square + log_det + n_features * np.log(2 * np.pi))
        return logs

    def _check_data(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None,
        mask: ArrayLike | None = None,
        fitted: bool = True,
    ) -> Sequences:
        known = self.means_.shape[1] if fitted else None
        return observations.values(X, lengths, known, mask=mask)

    def _check_settings(self) -> None:
        super()._check_settings()
        checks.covariance_kind(self.covariance_type)
        if self.prior_mode not in PRIOR_MODES:
            raise DataError(f"prior_mode must be hmmlearn or floor, found {self.prior_mode!r}")
        checks.number(self.min_covar, "min_covar", 0)

    def _initialise(self, seen: streams.DataSummary) -> None:
        if self.prior_mode == "floor":
            checks.spread(np.diagonal(seen.covariance))
        observations.log_constant_columns(seen.covariance)
        self._prior(seen, None)
        self._dirichlet_start()
        if self._needs_init("m"):
            from sklearn.cluster import KMeans

            found = KMeans(
                self.n_components, n_init=10, random_state=checks.generator(self.random_state)
            )
            self.means_ = found.fit(seen.sample).cluster_centers_
        self.means_ = checks.numbers(self.means_, "means_", (self.n_components, seen.n_components))
        if self._needs_init("c"):
            width = seen.covariance + self.min_covar * np.eye(seen.n_components)
            full = np.tile(width, (self.n_components, 1, 1))
            self._covars_ = compact(full, self.covariance_type)
            # hmmlearn takes the mean of all entries, where they allow that.
            if self.covariance_type == "spherical" and width.mean() > 0:
                self._covars_ = np.full(self.n_components, width.mean())

    def _check_emission(self) -> None:
        checks.covariance_kind(self.covariance_type)
        means = checks.numbers(self.means_, "means_")
        if means.ndim != 2:
            raise DataError(f"means_ has shape {means.shape}, (state, component) is needed")
        shape = self.n_components, means.shape[1]
        self.means_ = checks.numbers(means, "means_", shape)
        wanted = checks.covariance_shape(self.covariance_type, *shape)
        self._covars_ = checks.numbers(self._covars_, "covars_", wanted)

    def _remedy(self, seen: streams.DataSummary) -> str:
        means = "fewer states or another random_state"
        if self.prior_mode == "hmmlearn":
            means = f'use prior_mode="floor", {means}'
        else:
            means = f"use a larger min_covar, {means}"
        flat = dependent(seen.covariance) if self.covariance_type in ("full", "tied") else []
        if flat:
            means += (
                "; components that are constant or that others determine: "
                f"{', '.join(map(str, flat))}"
            )
        return means

    def _family(self) -> Gaussian:
        return Gaussian(self.covariance_type)

    def _centred(self, given: Sequences) -> tuple[Family, Parameters, Floats | None]:
        kind, covars = self.covariance_type, self._covars_
        if kind == "tied":
            kind, covars = "full", self.covars_
        centre = given.observed.mean(axis=0)
        emission = ((self.means_ - centre)[None], covars[None])
        batch = Parameters(self.startprob_[None], self.transmat_[None], emission)
        return Gaussian(kind), batch, centre

    def _prior(self, seen: streams.DataSummary, centre: Floats | None) -> Prior:
        k, d = self.n_components, seen.n_components
        start = checks.prior(self.startprob_prior, "startprob_prior", (k,), 0)
        trans = checks.prior(self.transmat_prior, "transmat_prior", (k, k), 0)
        means = checks.prior(self.means_prior, "means_prior", (k, d))
        means_weight = checks.prior(self.means_weight, "means_weight", (k, d), 0)
        if self.prior_mode == "floor":
            floor = self.min_covar * float(np.trace(seen.covariance)) / seen.n_components
            given = em.floor_prior(
                self.covariance_type, floor, seen.n_frames, self.n_components, seen.n_components
            )
            covars, weight = given.covars, given.covars_weight
        else:
            kind = self.covariance_type
            matrix = kind in ("full", "tied")
            shape = checks.covariance_shape(kind if matrix else "diag", k, d)
            lowest = None if matrix else 0
            covars = checks.prior(self.covars_prior, "covars_prior", shape, lowest)
            checks.number(self.covars_weight, "covars_weight", 0)
            weight = self.covars_weight
        return Prior(
            startprob=start,
            transmat=trans,
            means=means - (0 if centre is None else centre),
            means_weight=means_weight,
            covars=covars,
            covars_weight=weight,
        )

    def _get_emission(self) -> tuple[Floats, ...]:
        return self.means_, self._covars_

    def _set_emission(self, emission: tuple[Floats, ...]) -> None:
        self.means_, self._covars_ = emission

    def _draw(self, state: int, rng: Any) -> Any:
        return rng.multivariate_normal(self.means_[state], self.covars_[state])

    def to_hmmlearn(self) -> Any:
        """Return hmmlearn's model with the same arguments and parameters."""
        from hmmlearn.hmm import GaussianHMM as Reference

        given = self.get_params()
        for name in ("prior_mode", "engine", "device", "memory_limit"):
            given.pop(name)
        model = Reference(**given)
        if hasattr(self, "startprob_"):
            self._check_is_fitted()
            model.n_features = self.means_.shape[1]
            model.startprob_, model.transmat_ = self.startprob_, self.transmat_
            model.means_, model.covars_ = self.means_, self._covars_
        return model

    @classmethod
    def from_hmmlearn(cls, model: Any) -> Self:
        """Return our model with the arguments and parameters of hmmlearn's."""
        ours = cls(**model.get_params())
        if hasattr(model, "startprob_"):
            ours.startprob_, ours.transmat_ = model.startprob_.copy(), model.transmat_.copy()
            ours.means_ = model.means_.copy()
            stored = np.array(model._covars_)
            # A step of hmmlearn leaves a spherical variance repeated for every component.
            ours._covars_ = (
                stored.reshape(len(ours.means_), -1)[:, 0].copy()
                if ours.covariance_type == "spherical"
                else stored
            )
        return ours
