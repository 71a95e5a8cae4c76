"""Similarity of a network's sequences to a target's.

The four measures of Torre et al. 2025, and stricter ones: words of up to six symbols, dwell times
of the latent state, and the dependence of symbols on earlier ones. Network and target are both
sampled several times: a value is the mean over these samples, with its interval, and its baseline
is the value of another batch of the target's own sequences in the network's place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.labels import informative
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import WARM_UP
from hmmlens.emulation import exact_statistics
from hmmlens.emulation.analysis.samples import Sample, sample, sample_target
from hmmlens.emulation.sinkhorn import kernel
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.stats.dwell import dwell_test, visits
from hmmlens.stats.ngrams import LENGTHS, counts, jensen_shannon
from hmmlens.typing import Floats, Int64s

COLUMNS = ["metric", "value", "low", "high", "baseline", "baseline_low", "baseline_high"]


@dataclass(frozen=True)
class MetricsSettings:
    """Settings of :func:`evaluate`.

    Attributes
    ----------
    n_sequences, n_steps : int
        Size of a batch for measures of symbols (the paper has 5000 sequences of 100 steps).
    n_runs, n_run_steps : int
        Size of a batch of longer sequences, for dwell times.
    n_repeats : int
        Independent pairs of batches.
    warm_up : int
        First steps of the network, which are discarded.
    lags : tuple of int
        Lags of the autocorrelation.
    temperature : float
        Temperature of the transport that aligns sequences (Torre et al. 2025, code).
    max_iter : int
        Maximum number of its iterations.
    tolerance : float
        Summed change of its potentials at which it stops.
    """

    n_sequences: int = 1000
    n_steps: int = 100
    n_runs: int = 64
    n_run_steps: int = 1000
    n_repeats: int = 5
    warm_up: int = WARM_UP
    lags: tuple[int, ...] = tuple(range(1, 21))
    temperature: float = 0.1
    max_iter: int = 1000
    tolerance: float = 0.1


def transitions(symbols: Int64s, n_symbols: int) -> Floats:
    """Return the output-transition matrix of sequences.

    Parameters
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols.
    n_symbols : int
        Number of symbols.

    Returns
    -------
    ndarray of shape (symbol, next symbol)
        Relative frequencies; rows of symbols that never occur are 0.

    Examples
    --------
    >>> transitions(np.array([[0, 0, 1, 0]]), 2).round(2).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    table = np.zeros((n_symbols, n_symbols))
    np.add.at(table, (symbols[:, :-1].ravel(), symbols[:, 1:].ravel()), 1)
    rows: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return rows


def autocorrelation(
    symbols: Int64s, n_symbols: int, lags: tuple[int, ...] = MetricsSettings.lags
) -> Floats:
    """Return the autocorrelation of symbols, see :mod:`hmmlens.emulation.exact_statistics`.

    Parameters
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols.
    n_symbols : int
        Number of symbols.
    lags : tuple of int
        Lags.

    Returns
    -------
    ndarray of shape (lag)
        (P(equal symbols at the lag) - P(equal by chance)) / P(not equal by chance).

    Examples
    --------
    >>> autocorrelation(np.tile([0, 1], (3, 20)), 2, lags=(1, 2)).round(6).tolist()
    [-1.0, 1.0]
    """
    distribution = np.bincount(symbols.ravel(), minlength=n_symbols) / symbols.size
    chance = float((distribution**2).sum())
    equal = [float((symbols[:, lag:] == symbols[:, :-lag]).mean()) for lag in lags]
    return (np.array(equal) - chance) / max(1 - chance, 1e-12)


def aligned_distance(
    symbols: Int64s,
    reference: Int64s,
    n_symbols: int,
    settings: MetricsSettings = MetricsSettings(),
) -> float:
    """Return the mean Euclidean distance of sequences to those that transport assigns to them.

    Entropic transport from ``reference`` to ``symbols``; each sequence is compared with the one
    that most of its mass comes from (Torre et al. 2025, who call it Sinkhorn-aligned).

    Parameters
    ----------
    symbols, reference : ndarray of shape (sequence, time)
        Sequences of equal length, one-hot for the distance.
    n_symbols : int
        Number of symbols.
    settings : MetricsSettings
        Temperature and end of the transport.

    Returns
    -------
    float
        Mean distance.
    """
    temperature = settings.temperature
    one, two = (
        one_hot(torch.from_numpy(part), n_symbols).float().flatten(1)
        for part in (reference, symbols)
    )
    # Half the squared distance of one-hot sequences is the number of steps that differ.
    cost = (2 * (symbols.shape[1] - one @ two.T)).clamp_min(0).sqrt()
    f, g = cost.amin(dim=1), cost.new_zeros(len(two))
    for _ in range(settings.max_iter):
        change_g = (
            -temperature * kernel(cost, f, g, temperature).sum(0).mul(len(two) / len(one)).log()
        )
        g = g + change_g
        change_f = -temperature * kernel(cost, f, g, temperature).sum(1).log()
        f = f + change_f
        if float(change_f.abs().sum() + change_g.abs().sum()) < settings.tolerance:
            break
    chosen = (f[:, None] - cost).argmax(dim=0)
    return float(cost[chosen, torch.arange(len(two))].mean())


