"""Fixed and slow points of a network on constant input, found by optimisation.

From states that the network visits, q(h) = |F(h) - h|^2 / 2 is minimised (Sussillo & Barak 2013,
Neural Computation 25:626), first by gradient descent and then by Levenberg-Marquardt steps with
the Jacobian, whose damping by |F(h) - h|^2 converges fast even where fixed points fill a line
(Fan & Yuan 2005, Computing 74:23). All in double precision.

A ``relu`` network without biases is positively homogeneous: 0 is always a fixed point, and with
any other one its whole ray. At 0 every unit is at its kink, and the Jacobian there does not
determine stability; :func:`decay` runs the network instead.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.jacobians import Complex, eigenvalues, has_drive, jacobians, unstable
from hmmlens.dynamics.minimisation import FixedPointSettings, descend, displacement, polish
from hmmlens.dynamics.protocol import StepNetwork, Values, constant_inputs
from hmmlens.dynamics.state_vectors import advance, unflatten
from hmmlens.typing import Floats, Int64s

AnyNetwork = TypeVar("AnyNetwork", bound=StepNetwork)

#: A unit is at its kink when its pre-activation is below this share of the length of states.
KINK = 1e-9


class FixedPoints(NamedTuple):
    """Distinct points, the slowest first.

    Attributes
    ----------
    entries : ndarray of shape (point, entry)
        The points.
    speed : ndarray of shape (point)
        Distance by which a step moves the state.
    fixed : ndarray of shape (point)
        Whether the point is fixed rather than slow.
    eigenvalues : ndarray of shape (point, entry)
        Eigenvalues of the Jacobian of the step there.
    n_kinks : ndarray of shape (point)
        Units whose activation has no derivative there.
    n_starts : ndarray of shape (point)
        Initial states that ended there.
    scale : float
        Root mean square length of the initial states.
    n_lost : int
        Initial states that ended at no fixed or slow point, such as fast minima of q.
    """

    entries: Floats
    speed: Floats
    fixed: NDArray[np.bool_]
    eigenvalues: Complex
    n_kinks: Int64s
    n_starts: Int64s
    scale: float
    n_lost: int


class Decay(NamedTuple):
    """Final states on constant input, one entry for each initial state.

    Attributes
    ----------
    nearest : ndarray of shape (state)
        The fixed point that is nearest to the final state.
    distance : ndarray of shape (state)
        Distance to it, as a share of the root mean square length of the states from which the
        points were searched.
    factor : ndarray of shape (state)
        Factor by which the distance shrank in a step, geometric mean.
    """

    nearest: Int64s
    distance: Floats
    factor: Floats


def find(
    network: StepNetwork,
    entries: Values,
    settings: FixedPointSettings = FixedPointSettings(),  # noqa: B008
    *,
    inputs: Values | None = None,
) -> FixedPoints:
    """Return fixed and slow points of the step on constant input.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : array of shape (state, entry)
        States from which points are searched, such as visited ones; a hundred or two.
    settings : FixedPointSettings
        Numbers of steps and thresholds.
    inputs : array of shape (feature) or a number, optional
        The input; zeros of the network's ``n_noise`` dimensions by default.

    Returns
    -------
    FixedPoints
        The points.

    Raises
    ------
    DataError
        When no input is given and the network has no ``n_noise``.

    Examples
    --------
    >>> import numpy as np
    >>> class Bistable:
    ...     def step(self, state, inputs):
    ...         return np.tanh(2 * state + inputs)
    >>> points = find(Bistable(), np.linspace(-1, 1, 8)[:, None], inputs=np.zeros(1))
    >>> np.sort(points.entries[:, 0]).round(4).tolist()
    [-0.9575, 0.0, 0.9575]
    """
    double = precise(network)
    starts = torch.as_tensor(entries).detach().clone().double()
    scale = _length(starts)
    first_speed = displacement(double, starts, inputs).norm(dim=1)
    descended = descend(double, starts, inputs, settings)
    ends, flat = polish(double, descended, inputs, scale, settings)
    if not flat.all():
        stuck = ends[~flat]
        given = constant_inputs(double, stuck, inputs)
        for _ in range(settings.n_unstick):
            stuck = advance(double, stuck, given)
        ends[~flat], flat[~flat] = polish(double, stuck, inputs, scale, settings)
    speed = displacement(double, ends, inputs).norm(dim=1)
    fixed = speed <= settings.fixed * scale
    kept = fixed | (flat & (speed <= settings.slow * first_speed.median()))
    points, n_starts = _distinct(ends[kept], speed[kept], settings.same * scale)
    speed = displacement(double, points, inputs).norm(dim=1)
    return FixedPoints(
        points.cpu().numpy(),
        speed.cpu().numpy(),
        (speed <= settings.fixed * scale).cpu().numpy(),
        eigenvalues(jacobians(double, points, constant_inputs(double, points, inputs))),
        _kinks(double, points, inputs, KINK * scale),
        n_starts,
        scale,
        int((~kept).sum()),
    )


def table(points: FixedPoints) -> pd.DataFrame:
    """Return one row per point.

    Parameters
    ----------
    points : FixedPoints
        Result of :func:`find`.

    Returns
    -------
    DataFrame
        ``kind`` (fixed or slow), ``speed`` and ``length`` (shares of the initial states' root mean
        square length), ``n_starts``, ``n_kinks``, and of the Jacobian ``n_unstable``, ``radius``
        (largest modulus) and the leading eigenvalue's ``real`` and ``imaginary`` part. Where
        ``n_kinks`` is above 0 the Jacobian is that of one side.

    Examples
    --------
    >>> import numpy as np
    >>> class Bistable:
    ...     def step(self, state, inputs):
    ...         return np.tanh(2 * state + inputs)
    >>> points = find(Bistable(), np.linspace(-1, 1, 8)[:, None], inputs=np.zeros(1))
    >>> sorted(table(points)["n_unstable"])
    [0, 0, 1]
    """
    size = np.abs(points.eigenvalues)
    leading = np.take_along_axis(points.eigenvalues, size.argmax(axis=1)[:, None], axis=1)[:, 0]
    return pd.DataFrame(
        {
            "kind": np.where(points.fixed, "fixed", "slow"),
            "speed": points.speed / points.scale,
            "length": np.linalg.norm(points.entries, axis=1) / points.scale,
            "n_starts": points.n_starts,
            "n_kinks": points.n_kinks,
            "n_unstable": unstable(points.eigenvalues),
            "radius": size.max(axis=1),
            "real": leading.real,
            "imaginary": np.abs(leading.imag),
        }
    )


def decay(
    network: StepNetwork,
    entries: Values,
    points: FixedPoints,
    settings: FixedPointSettings = FixedPointSettings(),  # noqa: B008
    *,
    inputs: Values | None = None,
) -> Decay | None:
    """Run a network on constant input, and measure how near its states come to fixed points.

    That all end at a fixed point is the claim of Torre et al. 2025, who estimate the point by the
    mean of the final states; here it was found without running the network.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : array of shape (state, entry)
        Initial states.
    points : FixedPoints
        Result of :func:`find`.
    settings : FixedPointSettings
        Of which ``n_decay`` is used.
    inputs : array of shape (feature) or a number, optional
        The input; zeros of the network's ``n_noise`` dimensions by default.

    Returns
    -------
    Decay or None
        None where no fixed point is known.

    Raises
    ------
    DataError
        When no input is given and the network has no ``n_noise``.

    Examples
    --------
    >>> import numpy as np
    >>> class Bistable:
    ...     def step(self, state, inputs):
    ...         return np.tanh(2 * state + inputs)
    >>> states = np.linspace(-1, 1, 8)[:, None]
    >>> points = find(Bistable(), states, inputs=np.zeros(1))
    >>> reached = decay(Bistable(), states, points, inputs=np.zeros(1))
    >>> bool((reached.distance < 1e-6).all())
    True
    """
    known = np.flatnonzero(points.fixed)
    if not len(known):
        return None
    double = precise(network)
    state = start = torch.as_tensor(entries).detach().clone().double()
    at = torch.as_tensor(points.entries[known], device=start.device)
    given = constant_inputs(double, start, inputs)
    with torch.no_grad():
        for _ in range(settings.n_decay):
            state = advance(double, state, given)
    distance, index = torch.cdist(state, at, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    before = (start - at[index]).norm(dim=1)
    factor = (distance / before) ** (1 / settings.n_decay)
    return Decay(
        known[index.cpu().numpy()],
        (distance / points.scale).cpu().numpy(),
        factor.cpu().numpy(),
    )


def precise(network: AnyNetwork) -> AnyNetwork:
    """Return a copy of a network in double precision, without gradients.

    Parameters
    ----------
    network : StepNetwork
        A network. One that is not a torch module keeps its precision.

    Returns
    -------
    StepNetwork, of the same type
        The copy.
    """
    double: Any = copy.deepcopy(network)
    if isinstance(double, torch.nn.Module):
        double.double().requires_grad_(False)
    copied: AnyNetwork = double
    return copied


def _length(entries: Tensor) -> float:
    """Return the root mean square length of (state, entry); 1 if all are 0."""
    length = float(entries.square().sum(dim=1).mean().sqrt())
    return length if length > 0 else 1.0


def _distinct(entries: Tensor, speed: Tensor, radius: float) -> tuple[Tensor, Int64s]:
    """Return points that are further apart than ``radius``, slowest first, and how many each had.

    A point that several searches reached represents all that lie within the radius of it.
    """
    left = entries[speed.argsort(stable=True)]
    points, counts = [], []
    while len(left):
        near = (left - left[0]).norm(dim=1) <= radius
        points.append(left[0])
        counts.append(int(near.sum()))
        left = left[~near]
    return torch.stack(points) if points else entries, np.array(counts, dtype=np.int64)


def _kinks(network: StepNetwork, entries: Tensor, inputs: Values | None, size: float) -> Int64s:
    if not has_drive(network) or network.cell != "relu":
        return np.zeros(len(entries), dtype=np.int64)
    with torch.no_grad():
        given = constant_inputs(network, entries, inputs)
        drive = network.drive(unflatten(entries, network), given)
    return np.asarray((drive.abs() <= size).sum(dim=1).cpu().numpy(), dtype=np.int64)
