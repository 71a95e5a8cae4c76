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
from hmmlens.dynamics.rollouts import Run, drive, sample_states
from hmmlens.emulation.analysis import noise_sensitivity, subspaces
from hmmlens.emulation.analysis import residency as local
from hmmlens.emulation.analysis.along_training import Weights
from hmmlens.emulation.analysis.settings import ReverseSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.seeds import derive_seed
from hmmlens.typing import Int64s

Tables = dict[str, pd.DataFrame]


class Context:
    """A network with what every stage needs.

    Parameters
    ----------
    network : NoiseDriven
        The network.
    hmm : HMMParameters
        The target that it was trained to emulate.
    seed : int
        Seed of all stages.
    settings : ReverseSettings
        Settings of all stages.

    Attributes
    ----------
    symbols : tuple of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    run : Run
        The main run.
    hidden : ndarray of shape (run, time, unit)
        Hidden units of the main run.

    Raises
    ------
    DataError
        When the network diverges on its own noise.
    """

    def __init__(
        self,
        network: NoiseDriven,
        hmm: HMMParameters,
        seed: int,
        settings: ReverseSettings = ReverseSettings(),  # noqa: B008
    ) -> None:
        self.network, self.seed, self.settings = network, seed, settings
        self.symbols = informative(hmm)
        self.run = self.drive("run", settings.n_runs, settings.n_steps)
        self.hidden = self.units(self.run)

    def generator(self, stage: str) -> torch.Generator:
        """Return the generator of a stage, which depends on its name and the seed only.

        Parameters
        ----------
        stage : str
            Name of the stage.

        Returns
        -------
        torch.Generator
            A new generator.
        """
        return torch.Generator().manual_seed(derive_seed(self.seed, "dynamics", stage))

    def rng(self, stage: str) -> np.random.Generator:
        """Return NumPy's generator of a stage.

        Parameters
        ----------
        stage : str
            Name of the stage.

        Returns
        -------
        numpy.random.Generator
            A new generator.
        """
        return np.random.default_rng(derive_seed(self.seed, "dynamics", stage))

    def drive(self, stage: str, n_runs: int, n_steps: int) -> Run:
        """Return fresh runs.

        Parameters
        ----------
        stage : str
            Name of the stage, which determines the noise.
        n_runs, n_steps : int
            Number of runs, and of steps after the warm-up.

        Returns
        -------
        Run
            The runs.
        """
        return drive(self.network, n_runs, n_steps, self.generator(stage))

    def units(self, run: Run) -> NDArray[np.float32]:
        """Return the hidden units of runs.

        Parameters
        ----------
        run : Run
            Runs of the network.

        Returns
        -------
        ndarray of shape (run, time, unit)
            Hidden units.
        """
        hidden: NDArray[np.float32] = run.states[..., : self.network.n_units].cpu().numpy()
        return hidden

    def labels(self, run: Run) -> Int64s:
        """Return the labels of runs.

        Parameters
        ----------
        run : Run
            Runs of the network.

        Returns
        -------
        ndarray of shape (run, time)
            Labels.
        """
        return np.asarray(latent(run.logits, self.symbols).cpu().numpy(), dtype=np.int64)


def sampled_states(context: Context) -> tuple[Tensor, Tensor]:
    """Return the states whose residency is measured.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    entries : Tensor of shape (state, entry)
        States, run by run.
    runs : Tensor of shape (state)
        Run of each state.
    """
    settings = context.settings
    n_each = settings.n_each if has_drive(context.network) else settings.n_each_gated
    return sample_states(context.run, n_each, context.generator("picked"))


def states(context: Context) -> pd.DataFrame:
    """Return one row per state, see :func:`hmmlens.emulation.analysis.residency.states_table`.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    DataFrame
        The states.
    """
    entries, runs = sampled_states(context)
    settings, generator = context.settings.residency, context.generator("residency")
    statistics = local.residency(context.network, entries, context.symbols, generator, settings)
    return local.states_table(context.network, entries, runs, statistics, settings)


def switch_points(context: Context) -> noise_sensitivity.Points:
    """Return the cluster point and the kick point of one dwell of each run.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    Points
        See :func:`hmmlens.emulation.analysis.noise_sensitivity.choose`.
    """
    return noise_sensitivity.choose(
        context.network,
        context.run,
        context.symbols,
        context.generator("points"),
        context.settings.sensitivity,
    )


def pairs(context: Context) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of label pairs and their longest stretches.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    table, longest : DataFrame
        See :func:`hmmlens.emulation.analysis.subspaces.pairs`.
    """
    settings = context.settings
    run = context.drive("pairs", settings.n_pair_runs, settings.n_pair_steps)
    some = run.states[:, :: settings.pair_every]
    statistics = local.residency(
        context.network,
        some.flatten(0, 1),
        context.symbols,
        context.generator("pair residency"),
        settings.residency,
    )
    regions = np.full(run.states.shape[:2], -1)
    regions[:, :: settings.pair_every] = local.regions(statistics, settings.residency).reshape(
        some.shape[:2]
    )
    return subspaces.pairs(
        context.units(run), context.labels(run), regions, context.rng("pairs"), settings.subspaces
    )


def thinned(
    checkpoints: Weights, most: int = ReverseSettings.max_checkpoints
) -> list[tuple[int, Mapping[str, Tensor]]]:
    """Return some checkpoints, evenly spaced with both ends.

    Parameters
    ----------
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.
    most : int
        Maximum number of checkpoints.

    Returns
    -------
    list of (int, mapping)
        At most ``most`` of the checkpoints.
    """
    kept = list(checkpoints)
    places = np.unique(np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int))
    return [kept[place] for place in places]


def gathered(stages: Mapping[str, Callable[[], Tables]]) -> Tables:
    """Return the tables of all stages, and a note where one has no result.

    Parameters
    ----------
    stages : mapping of str to callable
        Functions that return tables, by name of the stage.

    Returns
    -------
    dict of str to DataFrame
        The tables, and ``notes`` with ``stage`` and ``note``.
    """
    tables: Tables = {}
    notes = []
    for stage, make in stages.items():
        try:
            tables |= make()
        except DataError as error:
            notes.append({"stage": stage, "note": str(error)})
    return tables | {"notes": pd.DataFrame(notes, columns=["stage", "note"])}
