"""Tests of whether a path of states is a Markov chain: Chapman-Kolmogorov, timescales, order.

Paths are labels (sequence, time), -1 past a sequence's end. To test at a longer lag, give every
n-th step of the path.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import resampled
from hmmlens.stats.surrogates import p_value
from hmmlens.stats.transitions import counts, normalised, row_distance
from hmmlens.typing import Floats, Ints

#: Steps over which the chain predicts itself.
CK_STEPS = tuple(range(2, 11))


class OrderTest(NamedTuple):
    """A test of whether the state before the present one is informative about the next one.

    Attributes
    ----------
    information : float
        I(next; before | present) in nats.
    g2 : float
        2 N times ``information``.
    dof : int
        Degrees of freedom of the chi-square distribution to which ``g2`` tends for a Markov chain.
    p : float
        Share of shuffled paths whose information is as large.
    """

    information: float
    g2: float
    dof: int
    p: float


def _closed(moves: Floats) -> NDArray[np.intp]:
    """Return the states that are left for another of them, or for themselves."""
    keep = np.arange(len(moves))
    while True:
        left = moves[np.ix_(keep, keep)].sum(axis=1) > 0
        if left.all():
            return keep
        keep = keep[left]


def _timescales(moves: Floats, lag: int) -> Floats:
    """Return -lag / ln |eigenvalue| (process) of counted moves, NaN for states that are missing."""
    keep = _closed(moves)
    values = np.linalg.eigvals(normalised(moves[np.ix_(keep, keep)]))
    sizes = np.sort(np.abs(values))[::-1][1:]
    out = np.full(len(moves) - 1, np.nan)
    with np.errstate(divide="ignore"):
        # An eigenvalue of 1 but for rounding is a second closed set, which is never left.
        out[: len(sizes)] = np.where(sizes > 1 - 1e-12, np.inf, -lag / np.log(sizes))
    return out


def implied_timescales(
    path: Ints, n_states: int, lags: tuple[int, ...], n_bootstrap: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the timescales t_i = -lag / ln |lambda_i(lag)|, which are constant in lag for a chain.

    Swope, Pitera & Suits 2004 (J. Phys. Chem. B 108:6571). Transition matrices are counted over all
    pairs of steps that lie ``lag`` apart, and not made reversible.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step.
    n_states : int
        Number of states.
    lags : tuple of int
        Lags in steps.
    n_bootstrap : int
        Resamples of sequences.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    DataFrame
        ``lag, process`` (1 is the slowest), ``value, low, high`` in steps; limits are NaN where a
        resample misses a state.

    Raises
    ------
    DataError
        When no sequence is longer than a lag.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> path = (rng.random((20, 300)) < 0.1).cumsum(axis=1) % 2
    >>> table = implied_timescales(path, 2, lags=(1, 2), n_bootstrap=20, rng=rng)
    >>> table["lag"].tolist(), table["value"].round(0).tolist()
    ([1, 2], [4.0, 4.0])
    """
    rows = []
    for lag in lags:
        moves = counts(path, n_states, lag)
        if not moves.any():
            raise DataError(f"no sequence is longer than the lag of {lag} steps")
        value = _timescales(moves.sum(axis=0), lag)
        resampled_values = [_timescales(m, lag) for m in resampled(moves, n_bootstrap, rng)]
        # Nearest, because nothing lies between a number and infinity.
        low, high = np.percentile(resampled_values, [2.5, 97.5], axis=0, method="nearest")
        for i in range(n_states - 1):
            rows.append((lag, i + 1, value[i], low[i], high[i]))
    return pd.DataFrame(rows, columns=["lag", "process", "value", "low", "high"])


def chapman_kolmogorov(
    path: Ints,
    n_states: int,
    n_samples: int,
    rng: np.random.Generator,
    steps: tuple[int, ...] = CK_STEPS,
) -> pd.DataFrame:
    """Compare what the chain predicts over several steps with what is counted over them.

    The defect is the distance between A^m and the counted A_m, rows weighted by how often states
    are left (:func:`hmmlens.stats.transitions.row_distance`; Prinz et al. 2011, J. Chem. Phys.
    134:174105, IV F). Its null is a Markov chain with the counted transitions and with the same
    first states and lengths.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step.
    n_states : int
        Number of states.
    n_samples : int
        Samples of the null.
    rng : numpy.random.Generator
        Source of the samples.
    steps : tuple of int, optional
        Numbers of steps.

    Returns
    -------
    DataFrame
        ``steps, defect``, the central 95 % of the null ``null_low, null_high``, and ``p``.

    Raises
    ------
    DataError
        When no sequence is long enough, or no state is ever left.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> path = (rng.random((20, 300)) < 0.1).cumsum(axis=1) % 2
    >>> table = chapman_kolmogorov(path, 2, n_samples=99, rng=rng, steps=(2, 4))
    >>> table["steps"].tolist(), bool((table["p"] > 0.05).all())
    ([2, 4], True)
    """
    moves = counts(path, n_states).sum(axis=0)
    keep = _closed(moves)
    if not len(keep):
        raise DataError("the path ends in every state that it enters, so it has no transitions")
    # States that are never left cannot be predicted from; they leave the test with their steps.
    renamed = np.full(n_states + 1, -1)
    renamed[keep] = np.arange(len(keep))
    path = renamed[path]
    observed = _defects(path[None], len(keep), steps)[0]
    if np.isnan(observed).any():
        raise DataError(f"no sequence is longer than {max(steps)} steps; give fewer steps")
    transmat = normalised(counts(path, len(keep)).sum(axis=0))
    null = _defects(_simulated(path, transmat, n_samples, rng), len(keep), steps)
    rows = []
    for i, m in enumerate(steps):
        low, high = np.percentile(null[:, i], [2.5, 97.5])
        rows.append((m, observed[i], low, high, p_value(observed[i], null[:, i])))
    return pd.DataFrame(rows, columns=["steps", "defect", "null_low", "null_high", "p"])


