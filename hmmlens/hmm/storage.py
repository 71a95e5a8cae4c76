"""A sweep as labelled arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import DataError, StoreError
from hmmlens.hmm import selection
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM, HiddenMarkovModel
from hmmlens.hmm.sweep import HMMSweep

INDEX = ["covariance_type", "n_states", "restart"]

#: Reduced stores of more bytes are not held in memory, and of those so many at a time.
STREAM_BYTES, CHUNK_BYTES = 2**28, 2**24

#: Columns of the table of fits. A store lists its arrays in whatever order the disk has them.
SCORES = (
    *("log_likelihood", "bic", "aic", "icl", "held_out"),
    *("n_parameters", "n_iter", "converged", "n_floored", "n_rescued", "n_drops"),
    *("min_occupancy", "seconds"),
)


def fit(reduced: xr.Dataset, **settings: Any) -> xr.Dataset:
    """Fit a sweep to the train split of a ``reduced`` store and return it as a ``sweep`` store.

    Parameters
    ----------
    reduced : Dataset
        With ``reduced``, ``length``, ``split`` and the attribute ``emission``. Above
        :data:`STREAM_BYTES` it is read in chunks, once in every step of EM.
    **settings : object
        Arguments of :class:`hmmlens.HMMSweep`.

    Returns
    -------
    Dataset
        See :func:`to_dataset`.
    """
    symbols: dict[str, Any] = {"n_symbols": reduced.attrs.get("n_symbols")}
    sweep = HMMSweep(**(symbols | settings), emission=reduced.attrs["emission"])
    if reduced["reduced"].nbytes > STREAM_BYTES:
        return to_dataset(
            sweep.fit(partial(chunks, reduced, 0), held_out=partial(chunks, reduced, 1))
        )
    parts = [reduced.isel(sequence=reduced["split"].to_numpy() == part) for part in (0, 1)]
    (train, ends), (select, select_ends) = [
        (part["reduced"].to_numpy(), part["length"].to_numpy()) for part in parts
    ]
    return to_dataset(sweep.fit(train, ends, select, select_ends))


def chunks(reduced: xr.Dataset, part: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Read one split of a ``reduced`` store in chunks.

    Parameters
    ----------
    reduced : Dataset
        See :func:`fit`.
    part : int
        Number of the split.

    Yields
    ------
    tuple of ndarray
        Values and lengths of some sequences.
    """
    values, length = reduced["reduced"], reduced["length"].to_numpy()
    chosen = reduced["split"].to_numpy() == part
    rows = max(1, CHUNK_BYTES // (values.nbytes // len(values)))
    for first in range(0, len(values), rows):
        place = slice(first, first + rows)
        if chosen[place].any():
            yield values[place].to_numpy()[chosen[place]], length[place][chosen[place]]


def to_dataset(sweep: HMMSweep) -> xr.Dataset:
    """Return a sweep as labelled arrays.

    Parameters
    ----------
    sweep : HMMSweep
        A fitted sweep.

    Returns
    -------
    Dataset
        Scores over (covariance_type, n_states, restart), and over (covariance_type, n_states,
        kept) the parameters of the restarts of ``restarts_`` and their numbers ``kept_restart``,
        -1 for none. Parameters of fewer states than the largest are padded with NaN.

    Raises
    ------
    DataError
        When every fit broke down.
    """
    if not sweep.models_:
        raise DataError("every fit of the sweep broke down, so there is no model to keep")
    data = sweep.results_.set_index(INDEX).to_xarray()
    # xarray sorts labels; the study's order of covariance types decides which comes first.
    order = list(dict.fromkeys(sweep.results_["covariance_type"]))
    data = data.sel(covariance_type=order)
    converged = data["converged"].astype(np.float64)
    data = data.assign(converged=converged)
    types, counts = data["covariance_type"].values, data["n_states"].values
    largest = int(counts.max())

    lead = (*INDEX[:2], "kept")
    shape = len(types), len(counts), max(len(kept) for kept in sweep.restarts_.values())
    kept_restart, models = np.full(shape, -1), np.full(shape, None)
    for (kind, n_states), kept in sweep.restarts_.items():
        place = np.flatnonzero(types == kind)[0], np.flatnonzero(counts == n_states)[0]
        for i, (restart, one) in enumerate(kept.items()):
            kept_restart[*place, i], models[*place, i] = restart, one

    def _padded(name: str, *sizes: int) -> np.ndarray:
        out = np.full((*shape, *sizes), np.nan)
        for place in np.argwhere(kept_restart >= 0):
            value = getattr(models[*place], name)
            out[*place][tuple(slice(0, size) for size in value.shape)] = value
        return out

    data = data.assign(
        kept_restart=(lead, kept_restart),
        startprob=((*lead, "state"), _padded("startprob_", largest)),
        transmat=((*lead, "state", "next_state"), _padded("transmat_", largest, largest)),
    )
    example = next(iter(sweep.models_.values()))
    if isinstance(example, GaussianHMM):
        d = example.means_.shape[1]
        data = data.assign(
            means=((*lead, "state", "component"), _padded("means_", largest, d)),
            covars=(
                (*lead, "state", "component", "component_2"),
                _padded("covars_", largest, d, d),
            ),
        )
    elif isinstance(example, CategoricalHMM):
        v = example.emissionprob_.shape[1]
        data = data.assign(
            emissionprob=((*lead, "state", "symbol"), _padded("emissionprob_", largest, v))
        )
    codes = list(types)
    data = data.assign_coords(covariance_type=range(len(codes)))
    labelled: xr.Dataset = data.assign_attrs(
        covariance_types=codes, **sweep.sample_sizes_._asdict()
    )
    return labelled


def sample_sizes(data: xr.Dataset) -> selection.SampleSizes:
    """Return how many observations a stored sweep was fitted to, counted in three ways.

    Parameters
    ----------
    data : Dataset
        A stored sweep.

    Returns
    -------
    SampleSizes
        See :func:`hmmlens.hmm.selection.sample_sizes`.
    """
    return selection.SampleSizes(*(data.attrs[name] for name in selection.SampleSizes._fields))


def results(data: xr.Dataset) -> pd.DataFrame:
    """Return the tidy table of fits of a stored sweep.

    Parameters
    ----------
    data : Dataset
        A stored sweep.

    Returns
    -------
    DataFrame
        As ``results_`` of :class:`hmmlens.HMMSweep`, in a fixed order.
    """
    scores = [name for name in SCORES if name in data]
    table = data[scores].to_dataframe().reset_index()[[*INDEX, *scores]]
    # One state is fitted once, so its other restarts are gaps and not failures.
    table = table[table["n_iter"].notna()]
    table["converged"] = table["converged"] == 1
    counts = [name for name in scores if name.startswith("n_")]
    table = table.astype(dict.fromkeys(counts, int)).sort_values(INDEX).reset_index(drop=True)
    # Named only now: the study's order of covariance types stays.
    table["covariance_type"] = [data.attrs["covariance_types"][i] for i in table["covariance_type"]]
    return table


def with_model(data: xr.Dataset, model: GaussianHMM, covariance_type: str) -> xr.Dataset:
    """Return a stored sweep with a model that is none of its restarts.

    Parameters
    ----------
    data : Dataset
        A stored sweep.
    model : GaussianHMM
        Its number of states is one of the sweep's.
    covariance_type : str
        Covariance type of the model.

    Returns
    -------
    Dataset
        A copy, in which no restart with this number of states keeps its parameters.
    """
    data = data.copy(deep=True)
    place = (
        list(data.attrs["covariance_types"]).index(covariance_type),
        data["n_states"].to_numpy().tolist().index(model.n_components),
    )
    data["kept_restart"].to_numpy()[place] = -1
    for name in ("startprob", "transmat", "means", "covars"):
        values = getattr(model, f"{name}_")
        part = data[name].to_numpy()[*place, 0]
        part[tuple(slice(0, size) for size in values.shape)] = values
    return data


def kept_restarts(data: xr.Dataset, covariance_type: str, n_states: int) -> list[int]:
    """Return the restarts of one model whose parameters a stored sweep holds.

    Parameters
    ----------
    data : Dataset
        A stored sweep.
    covariance_type : str
        Covariance type of the model.
    n_states : int
        Number of states of the model.

    Returns
    -------
    list of int
        The most likely restart first; empty where the parameters are those of no restart.
    """
    at = list(data.attrs["covariance_types"]).index(covariance_type)
    of_count = data["n_states"].to_numpy().tolist().index(n_states)
    numbers = data["kept_restart"].to_numpy()[at, of_count]
    return [int(number) for number in numbers if number >= 0]


def model(
    data: xr.Dataset, covariance_type: str, n_states: int, restart: int | None = None
) -> HiddenMarkovModel:
    """Return one model of a stored sweep.

    Parameters
    ----------
    data : Dataset
        A stored sweep.
    covariance_type : str
        Covariance type of the model.
    n_states : int
        Number of states of the model.
    restart : int, optional
        One of :func:`kept_restarts`; None takes the most likely, or what :func:`with_model` stored
        instead.

    Returns
    -------
    GaussianHMM or CategoricalHMM
        A fitted model.

    Raises
    ------
    StoreError
        When the sweep holds no such model, or its parameters are damaged.
    """
    types = list(data.attrs["covariance_types"])
    counts = data["n_states"].to_numpy().tolist()
    if covariance_type not in types or n_states not in counts:
        raise StoreError(f"the sweep holds no {covariance_type} model with {n_states} states")
    kept, place = kept_restarts(data, covariance_type, n_states), 0
    if restart is not None:
        if restart not in kept:
            raise StoreError(
                f"the sweep holds no parameters of restart {restart} of the {covariance_type} "
                f"model with {n_states} states"
            )
        place = kept.index(restart)
    # Arrays are indexed, and not the data set: xarray would take as long as all else together.
    at, k = (types.index(covariance_type), counts.index(n_states), place), slice(0, n_states)
    startprob = data["startprob"].to_numpy()[at][k]
    if np.isnan(startprob).any():
        raise StoreError(f"every {covariance_type} fit with {n_states} states broke down")
    transmat = data["transmat"].to_numpy()[at][k, k]
    try:
        if "means" in data:
            means, covars = (data[name].to_numpy()[at][k] for name in ("means", "covars"))
            return GaussianHMM.from_parameters(startprob, transmat, means, covars, covariance_type)
        emissionprob = data["emissionprob"].to_numpy()[at][k]
        return CategoricalHMM.from_parameters(startprob, transmat, emissionprob)
    except DataError as error:
        raise StoreError(
            f"the {covariance_type} model with {n_states} states is damaged: {error}; fit it again"
        ) from error


def chosen_model(data: xr.Dataset, choice: Mapping[Any, Any] | pd.Series) -> HiddenMarkovModel:
    """Return a chosen model of a stored sweep.

    Parameters
    ----------
    data : Dataset
        A stored sweep.
    choice : mapping or Series
        ``covariance_type, n_states, restart``, as a row of the table of choices; without a restart,
        or where it is missing, see :func:`model`.

    Returns
    -------
    GaussianHMM or CategoricalHMM
        A fitted model.
    """
    restart = choice.get("restart")
    return model(
        data,
        str(choice["covariance_type"]),
        int(choice["n_states"]),
        None if restart is None or pd.isna(restart) else int(restart),
    )
