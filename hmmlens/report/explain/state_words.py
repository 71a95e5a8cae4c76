"""What a state is, in words: how long it lasts, and how its inputs and outputs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from hmmlens.interpretation import contrast, dwells
from hmmlens.interpretation.contrast import DEFAULT_CONTRASTS, ContrastSettings
from hmmlens.report import distinctive as spreads
from hmmlens.typing import Floats

#: Block of features -> attributes of its dataset: what it is measured in, and how it was scaled.
_SCALES = {
    "input": ("input_kind", "feature_units", "offset", "scale"),
    "output": ("target_kind", "target_units", "target_offset", "target_scale"),
}


def dwell(state: xr.Dataset) -> str:
    """Return how long a state lasts, see :func:`hmmlens.interpretation.dwells.words`.

    Parameters
    ----------
    state : Dataset
        One state of the ``explanation`` store.

    Returns
    -------
    str
        Mean dwell time with its interval.
    """
    return dwells.words(*(float(state[name]) for name in ("dwell", "dwell_low", "dwell_high")))


def distinctive(
    state: xr.Dataset,
    block: str,
    names: Mapping[str, Sequence[str]],
    about: Mapping[str, Any],
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> str:
    """Return how the inputs or outputs of a state differ from those of all steps.

    Levels are given in the units of the data, also where the data were standardised.

    Parameters
    ----------
    state : Dataset
        One state of :func:`hmmlens.interpretation.states.read_states`.
    block : str
        ``input`` or ``output``.
    names : mapping of str to sequence of str
        ``input``, ``output`` -> names along these dimensions.
    about : mapping of str to object
        Attributes of the ``sequences`` store.
    settings : ContrastSettings, optional
        How many features are named, and the least differences.

    Returns
    -------
    str
        Empty where nothing is distinctive.
    """
    kind, units, offset, scale = (about.get(name) for name in _SCALES[block])
    mean, deviation, spread = (
        state[f"{block}_{name}"].to_numpy() for name in ("mean", "deviation", "spread")
    )
    if kind == "symbols":
        # Stores of former versions lack the shares outside of the state.
        other = state.get(f"{block}_elsewhere")
        elsewhere = np.full(len(mean), np.nan) if other is None else other.to_numpy()
        return contrast.symbol_words(
            names[block], mean, deviation, elsewhere, block == "output", settings
        )
    level, given = mean, None if units is None else list(units)
    if scale is not None and offset is not None and len(scale) == len(offset) == len(mean):
        level = mean * np.asarray(scale) + np.asarray(offset)
    elif scale is not None:
        # Standardised values have no units.
        given = None
    return contrast.words(names[block], level, deviation, spread, given, settings)


def row(
    state: xr.Dataset,
    names: Mapping[str, Sequence[str]],
    about: Mapping[str, Any],
    settings: ContrastSettings = DEFAULT_CONTRASTS,
) -> dict[str, Any]:
    """Return the columns of a table of states on their dwell times and distinctive features.

    Parameters
    ----------
    state : Dataset
        See :func:`distinctive`.
    names : mapping of str to sequence of str
        See :func:`distinctive`.
    about : mapping of str to object
        See :func:`distinctive`.
    settings : ContrastSettings, optional
        See :func:`distinctive`.

    Returns
    -------
    dict
        ``dwell, dwell_low, dwell_high, dwell_told``; and for ``input`` and ``output``
        ``distinct_input`` (the feature that sets the state apart most, empty for none),
        ``distinct_input_deviation`` and ``input_told``.
    """
    found: dict[str, Any] = {
        name: float(state[name]) for name in ("dwell", "dwell_low", "dwell_high")
    }
    found["dwell_told"] = dwell(state)
    for block, (kind, *_) in _SCALES.items():
        deviation, spread = (
            state[f"{block}_{name}"].to_numpy() for name in ("deviation", "spread")
        )
        symbols = about.get(kind) == "symbols"
        first = contrast.distinctive(deviation, spread, symbols, settings)[:1]
        found[f"distinct_{block}"] = names[block][first[0]] if len(first) else ""
        found[f"distinct_{block}_deviation"] = float(deviation[first[0]]) if len(first) else np.nan
        found[f"{block}_told"] = distinctive(state, block, names, about, settings)
    return found


def equal_outputs(means: Floats, spread: Floats, tolerance: float = 0.1) -> list[list[int]]:
    """Return for each state the other states that the present output does not distinguish from it.

    Parameters
    ----------
    means : ndarray of shape (state, output)
        Mean output of each state.
    spread : ndarray of shape (output,)
        Standard deviation of each output over all steps.
    tolerance : float, optional
        Largest difference in each output, in standard deviations.

    Returns
    -------
    list of list of int
        One list for each state.

    Examples
    --------
    >>> equal_outputs(np.array([[0.0], [1.0], [0.01]]), np.array([0.5]))
    [[2], [], [0]]
    """
    scaled = means / np.where(spread > 0, spread, 1.0)
    furthest = np.abs(scaled[:, None] - scaled[None]).max(axis=2)
    near = (furthest <= tolerance) & ~np.eye(len(means), dtype=bool)
    return [np.flatnonzero(row).tolist() for row in near]


def equal_outputs_of(reading: xr.Dataset) -> list[list[int]]:
    """Return :func:`equal_outputs` of the states of one model.

    Parameters
    ----------
    reading : Dataset
        The states of one pick of the ``explanation`` store, without empty ones.

    Returns
    -------
    list of list of int
        One list for each state.
    """
    mean, sd = reading["output_mean"].to_numpy(), reading["output_sd"].to_numpy()
    _, spread = spreads.overall(mean, sd, reading["occupancy"].to_numpy())
    return equal_outputs(mean, spread)
