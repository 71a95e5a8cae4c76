"""Information that the states of a model carry about regions of a network's dynamics.

The regions are those of Torre et al. 2025: transition, kick zone and cluster, by how soon the label
changes, see :mod:`hmmlens.emulation.analysis.residency`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.dynamics.labels import latent
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import StateModel
from hmmlens.stats.agreement import contingency
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.surrogates import circular_shifts, p_value
from hmmlens.typing import Floats, Ints


class MutualInformation(NamedTuple):
    """Mutual information of states and something else.

    Attributes
    ----------
    nats : ndarray of shape (...)
    share : ndarray of shape (...)
        Of the entropy of the other variable.
    """

    nats: Floats
    share: Floats


def _entropy(counts: Floats) -> Floats:
    """Return the sum of n log(N / n) (...) of counts n (..., kind) with sum N, in nats."""
    total = counts.sum(axis=-1, keepdims=True)
    safe = np.where(counts > 0, counts, 1.0)
    summed = (counts * (np.log(np.where(total > 0, total, 1.0)) - np.log(safe))).sum(axis=-1)
    entropy: Floats = summed
    return entropy


def mutual_information(tables: Floats) -> dict[str, MutualInformation]:
    """Return the mutual information of states with labels and regions.

    Parameters
    ----------
    tables : ndarray of shape (..., label, region, state)
        Counts of steps.

    Returns
    -------
    dict of MutualInformation
        ``label``; ``region``; ``both``; and ``region within label``, the mutual information with
        the region conditional on the label.
    """
    total = tables.sum(axis=(-3, -2, -1))
    flat = tables.reshape(*tables.shape[:-3], -1, tables.shape[-1])
    information = {}
    joint = {"label": tables.sum(axis=-2), "region": tables.sum(axis=-3), "both": flat}
    for name, table in joint.items():
        entropy = _entropy(table.sum(axis=-1))
        conditional = _entropy(np.swapaxes(table, -1, -2)).sum(axis=-1)
        information[name] = _difference(entropy, conditional, total)
    entropy = _entropy(tables.sum(axis=-1)).sum(axis=-1)
    conditional = _entropy(np.swapaxes(tables, -1, -2)).sum(axis=(-2, -1))
    information["region within label"] = _difference(entropy, conditional, total)
    return information


def _difference(entropy: Floats, conditional: Floats, total: Floats) -> MutualInformation:
    nats = np.maximum(entropy - conditional, 0.0)
    share = np.where(entropy > 0, nats / np.where(entropy > 0, entropy, 1.0), np.nan)
    return MutualInformation(nats / total, share)


def count_steps(labels: Ints, regions: Ints, path: Ints, sizes: tuple[int, int, int]) -> Floats:
    """Return counts of steps by label, region and state.

    Parameters
    ----------
    labels, regions, path : ndarray of shape (run, time)
        Steps with a value below 0 are left out.
    sizes : tuple of int
        Numbers of labels, regions and states.

    Returns
    -------
    ndarray of shape (run, label, region, state)
        Numbers of steps.
    """
    counts = np.zeros((len(path), *sizes))
    known = (labels >= 0) & (regions >= 0) & (path >= 0)
    row = np.nonzero(known)[0]
    np.add.at(counts, (row, labels[known], regions[known], path[known]), 1)
    return counts


def shift_within_labels(path: Ints, labels: Ints, rng: np.random.Generator) -> Ints:
    """Return states circularly shifted in time within each run among the steps of one label.

    Keeps the mutual information with the label, and removes any other.

    Parameters
    ----------
    path, labels : ndarray of shape (run, time)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (run, time)
        A shifted copy.
    """
    shifted = path.copy()
    for row, label in zip(shifted, labels, strict=True):
        for kind in np.unique(label[label >= 0]):
            steps = np.flatnonzero(label == kind)
            if len(steps) > 1:
                row[steps] = np.roll(row[steps], int(rng.integers(1, len(steps))))
    return shifted


def information_table(
    labels: Ints,
    regions: Ints,
    path: Ints,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> pd.DataFrame:
    """Return the mutual information of states with labels and regions, and test it.

    Parameters
    ----------
    labels, regions, path : ndarray of shape (run, time)
        Below 0 where unknown.
    sizes : tuple of int
        Numbers of labels, regions and states.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    DataFrame
        ``of, nats, share, low, high`` (of the share, runs resampled), ``null, null_high`` (mean and
        97.5 % of the shares with states circularly shifted in time in each run; for ``region within
        label`` among steps of one label), ``p``
    """
    counts = count_steps(labels, regions, path, sizes)
    observed = mutual_information(counts.sum(axis=0))
    spread = mutual_information(resampled(counts, settings.n_bootstrap, rng))
    known = np.where(labels >= 0, labels, -1)
    length = np.full(len(path), path.shape[1])

    def _of(shifted: Ints) -> dict[str, MutualInformation]:
        return mutual_information(count_steps(labels, regions, shifted, sizes).sum(0))

    null: dict[str, list[float]] = {name: [] for name in observed}
    for _ in range(settings.n_shifts):
        shifted = _of(circular_shifts(path, length, rng))
        within = _of(shift_within_labels(path, known, rng))
        for name, values in null.items():
            one = within if name.endswith("within label") else shifted
            values.append(float(one[name].share))
    rows = []
    for name, value in observed.items():
        chance = np.array(null[name])
        low, high = interval(spread[name].share)
        row = {"of": name, "nats": float(value.nats), "share": float(value.share)}
        row |= {"low": low, "high": high, "null": float(chance.mean())}
        row["null_high"] = float(np.quantile(chance, 0.975))
        all_known = np.isfinite([float(value.share), *chance]).all()
        row["p"] = p_value(float(value.share), chance) if all_known else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def region_table(
    model: StateModel,
    path: Ints,
    regions: Ints,
    names: Sequence[str],
    informative: Sequence[int],
) -> pd.DataFrame:
    """Return which state of the model belongs to which region.

    Parameters
    ----------
    model : StateModel
    path, regions : ndarray of shape (run, time)
        Of the runs whose regions are known.
    names : sequence of str
        Of the regions.
    informative : sequence of int
        The symbols that distinguish states.

    Returns
    -------
    DataFrame
        One row for each state: ``state, occupancy, mean_dwell`` (steps, of the fitted chain),
        ``label``, its most frequent ``region``, for every region its share of the state
        (``in_<name>``) and the state's share of it (``of_<name>``)
    """
    counts = contingency(path, regions).sum(axis=0)
    table = np.zeros((model.n_states, len(names)))
    table[: counts.shape[0], : counts.shape[1]] = counts
    stay = np.diag(model.hmm.transmat_)
    rows: list[dict[str, Any]] = []
    with np.errstate(invalid="ignore", divide="ignore"):
        inside, of = table / table.sum(axis=1, keepdims=True), table / table.sum(axis=0)
        dwell = 1 / (1 - stay)
    for state in range(model.n_states):
        row: dict[str, Any] = {"state": state, "occupancy": table[state].sum() / table.sum()}
        row |= {"mean_dwell": dwell[state]}
        row |= {"label": int(latent(model.emission[state], informative))}
        row["region"] = names[int(table[state].argmax())] if table[state].any() else ""
        for index, name in enumerate(names):
            row |= {f"in_{name}": inside[state, index], f"of_{name}": of[state, index]}
        rows.append(row)
    return pd.DataFrame(rows)
