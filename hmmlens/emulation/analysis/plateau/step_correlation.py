"""Correlation between the symbols of nearby steps, along a training.

Symbols that a network emits from one state are independent samples, so that two steps have the same
symbol as often as their distributions overlap. The excess over the overlap of the mean
distributions is all the memory that the output shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.forecasts import softmax
from hmmlens.dynamics.rollouts import sample_noise
from hmmlens.emulation.analysis.along_training import Weights, loaded
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.typing import Floats


@dataclass(frozen=True)
class EscapeSettings:
    """Settings of the analysis of the escape from the plateau.

    Attributes
    ----------
    lag : int
        Steps between the two symbols: beyond the memory of untrained weights.
    n_sequences : int
        Sequences of each checkpoint.
    n_bootstrap : int
        Resamples of the sequences.
    reached : float
        The escape is where the correlation reaches this share of the target's.
    small : float
        Growth is fitted to values below this share of the target's.
    fewest : int
        Minimum number of checkpoints that growth is fitted to.
    """

    lag: int = 3
    n_sequences: int = 256
    n_bootstrap: int = 200
    reached: float = 0.5
    small: float = 0.01
    fewest: int = 4


class Correlations(NamedTuple):
    """The correlation at each checkpoint, as a share of the target's.

    Attributes
    ----------
    updates, value : ndarray of shape (checkpoint)
        Update of each checkpoint, and its correlation.
    resampled : ndarray of shape (resample, checkpoint)
        Correlation of resampled sequences; the same ones at every checkpoint.
    """

    updates: Floats
    value: Floats
    resampled: Floats


def of_target(hmm: HMMParameters, n_steps: int, lag: int = EscapeSettings.lag) -> float:
    """Return how much more often than by chance the target repeats a symbol after a lag.

    P(y_t = y_(t + lag)) less the overlap of the two mean distributions, averaged over the steps t
    of a sequence.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of a sequence.
    lag : int
        Steps between the two symbols.

    Returns
    -------
    float
        Difference of probabilities.
    """
    joint, distribution, total = np.linalg.matrix_power(hmm.transmat, lag), hmm.startprob, 0.0
    for _ in range(n_steps - lag):
        both = hmm.emissionprob.T @ (distribution[:, None] * joint) @ hmm.emissionprob
        total += float(np.trace(both) - both.sum(axis=1) @ both.sum(axis=0))
        distribution = distribution @ hmm.transmat
    return total / (n_steps - lag)


def excess(distribution: Floats, weight: Floats, lag: int = EscapeSettings.lag) -> Floats:
    """Return the same as :func:`of_target` for sampled sequences.

    Parameters
    ----------
    distribution : ndarray of shape (sequence, time, symbol)
        Output distributions.
    weight : ndarray of shape (resample, sequence)
        Weight of each sequence.
    lag : int
        Steps between the two symbols.

    Returns
    -------
    ndarray of shape (resample)
        Differences of probabilities.
    """
    share = weight / weight.sum(axis=1, keepdims=True)
    together = share @ (distribution[:, :-lag] * distribution[:, lag:]).sum(axis=2)
    mean = np.tensordot(share, distribution, axes=1)
    apart: Floats = (together - (mean[:, :-lag] * mean[:, lag:]).sum(axis=2)).mean(axis=1)
    # In the overlap of the mean distributions each sequence meets itself once in n times.
    return np.asarray(apart * (len(distribution) / (len(distribution) - 1)))


def correlations(
    network: NoiseDriven,
    checkpoints: Weights,
    hmm: HMMParameters,
    n_steps: int,
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: EscapeSettings = EscapeSettings(),
) -> Correlations:
    """Measure the correlation along a training, all checkpoints on the same noise.

    Runs begin at the zero state, as in training.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of the sequences that the network was trained on.
    generator : torch.Generator
        Source of the noise.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : EscapeSettings
        Numbers of sequences and resamples.

    Returns
    -------
    Correlations
        One value per checkpoint.

    Raises
    ------
    DataError
        When the target repeats its symbols no more often than by chance.
    """
    reference = of_target(hmm, n_steps, settings.lag)
    if reference <= 0:
        raise DataError(
            f"the target says the same symbol {settings.lag} steps later no more often than by "
            "chance"
        )
    n = settings.n_sequences
    noise = sample_noise(network, generator, n, n_steps)
    even = np.full(n, 1 / n)
    counts = rng.multinomial(n, even, size=settings.n_bootstrap).astype(np.float64)
    weight = np.concatenate([np.ones((1, n)), counts])
    updates, shares = [], []
    for update, then in loaded(network, checkpoints):
        with torch.inference_mode():
            distribution = softmax(then.readout(((then.run(noise)[0],),))).cpu().numpy()
        updates.append(float(update))
        shares.append(excess(distribution, weight, settings.lag) / reference)
    table = np.stack(shares, axis=1)
    return Correlations(np.array(updates), table[0], table[1:])
