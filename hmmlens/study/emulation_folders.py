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

#: Of a training's folder.
WEIGHTS, CHECKPOINTS = "network.safetensors", "checkpoints.safetensors"
#: The table that says why there are no others, or not all.
REFUSED = "refused"
#: The table that says what a step cost.
COST = "cost"
#: Of what the system counts memory in, per MB: kB, on macOS bytes.
MEMORY_UNITS = 1024**2 if sys.platform == "darwin" else 1024

Tables = Mapping[str, pd.DataFrame]


def write_network(trained: Trained, folder: Path) -> None:
    """Write the weights of a trained network and those along its training."""
    recurrent_network.save(trained.network, folder / WEIGHTS)
    checkpoints.save(trained.checkpoints, folder / CHECKPOINTS)


def read_network(folder: Path, settings: EmulationNetwork, n_symbols: int) -> NoiseDriven:
    """Read what :func:`write_network` wrote, on the CPU and not to be trained.

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
    """Read the weights along a training; see :func:`hmmlens.emulation.checkpoints.load`."""
    return checkpoints.load(folder / CHECKPOINTS)


def attempted(make: Callable[[], Tables]) -> Tables:
    """Return the tables, or one that says why there are none.

    A network that cannot be analysed, as its states run away, is a finding, and no reason for a
    study to stop.
    """
    try:
        return make()
    except DataError as error:
        return {REFUSED: pd.DataFrame([{"reason": str(error)}])}


def write_tables(tables: Tables, folder: Path) -> None:
    """Write every table that has rows to ``folder/{name}.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if len(table):
            user_text.table(table).to_csv(folder / f"{name}.csv", index=False, float_format="%.7g")


def write_step(tables: Tables, folder: Path) -> None:
    """Write the tables of a step, and what this process has cost since it began."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEMORY_UNITS
    cost = pd.DataFrame([{"cpu_seconds": time.process_time(), "memory_mb": memory}])
    write_tables({**tables, COST: cost}, folder)


def entry(folder: Path, table: str, column: str) -> float | None:
    """Return the first entry of a column; None where there is no such table."""
    path = folder / f"{table}.csv"
    return float(pd.read_csv(path)[column].iloc[0]) if path.exists() else None


def read_kicks(folder: Path) -> dict[int, list[int]] | None:
    """Return the three units by label whose silencing keeps a network in it longest.

    Whether or not they do more than other units; None where none were found.
    """
    path = folder / "kicks.csv"
    if not path.exists():
        return None
    table = pd.read_csv(path, keep_default_na=False)
    threes = table[(table["kind"] == "three") & (table["best_units"].astype(str) != "")]
    found = {int(row.exit): [int(u) for u in str(row.best_units).split()]
             for row in threes.itertuples()}  # fmt: skip
    return found or None
