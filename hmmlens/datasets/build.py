"""Build a dataset from its settings, as the labelled arrays of a ``sequences`` store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hmmlens.datasets.base import DATASETS, Dataset
from hmmlens.datasets.own import npz, table, zarr_store
from hmmlens.datasets.own.base import FileData
from hmmlens.datasets.recorded import gait, gait_phase, speech
from hmmlens.datasets.synthetic import (
    continuum,
    counter,
    flipflop,
    hmm,
    task,
    toggle,
    tomita,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DATASETS", "build", "file_datasets"]

# Each module registers its dataset. The order is that of messages and of the JSON Schema.
DATASETS.arrange(
    *(hmm, flipflop, toggle, counter, tomita, continuum, task),
    *(gait, gait_phase, speech, table, npz, zarr_store),
)


def file_datasets() -> dict[str, type[FileData]]:
    """Return the datasets that are read from a user's own file, by kind.

    Returns
    -------
    dict of str to type
        In the order of registration.
    """
    return {kind: member for kind, member in DATASETS.items() if issubclass(member, FileData)}


def build(
    settings: Dataset, seed: int, source: Path | None = None, frozen: bool = False
) -> xr.Dataset:
    """Return the sequences of one dataset.

    Parameters
    ----------
    settings : Dataset
        The dataset's section of the study.
    seed : int
        Seed of everything that is sampled.
    source : pathlib.Path or None
        The fetched file of ``settings.source``, for datasets that have one.
    frozen : bool
        Whether no network is trained on the dataset, so that its train split may lack symbols.

    Returns
    -------
    xarray.Dataset
        ``input`` (sequence, time) symbols or (sequence, time, feature) values; ``target`` alike,
        -1 or NaN where there is none; ``length``, ``split`` (0 train, 1 select, 2 test) and
        ``group`` (sequence); ``state`` (sequence, time), -1 where unknown. Where a network reads
        more than can be shown, ``fed`` (sequence, time, sample) is what it reads and ``input``
        describes that. Entries past a sequence's ``length`` have no meaning. The attributes state
        how to read the arrays: among them ``n_symbols``, and ``n_target_symbols`` where targets
        are symbols of their own.

    Raises
    ------
    DataError
        When the source is missing, or something in it does not fit.

    Examples
    --------
    >>> from hmmlens.datasets.synthetic.flipflop import FlipFlopData
    >>> settings = FlipFlopData(kind="flipflop", n_bits=2, n_sequences=10, n_steps=30)
    >>> data = build(settings, seed=0)
    >>> dict(data["input"].sizes)
    {'sequence': 10, 'time': 30, 'feature': 2}
    >>> sorted(set(data["split"].values.tolist()))
    [0, 1, 2]
    """
    import numpy as np

    from hmmlens.errors import DataError

    if settings.source is not None and source is None:
        raise DataError(f"{settings.kind} needs the fetched {settings.source.file}")
    return settings.build(np.random.default_rng(seed), source, frozen)
