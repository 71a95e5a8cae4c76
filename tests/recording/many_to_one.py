"""Networks that return one output for each sequence, and their outputs on prefixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Last(nn.Module):
    """Reads the last step of a layer."""

    def __init__(self, kind: str = "GRU", n_layers: int = 1, time_first: bool = False) -> None:
        super().__init__()
        self.rnn: Any = getattr(nn, kind)(3, 5, n_layers, batch_first=not time_first)
        self.out = nn.Linear(5, 2)
        self.time_first = time_first

    def forward(self, x: Tensor) -> Tensor:
        steps = self.rnn(x)[0]
        read: Tensor = self.out(steps[-1] if self.time_first else steps[:, -1])
        return read


class Final(Last):
    """Reads the last hidden and cell states of all layers."""

    def __init__(self, kind: str = "LSTM", n_layers: int = 2) -> None:
        super().__init__(kind, n_layers)
        self.out = nn.Linear(2 * 5 * n_layers, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, c) = self.rnn(x)
        read: Tensor = self.out(torch.cat([*h, *c], dim=1))
        return read


class Packed(Last):
    """Reads the last valid step of a packed sequence."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        steps, ends = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        read: Tensor = self.out(steps[torch.arange(len(x)), ends - 1])
        return read


class PackedFinal(Last):
    """Reads the last hidden state of a packed sequence."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        read: Tensor = self.out(self.rnn(packed)[1][-1])
        return read


class Masked(Last):
    """Reads the step before the end, by a mask."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        steps = self.rnn(x)[0]
        mask = torch.arange(x.shape[1]) == lengths[:, None] - 1
        read: Tensor = self.out((steps * mask[..., None]).sum(dim=1))
        return read


class Mean(Last):
    """Averages over all steps."""

    def forward(self, x: Tensor) -> Tensor:
        read: Tensor = self.out(self.rnn(x)[0].mean(dim=1))
        return read


class Attention(Last):
    """Averages over all steps with weights that depend on the states and the inputs."""

    def __init__(self, kind: str = "GRU", n_layers: int = 1) -> None:
        super().__init__(kind, n_layers)
        self.score = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.rnn(x)[0]
        weights = torch.softmax(self.score(torch.cat([steps, x], dim=2)), dim=1)
        read: Tensor = self.out((weights * steps).sum(dim=1))
        return read


class Looped(nn.Module):
    """Calls a cell in a loop."""

    def __init__(self, kind: str = "GRUCell") -> None:
        super().__init__()
        self.cell: Any = getattr(nn, kind)(3, 5)
        self.out = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        read: Tensor = self.out(state[0] if isinstance(state, tuple) else state)
        return read


class Decoder(nn.Module):
    """An encoder, and a decoder that unrolls a forecast of four steps."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 5, batch_first=True)
        self.decoder = nn.LSTM(2, 5, batch_first=True)
        self.out = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = self.encoder(x)[1]
        step, found = x.new_zeros(len(x), 1, 2), []
        for _ in range(4):
            hidden, state = self.decoder(step, state)
            step = self.out(hidden)
            found.append(step)
        return torch.cat(found, dim=1)


class Two(nn.Module):
    """Two layers one after the other, a scalar output next to what else a dictionary holds."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.GRU(3, 4, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.second = nn.RNN(4, 5, batch_first=True)
        self.out = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        steps = self.second(self.norm(self.first(x)[0]))[0]
        return {"score": self.out(steps[:, -1])[:, 0], "steps": steps}


class Both(Last):
    """Reads both directions at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 5, batch_first=True, bidirectional=True)
        self.out = nn.Linear(10, 2)


class Normalised(Last):
    """Subtracts the mean over the whole sequence from its inputs."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(dim=1, keepdim=True))


def inputs(n: int = 6, n_steps: int = 9) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, n_steps, 3)).astype(np.float32)


@torch.no_grad()
def on_prefixes(model: nn.Module, x: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
    """Run a module on every prefix of every sequence alone; NaN past each end."""
    lengths = np.full(len(x), x.shape[1]) if lengths is None else lengths
    takes_lengths = isinstance(model, Packed | PackedFinal | Masked)
    rows = []
    for values, n_steps in zip(torch.from_numpy(x), lengths, strict=True):
        found = []
        for t in range(1, n_steps + 1):
            part = values[None, :t]
            if getattr(model, "time_first", False):
                part = part.transpose(0, 1)
            result = model(part, torch.tensor([t])) if takes_lengths else model(part)
            result = result["score"] if isinstance(result, dict) else result
            found.append(result.reshape(-1).numpy())
        rows.append(found)
    whole = np.full((len(x), x.shape[1], len(rows[0][0])), np.nan, dtype=rows[0][0].dtype)
    for row, found in zip(whole, rows, strict=True):
        row[: len(found)] = found
    return whole
