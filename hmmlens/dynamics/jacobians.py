"""Exact Jacobians of one step of a network, and what their eigenvalues say.

For ``relu`` and ``tanh`` they have a closed form; for every other cell of the protocol they are
made by reverse differentiation. A Jacobian is d(entry after the step)/d(entry before it), so that
a factor on what a unit receives scales its *row*.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.rollouts import Driven, flatten, unflatten
from hmmlens.rnn.noise_driven import ACTIVATIONS, Modulation, NoiseDriven

Complex = NDArray[np.complex128]

#: An eigenvalue is critical when its image (l - 1) / (l + 1) in the plane of continuous time has
#: a real part nearer to 0 than this, and an imaginary part above that (Torre et al. 2025, code).
CRITICAL_REAL, CRITICAL_IMAGINARY = 0.1, 0.05

#: Numbers that reverse differentiation may hold for a batch.
MOST_NUMBERS = 2**25


def has_drive(network: Driven) -> TypeGuard[NoiseDriven]:
    """Return whether units have one drive each, so that closed forms hold."""
    return isinstance(network, NoiseDriven) and network.cell in ACTIVATIONS


def slopes(
    network: NoiseDriven, entries: Tensor, noise: Tensor, modulation: Modulation | None = None
) -> Tensor:
    """Return the slope of each unit's activation (sequence, unit) in a step; relu and tanh only.

    The slope of ``relu`` at 0 is taken as 0, as torch does.
    """
    drive = network.drive(unflatten(entries, network), noise, modulation)
    if network.cell == "relu":
        return (drive > 0).to(drive.dtype)
    return 1 - torch.tanh(drive) ** 2


def jacobians(
    network: Driven, entries: Tensor, noise: Tensor, modulation: Modulation | None = None
) -> Tensor:
    """Return the Jacobian of the step from each state (sequence, entry after, entry before).

    ``relu`` and ``tanh``: output * ((1 - leak) I + leak diag(slope * drive) W), with the factors of
    ``modulation``.

    Parameters
    ----------
    entries : (sequence, entry), see :func:`hmmlens.dynamics.rollouts.flatten`.
    noise : (sequence, noise), that of the step.
    """
    if not has_drive(network):
        return by_differentiation(network, entries, noise, modulation)
    with torch.no_grad():
        modulation = modulation or Modulation()
        weight = network.recurrent.weight
        slope = slopes(network, entries, noise, modulation) * modulation.drive
        found = network.leak * slope[:, :, None] * weight
        found.diagonal(dim1=1, dim2=2).add_(1 - network.leak)
        output = torch.as_tensor(modulation.output, dtype=found.dtype, device=found.device)
        scaled: Tensor = output.expand_as(slope)[:, :, None] * found
        return scaled


def by_differentiation(
    network: Driven, entries: Tensor, noise: Tensor, modulation: Modulation | None = None
) -> Tensor:
    """Return the same as :func:`jacobians`, by reverse differentiation, for every network."""
    more: dict[str, Any] = {} if modulation is None else {"modulation": modulation}

    def total(rows: Tensor, given: Tensor) -> Tensor:
        # Rows do not see each other, so a sum over them has every row's own derivative.
        return flatten(network.step(unflatten(rows, network), given, **more)).sum(dim=0)

    size = entries.shape[1]
    n_rows = max(1, MOST_NUMBERS // (4 * size * size))
    if modulation is not None and any(isinstance(m, Tensor) and m.ndim > 1 for m in modulation):
        n_rows = len(entries)
    with torch.inference_mode(False):
        parts = [
            torch.func.jacrev(total)(rows.clone(), given.clone()).detach()
            for rows, given in zip(entries.split(n_rows), noise.split(n_rows), strict=True)
        ]
    return torch.cat(parts, dim=1).transpose(0, 1)


def spectra(
    network: Driven, entries: Tensor, noise: Tensor, modulation: Modulation | None = None
) -> Complex:
    """Return the eigenvalues of the Jacobian of the step from each state (sequence, entry).

    A ``relu`` network's Jacobian has rows of zeros for units that are off, so all its eigenvalues
    but zeros are those of the block of units that are on, which is several times as fast.
    """
    if not has_drive(network) or network.cell != "relu" or modulation is not None:
        return eigenvalues(jacobians(network, entries, noise, modulation))
    with torch.no_grad():
        on = slopes(network, entries, noise) > 0
        weight = network.recurrent.weight
        found = torch.zeros(on.shape, dtype=torch.complex128)
        for row, active in enumerate(on):
            index = active.nonzero().flatten()
            if len(index):
                block = weight[index][:, index]
                found[row, : len(index)] = torch.linalg.eigvals(block).to(found)
    leak = network.leak
    values: Complex = (1 - leak + leak * found).numpy()
    return values


def eigenvalues(matrices: Tensor) -> Complex:
    """Return the eigenvalues (sequence, entry) of (sequence, entry, entry)."""
    values: Complex = torch.linalg.eigvals(matrices).cpu().numpy().astype(np.complex128)
    return values


def critical_pairs(values: Complex, imaginary: float = CRITICAL_IMAGINARY) -> NDArray[np.int64]:
    """Return how many pairs of eigenvalues (..., entry) turn and hardly grow or decay: (...).

    Torre et al. 2025: pairs whose image m = (l - 1) / (l + 1) has a real part within .1 of 0 and an
    imaginary part above .05 (.06 where they ablate units).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        image = (values - 1) / (values + 1)
    critical = (np.abs(image.real) < CRITICAL_REAL) & (image.imag > imaginary)
    return np.asarray(critical.sum(axis=-1), dtype=np.int64)


def unstable(values: Complex) -> NDArray[np.int64]:
    """Return how many eigenvalues (..., entry) have a modulus above 1: (...)."""
    return np.asarray((np.abs(values) > 1).sum(axis=-1), dtype=np.int64)
