"""Jacobians of one step of a network, and counts of their eigenvalues.

A Jacobian is d(entry after the step)/d(entry before it), so that a factor on what a unit receives
scales its *row*. It has a closed form for ``relu`` and ``tanh`` cells, is made by reverse
differentiation for other networks that compute with tensors, and by central differences for the
rest.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics.protocol import StepNetwork, Values, takes_tensors
from hmmlens.dynamics.state_vectors import advance, unflatten
from hmmlens.rnn.noise_driven import ACTIVATIONS, Modulation, NoiseDriven

Complex = NDArray[np.complex128]

#: An eigenvalue is critical when its image (l - 1) / (l + 1) in the plane of continuous time has
#: a real part nearer to 0 than this, and an imaginary part above that (Torre et al. 2025, code).
CRITICAL_REAL, CRITICAL_IMAGINARY = 0.1, 0.05

#: Numbers that reverse differentiation may hold for a batch.
MOST_NUMBERS = 2**25

#: Half the width of a central difference, relative to the entry's size (at least 1): the cube root
#: of the resolution of double precision, which balances truncation and rounding.
DIFFERENCE = float(np.cbrt(np.finfo(np.float64).eps))


def has_drive(network: StepNetwork) -> TypeGuard[NoiseDriven]:
    """Return whether units have one pre-activation each, so that closed forms hold.

    Parameters
    ----------
    network : StepNetwork
        A network.

    Returns
    -------
    bool
        True for a ``NoiseDriven`` with ``relu`` or ``tanh`` units.
    """
    return isinstance(network, NoiseDriven) and network.cell in ACTIVATIONS


def slopes(
    network: NoiseDriven, entries: Tensor, noise: Tensor, modulation: Modulation | None = None
) -> Tensor:
    """Return the slope of each unit's activation in a step, for ``relu`` and ``tanh``.

    Parameters
    ----------
    network : NoiseDriven
        A network for which :func:`has_drive` is true.
    entries : Tensor of shape (run, unit)
        States before the step.
    noise : Tensor of shape (run, noise)
        Noise of the step.
    modulation : Modulation, optional
        Factors on units.

    Returns
    -------
    Tensor of shape (run, unit)
        Slopes; that of ``relu`` at 0 is taken as 0, as torch does.
    """
    drive = network.drive(unflatten(entries, network), noise, modulation)
    if network.cell == "relu":
        return (drive > 0).to(drive.dtype)
    return 1 - torch.tanh(drive) ** 2


def jacobians(
    network: StepNetwork, entries: Values, inputs: Values, modulation: Modulation | None = None
) -> Tensor:
    """Return the Jacobian of the step from each state.

    For ``relu`` and ``tanh``: output * ((1 - leak) I + leak diag(slope * drive) W), with the
    factors of ``modulation``.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : array of shape (run, entry)
        States before the step, see :func:`hmmlens.dynamics.state_vectors.flatten`.
    inputs : array of shape (run, feature) or (run)
        Input of the step.
    modulation : Modulation, optional
        Factors on units, for networks whose ``step`` takes them.

    Returns
    -------
    Tensor of shape (run, entry after, entry before)
        Jacobians.

    Examples
    --------
    >>> import numpy as np
    >>> class Linear:
    ...     def step(self, state, inputs):
    ...         return state @ np.array([[0.0, 1.0], [-1.0, 0.0]]).T + inputs
    >>> jacobians(Linear(), np.zeros((1, 2)), np.zeros((1, 2)))[0].round().tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    entries, inputs = torch.as_tensor(entries), torch.as_tensor(inputs)
    if not has_drive(network):
        if not takes_tensors(network):
            return by_differences(network, entries, inputs, modulation)
        return by_differentiation(network, entries, inputs, modulation)
    with torch.no_grad():
        modulation = modulation or Modulation()
        weight = network.recurrent.weight
        slope = slopes(network, entries, inputs, modulation) * modulation.drive
        jacobian = network.leak * slope[:, :, None] * weight
        jacobian.diagonal(dim1=1, dim2=2).add_(1 - network.leak)
        output = torch.as_tensor(modulation.output, dtype=jacobian.dtype, device=jacobian.device)
        scaled: Tensor = output.expand_as(slope)[:, :, None] * jacobian
        return scaled


