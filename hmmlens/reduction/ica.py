"""Independent components (Hyvarinen 1999)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings


@REDUCERS.register("ica", label="ICA")
class ICA(ReducerSettings):
    """Independent components (FastICA), fitted on the train split."""

    reference = "Hyvarinen 1999"
    invertible = True

    kind: Literal["ica"]
    n_components: int = Field(default=8, ge=1)

    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm of scikit-learn.

        Parameters
        ----------
        random_state : int
            Seed of algorithms that are random.

        Returns
        -------
        Algorithm
            Not fitted.
        """
        from hmmlens.reduction.scikit_learn import Decomposition

        options = {"whiten": "unit-variance", "random_state": random_state, "max_iter": 1000}
        return Decomposition("FastICA", self.n_components, options)
