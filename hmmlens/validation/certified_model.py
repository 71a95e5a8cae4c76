"""The hidden Markov model of certified states: its parameters given the state of each step."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hmmlens.hmm import input_classes, storage
from hmmlens.hmm.gaussian import GaussianHMM
from hmmlens.interpretation.input_events import InputEvents
from hmmlens.typing import Bools, Floats, Ints
from hmmlens.validation.certified import Certified

#: Variance added to every direction, relative to the mean variance of the data.
FLOOR = 1e-3


def of_labels(
    values: Floats, labels: Ints, n_states: int, covariance_type: str, weight: float = 0.1
) -> GaussianHMM:
    """Return the hidden Markov model of known states, by maximum likelihood.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, component)
        Observations.
    labels : ndarray of shape (sequence, time)
        State of each step, -1 where it is not known.
    n_states : int
        Number of states.
    covariance_type : {"spherical", "diag", "full", "tied"}
        Covariance type.
    weight : float, optional
        Dirichlet weight of each transition and of each first state, which keeps all possible.

    Returns
    -------
    GaussianHMM
        A state without a step has the mean and the covariance of all.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.array([[0, 0, 1, 1, 0, 0]])
    >>> model = of_labels(4.0 * labels[..., None], labels, 2, "tied")
    >>> model.means_.ravel().tolist()
    [0.0, 4.0]
    """
    known = labels >= 0
    frames, states = values[known], labels[known]
    d = frames.shape[1]
    floor = FLOOR * float(frames.var(axis=0).mean()) * np.eye(d)
    means = np.tile(frames.mean(axis=0), (n_states, 1))
    covars = np.tile(np.cov(frames.T, bias=True).reshape(d, d), (n_states, 1, 1))
    scatter = np.zeros((d, d))
    for k in np.unique(states):
        part = frames[states == k]
        means[k] = part.mean(axis=0)
        covars[k] = (part - means[k]).T @ (part - means[k]) / len(part)
        scatter += covars[k] * len(part)
    if covariance_type == "tied":
        covars = np.tile(scatter / len(frames), (n_states, 1, 1))
    elif covariance_type == "diag":
        covars = np.stack([np.diag(np.diag(c)) for c in covars])
    elif covariance_type == "spherical":
        covars = np.stack([np.eye(d) * np.trace(c) / d for c in covars])
    both = known[:, :-1] & known[:, 1:]
    moves = np.full((n_states, n_states), weight)
    np.add.at(moves, (labels[:, :-1][both], labels[:, 1:][both]), 1.0)
    first = np.full(n_states, weight) + np.bincount(states, minlength=n_states)
    return GaussianHMM.from_parameters(
        first / first.sum(), moves / moves.sum(axis=1, keepdims=True), means, covars + floor,
        covariance_type,
    )  # fmt: skip


def with_certified(sweep: xr.Dataset, reduced: xr.Dataset, certified: Certified) -> xr.Dataset:
    """Return a sweep whose models of the certified number of states have the certified states.

    Parameters
    ----------
    sweep, reduced : Dataset
        Stores of one reduction.
    certified : Certified
        The states, on the sequences of ``reduced``.

    Returns
    -------
    Dataset
        The scores of the fits stay; the parameters are those of :func:`of_labels` on train.
    """
    if reduced.attrs["emission"] != "gaussian":
        return sweep
    train = reduced["split"].to_numpy() == 0
    # Few sequences are labelled, and only these are read.
    rows = np.flatnonzero(train & (certified.classes >= 0).any(axis=1))
    values: Floats = reduced["reduced"][rows].to_numpy().astype(np.float64)
    labels = certified.classes[rows]
    inside = np.isfinite(values).all(axis=2)
    labels = np.where(inside, labels, -1)
    if not (labels >= 0).any():
        return sweep
    for kind in sweep.attrs["covariance_types"]:
        model = of_labels(np.nan_to_num(values), labels, certified.n_states, kind)
        sweep = storage.with_model(sweep, model, kind)
    return sweep


def transitions_given_input(certified: Certified, events: InputEvents, train: Bools) -> Floats:
    """Return the transition probabilities of certified states under each input event.

    Parameters
    ----------
    certified : Certified
        The states.
    events : InputEvents
        Events of the same steps.
    train : ndarray of bool of shape (sequence,)
        Sequences whose transitions are counted.

    Returns
    -------
    ndarray of shape (event, state, next_state)
        See :func:`hmmlens.hmm.input_classes.tables`.
    """
    known = (certified.classes >= 0) & (events.event >= 0) & train[:, None]
    inside = np.zeros_like(known)
    inside[:, 1:] = known[:, 1:] & known[:, :-1]
    counts = input_classes.transitions(
        certified.classes, events.event, inside, certified.n_states, len(events.names)
    )
    return input_classes.tables(counts, events.parts)