def by_differentiation(
    network: StepNetwork,
    entries: Tensor,
    inputs: Tensor,
    modulation: Modulation | None = None,
    most_numbers: int = MOST_NUMBERS,
) -> Tensor:
    """Return the same as :func:`jacobians`, by reverse differentiation.

    Parameters
    ----------
    network : StepNetwork
        A network that computes with tensors.
    entries : Tensor of shape (run, entry)
        States before the step.
    inputs : Tensor of shape (run, feature) or (run)
        Input of the step.
    modulation : Modulation, optional
        Factors on units, for networks whose ``step`` takes them.
    most_numbers : int
        Numbers that may be in memory at once; more states are processed in several batches.

    Returns
    -------
    Tensor of shape (run, entry after, entry before)
        Jacobians.
    """
    options = _options(modulation)

    def _total(rows: Tensor, given: Tensor) -> Tensor:
        # Rows do not depend on each other, so a sum over them has every row's own derivative.
        return advance(network, rows, given, **options).sum(dim=0)

    size = entries.shape[1]
    n_rows = max(1, most_numbers // (4 * size * size))
    if modulation is not None and any(isinstance(m, Tensor) and m.ndim > 1 for m in modulation):
        n_rows = len(entries)
    with torch.inference_mode(False):
        parts = [
            torch.func.jacrev(_total)(rows.clone(), given.clone()).detach()
            for rows, given in zip(entries.split(n_rows), inputs.split(n_rows), strict=True)
        ]
    return torch.cat(parts, dim=1).transpose(0, 1)


def by_differences(
    network: StepNetwork, entries: Tensor, inputs: Tensor, modulation: Modulation | None = None
) -> Tensor:
    """Return the same as :func:`jacobians`, by central differences in double precision.

    Parameters
    ----------
    network : StepNetwork
        Any network.
    entries : Tensor of shape (run, entry)
        States before the step.
    inputs : Tensor of shape (run, feature) or (run)
        Input of the step.
    modulation : Modulation, optional
        Factors on units, for networks whose ``step`` takes them.

    Returns
    -------
    Tensor of shape (run, entry after, entry before)
        Jacobians, of the type of ``entries``; for a smooth step they are exact to about 1e-10.
    """
    options = _options(modulation)
    double = entries.detach().double()
    columns = []
    for index in range(double.shape[1]):
        shift = torch.zeros_like(double)
        shift[:, index] = DIFFERENCE * double[:, index].abs().clamp_min(1.0)
        one, two = (advance(network, double + s * shift, inputs, **options) for s in (1, -1))
        columns.append((one - two) / (2 * shift[:, index, None]))
    return torch.stack(columns, dim=2).to(entries)


def spectra(
    network: StepNetwork, entries: Values, inputs: Values, modulation: Modulation | None = None
) -> Complex:
    """Return the eigenvalues of the Jacobian of the step from each state.

    A ``relu`` network's Jacobian has rows of zeros for units that are off, so all its eigenvalues
    but zeros are those of the block of units that are on, which is several times as fast.

    Parameters
    ----------
    network : StepNetwork
        A network.
    entries : array of shape (run, entry)
        States before the step.
    inputs : array of shape (run, feature) or (run)
        Input of the step.
    modulation : Modulation, optional
        Factors on units, for networks whose ``step`` takes them.

    Returns
    -------
    ndarray of shape (run, entry)
        Eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> class Rotation:
    ...     def step(self, state, inputs):
    ...         return state @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> values = spectra(Rotation(), np.ones((1, 2)), np.zeros((1, 2)))
    >>> sorted(values[0].imag.round(4).tolist())
    [-1.0, 1.0]
    """
    entries, inputs = torch.as_tensor(entries), torch.as_tensor(inputs)
    if not has_drive(network) or network.cell != "relu" or modulation is not None:
        return eigenvalues(jacobians(network, entries, inputs, modulation))
    with torch.no_grad():
        on = slopes(network, entries, inputs) > 0
        weight = network.recurrent.weight
        blocks = torch.zeros(on.shape, dtype=torch.complex128)
        for row, active in enumerate(on):
            index = active.nonzero().flatten()
            if len(index):
                block = weight[index][:, index]
                blocks[row, : len(index)] = torch.linalg.eigvals(block).to(blocks)
    leak = network.leak
    values: Complex = (1 - leak + leak * blocks).numpy()
    return values


def eigenvalues(matrices: Tensor) -> Complex:
    """Return the eigenvalues of matrices.

    Parameters
    ----------
    matrices : Tensor of shape (run, entry, entry)
        Square matrices.

    Returns
    -------
    ndarray of shape (run, entry)
        Eigenvalues.
    """
    values: Complex = torch.linalg.eigvals(matrices).cpu().numpy().astype(np.complex128)
    return values


def critical_pairs(values: Complex, imaginary: float = CRITICAL_IMAGINARY) -> NDArray[np.int64]:
    """Return how many pairs of eigenvalues rotate and hardly grow or decay.

    Torre et al. 2025: pairs whose image m = (l - 1) / (l + 1) has a real part within .1 of 0 and an
    imaginary part above .05 (.06 where they ablate units).

    Parameters
    ----------
    values : ndarray of shape (..., entry)
        Eigenvalues.
    imaginary : float
        What the imaginary part of an image must exceed.

    Returns
    -------
    ndarray of shape (...)
        Numbers of pairs.

    Examples
    --------
    >>> critical_pairs(np.array([[0.98 + 0.15j, 0.98 - 0.15j, 0.3 + 0j]])).tolist()
    [1]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        image = (values - 1) / (values + 1)
    critical = (np.abs(image.real) < CRITICAL_REAL) & (image.imag > imaginary)
    return np.asarray(critical.sum(axis=-1), dtype=np.int64)


def unstable(values: Complex) -> NDArray[np.int64]:
    """Return how many eigenvalues have a modulus above 1.

    Parameters
    ----------
    values : ndarray of shape (..., entry)
        Eigenvalues.

    Returns
    -------
    ndarray of shape (...)
        Numbers of eigenvalues.

    Examples
    --------
    >>> unstable(np.array([[1.2, 0.5, -1.1], [0.9, 0.2, 0.1]])).tolist()
    [2, 0]
    """
    return np.asarray((np.abs(values) > 1).sum(axis=-1), dtype=np.int64)


def _options(modulation: Modulation | None) -> dict[str, Any]:
    """Return the keyword arguments of ``step``: other networks than the library's take none."""
    return {} if modulation is None else {"modulation": modulation}
