"""Null distributions of scores: surrogates, permutations, and their p values.

Surrogates take activations (sequence, time, component) with the length of each sequence, and do not
change what lies past an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError
from hmmlens.typing import Floats, Ints


def time_orders(length: Ints, n_steps: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a random order of each sequence's steps; the padding stays in place.

    ``np.take_along_axis`` with it shuffles activations and outputs alike, which keeps the output in
    each state and destroys the dynamics.

    Parameters
    ----------
    length : ndarray of shape (sequence,)
        Number of steps.
    n_steps : int
        Steps of the padded array.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    ndarray of shape (sequence, time)
        Random order of each sequence's steps.
    """
    inside = np.arange(n_steps) < np.asarray(length)[:, None]
    keys = np.where(inside, rng.random(inside.shape), 1.0 + np.arange(n_steps))
    return np.argsort(keys, axis=1)


def time_shuffled(values: Floats, length: Ints, rng: np.random.Generator) -> Floats:
    """Return each sequence with its steps in random order.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Activations.
    length : ndarray of shape (sequence,)
        Number of steps.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    ndarray of shape (sequence, time, component)
        Each sequence with its steps in random order.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(4, 20, 2))
    >>> shuffled = time_shuffled(values, np.full(4, 20), rng)
    >>> bool(np.allclose(np.sort(shuffled, axis=1), np.sort(values, axis=1)))
    True
    """
    order = time_orders(length, values.shape[1], rng)
    return np.take_along_axis(values, order[:, :, None], axis=1)


def phase_randomised(values: Floats, length: Ints, rng: np.random.Generator) -> Floats:
    """Return sequences with the same spectra and cross spectra and random phases.

    One random phase for each frequency, the same for all components (Prichard & Theiler 1994, Phys.
    Rev. Lett. 73:951): means, variances and all linear correlations of a sequence stay, and
    clusters of its density disappear.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Activations.
    length : ndarray of shape (sequence,)
        Number of steps.
    rng : numpy.random.Generator
        Source of the phases.

    Returns
    -------
    ndarray of shape (sequence, time, component)
        Sequences with the same spectra and cross spectra and random phases.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(4, 20, 2)).cumsum(axis=1)
    >>> surrogate = phase_randomised(values, np.full(4, 20), rng)
    >>> bool(np.allclose(surrogate.var(axis=1), values.var(axis=1)))
    True
    """
    out = values.copy()
    for i, n in enumerate(np.asarray(length)):
        spectrum = np.fft.rfft(values[i, :n], axis=0)
        turn = np.exp(2j * np.pi * rng.random(len(spectrum)))
        # The mean, and for even lengths the fastest frequency, must stay real.
        turn[0] = 1.0
        if n % 2 == 0:
            turn[-1] = 1.0
        out[i, :n] = np.fft.irfft(spectrum * turn[:, None], n=int(n), axis=0)
    return out


def var_surrogate(values: Floats, length: Ints, rng: np.random.Generator, order: int = 1) -> Floats:
    """Return samples of a vector autoregression that is fitted to all sequences.

    x_t = c + A_1 x_{t-1} + ... + e_t by least squares, e_t Gaussian with the residuals' covariance
    (Luetkepohl 2005, chapter 3). Each sequence begins with ``order`` steps of a random sequence.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Activations.
    length : ndarray of shape (sequence,)
        Number of steps.
    rng : numpy.random.Generator
        Source of the samples.
    order : int, optional
        Number of previous steps in the regression.

    Returns
    -------
    ndarray of shape (sequence, time, component)
        Samples of a vector autoregression that is fitted to all sequences.

    Raises
    ------
    DataError
        When the sequences are too few or too short to fit it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(4, 50, 2)).cumsum(axis=1)
    >>> var_surrogate(values, np.full(4, 50), rng).shape
    (4, 50, 2)
    """
    lengths = np.asarray(length)
    n_sequences, n_steps, d = values.shape
    inside = np.arange(n_steps) < lengths[:, None]
    past = np.concatenate(
        [values[:, order - lag : n_steps - lag] for lag in range(1, order + 1)], axis=2
    )
    known = inside[:, order:]
    design = np.c_[np.ones(int(known.sum())), past[known]]
    if len(design) <= design.shape[1]:
        raise DataError(
            f"a vector autoregression with {design.shape[1]} weights needs more than the "
            f"{len(design)} steps given; take fewer components"
        )
    wanted = values[:, order:][known]
    weights, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    residual = wanted - design @ weights
    covariance = residual.T @ residual / (len(design) - design.shape[1])
    noise = rng.multivariate_normal(
        np.zeros(d), covariance, size=(n_sequences, n_steps), method="eigh"
    )
    out = values.copy()
    able = np.flatnonzero(lengths >= order)
    out[:, :order] = values[rng.choice(able, n_sequences), :order]
    for t in range(order, n_steps):
        before = out[:, t - order : t][:, ::-1].reshape(n_sequences, -1)
        out[:, t] = weights[0] + before @ weights[1:] + noise[:, t]
    return np.where(inside[:, :, None], out, values)


