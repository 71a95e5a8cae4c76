"""Forecasts of a noise-driven network from given states: output distributions, by Monte Carlo."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import drive, sample_noise
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.typing import Floats

#: Rows that go through the network at once.
BATCH = 8192


class Runs(NamedTuple):
    """Runs of a network on its own noise.

    Attributes
    ----------
    entries : ndarray of shape (run, time, entry)
        States, in the network's own precision.
    distribution : ndarray of shape (run, time, symbol)
        Output distribution of each state.
    """

    entries: NDArray[np.float32]
    distribution: Floats


class Distributions(NamedTuple):
    """Output distributions h = 1 to H steps after each of some states.

    Attributes
    ----------
    mean : ndarray of shape (state, h, symbol)
        Mean over samples of the noise.
    variance : ndarray of shape (state, h, symbol)
        Sampling variance of that mean.
    """

    mean: Floats
    variance: Floats


def record(network: DrivenNetwork, n_runs: int, n_steps: int, generator: torch.Generator) -> Runs:
    """Run a network from its zero state, see :func:`hmmlens.dynamics.rollouts.drive`.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    n_runs, n_steps : int
        Number of runs, and of steps after the warm-up.
    generator : torch.Generator
        Source of the noise.

    Returns
    -------
    Runs
        States and output distributions.

    Raises
    ------
    DataError
        When the network diverges.
    """
    run = drive(network, n_runs, n_steps, generator)
    return Runs(run.states.cpu().numpy(), softmax(run.logits).cpu().numpy())


def softmax(logits: Tensor) -> Tensor:
    """Return the distribution of logits, in double precision.

    Parameters
    ----------
    logits : Tensor of shape (..., symbol)
        Logits.

    Returns
    -------
    Tensor of shape (..., symbol)
        Probabilities.
    """
    return torch.softmax(logits.double(), dim=-1)


@torch.inference_mode()
def output_distributions(
    network: DrivenNetwork,
    entries: NDArray[Any],
    n_steps: int,
    n_draws: int,
    generator: torch.Generator,
    batch: int = BATCH,
) -> Distributions:
    """Forecast the outputs in the steps after each state.

    All states are driven by the same samples of noise, so that differences between their
    distributions are due to the states.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    entries : ndarray of shape (state, entry)
        Initial states.
    n_steps : int
        Horizon H.
    n_draws : int
        Samples of the noise, two or more.
    generator : torch.Generator
        Source of the noise.
    batch : int
        Rows that go through the network at once.

    Returns
    -------
    Distributions
        Mean output distributions and their sampling variance.

    Examples
    --------
    >>> import torch
    >>> from hmmlens.rnn.noise_driven import NoiseDriven
    >>> network = NoiseDriven("tanh", n_noise=4, n_units=6, n_symbols=3)
    >>> states = np.zeros((2, 6), dtype=np.float32)
    >>> generator = torch.Generator().manual_seed(0)
    >>> output_distributions(network, states, 5, 8, generator).mean.shape
    (2, 5, 3)
    """
    shared = sample_noise(network, generator, n_steps, n_draws)
    given = torch.as_tensor(np.asarray(entries), dtype=shared.dtype, device=shared.device)
    size = max(1, batch // n_draws)
    means, variances = [], []
    for first in range(0, len(given), size):
        some = given[first : first + size]
        n = len(some)
        state = unflatten(some.repeat_interleave(n_draws, dim=0), network)
        outputs = []
        for t in range(n_steps):
            # One row of noise for each sample, the same for every state.
            state = network.step(state, shared[t].repeat(n, 1))
            outputs.append(softmax(network.readout(state)))
        samples = torch.stack(outputs, dim=1).reshape(n, n_draws, n_steps, -1)
        means.append(samples.mean(dim=1))
        variances.append(samples.var(dim=1) / n_draws)
    return Distributions(torch.cat(means).cpu().numpy(), torch.cat(variances).cpu().numpy())
