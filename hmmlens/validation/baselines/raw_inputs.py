"""The inputs as a control without a network, prepared and reduced as a network's states are.

Values are clipped, standardised and taken without constants, all by the train split; symbols are
one-hot. Each of the study's reducers is applied to them, and to the concatenated inputs of the last
steps, as it is to the states of a network. Unscaled inputs would be dominated by one feature in
milliseconds, and the control would fail where the inputs determine everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.naming import LAGGED_REDUCER, N_LAGS, RAW_REDUCER, control_of, raw_variants
from hmmlens.ragged import steps_inside
from hmmlens.reduction import fitting
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Bools, Floats
from hmmlens.validation.baselines.registry import baseline

#: The two controls: the present input, and the present one with those before it.
RAW, LAGGED = RAW_REDUCER, LAGGED_REDUCER
#: Symbols with a column of their own in one-hot coding, the most frequent ones; others share one.
MOST_SYMBOLS = 64
#: Components of less variance than this share of the largest are none.
LEAST_VARIANCE = 1e-9


def one_hot(symbols: NDArray[Any], inside: Bools, train: Bools) -> Floats:
    """Return symbols as one-hot vectors, 0 past each sequence's end.

    Parameters
    ----------
    symbols : ndarray of shape (sequence, time)
        Symbols. Those that train does not hold are in no column, and of many the rarest share the
        last one.
    inside : ndarray of shape (sequence, time)
        False past a sequence's end.
    train : ndarray of shape (sequence,)
        True for sequences from which the columns are learnt.

    Returns
    -------
    ndarray of shape (sequence, time, symbol)
        Symbols as one-hot vectors.
    """
    kinds, counts = np.unique(symbols[inside & train[:, None]], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    own, shared = kinds[order[:MOST_SYMBOLS]], kinds[order[MOST_SYMBOLS:]]
    columns = [symbols == kind for kind in np.sort(own)]
    if len(shared):
        columns.append(np.isin(symbols, shared))
    coded: Floats = (np.stack(columns, axis=2) & inside[:, :, None]).astype(np.float64)
    return coded


def lagged(values: Floats, n_lags: int = N_LAGS) -> Floats:
    """Return values concatenated with those of the steps before, 0 before the start.

    Parameters
    ----------
    values : ndarray of shape (sequence, time, feature)
        Values.
    n_lags : int, optional
        Number of steps before.

    Returns
    -------
    ndarray of shape (sequence, time, (n_lags + 1) * feature)
        Values concatenated with those of the steps before.

    Examples
    --------
    >>> lagged(np.arange(3.0).reshape(1, 3, 1), n_lags=1)[0].tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]]
    """
    n_steps = values.shape[1]
    parts = [np.zeros_like(values) for _ in range(n_lags + 1)]
    for lag, part in enumerate(parts):
        part[:, lag:] = values[:, : max(n_steps - lag, 0)]
    return np.concatenate(parts, axis=2)


@baseline(RAW, "inputs", label="raw input")
@baseline(LAGGED, "inputs", label="lagged input")
def control(
    sequences: xr.Dataset,
    chosen: NDArray[np.integer],
    name: str,
    settings: dict[str, Any] | None,
    seed: int,
) -> xr.Dataset:
    """Return the ``reduced`` store of a control.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (chosen,)
        Which of its sequences were recorded.
    name : str
        :data:`RAW` or :data:`LAGGED`.
    settings : dict or None
        Settings of the reducer, see :func:`hmmlens.reduction.fitting.fit_transform`; None for the
        inputs themselves: scaled values, or symbols as they are.
    seed : int
        Seed of the reducer.

    Returns
    -------
    Dataset
        Inputs that never vary in the train split are one symbol, which carries no information.
    """
    part = sequences.isel(sequence=chosen)
    inputs, length = part["input"].to_numpy(), part["length"].to_numpy()
    inside, train = steps_inside(length, *inputs.shape[:2]), part["split"].to_numpy() == 0
    if settings is None and name == RAW and sequences.attrs["input_kind"] == "symbols":
        return _store(part, inputs.astype(np.int64))
    coded = (one_hot if inputs.ndim == 2 else scaled)(inputs, inside, train)
    coded = np.where(inside[:, :, None], lagged(coded), 0.0) if name == LAGGED else coded
    if not _varying(coded, inside & train[:, None]).any():
        return _store(part, np.zeros(inside.shape, np.int64))
    if settings is not None:
        coded, _ = fitting.fit_transform(coded, train, settings, seed, length)
    return _store(part, coded[..., _varying(coded, inside & train[:, None])])


def controls(
    sequences: xr.Dataset,
    chosen: NDArray[np.integer],
    reducers: dict[str, dict[str, Any]],
    seed: int,
) -> dict[str, dict[str, xr.Dataset]]:
    """Return the ``reduced`` stores of both controls.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (chosen,)
        Which of its sequences were recorded.
    reducers : dict of str to dict
        Settings by name, without exploratory ones.
    seed : int
        Seed of the reducers.

    Returns
    -------
    dict of str to dict of str to Dataset
        Control -> reduction -> store.
    """
    return {
        name: {
            variant: control(sequences, chosen, name, settings_of(variant, reducers), seed)
            for variant in found
        }
        for name, found in raw_variants(reducers).items()
    }


def settings_of(variant: str, reducers: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the settings of the reducer of a variant.

    Parameters
    ----------
    variant : str
        Name of the reduction of a control, see :func:`hmmlens.naming.raw_variants`.
    reducers : dict of str to dict
        Settings by name.

    Returns
    -------
    dict or None
        None for the inputs themselves.
    """
    return reducers.get(variant.removeprefix(f"{control_of(variant)}-"))


def _varying(values: Floats, learn: Bools) -> Bools:
    """Return which components vary, relative to the one that varies most."""
    frames = values[learn]
    if not len(frames):
        return np.zeros(values.shape[2], dtype=bool)
    variance = frames.var(axis=0)
    varies: Bools = variance > LEAST_VARIANCE * max(float(variance.max(initial=0.0)), 1e-300)
    return varies


def _store(part: xr.Dataset, values: NDArray[Any]) -> xr.Dataset:
    dims = ("sequence", "time", "component")[: values.ndim]
    attrs: dict[str, Any] = {"exploratory": False, "emission": "gaussian"}
    if values.ndim == 2:
        inside = steps_inside(part["length"].to_numpy(), *values.shape)
        # Of all splits: a rare symbol may occur in the test split alone.
        attrs |= {"emission": "categorical", "n_symbols": int(values[inside].max()) + 1}
    return xr.Dataset(
        {
            "reduced": (dims, values),
            "length": ("sequence", part["length"].to_numpy()),
            "split": ("sequence", part["split"].to_numpy()),
        },
        attrs=attrs,
    )
