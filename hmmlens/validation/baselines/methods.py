"""Methods that get states from activations, behind one protocol.

A method is a function of train and test activations, a number of states and a seed; it returns a
label for each step. A method is registered as a :func:`baseline` of the kind ``states`` or given
to :func:`label`, which checks the labels. A method learns from train alone, and a label may depend
on its own sequence up to its own step: labels that look ahead are not comparable.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError, no_exit
from hmmlens.hmm.autoregressive import ARHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.ragged import steps_inside
from hmmlens.stats.clusters import fit_kmeans
from hmmlens.typing import Floats, Int64s
from hmmlens.validation.baselines.registry import baseline, of_kind, with_settings
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings

#: Principal components that the grid may divide: a constant, because it is part of the method that
#: is compared (DeepStellar).
GRID_COMPONENTS = 3


class Layer(NamedTuple):
    """Activations of a layer, reduced or not.

    Attributes
    ----------
    values : ndarray of shape (sequence, time, component)
        Activations; what lies past a sequence's end is ignored.
    length : ndarray of shape (sequence,)
        Number of steps.
    """

    values: Floats
    length: NDArray[np.integer]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return the mask (sequence, time) of steps before each sequence's end.

        Returns
        -------
        ndarray of shape (sequence, time)
            Mask.
        """
        return steps_inside(self.length, *self.values.shape[:2])

    @property
    def frames(self) -> Floats:
        """Return all steps before the ends (frame, component).

        Returns
        -------
        ndarray of shape (frame, component)
            All steps before the ends.
        """
        found: Floats = self.values[self.inside]
        return found


class Labels(NamedTuple):
    """State labels.

    Attributes
    ----------
    train, test : ndarray of shape (sequence, time)
        The state of each step, -1 past a sequence's end.
    """

    train: Int64s
    test: Int64s


