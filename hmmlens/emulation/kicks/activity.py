"""Activity of kick units: in the three regions, around switches, and spectra of the dynamics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, spectra
from hmmlens.dynamics.labels import Switches, switches
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.emulation.analysis.residency import REGIONS, regions, residency
from hmmlens.emulation.kicks.candidates import UnperturbedRuns
from hmmlens.emulation.kicks.dose_response import DoseTarget, scale_weights
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.stats.ratios import ratio
from hmmlens.typing import Int64s

LEVEL_COLUMNS = ["exit", "label", "region", "level", "low", "high", "positive", "n_states"]
ACTIVITY_COLUMNS = ["exit", "lag", "set", "activity", "low", "high", "n_switches"]
CRITICAL_COLUMNS = ["exit", "of", "factor", "pairs", "sd", "n_switches"]


def levels_table(
    network: DrivenNetwork,
    runs: UnperturbedRuns,
    groups: Mapping[int, Int64s],
    informative: Sequence[int],
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: KickSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return the mean level of kick units by label and region.

    Parameters
    ----------
    network : DrivenNetwork
    runs : UnperturbedRuns
    groups : dict of ndarray of shape (unit)
        The kick units of each exit, by the label that is left.
    informative : sequence of int
        The symbols that distinguish states.
    generator : torch.Generator
    rng : numpy.random.Generator
    settings : KickSettings

    Returns
    -------
    DataFrame
        One row for each group, label and region: ``exit``, ``label``, ``region``, ``level`` with
        ``low`` and ``high`` (over runs), ``positive`` (share of units and states above 0),
        ``n_states``. Levels are those of :class:`.UnperturbedRuns`.
    """
    n_runs, n_steps = runs.labels.shape
    chosen = np.stack([rng.permutation(n_steps - 1)[: settings.n_each] for _ in range(n_runs)])
    rows_of = np.repeat(np.arange(n_runs), chosen.shape[1])
    steps = chosen.ravel()
    found = residency(network, runs.run.states[rows_of, steps + 1], informative, generator)
    region = regions(found)
    levels = runs.levels[rows_of, steps].double().cpu().numpy()
    rows = []
    for exit_, units in groups.items():
        of_group = levels[:, units]
        for label in range(len(informative)):
            for number, name in enumerate(REGIONS):
                here = (found.label == label) & (region == number)
                sums = np.zeros((n_runs, 2))
                means = of_group[here].mean(axis=1)
                np.add.at(sums, rows_of[here], np.c_[means, np.ones(here.sum())])
                level = ratio(sums[:, 0], sums[:, 1], rng)
                rows.append(
                    {
                        "exit": exit_,
                        "label": label,
                        "region": name,
                        "level": level.value,
                        "low": level.low,
                        "high": level.high,
                        "positive": float((of_group[here] > 0).mean()) if here.any() else np.nan,
                        "n_states": int(here.sum()),
                    }
                )
    return pd.DataFrame(rows, columns=LEVEL_COLUMNS)


def switch_windows(
    runs: UnperturbedRuns, label: int, most: int | None = None, settings: KickSettings = DEFAULTS
) -> Switches:
    """Return switches out of a label with ``settings.n_lags`` steps and one more around them.

    Parameters
    ----------
    runs : UnperturbedRuns
    label : int
    most : int, optional
        Number of switches at most, spread evenly.
    settings : KickSettings

    Returns
    -------
    Switches
        The switches, by run and then by time.
    """
    found, n_lags = switches(runs.labels), settings.n_lags
    last = runs.labels.shape[1] - 1
    fits = (found.before == label) & (found.time > n_lags) & (found.time + n_lags <= last)
    index = np.flatnonzero(fits)
    if most is not None and len(index) > most:
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
    return Switches(*(part[index] for part in found))


