"""Sweep: hidden Markov models of every size on one reduced store."""

from __future__ import annotations

from typing import Any

import xarray as xr

from hmmlens.futures.summary import Summary
from hmmlens.hmm import storage
from hmmlens.validation.certified import certified_by
from hmmlens.validation.certified_model import with_certified


def fit_models(
    reduced: xr.Dataset, settings: dict[str, Any], seed: int, futures: Summary | None = None
) -> xr.Dataset:
    """Fit all state counts, covariance types and restarts to the train split.

    Parameters
    ----------
    reduced : Dataset
        A ``reduced`` store.
    settings : dict
        Arguments of :class:`hmmlens.HMMSweep`, as in :class:`hmmlens.hmm.settings.Sweep`.
    seed : int
        Seed of the initialisations.
    futures : Summary, optional
        Futures of the network. The number of states that they certify is fitted too, where it is
        not among those of the settings.

    Returns
    -------
    Dataset
        The ``sweep`` store; see :func:`hmmlens.validation.certified_model.with_certified`.
    """
    certified = certified_by(futures)
    if certified is not None and certified.n_states not in settings["n_states"]:
        counts = sorted([*settings["n_states"], certified.n_states])
        settings = {**settings, "n_states": counts}
    sweep = storage.fit(reduced, **{**settings, "random_state": seed})
    return sweep if certified is None else with_certified(sweep, reduced, certified)
