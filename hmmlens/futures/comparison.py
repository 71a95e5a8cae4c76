"""Compare the futures of a sample of visited states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.futures import sampling
from hmmlens.futures.distances import combined, upper, window_distances
from hmmlens.futures.running import Continuation
from hmmlens.futures.sampling import Sample
from hmmlens.futures.settings import FutureSettings
from hmmlens.typing import Floats, Ints

#: Standard deviation of a constant output, relative to its size.
ROUNDING = 1e-5
#: States whose differences are followed over the steps.
FEW = 100


@dataclass(frozen=True)
class Comparison:
    """Futures of a sample of visited states.

    Attributes
    ----------
    sample : Sample
        The states and the continuations.
    futures : ndarray of shape (state, continuation, step, output)
        Outputs along the continuations, in standard deviations of the output.
    now : ndarray of shape (state, output)
        Present outputs, in the same unit.
    by_window : ndarray of shape (continuation, state, state)
        Distance along each continuation.
    moore : bool
        Whether the present output counts. Without it states are compared as memory: by what they do
        with the next input.
    legal : ndarray of shape (state, continuation) or None
        Steps of each continuation that count; None where all do.
    same : float
        Largest difference that counts as none.
    """

    sample: Sample
    futures: Floats
    now: Floats
    by_window: NDArray[np.float32]
    moore: bool = False
    legal: Ints | None = None
    same: float = 0.15

    @cached_property
    def distances(self) -> Floats:
        """The distance of each pair of states.

        Returns
        -------
        ndarray of shape (state, state)
            Distances.
        """
        gap = np.linalg.norm(self.now[:, None] - self.now[None], axis=2) if self.moore else None
        found = combined(self.by_window[self.separating], gap)
        # Two states that no continuation compares are compared by the network's own completion.
        if self.legal is not None and np.isnan(found).any():
            whole = combined(window_distances(self.futures, self.futures), gap)
            found = np.where(np.isnan(found), whole, found)
        return found

    @cached_property
    def separating(self) -> NDArray[np.bool_]:
        """The continuations (continuation,) along which states differ at all.

        Others, such as those that begin by resetting the memory, would hide how far apart states
        are. Where there are none, all count.

        Returns
        -------
        ndarray of shape (continuation,)
            Whether each separates any.
        """
        pairs = self.by_window[:, *np.triu_indices(len(self.now), 1)]
        # A continuation that compares no two states separates none.
        pairs = np.where(np.isnan(pairs).all(axis=1, keepdims=True), 0.0, pairs)
        found = np.nanquantile(pairs, 0.95, axis=1) >= self.same
        return found if found.any() else np.ones_like(found)

    @cached_property
    def remembered(self) -> Floats:
        """The distances of states as memory, along all continuations, without their present output.

        Returns
        -------
        ndarray of shape (state, state)
            In standard deviations of the output.
        """
        return combined(self.by_window)

    @cached_property
    def memory(self) -> float:
        """The 95 % quantile of the distances of states as memory, without their present output.

        Returns
        -------
        float
            In standard deviations of the output.
        """
        return float(np.quantile(upper(self.remembered), 0.95))

    def with_present(self) -> Comparison:
        """Return the comparison in which the present output counts.

        Returns
        -------
        Comparison
            The comparison.
        """
        return replace(self, moore=True)

    def restricted(self, legal: Ints) -> Comparison:
        """Return the comparison along legal steps only.

        Parameters
        ----------
        legal : ndarray of shape (state, continuation)
            Steps that count.

        Returns
        -------
        Comparison
            The comparison.
        """
        by_window = window_distances(self.futures, self.futures, (legal, legal))
        return replace(self, by_window=by_window, legal=legal)


def compare(
    continuation: Continuation,
    outputs: Floats,
    allowed: NDArray[np.bool_],
    settings: FutureSettings,
    n_states: int,
    rng: np.random.Generator,
) -> Comparison:
    """Run a sample of visited states along recorded continuations.

    Parameters
    ----------
    continuation : Continuation
        Runs the network.
    outputs : ndarray of shape (sequence, time, output)
        Compared values of the recorded outputs.
    allowed : ndarray of shape (sequence,)
        Sequences to sample from.
    settings : FutureSettings
        Settings.
    n_states : int
        States to compare.
    rng : numpy.random.Generator
        Source of the sample.

    Returns
    -------
    Comparison
        The futures.

    Raises
    ------
    DataError
        When no sequence is long enough.
    """
    inputs, lengths = continuation.inputs, continuation.lengths
    chosen = sampling.sample(
        inputs, lengths, allowed, n_states, settings.n_continuations,
        sampling.n_future_steps(lengths[allowed], settings.n_steps), rng,
    )  # fmt: skip
    scale = output_scale(outputs[allowed], lengths[allowed])
    futures = continuation.futures(chosen.prefixes, chosen.windows(inputs)) / scale
    now = outputs[chosen.prefixes[:, 0], chosen.prefixes[:, 1]] / scale
    by_window = window_distances(futures, futures)
    return Comparison(chosen, futures, now, by_window, same=settings.same)


def output_scale(outputs: Floats, lengths: Ints) -> float:
    """Return the standard deviation of an output, over all of its values together.

    Parameters
    ----------
    outputs : ndarray of shape (sequence, time, output)
        Outputs.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    float
        Square root of the summed variances.

    Raises
    ------
    DataError
        When the output does not vary.
    """
    steps = np.arange(outputs.shape[1])
    late = (steps >= sampling.first_step(int(lengths.max()))) & (steps < lengths[:, None])
    values = outputs[late]
    scale = float(np.sqrt(values.var(axis=0).sum())) if len(values) else 0.0
    # What is left of a constant is rounding.
    if not scale > ROUNDING * float(np.abs(values).max(initial=0.0)):
        raise DataError("the output of the network does not vary")
    return scale


def forgetting(comparison: Comparison, tolerance: float) -> int | None:
    """Return after how many common inputs two states do the same.

    Parameters
    ----------
    comparison : Comparison
        The futures.
    tolerance : float
        Largest difference of outputs that counts as none, in standard deviations.

    Returns
    -------
    int or None
        Number of inputs after which 95 % of the differences stay below the tolerance; None where
        they do not within the continuations.
    """
    futures = comparison.futures[:FEW]
    one, other = np.triu_indices(len(futures), 1)
    gaps = []
    for h in range(futures.shape[2]):
        step = np.ascontiguousarray(futures[:, :, h])
        gaps.append(float(np.quantile(np.linalg.norm(step[one] - step[other], axis=2), 0.95)))
    late = [h for h, gap in enumerate(gaps, start=1) if gap > tolerance]
    last = late[-1] if late else 0
    return None if last == len(gaps) else last


def all_inputs(inputs: NDArray[Any]) -> Floats:
    """Return inputs as numbers, symbols as indicators.

    Parameters
    ----------
    inputs : ndarray of shape (..., time) or (..., time, feature)
        Symbols or values.

    Returns
    -------
    ndarray of shape (..., time, feature)
        Numbers.
    """
    if inputs.ndim == 3:
        return inputs.astype(np.float64)
    return np.eye(int(inputs.max()) + 1)[inputs.astype(np.int64)]
