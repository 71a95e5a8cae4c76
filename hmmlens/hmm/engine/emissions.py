"""What a state emits: Gaussian values or symbols, for many restarts at once.

A family turns frames into *features*, so that the log density of every state of every restart is
one matrix product, and the statistics of the M-step another with the same features:

==================  ==========================================  =======================
family              features of a frame x                       product gives
==================  ==========================================  =======================
full                1, x_i, x_i x_j (i <= j)                    log density
diag, spherical     1, x_i, x_i**2                              log density
tied                1, x_i                                      log density - common
categorical         1 where x is the symbol, 1 where hidden     probability
==================  ==========================================  =======================

Of a hidden frame a Gaussian has no features at all, so its log density is 0; symbols have one more
feature for it, whose weight is 1.

With a tied covariance the quadratic term of a frame is the same for all states: it cancels in
every posterior, and its sum over all frames follows from their one scatter matrix. The values are
centred before, so float64 keeps 8 digits of the quadratic form at a condition number of 1e8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.covariances import invert, symmetric
from hmmlens.hmm.engine.parameters import Prior, Statistics
from hmmlens.typing import Floats

LOG_2_PI = float(np.log(2 * np.pi))
#: A state with fewer frames than this (in posterior mass) keeps its old distribution.
EMPTY = 1e-8


class Gaussian:
    """Gaussian values (component, frame).

    Parameters
    ----------
    covariance_type : str
        ``spherical``, ``diag``, ``full`` or ``tied``.
    """

    logarithmic = True

    def __init__(self, covariance_type: str) -> None:
        self.covariance_type = covariance_type
        self._inverted: tuple[Floats, tuple[Floats, Floats]] | None = None

    def _invert(self, covars: Floats) -> tuple[Floats, Floats]:
        """Invert covariances; each step of EM asks for the same ones two or three times."""
        if self._inverted is None or self._inverted[0] is not covars:
            self._inverted = covars, invert(covars)
        return self._inverted[1]

    def n_features(self, n_components: int) -> int:
        """Return the number of features of a frame.

        Parameters
        ----------
        n_components : int
            Components of a frame.

        Returns
        -------
        int
            See the table above.
        """
        d = n_components
        square = {"full": d * (d + 1) // 2, "tied": 0}.get(self.covariance_type, d)
        return 1 + d + square

    def features(self, values: NDArray[np.generic], out: Floats) -> Floats:
        """Return features of centred values.

        Parameters
        ----------
        values : ndarray of shape (component, frame)
            Centred values; NaN where a frame is not observed.
        out : ndarray of shape (feature, frame)
            Written to.

        Returns
        -------
        ndarray of shape (feature, frame)
            ``out``.
        """
        x = np.asarray(values, dtype=np.float64)
        d, phi = len(x), out
        phi[0], phi[1 : d + 1] = 1, x
        if self.covariance_type == "full":
            row = d + 1
            for i in range(d):
                np.multiply(x[i], x[i:], out=phi[row : row + d - i])
                row += d - i
        elif self.covariance_type != "tied":
            np.multiply(x, x, out=phi[d + 1 :])
        unseen = np.isnan(x[0])
        if unseen.any():
            phi[:, unseen] = 0
        return phi

    def scatter(self, values: NDArray[np.generic]) -> Floats:
        """Return the sum of x x', which a tied covariance needs.

        Parameters
        ----------
        values : ndarray of shape (component, frame)
            Centred values.

        Returns
        -------
        ndarray of shape (component, component)
            Empty for other types.
        """
        x = np.asarray(values, dtype=np.float64)
        if self.covariance_type != "tied":
            return np.zeros((0, 0))
        seen = np.where(np.isnan(x[0]), 0, x)
        return seen @ seen.T

    def weights(self, emission: tuple[Floats, ...]) -> Floats:
        """Return the weights of the features in the log density.

        Parameters
        ----------
        emission : tuple of ndarray
            Means and covariances.

        Returns
        -------
        ndarray of shape (restart, state, feature)
            Weights.
        """
        means, covars = emission
        d = means.shape[2]
        if self.covariance_type in ("diag", "spherical"):
            variance = covars if covars.ndim == 3 else covars[:, :, None]
            variance = np.maximum(np.broadcast_to(variance, means.shape), np.finfo(float).tiny)
            linear = means / variance
            constant = -0.5 * (np.log(variance) + means * linear).sum(axis=2) - d / 2 * LOG_2_PI
            return np.concatenate([constant[:, :, None], linear, -0.5 / variance], axis=2)
        precision, log_det = self._invert(covars)
        if self.covariance_type == "tied":
            linear = means @ precision
            constant = -0.5 * (d * LOG_2_PI + log_det)[:, None] - 0.5 * (means * linear).sum(2)
            return np.concatenate([constant[:, :, None], linear], axis=2)
        linear = (precision @ means[..., None])[..., 0]
        constant = -0.5 * (d * LOG_2_PI + log_det + (means * linear).sum(axis=2))
        i, j = np.triu_indices(d)
        square = precision[:, :, i, j] * np.where(i == j, -0.5, -1.0)
        return np.concatenate([constant[:, :, None], linear, square], axis=2)

    def common(self, emission: tuple[Floats, ...], scatter: Floats) -> Floats | float:
        """Return the sum over frames of -x' P x / 2 for a tied covariance.

        Parameters
        ----------
        emission : tuple of ndarray
            Means and covariances.
        scatter : ndarray of shape (component, component)
            See :meth:`scatter`.

        Returns
        -------
        ndarray of shape (restart,) or float
            0 for other types.
        """
        if self.covariance_type != "tied":
            return 0.0
        total: Floats = -0.5 * (self._invert(emission[1])[0] * scatter).sum(axis=(1, 2))
        return total

    def maximise(
        self, old: tuple[Floats, ...], stats: Statistics, prior: Prior, update: str
    ) -> tuple[Floats, ...]:
        """Return means and covariances; a state without mass keeps its own.

        Parameters
        ----------
        old : tuple of ndarray
            Means and covariances of the E-step.
        stats : Statistics
            Its result.
        prior : Prior
            The prior.
        update : str
            Letters of the parameters that are estimated.

        Returns
        -------
        tuple of ndarray
            New means and covariances.
        """
        means, covars = old
        d = means.shape[2]
        post, obs = stats.sums[:, :, :1], stats.sums[:, :, 1 : d + 1]
        empty = post < EMPTY
        weight = prior.means_weight
        if "m" in update:
            new = (weight * prior.means + obs) / np.where(empty, 1, weight + post)
            means = np.where(empty, means, new)
        if "c" not in update:
            return means, covars
        away = means - prior.means
        if self.covariance_type in ("diag", "spherical"):
            square = stats.sums[:, :, d + 1 :]
            spread = weight * away**2 + square - 2 * means * obs + means**2 * post
            count = post + max(prior.covars_weight - 1, 0)
            variance = (prior.covars + spread) / np.maximum(count, 1e-5)
            if self.covariance_type == "spherical":
                variance, empty = variance.mean(axis=2), empty[:, :, 0]
            return means, np.where(empty, covars, variance)
        cross = obs[..., None] * means[:, :, None, :]
        spread = np.asarray(weight)[..., None] * away[..., None] * away[:, :, None, :]
        spread = spread - cross - cross.swapaxes(2, 3)
        spread += means[..., None] * means[:, :, None, :] * post[..., None]
        more = max(prior.covars_weight - d, 0)
        if self.covariance_type == "tied":
            spread = spread.sum(axis=1) + stats.scatter
            return means, (prior.covars + spread) / (more + post.sum(axis=1))[..., None]
        spread += symmetric(stats.sums[:, :, d + 1 :], d)
        covariance = (prior.covars + spread) / np.where(empty, 1, more + post)[..., None]
        return means, np.where(empty[..., None], covars, covariance)

    def penalty(self, emission: tuple[Floats, ...], prior: Prior) -> Floats | float:
        """Return the log prior density of means and covariances up to a constant.

        Parameters
        ----------
        emission : tuple of ndarray
            Means and covariances.
        prior : Prior
            The prior.

        Returns
        -------
        ndarray of shape (restart,) or float
            Nats.
        """
        means, covars = emission
        d = means.shape[2]
        away = means - prior.means
        if self.covariance_type in ("diag", "spherical"):
            variance = covars if covars.ndim == 3 else covars[:, :, None]
            variance = np.broadcast_to(variance, means.shape)
            pull = (prior.covars + prior.means_weight * away**2) / variance
            count = max(prior.covars_weight - 1, 0)
            total: Floats = -0.5 * (pull + count * np.log(variance)).sum(axis=(1, 2))
            return total
        precision, log_det = self._invert(covars)
        count = max(prior.covars_weight - d, 0)
        pull = (precision * prior.covars).sum(axis=(-2, -1)) + count * log_det
        if self.covariance_type == "full":
            pull = pull.sum(axis=1)
        else:
            precision = precision[:, None]
        moved = (precision @ away[..., None])[..., 0] * away
        return np.asarray(-0.5 * (pull + (prior.means_weight * moved).sum(axis=(1, 2))))
