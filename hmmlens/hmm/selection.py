"""Choose one model of a sweep by a criterion, and report when the choice means little."""

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
    """The model that a criterion chooses.

    Attributes
    ----------
    criterion : str
        ``bic``, ``aic``, ``icl`` or ``held_out``.
    covariance_type : str
        Covariance type of the model.
    n_states : int
        Number of states of the model.
    at_edge : bool
        Whether no larger number of states was fitted with this covariance type.
    sentence : str
        The choice as a sentence.
    """

    criterion: str
    covariance_type: str
    n_states: int
    at_edge: bool
    sentence: str


def best_restarts(results: pd.DataFrame) -> pd.DataFrame:
    """Return the restart with the highest likelihood of each (covariance_type, n_states).

    Of restarts whose likelihoods differ by rounding alone, the first is taken.

    Parameters
    ----------
    results : DataFrame
        ``results_`` of an :class:`hmmlens.HMMSweep`.

    Returns
    -------
    DataFrame
        One row per model; those of which every restart broke down are absent.

    Examples
    --------
    >>> import pandas as pd
    >>> results = pd.DataFrame(
    ...     {"covariance_type": "tied", "n_states": [2, 2], "log_likelihood": [-70.0, -60.0]}
    ... )
    >>> best_restarts(results)["log_likelihood"].tolist()
    [-60.0]
    """
    fitted = results.dropna(subset=["log_likelihood"])
    groups = fitted.groupby(["covariance_type", "n_states"], sort=False)["log_likelihood"]
    rows = [values.index[first_best(values)] for _, values in groups]
    return fitted.loc[rows].reset_index(drop=True)