def activity_table(
    runs: UnperturbedRuns,
    sets: Mapping[str, Int64s],
    labels: Sequence[int],
    settings: KickSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return the mean activity of sets of units around switches.

    Parameters
    ----------
    runs : UnperturbedRuns
    sets : dict of ndarray of shape (unit)
        Units by name.
    labels : sequence of int
        Labels that are left.
    settings : KickSettings

    Returns
    -------
    DataFrame
        One row for each exit, lag and set: ``exit`` (the label that is left), ``lag`` (steps after
        the first step with the new label), ``set``, ``activity`` (mean of what units send out) with
        ``low`` and ``high`` (over switches), ``n_switches``
    """
    hidden, n_lags = runs.run.states, settings.n_lags
    rows = []
    for label in labels:
        found = switch_windows(runs, label, settings=settings)
        if not len(found.time):
            continue
        for name, units in sets.items():
            mean = hidden[..., units].double().mean(dim=2).cpu().numpy()
            for lag in range(-n_lags, n_lags + 1):
                value, low, high = mean_estimate(mean[found.sequence, found.time + lag])
                rows.append((label, lag, name, value, low, high, len(found.time)))
    return pd.DataFrame(rows, columns=ACTIVITY_COLUMNS)


def replay(
    network: DrivenNetwork,
    runs: UnperturbedRuns,
    found: Switches,
    settings: KickSettings = DEFAULTS,
) -> tuple[Tensor, Tensor]:
    """Repeat the steps around switches in a network that may have been changed.

    Parameters
    ----------
    network : DrivenNetwork
    runs : UnperturbedRuns
        Of the unperturbed network.
    found : Switches
        See :func:`switch_windows`.
    settings : KickSettings

    Returns
    -------
    entries : Tensor of shape (switch, lag, entry)
        The states *before* each step from ``-n_lags`` to ``n_lags``.
    noise : Tensor of shape (switch, lag, noise)
        That of each step.
    """
    n_lags = settings.n_lags
    rows, times = torch.from_numpy(found.sequence), torch.from_numpy(found.time)
    lags = torch.arange(-n_lags, n_lags + 1)
    noise = runs.run.noise[rows[:, None], times[:, None] + lags]
    entries = [runs.run.states[rows, times - n_lags - 1]]
    state = unflatten(entries[0], network)
    with torch.inference_mode():
        for t in range(noise.shape[1] - 1):
            state = network.step(state, noise[:, t])
            entries.append(flatten(state))
    return torch.stack(entries, dim=1), noise


def critical_table(
    network: NoiseDriven,
    runs: UnperturbedRuns,
    units_of: Mapping[tuple[int, DoseTarget], Int64s],
    settings: KickSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return critical pairs around switches, with factors on the drive or noise of some units.

    The same switches are replayed with their own noise at each factor, so that it acts from
    ``settings.n_lags`` steps before. The Jacobian of a step is taken at the state before it, with
    the step's noise, and a factor on the drive scales its rows.

    Parameters
    ----------
    network : NoiseDriven
    runs : UnperturbedRuns
    units_of : dict of ndarray of shape (unit)
        The units of each exit, see :func:`.multiplied_units`.
    settings : KickSettings

    Returns
    -------
    DataFrame
        One row for each exit, target and factor: ``exit``, ``of`` (the target), ``factor``,
        ``pairs`` (mean over switches of the sum over the steps), ``sd`` (over switches),
        ``n_switches``

    Raises
    ------
    DataError
        When the cell has not one drive per unit.
    """
    rows = []
    unchanged: dict[int, Int64s] = {}
    factors = dict(settings.critical_factors)
    for (label, target), units in units_of.items():
        found = switch_windows(runs, label, settings.n_spectra, settings)
        if not len(found.time):
            continue
        if label not in unchanged:
            unchanged[label] = _pairs(network, runs, found, settings)
        counts = {1.0: unchanged[label]}
        for factor in factors.get(target, ()):
            changed = scale_weights(network, units, factor, target)
            counts[factor] = _pairs(changed, runs, found, settings)
        for factor, pairs in sorted(counts.items()):
            sd = float(pairs.std(ddof=1)) if len(pairs) > 1 else np.nan
            rows.append((label, target, factor, float(pairs.mean()), sd, len(pairs)))
    return pd.DataFrame(rows, columns=CRITICAL_COLUMNS)


def _pairs(
    network: NoiseDriven, runs: UnperturbedRuns, found: Switches, settings: KickSettings
) -> Int64s:
    """Return the critical pairs of the steps around each switch (switch), in a changed network."""
    entries, noise = replay(network, runs, found, settings)
    values = spectra(network, entries.flatten(0, 1), noise.flatten(0, 1))
    critical = critical_pairs(values, settings.critical_imaginary)
    pairs: Int64s = critical.reshape(entries.shape[:2]).sum(axis=1)
    return pairs
