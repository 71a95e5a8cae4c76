"""The protocol of networks whose dynamics are analysed, and what inputs they take.

Any object with a method ``step(state, input) -> state`` can be analysed. A state is an array
(run, unit), or any nesting of tuples, lists, mappings and named tuples of such arrays, as
:mod:`hmmlens.recording.protocol` describes; an input is (run, feature), or (run) for symbols.

- A torch module receives tensors. Any other object receives NumPy arrays, unless its method
  ``start`` returns tensors or its attribute ``takes_tensors`` is true.
- ``start(n_runs)`` returns the initial state. Without it a state is one array (run, unit), and
  functions that need initial states take them as an argument.
- ``readout(state)`` returns outputs (run, output). Without it the state itself is the output, or a
  function requires a :class:`DrivenNetwork`.

Analyses handle states as vectors, see :mod:`hmmlens.dynamics.state_vectors`. Derivatives are exact
for networks that compute with tensors, and central differences for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.recording.runner.evaluation import as_read
from hmmlens.rnn.recurrent_network import State

#: States (run, entry) or inputs, as a tensor or as an array.
Values = Tensor | NDArray[Any]


class StepNetwork(Protocol):
    """A network that can be advanced by one step."""

    def step(self, state: Any, inputs: Any, /) -> Any:
        """Return the state after one step.

        Parameters
        ----------
        state : array (run, unit), or nested arrays (run, unit)
            State before the step. It is not changed.
        inputs : array (run, feature) or (run)
            Input of the step.

        Returns
        -------
        array or nested arrays, as ``state``
            State after the step.
        """


class DrivenNetwork(StepNetwork, Protocol):
    """A network that can be run on noise, such as a :class:`hmmlens.rnn.noise_driven.NoiseDriven`.

    Attributes
    ----------
    n_noise : int
        Dimensions of the noise.
    n_units : int
        Hidden units, which are the first entries of a state.
    """

    n_noise: int
    n_units: int

    def start(self, n_sequences: int, /) -> State:
        """Return the zero state.

        Parameters
        ----------
        n_sequences : int
            Number of runs.

        Returns
        -------
        tuple of tuples of Tensor
            One entry per layer, each part (run, unit).
        """

    def step(self, state: State, noise: Tensor, /) -> State:
        """Return the state after one step.

        Parameters
        ----------
        state : tuple of tuples of Tensor
            State before the step.
        noise : Tensor of shape (run, noise)
            Noise of the step.

        Returns
        -------
        tuple of tuples of Tensor
            State after the step.
        """

    def readout(self, state: State, /) -> Tensor:
        """Return the output of a state.

        Parameters
        ----------
        state : tuple of tuples of Tensor
            State.

        Returns
        -------
        Tensor of shape (run, symbol)
            Logits.
        """


def leaves(state: Any) -> list[Any]:
    """Return the arrays of a state in the order in which it holds them.

    Parameters
    ----------
    state : array or nested arrays
        State of a network.

    Returns
    -------
    list of arrays
        Each (run, unit).
    """
    if isinstance(state, Mapping):
        return [leaf for part in state.values() for leaf in leaves(part)]
    if isinstance(state, list | tuple):
        return [leaf for part in state for leaf in leaves(part)]
    return [state]


def takes_tensors(network: StepNetwork) -> bool:
    """Return whether a network computes with tensors, so that it can be differentiated.

    Parameters
    ----------
    network : StepNetwork
        A network.

    Returns
    -------
    bool
        True for torch modules, for objects whose ``start`` returns tensors, and for others with a
        true attribute ``takes_tensors``.
    """
    start = getattr(network, "start", None)
    if start is None:
        default = isinstance(network, torch.nn.Module)
        return bool(getattr(network, "takes_tensors", default))
    return all(isinstance(part, Tensor) for part in leaves(start(1)))


def step_inputs(network: StepNetwork, inputs: Tensor) -> Any:
    """Return inputs as a network takes them.

    Parameters
    ----------
    network : StepNetwork
        A network.
    inputs : Tensor of shape (run, feature) or (run)
        Input of a step.

    Returns
    -------
    Tensor or ndarray, of the same shape
        ``inputs``, as an array for networks that do not compute with tensors.
    """
    return inputs if takes_tensors(network) else as_array(inputs)


def inputs_of(network: StepNetwork, inputs: NDArray[Any]) -> Tensor:
    """Return recorded inputs as a tensor: for a torch module of its type, on its device.

    Parameters
    ----------
    network : StepNetwork
        A network.
    inputs : ndarray
        Symbols or values.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    if isinstance(network, torch.nn.Module):
        return as_read(inputs, network)
    return torch.from_numpy(np.ascontiguousarray(inputs))


def constant_inputs(network: StepNetwork, entries: Tensor, inputs: Values | None = None) -> Tensor:
    """Return one input for all runs.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : Tensor of shape (run, entry)
        States, whose number, type and device the inputs have.
    inputs : array of shape (feature) or a number, optional
        The input; zeros of the network's ``n_noise`` dimensions by default.

    Returns
    -------
    Tensor of shape (run, feature) or (run)
        The input, once for each run.

    Raises
    ------
    DataError
        When no input is given and the network has no ``n_noise``.
    """
    if inputs is None:
        size = getattr(network, "n_noise", None)
        if size is None:
            raise DataError(
                f"{type(network).__name__} has no n_noise, so the size of its input is not known; "
                "give the constant input (feature) as inputs"
            )
        return entries.new_zeros(len(entries), size)
    values = torch.as_tensor(inputs, device=entries.device)
    if values.is_floating_point():
        values = values.to(entries.dtype)
    return values.expand(len(entries), *values.shape)


def as_array(values: Tensor) -> NDArray[Any]:
    """Return a tensor as an array, which a step may change in place.

    Parameters
    ----------
    values : Tensor
        The values.

    Returns
    -------
    ndarray
        A copy.
    """
    return np.array(values.detach().cpu().numpy())
