"""Gaussian hidden Markov models whose transitions depend on the input.

An input-output HMM (Bengio & Frasconi 1995) with a table of transitions for each class of inputs:
the input at a step says by which table the state moves there. A plain HMM of a driven network
averages over the inputs, and so forgets within a step what a pulse does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens import arrays, observations, ragged
from hmmlens.deprecation import renamed_names
from hmmlens.errors import DataError
from hmmlens.hmm import checks, covariance_checks
from hmmlens.hmm.engine import em
from hmmlens.hmm.engine.covariances import compact, expand
from hmmlens.hmm.engine.emissions import Gaussian, rows_to_one, weighted_log
from hmmlens.hmm.engine.input_driven_pass import Expected, expect
from hmmlens.hmm.engine.parameters import Prior, Statistics
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.hmm.inference import FilterResult
from hmmlens.observations import check_count
from hmmlens.typing import Floats, Ints

#: Weight, in transitions, of the average table in each class's table.
POOLING = 1.0
#: Share of a uniform row in the average table, so that nothing is impossible.
UNIFORM = 1e-3


@dataclass(frozen=True)
class InputDrivenHMM:
    """A Gaussian HMM with one table of transitions for each class of inputs.

    startprob : (state)
    transmat : (class, state, next_state); the class of step t moves the state from t - 1 to t
    means : (state, component)
    covars : (state, component, component), whatever the covariance type
    covariance_type : spherical, diag, full or tied

    Raises
    ------
    DataError
        When a shape does not fit, a row is no distribution, or a covariance is not positive
        definite.
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
        """Return log P(values | state) (sequence, time, state), 0 past a sequence's end."""
        plain = GaussianHMM.from_parameters(
            self.startprob, self.transmat[0], self.means, self.covars, self.covariance_type
        )
        out = np.zeros((*inside.shape, len(self.means)))
        out[inside] = plain.log_density(np.asarray(values[inside], dtype=np.float64))
        return out

    def filter(self, values: Any, classes: Any, lengths: Any = None) -> FilterResult:
        """Return filtered posteriors, which know the values and classes up to each step.

        Parameters
        ----------
        values : (sequence, time, component), or a list of sequences
        classes : (sequence, time), or a list of sequences
        lengths : (sequence); None where all are whole, or where the values carry their lengths.

        Raises
        ------
        DataError
            When shapes or classes do not fit.
        """
        values, classes, inside = checked(values, classes, lengths, len(self.transmat))
        density = self.log_density(values, inside)
        found = expect(self.startprob, self.transmat, density, classes, inside, smooth=False)
        return FilterResult(found.filtered, found.predicted, found.log_likelihood)


def checked(
    values: Any, classes: Any, lengths: Any, n_classes: int
) -> tuple[Floats, Ints, NDArray[np.bool_]]:
    """Return values (sequence, time, component), classes (sequence, time) and steps inside.

    Raises
    ------
    DataError
        When shapes or classes do not fit.
    """
    given = observations.values(values, lengths, name="values")
    if given.inside is None:
        raise DataError(
            f"values has shape {given.frames.shape}; (sequence, time, component) is needed"
        )
    found = ragged.given(classes, None, "classes")
    said, n_steps = found.values, given.inside.shape[1]
    if found.lengths is not None and not np.array_equal(found.lengths, given.lengths):
        raise DataError(
            f"classes are of sequences of {found.lengths.tolist()} steps, values of "
            f"{given.lengths.tolist()}"
        )
    if found.lengths is not None and said.ndim == 2:
        # A list as long as its longest sequence.
        said = np.pad(said, ((0, 0), (0, max(0, n_steps - said.shape[1]))))[:, :n_steps]
    if found.missing is not None:
        raise DataError("classes has masked entries; every step needs the class of its input")
    said = arrays.integers(said) if said.dtype.kind in "biu" else said
    check_classes(said, given.inside, n_classes)
    return given.padded(given.frames, 0.0), said, given.inside


