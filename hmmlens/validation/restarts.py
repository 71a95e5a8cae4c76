"""Which restart of a model is read: the one whose states are most faithful to the network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.hmm import storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.interpretation.state_probabilities import filter_states, state_outputs
from hmmlens.ragged import steps_inside
from hmmlens.stats.ties import first_best, slack
from hmmlens.typing import Floats
from hmmlens.validation.fidelity import fidelity
from hmmlens.validation.network_outputs import Network


class Reading(NamedTuple):
    """A model of a sweep on the recorded sequences.

    Attributes
    ----------
    restart : int or None
        Number of the restart; None for parameters of none.
    model : GaussianHMM or CategoricalHMM
        The model.
    posteriors : ndarray of shape (sequence, time, state)
        See :func:`hmmlens.interpretation.state_probabilities.filter_states`.
    fidelity_select, fidelity_test : float
        How well its states predict the output of the network; the mean output of a state is learnt
        on the train split.
    """

    restart: int | None
    model: HiddenMarkovModel
    posteriors: Floats
    fidelity_select: float
    fidelity_test: float


def most_faithful_restart(
    network: Network,
    observed: NDArray[np.generic],
    sweep: xr.Dataset,
    covariance_type: str,
    n_states: int,
    tolerance: float = 0.0,
) -> Reading:
    """Return the restart of one model whose states are most faithful on the select split.

    Only the restarts whose parameters the sweep holds are compared: the most likely, and the most
    likely of the other kind of initialisation. Likelihood rewards details of the values that the
    network does not use, so the most likely restart may merge states that matter and split others.
    Where they are equally faithful, likelihood decides.

    Parameters
    ----------
    network : Network
        Outputs of the network.
    observed : ndarray of shape (sequence, time, component) or (sequence, time)
        Reduced activations, or symbols.
    sweep : Dataset
        The stored sweep.
    covariance_type : str
        Covariance type of the model.
    n_states : int
        Number of states of the model.
    tolerance : float, optional
        Restarts whose fidelity is within it of the best count as equally faithful.

    Returns
    -------
    Reading
        The most likely of the most faithful.
    """
    inside = steps_inside(network.length, *network.distribution.shape[:2])
    train, select, test = (inside & (network.split == part)[:, None] for part in range(3))
    average = network.distribution[train].mean(axis=0)
    candidates: list[int | None] = [*storage.kept_restarts(sweep, covariance_type, n_states)]
    readings = []
    for restart in candidates or [None]:
        model = storage.model(sweep, covariance_type, n_states, restart)
        posteriors = filter_states(
            model, observed, network.length, network.events, network.input_transmat
        )
        rows = network.split == 0
        predicted = posteriors @ state_outputs(posteriors[rows], network.distribution[rows])
        scores = [
            fidelity(network.distribution[steps], predicted[steps], average, network.kind)
            for steps in (select, test)
        ]
        readings.append(Reading(restart, model, posteriors, *scores))
    fidelities = np.array([reading.fidelity_select for reading in readings])
    if np.isnan(fidelities).all():
        # The output never varies.
        return readings[0]
    best = fidelities[first_best(fidelities)]
    return readings[int(np.flatnonzero(fidelities >= best - max(tolerance, slack(best)))[0])]
