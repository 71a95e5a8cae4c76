"""Input symbols that do not occur in the train split.

A network that is trained here can learn nothing about them, so they are refused. One that was
trained elsewhere may know them well; for it they are counted, because models of its states and the
controls are fitted to the train split alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Unseen(NamedTuple):
    """Symbols that the train split lacks, and the steps and sequences in which they occur."""

    symbols: list[int]
    n_steps: int
    n_sequences: int

    def sentence(self) -> str:
        """Return a sentence about these symbols for reports.

        Returns
        -------
        str
            One sentence.
        """
        several = len(self.symbols) > 1
        return (
            f"The train split lacks the input symbol{'s' if several else ''} "
            f"{', '.join(map(str, self.symbols))}, which {'occur' if several else 'occurs'} at "
            f"{self.n_steps} step{'s' if self.n_steps > 1 else ''} of {self.n_sequences} "
            f"sequence{'s' if self.n_sequences > 1 else ''} of the other splits."
        )

    def attributes(self) -> dict[str, Any]:
        """Return them as attributes of a ``sequences`` store.

        Returns
        -------
        dict
            The symbols and the sentence.
        """
        return {"unseen_symbols": self.symbols, "unseen_symbols_note": self.sentence()}


def unseen(
    inputs: NDArray[np.integer], inside: NDArray[np.bool_], split: NDArray[np.integer]
) -> Unseen | None:
    """Return the input symbols that the train split lacks, or None where it has all.

    Parameters
    ----------
    inputs : ndarray of int, shape (sequence, time)
        Symbols.
    inside : ndarray of bool, shape (sequence, time)
        False where a step is padding.
    split : ndarray of shape (sequence,)
        0 is train.

    Returns
    -------
    Unseen or None
        None where the train split has all symbols.
    """
    train = (split == 0)[:, None] & inside
    symbols = np.setdiff1d(inputs[inside], inputs[train])
    if not len(symbols):
        return None
    places = np.isin(inputs, symbols) & inside
    return Unseen(symbols.tolist(), int(places.sum()), int(places.any(axis=1).sum()))
