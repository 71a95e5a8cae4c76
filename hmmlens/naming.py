"""What figures share with tables and the report's text."""

from __future__ import annotations

from collections.abc import Iterable

#: Arrows below this probability are not drawn.
MIN_ARROW = 0.01


def state_name(index: int) -> str:
    """Return A, B, ... Z, A2, B2 ...: states are named most frequent first.

    Parameters
    ----------
    index : int
        Place among the states, from 0.

    Returns
    -------
    str
        One letter, with a number from the 27th on.
    """
    letter = chr(ord("A") + index % 26)
    return letter if index < 26 else f"{letter}{index // 26 + 1}"


def state_names(n: int) -> list[str]:
    """Return the names of ``n`` states.

    Parameters
    ----------
    n : int
        Number of states.

    Returns
    -------
    list of str
        In order.

    Examples
    --------
    >>> state_names(28)[-3:]
    ['Z', 'A2', 'B2']
    """
    return [state_name(i) for i in range(n)]


#: Names that the workflow gives to controls, so no network may carry them.
UNTRAINED_SUFFIX = "-untrained"


RAW_PREFIX = "raw-"


#: The controls without a network have one layer of this name. There are two, the present input and
#: the present one with so many earlier ones; see :func:`raw_variants` for their reducers.
RAW_LAYER, RAW_REDUCER, LAGGED_REDUCER = "input", "raw-input", "lagged-input"


N_LAGS = 4


def raw_variants(reducers: Iterable[str]) -> dict[str, list[str]]:
    """Return each control on the inputs with its reductions: the inputs themselves, and reduced.

    Parameters
    ----------
    reducers : iterable of str
        Names of the reducers of a network, without exploratory ones.

    Returns
    -------
    dict of str to list of str
        Reductions of each control.
    """
    names = list(reducers)
    return {
        RAW_REDUCER: [RAW_REDUCER, *(f"{RAW_REDUCER}-{name}" for name in names)],
        LAGGED_REDUCER: [f"{LAGGED_REDUCER}-{name}" for name in names],
    }


def control_of(variant: str) -> str:
    """Return which control one of :func:`raw_variants` belongs to.

    Parameters
    ----------
    variant : str
        Name of a reduction.

    Returns
    -------
    str
        Name of the control.
    """
    return LAGGED_REDUCER if variant.startswith(LAGGED_REDUCER) else RAW_REDUCER
