"""All figures of one layer, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hmmlens.futures.summary import Summary
from hmmlens.naming import state_names
from hmmlens.ragged import steps_inside
from hmmlens.report import distinctive, style
from hmmlens.report.explain import gather
from hmmlens.report.explain.figures import bands as bands_figure
from hmmlens.report.explain.figures import card
from hmmlens.report.explain.figures import futures as futures_figure
from hmmlens.report.explain.figures import input_matrices as matrices_figure
from hmmlens.report.explain.figures import network as draw
from hmmlens.report.explain.figures import states as states_figure
from hmmlens.report.explain.figures.registries import BY_LIKELIHOOD, EVIDENCE, LAYER
from hmmlens.report.explain.figures.state_colours import Band, match_colours
from hmmlens.validation.grading.verdict import CERTIFIED

__all__ = [
    "BY_LIKELIHOOD",
    "EVIDENCE",
    "LAYER",
    "MODULES",
    "Task",
    "draw_figures",
    "find_liveliest",
    "read_task",
]

#: Modules whose import registers their figures.
MODULES = (card, futures_figure, draw, states_figure, matrices_figure, bands_figure)
#: Figures of states, which have the verdict above them.
WITH_VERDICT = ("states", "input_transitions", "trajectories", "bands")
#: Steps of the example sequence.
BAND_STEPS = 200


class Task(NamedTuple):
    """What the network was given.

    inputs : (sequence, time) symbols or (sequence, time, feature) values
    truth : (sequence, time), -1 where unknown
    length : (sequence); what stands past it is not looked at
    split : (sequence), 2 is test
    names : ``input``, ``output``, ``truth`` -> names along these dimensions
    symbols, symbols_out : whether inputs, and outputs, are symbols
    step_label : label of the time axis
    """

    inputs: NDArray[Any]
    truth: NDArray[np.integer]
    length: NDArray[np.integer]
    split: NDArray[np.integer]
    names: Mapping[str, Sequence[str]]
    symbols: bool
    symbols_out: bool
    step_label: str


def read_task(root: xr.Dataset, sequences: xr.Dataset) -> Task:
    """Return what the network was given where it was recorded.

    Parameters
    ----------
    root : Dataset
        Root of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.

    Returns
    -------
    Task
        Input, truth and names.
    """
    about, recorded = sequences.attrs, root["sequence"].to_numpy()
    lasting = f" ({1000 / about['rate_hz']:.0f} ms each)" if "rate_hz" in about else ""
    return Task(
        inputs=sequences["input"].to_numpy()[recorded],
        truth=sequences["state"].to_numpy()[recorded].astype(int),
        length=root["length"].to_numpy(),
        split=root["split"].to_numpy(),
        names=gather.read_axis_names(about),
        symbols=about["input_kind"] == "symbols",
        symbols_out=about["target_kind"] == "symbols",
        step_label=f"step{lasting}",
    )


def _band(task: Task, label: str, states: NDArray[np.integer], n_states: int) -> Band:
    colours = match_colours(states, n_states, task.truth, len(task.names["truth"]))
    return Band(f"{label}: {n_states}", states, state_names(n_states), colours)


def find_liveliest(truth: NDArray[np.integer], shown: NDArray[np.bool_]) -> int:
    """Return the sequence with the most changes of the truth, the first of equals.

    Parameters
    ----------
    truth : ndarray of int, shape (sequence, time)
        True states.
    shown : ndarray of bool, shape (sequence, time)
        True where steps count.

    Returns
    -------
    int
        Index of the sequence.
    """
    changes = ((np.diff(truth, axis=1) != 0) & shown[:, 1:]).sum(axis=1)
    return int(np.where(shown.any(axis=1), changes, -1).argmax())


def draw_figures(
    task: Task,
    reading: xr.Dataset,
    untrained: xr.Dataset | None,
    maps: Mapping[str, NDArray[np.float64]],
    read: Callable[[str], pd.DataFrame | None],
    criterion: str,
    ceiling: float,
    verdict: str = "",
    grade: str = "",
    futures: Summary | None = None,
) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Draw every figure of one layer.

    Parameters
    ----------
    task : Task
        Input, truth and names.
    reading : Dataset
        Interpretation of the states of the layer.
    untrained : Dataset, optional
        That of the untrained control, if there is one.
    maps : mapping of str to ndarray
        Name -> coordinates (sequence, time, component) on which trajectories are drawn.
    read : callable
        Returns a table by its name, or None where there is none: the rows of this layer, ``fits``
        with those of the raw input. ``choices`` is always there.
    criterion : str
        Criterion that chooses the number of states, such as ``bic``.
    ceiling : float
        Adjusted Rand index of the exact filter; NaN where there is none.
    verdict : str
        Text above every figure of states, see :func:`hmmlens.validation.grading.verdict.title`.
    grade : str
        Grade of the verdict.
    futures : Summary, optional
        Futures of the network.

    Yields
    ------
    name, figure, source table
    """
    certified = grade == CERTIFIED
    inside = steps_inside(task.length, *task.truth.shape)
    task = task._replace(truth=np.where(inside, task.truth, -1))
    bands = []
    if (task.truth >= 0).any():
        names = task.names["truth"]
        bands.append(Band("truth", task.truth, names, style.colours(len(names))))
    choices = read("choices")
    assert choices is not None
    chosen = choices[choices["chosen_reducer"]]
    index = list(reading.attrs["picks"]).index("explained")
    n_states = int(reading["n_states"][index])
    explained = reading.isel(pick=index, state=slice(0, n_states), next_state=slice(0, n_states))
    kind = "states" if certified else "regions"
    band = _band(task, kind, explained["path"].to_numpy(), n_states)
    bands.append(band)
    every_band = list(bands)
    if untrained is not None:
        index = list(untrained.attrs["picks"]).index("explained")
        path = untrained["path"][index].to_numpy()
        every_band.append(_band(task, "untrained", path, int(untrained["n_states"][index])))
    first = (inside & (task.split == 2)[:, None])[:, :BAND_STEPS]
    shown = find_liveliest(task.truth[:, :BAND_STEPS], first)
    inputs: dict[str, Any] = {
        "reading": explained,
        "axes_names": task.names,
        "symbols": (task.symbols, task.symbols_out),
        "colours": band.colours,
        "title": f"{n_states} {kind}",
        "explained_band": band,
        "map": next(iter(maps.values())),
        "certified": certified,
        "futures": futures_figure.sample_of(futures, grade, band.states, band.names),
        "criterion": criterion,
        "chosen": chosen,
        "ceiling": ceiling,
        "maps": maps,
        "bands": bands,
        "inside": inside,
        "signals": task.inputs,
        "signal_names": task.names["input"],
        "all_bands": every_band,
        "sequence": shown,
        "n_steps": min(BAND_STEPS, int(task.length[shown])),
        "is_symbols": task.symbols,
        "step_label": task.step_label,
        "score": distinctive.separation(
            *(explained[name].to_numpy() for name in ("input_mean", "input_sd", "occupancy"))
        ),
    }

    def _prepared_or_read(name: str) -> Any:
        return inputs[name] if name in inputs else read(name)

    for name, figure, source in LAYER.drawn(_prepared_or_read):
        yield name, style.headed(figure, verdict) if name in WITH_VERDICT else figure, source
