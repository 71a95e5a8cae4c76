"""Futures: what a network does next from states that it has visited."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hmmlens.errors import DataError, HmmlensError
from hmmlens.futures.measurement import measure
from hmmlens.futures.running import Continuation, Distribution, continuation_of
from hmmlens.futures.settings import DEFAULT, FutureSettings
from hmmlens.futures.summary import Summary, summarise
from hmmlens.recording import protocol
from hmmlens.recording.activations import output_distribution
from hmmlens.recording.runner.evaluation import evaluation_mode
from hmmlens.typing import Floats, Ints

log = logging.getLogger(__name__)

#: Seed of the sample of visited states and of continuations.
SAMPLE_SEED = 0


def compare_futures(
    network: Any,
    inputs: NDArray[Any],
    output: Floats,
    length: Ints,
    split: Ints,
    kind: str,
    described: NDArray[Any] | None = None,
    layers: Sequence[str] | None = None,
    batch_first: bool | None = None,
    settings: FutureSettings = DEFAULT,
    seed: int = SAMPLE_SEED,
    states: Floats | None = None,
) -> Summary | None:
    """Compare what a network does from visited states under the same continuations of input.

    Parameters
    ----------
    network : module, or object with ``start``, ``step`` and ``readout``
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        What it read while it was recorded.
    output : ndarray of shape (sequence, time, output)
        What it returned.
    length, split : ndarray of shape (sequence,)
        Steps of each sequence; 0 for train, 1 for select, 2 for test.
    kind : str
        ``symbols`` where outputs are logits, see
        :func:`hmmlens.recording.activations.output_distribution`.
    described : ndarray of shape (sequence, time) or (sequence, time, feature), optional
        What describes the inputs, where the network reads more than can be shown.
    layers : sequence of str, optional
        The layers that were recorded, see :func:`hmmlens.extract`.
    batch_first : bool, optional
        False where a module takes (time, sequence, ...).
    settings : FutureSettings, optional
        Settings of the comparison.
    seed : int, optional
        Seed of the sample of states and continuations. By default that of every network in studies
        and in :func:`hmmlens.explain`, so that one recording has one verdict whatever the seed of
        the rest; another one shows how much the verdict depends on the sample.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors, which are continued; by default the network runs to them.

    Returns
    -------
    Summary or None
        None where no sequence is long enough, the output does not vary, or the module reads later
        steps.
    """
    length = length.astype(np.int64)
    distribution = _root if kind == "symbols" else np.asarray
    outputs = distribution(output)
    with _evaluated(network):
        try:
            continuation = _continuation(
                network, inputs, output, length, distribution, layers, batch_first, settings, seed,
                states,
            )  # fmt: skip
            futures = measure(continuation, outputs, split == 2, seed, settings, described)
        except DataError as error:
            log.warning("futures are not compared: %s", error)
            return None
    return summarise(futures, (inputs.shape[0], inputs.shape[1]))


def reason_against_futures(
    network: Any,
    inputs: NDArray[Any],
    output: Floats,
    length: Ints,
    kind: str,
    layers: Sequence[str] | None = None,
    batch_first: bool | None = None,
) -> str:
    """Return why :func:`compare_futures` cannot continue the states of a network.

    Parameters
    ----------
    network : module, or object with ``start``, ``step`` and ``readout``
        The network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Some sequences that it read while it was recorded.
    output : ndarray of shape (sequence, time, output)
        What it returned.
    length : ndarray of shape (sequence,)
        Steps of each sequence.
    kind : str
        ``symbols`` where outputs are logits.
    layers : sequence of str, optional
        The layers that were recorded.
    batch_first : bool, optional
        False where a module takes (time, sequence, ...).

    Returns
    -------
    str
        Empty where states can be continued.
    """
    distribution = _root if kind == "symbols" else np.asarray
    length = length.astype(np.int64)
    try:
        with _evaluated(network):
            _continuation(
                network, inputs, output, length, distribution, layers, batch_first, DEFAULT,
                SAMPLE_SEED,
            )  # fmt: skip
    except DataError as error:
        return str(error)
    return ""


def _evaluated(network: Any) -> AbstractContextManager[None]:
    return evaluation_mode(network) if isinstance(network, nn.Module) else nullcontext()


def _continuation(
    network: Any,
    inputs: NDArray[Any],
    output: Floats,
    length: Ints,
    distribution: Distribution,
    layers: Sequence[str] | None,
    batch_first: bool | None,
    settings: FutureSettings,
    seed: int,
    states: Floats | None = None,
) -> Continuation:
    """Return what continues the states of a network."""
    forward = None
    if not protocol.follows(network):
        forward = _forward(network, layers, batch_first)
        if _reads_ahead(forward, inputs, length, output):
            raise DataError("its outputs depend on later inputs")
    return continuation_of(
        network, inputs, length, distribution, settings.n_draws, seed, forward, states
    )


def _reads_ahead(
    forward: Callable[[NDArray[Any], int], NDArray[np.float64]],
    inputs: NDArray[Any],
    length: Ints,
    output: Floats,
) -> bool:
    """Return whether outputs change where the inputs that follow are cut off."""
    longest = int(np.argmax(length))
    end = int(length[longest])
    half = max(1, end // 2)
    there = output[longest, :half].reshape(1, half, -1)

    def _run(n_steps: int) -> NDArray[np.float64]:
        return forward(inputs[longest : longest + 1, :n_steps], 0)

    def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
        return np.allclose(one, other, rtol=1e-3, atol=1e-4)

    if _same(_run(half), there):
        return False
    # A network with noise has other outputs in every run, but not with the same noise.
    with torch.random.fork_rng():
        torch.manual_seed(SAMPLE_SEED)
        whole = _run(end)
        torch.manual_seed(SAMPLE_SEED)
        part = _run(half)
    return whole.shape[1] != end or not _same(whole[:, :half], part)


def _root(output: Floats) -> Floats:
    """Return square roots of probabilities, whose Euclidean distance is Hellinger's."""
    roots: Floats = np.sqrt(output_distribution(output, "symbols"))
    return roots


def _forward(
    network: Any, layers: Sequence[str] | None, batch_first: bool | None
) -> Callable[[NDArray[Any], int], NDArray[np.float64]]:
    """Return a function that runs a module on inputs of one length, from a step on."""
    from hmmlens.recording.models import runner_of

    runner, _ = runner_of(network, layers, (False, False, False), batch_first, "prefix")

    def _run(inputs: NDArray[Any], first: int) -> NDArray[np.float64]:
        lengths = np.full(len(inputs), inputs.shape[1])
        try:
            output = runner.outputs(inputs, lengths, first)
        except HmmlensError:
            raise
        except Exception as error:
            # Whatever a user's own forward raises at another number of steps.
            raise DataError(
                f"the network fails on sequences of {inputs.shape[1]} steps "
                f"({type(error).__name__}: {str(error).strip().partition(chr(10))[0]})"
            ) from error
        if tuple(output.shape[:2]) != (len(inputs), inputs.shape[1] - first):
            raise DataError("the network returns no output for each step")
        values: NDArray[np.float64] = output.detach().double().cpu().numpy()
        return values

    return _run
