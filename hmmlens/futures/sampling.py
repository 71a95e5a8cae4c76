"""Which visited states are compared, and which recorded inputs continue them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Ints

#: Windows from which one is chosen.
CANDIDATES = 8


class Sample(NamedTuple):
    """Visited states and continuations.

    Attributes
    ----------
    prefixes : ndarray of shape (state, 2)
        Sequence and last step of the input that led to each state.
    origins : ndarray of shape (continuation, 2)
        Sequence and first step of the inputs that continue each of them.
    n_steps : int
        Steps of a continuation.
    """

    prefixes: Ints
    origins: Ints
    n_steps: int

    def windows(self, inputs: NDArray[Any], chosen: Ints | slice = slice(None)) -> NDArray[Any]:
        """Return the continuations.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
            Recorded inputs.
        chosen : ndarray of shape (chosen,) or slice
            Which of them; all by default.

        Returns
        -------
        ndarray of shape (continuation, step) or (continuation, step, feature)
            Inputs.
        """
        return np.stack([inputs[i, t : t + self.n_steps] for i, t in self.origins[chosen]])


def first_step(n_steps: int) -> int:
    """Return the first step at which states are compared.

    Parameters
    ----------
    n_steps : int
        Steps of the longest sequence.

    Returns
    -------
    int
        An eighth of the sequence, and 5 at least where it is long enough.
    """
    return min(max(5, n_steps // 8), max(1, n_steps // 3))


def n_future_steps(lengths: Ints, most: int) -> int:
    """Return the steps of a continuation.

    Parameters
    ----------
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    most : int
        Largest number.

    Returns
    -------
    int
        Half of the median length, or ``most``.
    """
    return int(min(most, np.median(lengths) // 2))


def sample(
    inputs: NDArray[Any],
    lengths: Ints,
    allowed: NDArray[np.bool_],
    n_states: int,
    n_windows: int,
    n_steps: int,
    rng: np.random.Generator,
) -> Sample:
    """Sample visited states and continuations at random.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Recorded inputs.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    allowed : ndarray of shape (sequence,)
        Sequences to sample from.
    n_states, n_windows : int
        Sizes of the sample.
    n_steps : int
        Steps of a continuation.
    rng : numpy.random.Generator
        Source of the sample.

    Returns
    -------
    Sample
        The sample. A continuation never begins with the first input of a sequence. Half of the
        continuations are taken as they occur. Where inputs are few distinct ones, the other half
        begins with each of them about equally often, so that a rare input that separates states
        is among them.

    Raises
    ------
    DataError
        When no sequence is long enough.
    """
    first = first_step(int(lengths.max()))
    described = inputs if inputs.ndim == 3 else inputs[..., None]
    long_enough = np.flatnonzero(allowed & (lengths >= max(first + 2, n_steps + 1)))
    if not len(long_enough) or n_steps < 1:
        raise DataError(
            f"no sequence is long enough to compare futures: the longest has {lengths.max()} steps"
        )
    # Longer sequences hold more states.
    weights = lengths[long_enough] / lengths[long_enough].sum()
    rows = rng.choice(long_enough, size=n_states, p=weights)
    ends = rng.integers(first, lengths[rows])
    windows = rng.choice(long_enough, size=CANDIDATES * n_windows, p=weights)
    begins = rng.integers(1, lengths[windows] - n_steps + 1)
    origins = np.stack([windows, begins], axis=1)
    chosen = _varied(described[windows, begins], n_windows)
    return Sample(np.stack([rows, ends], axis=1), origins[chosen], n_steps)


def _varied(first: NDArray[Any], n: int) -> Ints:
    """Return windows, half of which begin with each distinct input about equally often.

    The other half is as recorded: where rare inputs erase what is held, continuations that mostly
    begin with them would show no difference of it.
    """
    recorded = np.arange((n + 1) // 2)
    varied = len(recorded) + _balanced(first[len(recorded) :], n - len(recorded))
    return np.concatenate([recorded, varied])


def _balanced(first: NDArray[Any], n: int) -> Ints:
    """Return windows that begin with each distinct input about equally often, where few are."""
    distinct, kind, count = np.unique(
        first.round(6), axis=0, return_inverse=True, return_counts=True
    )
    if len(distinct) > n:
        return np.arange(n)
    # The place of each window among those of its kind.
    kind = kind.ravel()
    order = np.argsort(kind, kind="stable")
    place = np.empty(len(kind), dtype=int)
    place[order] = np.arange(len(kind)) - np.repeat(np.cumsum(count) - count, count)
    return np.sort(np.lexsort((np.arange(len(kind)), place))[:n])
