"""What kick units do: in the three regions, around switches, and to the spectra of the dynamics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, spectra
from hmmlens.dynamics.labels import Switches, switches
from hmmlens.dynamics.protocol import flatten, unflatten
from hmmlens.emulation.analysis.residency import REGIONS, regions, residency
from hmmlens.emulation.kicks.candidates import Watched
from hmmlens.emulation.kicks.dose_response import Of, scaled
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Int64s

#: States of each run whose region is found.
N_EACH = 10
#: Steps before and after a switch that are looked at.
LAGS = 15
#: Switches of each exit whose spectra are found, at each factor.
N_SPECTRA = 12
#: Imaginary part from which a pair of eigenvalues turns, of Torre et al. 2025 for this measure.
TURNING = 0.06

LEVEL_COLUMNS = ["exit", "label", "region", "level", "low", "high", "positive", "n_states"]
ACTIVITY_COLUMNS = ["exit", "lag", "set", "activity", "low", "high", "n_switches"]
CRITICAL_COLUMNS = ["exit", "of", "factor", "pairs", "sd", "n_switches"]


def levels_table(
    network: NoiseDriven,
    watched: Watched,
    groups: Mapping[int, Int64s],
    informative: Sequence[int],
    generator: torch.Generator,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the mean pre-activation of kick units by label and region.

    Parameters
    ----------
    groups : the kick units of each exit, by the label that is left.

    Returns
    -------
    one row a group, label and region: ``exit``, ``label``, ``region``, ``level`` with ``low`` and
    ``high`` (over runs), ``positive`` (share of units and states above 0), ``n_states``. Levels of
    a cell with gates are what its units send out.
    """
    n_runs, n_steps = watched.labels.shape
    chosen = np.stack([rng.permutation(n_steps - 1)[:N_EACH] for _ in range(n_runs)])
    runs = np.repeat(np.arange(n_runs), chosen.shape[1])
    steps = chosen.ravel()
    found = residency(network, watched.run.states[runs, steps + 1], informative, generator)
    region = regions(found)
    levels = watched.levels[runs, steps].double().cpu().numpy()
    rows = []
    for exit_, units in groups.items():
        mine = levels[:, units]
        for label in range(len(informative)):
            for number, name in enumerate(REGIONS):
                here = (found.label == label) & (region == number)
                parts = np.zeros((n_runs, 2))
                np.add.at(parts, runs[here], np.c_[mine[here].mean(axis=1), np.ones(here.sum())])
                level = ratio(parts[:, 0], parts[:, 1], rng)
                rows.append(
                    {
                        "exit": exit_,
                        "label": label,
                        "region": name,
                        "level": level.value,
                        "low": level.low,
                        "high": level.high,
                        "positive": float((mine[here] > 0).mean()) if here.any() else np.nan,
                        "n_states": int(here.sum()),
                    }
                )
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def windows(watched: Watched, label: int, most: int | None = None) -> Switches:
    """Return switches out of ``label`` with :data:`LAGS` steps on both sides, at most so many.

    They are spread evenly. One more step is there before, for a replay to start from.
    """
    found = switches(watched.labels)
    last = watched.labels.shape[1] - 1
    fits = (found.before == label) & (found.time > LAGS) & (found.time + LAGS <= last)
    index = np.flatnonzero(fits)
    if most is not None and len(index) > most:
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
    return Switches(*(part[index] for part in found))


def activity_table(
    watched: Watched, sets: Mapping[str, Int64s], labels: Sequence[int]
) -> pd.DataFrame:
    """Return the mean activity of sets of units around switches.

    Returns
    -------
    one row an exit, lag and set: ``exit`` (the label that is left), ``lag`` (steps after the first
    step with the new label), ``set``, ``activity`` (mean of what units send out) with ``low`` and
    ``high`` (over switches), ``n_switches``
    """
    hidden = watched.run.states
    rows = []
    for label in labels:
        found = windows(watched, label)
        if not len(found.time):
            continue
        for name, units in sets.items():
            mean = hidden[..., units].double().mean(dim=2).cpu().numpy()
            for lag in range(-LAGS, LAGS + 1):
                value, low, high = mean_estimate(mean[found.sequence, found.time + lag])
                rows.append((label, lag, name, value, low, high, len(found.time)))
    return pd.DataFrame(rows, columns=ACTIVITY_COLUMNS)


def replay(network: NoiseDriven, watched: Watched, found: Switches) -> tuple[Tensor, Tensor]:
    """Run again through the steps around switches, in a network that may have been changed.

    Returns
    -------
    entries : (switch, lag, entry), the states *before* each step from -LAGS to LAGS
    noise : (switch, lag, noise), that of each step
    """
    rows, times = torch.from_numpy(found.sequence), torch.from_numpy(found.time)
    lags = torch.arange(-LAGS, LAGS + 1)
    noise = watched.run.noise[rows[:, None], times[:, None] + lags]
    entries = [watched.run.states[rows, times - LAGS - 1]]
    state = unflatten(entries[0], network)
    with torch.inference_mode():
        for t in range(noise.shape[1] - 1):
            state = network.step(state, noise[:, t])
            entries.append(flatten(state))
    return torch.stack(entries, dim=1), noise


def critical_table(
    network: NoiseDriven,
    watched: Watched,
    units_of: Mapping[tuple[int, Of], Int64s],
    factors: Mapping[Of, Sequence[float]],
) -> pd.DataFrame:
    """Return critical pairs around switches, with factors on the drive or noise of some units.

    The same switches are replayed with their own noise at each factor, so that it acts from
    :data:`LAGS` steps before. The Jacobian of a step is taken at the state before it, with the
    step's noise, and a factor on the drive scales its rows.

    Parameters
    ----------
    units_of : the units of each exit, see :func:`hmmlens.emulation.kicks.dose_response.multiplied`.
    factors : those on each thing that is multiplied, 1 besides.

    Returns
    -------
    one row an exit, what is multiplied and factor: ``exit``, ``of``, ``factor``, ``pairs`` (mean
    over switches of the sum over the steps), ``sd`` (over switches), ``n_switches``

    Raises
    ------
    DataError
        When the cell has not one drive per unit.
    """
    rows = []
    usual: dict[int, Int64s] = {}
    for (label, of), units in units_of.items():
        found = windows(watched, label, N_SPECTRA)
        if not len(found.time):
            continue
        if label not in usual:
            usual[label] = _pairs(network, watched, found)
        counts = {1.0: usual[label]}
        for factor in factors[of]:
            counts[factor] = _pairs(scaled(network, units, factor, of), watched, found)
        for factor, pairs in sorted(counts.items()):
            sd = float(pairs.std(ddof=1)) if len(pairs) > 1 else np.nan
            rows.append((label, of, factor, float(pairs.mean()), sd, len(pairs)))
    return pd.DataFrame(rows, columns=CRITICAL_COLUMNS)


def _pairs(network: NoiseDriven, watched: Watched, found: Switches) -> Int64s:
    """Return the critical pairs of the steps around each switch (switch), in a changed network."""
    entries, noise = replay(network, watched, found)
    values = spectra(network, entries.flatten(0, 1), noise.flatten(0, 1))
    pairs: Int64s = critical_pairs(values, TURNING).reshape(entries.shape[:2]).sum(axis=1)
    return pairs
