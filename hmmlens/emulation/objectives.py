"""Objectives of the training: the distance of a batch of sequences from one of the target.

The paper's objective compares a batch with itself to debias, in which every sequence is compared
with itself: between finite batches of the same distribution it does not average to 0, and other
distributions score lower. Split samples avoid that, as do the terms of the energy distance, which
are means over pairs of different sequences.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hmmlens.emulation.sinkhorn import divergence, transport
from hmmlens.errors import DataError

#: Maps emitted and target sequences, (sequence, time, symbol) one-hot, to a number.
Objective = Callable[[Tensor, Tensor], Tensor]


def emit(logits: Tensor, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
    """Sample one-hot symbols by the straight-through Gumbel-softmax (Jang et al. 2017).

    The sample follows softmax(logits); its gradient is that of the soft sample.

    Parameters
    ----------
    logits : Tensor of shape (..., symbol)
    generator : torch.Generator
        On the device of ``logits``.
    temperature : float
        Of the soft sample.

    Returns
    -------
    Tensor of shape (..., symbol)
        One-hot, of exact zeros and ones.

    Examples
    --------
    >>> symbols = emit(torch.zeros(2, 5, 3), torch.Generator().manual_seed(0))
    >>> symbols.sum(dim=2).unique().tolist()
    [1.0]
    """
    waiting = torch.empty_like(logits).exponential_(generator=generator)
    soft = ((logits - waiting.log()) / temperature).softmax(-1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return hard + (soft - soft.detach())


def split_divergence(emitted: Tensor, target: Tensor) -> Tensor:
    """Return OT(x, y) - OT(x, x') / 2 - OT(y, y') / 2, of halves x, x' and y, y' of the batches.

    The halves are independent, so that it averages to 0 where the distributions are equal, at any
    size. OT(x, y) is the mean over both pairs of halves, so that each sequence is used in both
    terms.

    Parameters
    ----------
    emitted, target : Tensor of shape (sequence, time, symbol)
        One-hot; each is split into halves.

    Returns
    -------
    Tensor of shape ()
        The objective, which may be negative.

    Raises
    ------
    DataError
        When a batch holds fewer than two sequences.
    """
    if min(len(emitted), len(target)) < 2:
        raise DataError("a split sample needs two sequences or more on either side")
    x, y = (part[: len(part) // 2 * 2].chunk(2) for part in (emitted, target))
    across = transport(x[0], y[0]) + transport(x[1], y[1])
    return (across - transport(x[0], x[1]) - transport(y[0], y[1])) / 2


def energy_distance(emitted: Tensor, target: Tensor) -> Tensor:
    """Return 2 E|X - Y| - E|X - X'| - E|Y - Y'|, each mean over different sequences.

    Szekely & Rizzo 2013, with the Euclidean distance of one-hot sequences, the root of twice the
    number of steps in which they differ. It averages to 0 where the distributions are equal.

    Parameters
    ----------
    emitted, target : Tensor of shape (sequence, time, symbol)
        One-hot.

    Returns
    -------
    Tensor of shape ()
        The objective, which may be negative.

    Raises
    ------
    DataError
        When a batch holds fewer than two sequences.

    Examples
    --------
    >>> x = torch.nn.functional.one_hot(torch.tensor([[0, 0], [0, 0]]), 2).float()
    >>> bool(energy_distance(x, x) < energy_distance(x, 1 - x))
    True
    """
    n, m = len(emitted), len(target)
    if min(n, m) < 2:
        raise DataError("an energy distance needs two sequences or more on either side")
    across = _distances(emitted, target).mean()
    within = _distances(emitted, emitted).sum() / (n * (n - 1))
    return 2 * across - within - _distances(target, target).sum() / (m * (m - 1))


def _distances(x: Tensor, y: Tensor) -> Tensor:
    # |x|^2 of a one-hot sequence is its length.
    square = 2 * (x.shape[1] - x.flatten(1) @ y.flatten(1).T)
    # The root has no gradient at 0, the distance of equal sequences.
    return square.clamp_min(1.0).sqrt() * (square > 0.5)


#: The objectives by name. ``sinkhorn`` is the paper's.
OBJECTIVES: dict[str, Objective] = {
    "sinkhorn": divergence,
    "split": split_divergence,
    "energy": energy_distance,
}
