"""Factor analysis (Rubin and Thayer 1982)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hmmlens.reduction.base import REDUCERS, Algorithm, ReducerSettings


@REDUCERS.register("factor_analysis", label="Factor analysis")
class FactorAnalysis(ReducerSettings):
    """Factor analysis, fitted on the train split."""

    reference = "Rubin and Thayer 1982"

    kind: Literal["factor_analysis"]
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

        return Decomposition("FactorAnalysis", self.n_components, {"random_state": random_state})
