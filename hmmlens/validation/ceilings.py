"""The limits of a task: the best score of any network, and how well its states can be known."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.ragged import steps_inside, without_padding
from hmmlens.stats.agreement import agreement
from hmmlens.stats.bootstrap import Estimate, mean_estimate
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Floats
from hmmlens.validation.baselines import constant

#: The loss of a task by the kind of its target, and the name of the best constant answer by loss.
METRICS = {"symbols": "nll", "values": "mse"}
MARGINAL = {"nll": "0-gram context", "mse": "mean"}


@dataclass(frozen=True)
class CeilingSettings:
    """Settings of the limits of a task.

    Attributes
    ----------
    ngram_orders : tuple of int
        Context lengths of the n-gram baselines; 0 is the best constant answer, which is needed.
    n_lags : int
        Inputs that the linear and the logistic baseline read.
    hankel_length : int
        Length of the longest words of the Hankel matrix.
    n_rate_sequences, n_rate_steps : int
        Sequences, and steps of each, that are sampled for the entropy rate.
    rate_burn_in : int
        First steps of these sequences that are excluded.
    """

    ngram_orders: tuple[int, ...] = (0, 1, 2, 4)
    n_lags: int = 10
    hankel_length: int = 5
    n_rate_sequences: int = 200
    n_rate_steps: int = 500
    rate_burn_in: int = 100


DEFAULT_CEILINGS = CeilingSettings()


def exact_nll(hmm: CategoricalHMM, symbols: np.ndarray, length: np.ndarray | None = None) -> float:
    """Return the mean next-symbol negative log-likelihood of the exact Bayes filter.

    Parameters
    ----------
    hmm : CategoricalHMM
        The generating model.
    symbols : ndarray of shape (sequence, time)
        Symbols; the first of each sequence is not predicted, as by a network.
    length : ndarray of shape (sequence,), optional
        Number of steps; None where no sequence is padded.

    Returns
    -------
    float
        In nats.

    Examples
    --------
    >>> from hmmlens import CategoricalHMM
    >>> coin = CategoricalHMM.from_parameters(np.ones(1), np.ones((1, 1)), np.array([[0.5, 0.5]]))
    >>> round(exact_nll(coin, np.array([[0, 1, 1, 0]])), 3)
    0.693
    """
    return float(np.nanmean(_surprise(hmm, symbols, length)[:, 1:]))


def _surprise(hmm: CategoricalHMM, symbols: np.ndarray, length: np.ndarray | None = None) -> Floats:
    """Return -log P(symbol | those before it) (sequence, time) in nats, NaN past each end."""
    inside = steps_inside(length, *symbols.shape)
    predicted = hmm.filter(symbols, length).predicted[inside] @ hmm.emissionprob_
    surprise: Floats = np.full(symbols.shape, np.nan)
    surprise[inside] = -np.log(predicted[np.arange(len(predicted)), symbols[inside]])
    return surprise


def entropy_rate(
    hmm: CategoricalHMM, rng: np.random.Generator, settings: CeilingSettings = DEFAULT_CEILINGS
) -> Estimate:
    """Return the entropy rate of a model, from a long run of its own.

    The mean surprise of the exact filter after a burn-in (Shannon, McMillan and Breiman). The
    interval takes sequences as the unit.

    Parameters
    ----------
    hmm : CategoricalHMM
        The model.
    rng : numpy.random.Generator
        Source of the run.
    settings : CeilingSettings, optional
        Length of the run and its burn-in.

    Returns
    -------
    Estimate
        In nats per symbol.

    Examples
    --------
    >>> from hmmlens import CategoricalHMM
    >>> coin = CategoricalHMM.from_parameters(np.ones(1), np.ones((1, 1)), np.array([[0.5, 0.5]]))
    >>> round(entropy_rate(coin, np.random.default_rng(0)).value, 3)
    0.693
    """
    parameters = HMMParameters(hmm.startprob_, hmm.transmat_, hmm.emissionprob_)
    symbols, _ = sample_hmm(parameters, settings.n_rate_sequences, settings.n_rate_steps, rng)
    return mean_estimate(_surprise(hmm, symbols)[:, settings.rate_burn_in :].mean(axis=1))


def hankel_singular_values(
    hmm: CategoricalHMM, length: int = DEFAULT_CEILINGS.hankel_length
) -> Floats:
    """Return the singular values of the Hankel matrix, as shares of the largest.

    Its entries are P(u v) in the stationary process, for all words u and v of up to ``length``
    symbols, the empty one too (Hsu, Kakade & Zhang 2012). The faster they fall, the harder the
    states are to find from the output; one that is 0 is a state that no output reveals.

    Parameters
    ----------
    hmm : CategoricalHMM
        The model.
    length : int, optional
        Length of the longest words.

    Returns
    -------
    ndarray of shape (state,)
        Falling from 1.

    Examples
    --------
    Two states that emit alike are one state:

    >>> from hmmlens import CategoricalHMM
    >>> transmat = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> model = CategoricalHMM.from_parameters(np.full(2, 0.5), transmat, np.full((2, 2), 0.5))
    >>> hankel_singular_values(model).round(3).tolist()
    [1.0, 0.0]
    """
    past, future = [hmm.get_stationary_distribution()], [np.ones(len(hmm.startprob_))]
    # By length: P(u, state before the next symbol) and P(v | state that emits its first symbol).
    for words, move in ((past, _append), (future, _prepend)):
        layer = words[:]
        for _ in range(length):
            layer = [
                move(hmm, word, symbol)
                for word, symbol in itertools.product(layer, range(hmm.emissionprob_.shape[1]))
            ]
            words += layer
    # H = P F', whose singular values are those of the product of the two triangular factors.
    left, right = (np.linalg.qr(np.array(words))[1] for words in (past, future))
    values: Floats = np.linalg.svd(left @ right.T)[1]
    shares: Floats = values / values[0]
    return shares


def _append(hmm: CategoricalHMM, distribution: Floats, symbol: int) -> Floats:
    moved: Floats = (distribution * hmm.emissionprob_[:, symbol]) @ hmm.transmat_
    return moved


def _prepend(hmm: CategoricalHMM, distribution: Floats, symbol: int) -> Floats:
    moved: Floats = hmm.emissionprob_[:, symbol] * (hmm.transmat_ @ distribution)
    return moved


def observers(
    hmm: CategoricalHMM,
    symbols: np.ndarray,
    truth_of: np.ndarray,
    length: np.ndarray | None = None,
) -> dict[str, Floats]:
    """Return the knowledge of the true state of observers who know the model.

    Parameters
    ----------
    hmm : CategoricalHMM
        The generating model.
    symbols : ndarray of shape (sequence, time)
        Symbols.
    truth_of : ndarray of shape (state,)
        The true state for which each of the model's states stands.
    length : ndarray of shape (sequence,), optional
        Number of steps; None where no sequence is padded.

    Returns
    -------
    dict of str to ndarray of shape (sequence, time, truth)
        ``exact filter`` uses the past, ``exact smoother`` the future too.
    """
    lump = np.eye(int(truth_of.max()) + 1)[truth_of]
    return {
        "exact filter": hmm.filter(symbols, length).posteriors @ lump,
        "exact smoother": hmm.smooth(symbols, length)[0] @ lump,
    }


def model_of(data: xr.Dataset) -> CategoricalHMM:
    """Return the hidden Markov model from which a dataset was sampled.

    Parameters
    ----------
    data : Dataset
        ``startprob``, ``transmat`` and ``emissionprob``.

    Returns
    -------
    CategoricalHMM
        The generating model.
    """
    parameters = (data[n].to_numpy() for n in ("startprob", "transmat", "emissionprob"))
    return CategoricalHMM.from_parameters(*parameters)


def of_dataset(
    data: xr.Dataset, seed: int = 0, settings: CeilingSettings = DEFAULT_CEILINGS
) -> pd.DataFrame:
    """Return floors, baselines and ceilings of a dataset, on its test split.

    Parameters
    ----------
    data : Dataset
        The ``sequences`` store.
    seed : int, optional
        Seed of the run on which the entropy rate is measured.
    settings : CeilingSettings, optional
        Baselines, words of the Hankel matrix, and the run for the entropy rate.

    Returns
    -------
    DataFrame
        ``name``, ``role`` (floor, baseline, ceiling or target), ``metric`` (nll, mse, a score of
        :data:`hmmlens.stats.agreement.SCORES`, or singular_value), ``value``, and its interval
        ``low`` and ``high`` where it has one. ``exact filter`` and ``exact smoother`` are the
        Bayes-optimal observers that know the generating model.
    """
    data = without_padding(data)
    rows = _baselines(data, settings)
    for metric in ("nll", "mse"):
        if f"floor_{metric}" in data.attrs:
            rows.append(("exact answer", "floor", metric, float(data.attrs[f"floor_{metric}"])))
    table = pd.DataFrame(rows, columns=["name", "role", "metric", "value"])
    if "transmat" in data:
        table = pd.concat([table, _of_model(data, seed, settings)], ignore_index=True)
    return table.reindex(columns=[*table.columns[:4], "low", "high"])


def _baselines(data: xr.Dataset, settings: CeilingSettings) -> list[tuple[str, str, str, float]]:
    split = data["split"].to_numpy()
    train, test = split == 0, split == 2
    inputs, target = data["input"].to_numpy(), data["target"].to_numpy()
    if data.attrs["target_kind"] == "symbols":
        symbols_in = data.attrs["input_kind"] == "symbols"
        n = int(data.attrs.get("n_symbols", 0))
        n_targets = int(data.attrs.get("n_target_symbols", n))
        split_up = (inputs[train], target[train], inputs[test], target[test])
        scores = {
            f"{k}-gram context": constant.ngram_nll(*split_up, k, n, n_targets)
            for k in (settings.ngram_orders if symbols_in else (0,))
        }
        if not symbols_in:
            values = _scaled(data)
            split_up = (values[train], target[train], values[test], target[test])
            scores[f"logistic, {settings.n_lags} inputs"] = constant.logistic_nll(
                *split_up, n_targets, settings.n_lags
            )
        return [(name, "baseline", "nll", score) for name, score in scores.items()]
    if data.attrs["input_kind"] == "symbols":
        inputs = given = np.eye(int(data.attrs["n_symbols"]))[inputs]
    else:
        given = _scaled(data)
    inputs, target = inputs.astype(np.float64), target.astype(np.float64)
    scores = {"mean": constant.marginal_mse(target[train], target[test])}
    if inputs.shape == target.shape:
        scores["persistence"] = constant.persistence_mse(inputs[test], target[test])
    scores[f"linear, {settings.n_lags} inputs"] = constant.linear_mse(
        given[train], target[train], given[test], target[test], settings.n_lags
    )
    return [(name, "baseline", "mse", score) for name, score in scores.items()]


def _scaled(data: xr.Dataset) -> Floats:
    """Return the inputs (sequence, time, feature) of a control, scaled by train."""
    inputs = data["input"].to_numpy()
    inside = steps_inside(data["length"].to_numpy(), *inputs.shape[:2])
    return scaled(inputs, inside, data["split"].to_numpy() == 0)


def _of_model(data: xr.Dataset, seed: int, settings: CeilingSettings) -> pd.DataFrame:
    test = data["split"].to_numpy() == 2
    symbols, length = (data[name].to_numpy()[test].astype(np.int64) for name in ("input", "length"))
    hmm, truth = model_of(data), data["state"].to_numpy()[test]
    rate = entropy_rate(hmm, np.random.default_rng(seed), settings)
    rows: list[tuple[str, str, str, float, float, float]] = [
        ("exact filter", "floor", "nll", exact_nll(hmm, symbols, length), np.nan, np.nan),
        ("entropy rate", "target", "nll", *rate),
    ]
    for i, value in enumerate(hankel_singular_values(hmm, settings.hankel_length)):
        name = f"Hankel {i + 1}"
        rows.append((name, "target", "singular_value", float(value), np.nan, np.nan))
    # The truth is -1 past each end, where nothing is compared.
    known = observers(hmm, symbols, data["truth_of"].to_numpy(), length)
    for name, posterior in known.items():
        for metric, score in agreement(truth, posterior.argmax(axis=2)).items():
            rows.append((name, "ceiling", metric, score, np.nan, np.nan))
    return pd.DataFrame(rows, columns=["name", "role", "metric", "value", "low", "high"])
