"""The end of a training: its loss, its plateau and its stability, as tables of one row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.lyapunov import FreeRunSettings, LyapunovSettings, free_runs, lyapunov
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.analysis.plateau.detection import PlateauSettings, levels, plateau
from hmmlens.emulation.objectives import OBJECTIVES
from hmmlens.emulation.settings import Emulation
from hmmlens.emulation.training import Trained


def end_row(trained: Trained) -> pd.DataFrame:
    """Return the end of a training in one row.

    Parameters
    ----------
    trained : Trained
        A network after its training.

    Returns
    -------
    DataFrame
        ``diverged, n_updates, skipped, loss, max_hidden, rate``. ``loss`` is the median of the last
        tenth of the updates; ``max_hidden`` and ``rate`` are of the last.
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
    history: pd.DataFrame,
    training: Emulation,
    hmm: HMMParameters,
    rng: np.random.Generator,
    settings: PlateauSettings = PlateauSettings(),  # noqa: B008
) -> pd.DataFrame:
    """Return the plateau of a training's loss, with its level and the floor below it.

    Parameters
    ----------
    history : DataFrame
        History of the training, with the columns ``update`` and ``loss``.
    training : Emulation
        Settings of the training.
    hmm : HMMParameters
        The target.
    rng : numpy.random.Generator
        Source of the batches whose loss is the level.
    settings : PlateauSettings
        Settings of the analysis.

    Returns
    -------
    DataFrame
        ``level`` (of independent symbols) and ``floor`` (of the target's own sequences), each with
        ``_low`` and ``_high``, and the fields of
        :class:`hmmlens.emulation.analysis.plateau.detection.Plateau`.

    Raises
    ------
    DataError
        When independent symbols are as good as any.
    """
    objective = OBJECTIVES[training.objective]
    size = training.batch_size, training.n_steps
    level, floor = levels(hmm, *size, objective, rng, settings)
    updates, loss = (history[name].to_numpy(dtype=float) for name in ("update", "loss"))
    row: dict[str, float] = {}
    for name, mean in (("level", level), ("floor", floor)):
        row |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
    row |= plateau(updates, loss, level.value, floor.value, settings)._asdict()
    return pd.DataFrame([row])


def stability_row(
    network: DrivenNetwork,
    generator: torch.Generator,
    settings: LyapunovSettings = LyapunovSettings(),  # noqa: B008
    free_run_settings: FreeRunSettings = FreeRunSettings(),  # noqa: B008
) -> pd.DataFrame:
    """Return the stability of a network in one row.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    generator : torch.Generator
        Source of the noise.
    settings : LyapunovSettings
        Settings of the Lyapunov exponent.
    free_run_settings : FreeRunSettings
        Settings of the long runs.

    Returns
    -------
    DataFrame
        ``lyapunov, low, high`` and the fields of :class:`hmmlens.dynamics.lyapunov.FreeRuns`.
    """
    value, low, high = lyapunov(network, generator, settings)
    row = {"lyapunov": value, "low": low, "high": high}
    return pd.DataFrame([row | free_runs(network, generator, free_run_settings)._asdict()])
