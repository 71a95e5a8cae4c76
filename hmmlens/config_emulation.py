"""The settings of networks that emulate hidden Markov models, and of their training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hmmlens.config_section import Probability, Section


class EmulationNetwork(Section):
    """A network that is driven by noise; the defaults are those of Torre et al. 2025."""

    cell: Literal["relu", "tanh", "gru", "lstm"] = "relu"
    n_units: int = Field(default=150, ge=1)
    n_noise: int = Field(default=100, ge=1, description="dimensions of the noise")
    bias: bool = False
    leak: float = Field(
        default=1.0, gt=0, le=1, description="share of the state renewed in a step; relu and tanh"
    )

    @model_validator(mode="after")
    def _usable(self) -> EmulationNetwork:
        if self.leak != 1 and self.cell not in ("relu", "tanh"):
            raise ValueError(f"leak: a {self.cell} has gates instead; leave leak at 1")
        return self


class Emulation(Section):
    """How such a network is trained: Adam on the distance of two batches of sequences."""

    objective: Literal["sinkhorn", "split", "energy"] = Field(
        default="sinkhorn", description="sinkhorn is the paper's; split and energy are unbiased"
    )
    n_steps: int = Field(default=50, ge=2, description="length of the sequences")
    n_updates: int = Field(default=800, ge=1, description="steps of Adam")
    batch_size: int = Field(default=512, ge=2, description="sequences; split halves them")
    n_data: int | None = Field(
        default=2048,
        ge=2,
        description="sequences of the target that are drawn once and used in turn; null draws new "
        "ones for every update",
    )
    learning_rate: float = Field(default=1e-3, gt=0)
    betas: tuple[Probability, Probability] = Field(default=(0.9, 0.9), strict=False)
    clip_norm: float = Field(default=0.9, gt=0, description="largest norm of the whole gradient")
    rate_drops: list[Probability] = Field(
        default=[], description="shares of n_updates at which the learning rate is multiplied"
    )
    rate_factor: float = Field(default=0.3, gt=0, le=1, description="what it is multiplied by")
    carried: Probability = Field(
        default=0.0,
        description="share of the batch that goes on from where it stood after the last update",
    )
    max_age: int = Field(
        default=400, ge=1, description="steps after which a carried state starts anew"
    )
    activity_penalty: float = Field(
        default=0.0,
        ge=0,
        description="weight of the mean squared activity of a sequence, as far as it is above 1",
    )
    checkpoint_every: int = Field(default=10, ge=1, description="updates between weights kept")
    log_every: int = Field(default=1, ge=1, description="updates between rows of the history")

    @model_validator(mode="after")
    def _usable(self) -> Emulation:
        if max(self.betas) >= 1:
            raise ValueError(f"betas: must be below 1, found {list(self.betas)}")
        return self


#: For sections that may replace one.
OptionalEmulation = Annotated[Emulation | None, Field(default=None)]
