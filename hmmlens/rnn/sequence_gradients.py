"""Whole sequences of small recurrent layers on a CPU, with gradients by backpropagation in time.

On a CPU, torch records about ten operations for each step of a GRU or vanilla layer and goes back
through each, which takes longer than the arithmetic of some tens of units. Here the recursions run
on NumPy arrays and return the gradients of all weights at once. The results are those of torch but
for rounding. LSTM layers have a fused kernel in torch, and so have all layers on a GPU.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.rnn.recurrent_network import RecurrentNetwork

#: Arrays of single precision, with the sequences along their last axis.
Singles: TypeAlias = NDArray[np.float32]


def output(network: RecurrentNetwork, inputs: Tensor) -> Tensor:
    """Return the output of a network with gradients, as its ``forward`` but for rounding.

    Parameters
    ----------
    network : RecurrentNetwork
        The network.
    inputs : Tensor of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.

    Returns
    -------
    Tensor of shape (sequence, time, output)
        Logits or means.
    """
    x = network.encode(inputs)
    for layer in network.layers:
        x = run(layer, x)
    found: Tensor = network.out(x)
    return found


def run(layer: nn.Module, inputs: Tensor) -> Tensor:
    """Return the hidden state of a layer at each step, from the zero state.

    Parameters
    ----------
    layer : torch.nn.Module
        A recurrent layer of torch with ``batch_first``, of one layer and one direction.
    inputs : Tensor of shape (sequence, time, feature)
        What the layer reads.

    Returns
    -------
    Tensor of shape (sequence, time, unit)
        It has gradients with respect to inputs and weights.
    """
    weights: dict[str, Tensor] = dict(layer.named_parameters())
    kind = _RECURSIONS.get(type(layer))
    plain = inputs.device.type == "cpu" and inputs.dtype == torch.float32
    if kind is None or not plain or getattr(layer, "nonlinearity", "tanh") != "tanh":
        states: Tensor = layer(inputs)[0]
        return states
    drive = weights["weight_ih_l0"] @ inputs.permute(1, 2, 0) + weights["bias_ih_l0"][:, None]
    hidden: Tensor = kind.apply(drive, weights["weight_hh_l0"], weights["bias_hh_l0"])
    return hidden.permute(2, 0, 1)


def _array(tensor: Tensor) -> Singles:
    array: Singles = np.ascontiguousarray(tensor.detach().numpy())
    return array


class _Vanilla(torch.autograd.Function):
    """h = tanh(drive + W h + b)."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the states (time, unit, sequence)."""
        w, given = _array(weight), _array(drive + bias[:, None])
        h = np.zeros((len(given) + 1, len(w), given.shape[2]), dtype=np.float32)
        for t in range(len(given)):
            np.matmul(w, h[t], out=h[t + 1])
            np.add(h[t + 1], given[t], out=h[t + 1])
            np.tanh(h[t + 1], out=h[t + 1])
        ctx.arrays = (w, h)
        return torch.from_numpy(h[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of drive, weights and bias."""
        w, h = ctx.arrays
        back, from_loss, slope = np.ascontiguousarray(w.T), _array(gradient), 1 - h[1:] ** 2
        g, carried = np.empty_like(slope), np.zeros_like(slope[0])
        for t in reversed(range(len(slope))):
            np.add(carried, from_loss[t], out=carried)
            np.multiply(carried, slope[t], out=g[t])
            np.matmul(back, g[t], out=carried)
        return _gradients(g, g, h)


class _GRU(torch.autograd.Function):
    """Gates r and z, candidate n = tanh(drive_n + r (W_n h + b_n)), h = (1 - z) n + z h."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the states (time, unit, sequence)."""
        w, b, given = _array(weight).copy(), _array(bias)[:, None], _array(drive).copy()
        n_steps, _, n_sequences = given.shape
        u = w.shape[1]
        # The logistic function of x is (1 + tanh(x / 2)) / 2.
        half = np.float32(0.5)
        w[: 2 * u] *= half
        given[:, : 2 * u] = half * (given[:, : 2 * u] + b[: 2 * u])
        h = np.zeros((n_steps + 1, u, n_sequences), dtype=np.float32)
        gates = np.empty((n_steps, 2 * u, n_sequences), dtype=np.float32)
        n, recurrent = (np.empty((n_steps, u, n_sequences), dtype=np.float32) for _ in range(2))
        product = np.empty((3 * u, n_sequences), dtype=np.float32)
        for t in range(n_steps):
            np.matmul(w, h[t], out=product)
            gate = np.add(product[: 2 * u], given[t, : 2 * u], out=gates[t])
            np.tanh(gate, out=gate)
            gate *= half
            gate += half
            np.add(product[2 * u :], b[2 * u :], out=recurrent[t])
            np.multiply(gate[:u], recurrent[t], out=n[t])
            np.add(n[t], given[t, 2 * u :], out=n[t])
            np.tanh(n[t], out=n[t])
            np.subtract(h[t], n[t], out=h[t + 1])
            np.multiply(h[t + 1], gate[u:], out=h[t + 1])
            np.add(h[t + 1], n[t], out=h[t + 1])
        ctx.arrays = (_array(weight), gates, n, recurrent, h)
        return torch.from_numpy(h[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of drive, weights and bias."""
        w, gates, n, recurrent, h = ctx.arrays
        u = w.shape[1]
        back, from_loss = np.ascontiguousarray(w.T), _array(gradient)
        r, z = gates[:, :u], gates[:, u:]
        slope_n = (1 - z) * (1 - n**2)
        slope_r = recurrent * r * (1 - r)
        slope_z = (h[:-1] - n) * z * (1 - z)
        g, g_n = np.empty((len(n), 3 * u, n.shape[2]), dtype=np.float32), np.empty_like(n)
        carried, product = np.zeros_like(n[0]), np.empty_like(n[0])
        for t in reversed(range(len(n))):
            np.add(carried, from_loss[t], out=carried)
            np.multiply(carried, slope_n[t], out=g_n[t])
            np.multiply(g_n[t], slope_r[t], out=g[t, :u])
            np.multiply(carried, slope_z[t], out=g[t, u : 2 * u])
            np.multiply(g_n[t], r[t], out=g[t, 2 * u :])
            np.matmul(back, g[t], out=product)
            np.multiply(carried, z[t], out=carried)
            np.add(carried, product, out=carried)
        given = g.copy()
        given[:, 2 * u :] = g_n
        return _gradients(given, g, h)


def _gradients(given: Singles, recurrent: Singles, h: Singles) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of drive, weights and bias from those of both sums in each step."""
    g, before = torch.from_numpy(recurrent), torch.from_numpy(h[:-1])
    weight = torch.einsum("tgs,tus->gu", g, before)
    return torch.from_numpy(given), weight, g.sum(dim=(0, 2))


#: The recursion of each kind of layer.
_RECURSIONS: dict[type[nn.Module], Any] = {nn.RNN: _Vanilla, nn.GRU: _GRU}
