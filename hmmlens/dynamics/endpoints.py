"""Where a network settles when the input says nothing new.

A network with discrete attractor states ends in a few tight points; a continuum of states ends
spread out, so that finer balls need many more centres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

if TYPE_CHECKING:
    import torch

    from hmmlens.networks.cells import RecurrentNetwork, State

#: Steps on neutral input. Long enough to settle into a state, short enough that a line of
#: states has not yet decayed to the few points that training left on it.
N_SETTLING_STEPS = 20

#: Radii of the balls, as shares of the root mean square of the output around its mean.
COARSE, FINE = 0.2, 0.05

#: Share of endpoints that the balls must cover.
COVERED = 0.95


class Endpoints(NamedTuple):
    """Where the network settled.

    outputs : (start, output), what it says there
    n_coarse, n_fine : balls that cover 95 % of ``outputs``
    ratio : n_fine / n_coarse, near 1 for points and large for a continuum
    """

    outputs: NDArray[np.float64]
    n_coarse: int
    n_fine: int
    ratio: float


def settle(
    network: RecurrentNetwork, inputs: torch.Tensor, times: NDArray[np.integer], feedback: bool
) -> torch.Tensor:
    """Drive the network to a visited state of each sequence, then leave it alone.

    Parameters
    ----------
    inputs : (sequence, time) or (sequence, time, feature), as recorded.
    times : (sequence), the step after which the input turns neutral.
    feedback : neutral is the network's own likeliest symbol, fed back; else an input of zeros.

    Returns
    -------
    output : (sequence, output) after ``N_SETTLING_STEPS`` neutral steps.
    """
    import torch

    until = torch.as_tensor(times, device=inputs.device)
    state = network.start(len(inputs))
    with torch.inference_mode():
        for t in range(int(until.max()) + 1):
            moved = network.step(state, inputs[:, t])
            state = _where(until >= t, moved, state)
        for _ in range(N_SETTLING_STEPS):
            output = network.readout(state)
            neutral = output.argmax(dim=1) if feedback else torch.zeros_like(inputs[:, 0])
            state = network.step(state, neutral)
        return network.readout(state)


def _where(condition: torch.Tensor, new: State, old: State) -> State:
    import torch

    return tuple(
        tuple(torch.where(condition[:, None], a, b) for a, b in zip(n, o, strict=True))
        for n, o in zip(new, old, strict=True)
    )


def count_balls(points: NDArray[np.float64], radius: float, covered: float = COVERED) -> int:
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
    n_balls = 0
    while open_points.sum() > (1 - covered) * len(points):
        centre = (inside & open_points[None]).sum(axis=1).argmax()
        open_points &= ~inside[centre]
        n_balls += 1
    return n_balls


def endpoints(outputs: NDArray[np.float64], visited: NDArray[np.float64]) -> Endpoints:
    """Count the endpoints at two radii.

    Parameters
    ----------
    outputs : (start, output), where the network settled.
    visited : (frame, output), what it says while it is driven; sets the scale.
    """
    scale = float(np.sqrt(((visited - visited.mean(axis=0)) ** 2).sum(axis=1).mean()))
    n_coarse = count_balls(outputs, COARSE * scale)
    n_fine = count_balls(outputs, FINE * scale)
    return Endpoints(outputs, n_coarse, n_fine, n_fine / n_coarse)
