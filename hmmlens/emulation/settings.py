"""Settings of networks that emulate hidden Markov models, and of their training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, model_validator

from hmmlens.datasets.synthetic.hmm import Preset
from hmmlens.rnn.equations import EMULATING
from hmmlens.settings import Name, Probability, Section

if TYPE_CHECKING:
    from hmmlens.datasets.synthetic.generators import HMMParameters

Objective = Literal["sinkhorn", "split", "energy"]
# The allowed values are the members of the registry, which a type checker cannot read.
if TYPE_CHECKING:
    CellName = str
else:
    CellName = Literal[tuple(EMULATING)]


class EmulationNetwork(Section):
    """A network that is driven by noise; the defaults are those of Torre et al. 2025."""

    cell: CellName = "relu"
    n_units: int = Field(default=150, ge=1)
    n_noise: int = Field(default=100, ge=1, description="dimensions of the noise")
    bias: bool = False
    leak: float = Field(
        default=1.0, gt=0, le=1, description="share of the state renewed in a step; relu and tanh"
    )
    radius: float | None = Field(
        default=None,
        gt=0,
        description="spectral radius that the initial recurrent weights are scaled to, of relu and "
        "tanh; null leaves them as drawn, with about .58",
    )

    @model_validator(mode="after")
    def _usable(self) -> EmulationNetwork:
        if self.leak != 1 and self.cell not in ("relu", "tanh"):
            raise ValueError(f"leak: a {self.cell} has gates instead; leave leak at 1")
        if self.radius is not None and self.cell not in ("relu", "tanh"):
            raise ValueError(f"radius: a {self.cell} has several recurrent matrices; leave it out")
        return self


class Emulation(Section):
    """How such a network is trained: Adam on the distance of two batches of sequences."""

    objective: Objective = Field(
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

    @property
    def epoch(self) -> int | None:
        """Number of updates after which all sequences of the target were used once.

        Returns
        -------
        int or None
            None where each update has new sequences.
        """
        if self.n_data is None:
            return None
        n_whole, rest = divmod(self.n_data, self.batch_size)
        # A batch of one sequence is not used.
        return n_whole + (rest > 1)

    @model_validator(mode="after")
    def _usable(self) -> Emulation:
        if max(self.betas) >= 1:
            raise ValueError(f"betas: must be below 1, found {list(self.betas)}")
        return self


#: Presets that emit symbols from states, not on transitions.
PRESETS = tuple(name for name in get_args(Preset) if name not in ("rrxor", "z1r"))


#: Analyses of a trained network.
Analysis = Literal["scores", "reverse", "kicks", "states", "protocols"]


#: Names of the checkpoints whose transition rate is measured as the paper does.
BEFORE, EPOCH, CONVERGED = "before training", "epoch 1", "converged"


class Target(Section):
    """A hidden Markov model to emulate."""

    startprob: list[Probability] = Field(
        min_length=2, description="initial distribution, (n_states)"
    )
    transmat: list[list[Probability]] = Field(
        description="transition matrix, (n_states, n_states), rows add up to 1"
    )
    emissionprob: list[list[Probability]] = Field(
        description="symbol distributions, (n_states, n_symbols), rows add up to 1"
    )

    @model_validator(mode="after")
    def _usable(self) -> Target:
        from hmmlens.dynamics.labels import informative

        informative(self.parameters())
        return self

    def parameters(self) -> HMMParameters:
        """Return the matrices as arrays.

        Returns
        -------
        HMMParameters
            Checked: probabilities that sum to 1.
        """
        from hmmlens.datasets.synthetic.generators import check_hmm

        return check_hmm(self.startprob, self.transmat, self.emissionprob)


class Protocols(Section):
    """The analysis ``protocols`` measures as Torre et al. 2025 do; the defaults are theirs."""

    n_sequences: int = Field(
        default=5000, ge=2, description="sequences of the network, and of the target, aligned"
    )


class Bias(Section):
    """Hand-made generators are shown to the objectives, batches growing."""

    targets: list[Name] = Field(default=["chain2"], min_length=1)
    objectives: list[Objective] = Field(default=["sinkhorn", "split", "energy"], min_length=1)
    n_steps: int = Field(default=100, ge=2, description="length of the sequences")
    batch_sizes: list[Annotated[int, Field(ge=4)]] = Field(
        default=[256, 512, 1024, 2048, 4096], min_length=1
    )
    n_draws: list[Annotated[int, Field(ge=2)]] = Field(
        default=[32, 24, 16, 8, 4], description="draws at each of batch_sizes"
    )

    @model_validator(mode="after")
    def _usable(self) -> Bias:
        for key in ("targets", "objectives", "batch_sizes"):
            listed = getattr(self, key)
            if len(set(listed)) < len(listed):
                found = ", ".join(map(str, listed))
                raise ValueError(f"{key}: must hold nothing twice, found {found}")
        if len(self.n_draws) != len(self.batch_sizes):
            raise ValueError(
                f"n_draws: needs a number for each of batch_sizes, found {len(self.n_draws)} for "
                f"{len(self.batch_sizes)}"
            )
        return self
