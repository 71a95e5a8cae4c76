"""Sequences that come in parts, because all of them are more than should be held at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.typing import Floats


class Part(NamedTuple):
    """Some sequences.

    rows : which they are
    inside : (sequence, time), True before each sequence's end
    frames : (frame, unit), what there is at these steps, one sequence after another
    """

    rows: slice
    inside: NDArray[np.bool_]
    frames: Floats


class Moments:
    """Count, mean and scatter of frames, joined part by part as by Chan et al. 1983.

    No digits are lost where a mean is large beside its deviation, or parts differ in size.

    Attributes
    ----------
    n : frames
    mean : (unit)
    squares : (unit), sum of squared deviations; or (unit, unit) with ``products``
    smallest, largest : (unit)
    """

    def __init__(self, products: bool = False) -> None:
        self.products = products
        self.n = 0

    def add(self, frames: Floats) -> None:
        """Take in a part (frame, unit)."""
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
        """Variance (unit), with the number of frames in the denominator."""
        diagonal = np.diagonal(self.squares) if self.products else self.squares
        found: Floats = diagonal / self.n
        return found
