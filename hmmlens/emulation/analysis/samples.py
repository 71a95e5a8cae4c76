"""Samples of symbols and latent states of a network, and of its target."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.dynamics.labels import informative, latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import WARM_UP, sample_noise
from hmmlens.emulation import exact_statistics
from hmmlens.emulation.objectives import emit
from hmmlens.errors import DataError
from hmmlens.typing import Int64s


class Sample(NamedTuple):
    """Sequences of a network or a target.

    Attributes
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols.
    labels : ndarray of shape (sequence, time) or None
        Latent states, see :mod:`hmmlens.dynamics.labels`; None for a target with a state that has
        no symbol of its own.
    """

    symbols: Int64s
    labels: Int64s | None


def sample(
    network: DrivenNetwork,
    n_sequences: int,
    n_steps: int,
    generator: torch.Generator,
    shown: tuple[int, ...],
    warm_up: int = WARM_UP,
) -> Sample:
    """Sample sequences of a network from the zero state, after a warm-up.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    n_sequences, n_steps : int
        Number of sequences, and their length.
    generator : torch.Generator
        Source of noise and symbols, on the network's device.
    shown : tuple of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    warm_up : int
        First steps, which are discarded.

    Returns
    -------
    Sample
        Symbols and labels.

    Raises
    ------
    DataError
        When its states overflow.
    """
    symbols, labels = [], []
    with torch.inference_mode():
        state = network.start(n_sequences)
        for t in range(warm_up + n_steps):
            state = network.step(state, sample_noise(network, generator, n_sequences))
            if t < warm_up:
                continue
            logits = network.readout(state)
            symbols.append(emit(logits, generator).argmax(-1))
            labels.append(latent(logits, shown))
    if not bool(logits.isfinite().all()):
        raise DataError(f"the network's states run away within {warm_up + n_steps} steps")
    return Sample(*(torch.stack(part, dim=1).cpu().numpy() for part in (symbols, labels)))


def sample_target(
    hmm: HMMParameters, n_sequences: int, n_steps: int, rng: np.random.Generator
) -> Sample:
    """Sample sequences of a target in its stationary distribution.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_sequences, n_steps : int
        Number of sequences, and their length.
    rng : numpy.random.Generator
        Source of the sequences.

    Returns
    -------
    Sample
        Symbols and labels.
    """
    at_rest = hmm._replace(startprob=exact_statistics.stationary(hmm))
    symbols, states = sample_hmm(at_rest, n_sequences, n_steps, rng)
    distribution = hmm.emissionprob[:, list(informative(hmm))]
    own = np.isclose(distribution, distribution.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return Sample(symbols, distribution.argmax(axis=1)[states] if own.all() else None)
