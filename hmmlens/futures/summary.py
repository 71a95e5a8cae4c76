"""The numbers of the futures of a network and the classes of its states, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from hmmlens.typing import Floats, Ints

if TYPE_CHECKING:
    from hmmlens.futures.measurement import Futures

#: Sampled states whose distances are kept, for a picture.
MOST_KEPT = 300
#: Steps ahead at which the machine of the classes is reported.
AHEAD = (1, 5, 20, 50)


class Summary(NamedTuple):
    """What a verdict takes from the futures of a network.

    Attributes
    ----------
    numbers : mapping of str to float
        See :func:`summarise`.
    classes : ndarray of shape (sequence, time)
        Class of each recorded state, -1 where none was assigned.
    distances : ndarray of shape (sampled, sampled) or None
        Distances between the futures of sampled states, the first :data:`MOST_KEPT` of the sample,
        in standard deviations of the output; None in stores of former versions.
    sample_classes : ndarray of shape (sampled,) or None
        Class of each of these states, -1 for none.
    """

    numbers: Mapping[str, float]
    classes: Ints
    distances: Floats | None = None
    sample_classes: Ints | None = None


def summarise(futures: Futures, shape: tuple[int, int]) -> Summary:
    """Return the numbers and the classes of what was measured.

    Parameters
    ----------
    futures : Futures
        What was measured.
    shape : tuple of int
        Sequences and steps of the recording.

    Returns
    -------
    Summary
        NaN where a number was not measured.
    """
    classes, form, machine = futures.classes, futures.geometry, futures.machine
    low, high = futures.interval or (np.nan, np.nan)
    forgets = futures.forgets_after
    numbers: dict[str, float] = {
        "n_classes": classes.n_classes,
        "within": classes.low,
        "between": classes.high,
        "points": classes.points,
        "ambiguity": classes.ambiguity,
        "smallest_class": classes.smallest,
        "n_classes_low": low,
        "n_classes_high": high,
        "n_compared": futures.n_sampled,
        "counts_output": float(futures.moore),
        "memory": futures.memory_spread,
        "spread": form.quantiles[2],
        "chain": form.chain,
        "dimension": form.dimension,
        "density": form.density,
        "coincidence": form.same,
        "valley": form.valley,
        "forgets_after": np.nan if forgets is None else forgets,
        "n_split": futures.n_split,
        "restricted": float(futures.restricted),
        "accuracy": machine.accuracy if machine else np.nan,
        "moves": machine.moves if machine else np.nan,
        "known_pairs": machine.known if machine else np.nan,
        "input_accuracy": machine.input_accuracy if machine else np.nan,
        "machine_worst": _smallest(machine.by_output) if machine else np.nan,
    }
    loop = machine.closed_loop if machine else {}
    numbers |= {f"machine_{h}": loop.get(h, np.nan) for h in AHEAD}
    assigned = np.full(shape, -1)
    if futures.path is not None:
        assigned[futures.path.rows] = futures.path.classes
    if futures.distances is None:
        return Summary(numbers, assigned)
    # The sample is in random order, so that its first states are a sample as well.
    kept = futures.distances[:MOST_KEPT, :MOST_KEPT]
    return Summary(numbers, assigned, kept, classes.labels[:MOST_KEPT])


def _smallest(values: Floats) -> float:
    return float(np.nanmin(values)) if np.isfinite(values).any() else float("nan")


def to_dataset(summary: Summary | None) -> xr.Dataset:
    """Return a summary as the ``futures`` store.

    Parameters
    ----------
    summary : Summary or None
        None where the network was not compared.

    Returns
    -------
    Dataset
        ``state_class`` (sequence, time), ``distance`` (sampled, other_sampled) and
        ``sample_class`` (sampled); the numbers are attributes.
    """
    if summary is None:
        return xr.Dataset()
    variables: dict[str, Any] = {
        "state_class": (("sequence", "time"), summary.classes.astype(np.int16))
    }
    if summary.distances is not None and summary.sample_classes is not None:
        distances = summary.distances.astype(np.float32)
        variables["distance"] = (("sampled", "other_sampled"), distances)
        variables["sample_class"] = ("sampled", summary.sample_classes.astype(np.int16))
    return xr.Dataset(variables, attrs=dict(summary.numbers))


def from_dataset(store: xr.Dataset) -> Summary | None:
    """Return the summary in a ``futures`` store.

    Parameters
    ----------
    store : Dataset
        The store.

    Returns
    -------
    Summary or None
        None where the network was not compared.
    """
    if "state_class" not in store:
        return None
    numbers = {name: float(value) for name, value in store.attrs.items() if name in NAMES}
    classes = store["state_class"].to_numpy().astype(np.int64)
    if "distance" not in store:
        return Summary(numbers, classes)
    return Summary(
        numbers, classes, store["distance"].to_numpy().astype(np.float64),
        store["sample_class"].to_numpy().astype(np.int64),
    )  # fmt: skip


#: Names of the numbers.
NAMES = (
    *("n_classes", "within", "between", "points", "ambiguity", "smallest_class"),
    *("n_classes_low", "n_classes_high", "n_compared", "counts_output", "memory", "spread"),
    *("chain", "dimension", "density", "coincidence", "valley", "forgets_after", "n_split"),
    *("restricted", "accuracy", "moves", "known_pairs", "input_accuracy", "machine_worst"),
    *(f"machine_{h}" for h in AHEAD),
)
