"""Run a network from states that it has visited along recorded continuations of input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.dynamics.protocol import takes_tensors
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.recording import protocol
from hmmlens.recording.nested_states import tensor
from hmmlens.recording.runner.evaluation import as_read
from hmmlens.typing import Floats, Ints

#: Rows (state and continuation) that are run at once.
CHUNK = 20000

Distribution = Callable[[NDArray[Any]], Floats]


class Continuation(ABC):
    """Continues visited states of a network with windows of input.

    Parameters
    ----------
    network : module or object with ``start``, ``step`` and ``readout``
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    distribution : callable
        Takes outputs (..., output) and returns the values that are compared.
    """

    def __init__(
        self, network: Any, inputs: NDArray[Any], lengths: Ints, distribution: Distribution
    ) -> None:
        self.network, self.inputs, self.lengths = network, inputs, lengths
        self.distribution = distribution

    def futures(self, prefixes: Ints, windows: NDArray[Any]) -> Floats:
        """Return the outputs along continuations of prefixes.

        Parameters
        ----------
        prefixes : ndarray of shape (state, 2)
            Sequence and last step of each prefix.
        windows : ndarray of shape (continuation, step) or (continuation, step, feature)
            Inputs that follow.

        Returns
        -------
        ndarray of shape (state, continuation, step, output)
            Compared values of the outputs.
        """
        n_windows, n_steps = windows.shape[:2]
        most = max(1, CHUNK // n_windows)
        parts = [
            self.distribution(self._run(part, windows))
            for part in np.array_split(prefixes, -(-len(prefixes) // most))
        ]
        return np.concatenate(parts).reshape(len(prefixes), n_windows, n_steps, -1)

    @abstractmethod
    def _run(self, prefixes: Ints, windows: NDArray[Any]) -> NDArray[Any]:
        """Return outputs (state * continuation, step, output)."""


class StepContinuation(Continuation):
    """Continues a network with ``start``, ``step`` and ``readout`` from its states.

    Parameters
    ----------
    network : module or object with ``start``, ``step`` and ``readout``
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    distribution : callable
        Takes outputs (..., output) and returns the values that are compared.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors; by default the network runs to them from its initial state.
    """

    def __init__(
        self,
        network: Any,
        inputs: NDArray[Any],
        lengths: Ints,
        distribution: Distribution,
        states: Floats | None = None,
    ) -> None:
        super().__init__(network, inputs, lengths, distribution)
        self._tensors = takes_tensors(network)
        self._states = self._walk() if states is None else torch.as_tensor(states)

    @torch.no_grad()
    def _walk(self) -> Tensor:
        state = self.network.start(len(self.inputs))
        states = []
        for t in range(self.inputs.shape[1]):
            state = self.network.step(state, self._input(self.inputs[:, t]))
            states.append(flatten(state).clone())
        return torch.stack(states, dim=1)

    def _input(self, values: NDArray[Any]) -> Any:
        if isinstance(self.network, nn.Module):
            return as_read(values, self.network)
        return torch.from_numpy(np.ascontiguousarray(values)) if self._tensors else values

    @torch.no_grad()
    def _run(self, prefixes: Ints, windows: NDArray[Any]) -> NDArray[Any]:
        states = self._states[prefixes[:, 0], prefixes[:, 1]]
        state = unflatten(states.repeat_interleave(len(windows), dim=0), self.network)
        following = np.concatenate([windows] * len(prefixes))
        outputs = []
        for h in range(windows.shape[1]):
            state = self.network.step(state, self._input(following[:, h]))
            outputs.append(tensor(self.network.readout(state)).cpu())
        return torch.stack(outputs, dim=1).double().numpy()


class ForwardContinuation(Continuation):
    """Continues any network by running prefix and continuation through its forward pass.

    Parameters
    ----------
    forward : callable
        Takes inputs (sequence, time, ...) and the first step whose output is needed, and returns
        outputs (sequence, time, output) from this step on.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    distribution : callable
        Takes outputs (..., output) and returns the values that are compared.
    """

    def __init__(
        self,
        forward: Callable[[NDArray[Any], int], NDArray[Any]],
        inputs: NDArray[Any],
        lengths: Ints,
        distribution: Distribution,
    ) -> None:
        super().__init__(forward, inputs, lengths, distribution)

    def _run(self, prefixes: Ints, windows: NDArray[Any]) -> NDArray[Any]:
        n_windows, n_steps = windows.shape[:2]
        outputs: list[NDArray[Any]] = [np.empty(0)] * len(prefixes)
        # Prefixes of one length run together.
        for end in np.unique(prefixes[:, 1]):
            rows = np.flatnonzero(prefixes[:, 1] == end)
            before = np.repeat(self.inputs[prefixes[rows, 0], : end + 1], n_windows, axis=0)
            following = np.concatenate([windows] * len(rows))
            result = self.network(np.concatenate([before, following], axis=1), end + 1)
            for row, part in zip(
                rows, result.reshape(len(rows), n_windows, n_steps, -1), strict=True
            ):
                outputs[row] = part
        return np.concatenate(outputs)


class NoisyContinuation(Continuation):
    """Averages the futures of a stochastic network over draws of its noise.

    Every state meets the same draws (common random numbers), so that two equal states have equal
    averages.

    Parameters
    ----------
    continuation : Continuation
        Of the network.
    n_draws : int
        Number of draws.
    seed : int
        Seed of the draws.
    """

    def __init__(self, continuation: Continuation, n_draws: int, seed: int) -> None:
        super().__init__(
            continuation.network, continuation.inputs, continuation.lengths,
            continuation.distribution,
        )  # fmt: skip
        self._of_one, self._n_draws, self._seed = continuation, n_draws, seed

    def futures(self, prefixes: Ints, windows: NDArray[Any]) -> Floats:
        """Return mean outputs along continuations of prefixes.

        Parameters
        ----------
        prefixes : ndarray of shape (state, 2)
            Sequence and last step of each prefix.
        windows : ndarray of shape (continuation, step) or (continuation, step, feature)
            Inputs that follow.

        Returns
        -------
        ndarray of shape (state, continuation, step, output)
            Mean over draws of the compared values of the outputs.
        """
        repeated = np.repeat(windows, self._n_draws, axis=0)
        parts = []
        with torch.random.fork_rng(devices=[]):
            for prefix in prefixes:
                torch.manual_seed(self._seed)
                parts.append(self._of_one.futures(prefix[None], repeated))
        found = np.concatenate(parts)
        shape = (len(prefixes), len(windows), self._n_draws, *found.shape[2:])
        averaged: Floats = found.reshape(shape).mean(axis=2)
        return averaged

    def _run(self, prefixes: Ints, windows: NDArray[Any]) -> NDArray[Any]:
        return self._of_one._run(prefixes, windows)


def continuation_of(
    network: Any,
    inputs: NDArray[Any],
    lengths: Ints,
    distribution: Distribution,
    n_draws: int,
    seed: int,
    forward: Callable[[NDArray[Any], int], NDArray[Any]] | None = None,
    states: Floats | None = None,
) -> Continuation:
    """Return what continues the states of a network.

    Parameters
    ----------
    network : module or object with ``start``, ``step`` and ``readout``
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    lengths : ndarray of shape (sequence,)
        Steps of each sequence.
    distribution : callable
        Takes outputs (..., output) and returns the values that are compared.
    n_draws : int
        Draws of noise where two runs of the network differ.
    seed : int
        Seed of these draws.
    forward : callable, optional
        Runs a network without ``step``; see :class:`ForwardContinuation`.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states of a network with ``step``.

    Returns
    -------
    Continuation
        Of states where the network has single steps, and of prefixes otherwise.
    """
    found: Continuation
    if protocol.follows(network):
        found = StepContinuation(network, inputs, lengths, distribution, states)
    elif forward is not None:
        found = ForwardContinuation(forward, inputs, lengths, distribution)
    else:
        raise TypeError("a network without step needs forward")
    longest = int(np.argmax(lengths))
    end = int(lengths[longest])
    prefix = np.array([[longest, end // 2]])
    window = inputs[longest : longest + 1, end // 2 : end]
    one, other = (found.futures(prefix, window) for _ in range(2))
    if np.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True):
        return found
    return NoisyContinuation(found, n_draws, seed)
