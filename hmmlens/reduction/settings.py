"""Settings of reducers: one section for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hmmlens.settings import Section


class PCA(Section):
    """Principal components, fitted on the train split."""

    kind: Literal["pca"]
    n_components: int = Field(default=8, ge=1)


class FactorAnalysis(Section):
    """Factor analysis, fitted on the train split."""

    kind: Literal["factor_analysis"]
    n_components: int = Field(default=8, ge=1)


class ICA(Section):
    """Independent components (FastICA), fitted on the train split."""

    kind: Literal["ica"]
    n_components: int = Field(default=8, ge=1)


class Identity(Section):
    """The state itself, without the units that never move."""

    kind: Literal["identity"]


class TSNE(Section):
    """t-SNE (openTSNE), fitted on train frames, transform for the rest. Exploratory."""

    kind: Literal["tsne"]
    n_components: int = Field(default=2, ge=1, le=2)
    perplexity: float = Field(default=30.0, gt=1)
    max_fit_frames: int = Field(default=2000, ge=100, description="train frames that shape the map")

    @model_validator(mode="after")
    def _usable(self) -> TSNE:
        if 3 * self.perplexity > self.max_fit_frames - 1:
            raise ValueError(
                f"perplexity must be at most a third of max_fit_frames, found {self.perplexity} "
                f"and {self.max_fit_frames}"
            )
        return self


ReducerConfig = Annotated[PCA | FactorAnalysis | ICA | Identity | TSNE, Field(discriminator="kind")]
