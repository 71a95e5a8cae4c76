"""How a training ended, as tables of one row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.lyapunov import free_runs, lyapunov
from hmmlens.dynamics.rollouts import Driven
from hmmlens.emulation.analysis.loss_plateau import levels, plateau
from hmmlens.emulation.objectives import OBJECTIVES
from hmmlens.emulation.settings import Emulation
from hmmlens.emulation.training import Trained


def end_row(trained: Trained) -> pd.DataFrame:
    """Return ``diverged, n_updates, skipped, loss, max_hidden, rate``.

    ``loss`` is the median of the last tenth of the updates; ``max_hidden`` and ``rate`` are of the
    last.
    """
    history = trained.history
    last = history.iloc[-1]
    row = {
        "diverged": trained.diverged,
        "n_updates": int(last["update"]),
        "skipped": int(last["skipped"]),
        "loss": float(history["loss"].iloc[-max(1, len(history) // 10) :].median()),
        "max_hidden": float(last["max_hidden"]),
        "rate": float(last["rate"]),
    }
    return pd.DataFrame([row])


def plateau_row(
    history: pd.DataFrame, settings: Emulation, hmm: HMMParameters, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the plateau of a training's loss, and between what it lies.

    ``level`` (of independent symbols) and ``floor`` (of the target's own sequences), each with
    ``_low`` and ``_high``, and the fields of
    :class:`hmmlens.emulation.analysis.loss_plateau.Plateau`.

    Raises
    ------
    DataError
        When independent symbols are as good as any.
    """
    objective = OBJECTIVES[settings.objective]
    level, floor = levels(hmm, settings.batch_size, settings.n_steps, objective, rng)
    updates, loss = (history[name].to_numpy(dtype=float) for name in ("update", "loss"))
    row: dict[str, float] = {}
    for name, found in (("level", level), ("floor", floor)):
        row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    row |= plateau(updates, loss, level.value, floor.value)._asdict()
    return pd.DataFrame([row])


def stability_row(network: Driven, generator: torch.Generator) -> pd.DataFrame:
    """Return ``lyapunov, low, high`` and the fields of :class:`.stability.FreeRuns`."""
    value, low, high = lyapunov(network, generator)
    row = {"lyapunov": value, "low": low, "high": high}
    return pd.DataFrame([row | free_runs(network, generator)._asdict()])
