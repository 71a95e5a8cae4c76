"""Networks whose states and transitions are known, because they are written down.

They follow the protocol of :class:`hmmlens.dynamics.protocol.DrivenNetwork`, and nothing in them is
trained.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

State = tuple[tuple[Tensor, ...], ...]


def uniform(noise: Tensor) -> Tensor:
    """Return what is uniform on 0 to 1 when ``noise`` is standard normal."""
    return torch.special.ndtr(noise.double())


class Wells:
    """Places in space; noise moves the state between them by a Markov chain, and jitters it.

    The next place depends on the nearest place alone, so places are states and nothing else is.
    With ``parts`` 2 a second part, such as an LSTM's cell, holds the place, and the first one
    only gives the output.
    """

    def __init__(
        self,
        transmat: np.ndarray,
        emission: np.ndarray,
        n_units: int = 24,
        jitter: float = 0.1,
        parts: int = 1,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0]
        self.centres = torch.tensor(2 * axes[: len(transmat)], dtype=torch.float32)
        self.upto = torch.tensor(np.cumsum(transmat, axis=1))
        self.logits = torch.tensor(np.log(emission), dtype=torch.float32)
        self.n_units, self.n_noise, self.jitter, self.parts = n_units, 1 + n_units, jitter, parts

    def start(self, n_sequences: int) -> State:
        return (tuple(torch.zeros(n_sequences, self.n_units) for _ in range(self.parts)),)

    def place(self, part: Tensor) -> Tensor:
        return torch.cdist(part, self.centres).argmin(dim=1)

    def step(self, state: State, noise: Tensor) -> State:
        upto = self.upto[self.place(state[0][-1])]
        place = (upto < uniform(noise[:, :1])).sum(dim=1).clamp(max=len(self.centres) - 1)
        new = self.centres[place] + self.jitter * noise[:, 1:]
        return ((new,) * self.parts,)

    def readout(self, state: State) -> Tensor:
        return self.logits[self.place(state[0][0])]


class Kicked:
    """A unit at 1 or -1 whose sign another unit flips, in one step, when noise is rare enough.

    Unit 0 gives the symbol, unit 1 is the kick; the others only jitter.
    """

    leave = 0.05

    def __init__(self, n_units: int = 8) -> None:
        self.n_units = self.n_noise = n_units

    def start(self, n_sequences: int) -> State:
        return ((torch.zeros(n_sequences, self.n_units),),)

    def step(self, state: State, noise: Tensor) -> State:
        hidden = state[0][0]
        sign = torch.where(hidden[:, 0] < 0, -1.0, 1.0)
        kicked = torch.where(hidden[:, 1] > 0.5, -sign, sign)
        new = 0.05 * noise
        new[:, 0] += kicked
        new[:, 1] += (uniform(noise[:, 2]) < self.leave).float()
        return ((new,),)

    def readout(self, state: State) -> Tensor:
        logit = 3 * torch.sign(state[0][0][:, 0])
        return torch.stack([logit, torch.full_like(logit, -2.0), -logit], dim=1)
