"""The probability of each state at each step, by filtering, and the outputs of states by it."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.input_driven import with_inputs
from hmmlens.hmm.models import GaussianHMM, HiddenMarkovModel
from hmmlens.interpretation.input_events import InputEvents
from hmmlens.typing import Floats


def filter_states(
    model: HiddenMarkovModel,
    observed: NDArray[np.generic],
    length: NDArray[np.integer],
    events: InputEvents | None = None,
    input_transmat: Floats | None = None,
) -> Floats:
    """Return the probability of each state given the observations up to each step.

    Parameters
    ----------
    model : HiddenMarkovModel
        The model.
    observed : ndarray of shape (sequence, time, component) or (sequence, time)
        The observations to which it was fitted.
    length : ndarray of shape (sequence,)
        Number of steps.
    events : InputEvents, optional
        Events of the same steps.
    input_transmat : ndarray of shape (event, state, next_state), optional
        Transition probabilities under each event. Where they are known for as many states as the
        model has, the event at each step selects the matrix that leads to its state; the
        transitions of the model itself average over inputs.

    Returns
    -------
    ndarray of shape (sequence, time, state)
        0 past a sequence's end.
    """
    if events is None or input_transmat is None or not knows_inputs(model, input_transmat):
        return model.filter(observed, length).posteriors
    driven = with_inputs(model, input_transmat)
    return driven.filter(observed, events.event, length).posteriors


def knows_inputs(model: HiddenMarkovModel, input_transmat: Floats | None) -> TypeGuard[GaussianHMM]:
    """Return whether transitions given the input belong to a model.

    Parameters
    ----------
    model : HiddenMarkovModel
        The model.
    input_transmat : ndarray of shape (event, state, next_state) or None
        Transition probabilities under each event.

    Returns
    -------
    bool
        Whether they are those of as many states, and there are several events.
    """
    return (
        isinstance(model, GaussianHMM)
        and input_transmat is not None
        and len(input_transmat) > 1
        and input_transmat.shape[1] == model.n_components
    )


def state_outputs(posteriors: Floats, distribution: Floats) -> Floats:
    """Return the mean output of each state, weighted by the posteriors.

    Parameters
    ----------
    posteriors : ndarray of shape (sequence, time, state)
        State probabilities, filtered; 0 past a sequence's end.
    distribution : ndarray of shape (sequence, time, output)
        Outputs of the network.

    Returns
    -------
    ndarray of shape (state, output)
        The overall mean for a state that no step visits.

    Examples
    --------
    >>> posteriors = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    >>> state_outputs(posteriors, np.array([[[1.0], [2.0], [4.0]]])).tolist()
    [[1.0], [3.0]]
    """
    weight = posteriors.reshape(-1, posteriors.shape[-1])
    flat = distribution.reshape(-1, distribution.shape[-1])
    # What fills a sequence past its end is no output, not even of the average.
    seen = weight.any(axis=1)
    weight, flat = weight[seen], flat[seen]
    mass = weight.sum(axis=0)[:, None]
    # A state that no train step visits has the average output.
    means: Floats = np.where(mass > 1e-9, weight.T @ flat / np.maximum(mass, 1e-9), flat.mean(0))
    return means