def choose(results: pd.DataFrame, criterion: str = "bic") -> Choice:
    """Choose among all fits of one data set; never across data sets or reducers.

    Of models whose scores differ by rounding alone, the first of the sweep is chosen.

    Parameters
    ----------
    results : DataFrame
        ``results_`` of an :class:`hmmlens.HMMSweep`.
    criterion : str, default="bic"
        ``bic``, ``aic``, ``icl`` or ``held_out``.

    Returns
    -------
    Choice
        The covariance type, the number of states, and a sentence.

    Raises
    ------
    DataError
        When every fit broke down, or none has the criterion's score.

    Examples
    --------
    >>> import pandas as pd
    >>> from hmmlens import choose
    >>> results = pd.DataFrame(
    ...     {
    ...         "covariance_type": "tied",
    ...         "n_states": [1, 2, 3],
    ...         "log_likelihood": [-90.0, -60.0, -59.0],
    ...         "bic": [190.0, 140.0, 150.0],
    ...     }
    ... )
    >>> choose(results).sentence
    'BIC chooses 2 states.'
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


def smallest_count_near_best(n_states: np.ndarray, score: np.ndarray, tolerance: float) -> int:
    """Return the smallest state count whose score is within ``tolerance`` of the best.

    Parameters
    ----------
    n_states : ndarray of int of shape (model,)
        State counts.
    score : ndarray of shape (model,)
        The higher the better; NaN is ignored.
    tolerance : float
        Largest difference from the best score.

    Returns
    -------
    int
        A state count.
    """
    best = float(np.nanmax(score))
    # A score that lies on the line but for rounding is within the tolerance.
    enough = score >= best - tolerance - slack(best)
    return int(n_states[enough].min())


class SampleSizes(NamedTuple):
    """Numbers of independent observations that BIC may count.

    Attributes
    ----------
    n_frames : int
        All frames, the usual and the largest count.
    n_sequences : int
        Sequences, the smallest count.
    n_effective : float
        Frames divided by their autocorrelation time.
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
    frames : ndarray of shape (frame, component), or (frame,) of symbols
        Sequences one after another; frames that a mask excludes are marked as in
        :class:`hmmlens.observations.Sequences`.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    SampleSizes
        The three counts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frames = np.repeat(rng.normal(size=(100, 1)), 10, axis=0)
    >>> sizes = sample_sizes(frames, np.array([500, 500]))
    >>> sizes.n_frames, sizes.n_sequences, sizes.n_effective < 500
    (1000, 2, True)
    """
    unseen = hidden(frames)
    if frames.ndim == 1:
        common = frames == np.bincount(frames[~unseen]).argmax()
        frames = np.where(unseen, np.nan, common)[:, None]
    times = [autocorrelation_time(column, lengths) for column in frames.T]
    n_frames = int((~unseen).sum())
    return SampleSizes(n_frames, len(lengths), n_frames / float(np.mean(times)))


def autocorrelation_time(values: np.ndarray, lengths: np.ndarray) -> float:
    """Return the integrated autocorrelation time of a series.

    Parameters
    ----------
    values : ndarray of shape (frame,)
        Sequences one after another; NaN is left out.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.

    Returns
    -------
    float
        In frames, 1 or more.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> autocorrelation_time(rng.normal(size=1000), np.array([1000])) < 1.5
    True
    """
    deviation = values - np.nanmean(values)
    variance = float(np.nanmean(deviation**2))
    seen = ~np.isnan(deviation)
    step = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    time = 1.0
    if variance <= 0:
        return time
    # Of whole sequences of one length, pairs are slices, which is several times faster.
    whole = deviation.reshape(len(lengths), -1) if seen.all() and len(set(lengths)) == 1 else None
    for lag in range(1, int(lengths.max())):
        if whole is not None:
            products = (whole[:, lag:] * whole[:, :-lag]).ravel()
        else:
            pairs = lag + np.flatnonzero((step >= lag)[lag:] & seen[lag:] & seen[:-lag])
            products = deviation[pairs] * deviation[pairs - lag]
        if len(products) < 2:
            break
        correlation = float(products.mean()) / variance
        if correlation <= 0:
            break
        time += 2 * correlation
    return time


class Penalties(NamedTuple):
    """State counts that BIC chooses with each of :class:`SampleSizes`, and a sentence."""

    by_frames: int
    by_sequences: int
    by_effective: int
    sentence: str


def bic_by_sample_size(results: pd.DataFrame, sizes: SampleSizes) -> Penalties:
    """Return the state counts that BIC chooses with each of three sample sizes.

    Parameters
    ----------
    results : DataFrame
        ``results_`` of an :class:`hmmlens.HMMSweep`.
    sizes : SampleSizes
        Sample sizes of the data.

    Returns
    -------
    Penalties
        Three state counts and a sentence.

    Raises
    ------
    DataError
        When every fit broke down.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens import HMMSweep
    >>> states = np.tile(np.arange(60) // 10 % 2, (8, 1))
    >>> frames = 4.0 * states[..., None] + np.random.default_rng(0).normal(size=(8, 60, 1))
    >>> sweep = HMMSweep([1, 2]).fit(frames)
    >>> bic_by_sample_size(sweep.results_, sweep.sample_sizes_)[:3]
    (2, 2, 2)
    """
    table = best_restarts(results)
    if table.empty:
        raise DataError("every fit of the sweep broke down, so no model can be chosen")
    chosen = []
    for size in sizes:
        bic = -2 * table["log_likelihood"] + table["n_parameters"] * np.log(size)
        chosen.append(int(table["n_states"].iloc[first_best(bic, largest=False)]))
    frames, sequences, effective = chosen
    if len(set(chosen)) == 1:
        sentence = f"BIC chooses {counted(frames, 'state')}, whether it counts frames or sequences."
    else:
        sentence = (
            f"BIC chooses {counted(frames, 'state')} if every frame counts (N = {sizes.n_frames}), "
            f"{effective} if correlated frames count once (N = {sizes.n_effective:.0f}), "
            f"{sequences} if sequences do (N = {sizes.n_sequences})."
        )
    return Penalties(frames, sequences, effective, sentence)


def counted(number: object, word: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Parameters
    ----------
    number : object
        A whole number.
    word : str
        The noun in the singular.

    Returns
    -------
    str
        For a sentence.
    """
    return f"{number} {word}" + ("" if number == 1 else "s")