def check_classes(classes: Ints, inside: NDArray[np.bool_], n_classes: int) -> None:
    """Raise :class:`DataError` unless classes (sequence, time) are 0 to ``n_classes - 1``."""
    if classes.shape != inside.shape or not np.issubdtype(classes.dtype, np.integer):
        raise DataError(
            f"input classes have shape {classes.shape} and type {classes.dtype}; whole numbers of "
            f"shape {inside.shape} are needed"
        )
    bad = np.argwhere(inside & ((classes < 0) | (classes >= n_classes)))
    if len(bad):
        sequence, step = bad[0]
        raise DataError(
            f"input class {classes[sequence, step]} at sequence {sequence}, step {step} lies "
            f"outside 0 to {n_classes - 1}"
        )


def transitions(
    states: Ints, classes: Ints, inside: NDArray[np.bool_], n_states: int, n_classes: int
) -> Floats:
    """Count transitions (class, state, next_state) of known states (sequence, time)."""
    counts = np.zeros((n_classes, n_states, n_states))
    here = inside[:, 1:]
    np.add.at(counts, (classes[:, 1:][here], states[:, :-1][here], states[:, 1:][here]), 1)
    return counts


def tables(counts: Floats) -> Floats:
    """Return transition probabilities of counts (class, state, next_state).

    Each class's counts get :data:`POOLING` transitions of the average over classes, so that a rare
    class moves as the others do until its own counts speak.
    """
    return rows_to_one(counts + POOLING * average_table(counts), counts)


def average_table(weights: Floats) -> Floats:
    """Return the average of tables or counts (class, state, next_state), never 0 anywhere."""
    n_states = weights.shape[1]
    even = np.full((n_states, n_states), 1 / n_states)
    average = rows_to_one(weights.sum(axis=0), even)
    return (1 - UNIFORM) * average + UNIFORM * even


def from_states(
    values: Floats,
    states: Ints,
    classes: Ints,
    inside: NDArray[np.bool_],
    n_states: int,
    n_classes: int,
    min_covar: float = 1e-3,
) -> InputDrivenHMM:
    """Return the tied model that known states (sequence, time) give, to start EM from.

    A state without a frame starts at the mean of all frames.

    Parameters
    ----------
    min_covar : variance added to every direction, relative to the mean variance.
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
    trans = tables(transitions(states, classes, inside, n_states, n_classes))
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
) -> tuple[InputDrivenHMM, list[float]]:
    """Estimate all parameters, or those named in ``update``, by EM.

    The tables have a Dirichlet prior around their average in ``start``, see :func:`tables`, the
    start one of a single even count; both keep every path possible. Covariances have the floor of
    :func:`hmmlens.hmm.engine.em.floor_prior`.

    Parameters
    ----------
    values, classes, lengths : see :meth:`InputDrivenHMM.filter`.
    tol : EM stops when a step gains less, nats per frame.
    min_covar : floor of the variances, relative to the mean variance of ``values``.
    update : letters of s(tartprob), t(ransmat), m(eans) and c(ovars); ``t`` alone keeps the
        emissions of a model that was fitted without inputs.

    Returns
    -------
    model : InputDrivenHMM
    history : log posterior density before each step, nats; it never falls.

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
        em.floor_prior(kind, floor, n_frames, n_states, d),
        startprob=1 + 1 / n_states,
        transmat=1 + POOLING * average_table(start.transmat),
    )
    family = Gaussian(kind)
    features = family.features((frames - centre).T, np.empty((family.n_features(d), n_frames)))
    scatter = family.scatter((frames - centre).T)
    model, history = start, list[float]()
    for _ in range(max_iter):
        density = model.log_density(values, inside)
        found = expect(model.startprob, model.transmat, density, classes, inside)
        emission = ((model.means - centre)[None], compact(model.covars, kind)[None])
        history.append(_objective(found, model, emission, family, prior))
        if len(history) > 1 and history[-1] - history[-2] < tol * n_frames:
            break
        stats = Statistics(
            log_likelihood=found.log_likelihood.sum()[None],
            start=found.smoothed[:, 0].sum(axis=0)[None],
            trans=found.trans[None],
            sums=(features @ found.smoothed[inside]).T[None],
            scatter=scatter,
            n_rescued=np.zeros(1, dtype=np.int64),
        )
        model = _maximise(model, stats, emission, family, prior, centre, update)
    return model, history


def _objective(
    found: Expected,
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
    return float(found.log_likelihood.sum() + trans + first + penalty)


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
