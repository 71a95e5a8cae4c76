"""Principal components (Pearson 1901)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings


@REDUCERS.register("pca", label="PCA")
class PCA(ReducerSettings):
    """Principal components, fitted on the train split."""

    reference = "Pearson 1901"
    invertible = True

    kind: Literal["pca"]
    n_components: int = Field(default=8, ge=1)

    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm; it is not random.

        Parameters
        ----------
        random_state : int
            Seed of algorithms that are random.

        Returns
        -------
        Algorithm
            Not fitted.
        """
        from hmmlens.reduction.principal_components import PrincipalComponents

        return PrincipalComponents(self.n_components)
