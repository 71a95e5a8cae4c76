"""What a task allows: the best score a network can have, and how well its states can be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.hmm.models import CategoricalHMM
from hmmlens.networks import baselines
from hmmlens.validation.recovery import agreement

#: Contexts of the n-gram baselines.
NGRAM_ORDERS = (0, 1, 2, 4)


def exact_nll(hmm: CategoricalHMM, symbols: np.ndarray) -> float:
    """Return the mean next-symbol negative log-likelihood (nats) of the exact Bayes filter.

    Parameters
    ----------
    symbols : (sequence, time); the first of each sequence is given, as it is to a network.
    """
    predicted = hmm.filter(symbols).predicted[:, 1:] @ hmm.emissionprob_
    following = np.take_along_axis(predicted, symbols[:, 1:, None], axis=2)
    return float(-np.log(following).mean())


def of_dataset(data: xr.Dataset) -> pd.DataFrame:
    """Return floors, baselines and ceilings of a dataset, on its test split.

    Returns
    -------
    DataFrame
        ``name``, ``role`` (floor, baseline or ceiling), ``metric`` (nll, mse, ari, nmi or
        accuracy) and ``value``. ``exact filter`` and ``exact smoother`` are the Bayes-optimal
        observers that know the generating model.
    """
    split = data["split"].to_numpy()
    train, test = split == 0, split == 2
    inputs, target = data["input"].to_numpy(), data["target"].to_numpy()
    rows: list[tuple[str, str, str, float]] = []
    if data.attrs["input_kind"] == "symbols":
        n_symbols = int(data.attrs["n_symbols"])
        symbols = inputs.astype(np.int64)
        for order in NGRAM_ORDERS:
            nll = baselines.ngram_nll(symbols[train], symbols[test], order, n_symbols)
            rows.append((f"{order}-gram context", "baseline", "nll", nll))
    else:
        inputs, target = inputs.astype(np.float64), target.astype(np.float64)
        rows.append(
            ("mean", "baseline", "mse", baselines.marginal_mse(target[train], target[test]))
        )
        if inputs.shape == target.shape:
            error = baselines.persistence_mse(inputs[test], target[test])
            rows.append(("persistence", "baseline", "mse", error))
        error = baselines.linear_mse(inputs[train], target[train], inputs[test], target[test])
        rows.append(("linear, 10 inputs", "baseline", "mse", error))
    if "floor_mse" in data.attrs:
        rows.append(("exact answer", "floor", "mse", float(data.attrs["floor_mse"])))
    if "transmat" in data:
        hmm = CategoricalHMM.from_parameters(
            *(data[n].to_numpy() for n in ("startprob", "transmat", "emissionprob"))
        )
        rows.append(("exact filter", "floor", "nll", exact_nll(hmm, symbols[test])))
        truth = data["state"].to_numpy()[test]
        observers = {
            "exact filter": hmm.filter(symbols[test]).posteriors,
            "exact smoother": hmm.predict_proba(symbols[test]),
        }
        for name, posterior in observers.items():
            for metric, value in agreement(truth, posterior.argmax(axis=2)).items():
                rows.append((name, "ceiling", metric, value))
    return pd.DataFrame(rows, columns=["name", "role", "metric", "value"])
