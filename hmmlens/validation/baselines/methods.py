"""Ways to get states from activations, side by side, behind one small protocol.

A method is a function of train and test activations, a number of states and a seed; it returns a
label for each step. To enter another one, add it to :data:`METHODS` or give it to :func:`label`,
which checks what comes back. A method learns from train alone, and a label may depend on its own
sequence up to its own step: labels that look ahead are not comparable.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError, no_exit
from hmmlens.hmm.autoregressive import ARHMM
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.ragged import steps_inside
from hmmlens.typing import Floats, Int64s

#: Principal components that the grid may cut, as many as DeepStellar does.
GRID_COMPONENTS = 3

#: Restarts of the other methods that have any.
N_RESTARTS = 3
#: Those of the hidden Markov model, whose likelihood has more local optima.
HMM_RESTARTS = 10


class Layer(NamedTuple):
    """Activations, reduced or not.

    values : (sequence, time, component); what lies past an end is not looked at
    length : (sequence)
    """

    values: Floats
    length: NDArray[np.integer]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return the mask (sequence, time) of steps before each sequence's end."""
        return steps_inside(self.length, *self.values.shape[:2])

    @property
    def frames(self) -> Floats:
        """Return all steps before the ends (frame, component)."""
        found: Floats = self.values[self.inside]
        return found


class Labels(NamedTuple):
    """States of train and test, each (sequence, time), -1 past a sequence's end."""

    train: Int64s
    test: Int64s


class Method(Protocol):
    """What every way to get states must do."""

    def __call__(self, train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
        """Return labels from 0 to ``n_states - 1``; fewer kinds may come up."""


def label(method: str | Method, train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Run a method, by its name in :data:`METHODS` or itself, and check its labels.

    Raises
    ------
    DataError
        When there is no such method, or its labels break the protocol.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise DataError(f"there is no method {method!r}; there are {', '.join(METHODS)}")
        method = METHODS[method]
    with no_exit(f"method {getattr(method, '__name__', method)}"):
        found = method(train, test, n_states, seed)
    for name, labels, layer in (("train", found.train, train), ("test", found.test, test)):
        inside = layer.inside
        if labels.shape != inside.shape:
            raise DataError(f"{name} labels have shape {labels.shape}, not {inside.shape}")
        known = labels[inside]
        if known.size and (known.min() < 0 or known.max() >= n_states):
            raise DataError(f"{name} labels must be 0 to {n_states - 1} on every step")
        if (labels[~inside] != -1).any():
            raise DataError(f"{name} labels must be -1 past a sequence's end")
    return found


def _spread(layer: Layer, labels: NDArray[np.integer]) -> Int64s:
    """Return labels of frames as (sequence, time)."""
    out = np.full(layer.inside.shape, -1, dtype=np.int64)
    out[layer.inside] = labels
    return out


def kmeans(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by the nearest centre of k-means."""
    from sklearn.cluster import KMeans

    model = KMeans(n_states, n_init=N_RESTARTS, random_state=seed).fit(train.frames)
    return Labels(*(_spread(part, model.predict(part.frames)) for part in (train, test)))


def mixture(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by a Gaussian mixture with one covariance, which knows no time."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        n_states, covariance_type="tied", n_init=N_RESTARTS, random_state=seed
    ).fit(train.frames)
    return Labels(*(_spread(part, model.predict(part.frames)) for part in (train, test)))


def pca_grid(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by its cell in a grid over principal components (Du et al. 2019, 4.1).

    Each of up to three components is cut into equal intervals over the range of train. Of all
    such grids the one is taken that train visits most cells of, but no more than ``n_states``; a
    step in a cell that train never visited joins the nearest one that it did.
    """
    frames = train.frames
    centre = frames.mean(axis=0)
    axes = np.linalg.svd(frames - centre, full_matrices=False)[2][:GRID_COMPONENTS]
    low = ((frames - centre) @ axes.T).min(axis=0)
    size = np.maximum(((frames - centre) @ axes.T).max(axis=0) - low, 1e-300)

    def place(layer: Layer) -> Floats:
        within: Floats = ((layer.frames - centre) @ axes.T - low) / size
        return within

    best: Int64s = np.zeros((1, len(axes)), dtype=np.int64)
    n_best, dims_best = 1, 1
    for dims in range(1, len(axes) + 1):
        for n in range(2, n_states + 1):
            visited = np.unique(_cells(place(train)[:, :dims], n), axis=0)
            if len(best) < len(visited) <= n_states:
                best, n_best, dims_best = visited, n, dims
    best = best[:, :dims_best]

    def nearest(layer: Layer) -> Int64s:
        cells = _cells(place(layer)[:, :dims_best], n_best)
        distance = ((cells[:, None] - best[None]) ** 2).sum(axis=2)
        return _spread(layer, distance.argmin(axis=1))

    return Labels(nearest(train), nearest(test))


def _cells(within: Floats, n: int) -> Int64s:
    """Return the interval, 0 to n - 1, of numbers from 0 to 1 (frame, component)."""
    return np.clip(np.floor(within * n), 0, n - 1).astype(np.int64)


def hmm(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by filtering with a Gaussian hidden Markov model of tied covariance.

    Its starts are those of k-means: wide ones can find likelier states that are no places.
    """
    sweep = HMMSweep(
        [n_states], ("tied",), n_restarts=HMM_RESTARTS, wide_initialisation=False, random_state=seed
    )
    sweep.fit(train.values, train.length)
    model = sweep.models_["tied", n_states]

    def filtered(layer: Layer) -> Int64s:
        posteriors = model.filter(layer.values, layer.length).posteriors
        return np.where(layer.inside, posteriors.argmax(axis=2), -1)

    return Labels(filtered(train), filtered(test))


def ar_hmm(train: Layer, test: Layer, n_states: int, seed: int) -> Labels:
    """Label each step by filtering with an autoregressive hidden Markov model."""
    model = ARHMM(n_states, random_state=seed).fit(train.values, train.length)
    labels = []
    for part in (train, test):
        posteriors = model.filter(part.values, part.length).posteriors
        labels.append(np.where(part.inside, posteriors.argmax(axis=2), -1))
    return Labels(*labels)


METHODS: dict[str, Method] = {
    "hmm": hmm,
    "k-means": kmeans,
    "gaussian mixture": mixture,
    "pca grid": pca_grid,
    "ar-hmm": ar_hmm,
}
