"""What the states of a model have to do with regions of a network's dynamics.

The regions are those of Torre et al. 2025: transition, kick zone and cluster, by how soon the label
changes, see :mod:`hmmlens.emulation.analysis.residency`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmmlens.dynamics.labels import latent
from hmmlens.emulation.states.models import N_BOOTSTRAP, StateModel
from hmmlens.stats.agreement import contingency
from hmmlens.stats.bootstrap import interval, resampled
from hmmlens.stats.surrogates import circular_shifts, p_value
from hmmlens.typing import Floats, Ints

#: Turns in time behind a p value.
N_SHIFTS = 200


class Told(NamedTuple):
    """What states tell of something.

    nats : mutual information
    share : of the entropy of what is told
    """

    nats: Floats
    share: Floats


def _entropy(counts: Floats) -> Floats:
    """Return the sum of n log(N / n) (...) of counts n (..., kind) with sum N, in nats."""
    total = counts.sum(axis=-1, keepdims=True)
    safe = np.where(counts > 0, counts, 1.0)
    found: Floats = (counts * (np.log(np.where(total > 0, total, 1.0)) - np.log(safe))).sum(axis=-1)
    return found


def told(tables: Floats) -> dict[str, Told]:
    """Return what states tell, from counts (..., label, region, state).

    Returns
    -------
    dict
        ``label``; ``region``; ``both``; and ``region within label``, what states tell of the
        region when the label is known already.
    """
    total = tables.sum(axis=(-3, -2, -1))
    flat = tables.reshape(*tables.shape[:-3], -1, tables.shape[-1])
    found = {}
    joint = {"label": tables.sum(axis=-2), "region": tables.sum(axis=-3), "both": flat}
    for name, table in joint.items():
        whole = _entropy(table.sum(axis=-1))
        rest = _entropy(np.swapaxes(table, -1, -2)).sum(axis=-1)
        found[name] = _told(whole, rest, total)
    whole = _entropy(tables.sum(axis=-1)).sum(axis=-1)
    rest = _entropy(np.swapaxes(tables, -1, -2)).sum(axis=(-2, -1))
    found["region within label"] = _told(whole, rest, total)
    return found


def _told(whole: Floats, rest: Floats, total: Floats) -> Told:
    nats = np.maximum(whole - rest, 0.0)
    share = np.where(whole > 0, nats / np.where(whole > 0, whole, 1.0), np.nan)
    return Told(nats / total, share)


def tables(labels: Ints, regions: Ints, path: Ints, sizes: tuple[int, int, int]) -> Floats:
    """Count steps (run, label, region, state) of (run, time) each; below 0 is left out."""
    found = np.zeros((len(path), *sizes))
    known = (labels >= 0) & (regions >= 0) & (path >= 0)
    row = np.nonzero(known)[0]
    np.add.at(found, (row, labels[known], regions[known], path[known]), 1)
    return found


def turned_within(path: Ints, labels: Ints, rng: np.random.Generator) -> Ints:
    """Turn states in time within each run among the steps of one label.

    Keeps what states tell of the label, and breaks what they tell besides.
    """
    out = path.copy()
    for row, label in zip(out, labels, strict=True):
        for kind in np.unique(label[label >= 0]):
            steps = np.flatnonzero(label == kind)
            if len(steps) > 1:
                row[steps] = np.roll(row[steps], int(rng.integers(1, len(steps))))
    return out


def information(
    labels: Ints, regions: Ints, path: Ints, sizes: tuple[int, int, int], rng: np.random.Generator
) -> pd.DataFrame:
    """Ask what states tell of labels and regions, and whether chance gives as much.

    Parameters
    ----------
    labels, regions, path : (run, time), below 0 where unknown.
    sizes : numbers of labels, regions and states.

    Returns
    -------
    DataFrame
        ``of, nats, share, low, high`` (of the share, runs resampled), ``null, null_high`` (mean
        and 97.5 % of the shares with states turned in time in each run; for ``region within
        label`` among steps of one label), ``p``
    """
    counted = tables(labels, regions, path, sizes)
    found = told(counted.sum(axis=0))
    spread = told(resampled(counted, N_BOOTSTRAP, rng))
    known = np.where(labels >= 0, labels, -1)
    length = np.full(len(path), path.shape[1])
    null: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(N_SHIFTS):
        turned = told(tables(labels, regions, circular_shifts(path, length, rng), sizes).sum(0))
        within = told(tables(labels, regions, turned_within(path, known, rng), sizes).sum(0))
        for name, values in null.items():
            values.append(float((within if name.endswith("within label") else turned)[name].share))
    rows = []
    for name, value in found.items():
        chance = np.array(null[name])
        low, high = interval(spread[name].share)
        row = {"of": name, "nats": float(value.nats), "share": float(value.share)}
        row |= {"low": low, "high": high, "null": float(chance.mean())}
        row["null_high"] = float(np.quantile(chance, 0.975))
        known_all = np.isfinite([float(value.share), *chance]).all()
        row["p"] = p_value(float(value.share), chance) if known_all else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def region_table(
    model: StateModel, path: Ints, regions: Ints, names: Sequence[str], told_by: Sequence[int]
) -> pd.DataFrame:
    """Say which state is which region.

    Parameters
    ----------
    path, regions : (run, time), of the runs whose regions are known.
    names : of the regions.
    told_by : symbols that tell states apart.

    Returns
    -------
    DataFrame
        One row for each state: ``state, occupancy, mean_dwell`` (steps, of the fitted chain),
        ``label``, its commonest ``region``, for every region its share of the state
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
        row |= {"label": int(latent(model.emission[state], told_by))}
        row["region"] = names[int(table[state].argmax())] if table[state].any() else ""
        for index, name in enumerate(names):
            row |= {f"in_{name}": inside[state, index], f"of_{name}": of[state, index]}
        rows.append(row)
    return pd.DataFrame(rows)
