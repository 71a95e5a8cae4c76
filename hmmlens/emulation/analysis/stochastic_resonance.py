"""Switching on noise of several strengths: whether it changes, and is most regular at some one.

A ``relu`` network without biases is positively homogeneous: h(s x) = s h(x) for every s > 0 from
the zero state. relu(s a) = s relu(a); W, U and the readout are linear; and a leak is a weighted
mean of two things that scale. So logits scale by s and their order does not change: the size of
orbits is proportional to the noise and the latent switching does not depend on it, whatever was
trained. Biases and ``tanh`` break that, and so do gates. Only where it is broken can there be a
resonance: noise of some strength at which switching is more regular than with less or more of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from hmmlens.dynamics.fixed_points import precise
from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.rollouts import WARM_UP, Driven, along, draw
from hmmlens.emulation.analysis import coherence
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import Estimate, interval
from hmmlens.typing import Int64s

#: Factors on the noise by which homogeneity is tested; two of them are no powers of 2, by which
#: floating-point numbers scale exactly.
FACTORS = (0.1, 0.5, 2.0, 10.0)
#: Standard deviations of the noise in a sweep.
SCALES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
#: A strength of noise with fewer whole dwells on either half of the runs says nothing on
#: regularity.
MIN_DWELLS = 50
#: Measures of regularity, and whether more or less of them is more regular.
REGULAR = {"dwell_cv": -1, "cycle_cv": -1, "coherence": 1}


def is_homogeneous(network: Driven) -> bool:
    """Return whether the network is positively homogeneous by the way it is made."""
    return has_drive(network) and network.cell == "relu" and not network.bias


def homogeneity(
    network: Driven,
    informative: Sequence[int],
    generator: torch.Generator,
    n_runs: int = 4,
    n_steps: int = 300,
    factors: Sequence[float] = FACTORS,
) -> pd.DataFrame:
    """Run on the same noise at several strengths, in double precision.

    Returns
    -------
    one row a factor: ``factor``; ``deviation``, by how much h(s x) / s and h(x) differ in any unit,
    as a share of the root mean square of h(x); ``same_labels``, share of steps with the label that
    they have at factor 1; ``by_design``, :func:`is_homogeneous`.
    """
    double = precise(network)
    noise = draw(double, generator, n_runs, n_steps)
    states, logits = along(double, noise)
    size, label = states.square().mean().sqrt(), latent(logits, informative)
    rows = []
    for factor in factors:
        scaled, told = along(double, factor * noise)
        rows.append(
            {
                "factor": factor,
                "deviation": float((scaled / factor - states).abs().max() / size),
                "same_labels": float((latent(told, informative) == label).double().mean()),
                "by_design": is_homogeneous(network),
            }
        )
    return pd.DataFrame(rows)


def labels_at(
    network: Driven,
    informative: Sequence[int],
    n_runs: int,
    n_steps: int,
    generator: torch.Generator,
    scales: Sequence[float] = SCALES,
) -> Int64s:
    """Return labels (scale, run, time) on the same noise at several strengths.

    Raises
    ------
    DataError
        When the network diverges at one of them.
    """
    noise = draw(network, generator, n_runs, WARM_UP + n_steps)
    factor = torch.as_tensor(scales, dtype=noise.dtype, device=noise.device)
    state = network.start(len(scales) * n_runs)
    found = []
    with torch.inference_mode():
        for t in range(noise.shape[1]):
            given = (factor[:, None, None] * noise[:, t]).flatten(0, 1)
            state = network.step(state, given)
            if t >= WARM_UP:
                found.append(latent(network.readout(state), informative))
        bounded = bool(torch.isfinite(network.readout(state)).all())
    if not bounded:
        raise DataError("the network diverges on noise of one of the sweep's strengths")
    labels: Int64s = torch.stack(found, dim=1).reshape(len(scales), n_runs, n_steps).cpu().numpy()
    return labels


def sweep(
    labels: Int64s, n_labels: int, rng: np.random.Generator, scales: Sequence[float] = SCALES
) -> pd.DataFrame:
    """Return the measures of :data:`.coherence.MEASURES` at each noise strength.

    Parameters
    ----------
    labels : (scale, run, time)

    Returns
    -------
    one row a strength and measure: ``noise_sd``, ``measure``, ``value``, ``low``, ``high`` (over
    runs), ``n_dwells`` (whole ones). NaN where there is nothing to measure.
    """
    rows = []
    for scale, mine in zip(scales, labels, strict=True):
        sums = coherence.parts(mine, n_labels)
        n_dwells = int(sums.dwells[:, 0].sum())
        for name in coherence.MEASURES:
            found = coherence.measure(sums, name, rng)
            rows.append(
                {"noise_sd": scale, "measure": name, **found._asdict(), "n_dwells": n_dwells}
            )
    return pd.DataFrame(rows)


def resonance(
    labels: Int64s, n_labels: int, rng: np.random.Generator, scales: Sequence[float] = SCALES
) -> pd.DataFrame:
    """Ask whether some middling strength of noise makes switching more regular than both ends.

    The best strength inside and the better end are chosen on every second run and compared on the
    others, so that the gain is around 0 or below where there is no resonance, and not above it by
    choice. (Taking turns does not pay: both gains then hang together, and an interval that takes
    them for independent is too narrow.) The ends are the weakest and strongest noise with
    :data:`MIN_DWELLS` whole dwells on either half.

    Parameters
    ----------
    labels : (scale, run, time); with fewer than some 40 runs, intervals are too narrow.

    Returns
    -------
    one row a measure of :data:`REGULAR`: ``measure``, ``gain`` (above 0 is more regular inside)
    with ``low`` and ``high`` over runs, ``best_sd`` (the strength chosen on all runs),
    ``weakest_sd``, ``strongest_sd``, ``resonant`` (whether ``low`` is above 0). NaN with fewer
    than three usable strengths.
    """
    everything = [coherence.parts(mine, n_labels) for mine in labels]
    halves = [np.arange(first, labels.shape[1], 2) for first in (0, 1)]
    usable = [
        i
        for i, sums in enumerate(everything)
        if min(sums.dwells[half, 0].sum() for half in halves) >= MIN_DWELLS
    ]
    rows = []
    for name, way in REGULAR.items():
        row = {"measure": name, "gain": np.nan, "low": np.nan, "high": np.nan, "best_sd": np.nan}
        row |= {"weakest_sd": np.nan, "strongest_sd": np.nan, "resonant": False}
        if len(usable) >= 3:
            used = [everything[i] for i in usable]
            gain = _gain(used, halves, name, way, rng)
            whole = [way * coherence.MEASURES[name](coherence.total(s)) for s in used]
            row |= {"gain": gain.value, "low": gain.low, "high": gain.high}
            row |= {"best_sd": scales[usable[1 + int(np.argmax(whole[1:-1]))]]}
            row |= {"weakest_sd": scales[usable[0]], "strongest_sd": scales[usable[-1]]}
            row["resonant"] = bool(gain.low > 0)
        rows.append(row)
    return pd.DataFrame(rows)


def _gain(
    used: list[coherence.Parts],
    halves: list[Int64s],
    name: str,
    way: int,
    rng: np.random.Generator,
) -> Estimate:
    """Return the gain on one half of the runs of the best strength inside over the better end."""
    score = coherence.MEASURES[name]
    chosen_on, judged_on = halves
    seen = np.array([way * float(score(coherence.total(s, chosen_on))) for s in used])
    inside = 1 + int(seen[1:-1].argmax())
    end = 0 if seen[0] >= seen[-1] else len(used) - 1
    pair = [coherence.Parts(*(part[judged_on] for part in used[i])) for i in (inside, end)]
    one, two = (way * float(score(coherence.total(p))) for p in pair)
    # The same runs are drawn at both strengths, as they heard the same noise.
    counts = coherence.draw_runs(len(judged_on), rng)
    first, second = (way * score(coherence.resummed(p, counts)) for p in pair)
    return Estimate(one - two, *interval(first - second))
