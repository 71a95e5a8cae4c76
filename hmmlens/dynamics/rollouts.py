"""Runs of a network: on given inputs, and on white noise.

:func:`rollout` takes any network of :mod:`hmmlens.dynamics.protocol`; functions that sample noise
take a :class:`~hmmlens.dynamics.protocol.DrivenNetwork`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hmmlens.dynamics.protocol import DrivenNetwork, StepNetwork, Values, step_inputs
from hmmlens.dynamics.state_vectors import flatten, initial_state
from hmmlens.errors import DataError

#: Default number of steps from the zero state that are discarded.
WARM_UP = 50


class Run(NamedTuple):
    """Runs after their warm-up.

    Attributes
    ----------
    noise : Tensor of shape (run, time, noise)
        Noise of the step *into* the state of the same index.
    states : Tensor of shape (run, time, entry)
        States as vectors.
    logits : Tensor of shape (run, time, symbol)
        Outputs of the states.
    """

    noise: Tensor
    states: Tensor
    logits: Tensor


def sample_noise(network: DrivenNetwork, generator: torch.Generator, *shape: int) -> Tensor:
    """Sample standard normal noise of the network's type, on its device.

    Parameters
    ----------
    network : DrivenNetwork
        The network to be driven.
    generator : torch.Generator
        Source of the noise.
    *shape : int
        Sizes of all dimensions but the last.

    Returns
    -------
    Tensor of shape (*shape, noise)
        Independent standard normal values.
    """
    like = network.start(1)[0][0]
    noise = torch.randn(
        *shape, network.n_noise, generator=generator, device=generator.device, dtype=like.dtype
    )
    return noise.to(like.device)


def rollout(
    network: StepNetwork, inputs: Values, entries: Values | None = None
) -> tuple[Tensor, Tensor]:
    """Run a network along given inputs.

    Parameters
    ----------
    network : StepNetwork
        A network.
    inputs : array of shape (run, time, feature) or (run, time)
        Input of each step.
    entries : array of shape (run, entry), optional
        Initial states; those of the network's ``start`` by default.

    Returns
    -------
    states : Tensor of shape (run, time, entry)
        State after each step.
    outputs : Tensor of shape (run, time, output)
        Output of each state; the state itself for a network without ``readout``.

    Raises
    ------
    DataError
        When no states are given and the network has no method ``start``.

    Examples
    --------
    >>> import numpy as np
    >>> class Sum:
    ...     def step(self, state, inputs):
    ...         return state + inputs
    >>> rollout(Sum(), np.ones((1, 3, 1)), np.zeros((1, 1)))[0].flatten().tolist()
    [1.0, 2.0, 3.0]
    """
    given = torch.as_tensor(inputs)
    state = initial_state(network, len(given), entries)
    readout = getattr(network, "readout", None)
    states, outputs = [], []
    with torch.inference_mode():
        for t in range(given.shape[1]):
            state = network.step(state, step_inputs(network, given[:, t]))
            states.append(flatten(state))
            outputs.append(states[-1] if readout is None else torch.as_tensor(readout(state)))
    return torch.stack(states, dim=1), torch.stack(outputs, dim=1)


def drive(
    network: DrivenNetwork,
    n_runs: int,
    n_steps: int,
    generator: torch.Generator,
    *,
    warm_up: int = WARM_UP,
    scale: float = 1.0,
) -> Run:
    """Run a network from the zero state on fresh noise.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    n_runs, n_steps : int
        Number of runs, and of steps after the warm-up.
    generator : torch.Generator
        Source of the noise.
    warm_up : int
        First steps, which are discarded.
    scale : float
        Standard deviation of the noise.

    Returns
    -------
    Run
        Noise, states and logits after the warm-up.

    Raises
    ------
    DataError
        When a state is not finite: a network that diverges cannot be analysed.

    Examples
    --------
    >>> import torch
    >>> from hmmlens.rnn.noise_driven import NoiseDriven
    >>> network = NoiseDriven("tanh", n_noise=4, n_units=6, n_symbols=3)
    >>> run = drive(network, 2, 10, torch.Generator().manual_seed(0), warm_up=5)
    >>> run.states.shape, run.logits.shape
    (torch.Size([2, 10, 6]), torch.Size([2, 10, 3]))
    """
    noise = scale * sample_noise(network, generator, n_runs, warm_up + n_steps)
    states, logits = rollout(network, noise)
    if not torch.isfinite(states).all():
        raise DataError(
            f"the network's states are not finite within {warm_up + n_steps} steps on noise; "
            f"it diverges and cannot be analysed"
        )
    return Run(noise[:, warm_up:], states[:, warm_up:], logits[:, warm_up:])


def sample_states(run: Run, n_each: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sample different steps of every run.

    Parameters
    ----------
    run : Run
        Runs of a network.
    n_each : int
        Number of steps of each run.
    generator : torch.Generator
        Source of the choice.

    Returns
    -------
    entries : Tensor of shape (state, entry)
        States, run by run.
    runs : Tensor of shape (state)
        Run of each state.

    Raises
    ------
    DataError
        When runs have fewer than ``n_each`` steps.

    Examples
    --------
    >>> import torch
    >>> run = Run(torch.zeros(2, 9, 4), torch.randn(2, 9, 6), torch.zeros(2, 9, 3))
    >>> entries, runs = sample_states(run, 3, torch.Generator().manual_seed(0))
    >>> entries.shape, runs.tolist()
    (torch.Size([6, 6]), [0, 0, 0, 1, 1, 1])
    """
    n_runs, n_steps = run.states.shape[:2]
    if n_each > n_steps:
        raise DataError(f"{n_each} states of each run are asked for; runs have {n_steps} steps")
    keys = torch.rand(n_runs, n_steps, generator=generator, device=generator.device)
    times = keys.argsort(dim=1)[:, :n_each].to(run.states.device)
    runs = torch.arange(n_runs, device=times.device).repeat_interleave(n_each)
    return run.states[runs, times.flatten()], runs