def dwell_distribution(labels: Int64s) -> Floats:
    """Return the survival function of the visits of all states together (Kaplan & Meier 1958).

    Parameters
    ----------
    labels : ndarray of shape (sequence, time)
        Labels.

    Returns
    -------
    ndarray of shape (step)
        Share of visits that last longer than 1, 2, ... steps; empty when no visit was observed
        from beginning to end.
    """
    observed = visits(labels)
    observed = observed._replace(state=np.zeros_like(observed.state))
    if not observed.ended.any():
        return np.empty(0)
    return dwell_test(observed, 0, 0, np.random.default_rng(0)).survival


def _dwell_scores(labels: Int64s, reference: Int64s) -> dict[str, float]:
    """Return mean and coefficient of variation, and the Kolmogorov distance to the reference's."""
    survival, other = dwell_distribution(labels), dwell_distribution(reference)
    if not len(survival):
        return {"dwell mean": np.inf, "dwell CV": np.nan, "dwell KS": 1.0}
    longest = max(len(survival), len(other))
    # Beyond the last observation a curve keeps its last value.
    curves = [np.r_[c, np.full(longest - len(c), c[-1] if len(c) else 1.0)] for c in
              (survival, other)]  # fmt: skip
    mean = 1 + survival.sum()
    square = 1 + ((2 * np.arange(1, len(survival) + 1) + 1) * survival).sum()
    return {
        "dwell mean": float(mean),
        "dwell CV": float(np.sqrt(max(square - mean**2, 0.0)) / mean),
        "dwell KS": float(np.abs(curves[0] - curves[1]).max()),
    }


def scores(
    hmm: HMMParameters,
    one: Sample,
    long: Sample,
    other: Sample,
    other_long: Sample,
    *,
    settings: MetricsSettings = MetricsSettings(),
) -> dict[str, float]:
    """Return every measure of one batch compared with another of the target.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    one, long : Sample
        The batch, and longer sequences of the same source.
    other, other_long : Sample
        Batch and longer sequences of the target.
    settings : MetricsSettings
        Lags, and settings of the transport.

    Returns
    -------
    dict of str to float
        Value of each measure.
    """
    k = hmm.emissionprob.shape[1]
    symbols = one.symbols
    error = (transitions(symbols, k) - exact_statistics.output_transitions(hmm)) ** 2
    changes = (symbols[:, 1:] != symbols[:, :-1]).sum(axis=1)
    lags = settings.lags
    later = autocorrelation(symbols, k, lags) - exact_statistics.autocorrelation(hmm, lags)
    values = {
        "aligned distance": aligned_distance(symbols, other.symbols, k, settings),
        "transition error": float(error.mean()),
        "largest transition error": float(error.max()),
        **{f"frequency {s}": float((symbols == s).mean()) for s in range(k)},
        "volatility": float(changes.mean()),
        "volatility SD": float(changes.std(ddof=1)),
    }
    for n in LENGTHS:
        words = (part.sum(axis=0) for part in counts(symbols, other.symbols, n, k))
        values[f"{n}-gram divergence"] = float(jensen_shannon(*words))
    values["autocorrelation error"] = float(np.sqrt((later**2).mean()))
    if long.labels is not None and other_long.labels is not None:
        values |= _dwell_scores(long.labels, other_long.labels)
    return values


def evaluate(
    network: DrivenNetwork,
    hmm: HMMParameters,
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: MetricsSettings = MetricsSettings(),
) -> pd.DataFrame:
    """Compare a network with its target by every measure.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    hmm : HMMParameters
        The target.
    generator : torch.Generator
        Source of the network's sequences.
    rng : numpy.random.Generator
        Source of the target's sequences.
    settings : MetricsSettings
        Sizes of batches.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, one row per measure. ``value`` is the network's, ``baseline`` that
        of the target itself compared with other samples of it, each the mean of ``n_repeats``
        independent samples with the 95 % interval of that mean. Errors are squared differences of
        probabilities from the target's exact ones; the autocorrelation's is a root mean square
        over ``lags``; divergences are in nats; dwells in steps.

    Raises
    ------
    DataError
        When the network's states overflow.
    """
    shown = informative(hmm)
    sizes = (
        (settings.n_sequences, settings.n_steps),
        (settings.n_runs, settings.n_run_steps),
    )
    rows: dict[str, list[dict[str, float]]] = {"value": [], "baseline": []}
    for _ in range(settings.n_repeats):
        others = [sample_target(hmm, *size, rng) for size in sizes]
        baseline = [sample_target(hmm, *size, rng) for size in sizes]
        emitted = [sample(network, *size, generator, shown, settings.warm_up) for size in sizes]
        rows["value"].append(scores(hmm, *emitted, *others, settings=settings))
        rows["baseline"].append(scores(hmm, *baseline, *others, settings=settings))
    table = []
    for name in rows["value"][0]:
        means = (mean_estimate(np.array([row[name] for row in rows[who]])) for who in rows)
        table.append([name, *(number for estimate in means for number in estimate)])
    return pd.DataFrame(table, columns=COLUMNS)
