"""What all sampled datasets share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hmmlens.datasets.base import Dataset
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SyntheticDataset(Dataset):
    """Base of datasets that are sampled, so that everything about them is known."""

    if TYPE_CHECKING:
        n_sequences: int
        n_steps: int
        split: Split

    def n_steps_in_all(self) -> int:
        """Return the number of steps of all sequences.

        Returns
        -------
        int
            Exact.
        """
        return self.n_sequences * self.n_steps

    def sample_split(self, rng: np.random.Generator) -> NDArray[np.int8]:
        """Return the split of each sequence, in the shares of the settings.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of the assignment.

        Returns
        -------
        ndarray of shape (sequence,)
            0 train, 1 select, 2 test.
        """
        from hmmlens.datasets.splits import split_sequences

        return split_sequences(self.n_sequences, self.split.model_dump(), rng)
