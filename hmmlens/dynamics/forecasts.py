"""What a noise-driven network will say from a given state: its output law, by Monte Carlo."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.rollouts import Driven, draw, drive, unflatten
from hmmlens.typing import Floats

#: Rows that go through the network at once.
BATCH = 8192


class Runs(NamedTuple):
    """Runs of a network on its own noise.

    entries : (run, time, entry), its states; single precision, as the network has them
    distribution : (run, time, symbol), what it says
    """

    entries: NDArray[np.float32]
    distribution: Floats


class Distributions(NamedTuple):
    """What is said h = 1 to H steps after each of some states.

    mean : (state, h, symbol)
    variance : (state, h, symbol), of that mean, from the spread over draws of the noise
    """

    mean: Floats
    variance: Floats


def record(network: Driven, n_runs: int, n_steps: int, generator: torch.Generator) -> Runs:
    """Let the network run from its zero state, see :func:`hmmlens.dynamics.rollouts.drive`."""
    seen = drive(network, n_runs, n_steps, generator)
    return Runs(seen.states.cpu().numpy(), softmax(seen.logits).cpu().numpy())


def softmax(logits: Tensor) -> Tensor:
    """Return the law (..., symbol) of logits, in double precision."""
    return torch.softmax(logits.double(), dim=-1)


@torch.inference_mode()
def output_distributions(
    network: Driven,
    entries: NDArray[Any],
    n_steps: int,
    n_draws: int,
    generator: torch.Generator,
) -> Distributions:
    """Return what the network says in the ``n_steps`` steps after each state.

    All states meet the same ``n_draws`` draws of noise, so that what chance does to one it does
    to all, and differences between their laws are due to the states.

    Parameters
    ----------
    entries : (state, entry)
    n_draws : two or more.
    """
    shared = draw(network, generator, n_steps, n_draws)
    given = torch.as_tensor(np.asarray(entries), dtype=shared.dtype, device=shared.device)
    size = max(1, BATCH // n_draws)
    means, variances = [], []
    for first in range(0, len(given), size):
        some = given[first : first + size]
        n = len(some)
        state = unflatten(some.repeat_interleave(n_draws, dim=0), network)
        said = []
        for t in range(n_steps):
            # One row of noise for each draw, the same for every state.
            state = network.step(state, shared[t].repeat(n, 1))
            said.append(softmax(network.readout(state)))
        drawn = torch.stack(said, dim=1).reshape(n, n_draws, n_steps, -1)
        means.append(drawn.mean(dim=1))
        variances.append(drawn.var(dim=1) / n_draws)
    return Distributions(torch.cat(means).cpu().numpy(), torch.cat(variances).cpu().numpy())
