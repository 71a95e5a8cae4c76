"""Where a network settles when the input says nothing new.

A network with discrete attractor states ends in a few tight points and stays there; a continuum of
states ends spread out, so that finer balls need many more centres, or goes on drifting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.ragged import steps_inside
from hmmlens.recording.activations import WARM_UP, output_distribution

if TYPE_CHECKING:
    import torch

    from hmmlens.rnn.recurrent_network import RecurrentNetwork, State

#: Visited states from which the network is left alone.
N_STARTS = 300

#: Steps on neutral input. Long enough to settle into a state, short enough that a line of
#: states has not yet decayed to the few points that training left on it.
N_SETTLING_STEPS = 20

#: Radii of the balls, as shares of the root mean square of the output around its mean.
COARSE, FINE = 0.2, 0.05

#: Share of endpoints that the balls must cover, and whose drift is told.
COVERED = 0.95

#: What stands for "nothing new": the network's own likeliest symbol fed back, its own prediction
#: fed back, or an input of zeros.
Neutral = Literal["symbol", "prediction", "zero"]

#: The neutral input in words.
NEUTRAL_TEXT: dict[Neutral | None, str] = {
    "symbol": "its own likeliest symbol",
    "prediction": "its own prediction",
    "zero": "zeros",
    None: "none",
}


class Endpoints(NamedTuple):
    """Where the network settled.

    outputs : (start, output), what it says there
    n_coarse, n_fine : balls that cover 95 % of ``outputs``
    ratio : n_fine / n_coarse, near 1 for points and large for a continuum
    drift : how near 95 % of the starts come back to where they settled, when left alone two to
        three times as long, as a share of the root mean square of the output; near 0 for points
        and for cycles of points, not for a continuum that leaks
    """

    outputs: NDArray[np.float64]
    n_coarse: int
    n_fine: int
    ratio: float
    drift: float


def neutral_input(attributes: Mapping[str, Any]) -> Neutral | None:
    """Return the neutral input of a task, from the attributes of its ``sequences`` store.

    A network that predicts its next input is fed what it predicts; one that is driven by values
    gets zeros. None where nothing is neutral: symbols that the network does not predict.
    """
    # Generated symbols have no names; they are those of the input.
    same = attributes.get("feature_names") == attributes.get("target_names")
    next_input = attributes["target_delay"] == 1 and same
    if attributes["input_kind"] == "symbols":
        return "symbol" if next_input and attributes["target_kind"] == "symbols" else None
    return "prediction" if next_input else "zero"


def pick_starts(
    lengths: NDArray[np.integer], warm_up: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw :data:`N_STARTS` visited states.

    Parameters
    ----------
    lengths : (sequence)
    warm_up : first steps of a sequence that are left out, where it is longer.

    Returns
    -------
    sequences, times : (start), the sequence and the step after which it is left alone.
    """
    sequences = rng.integers(len(lengths), size=N_STARTS)
    ends = lengths[sequences].astype(np.int64)
    return sequences, rng.integers(np.minimum(warm_up, ends - 1), ends)


def settle(
    network: RecurrentNetwork, inputs: torch.Tensor, times: NDArray[np.integer], neutral: Neutral
) -> torch.Tensor:
    """Drive the network to a visited state of each sequence, then leave it alone.

    A network that hears several steps at once (``n_input_steps``) is left alone from the step on in
    which it hears neutral input only.

    Parameters
    ----------
    inputs : (sequence, time) or (sequence, time, feature), as recorded.
    times : (sequence), the step after which the input turns neutral.

    Returns
    -------
    output : (visit, sequence, output) after ``N_SETTLING_STEPS`` neutral steps, and then after
        each step from twice to three times as many: a cycle as long comes round in between.
    """
    import torch

    from hmmlens.recording.nested_states import tensor

    until = torch.as_tensor(times, device=inputs.device)
    echo = getattr(network, "n_input_steps", 1) - 1
    state = network.start(len(inputs))
    settled = []
    with torch.inference_mode():
        for t in range(int(until.max()) + 1):
            moved = network.step(state, inputs[:, t])
            state = _where(until >= t, moved, state)
        for step in range(1 - echo, 3 * N_SETTLING_STEPS + 1):
            state = network.step(state, _nothing_new(neutral, network, state, inputs))
            if step == N_SETTLING_STEPS or step >= 2 * N_SETTLING_STEPS:
                settled.append(tensor(network.readout(state)))
    return torch.stack(settled)


