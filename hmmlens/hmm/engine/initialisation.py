"""The parameters that EM starts from.

Each initialisation depends on its seed and the data alone, so a restart does not depend on what
else is fitted.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmlens.hmm.engine.covariances import compact
from hmmlens.hmm.engine.parameters import Parameters
from hmmlens.seeds import derive_seed
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats


@dataclass(frozen=True)
class InitialisationSettings:
    """Settings of the parameters that EM starts from.

    Attributes
    ----------
    kmeans_frames : int
        Frames from which k-means learns, at most; more change the centres little and cost much.
    kmeans_steps : int
        Steps of k-means.
    stay : float
        Probability of staying in a state, above that of arriving there from any state; 0 to 1.

    Examples
    --------
    >>> from hmmlens import HMMSweep
    >>> sweep = HMMSweep([1, 2], initialisation=InitialisationSettings(stay=0.95))
    >>> sweep.initialisation.kmeans_steps
    30
    """

    kmeans_frames: int = 4000
    kmeans_steps: int = 30
    stay: float = 0.8


DEFAULT_INITIALISATION = InitialisationSettings()


def gaussian_initialisations(
    frames: Floats,
    n_states: int,
    n_restarts: int,
    floor: float,
    random_state: int,
    wide: bool = True,
    settings: InitialisationSettings = DEFAULT_INITIALISATION,
) -> list[dict[str, Floats]]:
    """Return initialisations that alternate between k-means centres and wide ones, or all k-means.

    The first has the centres of k-means; later ones of its kind have those after its first step,
    which cover the data as well and differ more. Every other one is wide. See
    :func:`initialise_gaussian`.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Values.
    n_states, n_restarts : int
        Numbers of states and of restarts.
    floor : float
        Variance added to every direction.
    random_state : int
        Seed.
    wide : bool, default=True
        False gives every restart the centres of k-means.
    settings : InitialisationSettings, optional
        Settings of k-means and of the chain.

    Returns
    -------
    list of dict of ndarray
        One for each restart.
    """
    return [
        initialise_gaussian(
            frames,
            n_states,
            floor,
            derive_seed(random_state, "restart", n_states, restart),
            spread=wide and is_wide(restart),
            polish=restart == 0 or not wide,
            settings=settings,
        )
        for restart in range(n_restarts)
    ]


def is_wide(restart: int) -> bool:
    """Return whether a restart is one of those whose initialisation may be wide.

    Parameters
    ----------
    restart : int
        Number of the restart.

    Returns
    -------
    bool
        Whether its number is odd, so that the first begins with the centres of k-means.
    """
    return restart % 2 == 1


def initialise_gaussian(
    frames: Floats,
    n_states: int,
    floor: float,
    random_state: int,
    spread: bool = False,
    polish: bool = True,
    settings: InitialisationSettings = DEFAULT_INITIALISATION,
) -> dict[str, Floats]:
    """Return means, one covariance for all states, and a sticky chain, from which EM starts.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Values.
    n_states : int
        Number of states.
    floor : float
        Variance added to every direction.
    random_state : int
        Seed.
    spread : bool, default=False
        False takes k-means centres and the covariance within clusters, which leads to states that
        differ in their means. True takes frames at random and the covariance of all frames, from
        where EM also finds states that share a mean and differ in their covariance.
    polish : bool, default=True
        False stops k-means after one step from :func:`greedy_centres`.
    settings : InitialisationSettings, optional
        Settings of k-means and of the chain.

    Returns
    -------
    dict of ndarray
        ``startprob``, ``transmat``, ``means`` and ``covariance``.
    """
    rng = np.random.default_rng(random_state)
    if spread:
        means = frames[rng.choice(len(frames), n_states, replace=False)]
        residual = frames - frames.mean(axis=0)
    else:
        # scikit-learn's takes longer to import than a small sweep takes.
        from scipy.cluster.vq import kmeans2

        size = min(len(frames), max(settings.kmeans_frames, n_states))
        sample = frames[np.sort(rng.choice(len(frames), size, replace=False))]
        n_iter = settings.kmeans_steps if polish else 1
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            # Frames that repeat leave clusters empty; EM can start there all the same.
            warnings.simplefilter("ignore", UserWarning)
            # Of size 1, so that no square is too large for a float.
            unit = max(float(np.abs(sample).max()), 1e-300)
            scaled = sample / unit
            centres = greedy_centres(scaled, n_states, rng)
            means, labels = kmeans2(scaled, centres, minit="matrix", iter=n_iter)
            means = means * unit
        residual = sample - means[labels]
    covariance = residual.T @ residual / len(residual) + floor * np.eye(frames.shape[1])
    return {**_sticky(n_states, settings.stay), "means": means, "covariance": covariance}


def greedy_centres(frames: Floats, n_centres: int, rng: np.random.Generator) -> Floats:
    """Return frames that lie far apart, by greedy k-means++.

    Each centre is the best of 2 + log(number of centres) frames, which are sampled in proportion to
    their squared distance from the centres before (Arthur & Vassilvitskii 2007, section 5). Of
    separated clusters of equal size, this nearly always finds every one.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Values.
    n_centres : int
        Number of centres.
    rng : Generator
        Samples the candidates.

    Returns
    -------
    ndarray of shape (centre, component)
        Some of the frames.
    """
    from scipy.spatial.distance import cdist

    n_candidates = 2 + int(np.log(n_centres))
    centres = [frames[rng.integers(len(frames))]]
    nearest = cdist(centres, frames, "sqeuclidean")[0]
    while len(centres) < n_centres:
        upto = np.cumsum(nearest)
        # Frames at distance 0 have no share; where all are, the last frame is taken.
        drawn = np.searchsorted(upto, rng.random(n_candidates) * upto[-1], side="right")
        candidates = frames[np.minimum(drawn, len(frames) - 1)]
        distances = np.minimum(nearest, cdist(candidates, frames, "sqeuclidean"))
        best = first_best(distances.sum(axis=1), largest=False)
        centres.append(candidates[best])
        nearest = distances[best]
    return np.stack(centres)


def initialise_categorical(
    symbols: NDArray[np.int64],
    n_symbols: int,
    n_states: int,
    random_state: int,
    settings: InitialisationSettings = DEFAULT_INITIALISATION,
) -> dict[str, Floats]:
    """Return emission distributions sampled around the overall one, and a sticky chain.

    Parameters
    ----------
    symbols : ndarray of int
        Symbols of all frames.
    n_symbols, n_states : int
        Numbers of symbols and of states.
    random_state : int
        Seed.
    settings : InitialisationSettings, optional
        Settings of the chain.

    Returns
    -------
    dict of ndarray
        ``startprob``, ``transmat`` and ``emissionprob``.
    """
    rng = np.random.default_rng(random_state)
    distribution = np.bincount(symbols.ravel(), minlength=n_symbols) + 1.0
    distribution /= distribution.sum()
    emissionprob = rng.dirichlet(2 * len(distribution) * distribution, size=n_states) + 1e-3
    emissionprob /= emissionprob.sum(axis=1, keepdims=True)
    return {**_sticky(n_states, settings.stay), "emissionprob": emissionprob}


def categorical_initialisations(
    symbols: NDArray[np.int64],
    n_symbols: int,
    n_states: int,
    n_restarts: int,
    random_state: int,
    settings: InitialisationSettings = DEFAULT_INITIALISATION,
) -> list[dict[str, Floats]]:
    """Return initialisations for symbols, see :func:`initialise_categorical`.

    Parameters
    ----------
    symbols : ndarray of int
        Symbols of all frames.
    n_symbols, n_states, n_restarts : int
        Numbers of symbols, states and restarts.
    random_state : int
        Seed.
    settings : InitialisationSettings, optional
        Settings of the chain.

    Returns
    -------
    list of dict of ndarray
        One for each restart.
    """
    seeds = [derive_seed(random_state, "restart", n_states, i) for i in range(n_restarts)]
    return [
        initialise_categorical(symbols, n_symbols, n_states, random_state, settings)
        for random_state in seeds
    ]


def batch(starts: list[dict[str, Floats]], covariance_type: str) -> Parameters:
    """Return initialisations as one batch.

    Parameters
    ----------
    starts : list of dict of ndarray
        One for each restart.
    covariance_type : str
        Not used for symbols.

    Returns
    -------
    batch : Parameters
        A batch.
    """
    startprob = np.stack([start["startprob"] for start in starts])
    transmat = np.stack([start["transmat"] for start in starts])
    if "emissionprob" in starts[0]:
        return Parameters(startprob, transmat, (np.stack([s["emissionprob"] for s in starts]),))
    n_states = startprob.shape[1]
    same = [np.tile(start["covariance"], (n_states, 1, 1)) for start in starts]
    covars = [compact(covariances, covariance_type) for covariances in same]
    means = np.stack([start["means"] for start in starts])
    return Parameters(startprob, transmat, (means, np.stack(covars)))


def _sticky(n_states: int, stay: float) -> dict[str, Floats]:
    transmat = np.full((n_states, n_states), (1 - stay) / n_states) + stay * np.eye(n_states)
    return {"startprob": np.full(n_states, 1 / n_states), "transmat": transmat}
