"""Small networks whose inputs and outputs have some structure, and batches for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

N, T, N_UNITS = 12, 14, 6
N_BASINS, N_SEASONS = 9, 4

Batch = dict[str, Any]


def batch(seed: int = 0, n: int = N, n_steps: int = T) -> Batch:
    """Return two inputs of symbols, values, and static features."""
    rng = np.random.default_rng(seed)
    return {
        "season": rng.integers(0, N_SEASONS, (n, n_steps)),
        "event": rng.integers(0, N_BASINS, (n, n_steps)),
        "x_d": rng.normal(size=(n, n_steps, 2)).astype(np.float32),
        "x_s": rng.normal(size=(n, 3)).astype(np.float32),
        "basin": rng.integers(0, N_BASINS, n),
    }


def tensors(given: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Return arrays as a network is given them."""
    found = {name: torch.from_numpy(np.asarray(array)) for name, array in given.items()}
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in found.items()}


class Streamflow(nn.Module):
    """Takes a dict and returns one, as the networks of NeuralHydrology do."""

    def __init__(self, batch_first: bool = True, bidirectional: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.season, self.event = nn.Embedding(N_SEASONS, 2), nn.Embedding(N_BASINS, 3)
        self.basin = nn.Embedding(N_BASINS, 2)
        self.lstm = nn.LSTM(12, N_UNITS, batch_first=batch_first, bidirectional=bidirectional)
        self.head = nn.Linear(N_UNITS * (1 + bidirectional), 1)
        self.eval()

    def forward(self, data: dict[str, Tensor]) -> dict[str, Tensor]:
        steps = [self.season(data["season"]), self.event(data["event"]), data["x_d"]]
        static = torch.cat([data["x_s"], self.basin(data["basin"])], dim=-1)
        time = 1 if self.lstm.batch_first else 0
        shape = list(data["x_d"].shape[:2])
        steps.append(static.unsqueeze(time).expand(*shape, 5))
        hidden, (h_n, c_n) = self.lstm(torch.cat(steps, dim=-1))
        return {
            "h_n": h_n.transpose(0, 1),
            "y_hat": self.head(hidden),
            "c_n": c_n.transpose(0, 1),
        }


@dataclass
class Sample:
    """One batch as a dataclass."""

    x_d: Tensor
    x_s: Tensor
    basin: Tensor
    season: Tensor
    event: Tensor
    weight: float = 1.0


class Pair(NamedTuple):
    """One batch as a NamedTuple."""

    x_d: Tensor
    x_s: Tensor


class Result(NamedTuple):
    """What a network returns."""

    hidden: Tensor
    y_hat: Tensor


class OfSample(Streamflow):
    """Takes a dataclass."""

    def forward(self, sample: Sample) -> Any:  # type: ignore[override]
        found = super().forward(vars(sample))
        return Result(found["h_n"], found["y_hat"])


class OfKeywords(Streamflow):
    """Takes keyword arguments."""

    def forward(  # type: ignore[override]
        self, season: Tensor, event: Tensor, x_d: Tensor, *, x_s: Tensor, basin: Tensor
    ) -> Any:
        found = super().forward(
            {"season": season, "event": event, "x_d": x_d, "x_s": x_s, "basin": basin}
        )
        return found["h_n"], found["y_hat"]


class OfAnyKeywords(Streamflow):
    """Takes any keyword arguments."""

    def forward(self, **data: Tensor) -> Any:  # type: ignore[override]
        return super().forward(data)


class FromStatic(nn.Module):
    """Takes values and an initial state, as torch's layers do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.gru, self.head = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 2)
        self.eval()

    def forward(self, x: Tensor, start: tuple[Tensor, Tensor]) -> Tensor:
        h = torch.tanh(start[0] + start[1])
        found: Tensor = self.head(self.gru(x, h[None].contiguous())[0])
        return found


def start_from_static(given: dict[str, Tensor]) -> Any:
    """Return the arguments of :class:`FromStatic`."""
    return (given["x_d"], (given["x_s"], 2 * given["x_s"])), {}