def _nothing_new(
    neutral: Neutral, network: RecurrentNetwork, state: State, inputs: torch.Tensor
) -> torch.Tensor:
    import torch

    from hmmlens.recording.nested_states import tensor

    if neutral == "zero":
        return torch.zeros_like(inputs[:, 0])
    output = tensor(network.readout(state))
    return output.argmax(dim=1) if neutral == "symbol" else output


def _where(condition: torch.Tensor, new: State, old: State) -> State:
    import torch

    from hmmlens.recording.nested_states import mapped, tensor

    def either(a: Any, b: Any) -> Any:
        one = tensor(a)
        moved = torch.where(condition[:, None].to(one.device), one, tensor(b))
        return moved.numpy() if isinstance(a, np.ndarray) else moved

    chosen: State = mapped(either, new, old)
    return chosen


def leave_alone(
    network: RecurrentNetwork,
    inputs: NDArray[Any],
    distribution: NDArray[np.float64],
    lengths: NDArray[np.integer],
    attributes: Mapping[str, Any],
    rng: np.random.Generator,
) -> Endpoints | None:
    """Leave the network alone in states that it visits; None where no input is neutral.

    Parameters
    ----------
    inputs : (sequence, time) or (sequence, time, feature), as recorded.
    distribution : (sequence, time, output) of the network
    lengths : (sequence)
    attributes : of the task's ``sequences`` store.
    """
    from hmmlens.recording.torch_runner import as_read

    neutral = neutral_input(attributes)
    if neutral is None:
        return None
    inside = steps_inside(lengths, *inputs.shape[:2])
    sequences, times = pick_starts(lengths, WARM_UP, rng)
    # Steps past an end pass through the network, but change no state that is looked at.
    inputs = np.where(inside if inputs.ndim == 2 else inside[..., None], inputs, 0)
    settled = settle(network, as_read(inputs[sequences], network), times, neutral)
    said = output_distribution(settled.cpu().numpy(), str(attributes["target_kind"]))
    return endpoints(said, distribution[inside])


def covering_number(points: NDArray[np.float64], radius: float, covered: float = COVERED) -> int:
    """Return how many balls of ``radius``, picked greedily, cover that share of (point, output).

    Raises
    ------
    DataError
        When a point is not finite, which no ball could cover.
    """
    if not np.isfinite(points).all():
        raise DataError("an endpoint is not finite, so endpoints cannot be counted")
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    inside = distance <= radius
    open_points = np.ones(len(points), dtype=bool)
    n_covered = 0
    while open_points.sum() > (1 - covered) * len(points):
        centre = (inside & open_points[None]).sum(axis=1).argmax()
        open_points &= ~inside[centre]
        n_covered += 1
    return n_covered


def endpoints(settled: NDArray[np.float64], visited: NDArray[np.float64]) -> Endpoints:
    """Count the endpoints at two radii, and measure how far they still move.

    Parameters
    ----------
    settled : (visit, start, output), what the network says where it settled, and later.
    visited : (frame, output), what it says while it is driven; sets the scale.

    Raises
    ------
    DataError
        When an endpoint is not finite, or the driven network always says the same.
    """
    scale = float(np.sqrt(((visited - visited.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if not scale > 0:
        raise DataError("the driven network always says the same, so endpoints have no scale")
    outputs, later = settled[0], settled[1:]
    n_coarse = covering_number(outputs, COARSE * scale)
    n_fine = covering_number(outputs, FINE * scale)
    moved = np.sqrt(((later - outputs) ** 2).sum(axis=2)).min(axis=0) / scale
    drift = float(np.quantile(moved, COVERED))
    return Endpoints(outputs, n_coarse, n_fine, n_fine / n_coarse, drift)
