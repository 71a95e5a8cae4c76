"""The tables and figures of a study, from the files that its jobs left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens.io import store
from hmmlens.report.explain import gather, gather_verdicts
from hmmlens.study import layout
from hmmlens.study.table_parts import Parts

Tables = dict[str, pd.DataFrame]


def _filled(results: Path, path: str, items: Iterable[dict[str, Any]]) -> list[Path]:
    return [results / path.format(**item) for item in items]


def _csv(results: Path, path: str, items: Iterable[dict[str, Any]]) -> list[pd.DataFrame]:
    return [pd.read_csv(file) for file in _filled(results, path, items)]


def _stores(
    results: Path, path: str, items: Iterable[dict[str, Any]], kind: str
) -> Iterator[xr.Dataset]:
    """Open stores one by one: a large study has more of them than should be held."""
    for folder in _filled(results, path, items):
        yield store.read(store.inside(folder), kind)


def _attributes(
    results: Path, path: str, items: Iterable[dict[str, Any]], kind: str
) -> list[dict[str, Any]]:
    """Read what stands in the heads of stores, without opening them."""
    return [store.check(store.inside(f), kind) for f in _filled(results, path, items)]


def gather_tables(
    results: Path, parts: Parts, exploratory: list[str]
) -> tuple[Tables, dict[str, dict[str, Any]]]:
    """Gather what a study found.

    Parameters
    ----------
    results : Path
        Folder of the study.
    parts : Parts
        What is gathered, see :func:`hmmlens.study.table_parts.parts`.
    exploratory : list of str
        Reducers that only serve for display.

    Returns
    -------
    tuple of (dict of str to DataFrame, dict of str to dict)
        Name -> table, see :mod:`hmmlens.report.explain.gather`; and dataset -> the attributes of
        its store.
    """
    datasets = [{"dataset": name} for name in parts.datasets]
    heads = _attributes(results, layout.SEQUENCES, datasets, "sequences")
    about = dict(zip(parts.datasets, heads, strict=True))
    bounds = dict(zip(parts.datasets, _csv(results, layout.CEILINGS, datasets), strict=True))
    found = {"ceilings": pd.concat([t.assign(dataset=n) for n, t in bounds.items()])}
    found |= gather.gather_networks(
        parts.runs,
        _csv(results, layout.SCORES, parts.runs),
        _csv(results, layout.CURVE, parts.runs),
        _attributes(results, layout.ENDPOINTS, parts.runs, "endpoints"),
        _attributes(results, layout.ACTIVATIONS, parts.runs, "activations"),
        bounds,
        about,
    )

    def _of_networks(path: str, names: list[str]) -> list[pd.DataFrame]:
        return _csv(results, path, [{"network": name} for name in names])

    reservoirs = _of_networks(layout.RESERVOIRS, parts.reservoirs)
    found |= gather_verdicts.gather_verdicts(
        parts.layers,
        _of_networks(layout.VERDICTS, parts.judged),
        dict(zip(parts.reservoirs, reservoirs, strict=True)),
        about,
    )
    checked = (_of_networks(path, parts.checked) for path in (layout.CHECKS, layout.METHODS))
    found |= gather_verdicts.gather_checks(parts.layers, zip(parts.checked, *checked, strict=True))
    for name, path in (("scores", layout.LAYER_SCORES), ("choices", layout.CHOICES)):
        read = zip(parts.layers, _csv(results, path, parts.layers), strict=True)
        found[name] = pd.concat([gather.add_key(t, layer, gather.LAYER_KEY) for layer, t in read])

    raw = [
        {**gather.build_raw_key(place["dataset"], place["reducer"]), "reducer": place["reducer"]}
        for place in parts.raw
    ]
    places = [*parts.places, *raw]
    sweeps = _stores(results, layout.SWEEP, places, "sweep")
    found |= gather.gather_fits(
        (place, place["reducer"] in exploratory, sweep)
        for place, sweep in zip(places, sweeps, strict=True)
    )
    explained = _stores(results, layout.EXPLANATION, parts.layers, "explanation")
    found |= gather.gather_states(parts.layers, explained, about)
    found |= gather.gather_roles(parts.layers, found["scores"], found["choices"], bounds, about)
    return found, about


class Shown(NamedTuple):
    """A network whose figures are drawn: those of its first training.

    layers, exploratory : its layers, and reducers that only serve to look at
    untrained : whether its untrained control is drawn too
    """

    network: str
    dataset: str
    layers: list[str]
    exploratory: list[str]
    criterion: str
    untrained: bool


def draw_network_figures(
    results: Path, shown: Shown, read: Callable[[str], pd.DataFrame | None]
) -> Iterator[tuple[str, Any, Any]]:
    """Draw the figures of a network, layer by layer.

    Parameters
    ----------
    results : Path
        Folder of the study.
    shown : Shown
        The network and what is drawn of it.
    read : callable
        Returns a table of the study by its name, or None where there is none.

    Yields
    ------
    name, figure, source table
    """
    from hmmlens.futures import summary
    from hmmlens.recording import activations
    from hmmlens.report.explain.figures import layer as figures
    from hmmlens.validation.grading import verdict

    def _opened(path: str, kind: str, network: str = shown.network, **place: str) -> xr.Dataset:
        folder = results / path.format(network=network, seed=0, dataset=shown.dataset, **place)
        return store.read(store.inside(folder), kind)

    recorded = results / layout.ACTIVATIONS.format(network=shown.network, seed=0)
    root = activations.read(store.inside(recorded))
    task = figures.read_task(root, _opened(layout.SEQUENCES, "sequences"))
    compared = None
    # Studies of former versions may have no such store; they lack its figure.
    if (results / layout.FUTURES.format(network=shown.network, seed=0)).exists():
        compared = summary.from_dataset(_opened(layout.FUTURES, "futures").load())

    def _rows(name: str, /, **place: Any) -> Any:
        """Return the rows of a table with these values, None where there is no such table."""
        table = read(name)
        if table is None:
            return None
        return gather.select_rows(
            table, **{key: value for key, value in place.items() if key in table}
        )

    ceiling = _rows("ceilings", dataset=shown.dataset, name="exact filter", metric="ari")
    top = float(ceiling["value"].iloc[0]) if len(ceiling) else np.nan
    for layer in shown.layers:
        reading = _opened(layout.EXPLANATION, "explanation", layer=layer).load()
        untrained = None
        if shown.untrained:
            name = f"{shown.network}{layout.UNTRAINED}"
            untrained = _opened(layout.EXPLANATION, "explanation", name, layer=layer).load()
        maps = {}
        for name in (reading.attrs["reducer"], *shown.exploratory):
            label = f"{name} (exploratory)" if name in shown.exploratory else name
            reduced = _opened(layout.REDUCED, "reduced", layer=layer, reducer=name)
            maps[label] = reduced["reduced"].to_numpy()
        place = {"network": shown.network, "seed": 0, "layer": layer}
        raw = gather.select_control_fits(_rows("fits"), _rows("choices", **place), shown.dataset)
        fits = pd.concat([_rows("fits", **place), raw], ignore_index=True)

        def _of_layer(name: str, place: Any = place, fits: Any = fits) -> Any:
            return fits if name == "fits" else _rows(name, **place)

        graded = _rows("verdicts", role="trained", **place).iloc[0]
        driven = str(graded["input_driven"]) == "True"
        heading = verdict.title(graded["grade"], graded["n_states"], driven)
        for name, figure, source in figures.draw_figures(
            task, reading, untrained, maps, _of_layer, shown.criterion, top, heading,
            graded["grade"], compared,
        ):  # fmt: skip
            yield f"{layer}-{name}", figure, source


def draw_overview_figures(
    read: Callable[[str], pd.DataFrame | None],
) -> Iterator[tuple[str, Any, Any]]:
    """Draw the figures of the whole study from its tables; see :func:`draw_network_figures`.

    Parameters
    ----------
    read : callable
        Returns a table of the study by its name, or None where there is none.

    Yields
    ------
    name : str
    figure : Figure
    source : DataFrame
        The numbers that the figure shows.
    """
    from hmmlens.report.explain.figures.overview import OVERVIEW

    yield from OVERVIEW.drawn(read)
