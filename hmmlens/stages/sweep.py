"""Sweep: hidden Markov models of every size on one reduced store."""

from __future__ import annotations

from typing import Any

import xarray as xr

from hmmlens.hmm import storage


def fit_models(reduced: xr.Dataset, settings: dict[str, Any], seed: int) -> xr.Dataset:
    """Fit all state counts, covariance types and restarts to the train split.

    Parameters
    ----------
    reduced : Dataset
        A ``reduced`` store.
    settings : dict
        Arguments of :class:`hmmlens.HMMSweep`, as in :class:`hmmlens.hmm.settings.Sweep`.
    seed : int
        Seed of the initialisations.

    Returns
    -------
    Dataset
        The ``sweep`` store.
    """
    return storage.fit(reduced, **{**settings, "random_state": seed})
