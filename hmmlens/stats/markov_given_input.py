"""Tests of whether a path of states is a Markov chain given the input of each step.

The transition probabilities of step t depend on the class of the input at step t. Paths are labels
(sequence, time), -1 past a sequence's end, and classes have the same shape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.stats.chain_given_input import simulated, transition_tables
from hmmlens.stats.entropy import entropy
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Ints

#: Differences of information, in bits, that rounding can cause.
ROUNDING = 1e-9


class ConditionalOrderTest(NamedTuple):
    """A test of whether the state before the present one is informative, given state and input.

    Attributes
    ----------
    information : float
        I(next state; state before | present state, next input) in bits.
    entropy : float
        H(next state | present state, next input) in bits, of which ``information`` is a part.
    null : ndarray of shape (sample,)
        Information with the states before in random order, within steps of the same present state
        and next input.
    p : float
        Share of these that are as large.
    least_p : float
        Smallest p that these data allow: that of the largest information which the frequencies of
        the states before and of the next states permit.
    n_transitions : int
        Number of steps with a state before and a next state.
    """

    information: float
    entropy: float
    null: Floats
    p: float
    least_p: float
    n_transitions: int


def order_test(
    path: Ints, classes: Ints, n_states: int, n_samples: int, rng: np.random.Generator
) -> ConditionalOrderTest:
    """Test a chain of order one, given the input, against a longer memory.

    Within steps of the same present state and next input, the next state of a Markov chain does not
    depend on the state before. The null puts the states before in random order within such steps,
    which keeps the frequencies of both.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    n_states : int
        Number of states.
    n_samples : int
        Number of random orders.
    rng : numpy.random.Generator
        Source of the orders.

    Returns
    -------
    ConditionalOrderTest
        The test.

    Raises
    ------
    DataError
        When no sequence holds three steps.

    Examples
    --------
    A switch that pulses move is a Markov chain given the pulses:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> pulses = (rng.random((20, 100)) < 0.5).astype(int)
    >>> found = order_test(pulses.cumsum(axis=1) % 2, pulses, 2, n_samples=99, rng=rng)
    >>> found.information, found.entropy, found.p
    (0.0, 0.0, 1.0)
    """
    parts = path[:, :-2], path[:, 1:-1], path[:, 2:]
    known = (parts[0] >= 0) & (parts[1] >= 0) & (parts[2] >= 0)
    if not known.any():
        raise DataError("no sequence holds three steps, which a test of the order needs")
    before, present, after = (part[known].astype(np.int64) for part in parts)
    _, stratum = np.unique(classes[:, 2:][known] * n_states + present, return_inverse=True)
    order = np.argsort(stratum, kind="stable")
    before, after, stratum = before[order], after[order], stratum[order]
    n, n_strata = len(stratum), int(stratum.max()) + 1
    size = np.bincount(stratum, minlength=n_strata)
    of_before, of_after = (
        _bits(np.bincount(stratum * n_states + one, minlength=n_strata * n_states), n_strata)
        for one in (before, after)
    )

    def _information(states: Ints) -> float:
        code = (stratum * n_states + states) * n_states + after
        joint = np.bincount(code, minlength=n_strata * n_states**2)
        return float((size * (of_before + of_after - _bits(joint, n_strata))).sum() / n)

    null = np.array(
        [_information(before[np.argsort(stratum + rng.random(n))]) for _ in range(n_samples)]
    )
    information = _information(before)
    largest = float((size * np.minimum(of_before, of_after)).sum() / n)
    return ConditionalOrderTest(
        max(information, 0.0),
        float((size * of_after).sum() / n),
        np.maximum(null, 0.0),
        p_value(information - ROUNDING, null),
        p_value(largest - ROUNDING, null),
        n,
    )


def _bits(counts: Ints, n_rows: int) -> Floats:
    """Return the entropy, in bits, of each row of counts."""
    rows = counts.reshape(n_rows, -1)
    found: Floats = entropy(rows / rows.sum(axis=1, keepdims=True)) / np.log(2)
    return found


def chapman_kolmogorov(
    path: Ints,
    classes: Ints,
    n_states: int,
    n_classes: int,
    n_samples: int,
    rng: np.random.Generator,
    steps: tuple[int, ...],
) -> pd.DataFrame:
    """Compare products of the transition tables of the inputs with what is observed.

    The state after m steps has the probabilities A(x_{t+1}) A(x_{t+2}) ... A(x_{t+m}) of the row of
    the present state. Predicted and observed frequencies are compared for each present state and
    next input; the defect is their distance, rows weighted by how often they occur, as in
    :func:`hmmlens.stats.markov_tests.chapman_kolmogorov`. Its null are chains with the same tables,
    inputs, first states and lengths, whose tables are estimated anew.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    n_states, n_classes : int
        Numbers of states and classes.
    n_samples : int
        Samples of the null.
    rng : numpy.random.Generator
        Source of the samples.
    steps : tuple of int
        Numbers of steps.

    Returns
    -------
    DataFrame
        ``steps, defect``, the central 95 % of the null ``null_low, null_high``, and ``p``.

    Raises
    ------
    DataError
        When no sequence is long enough.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> pulses = (rng.random((20, 100)) < 0.5).astype(int)
    >>> path = pulses.cumsum(axis=1) % 2
    >>> chapman_kolmogorov(path, pulses, 2, 2, 99, rng, steps=(2,))["defect"].tolist()
    [0.0]
    """
    observed = _defects(path, classes, n_states, n_classes, steps)
    if np.isnan(observed).any():
        raise DataError(f"no sequence is longer than {max(steps)} steps; give fewer steps")
    tables = transition_tables(path, classes, n_states, n_classes)
    null = np.array(
        [
            _defects(one, classes, n_states, n_classes, steps)
            for one in simulated(path, classes, tables, n_samples, rng)
        ]
    )
    rows = []
    for i, m in enumerate(steps):
        low, high = np.percentile(null[:, i], [2.5, 97.5])
        rows.append((m, observed[i], low, high, p_value(observed[i] - ROUNDING, null[:, i])))
    return pd.DataFrame(rows, columns=["steps", "defect", "null_low", "null_high", "p"])


def _defects(
    path: Ints, classes: Ints, n_states: int, n_classes: int, steps: tuple[int, ...]
) -> Floats:
    """Return the defect of a path after each number of steps, NaN where no sequence is longer."""
    tables = transition_tables(path, classes, n_states, n_classes)
    predicted = (path[:, :, None] == np.arange(n_states)).astype(np.float64)
    found = dict.fromkeys(steps, np.nan)
    for m in range(1, min(max(steps), path.shape[1] - 1) + 1):
        goes_on = path[:, m:] >= 0
        moved = np.zeros((len(path), path.shape[1] - m, n_states))
        given = tables[classes[:, m:][goes_on]]
        moved[goes_on] = np.einsum("fi,fij->fj", predicted[:, :-1][goes_on], given)
        predicted = moved
        scored = goes_on & (path[:, :-m] >= 0)
        if m not in found or not scored.any():
            continue
        row = path[:, :-m][scored] * n_classes + classes[:, 1 : path.shape[1] - m + 1][scored]
        away = np.zeros((n_states * n_classes, n_states))
        np.add.at(away, row, predicted[scored])
        np.add.at(away, (row, path[:, m:][scored]), -1.0)
        found[m] = 0.5 * np.abs(away).sum() / len(row)
    return np.array([found[m] for m in steps])


def ageing(path: Ints, classes: Ints, n_states: int, n_classes: int) -> Floats:
    """Return whether states are left earlier or later the longer they have lasted, given the input.

    For each state this is the covariance of leaving it at a step with the logarithm of the steps
    that it has lasted, within steps of the same input; 0 on average for a Markov chain, whose
    dwells are geometric given the input. Visits that are under way when a sequence begins are left
    out, because their age is not known.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    n_states, n_classes : int
        Numbers of states and classes.

    Returns
    -------
    ndarray of shape (state,)
        Covariances; above 0 where long visits are more likely to end.
    """
    age = np.zeros(path.shape)
    for t in range(1, path.shape[1]):
        same = path[:, t] == path[:, t - 1]
        age[:, t] = np.where(same, np.where(age[:, t - 1] > 0, age[:, t - 1] + 1, 0), 1)
    here, after = path[:, :-1], path[:, 1:]
    known = (here >= 0) & (after >= 0) & (age[:, :-1] > 0)
    state = here[known]
    left, log_age = (here != after)[known].astype(np.float64), np.log(age[:, :-1][known])
    stratum = state * n_classes + classes[:, 1:][known]
    size = np.bincount(stratum, minlength=n_states * n_classes)
    mean = np.bincount(stratum, left, minlength=len(size)) / np.maximum(size, 1)
    product = np.bincount(state, (left - mean[stratum]) * log_age, minlength=n_states)
    covariance: Floats = product / np.maximum(np.bincount(state, minlength=n_states), 1)
    return covariance


def ageing_p(
    path: Ints, classes: Ints, n_states: int, n_classes: int, n_samples: int,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Test for each state whether its dwells are geometric given the input.

    Parameters
    ----------
    path, classes : ndarray of shape (sequence, time)
        State and class of the input of each step.
    n_states, n_classes : int
        Numbers of states and classes.
    n_samples : int
        Samples of the null: chains with the observed tables, inputs and first states.
    rng : numpy.random.Generator
        Source of the samples.

    Returns
    -------
    ndarray of shape (state,)
        Share of samples in which :func:`ageing` is as far from 0.
    """
    tables = transition_tables(path, classes, n_states, n_classes)
    samples = simulated(path, classes, tables, n_samples, rng)
    null = np.abs([ageing(one, classes, n_states, n_classes) for one in samples])
    found = np.abs(ageing(path, classes, n_states, n_classes)) - ROUNDING
    return np.array([p_value(found[k], null[:, k]) for k in range(n_states)])
