"""A network under reverse engineering: its main run, its seeds, and what several stages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import informative, latent
from hmmlens.dynamics.rollouts import Run, drive, pick
from hmmlens.emulation.analysis import residency as local
from hmmlens.emulation.analysis import subspaces
from hmmlens.emulation.analysis.along_training import Weights
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed

Tables = dict[str, pd.DataFrame]

#: Runs of the main analyses and their steps.
N_RUNS, N_STEPS = 100, 400
#: States of each run whose residency is told; of cells whose Jacobians take long.
N_EACH, N_EACH_GATED = 20, 5
#: Runs in which label pairs are looked for, their steps, and steps between rolled-out states.
N_PAIR_RUNS, N_PAIR_STEPS, PAIR_EVERY = 200, 1000, 200
#: Checkpoints that are measured at most.
MOST_CHECKPOINTS = 50


class Case:
    """A network with what every stage needs.

    Attributes
    ----------
    symbols : those that tell states apart, see :func:`hmmlens.dynamics.labels.informative`.
    run : the main run.
    hidden : (run, time, unit), of the main run.

    Raises
    ------
    DataError
        When the network diverges on its own noise.
    """

    def __init__(self, network: NoiseDriven, hmm: HMMParameters, seed: int) -> None:
        self.network, self.seed, self.symbols = network, seed, informative(hmm)
        self.run = self.drive("run", N_RUNS, N_STEPS)
        self.hidden = self.units(self.run)

    def generator(self, stage: str) -> torch.Generator:
        """Return the generator of a stage, which depends on nothing but its name and the seed."""
        return torch.Generator().manual_seed(derive_seed(self.seed, "dynamics", stage))

    def rng(self, stage: str) -> np.random.Generator:
        """Return NumPy's generator of a stage."""
        return np.random.default_rng(derive_seed(self.seed, "dynamics", stage))

    def drive(self, stage: str, n_runs: int, n_steps: int) -> Run:
        """Return fresh runs."""
        return drive(self.network, n_runs, n_steps, self.generator(stage))

    def units(self, run: Run) -> NDArray[np.float32]:
        """Return hidden units (run, time, unit)."""
        hidden: NDArray[np.float32] = run.states[..., : self.network.n_units].cpu().numpy()
        return hidden

    def labels(self, run: Run) -> NDArray[np.int64]:
        """Return labels (run, time)."""
        return np.asarray(latent(run.logits, self.symbols).cpu().numpy(), dtype=np.int64)


def picked(case: Case) -> tuple[Tensor, Tensor]:
    """Return the states whose residency is told, and their runs."""
    n_each = N_EACH if has_drive(case.network) else N_EACH_GATED
    return pick(case.run, n_each, case.generator("picked"))


def states(case: Case) -> pd.DataFrame:
    """Return one row a state, see :func:`hmmlens.emulation.analysis.residency.states_table`."""
    entries, runs = picked(case)
    found = local.residency(case.network, entries, case.symbols, case.generator("residency"))
    return local.states_table(case.network, entries, runs, found)


def pairs(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of label pairs and their longest stretches."""
    run = case.drive("pairs", N_PAIR_RUNS, N_PAIR_STEPS)
    some = run.states[:, ::PAIR_EVERY]
    found = local.residency(
        case.network, some.flatten(0, 1), case.symbols, case.generator("pair residency")
    )
    regions = np.full(run.states.shape[:2], -1)
    regions[:, ::PAIR_EVERY] = local.regions(found).reshape(some.shape[:2])
    return subspaces.pairs(case.units(run), case.labels(run), regions, case.rng("pairs"))


def thinned(
    checkpoints: Weights, most: int = MOST_CHECKPOINTS
) -> list[tuple[int, Mapping[str, Tensor]]]:
    """Return at most ``most`` checkpoints, evenly spaced with both ends."""
    kept = list(checkpoints)
    places = np.unique(np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int))
    return [kept[place] for place in places]


def gathered(stages: Mapping[str, Callable[[], Tables]]) -> Tables:
    """Return the tables of all stages, and a note where one could say nothing."""
    tables: Tables = {}
    notes = []
    for stage, make in stages.items():
        try:
            tables |= make()
        except DataError as error:
            notes.append({"stage": stage, "note": str(error)})
    return tables | {"notes": pd.DataFrame(notes, columns=["stage", "note"])}
