"""States of networks as vectors, in which all analyses handle them.

A state is one row of numbers, its *entries*, in the order in which the state holds them. The
networks are those of :mod:`hmmlens.dynamics.protocol`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hmmlens.dynamics.protocol import (
    StepNetwork,
    Values,
    as_array,
    leaves,
    step_inputs,
    takes_tensors,
)
from hmmlens.errors import DataError
from hmmlens.recording.nested_states import mapped, tensor


def flatten(state: Any) -> Tensor:
    """Return a state as vectors.

    Parameters
    ----------
    state : array or nested arrays, each (run, unit)
        State of a network.

    Returns
    -------
    Tensor of shape (run, entry)
        The arrays of the state next to each other; for an LSTM the hidden units, then the cells.

    Examples
    --------
    >>> import numpy as np
    >>> flatten((np.zeros((4, 3)), np.ones((4, 2)))).shape
    torch.Size([4, 5])
    """
    # A tensor keeps its graph; an array of another framework has none.
    return torch.cat([p if isinstance(p, Tensor) else tensor(p) for p in leaves(state)], dim=1)


def unflatten(entries: Tensor, network: StepNetwork) -> Any:
    """Return vectors as a state, the inverse of :func:`flatten`.

    Parameters
    ----------
    entries : Tensor of shape (run, entry)
        States as vectors.
    network : StepNetwork
        The network whose state has this form.

    Returns
    -------
    array or nested arrays, each (run, unit)
        State that ``network`` takes.
    """
    start = getattr(network, "start", None)
    if start is None:
        return entries if takes_tensors(network) else as_array(entries)
    like = start(1)
    parts = iter(entries.split([part.shape[1] for part in leaves(like)], dim=1))
    return mapped(
        lambda part: next(parts) if isinstance(part, Tensor) else as_array(next(parts)), like
    )


def advance(network: StepNetwork, entries: Tensor, inputs: Tensor, **options: Any) -> Tensor:
    """Return states as vectors after one step.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : Tensor of shape (run, entry)
        States before the step.
    inputs : Tensor of shape (run, feature) or (run)
        Input of the step.
    **options : object
        Keyword arguments of the network's ``step``.

    Returns
    -------
    Tensor of shape (run, entry)
        States after the step.

    Raises
    ------
    DataError
        When ``step`` returns a state of another size.

    Examples
    --------
    >>> import torch
    >>> class Decay:
    ...     def step(self, state, inputs):
    ...         return 0.5 * state + inputs
    >>> advance(Decay(), torch.ones(1, 2), torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """
    state = unflatten(entries, network)
    after = flatten(network.step(state, step_inputs(network, inputs), **options)).to(entries)
    if after.shape != entries.shape:
        raise DataError(
            f"step returned a state of shape {tuple(after.shape)}, but the state before it has "
            f"shape {tuple(entries.shape)}; a step must keep the shape of a state"
        )
    return after


def initial_state(network: StepNetwork, n_runs: int, entries: Values | None = None) -> Any:
    """Return an initial state.

    Parameters
    ----------
    network : StepNetwork
        A network.
    n_runs : int
        Number of runs from the network's own initial state, where ``entries`` is None.
    entries : array of shape (run, entry), optional
        Initial states.

    Returns
    -------
    array or nested arrays, each (run, unit)
        ``entries`` as a state, or the network's own initial state for each run.

    Raises
    ------
    DataError
        When no states are given and the network has no method ``start``.
    """
    if entries is not None:
        return unflatten(torch.as_tensor(entries), network)
    start = getattr(network, "start", None)
    if start is None:
        raise DataError(
            f"{type(network).__name__} has no method start; give its initial states (run, entry) "
            "as entries"
        )
    return start(n_runs)
