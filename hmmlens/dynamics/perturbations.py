"""Networks with ablated or clamped units, and states with kicked ones.

A network under such an intervention follows the protocol of :mod:`hmmlens.dynamics.protocol` as the
network itself does, so that every analysis can be repeated on it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hmmlens.dynamics.protocol import StepNetwork, Values, takes_tensors
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.errors import DataError
from hmmlens.typing import Ints


class Clamped:
    """A network in which some entries of the state have given values after every step.

    All other attributes, such as ``start`` and ``readout``, are those of the network.

    Parameters
    ----------
    network : StepNetwork
        A network.
    units : ndarray of shape (unit)
        Indices of the clamped entries.
    values : array of shape (unit) or a number
        Their values.
    """

    def __init__(self, network: StepNetwork, units: Ints, values: Values | float) -> None:
        self.network, self.takes_tensors = network, takes_tensors(network)
        self.units, self.values = torch.as_tensor(units), torch.as_tensor(values)

    def __getattr__(self, name: str) -> Any:
        # A copy asks for attributes before it has any.
        if name in ("network", "__deepcopy__", "__setstate__"):
            raise AttributeError(name)
        return getattr(self.network, name)

    def step(self, state: Any, inputs: Any, /) -> Any:
        """Return the state after one step, with the clamped entries set.

        Parameters
        ----------
        state : array or nested arrays, each (run, unit)
            State before the step.
        inputs : array of shape (run, feature) or (run)
            Input of the step.

        Returns
        -------
        array or nested arrays, as ``state``
            State after the step.

        Raises
        ------
        DataError
            When the state has no such entry.
        """
        entries = flatten(self.network.step(state, inputs))
        if int(self.units.max()) >= entries.shape[1]:
            raise DataError(
                f"unit {int(self.units.max())} cannot be clamped: a state has "
                f"{entries.shape[1]} entries, counted from 0"
            )
        clamped = entries.clone()
        clamped[:, self.units] = self.values.to(entries)
        return unflatten(clamped, self.network)


def clamp(network: StepNetwork, units: Ints, values: Values | float) -> Clamped:
    """Return a network in which some units are held at given values.

    Parameters
    ----------
    network : StepNetwork
        A network.
    units : ndarray of shape (unit)
        Indices of the entries, see :func:`hmmlens.dynamics.state_vectors.flatten`; at least one.
    values : array of shape (unit) or a number
        Their values; the mean activity of the units makes this a mean ablation.

    Returns
    -------
    Clamped
        The network under the intervention.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens.dynamics.rollouts import rollout
    >>> class Sum:
    ...     def step(self, state, inputs):
    ...         return state + inputs
    >>> held = clamp(Sum(), np.array([1]), 5.0)
    >>> rollout(held, np.ones((1, 2, 2)), np.zeros((1, 2)))[0].tolist()
    [[[1.0, 5.0], [2.0, 5.0]]]
    """
    return Clamped(network, units, values)


def ablate(network: StepNetwork, units: Ints) -> Clamped:
    """Return a network in which some units are 0 after every step (zero ablation).

    Parameters
    ----------
    network : StepNetwork
        A network.
    units : ndarray of shape (unit)
        Indices of the entries, see :func:`hmmlens.dynamics.state_vectors.flatten`; at least one.

    Returns
    -------
    Clamped
        The network under the intervention.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens.dynamics.rollouts import rollout
    >>> class Sum:
    ...     def step(self, state, inputs):
    ...         return state + inputs
    >>> ablated = ablate(Sum(), np.array([1]))
    >>> rollout(ablated, np.ones((1, 2, 2)), np.zeros((1, 2)))[0].tolist()
    [[[1.0, 0.0], [2.0, 0.0]]]
    """
    return clamp(network, units, 0.0)


def kick(entries: Values, units: Ints, size: Values | float) -> Tensor:
    """Return states to some units of which a value is added, as initial states of a rollout.

    Parameters
    ----------
    entries : array of shape (run, entry)
        States.
    units : ndarray of shape (unit)
        Indices of the entries.
    size : array of shape (unit) or a number
        What is added.

    Returns
    -------
    Tensor of shape (run, entry)
        The states after the kick.

    Examples
    --------
    >>> import numpy as np
    >>> kick(np.zeros((1, 3)), np.array([2]), 0.5).tolist()
    [[0.0, 0.0, 0.5]]
    """
    kicked = torch.as_tensor(entries).clone()
    kicked[:, torch.as_tensor(units)] += torch.as_tensor(size).to(kicked)
    return kicked
