"""Whether the same states come again: from other starts, other sequences, other trainings (M12).

Agreement is the mean adjusted Rand index over all pairs of labellings of the test steps. One that
is low says that the states are an accident of the fit; one that is high does not say that they are
discrete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.models import GaussianHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.stats.agreement import rand_index
from hmmlens.typing import Ints
from hmmlens.validation.baselines.methods import Layer
from hmmlens.validation.chosen_model import Check, Chosen, unknown

#: Fits that are compared, and the starts of each, of which the likeliest counts.
N_FITS, N_STARTS = 5, 4
#: Agreement from which states count as the same.
STABLE = 0.8


def pairwise(paths: Sequence[Ints]) -> NDArray[np.float64]:
    """Return the adjusted Rand index of each pair of labellings (sequence, time).

    Steps where either is below 0 are left out.
    """
    return np.array([rand_index(one, other) for one, other in combinations(paths, 2)])


def refits(
    train: Layer,
    test: Layer,
    covariance_type: str,
    n_states: int,
    rng: np.random.Generator,
    resampled: bool = False,
) -> list[NDArray[np.int64]]:
    """Return filtered states (sequence, time) of test by :data:`N_FITS` fits to train.

    Parameters
    ----------
    resampled : whether each fit has its own resample of train's sequences, beside its own starts.
    """
    paths = []
    for _ in range(N_FITS):
        rows = rng.choice(len(train.length), len(train.length)) if resampled else slice(None)
        seed = int(rng.integers(2**31))
        sweep = HMMSweep(
            [n_states],
            (covariance_type,),
            n_restarts=N_STARTS,
            wide_initialisation=False,
            random_state=seed,
        )
        sweep.fit(train.values[rows], train.length[rows])
        model = sweep.models_[covariance_type, n_states]
        path = model.filter(test.values, test.length).posteriors.argmax(axis=2)
        paths.append(np.where(test.inside, path, -1))
    return paths


def restarts(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether other starts of EM find the same states."""
    return _told(pairwise(_refits(chosen, rng, False)), f"{N_FITS} fits from other starts")


def bootstraps(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether resampled train sequences give the same states."""
    return _told(pairwise(_refits(chosen, rng, True)), f"{N_FITS} fits to resampled sequences")


CHECKS: Mapping[str, Callable[[Chosen, np.random.Generator], Check]] = {
    "other starts": restarts,
    "resampled sequences": bootstraps,
}


def trainings(paths: Sequence[Ints]) -> Check:
    """Ask whether networks that were trained alike have the same states.

    Parameters
    ----------
    paths : for each training, the states (sequence, time) of the same test sequences.
    """
    if len(paths) < 2:
        return unknown("One training has no other to agree with.")
    if len({path.shape for path in paths}) > 1:
        return unknown("The trainings were not recorded on the same sequences.")
    return _told(pairwise(paths), f"{len(paths)} trainings")


def _refits(chosen: Chosen, rng: np.random.Generator, resampled: bool) -> list[NDArray[np.int64]]:
    train, test = (
        Layer(chosen.values[part], chosen.length[part])
        for part in (chosen.split == 0, chosen.split == 2)
    )
    # Activations are values, so their model is Gaussian.
    kind = cast(GaussianHMM, chosen.model).covariance_type
    return refits(train, test, kind, chosen.n_states, rng, resampled)


def _told(found: NDArray[np.float64], what: str) -> Check:
    mean, low, high = float(found.mean()), float(found.min()), float(found.max())
    holds = mean >= STABLE
    text = (
        f"The states of {what} agree with ARI {mean:.2f} on average ({low:.2f} to {high:.2f}; "
        f"{STABLE:g} wanted): {'the same states' if holds else 'not the same states'}."
    )
    return Check("", "mean pairwise ARI", mean, low, high, np.nan, holds, text)
