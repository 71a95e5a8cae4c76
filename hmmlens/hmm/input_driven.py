"""Gaussian hidden Markov models whose transitions depend on the input.

An input-output HMM (Bengio & Frasconi 1995) with a transition matrix for each class of inputs: the
input at a step selects the matrix that leads to the state there. A plain HMM of a driven network
averages over the inputs, and so cannot represent the effect of a pulse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.arguments import check_count
from hmmlens.deprecation import renamed_names
from hmmlens.errors import DataError
from hmmlens.hmm import checks, covariance_checks
from hmmlens.hmm.engine import mstep
from hmmlens.hmm.engine.covariances import compact, expand
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.parameters import Prior, Statistics
from hmmlens.hmm.engine.passes.input_driven_pass import DrivenStatistics, expect
from hmmlens.hmm.engine.rows import rows_to_one, weighted_log
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.hmm.inference import FilterResult
from hmmlens.hmm.input_classes import (
    POOLING,
    average_table,
    backoff,
    checked,
    tables,
    transitions,
)
from hmmlens.typing import Floats, Ints


@dataclass(frozen=True)
class InputDrivenHMM:
    """A Gaussian HMM with one transition matrix for each class of inputs.

    Attributes
    ----------
    startprob : ndarray of shape (state,)
        Initial distribution.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities; the class of step t moves the state from t - 1 to t.
    means : ndarray of shape (state, component)
        Means.
    covars : ndarray of shape (state, component, component)
        Covariances, whatever their type.
    covariance_type : str, default="tied"
        ``spherical``, ``diag``, ``full`` or ``tied``.

    Raises
    ------
    DataError
        When a shape does not fit, a row is no distribution, or a covariance is not positive
        definite.

    Examples
    --------
    An input of class 1 toggles the state:

    >>> import numpy as np
    >>> from hmmlens import InputDrivenHMM
    >>> model = InputDrivenHMM(
    ...     startprob=np.array([1.0, 0.0]),
    ...     transmat=np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]),
    ...     means=np.array([[0.0], [4.0]]),
    ...     covars=np.ones((2, 1, 1)),
    ... )
    >>> values = np.array([[[0.2], [3.9], [4.1]]])
    >>> model.filter(values, classes=np.array([[0, 1, 0]])).posteriors.argmax(axis=2).tolist()
    [[0, 1, 1]]
    """

    startprob: Floats
    transmat: Floats
    means: Floats
    covars: Floats
    covariance_type: str = "tied"

    def __post_init__(self) -> None:
        means = checks.numbers(self.means, "means")
        if means.ndim != 2:
            raise DataError(f"means has shape {means.shape}, (state, component) is needed")
        k = len(means)
        shape = (*np.shape(self.transmat)[:1], k, k)
        parts = {
            "startprob": checks.distributions(self.startprob, "startprob", (k,)),
            "transmat": checks.distributions(self.transmat, "transmat", shape),
            "means": means,
            "covars": covariance_checks.fitted_covariances(
                self.covars, self.covariance_type, means.shape
            ),
        }
        for name, part in parts.items():
            object.__setattr__(self, name, part)

    def log_density(self, values: Floats, inside: NDArray[np.bool_]) -> Floats:
        """Return log p(values | state).

        Parameters
        ----------
        values : ndarray of shape (sequence, time, component)
            Checked values.
        inside : ndarray of bool of shape (sequence, time)
            True before each sequence's end.

        Returns
        -------
        ndarray of shape (sequence, time, state)
            Natural logarithms, 0 past a sequence's end.
        """
        plain = GaussianHMM.from_parameters(
            self.startprob, self.transmat[0], self.means, self.covars, self.covariance_type
        )
        out = np.zeros((*inside.shape, len(self.means)))
        out[inside] = plain.log_density(np.asarray(values[inside], dtype=np.float64))
        return out

    def filter(self, values: Any, classes: Any, lengths: Any = None) -> FilterResult:
        """Return filtered posteriors, which depend on the values and classes up to each step.

        Parameters
        ----------
        values : array_like of shape (sequence, time, component)
            Values, or a list of sequences.
        classes : array_like of int of shape (sequence, time)
            Class of the input at each step, or a list of sequences.
        lengths : array_like of int of shape (sequence,), optional
            None where all are whole, or where the values carry their lengths.

        Returns
        -------
        FilterResult
            Probabilities, 0 past a sequence's end, and log-likelihoods.

        Raises
        ------
        DataError
            When shapes or classes do not fit.
        """
        values, classes, inside = checked(values, classes, lengths, len(self.transmat))
        density = self.log_density(values, inside)
        result = expect(self.startprob, self.transmat, density, classes, inside, smooth=False)
        return FilterResult(result.filtered, result.predicted, result.log_likelihood)


def with_inputs(model: GaussianHMM, transmat: Floats) -> InputDrivenHMM:
    """Return a model whose transitions are replaced by those given the input.

    Parameters
    ----------
    model : GaussianHMM
        A fitted model.
    transmat : ndarray of shape (class, state, next_state)
        Transition probabilities of each class of inputs.

    Returns
    -------
    InputDrivenHMM
        With the initial distribution and the emissions of ``model``.
    """
    k, d = model.means_.shape
    covars = np.broadcast_to(model.covars_, (k, d, d)).copy()
    return InputDrivenHMM(model.startprob_, transmat, model.means_, covars, model.covariance_type)


def from_states(
    values: Floats,
    states: Ints,
    classes: Ints,
    inside: NDArray[np.bool_],
    n_states: int,
    n_classes: int,
    min_covar: float = 1e-3,
    parts: Sequence[tuple[int, ...]] = (),
) -> InputDrivenHMM:
    """Return the tied model of known states, from which EM can start.

    A state without a frame has the mean of all frames.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Values.
    states, classes : ndarray of int of shape (sequence, time)
        State and class of the input at each step.
    inside : ndarray of bool of shape (sequence, time)
        True before each sequence's end.
    n_states, n_classes : int
        Numbers of states and classes.
    min_covar : float, default=1e-3
        Variance added to every direction, relative to the mean variance.
    parts : sequence of tuple of int, optional
        For each class the classes that it combines, see :func:`.input_classes.tables`.

    Returns
    -------
    InputDrivenHMM
        With one covariance for all states.
    """
    flat, label = values[inside], states[inside]
    means = np.tile(flat.mean(axis=0), (n_states, 1))
    for state in np.unique(label):
        means[state] = flat[label == state].mean(axis=0)
    residual = flat - means[label]
    d = flat.shape[1]
    floor = min_covar * float(flat.var(axis=0).mean())
    covariance = residual.T @ residual / len(flat) + floor * np.eye(d)
    first = np.bincount(states[:, 0], minlength=n_states) + 1.0
    trans = tables(transitions(states, classes, inside, n_states, n_classes), parts)
    return InputDrivenHMM(first / first.sum(), trans, means, np.tile(covariance, (n_states, 1, 1)))


def fit(
    values: Any,
    classes: Any,
    start: InputDrivenHMM,
    lengths: Any = None,
    max_iter: int = 30,
    tol: float = 1e-5,
    min_covar: float = 1e-3,
    update: str = "stmc",
    parts: Sequence[tuple[int, ...]] = (),
) -> tuple[InputDrivenHMM, list[float]]:
    """Estimate all parameters, or those named in ``update``, by EM.

    The transition matrices have a Dirichlet prior around their average in ``start`` or, for classes
    that combine others, around the composition of these, see :func:`.input_classes.backoff`; the
    initial distribution has one of a single uniform count. Both keep every path possible.
    Covariances have the floor of :func:`hmmlens.hmm.engine.mstep.floor_prior`.

    Parameters
    ----------
    values, classes : array_like
        See :meth:`InputDrivenHMM.filter`.
    start : InputDrivenHMM
        The model that EM starts from.
    lengths : array_like of int of shape (sequence,), optional
        See :meth:`InputDrivenHMM.filter`.
    max_iter : int, default=30
        Largest number of EM steps.
    tol : float, default=1e-5
        EM stops when a step gains less, nats per frame.
    min_covar : float, default=1e-3
        Floor of the variances, relative to the mean variance of ``values``.
    update : str, default="stmc"
        Letters of s(tartprob), t(ransmat), m(eans) and c(ovars); ``t`` alone keeps the emissions
        of a model that was fitted without inputs.
    parts : sequence of tuple of int, optional
        For each class the classes that it combines; by default none does.

    Returns
    -------
    model : InputDrivenHMM
        The fitted model.
    history : list of float
        Log posterior density before each step, nats; it never falls.

    Raises
    ------
    DataError
        When shapes, classes or settings do not fit, or the values do not vary.
    """
    checks.letters(update, "update", GaussianHMM._letters, "InputDrivenHMM")
    checks.number(tol, "tol")
    checks.number(min_covar, "min_covar", 0)
    check_count(max_iter, "max_iter")
    values, classes, inside = checked(values, classes, lengths, len(start.transmat))
    frames = values[inside]
    n_frames, d = frames.shape
    checks.spread(frames.var(axis=0), "values")
    centre = frames.mean(axis=0)
    floor = min_covar * float(frames.var(axis=0).mean())
    kind, n_states = start.covariance_type, len(start.means)
    prior = replace(
        mstep.floor_prior(kind, floor, n_frames, n_states, d),
        startprob=1 + 1 / n_states,
        transmat=1 + POOLING * backoff(start.transmat, average_table(start.transmat), parts),
    )
    family = Gaussian(kind)
    features = family.features((frames - centre).T, np.empty((family.n_features(d), n_frames)))
    scatter = family.scatter((frames - centre).T)
    model, history = start, list[float]()
    for _ in range(max_iter):
        density = model.log_density(values, inside)
        expected = expect(model.startprob, model.transmat, density, classes, inside)
        emission = ((model.means - centre)[None], compact(model.covars, kind)[None])
        history.append(_objective(expected, model, emission, family, prior))
        if len(history) > 1 and history[-1] - history[-2] < tol * n_frames:
            break
        stats = Statistics(
            log_likelihood=expected.log_likelihood.sum()[None],
            start=expected.smoothed[:, 0].sum(axis=0)[None],
            trans=expected.trans[None],
            sums=(features @ expected.smoothed[inside]).T[None],
            scatter=scatter,
            n_rescued=np.zeros(1, dtype=np.int64),
        )
        model = _maximise(model, stats, emission, family, prior, centre, update)
    return model, history


def _objective(
    expected: DrivenStatistics,
    model: InputDrivenHMM,
    emission: tuple[Floats, ...],
    family: Gaussian,
    prior: Prior,
) -> float:
    """Return the log-likelihood and the log prior density up to a constant."""
    weight = np.broadcast_to(np.asarray(prior.transmat) - 1, model.transmat.shape)
    trans = np.asarray(weighted_log(weight, model.transmat)).sum()
    first = (np.asarray(prior.startprob) - 1) * np.log(model.startprob).sum()
    penalty = np.asarray(family.penalty(emission, prior)).sum()
    return float(expected.log_likelihood.sum() + trans + first + penalty)


def _maximise(
    model: InputDrivenHMM,
    stats: Statistics,
    emission: tuple[Floats, ...],
    family: Gaussian,
    prior: Prior,
    centre: Floats,
    update: str,
) -> InputDrivenHMM:
    startprob, transmat = model.startprob, model.transmat
    if "s" in update:
        startprob = rows_to_one(stats.start[0] + prior.startprob - 1, startprob)
    if "t" in update:
        transmat = rows_to_one(stats.trans[0] + np.asarray(prior.transmat) - 1, transmat)
    means, covars = family.maximise(emission, stats, prior, update)
    full = expand(covars[0], model.covariance_type, *model.means.shape)
    return replace(
        model, startprob=startprob, transmat=transmat, means=means[0] + centre, covars=full
    )


__getattr__ = renamed_names(__name__, {"DrivenHMM": "InputDrivenHMM"})
