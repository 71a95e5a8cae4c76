"""Stability of states over initialisations of EM, resampled sequences, and trainings.

Agreement is the mean adjusted Rand index over all pairs of labellings of the test steps. A low
value means that the states are an accident of the fit; a high one does not mean that they are
discrete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.models import GaussianHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.stats.agreement import rand_index
from hmmlens.typing import Ints
from hmmlens.validation.baselines.methods import Layer
from hmmlens.validation.chosen_model import (
    DEFAULT_CHECKS,
    Check,
    CheckFunction,
    CheckSettings,
    Chosen,
    unknown,
)


def pairwise(paths: Sequence[Ints]) -> NDArray[np.float64]:
    """Return the adjusted Rand index of each pair of labellings.

    Parameters
    ----------
    paths : sequence of ndarray of shape (sequence, time)
        Labellings; steps where either of a pair is below 0 are ignored.

    Returns
    -------
    ndarray of shape (pair,)
        Adjusted Rand indices.

    Examples
    --------
    >>> paths = [np.array([[0, 0, 1, 1]]), np.array([[1, 1, 0, 0]]), np.array([[0, 1, 0, 1]])]
    >>> pairwise(paths).round(2).tolist()
    [1.0, -0.5, -0.5]
    """
    return np.array([rand_index(one, other) for one, other in combinations(paths, 2)])


def refits(
    train: Layer,
    test: Layer,
    covariance_type: str,
    n_states: int,
    rng: np.random.Generator,
    resampled: bool = False,
    settings: CheckSettings = DEFAULT_CHECKS,
) -> list[NDArray[np.int64]]:
    """Return filtered states of test by several fits to train.

    Parameters
    ----------
    train, test : Layer
        Activations.
    covariance_type : str
        Covariance type of the models.
    n_states : int
        Number of states.
    rng : numpy.random.Generator
        Source of initialisations and resamples.
    resampled : bool, optional
        Whether each fit has its own resample of train's sequences as well as its own
        initialisations.
    settings : CheckSettings, optional
        Number of fits and of initialisations.

    Returns
    -------
    list of ndarray of shape (sequence, time)
        The states of each fit, -1 past a sequence's end.
    """
    paths = []
    for _ in range(settings.n_fits):
        rows = rng.choice(len(train.length), len(train.length)) if resampled else slice(None)
        seed = int(rng.integers(2**31))
        sweep = HMMSweep(
            [n_states],
            (covariance_type,),
            n_restarts=settings.n_initialisations,
            wide_initialisation=False,
            random_state=seed,
        )
        sweep.fit(train.values[rows], train.length[rows])
        model = sweep.models_[covariance_type, n_states]
        path = model.filter(test.values, test.length).posteriors.argmax(axis=2)
        paths.append(np.where(test.inside, path, -1))
    return paths


def restarts(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether other initialisations of EM find the same states.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the initialisations.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The mean pairwise agreement.
    """
    return _row(
        pairwise(_refits(chosen, rng, False, settings)),
        f"{settings.n_fits} fits from other starts",
        settings,
    )


def bootstraps(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether resampled train sequences give the same states.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The mean pairwise agreement.
    """
    return _row(
        pairwise(_refits(chosen, rng, True, settings)),
        f"{settings.n_fits} fits to resampled sequences",
        settings,
    )


CHECKS: Mapping[str, CheckFunction] = {
    "other starts": restarts,
    "resampled sequences": bootstraps,
}


def trainings(paths: Sequence[Ints], settings: CheckSettings = DEFAULT_CHECKS) -> Check:
    """Test whether networks that were trained alike have the same states.

    Parameters
    ----------
    paths : sequence of ndarray of shape (sequence, time)
        For each training, the states of the same test sequences.
    settings : CheckSettings, optional
        The smallest agreement of states that count as the same.

    Returns
    -------
    Check
        The mean pairwise agreement.
    """
    if len(paths) < 2:
        return unknown("One training has no other to agree with.")
    if len({path.shape for path in paths}) > 1:
        return unknown("The trainings were not recorded on the same sequences.")
    return _row(pairwise(paths), f"{len(paths)} trainings", settings)


def _refits(
    chosen: Chosen, rng: np.random.Generator, resampled: bool, settings: CheckSettings
) -> list[NDArray[np.int64]]:
    train, test = (
        Layer(chosen.values[part], chosen.length[part])
        for part in (chosen.split == 0, chosen.split == 2)
    )
    # Activations are values, so their model is Gaussian.
    kind = cast(GaussianHMM, chosen.model).covariance_type
    return refits(train, test, kind, chosen.n_states, rng, resampled, settings)


def _row(indices: NDArray[np.float64], what: str, settings: CheckSettings) -> Check:
    mean, low, high = float(indices.mean()), float(indices.min()), float(indices.max())
    holds = mean >= settings.stable
    text = (
        f"The states of {what} agree with ARI {mean:.2f} on average ({low:.2f} to {high:.2f}; "
        f"{settings.stable:g} wanted): {'the same states' if holds else 'not the same states'}."
    )
    return Check("", "mean pairwise ARI", mean, low, high, np.nan, holds, text)
