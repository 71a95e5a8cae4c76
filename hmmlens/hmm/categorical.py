"""A hidden Markov model that emits symbols."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens import observations
from hmmlens.arguments import check_count
from hmmlens.hmm import checks
from hmmlens.hmm.base import HiddenMarkovModel
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.engine import streams
from hmmlens.hmm.engine.blocks import MEMORY_LIMIT
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.hmm.engine.passes.logspace import log as log_of
from hmmlens.hmm.engine.symbols import Categorical
from hmmlens.observations import Sequences
from hmmlens.typing import Floats


class CategoricalHMM(HiddenMarkovModel):
    """Hidden Markov model that emits symbols, with hmmlearn's arguments and attributes.

    Parameters
    ----------
    n_components : int, default=1
        Number of states (hmmlearn's word).
    startprob_prior, transmat_prior, emissionprob_prior : array_like, default=1.0
        Dirichlet weights; 1 is the uniform prior.
    n_features : int, optional
        Symbols are 0 to ``n_features - 1``; None takes the number from the data.
    algorithm, random_state, n_iter, tol, verbose : object
        See :class:`GaussianHMM`.
    params, init_params : str
        Letters of what is estimated and of what is initialised before: s(tartprob), t(ransmat),
        e(missionprob).
    implementation, engine, device, memory_limit : object
        See :class:`GaussianHMM`.

    Attributes
    ----------
    startprob_ : ndarray of shape (state,)
        Initial distribution.
    transmat_ : ndarray of shape (state, next_state)
        Transition probabilities.
    emissionprob_ : ndarray of shape (state, symbol)
        Emission probabilities.
    monitor_, n_rescued_ : object
        See :class:`GaussianHMM`.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens import CategoricalHMM
    >>> model = CategoricalHMM.from_parameters(
    ...     startprob=np.array([0.5, 0.5]),
    ...     transmat=np.array([[0.9, 0.1], [0.1, 0.9]]),
    ...     emissionprob=np.array([[0.8, 0.2], [0.2, 0.8]]),
    ... )
    >>> model.predict(np.array([[0, 0, 0, 1, 1, 1, 1]])).tolist()
    [[0, 0, 0, 1, 1, 1, 1]]
    """

    emissionprob_: Floats
    prior_mode = "hmmlearn"
    _letters = {"s": "startprob_", "t": "transmat_", "e": "emissionprob_"}

    def __init__(
        self,
        n_components: int = 1,
        startprob_prior: Any = 1.0,
        transmat_prior: Any = 1.0,
        *,
        emissionprob_prior: Any = 1.0,
        n_features: int | None = None,
        algorithm: str = "viterbi",
        random_state: Any = None,
        n_iter: int = 10,
        tol: float = 1e-2,
        verbose: bool = False,
        params: str = "ste",
        init_params: str = "ste",
        implementation: str = "log",
        engine: str = "numpy",
        device: str = "auto",
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.n_components, self.n_features = n_components, n_features
        self.startprob_prior, self.transmat_prior = startprob_prior, transmat_prior
        self.emissionprob_prior = emissionprob_prior
        self.algorithm, self.random_state = algorithm, random_state
        self.n_iter, self.tol, self.verbose = n_iter, tol, verbose
        self.params, self.init_params = params, init_params
        self.implementation = implementation
        self.engine, self.device, self.memory_limit = engine, device, memory_limit
        self.monitor_ = ConvergenceMonitor(tol, n_iter, verbose)

    @classmethod
    def from_parameters(cls, startprob: Floats, transmat: Floats, emissionprob: Floats) -> Self:
        """Return a model with known parameters.

        Parameters
        ----------
        startprob : ndarray of shape (state,)
            Initial distribution.
        transmat : ndarray of shape (state, next_state)
            Transition probabilities.
        emissionprob : ndarray of shape (state, symbol)
            Emission probabilities.

        Returns
        -------
        CategoricalHMM
            A fitted model.

        Raises
        ------
        DataError
            When a shape does not fit, or a row is no distribution.
        """
        first = checks.numbers(startprob, "startprob")
        model = cls(first.size, n_features=np.shape(emissionprob)[-1])
        model.startprob_, model.transmat_ = first.copy(), np.array(transmat)
        model.emissionprob_ = np.array(emissionprob)
        model._check_is_fitted()
        return model

    def _n_free(self) -> dict[str, int]:
        k, v = np.shape(self.emissionprob_)
        return {"s": k - 1, "t": k * (k - 1), "e": k * (v - 1)}

    def log_density(self, frames: NDArray[Any]) -> Floats:
        """Return log p(symbol | state).

        Parameters
        ----------
        frames : ndarray of int of shape (frame,)
            Checked symbols.

        Returns
        -------
        ndarray of shape (frame, state)
            Natural logarithms; minus infinity where a state does not emit a symbol.
        """
        logs: Floats = log_of(np.asarray(self.emissionprob_).T)[frames]
        return logs

    def _check_data(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None,
        mask: ArrayLike | None = None,
        fitted: bool = True,
    ) -> Sequences:
        known = np.shape(self.emissionprob_)[1] if fitted else self.n_features
        return observations.symbols(X, lengths, known, mask=mask)

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.n_features is not None:
            check_count(self.n_features, "n_features")

    def _initialise(self, summary: streams.DataSummary) -> None:
        if self.n_features is None:
            self.n_features = summary.largest + 1
        self._dirichlet_start()
        if self._needs_init("e"):
            distribution = checks.generator(self.random_state).rand(
                self.n_components, self.n_features
            )
            self.emissionprob_ = distribution / distribution.sum(axis=1, keepdims=True)
        shape = self.n_components, self.n_features
        self.emissionprob_ = checks.distributions(self.emissionprob_, "emissionprob_", shape)
        self._prior(summary, None)

    def _check_emission(self) -> None:
        # hmmlearn takes one list for a model with one state.
        table = np.atleast_2d(checks.numbers(self.emissionprob_, "emissionprob_"))
        n_symbols = table.shape[-1] if self.n_features is None else self.n_features
        shape = self.n_components, n_symbols
        self.emissionprob_ = checks.distributions(table, "emissionprob_", shape)

    def _remedy(self, summary: streams.DataSummary) -> str:
        return "use an emissionprob_prior above 1, fewer states or another random_state"

    def _family(self) -> Categorical:
        return Categorical(int(self.emissionprob_.shape[1]))

    def _centred(self, data: Sequences) -> tuple[Family, Parameters, Floats | None]:
        emission = (np.asarray(self.emissionprob_)[None],)
        return (
            self._family(),
            Parameters(self.startprob_[None], self.transmat_[None], emission),
            None,
        )

    def _prior(self, summary: streams.DataSummary, centre: Floats | None) -> Prior:
        k = self.n_components
        shapes = {"startprob_prior": (k,), "transmat_prior": (k, k),
                  "emissionprob_prior": (k, int(self.n_features or 0))}  # fmt: skip
        start, trans, emission = (
            checks.prior(getattr(self, name), name, shape, 0) for name, shape in shapes.items()
        )
        return Prior(start, trans, emissionprob=emission)

    def _get_emission(self) -> tuple[Floats, ...]:
        return (self.emissionprob_,)

    def _set_emission(self, emission: tuple[Floats, ...]) -> None:
        (self.emissionprob_,) = emission

    def _draw(self, state: int, rng: Any) -> Any:
        return [(np.cumsum(self.emissionprob_[state]) > rng.rand()).argmax()]

    def to_hmmlearn(self) -> Any:
        """Return hmmlearn's model with the same arguments and parameters.

        Returns
        -------
        hmmlearn.hmm.CategoricalHMM
            Fitted when this model is.
        """
        from hmmlearn.hmm import CategoricalHMM as Reference

        arguments = self.get_params()
        for name in ("engine", "device", "memory_limit"):
            arguments.pop(name)
        model = Reference(**arguments)
        if hasattr(self, "startprob_"):
            self._check_is_fitted()
            model.n_features = self.emissionprob_.shape[1]
            model.startprob_, model.transmat_ = self.startprob_, self.transmat_
            model.emissionprob_ = self.emissionprob_
        return model

    @classmethod
    def from_hmmlearn(cls, model: Any) -> Self:
        """Return a model with the arguments and parameters of hmmlearn's.

        Parameters
        ----------
        model : hmmlearn.hmm.CategoricalHMM
            Fitted or not.

        Returns
        -------
        CategoricalHMM
            Fitted when ``model`` is.
        """
        converted = cls(**model.get_params())
        if hasattr(model, "startprob_"):
            converted.startprob_, converted.transmat_ = (
                model.startprob_.copy(),
                model.transmat_.copy(),
            )
            converted.emissionprob_ = model.emissionprob_.copy()
        return converted
