"""Choose one model of a sweep by a criterion, and say when the choice means little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.observations import hidden
from hmmlens.stats.ties import first_best, slack

#: Criteria, and whether the smallest or the largest value wins.
CRITERIA = {"bic": "min", "aic": "min", "icl": "min", "held_out": "max"}


class Choice(NamedTuple):
    """What a criterion picks.

    at_edge : the pick is the largest number of states offered (of its covariance type)
    sentence : the choice in words
    """

    criterion: str
    covariance_type: str
    n_states: int
    at_edge: bool
    sentence: str


def best_restarts(results: pd.DataFrame) -> pd.DataFrame:
    """Return the restart with the highest likelihood of each (covariance_type, n_states).

    Of restarts whose likelihoods differ by rounding alone, the first is taken.
    """
    fitted = results.dropna(subset=["log_likelihood"])
    groups = fitted.groupby(["covariance_type", "n_states"], sort=False)["log_likelihood"]
    rows = [values.index[first_best(values)] for _, values in groups]
    return fitted.loc[rows].reset_index(drop=True)


def choose(results: pd.DataFrame, criterion: str = "bic") -> Choice:
    """Choose among all fits of one data set; never across data sets or reducers.

    Of models whose scores differ by rounding alone, the first of the sweep is chosen.

    Raises
    ------
    DataError
        When every fit broke down, or none has the criterion's score.
    """
    table = best_restarts(results)
    if table.empty:
        raise DataError("every fit of the sweep broke down, so no model can be chosen")
    if table[criterion].isna().all():
        raise DataError(f"no fit of the sweep has a {criterion} score, so none can be chosen by it")
    row = table.iloc[first_best(table[criterion], largest=CRITERIA[criterion] == "max")]
    same = table[table["covariance_type"] == row["covariance_type"]]
    n_states = int(row["n_states"])
    at_edge = n_states == same["n_states"].max() and len(same) > 1
    name = {"held_out": "held-out likelihood"}.get(criterion, criterion.upper())
    sentence = f"{name} chooses {n_states} state{'s' if n_states > 1 else ''}"
    if at_edge:
        sentence += ", the most that were offered: no finite number is supported by it"
    return Choice(criterion, str(row["covariance_type"]), n_states, bool(at_edge), sentence + ".")


def smallest_within(n_states: np.ndarray, score: np.ndarray, tolerance: float) -> int:
    """Return the smallest state count whose score is within ``tolerance`` of the best.

    Parameters
    ----------
    n_states, score : (model); a higher score is better, NaN is ignored.
    """
    best = float(np.nanmax(score))
    # A score that lies on the line but for rounding is within the tolerance.
    enough = score >= best - tolerance - slack(best)
    return int(n_states[enough].min())


class SampleSizes(NamedTuple):
    """How many independent observations BIC may count.

    n_frames : all frames, the usual and the largest count
    n_sequences : sequences, the smallest
    n_effective : frames divided by their autocorrelation time
    """

    n_frames: int
    n_sequences: int
    n_effective: float


def sample_sizes(frames: np.ndarray, lengths: np.ndarray) -> SampleSizes:
    """Count the data in three ways.

    The autocorrelation time is 1 + 2 sum of autocorrelations at lags 1, 2, ... up to the first
    that is not positive (Geyer 1992), averaged over components; symbols count by whether they are
    the most frequent one. Lags do not reach across sequences.

    Parameters
    ----------
    frames : (frame, component) values or (frame) symbols, sequences one after another; those
        that a mask leaves out are marked as in :class:`hmmlens.observations.Sequences`.
    lengths : (sequence)
    """
    unseen = hidden(frames)
    if frames.ndim == 1:
        common = frames == np.bincount(frames[~unseen]).argmax()
        frames = np.where(unseen, np.nan, common)[:, None]
    times = [autocorrelation_time(column, lengths) for column in frames.T]
    n_frames = int((~unseen).sum())
    return SampleSizes(n_frames, len(lengths), n_frames / float(np.mean(times)))


def autocorrelation_time(values: np.ndarray, lengths: np.ndarray) -> float:
    """Return the integrated autocorrelation time of ``values`` (frame), 1 or more.

    NaN is left out.
    """
    apart = values - np.nanmean(values)
    variance = float(np.nanmean(apart**2))
    seen = ~np.isnan(apart)
    step = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    time = 1.0
    if variance <= 0:
        return time
    for lag in range(1, int(lengths.max())):
        pairs = lag + np.flatnonzero((step >= lag)[lag:] & seen[lag:] & seen[:-lag])
        if len(pairs) < 2:
            break
        correlation = float((apart[pairs] * apart[pairs - lag]).mean()) / variance
        if correlation <= 0:
            break
        time += 2 * correlation
    return time


class Penalties(NamedTuple):
    """What BIC chooses with each sample size of :class:`SampleSizes`, and that in words."""

    by_frames: int
    by_sequences: int
    by_effective: int
    sentence: str


def bic_by_sample_size(results: pd.DataFrame, sizes: SampleSizes) -> Penalties:
    """Return the state counts that BIC chooses with each of three sample sizes.

    Raises
    ------
    DataError
        When every fit broke down.
    """
    table = best_restarts(results)
    if table.empty:
        raise DataError("every fit of the sweep broke down, so no model can be chosen")
    picks = []
    for size in sizes:
        bic = -2 * table["log_likelihood"] + table["n_parameters"] * np.log(size)
        picks.append(int(table["n_states"].iloc[first_best(bic, largest=False)]))
    frames, sequences, effective = picks
    if len(set(picks)) == 1:
        sentence = f"BIC chooses {_count(frames, 'state')}, whether it counts frames or sequences."
    else:
        sentence = (
            f"BIC chooses {_count(frames, 'state')} if every frame counts (N = {sizes.n_frames}), "
            f"{effective} if correlated frames count once (N = {sizes.n_effective:.0f}), "
            f"{sequences} if sequences do (N = {sizes.n_sequences})."
        )
    return Penalties(frames, sequences, effective, sentence)


#: A state needs so many independent frames, or five for each component, to be told from chance.
FEWEST_FRAMES = 50
#: A restart agrees with the best when its likelihood is this close, relative to its size.
SAME = 0.01


def audit(results: pd.DataFrame, n_components: int, sizes: SampleSizes) -> pd.DataFrame:
    """Return one row for each (covariance_type, n_states) with what makes its fit doubtful.

    Returns
    -------
    DataFrame
        ``covariance_type, n_states, share_near_best`` (restarts whose likelihood is within 1 % of
        the best), ``min_occupancy`` (frames in the rarest state), ``min_effective`` (the same,
        correlated frames counted once; a lower bound, because part of the correlation is the
        chain's own), ``n_floored, n_drops, n_broken`` and ``warning``, empty when nothing is
        wrong.
    """
    worth = sizes.n_effective / sizes.n_frames
    rows = []
    need = max(FEWEST_FRAMES, 5 * n_components)
    for (kind, n_states), group in results.groupby(["covariance_type", "n_states"], sort=False):
        fitted = group[group["log_likelihood"].notna()]
        row: dict[str, object] = {"covariance_type": kind, "n_states": n_states}
        row["n_broken"] = len(group) - len(fitted)
        doubts = []
        if len(fitted) < len(group):
            doubts.append(f"{len(group) - len(fitted)} of {len(group)} restarts broke down")
        if len(fitted):
            likelihood = fitted["log_likelihood"]
            best = fitted.iloc[first_best(likelihood)]
            near = likelihood >= best["log_likelihood"] - SAME * abs(best["log_likelihood"])
            row |= {
                "share_near_best": float(near.mean()),
                "min_occupancy": float(best["min_occupancy"]),
                "min_effective": worth * float(best["min_occupancy"]),
                "n_floored": int(best["n_floored"]),
                "n_drops": int(fitted["n_drops"].sum()),
            }
            if len(fitted) > 1 and near.sum() == 1:
                doubts.append("no other restart comes within 1 % of the best likelihood")
            if worth * best["min_occupancy"] < need:
                doubts.append(
                    f"a state holds {best['min_occupancy']:.0f} frames, worth "
                    f"{worth * best['min_occupancy']:.0f} independent ones; {need} are needed"
                )
            if best["n_floored"]:
                doubts.append(
                    f"{_count(best['n_floored'], 'direction')} without width but the floor"
                )
            if row["n_drops"]:
                doubts.append(f"the likelihood fell in {_count(row['n_drops'], 'step')} of EM")
        rows.append(row | {"warning": "; ".join(doubts)})
    return pd.DataFrame(rows)


def _count(number: object, word: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number} {word}" + ("" if number == 1 else "s")