class Method(Protocol):
    """The signature of every method that gets states.

    Examples
    --------
    >>> def by_sign(train, test, n_states, seed):
    ...     return Labels(*((part.values[..., 0] > 0).astype(int) for part in (train, test)))
    >>> layer = Layer(np.array([[[-1.0], [2.0]]]), np.array([2]))
    >>> label(by_sign, layer, layer, n_states=2, seed=0).test.tolist()
    [[0, 1]]
    """

    def __call__(self, train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
        """Return labels from 0 to ``n_states - 1``; fewer kinds may occur."""


def label(
    method: str | Method,
    train: Layer,
    test: Layer,
    n_states: int,
    seed: int,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Labels:
    """Run a method and check its labels.

    Parameters
    ----------
    method : str or Method
        A method, or the name of a registered one.
    train, test : Layer
        Activations to learn from, and other ones to label.
    n_states : int
        Largest number of states.
    seed : int
        Seed of the method.
    settings : BaselineSettings, optional
        Given to a method that takes ``settings``.

    Returns
    -------
    Labels
        Labels of train and test.

    Raises
    ------
    DataError
        When there is no such method, or its labels break the protocol.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> states = np.tile(np.arange(40) // 10 % 2, (8, 1))
    >>> values = 4.0 * states[..., None] + rng.normal(size=(8, 40, 1))
    >>> train, test = Layer(values[:6], np.full(6, 40)), Layer(values[6:], np.full(2, 40))
    >>> label("k-means", train, test, n_states=2, seed=0).test.shape
    (2, 40)
    """
    name = method if isinstance(method, str) else getattr(method, "__name__", method)
    if isinstance(method, str):
        methods = of_kind("states")
        if method not in methods:
            raise DataError(f"there is no method {method!r}; there are {', '.join(methods)}")
        method = methods[method]
    with no_exit(f"method {name}"):
        found = with_settings(method, settings)(train, test, n_states, seed)
    for part, labels, layer in (("train", found.train, train), ("test", found.test, test)):
        inside = layer.inside
        if labels.shape != inside.shape:
            raise DataError(f"{part} labels have shape {labels.shape}, not {inside.shape}")
        known = labels[inside]
        if known.size and (known.min() < 0 or known.max() >= n_states):
            raise DataError(f"{part} labels must be 0 to {n_states - 1} on every step")
        if (labels[~inside] != -1).any():
            raise DataError(f"{part} labels must be -1 past a sequence's end")
    return found


def _padded(layer: Layer, labels: NDArray[np.integer]) -> Int64s:
    """Return labels of frames as (sequence, time)."""
    out = np.full(layer.inside.shape, -1, dtype=np.int64)
    out[layer.inside] = labels
    return out


@baseline("hmm", "states")
def _hmm(
    train: Layer, test: Layer, n_states: int, seed: int,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Labels:  # fmt: skip
    """Label each step by filtering with a Gaussian hidden Markov model of tied covariance.

    It is initialised by k-means alone: wide initialisations can find more likely states that are no
    places.
    """
    sweep = HMMSweep(
        [n_states],
        ("tied",),
        n_restarts=settings.n_hmm_restarts,
        wide_initialisation=False,
        random_state=seed,
    )
    sweep.fit(train.values, train.length)
    model = sweep.models_["tied", n_states]

    def _filtered(layer: Layer) -> Int64s:
        posteriors = model.filter(layer.values, layer.length).posteriors
        return np.where(layer.inside, posteriors.argmax(axis=2), -1)

    return Labels(_filtered(train), _filtered(test))


@baseline("k-means", "states")
def _kmeans(
    train: Layer, test: Layer, n_states: int, seed: int,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Labels:  # fmt: skip
    """Label each step by the nearest centre of k-means."""
    model = fit_kmeans(train.frames, n_states, settings.n_restarts, seed)
    return Labels(*(_padded(part, model.predict(part.frames)) for part in (train, test)))


@baseline("gaussian mixture", "states")
def _mixture(
    train: Layer, test: Layer, n_states: int, seed: int,
    settings: BaselineSettings = DEFAULT_BASELINES,
) -> Labels:  # fmt: skip
    """Label each step by a Gaussian mixture with one covariance, which has no dynamics."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        n_states, covariance_type="tied", n_init=settings.n_restarts, random_state=seed
    ).fit(train.frames)
    return Labels(*(_padded(part, model.predict(part.frames)) for part in (train, test)))


@baseline("pca grid", "states")
def _pca_grid(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by its cell in a grid over principal components (Du et al. 2019, 4.1).

    Each of up to three components is divided into equal intervals over the range of train. Of all
    such grids the one is taken of which train visits most cells, but no more than ``n_states``; a
    step in a cell that train never visited joins the nearest visited one.
    """
    frames = train.frames
    centre = frames.mean(axis=0)
    axes = np.linalg.svd(frames - centre, full_matrices=False)[2][:GRID_COMPONENTS]
    low = ((frames - centre) @ axes.T).min(axis=0)
    size = np.maximum(((frames - centre) @ axes.T).max(axis=0) - low, 1e-300)

    def _place(layer: Layer) -> Floats:
        within: Floats = ((layer.frames - centre) @ axes.T - low) / size
        return within

    best: Int64s = np.zeros((1, len(axes)), dtype=np.int64)
    n_best, dims_best = 1, 1
    for dims in range(1, len(axes) + 1):
        for n in range(2, n_states + 1):
            visited = np.unique(_cells(_place(train)[:, :dims], n), axis=0)
            if len(best) < len(visited) <= n_states:
                best, n_best, dims_best = visited, n, dims
    best = best[:, :dims_best]

    def _nearest(layer: Layer) -> Int64s:
        cells = _cells(_place(layer)[:, :dims_best], n_best)
        distance = ((cells[:, None] - best[None]) ** 2).sum(axis=2)
        return _padded(layer, distance.argmin(axis=1))

    return Labels(_nearest(train), _nearest(test))


def _cells(within: Floats, n: int) -> Int64s:
    """Return the interval, 0 to n - 1, of numbers from 0 to 1 (frame, component)."""
    return np.clip(np.floor(within * n), 0, n - 1).astype(np.int64)


@baseline("ar-hmm", "states")
def _ar_hmm(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by filtering with an autoregressive hidden Markov model."""
    model = ARHMM(n_states, random_state=seed).fit(train.values, train.length)
    labels = []
    for part in (train, test):
        posteriors = model.filter(part.values, part.length).posteriors
        labels.append(np.where(part.inside, posteriors.argmax(axis=2), -1))
    return Labels(*labels)
