"""Fit hidden Markov models with many state counts and restarts to one data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hmmlens.arguments import counts, seed
from hmmlens.deprecation import renamed_parameters
from hmmlens.errors import DataError
from hmmlens.hmm import checks, selection
from hmmlens.hmm.engine.blocks import MEMORY_LIMIT
from hmmlens.hmm.engine.initialisation import InitialisationSettings
from hmmlens.hmm.estimator import Estimator, not_fitted
from hmmlens.hmm.gaussian_states import log_constant_columns
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.hmm.sweeping import audit, data_summary, inputs, task_data, tasks
from hmmlens.typing import Int64s


class HMMSweep(Estimator):
    """Hidden Markov models of all state counts, covariance types and restarts of one data set.

    An estimator in scikit-learn's sense: ``clone``, ``get_params`` and ``set_params`` work, and
    ``predict`` and ``score`` use the model that ``criterion`` chooses.

    Parameters
    ----------
    n_states : int or iterable of int, default=(1, 2, ..., 10)
        State counts to fit; 1 is the baseline without states.
    covariance_types : str or sequence of str, default=("tied",)
        Some of ``spherical``, ``diag``, ``full`` and ``tied``; not used for symbols.
    n_restarts : int, default=3
        Fits from different initialisations for each count; a single state is fitted once.
    emission : str, default="gaussian"
        ``gaussian`` for values, ``categorical`` for symbols.
    engine : str, default="numpy"
        ``numpy``; ``torch``; or ``hmmlearn``, the reference.
    max_iter : int, default=50
        Largest number of EM steps.
    tol : float, default=1e-5
        EM stops when a step raises the log-likelihood by less, nats per frame.
    min_covar : float, default=1e-3
        Variance added to every direction, relative to the mean variance of the data.
    random_state : int, RandomState, Generator or None, default=0
        Seed of the initialisations; None takes a fresh one. The initialisation of a restart
        depends on it, on the state count and on the number of the restart, not on what else is
        fitted.
    halving : bool, default=False
        Give up the worse half of the restarts after 10 steps and again after 25, as long as 4
        remain. A restart that was given up is not ``converged``.
    n_jobs : int, default=1
        Processes; the numbers do not depend on it.
    memory_limit : int, default=2**29
        Bytes that EM may use in each process, the data not counted.
    n_symbols : int, optional
        Symbols are 0 to ``n_symbols - 1``; None takes all up to the largest of the train and
        held-out data.
    smoothing : float, default=0.01
        Frames that are added to the count of every symbol in every state (Lidstone smoothing), so
        that a symbol that the train data lack has a small probability and a held-out likelihood is
        finite. 0 gives the maximum-likelihood distributions; the held-out likelihood of such a
        symbol is minus infinity then.
    device : str, default="auto"
        Device of the torch engine: ``cpu``, ``cuda``, or ``auto`` for the latter where there is
        one.
    wide_initialisation : bool, default=True
        Whether every other restart begins with frames at random and the covariance of all frames,
        from where EM also finds states that share a mean and differ in covariance. Their
        likelihood is often higher. Otherwise all restarts begin with the centres of k-means.
    criterion : str, default="bic"
        ``bic``, ``aic``, ``icl`` or ``held_out``: the score by which ``best_model_`` is chosen.
    initialisation : InitialisationSettings, optional
        Of k-means and of the first chain, see :mod:`hmmlens.hmm.engine.initialisation`.

    Attributes
    ----------
    results_ : DataFrame
        One row per fit: ``covariance_type, n_states, restart, log_likelihood, bic, aic, icl,
        held_out, n_parameters, n_iter, converged, n_floored, n_rescued, n_drops, min_occupancy,
        seconds``. Likelihoods are in nats over all train frames, ``held_out`` in nats per frame.
        ``n_floored`` counts eigenvalues of covariances that are mostly floor, ``n_rescued``
        sequences that one EM step had to do in log space, ``n_drops`` steps in which the
        (penalised) likelihood fell; ``min_occupancy`` is the number of frames in the rarest state.
        A fit that broke down has NaN.
    models_ : dict
        (covariance_type, n_states) -> model of the restart with the highest likelihood.
    restarts_ : dict
        (covariance_type, n_states) -> {number of the restart: model}, that of ``models_`` first;
        where every other initialisation is wide, then the most likely of the other kind, unless
        it is as likely.
    best_model_ : GaussianHMM or CategoricalHMM
        The model that ``criterion`` chooses, see :func:`hmmlens.choose`.
    random_state_ : int
        The seed that was used; given as ``random_state``, it repeats the fit.
    n_frames_ : int
        Number of train frames.
    n_components_ : int
        Components of a frame; 1 for symbols.
    n_features_in_ : int
        The same, under scikit-learn's name.
    sample_sizes_ : SampleSizes
        See :func:`hmmlens.hmm.selection.sample_sizes`.
    audit_ : DataFrame
        What makes fits doubtful, see :func:`hmmlens.hmm.sweeping.audit.audit`.
    bic_by_sample_size_ : Penalties
        What BIC chooses with each of the sample sizes, see
        :func:`hmmlens.hmm.selection.bic_by_sample_size`.
    constant_ : list of int
        Components that never change.

    Examples
    --------
    Two states that alternate every ten steps:

    >>> import numpy as np
    >>> from hmmlens import HMMSweep
    >>> rng = np.random.default_rng(0)
    >>> states = np.tile(np.arange(60) // 10 % 2, (8, 1))
    >>> X = 4.0 * states[..., None] + rng.normal(size=(8, 60, 1))
    >>> sweep = HMMSweep(n_states=[1, 2, 3]).fit(X)
    >>> sweep.best_model_.n_components
    2
    >>> sweep.predict(X).shape
    (8, 60)
    """

    @renamed_parameters(wide_starts="wide_initialisation")
    def __init__(
        self,
        n_states: int | Iterable[int] = tuple(range(1, 11)),
        covariance_types: str | Sequence[str] = ("tied",),
        n_restarts: int = 3,
        emission: str = "gaussian",
        engine: str = "numpy",
        max_iter: int = 50,
        tol: float = 1e-5,
        min_covar: float = 1e-3,
        random_state: Any = 0,
        halving: bool = False,
        n_jobs: int = 1,
        memory_limit: int = MEMORY_LIMIT,
        n_symbols: int | None = None,
        smoothing: float = 0.01,
        device: str = "auto",
        wide_initialisation: bool = True,
        criterion: str = "bic",
        initialisation: InitialisationSettings | None = None,
    ) -> None:
        # Stored as they are, as scikit-learn's clone needs them; an iterator could be read once.
        self.n_states = list(n_states) if isinstance(n_states, Iterator) else n_states
        self.covariance_types = covariance_types
        self.n_restarts = n_restarts
        self.emission = emission
        self.engine = engine
        self.max_iter = max_iter
        self.tol = tol
        self.min_covar = min_covar
        self.random_state = random_state
        self.halving = halving
        self.n_jobs = n_jobs
        self.memory_limit = memory_limit
        self.n_symbols = n_symbols
        self.smoothing = smoothing
        self.device = device
        self.wide_initialisation = wide_initialisation
        self.criterion = criterion
        self.initialisation = initialisation

    def fit(
        self,
        X: Any,
        lengths: ArrayLike | None = None,
        held_out: Any = None,
        held_out_lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        held_out_mask: ArrayLike | None = None,
    ) -> Self:
        """Fit every model to ``X``.

        Parameters
        ----------
        X : array_like of shape (sequence, time, component) or (sequence, time)
            Values or symbols; or a list of sequences; or, with lengths, frames one sequence after
            another. Data larger than the memory come in chunks, as a Zarr or dask array or a
            function, see :meth:`hmmlens.GaussianHMM.fit`.
        lengths : array_like of int of shape (sequence,), optional
            None where all sequences are whole, or where the data carry their lengths, as DataArrays
            of :func:`hmmlens.extract` and :func:`hmmlens.reduce` do.
        held_out, held_out_lengths : array_like, optional
            Data on which each model is scored, and their lengths.
        mask, held_out_mask : array_like of bool of shape (sequence, time) or (frame,), optional
            False where a frame was not observed. The hmmlearn engine takes none.

        Returns
        -------
        self
            The fitted sweep.

        Raises
        ------
        DataError
            When an argument is of no use, or data have the wrong shape, hold NaN or infinity, or
            have fewer frames than states.
        """
        state_counts, covariance_types = self._grid()
        inputs.check_settings(self, state_counts, covariance_types)
        self.random_state_ = seed(self.random_state)
        if self.engine == "hmmlearn" and (mask is not None or held_out_mask is not None):
            raise DataError('mask needs engine="numpy" or "torch"; hmmlearn knows no mask')
        train = inputs.chunked(self, X, lengths, "X", mask)
        summary, self.sample_sizes_ = data_summary.summarise_data(train, max(state_counts))
        symbols = self.emission == "categorical"
        self.n_frames_ = summary.n_frames
        self.n_components_ = summary.n_components
        test, n_test, largest = None, 0, summary.largest
        if held_out is not None:
            width = None if symbols else self.n_components_
            test = inputs.chunked(
                self, held_out, held_out_lengths, "held_out", held_out_mask, width
            )
            for part in test.chunks():
                n_test += len(part.observed)
                largest = max(largest, int(part.frames.max())) if symbols else -1
        n_symbols = (self.n_symbols or largest + 1) if symbols else 0
        floor, self.constant_ = 0.0, []
        if not symbols:
            variance = np.diagonal(summary.covariance)
            checks.spread(variance)
            floor = self.min_covar * float(variance.mean())
            self.constant_ = log_constant_columns(summary.covariance)
        data = task_data.SweepData(
            train, test, summary.n_frames, n_test, summary.sample, summary.centre, floor
        )
        settings = task_data.SweepSettings(
            self.n_restarts, self.emission, self.engine, self.max_iter, self.tol, self.min_covar,
            self.random_state_, self.halving, self.memory_limit, max(state_counts),
            n_symbols, self.smoothing, self.device, self.wide_initialisation,
            self.initialisation or InitialisationSettings(),
        )  # fmt: skip
        kinds = ["none"] if symbols else covariance_types
        grid = [(kind, n_states) for kind in kinds for n_states in state_counts]
        self.models_: dict[tuple[str, int], HiddenMarkovModel] = {}
        self.restarts_: dict[tuple[str, int], dict[int, HiddenMarkovModel]] = {}
        rows = []
        results = tasks.run_all(data, settings, grid, self.n_jobs)
        for task, (task_rows, kept) in zip(grid, results, strict=True):
            rows.extend(task_rows)
            if kept:
                self.restarts_[task] = kept
                self.models_[task] = next(iter(kept.values()))
        self.results_ = pd.DataFrame(rows)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "results_")

    @property
    def best_model_(self) -> HiddenMarkovModel:
        """The model that ``criterion`` chooses.

        Returns
        -------
        GaussianHMM or CategoricalHMM
            One of ``models_``.
        """
        chosen = selection.choose(self.results_, self.criterion)
        return self.models_[chosen.covariance_type, chosen.n_states]

    @property
    def n_features_in_(self) -> int:
        """Components of a frame, under scikit-learn's name.

        Returns
        -------
        int
            1 for symbols.
        """
        return self.n_components_

    @property
    def audit_(self) -> pd.DataFrame:
        """What makes fits doubtful.

        Returns
        -------
        DataFrame
            See :func:`hmmlens.hmm.sweeping.audit.audit`.
        """
        return audit.audit(self.results_, self.n_components_, self.sample_sizes_)

    @property
    def bic_by_sample_size_(self) -> selection.Penalties:
        """What BIC chooses with each sample size.

        Returns
        -------
        Penalties
            See :func:`hmmlens.hmm.selection.bic_by_sample_size`.
        """
        return selection.bic_by_sample_size(self.results_, self.sample_sizes_)

    def predict(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Int64s:
        """Return the best state paths of ``best_model_``.

        Parameters
        ----------
        X, lengths, mask : array_like
            See :meth:`fit`.

        Returns
        -------
        ndarray of int of shape (sequence, time) or (frame,)
            -1 past a sequence's end.
        """
        return self._chosen().predict(X, lengths, mask=mask)

    def score(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> float:
        """Return the log-likelihood of all sequences together under ``best_model_``.

        Parameters
        ----------
        X, lengths, mask : array_like
            See :meth:`fit`.

        Returns
        -------
        float
            In nats; minus infinity where the model cannot emit a sequence.
        """
        return self._chosen().score(X, lengths, mask=mask)

    def _chosen(self) -> HiddenMarkovModel:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self, "models yet; call fit first")
        return self.best_model_

    def _grid(self) -> tuple[list[Any], list[str]]:
        """Return the state counts and the covariance types as lists."""
        kinds = self.covariance_types
        return counts(self.n_states), [kinds] if isinstance(kinds, str) else list(kinds)
