"""Fixed and slow points of a network that hears no noise, found by optimisation.

From states that the network visits, q(h) = |F(h) - h|^2 / 2 is minimised (Sussillo & Barak 2013,
Neural Computation 25:626), first by gradient descent and then by Levenberg-Marquardt steps with
the exact Jacobian, whose damping by |F(h) - h|^2 converges fast even where fixed points fill a
line (Fan & Yuan 2005, Computing 74:23). All in double precision.

A ``relu`` network without biases is positively homogeneous: 0 is always a fixed point, and with
any other one its whole ray. At 0 every unit is at its kink, and the Jacobian there says nothing
about stability; :func:`decay` asks the network itself.
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
from hmmlens.dynamics.rollouts import Driven, flatten, unflatten
from hmmlens.typing import Floats

AnyDriven = TypeVar("AnyDriven", bound=Driven)

#: Steps of gradient descent, and its first rate as a share of the units' root mean square.
N_DESCENT, RATE = 300, 0.05
#: Most Levenberg-Marquardt steps, and the relative gradient at which a minimum of q is reached.
N_POLISH, FLAT = 60, 1e-7
#: Distances as shares of the root mean square length of the starts: a point is fixed when a step
#: moves it by less than the first, and not improved below the second; points nearer than the
#: third are one.
FIXED, ENOUGH, SAME = 1e-9, 1e-13, 1e-4
#: A minimum of q is a slow point when a step moves it by less than this share of the starts'
#: median speed.
SLOW = 0.1
#: Steps that the network runs from where the search got stuck between its kinks, before it is
#: searched again.
N_UNSTICK = 100
#: A unit is at its kink when its drive is below this share of the same length.
KINK = 1e-9
#: Steps without noise after which states should have decayed (Torre et al. 2025, code).
N_DECAY = 500


class FixedPoints(NamedTuple):
    """Distinct points, the slowest first.

    entries : (point, entry)
    speed : (point), how far a step moves the state
    fixed : (point), whether it is fixed rather than slow
    eigenvalues : (point, entry), of the Jacobian of the step there
    n_kinks : (point), units whose activation has no derivative there
    n_starts : (point), starts that ended there
    scale : root mean square length of the starts
    n_lost : starts that ended at no fixed or slow point, such as fast minima of q
    """

    entries: Floats
    speed: Floats
    fixed: NDArray[np.bool_]
    eigenvalues: Complex
    n_kinks: NDArray[np.int64]
    n_starts: NDArray[np.int64]
    scale: float
    n_lost: int


class Decay(NamedTuple):
    """Where states go without noise, one entry for each start.

    nearest : the fixed point that is nearest in the end
    distance : to it in the end, as a share of the root mean square length of the starts
    factor : by which the distance shrank in a step, geometric mean
    """

    nearest: NDArray[np.int64]
    distance: Floats
    factor: Floats


def find(network: Driven, entries: Tensor) -> FixedPoints:
    """Return fixed and slow points of the step without noise.

    Parameters
    ----------
    entries : (start, entry), visited states; a hundred or two.
    """
    double = precise(network)
    starts = entries.detach().clone().double()
    scale = _length(starts)
    first_speed = _move(double, starts).norm(dim=1)
    ends, flat = _polish(double, _descend(double, starts), ENOUGH * scale)
    if not flat.all():
        silence = ends.new_zeros(int((~flat).sum()), network.n_noise)
        stuck = ends[~flat]
        for _ in range(N_UNSTICK):
            stuck = flatten(double.step(unflatten(stuck, double), silence))
        ends[~flat], flat[~flat] = _polish(double, stuck, ENOUGH * scale)
    speed = _move(double, ends).norm(dim=1)
    fixed = speed <= FIXED * scale
    kept = fixed | (flat & (speed <= SLOW * first_speed.median()))
    points, n_starts = _distinct(ends[kept], speed[kept], SAME * scale)
    speed = _move(double, points).norm(dim=1)
    silence = points.new_zeros(len(points), network.n_noise)
    return FixedPoints(
        points.cpu().numpy(),
        speed.cpu().numpy(),
        (speed <= FIXED * scale).cpu().numpy(),
        eigenvalues(jacobians(double, points, silence)),
        _kinks(double, points, KINK * scale),
        n_starts,
        scale,
        int((~kept).sum()),
    )


def table(points: FixedPoints) -> pd.DataFrame:
    """Return one row a point.

    ``kind`` (fixed or slow), ``speed`` and ``length`` (shares of the starts' root mean square
    length), ``n_starts``, ``n_kinks``, and of the Jacobian ``n_unstable``, ``radius`` (largest
    modulus) and the leading eigenvalue's ``real`` and ``imaginary`` part. Where ``n_kinks`` is
    above 0 the Jacobian is that of one side.
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
    network: Driven, entries: Tensor, points: FixedPoints, n_steps: int = N_DECAY
) -> Decay | None:
    """Let visited states (start, entry) run without noise; None where no fixed point is known.

    That all end at a fixed point is the claim of Torre et al. 2025, who take the mean of the end
    states for it; here the point was found without running.
    """
    known = np.flatnonzero(points.fixed)
    if not len(known):
        return None
    double = precise(network)
    at = torch.as_tensor(points.entries[known], device=entries.device)
    state = start = entries.detach().clone().double()
    silence = start.new_zeros(len(start), network.n_noise)
    with torch.no_grad():
        for _ in range(n_steps):
            state = flatten(double.step(unflatten(state, double), silence))
    distance, index = torch.cdist(state, at, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    before = (start - at[index]).norm(dim=1)
    factor = (distance / before) ** (1 / n_steps)
    return Decay(
        known[index.cpu().numpy()],
        (distance / points.scale).cpu().numpy(),
        factor.cpu().numpy(),
    )


def precise(network: AnyDriven) -> AnyDriven:
    """Return a copy of ``network`` in double precision, without gradients."""
    double: Any = copy.deepcopy(network)
    if isinstance(double, torch.nn.Module):
        double.double().requires_grad_(False)
    copied: AnyDriven = double
    return copied


def _length(entries: Tensor) -> float:
    """Return the root mean square length of (state, entry); 1 if all are 0."""
    length = float(entries.square().sum(dim=1).mean().sqrt())
    return length if length > 0 else 1.0


def _move(network: Driven, entries: Tensor) -> Tensor:
    """Return F(h) - h (state, entry)."""
    silence = entries.new_zeros(len(entries), network.n_noise)
    return flatten(network.step(unflatten(entries, network), silence)) - entries


def _descend(network: Driven, starts: Tensor) -> Tensor:
    """Return the starts after gradient descent on q, each by itself.

    The rule is that of Adam (Kingma & Ba 2015) at a falling rate, written out because torch's own
    takes longer to import than to run here.
    """
    rate = RATE * float(starts.square().mean().sqrt() or 1.0)
    entries, mean, square = starts.clone(), torch.zeros_like(starts), torch.zeros_like(starts)
    with torch.inference_mode(False), torch.enable_grad():
        for step in range(1, N_DESCENT + 1):
            at = entries.requires_grad_()
            (slope,) = torch.autograd.grad(_move(network, at).square().sum() / 2, at)
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            size = (square / (1 - 0.999**step)).sqrt() + 1e-12
            now = rate * 0.01 ** (step / N_DESCENT)
            entries = (at - now * mean / (1 - 0.9**step) / size).detach()
    return entries


def _polish(network: Driven, entries: Tensor, enough: float) -> tuple[Tensor, Tensor]:
    """Return the points after Levenberg-Marquardt steps, which only ever lower q.

    Returns
    -------
    entries : (start, entry)
    flat : (start), whether it is a minimum of q, or slower than ``enough``
    """
    entries = entries.clone()
    damping = entries.new_ones(len(entries))
    flat = torch.zeros(len(entries), dtype=torch.bool, device=entries.device)
    todo = torch.arange(len(entries), device=entries.device)
    identity = torch.eye(entries.shape[1], dtype=entries.dtype, device=entries.device)
    silence = entries.new_zeros(len(entries), network.n_noise)
    for _ in range(N_POLISH):
        at = entries[todo]
        moved = _move(network, at)
        slope = jacobians(network, at, silence[todo]) - identity
        pull = slope.transpose(1, 2) @ moved[:, :, None]
        speed = moved.norm(dim=1)
        # The identity sets the scale where the slope itself is 0, as at the bottom of a ghost.
        size = (1 + slope.flatten(1).norm(dim=1)) * speed
        going = (pull[:, :, 0].norm(dim=1) > FLAT * size) & (speed > enough)
        flat[todo] = ~going
        if not going.any():
            break
        todo, at, moved, slope, pull = (x[going] for x in (todo, at, moved, slope, pull))
        weight = damping[todo] * moved.square().sum(dim=1)
        # So small a damping is lost in rounding, and the matrix may be singular without any.
        weight = weight.clamp_min(1e-14)
        normal = slope.transpose(1, 2) @ slope + weight[:, None, None] * identity
        tried = at - torch.linalg.solve(normal, pull)[:, :, 0]
        better = _move(network, tried).norm(dim=1) < moved.norm(dim=1)
        entries[todo[better]] = tried[better]
        damping[todo] *= torch.where(better, 0.25, 8.0)
    return entries, flat


def _distinct(entries: Tensor, speed: Tensor, radius: float) -> tuple[Tensor, NDArray[np.int64]]:
    """Return points that are further apart than ``radius``, slowest first, and how many each had.

    A point that several starts reached stands for all that lie within the radius of it.
    """
    left = entries[speed.argsort(stable=True)]
    points, counts = [], []
    while len(left):
        near = (left - left[0]).norm(dim=1) <= radius
        points.append(left[0])
        counts.append(int(near.sum()))
        left = left[~near]
    found = torch.stack(points) if points else entries
    return found, np.array(counts, dtype=np.int64)


def _kinks(network: Driven, entries: Tensor, size: float) -> NDArray[np.int64]:
    if not has_drive(network) or network.cell != "relu":
        return np.zeros(len(entries), dtype=np.int64)
    with torch.no_grad():
        silence = entries.new_zeros(len(entries), network.n_noise)
        drive = network.drive(unflatten(entries, network), silence)
    return np.asarray((drive.abs() <= size).sum(dim=1).cpu().numpy(), dtype=np.int64)