def permuted_weights(
    weights: Mapping[str, NDArray[np.generic]], rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """Return weights whose matrices hold their entries in random order (Adebayo et al. 2018).

    Parameters
    ----------
    weights : mapping of str to ndarray
        Weights by name, as of a ``state_dict``; vectors (biases) stay as they are.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    dict of str to ndarray
        Weights whose matrices hold their entries in random order.

    Examples
    --------
    >>> weights = {"weight": np.arange(4.0).reshape(2, 2), "bias": np.array([5.0, 6.0])}
    >>> permuted = permuted_weights(weights, np.random.default_rng(0))
    >>> sorted(permuted["weight"].ravel().tolist()), permuted["bias"].tolist()
    ([0.0, 1.0, 2.0, 3.0], [5.0, 6.0])
    """
    out = {}
    for name, array in weights.items():
        moved = np.array(array)
        if moved.ndim >= 2:
            moved = rng.permutation(moved.ravel()).reshape(moved.shape)
        out[name] = moved
    return out


def circular_shifts(labels: Ints, length: Ints, rng: np.random.Generator) -> Ints:
    """Return each sequence's labels circularly shifted by a random number of steps, at least one.

    Keeps how often labels occur and how long they last, and changes when they occur. A sequence of
    one step stays.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.
    length : ndarray of shape (sequence,)
        Number of steps.
    rng : numpy.random.Generator
        Source of the shifts.

    Returns
    -------
    ndarray of shape (sequence, time)
        Each sequence's labels circularly shifted by a random number of steps.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.array([[0, 0, 0, 1, 2]])
    >>> shifted = circular_shifts(labels, np.array([5]), rng)
    >>> sorted(shifted[0].tolist()), bool((shifted != labels).any())
    ([0, 0, 0, 1, 2], True)
    """
    n = np.asarray(length)
    shift = np.zeros(len(labels), dtype=np.int64)
    shift[n > 1] = rng.integers(1, n[n > 1])
    step = np.arange(labels.shape[1])
    inside = step < n[:, None]
    came_from = np.where(inside, (step - shift[:, None]) % np.maximum(n, 1)[:, None], step)
    return np.take_along_axis(labels, came_from, axis=1)


def p_value(observed: float, null: Floats) -> float:
    """Return (1 + #{null >= observed}) / (1 + B) (Davison & Hinkley 1997, eq. 4.11).

    Parameters
    ----------
    observed : float
        The observed score.
    null : ndarray of shape (B,)
        Scores under the null hypothesis.

    Returns
    -------
    float
        (1 + #{null >= observed}) /.

    Raises
    ------
    DataError
        When a score is NaN, which is neither larger nor smaller.

    Examples
    --------
    >>> p_value(2.0, np.array([0.0, 1.0, 3.0]))
    0.5
    """
    if np.isnan(observed) or np.isnan(null).any():
        raise DataError("a p value needs scores that are numbers, and one is NaN")
    return (1 + int((null >= observed).sum())) / (1 + len(null))


def benjamini_hochberg(p: ArrayLike | Sequence[float]) -> Floats:
    """Return p values adjusted for the false discovery rate (Benjamini & Hochberg 1995).

    Of tests whose adjusted p is below .05, 5 % are false ones on average. SciPy has it too, but
    takes a second to import.

    Parameters
    ----------
    p : array_like of shape (test,)
        p values, NaN where there is no test.

    Returns
    -------
    ndarray of shape (test,)
        NaN where ``p`` is.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.2]).round(2).tolist()
    [0.03, 0.06, 0.2]
    """
    given = np.asarray(p, dtype=np.float64)
    out = np.full_like(given, np.nan)
    order = np.flatnonzero(~np.isnan(given))[np.argsort(given[~np.isnan(given)])]
    n = len(order)
    scaled = given[order] * n / np.arange(1, n + 1)
    # From the largest down, no value may be above the one after it.
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out
