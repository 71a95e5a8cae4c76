"""Kick units of a network at the first checkpoint whose loss is at a given level.

Objectives have different values at the same sequences, so that networks of two objectives are
compared at the same energy distance from the target, which trained neither and is unbiased. It is
given as a share of that of independent symbols with the target's frequencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.labels import informative
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.emulation.analysis.along_training import Weights, loaded
from hmmlens.emulation.analysis.reference_generators import independent, of_hmm
from hmmlens.emulation.kicks.pipeline import kick_analysis
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.emulation.objectives import emit, energy_distance
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed
from hmmlens.typing import Int64s

COLUMNS = ["level", "update", "loss_share", "n_exits", "n_with_kicks", "note"]


@dataclass(frozen=True)
class MatchedLossSettings:
    """Settings of the loss that checkpoints are compared by.

    Attributes
    ----------
    n_sequences, n_steps : int
        Sequences of the network and of the target, from the zero state as in training.
    """

    n_sequences: int = 1024
    n_steps: int = 50


def loss_shares(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    seed: int,
    settings: MatchedLossSettings = MatchedLossSettings(),
) -> pd.DataFrame:
    """Return the energy distance of checkpoints from the target, all on the same noise.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates of its training and the weights after them.
    hmm : HMMParameters
        The target.
    seed : int
        Seed of the noise and of the sequences of the target.
    settings : MatchedLossSettings
        Numbers of sequences and steps.

    Returns
    -------
    DataFrame
        ``update``, ``loss_share``: 1 for independent symbols, 0 on average for the target; NaN
        where states are not finite.
    """
    n, n_steps, k = settings.n_sequences, settings.n_steps, hmm.emissionprob.shape[1]
    rng = np.random.default_rng(derive_seed(seed, "matched loss"))

    def _hot(symbols: Int64s) -> Tensor:
        return one_hot(torch.from_numpy(symbols), k).float()

    target = _hot(of_hmm(hmm)(n, n_steps, rng))
    chance = float(energy_distance(_hot(independent(hmm)(n, n_steps, rng)), target))
    rows = []
    for update, then in loaded(network, checkpoints):
        generator = torch.Generator().manual_seed(derive_seed(seed, "matched noise"))
        with torch.inference_mode():
            hidden, _ = then.run(sample_noise(then, generator, n, n_steps), then.start(n))
            share = np.nan
            if torch.isfinite(hidden).all():
                emitted = emit(then.out(hidden), generator)
                share = float(energy_distance(emitted, target)) / chance
        rows.append((update, share))
    return pd.DataFrame(rows, columns=["update", "loss_share"])


def first_at(shares: pd.DataFrame, level: float) -> int | None:
    """Return the first update whose loss is at a level or below.

    Parameters
    ----------
    shares : DataFrame
        Result of :func:`loss_shares`.
    level : float
        The level.

    Returns
    -------
    int or None
        None where no checkpoint is at the level.

    Examples
    --------
    >>> shares = pd.DataFrame({"update": [0, 10, 20], "loss_share": [1.0, 0.3, 0.1]})
    >>> first_at(shares, 0.3), first_at(shares, 0.05)
    (10, None)
    """
    below = shares[shares["loss_share"] <= level]
    return int(below["update"].min()) if len(below) else None


def kicks_at_loss(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    levels: Iterable[float],
    seed: int,
    settings: MatchedLossSettings = MatchedLossSettings(),
    kick_settings: KickSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return how many exits have kick units when the loss first is at each level.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates of its training and the weights after them.
    hmm : HMMParameters
        The target.
    levels : iterable of float
        Shares of the loss of independent symbols.
    seed : int
        Seed of the losses and of the analyses.
    settings : MatchedLossSettings
        Settings of the loss.
    kick_settings : KickSettings
        Settings of the analysis of kick units.

    Returns
    -------
    DataFrame
        One row per level, columns :data:`COLUMNS`: ``update`` of the checkpoint and its
        ``loss_share``; ``n_exits`` and ``n_with_kicks``, see
        :func:`hmmlens.emulation.kicks.pipeline.kick_analysis`; a ``note`` instead where the
        level is not reached or the network cannot be analysed.
    """
    kept = list(checkpoints)
    shares = loss_shares(network, kept, hmm, seed, settings)
    symbols: Sequence[int] = informative(hmm)
    rows = []
    for level in levels:
        row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan) | {"level": level, "note": ""}
        update = first_at(shares, level)
        if update is None:
            rows.append(row | {"note": "no checkpoint has so small a loss"})
            continue
        row |= {"update": update}
        row |= {"loss_share": float(shares.set_index("update")["loss_share"].loc[update])}
        ((_, then),) = loaded(network, [(u, w) for u, w in kept if u == update])
        try:
            verdict = kick_analysis(then, symbols, seed, kick_settings)["kick_verdict"].iloc[0]
        except DataError as error:
            rows.append(row | {"note": str(error)})
            continue
        rows.append(row | {name: int(verdict[name]) for name in ("n_exits", "n_with_kicks")})
    return pd.DataFrame(rows, columns=COLUMNS)
