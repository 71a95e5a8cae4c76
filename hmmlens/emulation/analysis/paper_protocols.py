"""The protocols of Torre et al. 2025 where this library measures the same thing otherwise.

Three measures of the paper depend on how they are taken. Its transition rate is the mean of the
inverse dwells of one long run, while complete dwells in short windows are shorter on average. Its
aligned distance falls with the number of sequences among which a partner is found. Its sensitivity
to noise is that of one switch, the one after the longest dwell of a run. Here they are taken as its
public code takes them, so that its numbers can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.dynamics.labels import dwells
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import drive, rollout, sample_noise
from hmmlens.emulation.analysis.along_training import Weights, loaded
from hmmlens.emulation.analysis.context import Tables, gathered
from hmmlens.emulation.analysis.metrics import aligned_distance
from hmmlens.emulation.analysis.noise_sensitivity import (
    NoiseSensitivitySettings,
    choose,
    sensitivity,
)
from hmmlens.emulation.analysis.samples import sample
from hmmlens.emulation.objectives import emit
from hmmlens.emulation.settings import BEFORE, CONVERGED, EPOCH
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed

#: Steps of the sequences that the paper aligns, of all targets and of those that differ.
ALIGNED_STEPS, OWN_STEPS = 100, {"fully3": 30, "cyclic4": 40}


@dataclass(frozen=True)
class ProtocolSettings:
    """Settings of the paper's protocols; the defaults are those of its public code.

    Attributes
    ----------
    n_sequences : int
        Sequences of the network, and of the target, that are aligned.
    n_rate_steps, rate_warm_up : int
        Steps of the run whose transition rate is taken, after those that are discarded.
    n_window : int
        Length of the windows of this library, into which the same run is cut to compare.
    n_converged : int
        Last checkpoints, whose mean rate the paper calls converged.
    n_runs, n_run_steps, run_warm_up : int
        Runs, of each of which one switch is taken, their steps and those that are discarded.
    sensitivity : NoiseSensitivitySettings
        Conditions of the points before a switch.
    """

    n_sequences: int = 5000
    n_rate_steps: int = 5000
    rate_warm_up: int = 10
    n_window: int = 240
    n_converged: int = 6
    n_runs: int = 20
    n_run_steps: int = 1800
    run_warm_up: int = 200
    sensitivity: NoiseSensitivitySettings = field(
        default_factory=lambda: NoiseSensitivitySettings(
            n_trials=100, n_back=25, n_tried=1, shares=(1.0,)
        )
    )


def mean_inverse_dwell(labels: NDArray[np.integer]) -> float:
    """Return the mean of 1 / length of the dwells whose beginning and end are in a sequence.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.

    Returns
    -------
    float
        The paper's transition rate; 0 where no dwell is complete.

    Examples
    --------
    >>> mean_inverse_dwell(np.array([[0, 1, 1, 0, 0, 0, 0, 1]]))
    0.375
    """
    lengths = dwells(labels).length
    return float((1 / lengths).mean()) if len(lengths) else 0.0


def windows(labels: NDArray[np.integer], n_steps: int) -> NDArray[np.integer]:
    """Cut sequences into windows of equal length; an incomplete last one is discarded.

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.
    n_steps : int
        Length of a window.

    Returns
    -------
    ndarray of shape (window, n_steps)
        The windows, sequence by sequence.

    Examples
    --------
    >>> windows(np.arange(7)[None], 3).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    n = labels.shape[1] // n_steps
    return labels[:, : n * n_steps].reshape(-1, n_steps)


def transition_rates(
    network: NoiseDriven,
    checkpoints: Weights,
    epoch: int | None,
    generator: torch.Generator,
    settings: ProtocolSettings = ProtocolSettings(),
) -> pd.DataFrame:
    """Return the transition rate of checkpoints in one long run, and in windows of that run.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.
    epoch : int or None
        The update that ends the first epoch; None where the training has no epochs.
    generator : torch.Generator
        Source of the noise, which is the same for all checkpoints.
    settings : ProtocolSettings
        Length of the run and of the windows.

    Returns
    -------
    DataFrame
        ``when`` (before training, epoch 1, converged), ``update``; ``rate`` of the run's most
        likely symbols; ``rate_windows``, that of the run cut into windows of ``n_window`` steps.
        Checkpoints that are missing, or whose states are not finite, have no row.
    """
    kept = list(checkpoints)
    updates = [update for update, _ in kept]
    when = {0: BEFORE} | dict.fromkeys(updates[-settings.n_converged :], CONVERGED)
    if epoch is not None:
        when[epoch] = EPOCH
    n_steps = settings.rate_warm_up + settings.n_rate_steps
    noise = sample_noise(network, generator, 1, n_steps)
    rows = []
    for update, then in loaded(network, ((u, w) for u, w in kept if u in when)):
        states, logits = rollout(then, noise)
        if not torch.isfinite(states).all():
            continue
        labels = logits[:, settings.rate_warm_up :].argmax(dim=2).cpu().numpy()
        row = {"when": when[update], "update": update, "rate": mean_inverse_dwell(labels)}
        short = windows(labels, settings.n_window)
        rows.append(row | {"rate_windows": mean_inverse_dwell(short)})
    return pd.DataFrame(rows, columns=["when", "update", "rate", "rate_windows"])


