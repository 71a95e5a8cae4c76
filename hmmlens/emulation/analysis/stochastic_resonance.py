"""Stochastic resonance: the regularity of switching on noise of several strengths.

A ``relu`` network without biases is positively homogeneous: h(s x) = s h(x) for every s > 0 from
the zero state. relu(s a) = s relu(a); W, U and the readout are linear; and a leak is a weighted
mean of two things that scale. So logits scale by s and their order does not change: the size of
orbits is proportional to the noise and the latent switching does not depend on it, whatever was
trained. Biases and ``tanh`` break that, and so do gates. Only where it is broken can there be a
resonance: noise of some strength at which switching is more regular than with less or more of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from hmmlens.dynamics.fixed_points import precise
from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import WARM_UP, rollout, sample_noise
from hmmlens.emulation.analysis import coherence
from hmmlens.emulation.analysis.regularity import MEASURES, Parts
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Int64s

#: Measures of regularity, and whether more or less of them is more regular.
REGULAR = {"dwell_cv": -1, "cycle_cv": -1, "coherence": 1}


@dataclass(frozen=True)
class ResonanceSettings:
    """Settings of the analysis of stochastic resonance.

    Attributes
    ----------
    factors : tuple of float
        Factors on the noise by which homogeneity is tested; two of them are no powers of 2, by
        which floating-point numbers scale exactly.
    n_homogeneity_runs, n_homogeneity_steps : int
        Runs and steps of that test.
    scales : tuple of float
        Standard deviations of the noise in a sweep.
    n_runs, n_steps : int
        Runs at each standard deviation, and their steps.
    min_dwells : int
        A strength of noise with fewer whole dwells on either half of the runs is not used.
    coherence : CoherenceSettings
        Settings of the measures of regularity.
    """

    factors: tuple[float, ...] = (0.1, 0.5, 2.0, 10.0)
    n_homogeneity_runs: int = 4
    n_homogeneity_steps: int = 300
    scales: tuple[float, ...] = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
    n_runs: int = 48
    n_steps: int = 2000
    min_dwells: int = 50
    coherence: coherence.CoherenceSettings = coherence.CoherenceSettings()  # noqa: RUF009


def is_homogeneous(network: DrivenNetwork) -> bool:
    """Return whether a network is positively homogeneous by construction.

    Parameters
    ----------
    network : DrivenNetwork
        A network.

    Returns
    -------
    bool
        True for ``relu`` without biases.
    """
    return has_drive(network) and network.cell == "relu" and not network.bias


def homogeneity(
    network: DrivenNetwork,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: ResonanceSettings = ResonanceSettings(),
) -> pd.DataFrame:
    """Test homogeneity on the same noise at several strengths, in double precision.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the noise.
    settings : ResonanceSettings
        Factors, and numbers of runs and steps.

    Returns
    -------
    DataFrame
        One row per factor: ``factor``; ``deviation``, the largest difference of h(s x) / s and h(x)
        in any unit, as a share of the root mean square of h(x); ``same_labels``, share of steps
        with the same label as at factor 1; ``by_design``, :func:`is_homogeneous`.
    """
    double = precise(network)
    n_runs, n_steps = settings.n_homogeneity_runs, settings.n_homogeneity_steps
    noise = sample_noise(double, generator, n_runs, n_steps)
    states, logits = rollout(double, noise)
    size, label = states.square().mean().sqrt(), latent(logits, informative)
    rows = []
    for factor in settings.factors:
        scaled, outputs = rollout(double, factor * noise)
        rows.append(
            {
                "factor": factor,
                "deviation": float((scaled / factor - states).abs().max() / size),
                "same_labels": float((latent(outputs, informative) == label).double().mean()),
                "by_design": is_homogeneous(network),
            }
        )
    return pd.DataFrame(rows)


def labels_at(
    network: DrivenNetwork,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: ResonanceSettings = ResonanceSettings(),
) -> Int64s:
    """Return labels on the same noise at several strengths.

    Parameters
    ----------
    network : DrivenNetwork
        A network.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the noise.
    settings : ResonanceSettings
        Strengths, and numbers of runs and steps.

    Returns
    -------
    ndarray of shape (scale, run, time)
        Labels.

    Raises
    ------
    DataError
        When the network diverges at one of them.
    """
    scales, n_runs, n_steps = settings.scales, settings.n_runs, settings.n_steps
    noise = sample_noise(network, generator, n_runs, WARM_UP + n_steps)
    factor = torch.as_tensor(scales, dtype=noise.dtype, device=noise.device)
    state = network.start(len(scales) * n_runs)
    parts = []
    with torch.inference_mode():
        for t in range(noise.shape[1]):
            given = (factor[:, None, None] * noise[:, t]).flatten(0, 1)
            state = network.step(state, given)
            if t >= WARM_UP:
                parts.append(latent(network.readout(state), informative))
        bounded = bool(torch.isfinite(network.readout(state)).all())
    if not bounded:
        raise DataError("the network diverges on noise of one of the sweep's strengths")
    labels: Int64s = torch.stack(parts, dim=1).reshape(len(scales), n_runs, n_steps).cpu().numpy()
    return labels


def sweep(
    labels: Int64s,
    n_labels: int,
    rng: np.random.Generator,
    settings: ResonanceSettings = ResonanceSettings(),
) -> pd.DataFrame:
    """Return the measures of :mod:`hmmlens.emulation.analysis.regularity` at each strength.

    Parameters
    ----------
    labels : ndarray of shape (scale, run, time)
        Result of :func:`labels_at`.
    n_labels : int
        Number of labels.
    rng : numpy.random.Generator
        Source of the resamples of runs.
    settings : ResonanceSettings
        Strengths, and settings of the measures.

    Returns
    -------
    DataFrame
        One row per strength and measure: ``noise_sd``, ``measure``, ``value``, ``low``, ``high``
        (over runs), ``n_dwells`` (whole ones). NaN where there is nothing to measure.
    """
    rows = []
    for scale, runs in zip(settings.scales, labels, strict=True):
        sums = coherence.parts(runs, n_labels, settings.coherence)
        n_dwells = int(sums.dwells[:, 0].sum())
        for name in MEASURES:
            value = coherence.measure(sums, name, rng, settings.coherence)
            rows.append(
                {"noise_sd": scale, "measure": name, **value._asdict(), "n_dwells": n_dwells}
            )
    return pd.DataFrame(rows)


def resonance(
    labels: Int64s,
    n_labels: int,
    rng: np.random.Generator,
    settings: ResonanceSettings = ResonanceSettings(),
) -> pd.DataFrame:
    """Test whether some intermediate strength of noise makes switching more regular than both ends.

    The best strength inside and the better end are chosen on every second run and compared on the
    others, so that the gain is around 0 or below where there is no resonance, and not above it by
    choice. (Exchanging the halves does not help: both gains are then dependent, and an interval
    that assumes independence is too narrow.) The ends are the weakest and strongest noise with
    ``min_dwells`` whole dwells on either half.

    Parameters
    ----------
    labels : ndarray of shape (scale, run, time)
        Result of :func:`labels_at`; with fewer than some 40 runs, intervals are too narrow.
    n_labels : int
        Number of labels.
    rng : numpy.random.Generator
        Source of the resamples of runs.
    settings : ResonanceSettings
        Strengths, and settings of the measures.

    Returns
    -------
    DataFrame
        One row per measure of :data:`REGULAR`: ``measure``, ``gain`` (above 0 is more regular
        inside) with ``low`` and ``high`` over runs, ``best_sd`` (the strength chosen on all runs),
        ``weakest_sd``, ``strongest_sd``, ``resonant`` (whether ``low`` is above 0). NaN with fewer
        than three usable strengths.
    """
    scales = settings.scales
    everything = [coherence.parts(runs, n_labels, settings.coherence) for runs in labels]
    halves = [np.arange(first, labels.shape[1], 2) for first in (0, 1)]
    usable = [
        i
        for i, sums in enumerate(everything)
        if min(sums.dwells[half, 0].sum() for half in halves) >= settings.min_dwells
    ]
    rows = []
    for name, way in REGULAR.items():
        row = {"measure": name, "gain": np.nan, "low": np.nan, "high": np.nan, "best_sd": np.nan}
        row |= {"weakest_sd": np.nan, "strongest_sd": np.nan, "resonant": False}
        if len(usable) >= 3:
            used = [everything[i] for i in usable]
            gain = _gain(used, halves, name, way, rng, settings.coherence)
            whole = [way * MEASURES[name](coherence.total(s)) for s in used]
            row |= {"gain": gain.value, "low": gain.low, "high": gain.high}
            row |= {"best_sd": scales[usable[1 + int(np.argmax(whole[1:-1]))]]}
            row |= {"weakest_sd": scales[usable[0]], "strongest_sd": scales[usable[-1]]}
            row["resonant"] = bool(gain.low > 0)
        rows.append(row)
    return pd.DataFrame(rows)


def _gain(
    used: list[Parts],
    halves: list[Int64s],
    name: str,
    way: int,
    rng: np.random.Generator,
    settings: coherence.CoherenceSettings,
) -> Estimate:
    """Return the gain on one half of the runs of the best strength inside over the better end."""
    score = MEASURES[name]
    chosen_on, compared_on = halves
    scores = np.array([way * float(score(coherence.total(s, chosen_on))) for s in used])
    inside = 1 + int(scores[1:-1].argmax())
    end = 0 if scores[0] >= scores[-1] else len(used) - 1
    pair = [Parts(*(part[compared_on] for part in used[i])) for i in (inside, end)]
    one, two = (way * float(score(coherence.total(p))) for p in pair)
    # The same runs are resampled at both strengths, as they were driven by the same noise.
    counts = coherence.resample_runs(len(compared_on), rng, settings.n_bootstrap)
    first, second = (way * score(coherence.resummed(p, counts)) for p in pair)
    return Estimate(one - two, *interval(first - second))
