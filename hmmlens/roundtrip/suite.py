"""Networks for the tasks whose answer is known, trained once and kept in a folder.

The networks are those on which the error rates of the verdict are measured, see
:mod:`hmmlens.datasets.synthetic.tasks`. Each has a folder of its own below that of the suite, which
gets its name when it is whole: ``weights.safetensors``, and ``network.json`` with what is known of
the task, the losses and the recipe. The sequences are not kept: they follow from the seed.
:func:`members` lists the networks of the whole suite.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.task import TaskData
from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Recipe
from hmmlens.errors import StoreError
from hmmlens.rnn import recurrent_network
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.roundtrip.preparation import losses_on_test, train_on_task
from hmmlens.roundtrip.settings import Trip, training_of
from hmmlens.seeds import derive_seed

#: Files of a network.
WEIGHTS, RECORD = "weights.safetensors", "network.json"

#: Seeds of the networks of each task, and those of continua in the half ``reporting``, where the
#: rate of false states is small and needs many networks to be measured.
SEEDS, REPORTING_CONTINUA_SEEDS = (0,), (0, 1, 2)

#: Columns of the table of all networks.
COLUMNS = [
    *("task", "half", "answer", "n_states", "n_moore", "memory", "cell", "seed", "loss"),
    *("marginal", "floor", "remaining", "seconds", "epochs", "folder"),
]


def members(cells: Sequence[str] = TRAINABLE) -> list[tuple[str, str, int]]:
    """Return the networks of the whole suite.

    Parameters
    ----------
    cells : sequence of str, optional
        Kinds of cells, by default those on which the published rates are measured; also names in
        :data:`hmmlens.rnn.cells.registry.MODERN`.

    Returns
    -------
    list of (str, str, int)
        Task, cell and seed of each: a network of each cell on each task for each of
        :data:`SEEDS`, and for :data:`REPORTING_CONTINUA_SEEDS` on continua in the half
        ``reporting``.

    Examples
    --------
    >>> len([seed for task, cell, seed in members() if task == "parity"])
    3
    """
    found = []
    for name, one in TASKS.items():
        many = one.half == "reporting" and one.answer == "continuum"
        seeds = REPORTING_CONTINUA_SEEDS if many else SEEDS
        found += [(name, cell, seed) for seed in seeds for cell in cells]
    return found


def train_network(
    task: str, cell: str, seed: int, folder: Path, recipe: Recipe | None = None
) -> Path:
    """Train a network on a task, unless the folder holds it already.

    Parameters
    ----------
    task : str
        A name of :data:`hmmlens.datasets.synthetic.tasks.TASKS`.
    cell : str
        Kind of the cell.
    seed : int
        Seed of the network and its sequences.
    folder : pathlib.Path
        The suite.
    recipe : Recipe, optional
        By default that of the task. A network of another recipe is trained anew.

    Returns
    -------
    pathlib.Path
        The folder of the network.
    """
    member = TASKS[task]
    recipe = recipe or member.recipe
    place = folder / f"{task}-{cell}-{seed}"
    if place.exists() and read_record(place)["recipe"] == asdict(recipe):
        return place
    began = time.process_time()
    trip = Trip(dataset=_dataset(task, recipe), expected="open", n_units=recipe.n_units)
    prepared = train_on_task(trip, cell, training_of(recipe), _seed(task, cell, seed))
    losses = losses_on_test(prepared.network, prepared)
    known = {key: getattr(member, key) for key in ("half", "answer", "n_states", "n_moore")}
    floor = None if losses.floor != losses.floor else losses.floor
    record = {
        "task": task,
        **known,
        "memory": member.memory,
        "cell": cell,
        "seed": seed,
        "loss": losses.network,
        "marginal": losses.marginal,
        "floor": floor,
        "remaining": (losses.network - (floor or 0)) / (losses.marginal - (floor or 0)),
        "seconds": round(time.process_time() - began, 1),
        "epochs": prepared.epochs,
        "recipe": asdict(recipe),
    }
    partial = folder / f"{place.name}.partial{os.getpid()}"
    partial.mkdir(parents=True)
    recurrent_network.save(prepared.network, partial / WEIGHTS)
    (partial / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if place.exists():
        shutil.rmtree(place)
    partial.rename(place)
    return place


def read_record(path: Path) -> dict[str, Any]:
    """Return what is known of a network.

    Parameters
    ----------
    path : pathlib.Path
        The folder of the network.

    Returns
    -------
    dict
        The columns of :func:`index` and ``recipe``, the fields of
        :class:`hmmlens.datasets.synthetic.tasks.base.Recipe`.

    Raises
    ------
    StoreError
        When there is none.
    """
    try:
        record: dict[str, Any] = json.loads((path / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} holds no network of the suite; train it with benchmarks/verdict_suite.py"
        ) from error
    return record


def load(path: Path) -> tuple[RecurrentNetwork, xr.Dataset]:
    """Return a network of the suite with its sequences.

    Parameters
    ----------
    path : pathlib.Path
        The folder of the network.

    Returns
    -------
    network : RecurrentNetwork
        On the CPU, with the weights of its best epoch.
    data : Dataset
        The ``sequences`` store on which it was trained, selected and tested.

    Raises
    ------
    StoreError
        When the folder holds no network, or its weights do not fit.
    """
    path = Path(path)
    record = read_record(path)
    recipe = Recipe(**record["recipe"])
    seed = _seed(record["task"], record["cell"], record["seed"])
    data = build(_dataset(record["task"], recipe), derive_seed(seed, "data"))
    options = {"cell": record["cell"], "n_units": recipe.n_units, "n_layers": 1}
    network = recurrent_network.for_dataset(options, data.attrs, data.sizes, 0)
    return recurrent_network.load_weights(network, path / WEIGHTS).eval(), data


def index(folder: Path) -> pd.DataFrame:
    """Return the networks of a suite.

    Parameters
    ----------
    folder : pathlib.Path
        The suite.

    Returns
    -------
    DataFrame
        One row for each network: what is known of its ``task``, ``loss`` on test, that of the best
        constant answer (``marginal``) and of the exact answer (``floor``, where known), the share
        of the difference that is left (``remaining``), CPU ``seconds``, ``epochs`` and ``folder``.
    """
    places = sorted(
        path.parent for path in folder.glob(f"*/{RECORD}") if "." not in path.parent.name
    )
    rows = [read_record(place) | {"folder": place.name} for place in places]
    return pd.DataFrame(rows, columns=COLUMNS)


def write_index(folder: Path) -> None:
    """Write the table of :func:`index` to ``index.csv`` in the folder.

    Parameters
    ----------
    folder : pathlib.Path
        The suite.
    """
    partial = folder / f"index.csv.partial{os.getpid()}"
    index(folder).to_csv(partial, index=False, float_format="%.6g")
    partial.replace(folder / "index.csv")


def _dataset(task: str, recipe: Recipe) -> TaskData:
    return TaskData(kind="task", name=task, n_sequences=recipe.n_sequences, n_steps=recipe.n_steps)


def _seed(task: str, cell: str, seed: int) -> int:
    return derive_seed(seed, "suite", task, cell)
