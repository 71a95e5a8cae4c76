"""The distribution at which an objective is lowest, and its dependence on the size of the batch.

The value of an objective is random: it depends on the batch that a generator emits, and on the
target's. On average it should be lowest for the target itself. Reference generators, each wrong in
one way or more (:mod:`hmmlens.emulation.analysis.reference_generators`), show where it is lowest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.emulation.analysis.reference_generators import FACTORS, Generator, hand_made, moves
from hmmlens.emulation.analysis.reference_generators import TRUE as TRUE
from hmmlens.emulation.objectives import OBJECTIVES
from hmmlens.seeds import derive_seed
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.paired import student
from hmmlens.typing import Floats, Int64s


@dataclass(frozen=True)
class BiasSettings:
    """Settings of the analysis of an objective's bias.

    Attributes
    ----------
    batches : mapping of int to int
        Sizes of the batch, and samples at each; at the largest one a sample costs seconds.
    n_bootstrap : int
        Resamples of the samples.
    n_grid : int
        Points at which a fitted curve is evaluated.
    """

    batches: Mapping[int, int] = field(
        default_factory=lambda: {256: 32, 512: 24, 1024: 16, 2048: 8, 4096: 4}
    )
    n_bootstrap: int = 500
    n_grid: int = 2001


def values(
    hmm: HMMParameters,
    n_steps: int,
    seed: int,
    objectives: Iterable[str] = tuple(OBJECTIVES),
    batches: Mapping[int, int] | None = None,
    generators: Mapping[str, Generator] | None = None,
) -> pd.DataFrame:
    """Sample values of objectives.

    In a sample all generators are compared with the same batch of the target, so that the
    randomness of that batch cancels in their differences.

    Parameters
    ----------
    hmm : HMMParameters
        The target.
    n_steps : int
        Length of the sequences.
    seed : int
        Seed of all batches.
    objectives : iterable of str
        Names of :data:`hmmlens.emulation.objectives.OBJECTIVES`.
    batches : mapping of int to int, optional
        Sizes of the batch, and samples at each; those of :class:`BiasSettings` by default.
    generators : mapping of str to Generator, optional
        Generators by name; those of
        :func:`hmmlens.emulation.analysis.reference_generators.hand_made` by default.

    Returns
    -------
    DataFrame
        ``objective, generator, n, draw, value``
    """
    batches = BiasSettings().batches if batches is None else batches
    generators = hand_made(hmm) if generators is None else generators
    n_symbols = hmm.emissionprob.shape[1]
    rows: list[dict[str, Any]] = []
    for n, n_draws in batches.items():
        for number in range(n_draws):
            rng = np.random.default_rng(derive_seed(seed, "bias", n, number))
            target = _hot(sample_hmm(hmm, n, n_steps, rng)[0], n_symbols)
            for name, generator in generators.items():
                emitted = _hot(generator(n, n_steps, rng), n_symbols)
                for objective in objectives:
                    with torch.inference_mode():
                        value = float(OBJECTIVES[objective](emitted, target))
                    row = {"objective": objective, "generator": name, "n": n, "draw": number}
                    rows.append(row | {"value": value})
    return pd.DataFrame(rows)


def _hot(symbols: Int64s, n_symbols: int) -> torch.Tensor:
    return one_hot(torch.from_numpy(symbols), n_symbols).float()


def summary(samples: pd.DataFrame) -> pd.DataFrame:
    """Return where each objective is lowest.

    Parameters
    ----------
    samples : DataFrame
        Result of :func:`values`.

    Returns
    -------
    DataFrame
        ``objective, n, generator, value, low, high`` (Student's interval over samples), ``excess``
        over the target in the same samples with ``excess_low, excess_high`` (below 0: the objective
        is lower than for the target), ``lowest`` (whether its mean is the lowest of all), ``wins``
        (share of samples in which it is), ``n_draws``
    """
    rows = []
    for (objective, n), part in samples.groupby(["objective", "n"], sort=False):
        wide = part.pivot(index="draw", columns="generator", values="value")
        wide = wide[list(dict.fromkeys(part["generator"]))]
        best, first = wide.mean().idxmin(), wide.idxmin(axis=1)
        for name in wide:
            value, low, high = student(wide[name])
            row = {"objective": objective, "n": n, "generator": name}
            row |= {"value": value, "low": low, "high": high}
            row |= dict(zip(("excess", "excess_low", "excess_high"),
                            student(wide[name] - wide[TRUE]), strict=True))  # fmt: skip
            row |= {"lowest": name == best, "wins": float((first == name).mean())}
            rows.append(row | {"n_draws": len(wide)})
    return pd.DataFrame(rows)


def best_factor(
    samples: pd.DataFrame,
    rng: np.random.Generator,
    settings: BiasSettings = BiasSettings(),
) -> pd.DataFrame:
    """Return the factor on the target's transition rate at which each objective is lowest.

    The minimum of a cubic in the log of the factor on the probabilities of leaving a state, fitted
    to the means of :func:`values` over the generators that differ from the target in that alone.

    Parameters
    ----------
    samples : DataFrame
        Result of :func:`values`.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : BiasSettings
        Numbers of resamples and points.

    Returns
    -------
    DataFrame
        ``objective, n, factor, low, high`` (samples resampled; 1 is unbiased), ``at_edge``, whether
        the minimum lies at the smallest or largest factor that was tried, or beyond it
    """
    rows = []
    for (objective, n), part in samples.groupby(["objective", "n"], sort=False):
        wide = part.pivot(index="draw", columns="generator", values="value")
        names = {TRUE: 1.0} | {moves(factor): factor for factor in FACTORS}
        factors = np.array(sorted(names[name] for name in wide if name in names))
        if len(factors) < 4:
            continue
        order = sorted((name for name in wide if name in names), key=lambda name: names[name])
        table = wide[order].to_numpy()
        best = _lowest(factors, table.mean(axis=0), settings.n_grid)
        again = rng.integers(len(table), size=(settings.n_bootstrap, len(table)))
        lowest = [_lowest(factors, table[some].mean(axis=0), settings.n_grid) for some in again]
        low, high = interval(lowest)
        row = {"objective": objective, "n": n, "factor": best, "low": low, "high": high}
        edge = bool(np.isclose(best, factors[[0, -1]]).any())
        rows.append(row | {"at_edge": edge})
    return pd.DataFrame(rows)


def _lowest(factors: Floats, means: Floats, n_grid: int) -> float:
    """Return where a polynomial in log(factor) is lowest, within the factors."""
    logs = np.log(factors)
    # Too few transitions cost more than too many, which a parabola cannot represent.
    curve = np.polyfit(logs, means, min(3, len(factors) - 2))
    fine = np.linspace(logs[0], logs[-1], n_grid)
    return float(np.exp(fine[np.polyval(curve, fine).argmin()]))


def shrinkage(
    samples: pd.DataFrame,
    rng: np.random.Generator,
    settings: BiasSettings = BiasSettings(),
) -> pd.DataFrame:
    """Return how the bias shrinks as the batch grows.

    Two numbers per objective: the ``value at the target``, which should be 0, and the ``gain of
    the best other``, the difference of the target and the lowest other generator (0 where none is
    lower). Each is fitted by a power of the size of the batch.

    Parameters
    ----------
    samples : DataFrame
        Result of :func:`values`.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : BiasSettings
        Numbers of resamples and points.

    Returns
    -------
    DataFrame
        ``objective, of, power, power_low, power_high`` (samples resampled), ``smallest_n,
        at_smallest, largest_n, at_largest``. The power is NaN where a number is not above 0
        at every size.
    """
    rows = []
    for objective, part in samples.groupby("objective", sort=False):
        tables = []
        for _, table in part.groupby("n"):
            wide = table.pivot(index="draw", columns="generator", values="value")
            tables.append(wide[[TRUE, *wide.columns.drop(TRUE)]].to_numpy())
        sizes = np.array(sorted(part["n"].unique()), dtype=np.float64)
        again = [
            [table[rng.integers(len(table), size=len(table))].mean(axis=0) for table in tables]
            for _ in range(settings.n_bootstrap)
        ]
        for name, number in NUMBERS.items():
            numbers = np.array([number(table.mean(axis=0)) for table in tables])
            power = _power(sizes, numbers)
            spread = [_power(sizes, np.array([number(row) for row in means])) for means in again]
            kept = [p for p in spread if np.isfinite(p)]
            low, high = interval(kept) if np.isfinite(power) and len(kept) else (np.nan, np.nan)
            row = {"objective": objective, "of": name}
            row |= {"power": power, "power_low": low, "power_high": high}
            row |= {"smallest_n": int(sizes[0]), "at_smallest": numbers[0]}
            rows.append(row | {"largest_n": int(sizes[-1]), "at_largest": numbers[-1]})
    return pd.DataFrame(rows)


#: Measures of bias, of the mean values of one size (generator), the target's first.
NUMBERS: dict[str, Callable[[Floats], float]] = {
    "value at the target": lambda means: float(means[0]),
    "gain of the best other": lambda means: max(0.0, float(means[0] - means[1:].min())),
}


def _power(sizes: Floats, numbers: Floats) -> float:
    """Return the slope of log(number) on log(size); NaN where one is not above 0."""
    if len(sizes) < 2 or (numbers <= 0).any():
        return np.nan
    return float(np.polyfit(np.log(sizes), np.log(numbers), 1)[0])