def single_switches(
    network: DrivenNetwork,
    n_symbols: int,
    generator: torch.Generator,
    settings: ProtocolSettings = ProtocolSettings(),
) -> pd.DataFrame:
    """Return the sensitivity to noise at the switch after the longest dwell of each of some runs.

    Of several runs each one is a repetition of the paper's protocol, so that their spread shows how
    far one switch represents a network.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    n_symbols : int
        Number of symbols.
    generator : torch.Generator
        Source of the noise.
    settings : ProtocolSettings
        Runs, and conditions of the points.

    Returns
    -------
    DataFrame
        One row per run with a usable switch: ``run``, ``dwell``; ``cluster`` and ``kick``, trace of
        the covariance after the last step of fresh noise from either point; their ``ratio``.

    Raises
    ------
    DataError
        When the longest dwell of no run has both points, or states overflow.
    """
    symbols = range(n_symbols)
    run = drive(
        network, settings.n_runs, settings.n_run_steps, generator, warm_up=settings.run_warm_up
    )
    points = choose(network, run, symbols, generator, settings.sensitivity)
    rows = []
    last = settings.sensitivity.n_steps
    for i in np.flatnonzero(points.usable):
        one = type(points)._make(column[i : i + 1] for column in points)
        # An interval over one switch has no meaning, so that its resamples do not matter.
        table = sensitivity(
            network, run, one, generator, np.random.default_rng(0), settings.sensitivity
        )
        mine = table[table["mix"].eq("linear") & table["step"].eq(last)]
        value = mine[mine["measure"].eq("trace")].set_index("point")["value"]
        rows.append(
            {"run": int(points.run[i]), "dwell": int(points.dwell[i])}
            | {"cluster": value["cluster"], "kick": value["kick"]}
            | {"ratio": value["cluster"] / value["kick"]}
        )
    if not rows:
        raise DataError("the longest dwell of no run has both a cluster point and a kick point")
    return pd.DataFrame(rows)


def alignment(
    network: DrivenNetwork,
    hmm: HMMParameters,
    n_steps: int,
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: ProtocolSettings = ProtocolSettings(),
) -> pd.DataFrame:
    """Return the aligned distance of sequences from the zero state, with that of the target.

    As in the paper's code, the first symbol of a network's sequence is that of the zero state, in
    which all symbols are equally likely without biases, and sequences have no warm-up.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of the sequences.
    generator : torch.Generator
        Source of the network's sequences.
    rng : numpy.random.Generator
        Source of the target's sequences.
    settings : ProtocolSettings
        Number of sequences.

    Returns
    -------
    DataFrame
        One row: ``n_sequences, n_steps, distance, baseline`` (of two samples of the target),
        ``ratio`` of these.

    Raises
    ------
    DataError
        When the network's states overflow.
    """
    n, k = settings.n_sequences, hmm.emissionprob.shape[1]
    one, two = (sample_hmm(hmm, n, n_steps, rng)[0] for _ in range(2))
    later = sample(network, n, n_steps - 1, generator, tuple(range(k)), warm_up=0).symbols
    with torch.inference_mode():
        first = emit(network.readout(network.start(n)), generator).argmax(dim=1).cpu().numpy()
    symbols = np.column_stack([first, later])
    distance = aligned_distance(symbols, one, k)
    baseline = aligned_distance(two, one, k)
    row = {"n_sequences": n, "n_steps": n_steps, "distance": distance, "baseline": baseline}
    return pd.DataFrame([row | {"ratio": distance / baseline}])


def all_protocols(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    target: str,
    epoch: int | None,
    seed: int,
    settings: ProtocolSettings = ProtocolSettings(),
) -> Tables:
    """Return the tables of all protocols.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates of its training and the weights after them.
    hmm : HMMParameters
        The target.
    target : str
        Name of the target.
    epoch : int or None
        See :func:`transition_rates`.
    seed : int
        Seed of all protocols.
    settings : ProtocolSettings
        Settings of all protocols.

    Returns
    -------
    dict of str to DataFrame
        ``rates`` (:func:`transition_rates`), ``switches`` (:func:`single_switches`), ``alignment``
        (:func:`alignment`), and ``notes`` (``stage``, ``note``) of those without a result.
    """

    def _generator(stage: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive_seed(seed, "protocols", stage))

    n_steps = OWN_STEPS.get(target, ALIGNED_STEPS)
    rng = np.random.default_rng(derive_seed(seed, "protocols", "target"))
    k = hmm.emissionprob.shape[1]
    return gathered(
        {
            "rates": lambda: {
                "rates": transition_rates(
                    network, checkpoints, epoch, _generator("rates"), settings
                )
            },
            "switches": lambda: {
                "switches": single_switches(network, k, _generator("switches"), settings)
            },
            "alignment": lambda: {
                "alignment": alignment(
                    network, hmm, n_steps, _generator("alignment"), rng, settings
                )
            },
        }
    )
