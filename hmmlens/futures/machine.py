"""The machine of the classes: which class follows under an input, and which output it gives.

A true machine needs nothing but the present class and the next input. Three numbers test that on
sequences that took no part in the choice of the classes: the accuracy of the next class, the same
where the class changes (``moves``), and R2 of the output when the machine runs on its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.futures.settings import DEFAULT
from hmmlens.typing import Floats, Ints

#: Steps ahead at which the machine on its own is compared with the network.
HORIZONS = (1, 2, 5, 10, 20, 30, 50)
#: Distinct inputs up to which the machine is a table.
TABLE = 200


class Machine(NamedTuple):
    """A machine and how well it stands for the network on test sequences.

    Attributes
    ----------
    accuracy : float
        Share of steps whose class it predicts from the class before and the input.
    moves : float
        The same among steps at which the class changes; NaN without any.
    known : float
        Share of the test steps whose pair of class and input occurred before. All other numbers
        are those of known pairs; with many distinct inputs every pair is known.
    input_accuracy : float
        Share of steps whose class is predicted from the input alone.
    closed_loop : dict of int to float
        R2 of the output by steps ahead, when the class is known once and the inputs all the time.
    by_output : ndarray of shape (output,)
        R2 of each output at 20 steps, or at the largest number below; NaN for an output that hardly
        varies.
    """

    accuracy: float
    moves: float
    known: float
    input_accuracy: float
    closed_loop: dict[int, float]
    by_output: Floats


class Path(NamedTuple):
    """Sequences whose states are assigned to classes.

    Attributes
    ----------
    classes : ndarray of shape (sequence, time)
        Class of each step, -1 where there is none.
    inputs : ndarray of shape (sequence, time, feature)
        Inputs, symbols as indicators.
    outputs : ndarray of shape (sequence, time, output)
        Compared values of the outputs.
    test : ndarray of shape (sequence,)
        Sequences that took no part in any choice.
    rows : ndarray of shape (sequence,)
        Their numbers in the recording.
    """

    classes: Ints
    inputs: Floats
    outputs: Floats
    test: NDArray[np.bool_]
    rows: Ints

    def without_test(self) -> Path:
        """Return all but the test sequences, by which choices are made.

        Returns
        -------
        Path
            Every third of them takes the place of the test sequences.
        """
        kept = np.flatnonzero(~self.test)
        held_out = np.arange(len(kept)) % 3 == 2
        return Path(
            self.classes[kept], self.inputs[kept], self.outputs[kept], held_out, self.rows[kept]
        )


#: Where there are no sequences to fit the machine on, or to test it on.
UNKNOWN = Machine(np.nan, np.nan, np.nan, np.nan, {}, np.full(1, np.nan))


def fit(path: Path, n_classes: int, resolution: float = DEFAULT.resolution) -> Machine:
    """Fit a machine on all but the test sequences and compare it with the network on these.

    Parameters
    ----------
    path : Path
        Sequences with classes.
    n_classes : int
        Number of classes.
    resolution : float, optional
        Smallest standard deviation of an output that counts, as a share of that of all outputs
        together.

    Returns
    -------
    Machine
        The comparison.
    """
    known = (path.classes[:, :-1] >= 0) & (path.classes[:, 1:] >= 0)
    parts = []
    for rows in (~path.test, path.test):
        i, t = np.nonzero(known & rows[:, None])
        parts.append((path.classes[i, t], path.inputs[i, t + 1], path.classes[i, t + 1],
                      path.outputs[i, t + 1]))  # fmt: skip
    if not len(parts[0][0]) or not len(parts[1][0]):
        return UNKNOWN
    (before, x, after, y), (before_test, x_test, after_test, _) = parts
    move = Predictor(n_classes, True).fit(before, x, after)
    alone = Predictor(n_classes, True).fit(np.zeros_like(before), x, after)
    output = Predictor(n_classes, False).fit(before, x, y)
    known_pair = move.known(before_test, x_test)
    share = float(known_pair.mean())
    if not known_pair.any():
        return UNKNOWN._replace(known=share)
    before_test, after_test = before_test[known_pair], after_test[known_pair]
    x_test = x_test[known_pair]
    hit = move.predict(before_test, x_test) == after_test
    moved = before_test != after_test
    accuracy0 = (alone.predict(np.zeros_like(before_test), x_test) == after_test).mean()
    loop, by_output = closed_loop(path, move, output, resolution)
    return Machine(
        float(hit.mean()), float(hit[moved].mean()) if moved.any() else float("nan"),
        share,
        float(accuracy0), loop, by_output,
    )  # fmt: skip


def closed_loop(
    path: Path, move: Predictor, output: Predictor, resolution: float = DEFAULT.resolution
) -> tuple[dict[int, float], Floats]:
    """Return R2 of the outputs that a machine gives on its own.

    Parameters
    ----------
    path : Path
        Sequences with classes; the test sequences are used.
    move, output : Predictor
        Of the next class and of the output, from class and input.
    resolution : float, optional
        See :func:`fit`.

    Returns
    -------
    dict of int to float
        R2 by steps ahead, pooled over outputs.
    ndarray of shape (output,)
        R2 of each output at 20 steps or at the largest number below; NaN for an output that hardly
        varies, of which R2 would compare rounding with rounding.
    """
    rows = np.flatnonzero(path.test)
    steps = path.classes.shape[1]
    inside = path.classes[rows] >= 0
    values = path.outputs[rows][inside]
    variance = values.var(axis=0)
    varies = variance > resolution**2 * variance.sum()
    i, t = np.nonzero(inside)
    keep = t % 3 == 0
    i, t = rows[i[keep]], t[keep]
    current = path.classes[i, t]
    found: dict[int, float] = {}
    by_output = np.full(len(variance), np.nan)
    for h in range(1, max(HORIZONS) + 1):
        there = t + h < steps
        there[there] = path.classes[i[there], t[there] + h] >= 0
        if there.sum() < 20:
            break
        i, t, current = i[there], t[there], current[there]
        x = path.inputs[i, t + h]
        known = move.known(current, x)
        i, t, current, x = i[known], t[known], current[known], x[known]
        if len(i) < 20:
            break
        if h in HORIZONS:
            error = ((output.predict(current, x) - path.outputs[i, t + h]) ** 2).mean(axis=0)
            found[h] = float(1 - error.sum() / variance.sum())
            if h <= 20:
                by_output = 1 - np.divide(
                    error, variance, out=np.full(len(variance), np.nan), where=varies
                )
        current = move.predict(current, x).astype(np.int64)
    return found, by_output


class Predictor:
    """Predicts a class or an output from a class and an input.

    Where few distinct inputs occur it is a table: the most frequent class, or the mean output, of
    each pair. Otherwise it is a forest of randomised trees (Geurts et al. 2006).

    Parameters
    ----------
    n_classes : int
        Number of classes.
    classify : bool
        Whether classes are predicted.
    """

    def __init__(self, n_classes: int, classify: bool) -> None:
        self.n_classes, self.classify = n_classes, classify
        self._forest: Any = None
        self._pairs: dict[tuple[float, ...], int] | None = None
        self._table: NDArray[Any] = np.empty(0)

    def _features(self, classes: Ints, inputs: Floats) -> Floats:
        return np.concatenate([3.0 * np.eye(self.n_classes)[classes], inputs], axis=1)

    def fit(self, classes: Ints, inputs: Floats, values: NDArray[Any]) -> Predictor:
        """Fit on pairs.

        Parameters
        ----------
        classes : ndarray of shape (pair,)
            Class before.
        inputs : ndarray of shape (pair, feature)
            Input of the step.
        values : ndarray of shape (pair,) or (pair, output)
            Class after, or output.

        Returns
        -------
        Predictor
            Itself.
        """
        if len(np.unique(inputs.round(6), axis=0)) <= TABLE:
            keys = self._keys(classes, inputs)
            pairs, place = np.unique(keys, axis=0, return_inverse=True)
            self._pairs = {tuple(pair): i for i, pair in enumerate(pairs.tolist())}
            self._table = _summarised(place.ravel(), values, len(pairs), self.classify)
            return self
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        kind = ExtraTreesClassifier if self.classify else ExtraTreesRegressor
        self._forest = kind(n_estimators=15, random_state=0, min_samples_leaf=3, max_features=None)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        self._forest.fit(self._features(classes, inputs), values)
        return self

    def known(self, classes: Ints, inputs: Floats) -> NDArray[np.bool_]:
        """Return which pairs occurred in the fit; all where inputs are not discrete.

        Parameters
        ----------
        classes : ndarray of shape (pair,)
            Class before.
        inputs : ndarray of shape (pair, feature)
            Input of the step.

        Returns
        -------
        ndarray of shape (pair,)
            Whether each occurred.
        """
        if self._pairs is None:
            return np.ones(len(classes), dtype=bool)
        return self._places(classes, inputs) >= 0

    def _keys(self, classes: Ints, inputs: Floats) -> Floats:
        return np.concatenate([classes[:, None], inputs.round(6)], axis=1)

    def _places(self, classes: Ints, inputs: Floats) -> Ints:
        """Return the row of each pair in the table, -1 where it did not occur in the fit."""
        assert self._pairs is not None
        rows = self._keys(classes, inputs).tolist()
        return np.array([self._pairs.get(tuple(row), -1) for row in rows], dtype=np.int64)

    def predict(self, classes: Ints, inputs: Floats) -> NDArray[Any]:
        """Predict for pairs.

        Parameters
        ----------
        classes : ndarray of shape (pair,)
            Class before.
        inputs : ndarray of shape (pair, feature)
            Input of the step.

        Returns
        -------
        ndarray of shape (pair,) or (pair, output)
            Classes, or outputs.

        Raises
        ------
        KeyError
            When a pair did not occur in the fit, and inputs are discrete.
        """
        if self._pairs is not None:
            places = self._places(classes, inputs)
            if (places < 0).any():
                raise KeyError("a pair of class and input did not occur in the fit; see known")
            return self._table[places]
        # What the forest's own method returns; that one takes a millisecond more for each tree.
        features = self._features(classes, inputs).astype(np.float32)
        trees = [tree.tree_.predict(features) for tree in self._forest.estimators_]
        mean = np.mean(trees, axis=0).reshape(len(classes), -1)
        if not self.classify:
            return np.asarray(mean)
        return np.asarray(self._forest.classes_[mean.argmax(axis=1)])


def _summarised(place: Ints, values: NDArray[Any], n_places: int, classify: bool) -> NDArray[Any]:
    """Return the most frequent class, the first of several, or the mean output of each place."""
    if classify:
        counts = np.zeros((n_places, int(values.max()) + 1), dtype=np.int64)
        np.add.at(counts, (place, values), 1)
        return np.asarray(counts.argmax(axis=1))
    sums = np.zeros((n_places, *values.shape[1:]))
    np.add.at(sums, place, values)
    count = np.bincount(place, minlength=n_places)
    return np.asarray((sums.T / count).T.reshape(n_places, -1))
