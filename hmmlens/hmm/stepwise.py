"""Estimation of a model chunk by chunk, as data arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from numpy.typing import ArrayLike

from hmmlens.errors import DataError
from hmmlens.hmm.engine import em, mstep, streams
from hmmlens.hmm.engine.blocks import Workspace
from hmmlens.hmm.engine.engines import expectation
from hmmlens.hmm.engine.parameters import Statistics
from hmmlens.hmm.fitting import FittableHMM

#: Stepwise EM gives the k-th chunk the weight (k + 2) ** -STEP (Cappe & Moulines 2009; above
#: 1/2 the steps settle, below 1 they still travel far). A constant, because models have the
#: parameters of hmmlearn's, and every exponent between these bounds leads to the same optimum.
STEP = 0.6


class StepwiseHMM(FittableHMM):
    """A model that can also be fitted chunk by chunk."""

    _running: Statistics | None = None
    _n_chunks: int = 0

    def partial_fit(
        self, X: ArrayLike, lengths: ArrayLike | None = None, *, mask: ArrayLike | None = None
    ) -> Self:
        """Take one step of stepwise EM, an approximation that reads each chunk once or a few times.

        The statistics of the chunk enter a running mean, and the M-step follows (Cappé & Moulines
        2009). The first call also initialises the parameters. A chunk should hold many frames of
        every state.

        Parameters
        ----------
        X, lengths, mask : array_like
            A chunk, in one of the layouts of the class.

        Returns
        -------
        self
            The updated model.

        Raises
        ------
        DataError
            When the data do not fit, or a parameter is no longer finite.
        """
        self._check_settings()
        data = self._check_data(X, lengths, mask, self._summary is not None)
        if self._summary is None:
            self._summary = streams.summarise(streams.ChunkedData(data, lambda: iter([data])),
                                        self.n_components)  # fmt: skip
            self._initialise(self._summary)
            self._running, self._n_chunks = None, 0
        else:
            n_frames = self._summary.n_frames + len(data.observed)
            self._summary = replace(self._summary, n_frames=n_frames, sample=data.frames[:0])
        self._check_is_fitted()
        summary, family = self._summary, self._family()
        old = self._get_batch(summary)
        blocks = self._pack(data, summary)
        expect = expectation(self.engine, self.device)
        statistics = em.total(lambda: blocks, old, family, expect, Workspace())
        mean = statistics.scaled(1 / len(data.observed))
        if self._running is not None:
            weight = (self._n_chunks + 2) ** -STEP
            mean = mean.scaled(weight)
            mean += self._running.scaled(1 - weight)
        self._running, self._n_chunks = mean, self._n_chunks + 1
        # Scaled to all frames so far, so that priors weigh as they do in fit.
        stats, prior = mean.scaled(summary.n_frames), self._prior(summary, self._centre(summary))
        new = mstep.maximise(old, stats, family, prior, self.params)
        if not mstep.all_finite(new).all():
            raise DataError("the chunk led to a parameter that is not finite; give larger chunks")
        self._set_batch(new, summary)
        return self
