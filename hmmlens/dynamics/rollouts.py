"""Runs of a network on white noise, and its states as plain vectors.

The analyses of this package ask for the recurrence protocol and the sizes in :class:`Driven`,
nothing else, unless they say so. A state is handled as one row of numbers, its *entries*: the
hidden units first, and behind them the cells of an LSTM.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import State

#: Steps from the zero state that are left out.
WARM_UP = 50


class Driven(Protocol):
    """A network that can be run on noise, such as a ``NoiseDriven``."""

    n_noise: int
    n_units: int

    def start(self, n_sequences: int) -> State:
        """Return the zero state."""

    def step(self, state: State, noise: Tensor) -> State:
        """Advance by one step; ``noise`` is (sequence, noise)."""

    def readout(self, state: State) -> Tensor:
        """Return logits (sequence, symbol)."""


class Run(NamedTuple):
    """Runs after their warm-up.

    noise : (run, time, noise), that of the step *into* the state of the same index
    states : (run, time, entry)
    logits : (run, time, symbol)
    """

    noise: Tensor
    states: Tensor
    logits: Tensor


def flatten(state: State) -> Tensor:
    """Return the entries of a state (sequence, entry)."""
    return torch.cat([part for layer in state for part in layer], dim=1)


def unflatten(entries: Tensor, network: Driven) -> State:
    """Return (sequence, entry) as a state of ``network``."""
    like = network.start(1)
    parts = iter(entries.split([part.shape[1] for layer in like for part in layer], dim=1))
    return tuple(tuple(next(parts) for _ in layer) for layer in like)


def draw(network: Driven, generator: torch.Generator, *shape: int) -> Tensor:
    """Draw standard normal noise (*shape, noise) of the network's type and on its device."""
    like = network.start(1)[0][0]
    drawn = torch.randn(
        *shape, network.n_noise, generator=generator, device=generator.device, dtype=like.dtype
    )
    return drawn.to(like.device)


def along(network: Driven, noise: Tensor, entries: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run along ``noise`` (sequence, time, noise), from the zero state unless told otherwise.

    Returns
    -------
    states : (sequence, time, entry), after each step
    logits : (sequence, time, symbol)
    """
    state = network.start(len(noise)) if entries is None else unflatten(entries, network)
    states, logits = [], []
    with torch.inference_mode():
        for t in range(noise.shape[1]):
            state = network.step(state, noise[:, t])
            states.append(flatten(state))
            logits.append(network.readout(state))
    return torch.stack(states, dim=1), torch.stack(logits, dim=1)


def drive(
    network: Driven,
    n_runs: int,
    n_steps: int,
    generator: torch.Generator,
    *,
    warm_up: int = WARM_UP,
    scale: float = 1.0,
) -> Run:
    """Run from the zero state on fresh noise of standard deviation ``scale``.

    Raises
    ------
    DataError
        When a state is not finite: nothing can be said about a network that diverges.
    """
    noise = scale * draw(network, generator, n_runs, warm_up + n_steps)
    states, logits = along(network, noise)
    if not torch.isfinite(states).all():
        raise DataError(
            f"the network's states are not finite within {warm_up + n_steps} steps on noise; "
            f"it diverges and cannot be analysed"
        )
    return Run(noise[:, warm_up:], states[:, warm_up:], logits[:, warm_up:])


def pick(run: Run, n_each: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw ``n_each`` different steps of every run.

    Returns
    -------
    entries : (state, entry), run by run
    runs : (state), the run of each

    Raises
    ------
    DataError
        When runs are shorter than that.
    """
    n_runs, n_steps = run.states.shape[:2]
    if n_each > n_steps:
        raise DataError(f"{n_each} states of each run are asked for; runs have {n_steps} steps")
    keys = torch.rand(n_runs, n_steps, generator=generator, device=generator.device)
    times = keys.argsort(dim=1)[:, :n_each].to(run.states.device)
    runs = torch.arange(n_runs, device=times.device).repeat_interleave(n_each)
    return run.states[runs, times.flatten()], runs
