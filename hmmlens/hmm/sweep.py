"""Fit hidden Markov models with many state counts and restarts to one data set."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm import hmmlearn_engine
from hmmlens.hmm.models import GaussianHMM, HiddenMarkovModel, steps_inside
from hmmlens.seeds import derive_seed

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

#: Frames from which k-means draws its start; more change the start little and cost much.
KMEANS_FRAMES = 4000


class HMMSweep:
    """All state counts, covariance types and restarts of one data set.

    Parameters
    ----------
    n_states : state counts to fit; 1 is the baseline without states.
    covariance_types : spherical, diag, full, tied; not used for symbols.
    n_restarts : fits from different starts for each count; one is enough for a single state.
    emission : ``gaussian`` for values, ``categorical`` for symbols.
    engine : ``hmmlearn``.
    max_iter, tol : EM stops after so many steps, or when one gains less than ``tol`` nats per
        frame.
    min_covar : variance added to every direction, relative to the data's mean variance.
    random_state : seed of the starts. A restart's start depends on it, on the state count and on
        the restart's number, not on what else is fitted.

    Attributes
    ----------
    results_ : DataFrame, one row per fit: ``covariance_type, n_states, restart, log_likelihood,
        bic, aic, icl, held_out, n_iter, converged, n_floored, n_rescued, seconds``. Likelihoods
        are in nats over all train frames, ``held_out`` in nats per frame. A fit that broke down
        has NaN.
    models_ : dict (covariance_type, n_states) -> model of the best restart by likelihood.
    n_frames_ : train frames.
    """

    def __init__(
        self,
        n_states: Iterable[int] = range(1, 11),
        covariance_types: Sequence[str] = ("tied",),
        n_restarts: int = 3,
        emission: str = "gaussian",
        engine: str = "hmmlearn",
        max_iter: int = 50,
        tol: float = 1e-5,
        min_covar: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.n_states = list(n_states)
        self.covariance_types = list(covariance_types)
        self.n_restarts = n_restarts
        self.emission = emission
        self.engine = engine
        self.max_iter = max_iter
        self.tol = tol
        self.min_covar = min_covar
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None = None,
        held_out: ArrayLike | None = None,
        held_out_lengths: ArrayLike | None = None,
    ) -> HMMSweep:
        """Fit every model to ``X``.

        Parameters
        ----------
        X, held_out : (sequence, time, component) values or (sequence, time) symbols.
        lengths, held_out_lengths : (sequence); None where all are whole.

        Raises
        ------
        DataError
            When ``X`` has the wrong shape, holds NaN or infinity, or has fewer frames than states.
        """
        data = self._check(X)
        inside = steps_inside(lengths, *data.shape[:2])
        frames, ends = data[inside], inside.sum(axis=1)
        if len(frames) < max(self.n_states):
            raise DataError(
                f"X has {len(frames)} frames, fewer than n_states={max(self.n_states)}; "
                "give more data or smaller state counts"
            )
        test = None if held_out is None else self._check(held_out)
        self.n_frames_ = len(frames)
        self.models_: dict[tuple[str, int], HiddenMarkovModel] = {}
        rows = []
        types = self.covariance_types if self.emission == "gaussian" else ["none"]
        for covariance_type in types:
            for n_states in self.n_states:
                best = -np.inf
                # With one state every start gives the same model.
                for restart in range(self.n_restarts if n_states > 1 else 1):
                    began = time.perf_counter()
                    fit = self._fit_one(frames, ends, covariance_type, n_states, restart)
                    row = {
                        "covariance_type": covariance_type,
                        "n_states": n_states,
                        "restart": restart,
                        **self._describe(fit, data, lengths, test, held_out_lengths),
                        "seconds": time.perf_counter() - began,
                    }
                    rows.append(row)
                    if fit.model is not None and row["log_likelihood"] > best:
                        best = row["log_likelihood"]
                        self.models_[covariance_type, n_states] = fit.model
                log.info("%s, %d states: log-likelihood %.1f", covariance_type, n_states, best)
        self.results_ = pd.DataFrame(rows)
        return self

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        data = np.asarray(X)
        if self.emission == "categorical":
            if data.ndim != 2 or not np.issubdtype(data.dtype, np.integer):
                raise DataError("X must hold whole numbers, one symbol each, as (sequence, time)")
            return data.astype(np.int64)
        if data.ndim != 3:
            raise DataError(f"X has shape {data.shape}; (sequence, time, component) is needed")
        data = data.astype(np.float64)
        if not np.isfinite(data).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(data))[0])
            raise DataError(f"X holds a value that is not finite at {where}; remove or fill it")
        return data

    def _fit_one(
        self,
        frames: NDArray[Any],
        lengths: NDArray[np.integer],
        covariance_type: str,
        n_states: int,
        restart: int,
    ) -> hmmlearn_engine.Fit:
        seed = derive_seed(self.random_state, "restart", n_states, restart)
        if self.emission == "categorical":
            begin = start_categorical(frames, n_states, seed)
            return hmmlearn_engine.fit_categorical(
                frames, lengths, begin, self.max_iter, self.tol * len(frames)
            )
        floor = self.min_covar * float(frames.var(axis=0).mean())
        return hmmlearn_engine.fit_gaussian(
            frames,
            lengths,
            covariance_type,
            start_gaussian(frames, n_states, floor, seed, spread=restart % 2 == 1),
            floor,
            self.max_iter,
            self.tol * len(frames),
        )

    def _describe(
        self,
        fit: hmmlearn_engine.Fit,
        data: NDArray[Any],
        lengths: ArrayLike | None,
        test: NDArray[Any] | None,
        test_lengths: ArrayLike | None,
    ) -> dict[str, Any]:
        if fit.model is None:
            scores = dict.fromkeys(("log_likelihood", "bic", "aic", "icl", "held_out"), np.nan)
            return {**scores, "n_iter": len(fit.history), "converged": False} | {
                "n_floored": 0,
                "n_rescued": int(fit.rescued),
            }
        log_likelihood = fit.model.score(data, lengths)
        entropy = float(fit.model.smooth(data, lengths)[1].sum())
        bic = -2 * log_likelihood + fit.model.n_parameters * np.log(self.n_frames_)
        held = np.nan
        if test is not None:
            inside = steps_inside(test_lengths, *test.shape[:2])
            held = fit.model.score(test, test_lengths) / inside.sum()
        return {
            "log_likelihood": log_likelihood,
            "bic": bic,
            "aic": -2 * log_likelihood + 2 * fit.model.n_parameters,
            "icl": bic + 2 * entropy,
            "held_out": held,
            "n_iter": len(fit.history),
            "converged": fit.converged,
            "n_floored": self._n_floored(fit.model, data[steps_inside(lengths, *data.shape[:2])]),
            "n_rescued": int(fit.rescued),
        }

    def _n_floored(self, model: HiddenMarkovModel, frames: NDArray[Any]) -> int:
        """Count covariance eigenvalues of which the added floor is more than half."""
        if not isinstance(model, GaussianHMM):
            return 0
        floor = self.min_covar * float(frames.var(axis=0).mean())
        tied = model.covariance_type == "tied"
        return int(
            (np.linalg.eigvalsh(model.covars_[:1] if tied else model.covars_) < 2 * floor).sum()
        )


def start_gaussian(
    frames: Floats, n_states: int, floor: float, seed: int, spread: bool = False
) -> dict[str, Floats]:
    """Return a start for EM: means, one covariance for all states, sticky chain.

    Parameters
    ----------
    frames : (frame, component)
    spread : False takes k-means centres and the covariance within clusters, which leads to
        states that are places. True takes frames at random and the covariance of all frames,
        from where EM also finds states that share a place and differ in spread.
    """
    rng = np.random.default_rng(seed)
    if spread:
        means = frames[rng.choice(len(frames), n_states, replace=False)]
        residual = frames - frames.mean(axis=0)
    else:
        from sklearn.cluster import KMeans

        size = min(len(frames), KMEANS_FRAMES)
        sample = frames[np.sort(rng.choice(len(frames), size, replace=False))]
        clusters = KMeans(n_states, n_init=1, random_state=int(rng.integers(2**31))).fit(sample)
        means = clusters.cluster_centers_
        residual = sample - means[clusters.labels_]
    covariance = residual.T @ residual / len(residual) + floor * np.eye(frames.shape[1])
    return {**_sticky(n_states), "means": means, "covariance": covariance}


def start_categorical(symbols: NDArray[np.int64], n_states: int, seed: int) -> dict[str, Floats]:
    """Return a start for EM: symbol laws drawn around the overall one, sticky chain."""
    rng = np.random.default_rng(seed)
    law = np.bincount(symbols.ravel()) + 1.0
    law /= law.sum()
    emissionprob = rng.dirichlet(2 * len(law) * law, size=n_states) + 1e-3
    emissionprob /= emissionprob.sum(axis=1, keepdims=True)
    return {**_sticky(n_states), "emissionprob": emissionprob}


def _sticky(n_states: int) -> dict[str, Floats]:
    stay = 0.8
    transmat = np.full((n_states, n_states), (1 - stay) / n_states) + stay * np.eye(n_states)
    return {"startprob": np.full(n_states, 1 / n_states), "transmat": transmat}
