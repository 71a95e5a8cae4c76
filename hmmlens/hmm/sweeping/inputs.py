"""The checks of a sweep's settings and data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from hmmlens import observations
from hmmlens.arguments import check_count
from hmmlens.errors import DataError
from hmmlens.hmm import checks, selection
from hmmlens.hmm.engine import streams
from hmmlens.hmm.engine.covariances import COVARIANCE_TYPES
from hmmlens.hmm.engine.engines import ENGINES, expectation
from hmmlens.hmm.engine.streams import ChunkedData
from hmmlens.observations import Sequences

if TYPE_CHECKING:
    from hmmlens.hmm.sweep import HMMSweep


def check_settings(sweep: HMMSweep, state_counts: list[Any], covariance_types: list[str]) -> None:
    """Refuse settings that make no sense.

    Parameters
    ----------
    sweep : HMMSweep
        The sweep whose settings are checked.
    state_counts : list
        Its state counts, one by one.
    covariance_types : list of str
        Its covariance types, one by one.

    Raises
    ------
    DataError
        With the name of the setting, what was found and what is allowed.
    """
    for n_states in state_counts:
        check_count(n_states, "each of n_states")
    if not state_counts or len(set(state_counts)) < len(state_counts):
        raise DataError(f"n_states must hold each number once, found {state_counts}")
    for name in ("n_restarts", "max_iter", "memory_limit"):
        check_count(getattr(sweep, name), name)
    if sweep.n_symbols is not None:
        check_count(sweep.n_symbols, "n_symbols")
    if sweep.emission not in ("gaussian", "categorical"):
        raise DataError(f"emission must be gaussian or categorical, found {sweep.emission!r}")
    kinds = covariance_types
    known = kinds and set(kinds) <= set(COVARIANCE_TYPES) and len(set(kinds)) == len(kinds)
    if sweep.emission == "gaussian" and not known:
        raise DataError(
            f"covariance_types must be some of {', '.join(COVARIANCE_TYPES)}, found {kinds}"
        )
    if sweep.criterion not in selection.CRITERIA:
        raise DataError(
            f"criterion must be one of {', '.join(selection.CRITERIA)}, found {sweep.criterion!r}"
        )
    for name in ("min_covar", "smoothing"):
        checks.number(getattr(sweep, name), name, 0)
    checks.number(sweep.tol, "tol")
    if sweep.initialisation is not None:
        for name in ("kmeans_frames", "kmeans_steps"):
            check_count(getattr(sweep.initialisation, name), f"initialisation.{name}")
        stay = sweep.initialisation.stay
        checks.number(stay, "initialisation.stay", 0)
        if stay >= 1:
            raise DataError(f"initialisation.stay must be below 1, found {stay}")
    if sweep.engine not in (*ENGINES, "hmmlearn"):
        raise DataError(
            f"engine must be one of {', '.join(ENGINES)}, hmmlearn, found {sweep.engine!r}"
        )
    if sweep.engine != "hmmlearn":
        expectation(sweep.engine, sweep.device)


def chunked(
    sweep: HMMSweep,
    X: Any,
    lengths: ArrayLike | None,
    name: str,
    mask: ArrayLike | None,
    n_components: int | None = None,
) -> ChunkedData:
    """Return checked data that can be read again and again.

    Parameters
    ----------
    sweep : HMMSweep
        The sweep that will be fitted.
    X : array_like, list, Zarr array or callable
        See :meth:`hmmlens.HMMSweep.fit`.
    lengths : array_like of int of shape (sequence,), optional
        Steps of each sequence.
    name : str
        Name of the data in messages.
    mask : array_like of bool, optional
        False where a frame was not observed.
    n_components : int, optional
        Number of components that ``X`` must have.

    Returns
    -------
    ChunkedData
        In memory where ``X`` is.

    Raises
    ------
    DataError
        When the data do not fit, or come in chunks and the engine is hmmlearn.
    """

    def _check(X: Any, lengths: ArrayLike | None, mask: ArrayLike | None) -> Sequences:
        if sweep.emission == "categorical":
            return observations.symbols(X, lengths, sweep.n_symbols, name, mask)
        values = observations.values(X, lengths, n_components, name, mask)
        if values.inside is None and lengths is None:
            raise DataError(
                f"{name} has shape {values.frames.shape}; (sequence, time, component) is needed"
            )
        return values

    data = streams.chunked(X, lengths, mask, _check, sweep.memory_limit)
    if data.once is None and sweep.engine == "hmmlearn":
        raise DataError(f"the hmmlearn engine wants {name} as an array, not in chunks")
    return data
