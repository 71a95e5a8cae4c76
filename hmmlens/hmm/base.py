"""What a fitted model tells, whatever it emits: scores, posteriors, paths, samples."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.hmm import checks, inference
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.engine import longpass
from hmmlens.hmm.engine.blocks import Block
from hmmlens.hmm.engine.longpass import Posteriors
from hmmlens.hmm.engine.packing import pack
from hmmlens.hmm.estimator import Estimator
from hmmlens.hmm.fitting import Fitted
from hmmlens.hmm.inference import Filtered
from hmmlens.observations import Sequences, check_count
from hmmlens.typing import Floats, Int64s


class HiddenMarkovModel(Fitted, Estimator):
    """Base of :class:`GaussianHMM` and :class:`CategoricalHMM`, whose parameters it documents.

    Data are *flat* as in hmmlearn, one sequence after another, with ``lengths`` that add up to
    the number of frames; or *padded* (sequence, time, ...) with the length of each sequence, where
    the data do not carry it; or a list of sequences. Any kind of array will do, see
    :mod:`hmmlens.arrays`.
    What comes out for each frame has the layout of the data. ``mask``, (frame) or (sequence,
    time), is False for frames that were not observed: whatever they hold is not looked at, and
    the chain moves on through them.
    """

    def set_params(self, **params: Any) -> Self:
        """Set arguments of the constructor and forget the record of an earlier fit.

        Parameters
        ----------
        **params : object
            New values by name.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When the constructor has no such argument.
        """
        super().set_params(**params)
        self.monitor_ = ConvergenceMonitor(self.tol, self.n_iter, self.verbose)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return all(hasattr(self, name) for name in self._letters.values())

    # Scores.

    def _posteriors(self, given: Sequences, smooth: bool = True, refuse: bool = True) -> Posteriors:
        """Return posteriors of each frame; without ``smooth`` those that look ahead are empty.

        ``refuse`` is that of :func:`hmmlens.hmm.inference.forward`.
        """
        if pack(given.lengths).is_cut:
            # Few long sequences: step by step they would take as long as many short ones.
            family, batch, centre = self._centred(given)
            found = longpass.posteriors(batch, family, Block(given.frames, given.lengths, centre))
            if found is not None:
                return found
        density, inside = self._observe(given)
        if not smooth:
            distribution = self.startprob_, self.transmat_
            quick = inference.filter_states(*distribution, density, inside, refuse)
            filtered, predicted = quick.posteriors[inside], quick.predicted[inside]
            return Posteriors(filtered, predicted, density[:0], quick.log_likelihood, np.empty(0))
        passed = inference.forward(self.startprob_, self.transmat_, density, inside)
        gamma, entropy = inference.smooth(passed, self.transmat_, inside)
        gamma = gamma[inside]
        filtered, predicted = np.exp(passed.posteriors[inside]), np.exp(passed.predicted[inside])
        return Posteriors(filtered, predicted, gamma, passed.log_likelihood, entropy)

    def filter(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Filtered:
        """Return filtered posteriors and log-likelihoods (Rabiner 1989, eq. 19 to 21)."""
        self._check_is_fitted()
        given = self._check_data(X, lengths, mask)
        found = self._posteriors(given, smooth=False)
        return Filtered(
            given.like_input(found.filtered, 0.0),
            given.like_input(found.predicted, 0.0),
            found.log_likelihood,
        )

    def smooth(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Return smoothed posteriors and each sequence's state entropy.

        Returns
        -------
        posteriors : (sequence, time, state), or (frame, state) for flat data
        entropy : (sequence), H(state path | data) in nats (Hernando et al. 2005)
        """
        self._check_is_fitted()
        return self.smooth_of(self._check_data(X, lengths, mask))

    def smooth_of(self, given: Sequences) -> tuple[Floats, Floats]:
        """Return what :meth:`smooth` does, of data that have been checked."""
        found = self._posteriors(given)
        return given.like_input(found.smoothed, 0.0), found.entropy

    def score_samples(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> tuple[float, Floats]:
        """Return the log-likelihood of all sequences and the smoothed posteriors."""
        self._check_is_fitted()
        given = self._check_data(X, lengths, mask)
        found = self._posteriors(given)
        return float(found.log_likelihood.sum()), given.like_input(found.smoothed, 0.0)

    def score(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return the log-likelihood of all sequences together, in nats.

        It is minus infinity where the model cannot emit a sequence.
        """
        self._check_is_fitted()
        return self.score_of(self._check_data(X, lengths, mask))

    def score_of(self, given: Sequences) -> float:
        """Return the log-likelihood of data that have been checked."""
        found = self._posteriors(given, smooth=False, refuse=False)
        return float(found.log_likelihood.sum())

    def predict_proba(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Floats:
        """Return smoothed posteriors (sequence, time, state), or (frame, state) for flat data."""
        return self.score_samples(X, lengths, mask=mask)[1]

    def decode(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None = None,
        algorithm: str | None = None,
        *,
        mask: ArrayLike | None = None,
    ) -> tuple[float, Int64s]:
        """Return the best states and their score.

        Parameters
        ----------
        algorithm : ``viterbi``, the best path and its log probability; or ``map``, the best state
            of each step by itself and the sum of their posteriors. None takes the constructor's.

        Returns
        -------
        score : float
        states : (sequence, time), -1 past the end; or (frame) for flat data
        """
        self._check_is_fitted()
        algorithm = algorithm or self.algorithm
        if algorithm not in ("viterbi", "map"):
            raise ValueError(f"algorithm must be viterbi or map, found {algorithm!r}")
        given = self._check_data(X, lengths, mask)
        if algorithm == "viterbi":
            distribution = self.startprob_, self.transmat_
            if pack(given.lengths).is_cut:
                quick = inference.viterbi_of_few(*distribution, self._flat(given), given.lengths)
                if quick is not None:
                    return quick[1], given.like_input(quick[0], -1)
            density, inside = self._observe(given)
            path, best = inference.viterbi(*distribution, density, inside)
            return float(best.sum()), (path if given.inside is not None else path[inside])
        gamma = self._posteriors(given).smoothed
        return float(gamma.max(axis=1).sum()), given.like_input(gamma.argmax(axis=1), -1)

    def predict(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Int64s:
        """Return the best states, see :meth:`decode`."""
        return self.decode(X, lengths, mask=mask)[1]

    def bic(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return -2 log L + m log N, N being the observed frames; the lower the better.

        It is infinite where the model cannot emit the data, as are AIC and ICL.
        """
        self._check_is_fitted()
        given = self._check_data(X, lengths, mask)
        penalty = self.n_parameters * float(np.log(len(given.observed)))
        return -2 * self.score_of(given) + penalty

    def aic(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return -2 log L + 2 m; the lower the better."""
        return -2 * self.score(X, lengths, mask=mask) + 2 * self.n_parameters

    def icl(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return BIC + 2 H(states | data), which counts unclear states against a model.

        Biernacki, Celeux & Govaert (2000), with the entropy of whole state paths.
        """
        self._check_is_fitted()
        bic = self.bic(X, lengths, mask=mask)
        if np.isposinf(bic):
            return bic
        given = self._check_data(X, lengths, mask)
        return bic + 2 * float(self.smooth_of(given)[1].sum())

    # The chain.

    def get_stationary_distribution(self) -> Floats:
        """Return the law (state) that the transitions leave as it is."""
        self._check_is_fitted()
        k = self.n_components
        system = np.vstack([self.transmat_.T - np.eye(k), np.ones(k)])
        distribution: Floats = np.linalg.lstsq(system, np.r_[np.zeros(k), 1.0], rcond=None)[0]
        return distribution

    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[NDArray[Any], Int64s]:
        """Draw one sequence.

        Parameters
        ----------
        currstate : the first state; None draws it.

        Returns
        -------
        X : (frame, component), or (frame, 1) of symbols
        states : (frame)
        """
        self._check_is_fitted()
        check_count(n_samples, "n_samples")
        rng = checks.generator(self.random_state if random_state is None else random_state)
        if currstate is not None and currstate not in range(self.n_components):
            raise DataError(
                f"currstate must be a state from 0 to {self.n_components - 1}, found {currstate!r}"
            )
        limits = np.cumsum(self.transmat_, axis=1)
        if currstate is None:
            currstate = int((np.cumsum(self.startprob_) > rng.rand()).argmax())
        states, frames = [currstate], [self._draw(currstate, rng)]
        for _ in range(n_samples - 1):
            currstate = int((limits[currstate] > rng.rand()).argmax())
            states.append(currstate)
            frames.append(self._draw(currstate, rng))
        return np.atleast_2d(frames), np.array(states, dtype=np.int64)
