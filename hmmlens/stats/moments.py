"""Moments of sequences that are read in parts, because all of them exceed the memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


class Part(NamedTuple):
    """Some of the sequences.

    Attributes
    ----------
    rows : slice
        Which sequences they are.
    inside : ndarray of shape (sequence, time)
        True before each sequence's end.
    frames : ndarray of shape (frame, unit)
        The values at these steps, one sequence after another.
    """

    rows: slice
    inside: NDArray[np.bool_]
    frames: Floats


class Moments:
    """Count, mean and scatter of frames, joined part by part as by Chan et al. 1983.

    No digits are lost where a mean is large relative to its deviation, or parts differ in size.

    Parameters
    ----------
    products : bool, optional
        Whether to sum products of all pairs of units, not squares alone.

    Attributes
    ----------
    n : int
        Number of frames.
    mean : ndarray of shape (unit,)
        Mean.
    squares : ndarray of shape (unit,) or (unit, unit)
        Sum of squared deviations; with ``products`` also of products of two units.
    smallest, largest : ndarray of shape (unit,)
        Range.
    """

    def __init__(self, products: bool = False) -> None:
        self.products = products
        self.n = 0

    def add(self, frames: Floats) -> None:
        """Add a part.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            Frames of the part.
        """
        n = len(frames)
        if not n:
            return
        mean = frames.mean(axis=0)
        apart = frames - mean
        squares = apart.T @ apart if self.products else (apart**2).sum(axis=0)
        smallest, largest = frames.min(axis=0), frames.max(axis=0)
        if not self.n:
            self.n, self.mean, self.squares = n, mean, squares
            self.smallest, self.largest = smallest, largest
            return
        gap = mean - self.mean
        weight = n * self.n / (n + self.n)
        self.squares = self.squares + squares
        self.squares += weight * (np.outer(gap, gap) if self.products else gap**2)
        self.mean = self.mean + gap * (n / (n + self.n))
        self.smallest = np.minimum(self.smallest, smallest)
        self.largest = np.maximum(self.largest, largest)
        self.n += n

    @property
    def variance(self) -> Floats:
        """Return the variance, with the number of frames in the denominator.

        Returns
        -------
        ndarray of shape (unit,)
            Variance of each unit.
        """
        diagonal = np.diagonal(self.squares) if self.products else self.squares
        found: Floats = diagonal / self.n
        return found
