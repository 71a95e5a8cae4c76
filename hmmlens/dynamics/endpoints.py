"""Endpoints of the autonomous dynamics: where a network settles on neutral input.

A network with discrete attractor states ends in a few tight points and stays there; a continuum of
states ends spread out, so that a finer covering needs many more centres, or drifts on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.dynamics.covering import covering_number
from hmmlens.dynamics.neutral_input import Neutral, neutral_input
from hmmlens.errors import DataError
from hmmlens.ragged import steps_inside
from hmmlens.recording.activations import WARM_UP, output_distribution
from hmmlens.typing import Floats, Int64s, Ints

if TYPE_CHECKING:
    import torch

    from hmmlens.dynamics.protocol import StepNetwork, Values


@dataclass(frozen=True)
class EndpointSettings:
    """Settings of :func:`find_endpoints`.

    Attributes
    ----------
    n_starts : int
        Visited states from which the autonomous dynamics start.
    warm_up : int
        First steps of a sequence from which no run starts, where it is longer.
    n_steps : int
        Steps on neutral input. Long enough to settle into a state, short enough that a line of
        states has not yet decayed to the few points that training left on it.
    coarse, fine : float
        Radii of the two coverings, as shares of the root mean square of the output around its mean.
    covered : float
        Share of endpoints that must be covered, and whose drift is reported.
    """

    n_starts: int = 300
    warm_up: int = WARM_UP
    n_steps: int = 20
    coarse: float = 0.2
    fine: float = 0.05
    covered: float = 0.95


class Endpoints(NamedTuple):
    """Endpoints of the autonomous dynamics.

    Attributes
    ----------
    outputs : ndarray of shape (start, output)
        Output of each endpoint.
    n_coarse, n_fine : int
        Covering numbers of 95 % of ``outputs`` at the two radii.
    ratio : float
        ``n_fine / n_coarse``, near 1 for points and large for a continuum.
    drift : float
        Distance to which 95 % of the runs return to their endpoint within two to three times as
        many steps, as a share of the root mean square of the output; near 0 for points and for
        cycles of points, not for a continuum that leaks.
    """

    outputs: Floats
    n_coarse: int
    n_fine: int
    ratio: float
    drift: float


def sample_starts(
    lengths: Ints, warm_up: int, rng: np.random.Generator, n_starts: int = EndpointSettings.n_starts
) -> tuple[Int64s, Int64s]:
    """Sample visited states.

    Parameters
    ----------
    lengths : ndarray of shape (sequence)
        Number of steps of each sequence.
    warm_up : int
        First steps of a sequence that are excluded, where it is longer.
    rng : numpy.random.Generator
        Source of the sample.
    n_starts : int
        Number of states.

    Returns
    -------
    sequences, times : ndarray of shape (start)
        Sequence of each state, and the step after which the input turns neutral.
    """
    sequences = rng.integers(len(lengths), size=n_starts)
    ends = lengths[sequences].astype(np.int64)
    return sequences, rng.integers(np.minimum(warm_up, ends - 1), ends)


def settle(
    network: StepNetwork,
    inputs: Values,
    times: Ints,
    neutral: Neutral,
    n_steps: int = EndpointSettings.n_steps,
    *,
    entries: Values | None = None,
) -> torch.Tensor:
    """Drive a network to a visited state of each sequence, then run it on neutral input.

    A network that reads several steps at once (``n_input_steps``) counts as autonomous from the
    step on in which it reads neutral input only.

    Parameters
    ----------
    network : StepNetwork
        A network. Its output is that of ``readout``, or its state where it has none.
    inputs : array of shape (sequence, time) or (sequence, time, feature)
        Inputs as recorded.
    times : ndarray of shape (sequence)
        The step after which the input turns neutral.
    neutral : {"symbol", "prediction", "zero"}
        The neutral input.
    n_steps : int
        Steps on neutral input.
    entries : array of shape (sequence, entry), optional
        Initial states; those of the network's ``start`` by default.

    Returns
    -------
    Tensor of shape (visit, sequence, output)
        Output after ``n_steps`` neutral steps, and then after each step from twice to three times
        as many, so that a cycle of that length returns in between.

    Raises
    ------
    DataError
        When no states are given and the network has no method ``start``.
    """
    import torch

    from hmmlens.dynamics.protocol import step_inputs
    from hmmlens.dynamics.state_vectors import initial_state

    inputs = torch.as_tensor(inputs)
    until = torch.as_tensor(times, device=inputs.device)
    echo = getattr(network, "n_input_steps", 1) - 1
    state = initial_state(network, len(inputs), entries)
    settled = []
    with torch.inference_mode():
        for t in range(int(until.max()) + 1):
            after = network.step(state, step_inputs(network, inputs[:, t]))
            state = _where(until >= t, after, state)
        for step in range(1 - echo, 3 * n_steps + 1):
            given = _neutral_input(neutral, network, state, inputs)
            state = network.step(state, step_inputs(network, given))
            if step == n_steps or step >= 2 * n_steps:
                settled.append(_output(network, state))
    return torch.stack(settled)


def _output(network: Any, state: Any) -> torch.Tensor:
    from hmmlens.dynamics.state_vectors import flatten
    from hmmlens.recording.nested_states import tensor

    readout = getattr(network, "readout", None)
    return flatten(state) if readout is None else tensor(readout(state))


def _neutral_input(
    neutral: Neutral, network: StepNetwork, state: Any, inputs: torch.Tensor
) -> torch.Tensor:
    import torch

    if neutral == "zero":
        return torch.zeros_like(inputs[:, 0])
    output = _output(network, state)
    return output.argmax(dim=1) if neutral == "symbol" else output


def _where(condition: torch.Tensor, new: Any, old: Any) -> Any:
    import torch

    from hmmlens.recording.nested_states import mapped, tensor

    def either(a: Any, b: Any) -> Any:
        one = tensor(a)
        chosen = torch.where(condition[:, None].to(one.device), one, tensor(b))
        # Arrays of any other framework become those of NumPy.
        return chosen if isinstance(a, torch.Tensor) else chosen.numpy()

    return mapped(either, new, old)


def find_endpoints(
    network: Any,
    inputs: NDArray[Any],
    distribution: Floats,
    lengths: Ints,
    attributes: Mapping[str, Any],
    rng: np.random.Generator,
    settings: EndpointSettings = EndpointSettings(),
    states: Floats | None = None,
) -> Endpoints | None:
    """Run a network's autonomous dynamics from states that it visits, and count its endpoints.

    Parameters
    ----------
    network : torch.nn.Module or object
        A network with the methods ``start``, ``step`` and ``readout``.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Inputs as recorded.
    distribution : ndarray of shape (sequence, time, output)
        Outputs, see :func:`hmmlens.recording.activations.output_distribution`.
    lengths : ndarray of shape (sequence)
        Number of steps of each sequence.
    attributes : mapping
        Attributes of the task's ``sequences`` store.
    rng : numpy.random.Generator
        Source of the visited states.
    settings : EndpointSettings
        Numbers of states and steps, and radii.
    states : ndarray of shape (sequence, time, entry), optional
        Recorded states as vectors; by default the network runs to them from its initial state.

    Returns
    -------
    Endpoints or None
        None where no input is neutral, see :func:`.neutral_input.neutral_input`.

    Raises
    ------
    DataError
        See :func:`count_endpoints`.

    Examples
    --------
    A GRU that was not trained forgets its input and settles in one point:

    >>> from hmmlens.rnn.recurrent_network import initialise
    >>> network = initialise(
    ...     0, cell="gru", n_inputs=1, n_outputs=1, n_units=4, symbols_in=False, symbols_out=False
    ... )
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(20, 30, 1))
    >>> task = {"input_kind": "values", "target_kind": "values", "target_delay": 0}
    >>> find_endpoints(network, values, values, np.full(20, 30), task, rng).n_coarse
    1
    """
    import torch

    from hmmlens.dynamics.protocol import inputs_of

    neutral = neutral_input(attributes)
    if neutral is None:
        return None
    inside = steps_inside(lengths, *inputs.shape[:2])
    sequences, times = sample_starts(lengths, settings.warm_up, rng, settings.n_starts)
    # Steps past an end pass through the network, but change no state that is used.
    inputs = np.where(inside if inputs.ndim == 2 else inside[..., None], inputs, 0)
    given = inputs_of(network, inputs[sequences])
    entries = None
    if states is not None:
        entries = torch.as_tensor(states[sequences, times])
        times = np.full(len(times), -1)
    settled = settle(network, given, times, neutral, settings.n_steps, entries=entries)
    outputs = output_distribution(settled.cpu().numpy(), str(attributes["target_kind"]))
    return count_endpoints(outputs, distribution[inside], settings)


def count_endpoints(
    settled: Floats,
    visited: Floats,
    settings: EndpointSettings = EndpointSettings(),
) -> Endpoints:
    """Count endpoints at two radii, and measure how far they still move.

    Parameters
    ----------
    settled : ndarray of shape (visit, start, output)
        Outputs where the network settled, and later; see :func:`settle`.
    visited : ndarray of shape (frame, output)
        Outputs of the driven network, which set the scale.
    settings : EndpointSettings
        Radii, and the share to cover.

    Returns
    -------
    Endpoints
        Covering numbers and drift.

    Raises
    ------
    DataError
        When an endpoint is not finite, or the output of the driven network is constant.

    Examples
    --------
    >>> points = np.repeat([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], 20, axis=0)
    >>> endpoints = count_endpoints(np.stack([points, points]), points)
    >>> endpoints.n_coarse, endpoints.drift
    (3, 0.0)
    """
    scale = float(np.sqrt(((visited - visited.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if not scale > 0:
        raise DataError("the output of the driven network is constant, so endpoints have no scale")
    outputs, later = settled[0], settled[1:]
    n_coarse = covering_number(outputs, settings.coarse * scale, settings.covered)
    n_fine = covering_number(outputs, settings.fine * scale, settings.covered)
    displacement = np.sqrt(((later - outputs) ** 2).sum(axis=2)).min(axis=0) / scale
    drift = float(np.quantile(displacement, settings.covered))
    return Endpoints(outputs, n_coarse, n_fine, n_fine / n_coarse, drift)
