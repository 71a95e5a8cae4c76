"""What Gaussian states are to EM: densities, initialisation, prior and checks of parameters."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens import observations
from hmmlens.errors import DataError
from hmmlens.hmm import checks, covariance_checks
from hmmlens.hmm.base import HiddenMarkovModel
from hmmlens.hmm.engine import mstep, streams
from hmmlens.hmm.engine.covariances import compact, dependent, expand, roots, triangular_inverses
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.observations import Sequences
from hmmlens.typing import Floats

PRIOR_MODES = ("hmmlearn", "floor")


log = logging.getLogger(__name__)


class GaussianStates(HiddenMarkovModel):
    """The emissions of :class:`hmmlens.GaussianHMM`, which adds the constructor."""

    covariance_type: str
    min_covar: float
    means_prior: Any
    means_weight: Any
    covars_prior: Any
    covars_weight: float
    means_: Floats
    _covars_: Floats

    @property
    def covars_(self) -> Floats:
        """Covariances, whatever their type.

        Returns
        -------
        ndarray of shape (state, component, component)
            A copy, except for the full type.
        """
        return expand(self._covars_, self.covariance_type, self.n_components, self.n_features)

    @covars_.setter
    def covars_(self, covars: ArrayLike) -> None:
        """Set covariances in the shape of their type.

        Parameters
        ----------
        covars : array_like
            Finite numbers; positive definite.
        """
        self._covars_ = covariance_checks.covariances(
            covars, self.covariance_type, self.n_components
        )

    @property
    def n_features(self) -> int:
        """Components of a frame; may be set before there are means, as in hmmlearn.

        Returns
        -------
        int
            The number of components.
        """
        return int(np.shape(self.means_)[-1]) if hasattr(self, "means_") else self._n_features

    @n_features.setter
    def n_features(self, n_features: int) -> None:
        """Set the number of components before there are means.

        Parameters
        ----------
        n_features : int
            The number of components.
        """
        self._n_features = n_features

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
        """Return log p(frame | state) of values.

        Parameters
        ----------
        frames : ndarray of shape (frame, component)
            Checked values.

        Returns
        -------
        ndarray of shape (frame, state)
            Natural logarithms.

        Raises
        ------
        DataError
            When a covariance is not positive definite.
        """
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
        inverses = triangular_inverses(factors)
        log_dets = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        values = np.ascontiguousarray(frames.T)
        for k, (mean, inverse) in enumerate(zip(self.means_, inverses, strict=True)):
            # A square too large for a float is infinite, and its density 0.
            with np.errstate(over="ignore"):
                white = inverse @ (values - mean[:, None])
                square = np.einsum("dn,dn->n", white, white)
            logs[:, k] = -0.5 * (square + log_dets[k] + n_features * np.log(2 * np.pi))
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
        covariance_checks.covariance_kind(self.covariance_type)
        if self.prior_mode not in PRIOR_MODES:
            raise DataError(f"prior_mode must be hmmlearn or floor, found {self.prior_mode!r}")
        checks.number(self.min_covar, "min_covar", 0)

    def _initialise(self, summary: streams.DataSummary) -> None:
        if self.prior_mode == "floor":
            checks.spread(np.diagonal(summary.covariance))
        log_constant_columns(summary.covariance)
        self._prior(summary, None)
        self._dirichlet_start()
        if self._needs_init("m"):
            from sklearn.cluster import KMeans

            clusters = KMeans(
                self.n_components, n_init=10, random_state=checks.generator(self.random_state)
            )
            self.means_ = clusters.fit(summary.sample).cluster_centers_
        self.means_ = checks.numbers(
            self.means_, "means_", (self.n_components, summary.n_components)
        )
        if self._needs_init("c"):
            width = summary.covariance + self.min_covar * np.eye(summary.n_components)
            full = np.tile(width, (self.n_components, 1, 1))
            self._covars_ = compact(full, self.covariance_type)
            # hmmlearn takes the mean of all entries, where they allow that.
            if self.covariance_type == "spherical" and width.mean() > 0:
                self._covars_ = np.full(self.n_components, width.mean())

    def _check_emission(self) -> None:
        covariance_checks.covariance_kind(self.covariance_type)
        means = checks.numbers(self.means_, "means_")
        if means.ndim != 2:
            raise DataError(f"means_ has shape {means.shape}, (state, component) is needed")
        shape = self.n_components, means.shape[1]
        self.means_ = checks.numbers(means, "means_", shape)
        wanted = covariance_checks.covariance_shape(self.covariance_type, *shape)
        self._covars_ = checks.numbers(self._covars_, "covars_", wanted)

    def _remedy(self, summary: streams.DataSummary) -> str:
        means = "fewer states or another random_state"
        if self.prior_mode == "hmmlearn":
            means = f'use prior_mode="floor", {means}'
        else:
            means = f"use a larger min_covar, {means}"
        flat = dependent(summary.covariance) if self.covariance_type in ("full", "tied") else []
        if flat:
            means += (
                "; components that are constant or that others determine: "
                f"{', '.join(map(str, flat))}"
            )
        return means

    def _family(self) -> Gaussian:
        return Gaussian(self.covariance_type)

    def _centred(self, data: Sequences) -> tuple[Family, Parameters, Floats | None]:
        kind, covars = self.covariance_type, self._covars_
        if kind == "tied":
            kind, covars = "full", self.covars_
        centre = data.observed.mean(axis=0)
        emission = ((self.means_ - centre)[None], covars[None])
        batch = Parameters(self.startprob_[None], self.transmat_[None], emission)
        return Gaussian(kind), batch, centre

    def _prior(self, summary: streams.DataSummary, centre: Floats | None) -> Prior:
        k, d = self.n_components, summary.n_components
        start = checks.prior(self.startprob_prior, "startprob_prior", (k,), 0)
        trans = checks.prior(self.transmat_prior, "transmat_prior", (k, k), 0)
        means = checks.prior(self.means_prior, "means_prior", (k, d))
        means_weight = checks.prior(self.means_weight, "means_weight", (k, d), 0)
        if self.prior_mode == "floor":
            floor = self.min_covar * float(np.trace(summary.covariance)) / summary.n_components
            floored = mstep.floor_prior(
                self.covariance_type,
                floor,
                summary.n_frames,
                self.n_components,
                summary.n_components,
            )
            covars, weight = floored.covars, floored.covars_weight
        else:
            kind = self.covariance_type
            matrix = kind in ("full", "tied")
            shape = covariance_checks.covariance_shape(kind if matrix else "diag", k, d)
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


def log_constant_columns(covariance: NDArray[np.float64]) -> list[int]:
    """Log which components never move, or barely, and return the former.

    The first have a standard deviation below 1e-9 of the root mean square over components, the
    second below 1e-3. Neither separates states, and each adds the logarithm of its tiny width to
    every frame's likelihood.

    Parameters
    ----------
    covariance : ndarray of shape (component, component)
        Of the data.

    Returns
    -------
    list of int
        Components that never move.
    """
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    size = np.sqrt((spread**2).mean()) if len(spread) else 0.0
    dead = spread <= 1e-9 * size
    faint = ~dead & (spread < 1e-3 * size)
    for which, word in ((dead, "never move"), (faint, "barely move")):
        if which.any():
            names = ", ".join(map(str, np.flatnonzero(which)))
            log.warning("components that %s: %s; drop them, or rely on the floor", word, names)
    return np.flatnonzero(dead).tolist()