def _simulated(path: Ints, transmat: Floats, n: int, rng: np.random.Generator) -> Ints:
    """Return paths (sample, sequence, time) of a chain, with the first states and gaps of ``path``.

    A step that follows a gap begins anew in the state that it has there.
    """
    upto = transmat.cumsum(axis=1)
    upto[:, -1] = 1.0
    out = np.broadcast_to(path, (n, *path.shape)).copy()
    for t in range(1, path.shape[1]):
        goes_on = (path[:, t] >= 0) & (path[:, t - 1] >= 0)
        before = out[:, goes_on, t - 1]
        u = rng.random(before.shape)
        out[:, goes_on, t] = (upto[before] <= u[..., None]).sum(axis=-1)
    return out


def _defects(paths: Ints, n_states: int, steps: tuple[int, ...]) -> Floats:
    """Return the defect of each path (sample, steps)."""
    out = np.empty((len(paths), len(steps)))
    one = _moves(paths, n_states, 1)
    for i, m in enumerate(steps):
        several = _moves(paths, n_states, m)
        for sample, (single, far) in enumerate(zip(one, several, strict=True)):
            if not far.any():
                out[sample, i] = np.nan
                continue
            # A state that a short sample never left keeps to itself.
            stuck = np.diag((single.sum(axis=1) == 0).astype(np.float64))
            predicted = np.linalg.matrix_power(normalised(single + stuck), m)
            seen = far.sum(axis=1) > 0
            distribution = far.sum(axis=1)[seen] / far.sum()
            out[sample, i] = row_distance(distribution, predicted[seen], normalised(far)[seen])
    return out


def _moves(paths: Ints, n_states: int, lag: int) -> Floats:
    """Count moves of each path: (sample, state, later state)."""
    now, then = paths[:, :, : max(paths.shape[2] - lag, 0)], paths[:, :, lag:]
    known = (now >= 0) & (then >= 0)
    code = (np.nonzero(known)[0] * n_states + now[known]) * n_states + then[known]
    shape = (len(paths), n_states, n_states)
    return np.bincount(code, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def order_test(path: Ints, n_states: int, n_samples: int, rng: np.random.Generator) -> OrderTest:
    """Test a chain of order one against a longer memory.

    ``g2`` is the likelihood ratio against order two (Billingsley 1961). Its p value shuffles the
    blocks between visits of a state, for one state after the other and within each sequence: all
    paths with the same first state and the same counts of transitions are equally likely for a
    Markov chain, whatever its transition matrix (Besag & Mondal 2013, Biometrics 69:488).

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        The state of each step.
    n_states : int
        Number of states.
    n_samples : int
        Number of shuffled paths.
    rng : numpy.random.Generator
        Source of the shuffles.

    Returns
    -------
    OrderTest
        The information and its test.

    Raises
    ------
    DataError
        When no sequence holds three steps.

    Examples
    --------
    A path that repeats 0, 0, 1, 1 has a memory of two steps:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> path = np.tile([0, 0, 1, 1], (5, 20))
    >>> order_test(path, 2, n_samples=99, rng=rng).p
    0.01
    """
    table = _triples(path, n_states)
    if not table.any():
        raise DataError("no sequence holds three steps, which a test of the order needs")
    information = _information(table)
    rows, columns = (table.any(axis=axis).sum(axis=edge) for axis, edge in ((2, 0), (0, 1)))
    dof = int((np.maximum(rows - 1, 0) * np.maximum(columns - 1, 0)).sum())
    sequences = [row[row >= 0] for row in path]
    null = np.empty(n_samples)
    for i in range(n_samples):
        for state in rng.permutation(n_states):
            sequences = [_shuffled(row, int(state), rng) for row in sequences]
        moved = np.full_like(path, -1)
        for row, sequence in zip(moved, sequences, strict=True):
            row[: len(sequence)] = sequence
        null[i] = _information(_triples(moved, n_states))
    # Shuffling that changes nothing must not look smaller by rounding.
    p = p_value(information - 1e-12, null)
    return OrderTest(information, 2 * float(table.sum()) * information, dof, p)


def _shuffled(row: Ints, state: int, rng: np.random.Generator) -> Ints:
    visits = np.flatnonzero(row == state)
    if len(visits) < 3:
        return row
    blocks = np.split(row[visits[0] : visits[-1]], visits[1:-1] - visits[0])
    order = rng.permutation(len(blocks))
    return np.concatenate([row[: visits[0]], *(blocks[i] for i in order), row[visits[-1] :]])


def _triples(path: Ints, n_states: int) -> Floats:
    """Count (before, present, next) over all sequences."""
    parts = path[:, :-2], path[:, 1:-1], path[:, 2:]
    known = (parts[0] >= 0) & (parts[1] >= 0) & (parts[2] >= 0)
    before, present, after = (part[known] for part in parts)
    code = (before * n_states + present) * n_states + after
    table: Floats = np.bincount(code, minlength=n_states**3).astype(np.float64)
    return table.reshape(n_states, n_states, n_states)


def _information(table: Floats) -> float:
    """Return I(next; before | present) in nats of counts (before, present, next)."""
    present = table.sum(axis=(0, 2), keepdims=True)
    expected = table.sum(axis=2, keepdims=True) * table.sum(axis=0, keepdims=True)
    seen = table > 0
    ratio = (table * present)[seen] / expected[seen]
    return float((table[seen] * np.log(ratio)).sum() / table.sum())
