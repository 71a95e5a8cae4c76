"""Estimation of a model by EM on all data."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.arguments import check_count
from hmmlens.errors import DataError
from hmmlens.hmm import checks, inference
from hmmlens.hmm.convergence import ConvergenceMonitor
from hmmlens.hmm.engine import em, mstep, streams
from hmmlens.hmm.engine.blocks import Block, blocks_of
from hmmlens.hmm.engine.engines import expectation, floats_per_frame
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.hmm.estimator import not_fitted
from hmmlens.observations import Sequences, hidden
from hmmlens.typing import Floats

log = logging.getLogger(__name__)


class FittableHMM(ABC):
    """A model that can be fitted; :class:`HiddenMarkovModel` adds the inference."""

    startprob_: Floats
    transmat_: Floats

    n_components: int
    startprob_prior: Any
    transmat_prior: Any
    algorithm: str
    random_state: Any
    n_iter: int
    tol: float
    verbose: bool
    params: str
    init_params: str
    implementation: str
    prior_mode: str
    engine: str
    device: str
    memory_limit: int
    monitor_: ConvergenceMonitor
    _summary: streams.DataSummary | None = None

    #: What each letter of ``params`` and ``init_params`` stands for.
    _letters: dict[str, str] = {}

    # What a kind of emission defines.

    @abstractmethod
    def log_density(self, frames: NDArray[Any]) -> Floats:
        """Return log p(frame | state) of checked frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, component) or (frame,)
            Values or symbols.

        Returns
        -------
        ndarray of shape (frame, state)
            Natural logarithms.
        """

    @abstractmethod
    def _check_data(
        self,
        X: ArrayLike,
        lengths: ArrayLike | None,
        mask: ArrayLike | None = None,
        fitted: bool = True,
    ) -> Sequences: ...

    @abstractmethod
    def _initialise(self, summary: streams.DataSummary) -> None:
        """Sample the parameters that are asked for, and check those that are set."""

    @abstractmethod
    def _check_emission(self) -> None:
        """Raise :class:`DataError` unless the parameters of the emissions are sound."""

    @abstractmethod
    def _remedy(self, summary: streams.DataSummary) -> str:
        """Return what may help where EM breaks down, for messages."""

    @abstractmethod
    def _family(self) -> Family: ...

    @abstractmethod
    def _centred(self, data: Sequences) -> tuple[Family, Parameters, Floats | None]:
        """Return a family whose features give all of the log density, its batch, and a centre."""

    def _centre(self, summary: streams.DataSummary) -> Floats | None:
        """Return what EM subtracts from values so that sums are exact; None for symbols.

        Emissions that depend on the origin, such as counts, return zeros.
        """
        return summary.centre

    @abstractmethod
    def _prior(self, summary: streams.DataSummary, centre: Floats | None) -> Prior: ...

    @abstractmethod
    def _get_emission(self) -> tuple[Floats, ...]: ...

    @abstractmethod
    def _set_emission(self, emission: tuple[Floats, ...]) -> None: ...

    @abstractmethod
    def _draw(self, state: int, rng: Any) -> Any: ...

    @abstractmethod
    def _n_free(self) -> dict[str, int]:
        """Return the number of free parameters for each letter of ``params``."""

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, as counted by BIC and AIC.

        Returns
        -------
        int
            Probabilities that add up to 1 count one less.
        """
        return sum(self._n_free().values())

    def _check_is_fitted(self) -> None:
        """Raise an error unless all parameters are there and sound; lists become arrays."""
        check_count(self.n_components, "n_components")
        for name in self._letters.values():
            if not hasattr(self, "_covars_" if name == "covars_" else name):
                raise not_fitted(self, f"{name} yet; call fit first, or set it")
        k = self.n_components
        self.startprob_ = checks.distributions(self.startprob_, "startprob_", (k,))
        # hmmlearn leaves a row of zeros where no transition was ever seen.
        self.transmat_ = checks.distributions(self.transmat_, "transmat_", (k, k), zero_rows=True)
        self._check_emission()

    def _check_settings(self) -> None:
        check_count(self.n_components, "n_components")
        checks.settings(self)
        for name in ("params", "init_params"):
            checks.letters(getattr(self, name), name, self._letters, type(self).__name__)

    def _flat(self, data: Sequences) -> Floats:
        """Return log densities (frame, state), 0 where a frame is not observed."""
        flat = self.log_density(data.frames)
        flat[hidden(data.frames)] = 0.0
        return flat

    def _observe(self, data: Sequences) -> tuple[Floats, NDArray[np.bool_]]:
        """Return log densities (sequence, time, state), 0 past the end, and the mask inside."""
        flat = self._flat(data)
        inside = data.padded(np.ones(len(flat), dtype=bool), False)
        return data.padded(flat, 0.0), inside.astype(bool)

    def fit(
        self, X: Any, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Self:
        """Estimate the parameters by EM (Rabiner 1989, III C).

        Parameters
        ----------
        X : array_like, Zarr or dask array, or callable
            Data in one of the layouts of the class; or, for data larger than memory, a Zarr or dask
            array (sequence, time, component), which is read in slices of sequences, or a function
            that returns an iterator over chunks: arrays, or tuples (array, lengths) or (array,
            lengths, mask). Every EM step reads them all once and holds one at a time.
        lengths : array_like of int of shape (sequence,), optional
            Steps of each sequence; not with a function.
        mask : array_like of bool of shape (sequence, time), or (frame,) for flat data, optional
            False where a frame was not observed; not with a function.

        Returns
        -------
        self
            The fitted model.

        Raises
        ------
        DataError
            When a setting or parameter is unsound, data do not fit, or EM breaks down.
        """
        self._check_settings()
        check = partial(self._check_data, fitted=False)
        source = streams.chunked(X, lengths, mask, check, self.memory_limit)
        summary = streams.summarise(source, self.n_components)
        self._initialise(summary)
        self._check_is_fitted()
        self._warn_of_little_data(summary)
        self._summary = None
        held = None if source.once is None else self._pack(source.once, summary)

        def _blocks() -> Iterable[Block]:
            if held is not None:
                return held
            return (block for part in source.chunks() for block in self._pack(part, summary))

        self.monitor_._reset()
        self.n_rescued_ = 0
        if self.n_iter == 0:
            return self
        (fit,) = em.fit(
            _blocks,
            self._family(),
            self._get_batch(summary),
            self._prior(summary, self._centre(summary)),
            self.n_iter,
            -np.inf,
            expectation(self.engine, self.device),
            update=self.params,
            counts_prior=self.prior_mode == "floor",
            final=False,
            on_step=self._report,
        )
        if fit.params is None:
            if not fit.history:
                self._refuse_impossible(source.chunks())
            raise DataError(
                f"EM broke down in step {len(fit.history) + 1}: a likelihood or a parameter is no "
                f"longer a finite number; {self._remedy(summary)}"
            )
        self._set_batch(fit.params, summary)
        self.n_rescued_ = fit.n_rescued
        return self

    def _pack(self, part: Sequences, summary: streams.DataSummary) -> list[Block]:
        n_features = self._family().n_features(summary.n_components)
        held = floats_per_frame(self.engine, self.n_components, n_features)
        centre = self._centre(summary)
        return blocks_of(part.frames, part.lengths, centre, held, self.memory_limit)

    def _get_batch(self, summary: streams.DataSummary) -> Parameters:
        """Return the parameters as a batch of one, means of centred values."""
        emission = tuple(part[None] for part in self._get_emission())
        batch = Parameters(self.startprob_[None], self.transmat_[None], emission)
        centre = self._centre(summary)
        back = None if centre is None else -centre
        return mstep.shift(batch, self._family(), back)

    def _set_batch(self, batch: Parameters, summary: streams.DataSummary) -> None:
        shifted = mstep.shift(batch, self._family(), self._centre(summary))
        self.startprob_, self.transmat_ = shifted.startprob[0], shifted.transmat[0]
        self._set_emission(tuple(part[0] for part in shifted.emission))

    def _report(self, log_prob: float) -> bool:
        self.monitor_.report(log_prob)
        return bool(self.monitor_.converged)

    def _dirichlet_start(self) -> Any:
        """Sample initial and transition probabilities where asked for, in hmmlearn's order."""
        rng = checks.generator(self.random_state)
        k = self.n_components
        if self._needs_init("s"):
            self.startprob_ = rng.dirichlet(np.full(k, 1 / k))
        if self._needs_init("t"):
            self.transmat_ = rng.dirichlet(np.full(k, 1 / k), size=k)

    def _needs_init(self, code: str) -> bool:
        name = self._letters[code]
        is_set = hasattr(self, "_covars_" if name == "covars_" else name)
        if is_set and code in self.init_params:
            log.warning(
                "Even though the %r attribute is set, it will be overwritten during "
                "initialization because 'init_params' contains %r", name, code,
            )  # fmt: skip
        return code in self.init_params or not is_set

    def _warn_of_little_data(self, summary: streams.DataSummary) -> None:
        """Warn where there are more parameters than numbers, in hmmlearn's words."""
        free, n_numbers = self._n_free(), summary.n_frames * summary.n_components
        n_free = sum(free[letter] for letter in set(self.params))
        if n_numbers < n_free:
            log.warning(
                "Fitting a model with %d free scalar parameters with only %d data points will "
                "result in a degenerate solution.", n_free, n_numbers,
            )  # fmt: skip

    def _refuse_impossible(self, chunks: Iterable[Sequences]) -> None:
        """Raise :class:`DataError` where the parameters that EM starts from exclude a sequence."""
        for part in chunks:
            density, inside = self._observe(part)
            try:
                inference.forward(self.startprob_, self.transmat_, density, inside)
            except DataError as error:
                names = ", ".join(self._letters.values())
                raise DataError(
                    f"EM cannot start: {error}; set parameters ({names}) that allow all data, or "
                    "let init_params sample them"
                ) from error
