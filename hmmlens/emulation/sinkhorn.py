"""The Sinkhorn divergence between batches of symbol sequences.

A sequence is a point, one-hot and flattened. Half the squared distance of two of them is the number
of steps in which they differ, and this integer matrix is all that entropic transport needs. The
scheme is that of geomloss (Feydy 2020, algorithm 3.5): updates of both potentials at once, averaged
with what they were, while the blur shrinks from the diameter of the data. It is fast because

- both updates come from one exponential, exp((f + g - C) / eps), whose sums over rows and columns
  give the error of each potential; it stays within the range of float32 as the potentials are in
  it, and is clamped where it is negligible, because numbers below that range slow a processor down;
- the transport of a batch onto itself has a closed form when the blur is so small that only equal
  sequences exchange mass, as with the blur of .2 of Torre et al. 2025.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from hmmlens.errors import DataError

#: The blur of Torre et al. 2025: a length, whose square is the temperature.
BLUR = 0.2
#: Factor of the blur from one step of its schedule to the next.
SCALING = 0.5
#: Exponents are kept within these: exp(-80) is negligible compared with 1, and nothing overflows.
LOWEST, HIGHEST = -80.0, 60.0
#: The closed form holds where different sequences exchange less than this share of mass.
NEGLIGIBLE = 1e-5
#: Entries of a matrix that are computed at once, by device: as many as fit a processor's cache.
BLOCK = {"cpu": 2**18, "cuda": 2**25}


def divergence(x: Tensor, y: Tensor, blur: float = BLUR) -> Tensor:
    """Return the debiased divergence OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2.

    Feydy et al. 2019, equation 3, with cost |a - b|^2 / 2, as geomloss has it by default.

    Parameters
    ----------
    x, y : Tensor of shape (sequence, time, symbol)
        One-hot; each may require a gradient.
    blur : float
        Square root of the temperature.

    Returns
    -------
    Tensor of shape ()
        At least 0, up to the accuracy of the scheme.

    Raises
    ------
    DataError
        When the shapes do not fit, or a step does not hold one 1 among zeros.

    Examples
    --------
    >>> import torch
    >>> x = torch.nn.functional.one_hot(torch.tensor([[0, 1], [1, 1]]), 2).float()
    >>> y = torch.nn.functional.one_hot(torch.tensor([[0, 0], [0, 0]]), 2).float()
    >>> bool(divergence(x, y) > divergence(x, x).abs())
    True
    """
    return transport(x, y, blur) - (self_transport(x, blur) + self_transport(y, blur)) / 2


def transport(x: Tensor, y: Tensor, blur: float = BLUR) -> Tensor:
    """Return the entropic cost OT(x, y), the sum of the means of both potentials.

    Its gradient is that of the envelope theorem, for the cost n_steps - <a, b>. On one-hot
    sequences that is half the squared distance; the terms by which their gradients differ cancel in
    a divergence.

    Parameters
    ----------
    x, y : Tensor of shape (sequence, time, symbol)
        One-hot; each may require a gradient.
    blur : float
        Square root of the temperature.

    Returns
    -------
    Tensor of shape ()
        The cost, half a squared distance.

    Raises
    ------
    DataError
        When the shapes do not fit, or a step does not hold one 1 among zeros.
    """
    _check(x, y)
    value: Tensor = _Transport.apply(x, y, blur)  # type: ignore[no-untyped-call]
    return value


def self_transport(x: Tensor, blur: float = BLUR) -> Tensor:
    """Return OT(x, x), with gradient.

    Where exp(-1 / temperature) is negligible a sequence exchanges mass with equal sequences only,
    and OT(x, x) is the temperature times the entropy of the batch's distinct sequences.

    Parameters
    ----------
    x : Tensor of shape (sequence, time, symbol)
        One-hot; it may require a gradient.
    blur : float
        Square root of the temperature.

    Returns
    -------
    Tensor of shape ()
        The cost, half a squared distance.

    Raises
    ------
    DataError
        When a step does not hold one 1 among zeros.
    """
    if len(x) * math.exp(-1 / blur**2) > NEGLIGIBLE:
        return transport(x, x, blur)
    _check(x, x)
    value: Tensor = _SelfTransport.apply(x, blur)  # type: ignore[no-untyped-call]
    return value


def temperatures(x: Tensor, y: Tensor, blur: float) -> list[float]:
    """Return the schedule of temperatures of geomloss, from the squared diameter to blur^2.

    Parameters
    ----------
    x, y : Tensor of shape (sequence, feature)
    blur : float
        Square root of the last temperature.

    Returns
    -------
    list of float
        Falling by a factor of ``SCALING**2``.
    """
    spread = torch.maximum(x.amax(0), y.amax(0)) - torch.minimum(x.amin(0), y.amin(0))
    last = blur**2
    first = max(float(spread.square().sum()), last)
    between, temperature = [], first
    while temperature > last * (1 + 1e-9):
        between.append(temperature)
        temperature *= SCALING**2
    return [first, *between, last]


def _check(x: Tensor, y: Tensor) -> None:
    if x.ndim != 3 or y.ndim != 3 or x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise DataError(
            f"batches must be (sequence, time, symbol) with equal times and symbols and at least "
            f"one sequence, found {tuple(x.shape)} and {tuple(y.shape)}"
        )
    for part in (x,) if x is y else (x, y):
        hot = part.detach() == 1
        if not bool((hot.sum(2) == 1).all() & (hot | (part.detach() == 0)).all()):
            raise DataError("every step of a sequence must be one-hot: one 1 among zeros")


def _blocks(cost: Tensor) -> Iterator[slice]:
    rows = max(1, BLOCK.get(cost.device.type, BLOCK["cpu"]) // cost.shape[1])
    for first in range(0, len(cost), rows):
        yield slice(first, first + rows)


def kernel(cost: Tensor, f: Tensor, g: Tensor, temperature: float) -> Tensor:
    """Return exp((f + g - cost) / temperature), clamped to the range of float32.

    Parameters
    ----------
    cost : Tensor of shape (row, column)
    f : Tensor of shape (row)
        Potential of the rows.
    g : Tensor of shape (column)
        Potential of the columns.
    temperature : float

    Returns
    -------
    Tensor of shape (row, column)
        The transport plan up to the weights of the sequences.
    """
    exponent = cost * (-1 / temperature)
    exponent.add_((f / temperature)[:, None]).add_(g / temperature)
    return exponent.clamp_(LOWEST, HIGHEST).exp_()


class _Transport(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, blur: float) -> Tensor:
        a, b = x.flatten(1), y.flatten(1)
        cost = torch.addmm(a.new_tensor(float(x.shape[1])), a, b.T, alpha=-1)
        f, g = a.new_zeros(len(a)), a.new_zeros(len(b))
        schedule = temperatures(a, b, blur)
        # The first step is not averaged, as there is no former potential.
        for temperature, share in [(schedule[0], 1.0), *((t, 0.5) for t in schedule)]:
            across, down = torch.empty_like(f), torch.zeros_like(g)
            for rows in _blocks(cost):
                plan = kernel(cost[rows], f[rows], g, temperature)
                across[rows] = plan.sum(1)
                down += plan.sum(0)
            f = f - share * temperature * (across / len(b)).log()
            g = g - share * temperature * (down / len(a)).log()
        wanted = ctx.needs_input_grad
        across, down = torch.empty_like(f), torch.zeros_like(g)
        to_x = torch.empty_like(a) if wanted[0] else None
        to_y = torch.zeros_like(b) if wanted[1] else None
        for rows in _blocks(cost):
            plan = kernel(cost[rows], f[rows], g, schedule[-1])
            across[rows] = plan.sum(1)
            down += plan.sum(0)
            if to_x is not None:
                to_x[rows] = plan @ b
            if to_y is not None:
                to_y += plan.T @ a[rows]
        # The plan's rows, or columns, are normalised to the weights of their sequences.
        if to_x is not None:
            to_x = (to_x / (-len(a) * across)[:, None]).view_as(x)
        if to_y is not None:
            to_y = (to_y / (-len(b) * down)[:, None]).view_as(y)
        ctx.gradients = to_x, to_y
        f = f - schedule[-1] * (across / len(b)).log()
        g = g - schedule[-1] * (down / len(a)).log()
        return f.mean() + g.mean()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        to_x, to_y = (None if part is None else upstream[0] * part for part in ctx.gradients)
        return to_x, to_y, None


class _SelfTransport(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, blur: float) -> Tensor:
        ctx.save_for_backward(x)
        symbols = x.argmax(2).to(torch.int16)
        equal = torch.unique(symbols, dim=0, return_counts=True)[1].to(x.dtype) / len(x)
        entropy: Tensor = -(equal * equal.log()).sum()
        return blur**2 * entropy

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Any, ...]:
        (x,) = ctx.saved_tensors
        # Both marginals of the plan depend on x, and a sequence exchanges mass with equals only.
        return -2 / len(x) * upstream[0] * x, None
