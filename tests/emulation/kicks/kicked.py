"""Networks whose exits are in the hands of known units, or of none."""

from __future__ import annotations

import math

import torch

from hmmlens.rnn.noise_driven import NoiseDriven

#: The units that kick out of label 0 and out of label 1.
KICKS = ([2, 3, 4], [5, 6, 7])
#: Units that do as the kicks do, and act on none.
ECHOES = (list(range(8, 14)), list(range(14, 20)))
#: Units that pass noise on, from which each side's kicks get theirs.
SOURCES = (list(range(20, 30)), list(range(30, 40)))
#: The symbols that distinguish the two labels.
SYMBOLS = (0, 2)


def kicked(seed: int = 0, threshold: float = 1.6, n_units: int = 60) -> NoiseDriven:
    """Return a latch of two units (0, 1) that rare events of three kick units turn over.

    Kicks and echoes sum positive noise of their side's sources, with weights of their own, and
    fire where it is ``threshold`` standard deviations above its mean while their side of the latch
    is on. Only kicks act on the latch. Units from 40 on receive anything and act on none.
    """
    net = NoiseDriven("relu", 20, n_units, 3, bias=True)
    generator = torch.Generator().manual_seed(seed)
    # Mean and variance of the positive part of a standard normal number.
    mean, variance = (2 * math.pi) ** -0.5, 0.5 - 1 / (2 * math.pi)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        w, u, b = net.recurrent.weight, net.noise.weight, net.recurrent.bias
        # Where both are off, unequal biases decide which turns on; with equal ones, rounding does.
        b[0], b[1], w[0, 0], w[1, 1], w[0, 1], w[1, 0] = 0.5, 0.501, 0.5, 0.5, -1.3, -1.3
        u[20:40] = torch.eye(20)
        for side in (0, 1):
            for k in (*KICKS[side], *ECHOES[side]):
                inputs = torch.rand(10, generator=generator) + 0.5
                w[k, SOURCES[side]] = inputs
                w[k, 1 - side] = -8.0
                rare = threshold * (variance * inputs.square().sum()) ** 0.5
                b[k] = -(inputs.sum() * mean + rare)
            w[side, KICKS[side]], w[1 - side, KICKS[side]] = -1.0, 1.0
        u[40:] = 0.3 * torch.randn(n_units - 40, 20, generator=generator)
        w[40:, :40] = 0.3 * torch.randn(n_units - 40, 40, generator=generator)
        net.out.weight[0, 0] = net.out.weight[2, 1] = 5.0
        net.out.bias[1] = -3.0
    return net


def unkicked(seed: int = 0, n_units: int = 40) -> NoiseDriven:
    """Return a latch (unit 0) that its own noise turns over, and units that receive that noise.

    No unit but the latch has an effect on it, and the latch itself falls before it turns.
    """
    net = NoiseDriven("tanh", 5, n_units, 3)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.recurrent.weight[:, 0] = 0.3 * torch.randn(n_units, generator=generator)
        net.noise.weight[:] = torch.randn(n_units, 5, generator=generator)
        net.noise.weight[:, 0] -= 1.0
        net.recurrent.weight[0, 0], net.noise.weight[0] = 1.6, 0.0
        net.noise.weight[0, 0] = 0.35
        net.out.weight[0, 0], net.out.weight[2, 0] = 5.0, -5.0
    return net
