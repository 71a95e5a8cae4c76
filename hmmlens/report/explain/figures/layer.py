"""All figures of one layer, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hmmlens.naming import state_names
from hmmlens.ragged import steps_inside
from hmmlens.report import distinctive, style
from hmmlens.report.explain import gather
from hmmlens.report.explain.figures import bands as bands_figure
from hmmlens.report.explain.figures import network as draw
from hmmlens.report.explain.figures import states as states_figure

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
    step_label : what the time axis says
    """

    inputs: NDArray[Any]
    truth: NDArray[np.integer]
    length: NDArray[np.integer]
    split: NDArray[np.integer]
    names: Mapping[str, Sequence[str]]
    symbols: bool
    symbols_out: bool
    step_label: str


def task(root: xr.Dataset, sequences: xr.Dataset) -> Task:
    """Return what the network was given where it was recorded.

    Parameters
    ----------
    root : of the ``activations`` store.
    sequences : the ``sequences`` store.
    """
    about, recorded = sequences.attrs, root["sequence"].to_numpy()
    lasting = f" ({1000 / about['rate_hz']:.0f} ms each)" if "rate_hz" in about else ""
    return Task(
        inputs=sequences["input"].to_numpy()[recorded],
        truth=sequences["state"].to_numpy()[recorded].astype(int),
        length=root["length"].to_numpy(),
        split=root["split"].to_numpy(),
        names=gather.axis_names(about),
        symbols=about["input_kind"] == "symbols",
        symbols_out=about["target_kind"] == "symbols",
        step_label=f"step{lasting}",
    )


def _band(task: Task, label: str, states: NDArray[np.integer], n_states: int) -> draw.Band:
    colours = draw.matched_colours(states, n_states, task.truth, len(task.names["truth"]))
    return draw.Band(f"{label}: {n_states}", states, state_names(n_states), colours)


def liveliest(truth: NDArray[np.integer], shown: NDArray[np.bool_]) -> int:
    """Return the sequence with the most changes of the truth, the first of equals.

    Parameters
    ----------
    truth, shown : (sequence, time), the latter True where steps count.
    """
    changes = ((np.diff(truth, axis=1) != 0) & shown[:, 1:]).sum(axis=1)
    return int(np.where(shown.any(axis=1), changes, -1).argmax())


def figures(
    task: Task,
    reading: xr.Dataset,
    untrained: xr.Dataset | None,
    maps: Mapping[str, NDArray[np.float64]],
    tables: Mapping[str, pd.DataFrame],
    criterion: str,
    ceiling: float,
    verdict: str = "",
) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Draw every figure of one layer.

    Parameters
    ----------
    reading, untrained : explanation of the layer, and of the untrained twin's, if there is one.
    maps : name -> (sequence, time, component), what trajectories are drawn on.
    tables : ``fits`` (with the raw input's), ``choices``, ``by_count`` of this layer.
    ceiling : ARI of the exact filter, NaN where there is none.
    verdict : what stands above every picture of states, see
        :func:`hmmlens.validation.verdict.title`.

    Yields
    ------
    name, figure, source table
    """
    inside = steps_inside(task.length, *task.truth.shape)
    task = task._replace(truth=np.where(inside, task.truth, -1))
    bands = []
    if (task.truth >= 0).any():
        names = task.names["truth"]
        bands.append(draw.Band("truth", task.truth, names, style.colours(len(names))))
    picks = list(reading.attrs["picks"])
    counts = [int(n) for n in reading["n_states"]]
    chosen = tables["choices"][tables["choices"]["chosen_reducer"]]
    at_edge = chosen.set_index("pick")["at_edge"]
    same = len({reading["path"][i].to_numpy().tobytes() for i in range(len(picks))}) == 1
    # The compact model first; where both picks are one model, it is drawn once.
    for index, pick in reversed(list(enumerate(picks))):
        if same and pick != "compact":
            continue
        label = " and ".join(draw.pick_name(p) for p in (picks if same else [pick]))
        band = _band(task, label, reading["path"][index].to_numpy(), counts[index])
        bands.append(band)
        part = reading.isel(pick=index)
        edge = (
            "\n(the most that were offered)"
            if at_edge[criterion] and (same or pick == criterion)
            else ""
        )
        title = f"{label}: {counts[index]} states{edge}"
        symbols = task.symbols, task.symbols_out
        figure, source = states_figure.states(part, task.names, symbols, band.colours, title)
        yield f"states-{pick.replace('_', '-')}", style.headed(figure, verdict), source

    yield "selection", *draw.selection(tables["fits"], tables["choices"], criterion)
    yield "scores", *draw.scores(tables["by_count"], chosen, ceiling)
    figure, source = draw.trajectories(maps, bands, inside)
    yield "trajectories", style.headed(figure, verdict), source
    if untrained is not None:
        index = list(untrained.attrs["picks"]).index("compact")
        n_states = int(untrained["n_states"][index])
        bands.append(_band(task, "untrained", untrained["path"][index].to_numpy(), n_states))
    first = (inside & (task.split == 2)[:, None])[:, :BAND_STEPS]
    shown = liveliest(task.truth[:, :BAND_STEPS], first)
    n_steps = min(BAND_STEPS, int(task.length[shown]))
    compact = reading.isel(
        pick=picks.index("compact"), state=slice(0, counts[picks.index("compact")])
    )
    score = distinctive.separation(
        *(compact[name].to_numpy() for name in ("input_mean", "input_sd", "occupancy"))
    )
    figure, source = bands_figure.bands(
        task.inputs,
        task.names["input"],
        bands,
        shown,
        n_steps,
        task.symbols,
        task.step_label,
        score,
    )
    yield "bands", style.headed(figure, verdict), source
