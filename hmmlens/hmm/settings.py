"""Settings of sweeps over numbers of states, and of the selection among their models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hmmlens.settings import Section

CovarianceType = Literal["spherical", "diag", "full", "tied"]


class Sweep(Section):
    """The hidden Markov models that are fitted to every reduced store."""

    engine: Literal["numpy", "torch", "hmmlearn"] = Field(
        default="numpy",
        description="numpy; torch, the same on a device; or hmmlearn, the slow reference",
    )
    n_states: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], min_length=1
    )
    covariance_types: list[CovarianceType] = Field(default=["tied"], min_length=1)
    n_restarts: int = Field(default=3, ge=1)
    max_iter: int = Field(default=50, ge=1)
    tol: float = Field(
        default=1e-5, gt=0, description="stop when a step gains less, nats per frame"
    )
    min_covar: float = Field(
        default=1e-3, gt=0, description="covariance floor, relative to the data's mean variance"
    )
    halving: bool = Field(
        default=False,
        description="give up the worse half of the restarts early, as long as 4 are left",
    )
    n_jobs: int = Field(
        default=1, ge=1, description="processes for one sweep; its numbers do not depend on it"
    )

    @model_validator(mode="after")
    def _usable_grid(self) -> Sweep:
        if sorted(set(self.n_states)) != self.n_states:
            raise ValueError(f"n_states must rise and hold no number twice, found {self.n_states}")
        if self.n_states[0] != 1:
            raise ValueError(
                f"n_states must begin with 1, the baseline without states, found {self.n_states}"
            )
        if len(set(self.covariance_types)) != len(self.covariance_types):
            raise ValueError(
                "covariance_types must hold no type twice, "
                f"found [{', '.join(self.covariance_types)}]"
            )
        return self


class Selection(Section):
    """How one model is chosen from a sweep, and one reducer from several."""

    criterion: Literal["bic", "aic", "held_out"] = "bic"
    fidelity_tolerance: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="where no states are certified, the explained model is the smallest n_states "
        "whose fidelity is this close to the best in the sweep; of restarts that are this close, "
        "the most likely is read",
    )
