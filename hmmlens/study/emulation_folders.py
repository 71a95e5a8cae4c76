"""The folders of a study of emulating networks: one of tables for each step of each training."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from hmmlens import user_text
from hmmlens.emulation import checkpoints
from hmmlens.emulation.checkpoints import Checkpoints
from hmmlens.emulation.settings import EmulationNetwork
from hmmlens.emulation.training import Trained, initialise
from hmmlens.errors import DataError
from hmmlens.rnn import recurrent_network
from hmmlens.rnn.noise_driven import NoiseDriven

#: Files in the folder of a training.
WEIGHTS, CHECKPOINTS = "network.safetensors", "checkpoints.safetensors"
#: The table with the reason why other tables are missing.
REFUSED = "refused"
#: The table with the time and memory of a step.
COST = "cost"
#: Units of memory of the operating system per MB: kB, on macOS bytes.
MEMORY_UNITS = 1024**2 if sys.platform == "darwin" else 1024

Tables = Mapping[str, pd.DataFrame]


def write_network(trained: Trained, folder: Path) -> None:
    """Write the weights of a trained network and those of its checkpoints.

    Parameters
    ----------
    trained : Trained
        The network and the checkpoints of its training.
    folder : Path
        Folder of the training.
    """
    recurrent_network.save(trained.network, folder / WEIGHTS)
    checkpoints.save(trained.checkpoints, folder / CHECKPOINTS)


def read_network(folder: Path, settings: EmulationNetwork, n_symbols: int) -> NoiseDriven:
    """Read a network that :func:`write_network` wrote, on the CPU and without gradients.

    Parameters
    ----------
    folder : Path
        Folder of the training.
    settings : EmulationNetwork
        Architecture of the network.
    n_symbols : int
        Number of symbols that the network emits.

    Returns
    -------
    NoiseDriven
        The network in evaluation mode.

    Raises
    ------
    StoreError
        When the file cannot be read, or is of a network with other settings.
    """
    network = recurrent_network.load_weights(
        initialise(settings, n_symbols, seed=0), folder / WEIGHTS
    )
    return network.requires_grad_(False).eval()


def read_checkpoints(folder: Path) -> Checkpoints:
    """Read the weights along a training; see :func:`hmmlens.emulation.checkpoints.load`.

    Parameters
    ----------
    folder : Path
        Folder of the training.

    Returns
    -------
    Checkpoints
        Weights of the network by the number of updates.
    """
    return checkpoints.load(folder / CHECKPOINTS)


def attempted(make: Callable[[], Tables]) -> Tables:
    """Return the tables, or one that holds the reason why there are none.

    A network that cannot be analysed, because its states diverge, is a finding and does not stop
    the study.

    Parameters
    ----------
    make : callable
        Returns the tables, or raises a :class:`DataError` where the network cannot be analysed.

    Returns
    -------
    mapping of str to DataFrame
        Tables by name; only :data:`REFUSED` where the analysis failed.
    """
    try:
        return make()
    except DataError as error:
        return {REFUSED: pd.DataFrame([{"reason": str(error)}])}


def write_tables(tables: Tables, folder: Path) -> None:
    """Write every table that has rows to ``folder/{name}.csv``.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables by name.
    folder : Path
        Folder that they are written to; it is created where it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if len(table):
            user_text.table(table).to_csv(folder / f"{name}.csv", index=False, float_format="%.7g")


def write_step(tables: Tables, folder: Path) -> None:
    """Write the tables of a step, and the time and memory that this process has taken so far.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables by name.
    folder : Path
        Folder of the step.
    """
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEMORY_UNITS
    cost = pd.DataFrame([{"cpu_seconds": time.process_time(), "memory_mb": memory}])
    write_tables({**tables, COST: cost}, folder)


def entry(folder: Path, table: str, column: str) -> float | None:
    """Return the first entry of a column of a table.

    Parameters
    ----------
    folder : Path
        Folder of a step.
    table : str
        Name of the table.
    column : str
        Name of the column.

    Returns
    -------
    float or None
        The entry; None where there is no such table.
    """
    path = folder / f"{table}.csv"
    return float(pd.read_csv(path)[column].iloc[0]) if path.exists() else None


def read_kicks(folder: Path) -> dict[int, list[int]] | None:
    """Return, for each label, the three units whose ablation lets a network keep the label longest.

    The units are returned whether or not they have a larger effect than other units.

    Parameters
    ----------
    folder : Path
        Folder of the step ``kicks``.

    Returns
    -------
    dict of int to list of int, or None
        Three units for each label; None where none were found.
    """
    path = folder / "kicks.csv"
    if not path.exists():
        return None
    table = pd.read_csv(path, keep_default_na=False)
    threes = table[(table["kind"] == "three") & (table["best_units"].astype(str) != "")]
    units = {int(row.exit): [int(u) for u in str(row.best_units).split()]
             for row in threes.itertuples()}  # fmt: skip
    return units or None
