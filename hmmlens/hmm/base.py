"""Scores, posteriors, state paths and samples of a fitted model, whatever it emits."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.arguments import check_count
from hmmlens.errors import DataError
from hmmlens.hmm import checks, inference
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.criteria import InformationCriteria
from hmmlens.hmm.engine.blocks import Block
from hmmlens.hmm.engine.packing import pack
from hmmlens.hmm.engine.passes import longpass
from hmmlens.hmm.engine.passes.longpass import Posteriors
from hmmlens.hmm.estimator import Estimator
from hmmlens.hmm.inference import FilterResult
from hmmlens.hmm.stepwise import StepwiseHMM
from hmmlens.observations import Sequences
from hmmlens.stats.transitions import stationary
from hmmlens.typing import Floats, Int64s


class HiddenMarkovModel(InformationCriteria, StepwiseHMM, Estimator):
    """Base of :class:`GaussianHMM` and :class:`CategoricalHMM`, whose parameters it documents.

    Data are *flat* as in hmmlearn, one sequence after another, with ``lengths`` that add up to
    the number of frames; or *padded* (sequence, time, ...) with the length of each sequence, where
    the data do not carry it; or a list of sequences. Arrays of any kind are accepted, see
    :mod:`hmmlens.arrays`.
    Results for each frame have the layout of the data. ``mask``, (frame) or (sequence, time), is
    False for frames that were not observed: their values are not used, and the chain moves on
    through them.
    """

    def set_params(self, **params: Any) -> Self:
        """Set arguments of the constructor and clear the record of an earlier fit.

        Parameters
        ----------
        **params : object
            New values by name.

        Returns
        -------
        self
            The model.

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

    def _posteriors(self, data: Sequences, smooth: bool = True, refuse: bool = True) -> Posteriors:
        """Return posteriors of each frame; without ``smooth`` the smoothed ones are empty.

        ``refuse`` is that of :func:`hmmlens.hmm.inference.forward`.
        """
        if pack(data.lengths).is_cut:
            # Few long sequences: step by step they would take as long as many short ones.
            family, batch, centre = self._centred(data)
            posteriors = longpass.posteriors(
                batch, family, Block(data.frames, data.lengths, centre)
            )
            if posteriors is not None:
                return posteriors
        density, inside = self._observe(data)
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
    ) -> FilterResult:
        """Return filtered posteriors and log-likelihoods (Rabiner 1989, eq. 19 to 21).

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        FilterResult
            p(state_t | y_1:t), p(state_t | y_1:t-1), both (sequence, time, state) or (frame, state)
            for flat data, and log p(y_1:T) (sequence,).
        """
        self._check_is_fitted()
        data = self._check_data(X, lengths, mask)
        result = self._posteriors(data, smooth=False)
        return FilterResult(
            data.like_input(result.filtered, 0.0),
            data.like_input(result.predicted, 0.0),
            result.log_likelihood,
        )

    def smooth(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Return smoothed posteriors and the entropy of each sequence's state path.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        posteriors : ndarray of shape (sequence, time, state), or (frame, state) for flat data
            p(state_t | y_1:T); 0 past a sequence's end.
        entropy : ndarray of shape (sequence,)
            H(state path | data) in nats (Hernando et al. 2005).
        """
        self._check_is_fitted()
        return self.smooth_checked(self._check_data(X, lengths, mask))

    def smooth_checked(self, data: Sequences) -> tuple[Floats, Floats]:
        """Return the result of :meth:`smooth` for data that have been checked.

        Parameters
        ----------
        data : Sequences
            Checked data.

        Returns
        -------
        tuple of ndarray
            Posteriors and entropies.
        """
        result = self._posteriors(data)
        return data.like_input(result.smoothed, 0.0), result.entropy

    def score_samples(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> tuple[float, Floats]:
        """Return the log-likelihood of all sequences and the smoothed posteriors.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        log_likelihood : float
            Of all sequences together, nats.
        posteriors : ndarray of shape (sequence, time, state), or (frame, state) for flat data
            p(state_t | y_1:T).
        """
        self._check_is_fitted()
        data = self._check_data(X, lengths, mask)
        result = self._posteriors(data)
        return float(result.log_likelihood.sum()), data.like_input(result.smoothed, 0.0)

    def score(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return the log-likelihood of all sequences together.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        float
            In nats; minus infinity where the model cannot emit a sequence.
        """
        self._check_is_fitted()
        return self.score_checked(self._check_data(X, lengths, mask))

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
        result = self._posteriors(data, smooth=False, refuse=False)
        return float(result.log_likelihood.sum())

    def predict_proba(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Floats:
        """Return smoothed posteriors.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        ndarray of shape (sequence, time, state), or (frame, state) for flat data
            p(state_t | y_1:T).
        """
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
        X, lengths : array_like
            Data in one of the layouts of the class, see :meth:`fit`.
        algorithm : str, optional
            ``viterbi``, the best path and its log probability (Rabiner 1989, III B); or ``map``,
            the best state of each step by itself and the sum of their posteriors. None takes that
            of the constructor.
        mask : array_like of bool, optional
            See :meth:`fit`.

        Returns
        -------
        score : float
            Log probability of the path, nats; or the sum of posteriors.
        states : ndarray of int of shape (sequence, time), or (frame,) for flat data
            -1 past a sequence's end.

        Raises
        ------
        ValueError
            When there is no such algorithm.
        """
        self._check_is_fitted()
        algorithm = algorithm or self.algorithm
        if algorithm not in ("viterbi", "map"):
            raise ValueError(f"algorithm must be viterbi or map, found {algorithm!r}")
        data = self._check_data(X, lengths, mask)
        if algorithm == "viterbi":
            distribution = self.startprob_, self.transmat_
            if pack(data.lengths).is_cut:
                quick = inference.viterbi_of_few(*distribution, self._flat(data), data.lengths)
                if quick is not None:
                    return quick[1], data.like_input(quick[0], -1)
            density, inside = self._observe(data)
            path, best = inference.viterbi(*distribution, density, inside)
            return float(best.sum()), (path if data.inside is not None else path[inside])
        gamma = self._posteriors(data).smoothed
        return float(gamma.max(axis=1).sum()), data.like_input(gamma.argmax(axis=1), -1)

    def predict(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Int64s:
        """Return the best states, see :meth:`decode`.

        Parameters
        ----------
        X, lengths, mask : array_like
            Data in one of the layouts of the class, see :meth:`fit`.

        Returns
        -------
        ndarray of int of shape (sequence, time), or (frame,) for flat data
            -1 past a sequence's end.
        """
        return self.decode(X, lengths, mask=mask)[1]

    # The chain.

    def get_stationary_distribution(self) -> Floats:
        """Return the stationary distribution of the transitions.

        Returns
        -------
        ndarray of shape (state,)
            p with p = p ``transmat_``.
        """
        self._check_is_fitted()
        return stationary(self.transmat_)

    def sample(
        self, n_samples: int = 1, random_state: Any = None, currstate: int | None = None
    ) -> tuple[NDArray[Any], Int64s]:
        """Sample one sequence.

        Parameters
        ----------
        n_samples : int, default=1
            Number of frames.
        random_state : int, RandomState or None
            Seed; None takes the constructor's.
        currstate : int, optional
            The first state; None samples it.

        Returns
        -------
        X : ndarray of shape (frame, component), or (frame, 1) of symbols
            The observations.
        states : ndarray of int of shape (frame,)
            The states that emitted them.

        Raises
        ------
        DataError
            When ``n_samples`` or ``currstate`` is out of range.
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
