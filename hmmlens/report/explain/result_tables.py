"""Tables of one explained layer, the same as a study's report has of each of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from hmmlens.report.explain import gather
from hmmlens.report.explain.result import Layer
from hmmlens.report.explain.roles import DATASET, NETWORKS


def gather_tables(
    layer: str,
    layers: Mapping[str, Layer],
    raw: Mapping[str, tuple[xr.Dataset, xr.Dataset]],
    sequences: xr.Dataset,
    verdict: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """Return the tables of a layer that a study's report has, see :mod:`.explain.gather`.

    Parameters
    ----------
    layer : str
        Name of the layer.
    layers : mapping of str to Layer
        Role -> results of its layer.
    raw : mapping of str to tuple of Dataset
        Reduction of the inputs -> its ``reduced`` and ``sweep`` stores.
    sequences : Dataset
        The ``sequences`` store.
    verdict : mapping of str to object
        Row of the trained network.

    Returns
    -------
    dict of str to DataFrame
        Name -> table.
    """
    place = {"dataset": DATASET, "seed": 0, "layer": layer, "untrained": NETWORKS["untrained"]}
    keys = [{"network": NETWORKS[role], "role": role, **place} for role in layers]
    about = {DATASET: sequences.attrs}
    # Of data that others made, no best score is known.
    bounds = {DATASET: pd.DataFrame(columns=["name", "role", "metric", "value"])}
    tables = {
        name: pd.concat(
            [
                gather.add_key(getattr(results, name), key, gather.LAYER_KEY)
                for key, results in zip(keys, layers.values(), strict=True)
            ],
            ignore_index=True,
        )
        for name in ("scores", "choices")
    }
    tables["verdicts"] = gather.add_key(pd.DataFrame([verdict]), keys[0], gather.LAYER_KEY)
    places = [
        (
            {**key, "reducer": results.reducer},
            bool(results.reduced.attrs["exploratory"]),
            results.sweep,
        )
        for key, results in zip(keys, layers.values(), strict=True)
    ]
    places += [
        ({**key, "reducer": reducer}, bool(reduced.attrs["exploratory"]), sweep)
        for key, results in zip(keys, layers.values(), strict=True)
        for reducer, (reduced, sweep) in results.others.items()
    ]
    places += [
        ({**gather.build_raw_key(DATASET, name), "reducer": name}, False, sweep)
        for name, (_, sweep) in raw.items()
    ]
    tables |= gather.gather_fits(places)
    tables |= gather.gather_states(keys, [results.states for results in layers.values()], about)
    return tables | gather.gather_roles(keys, tables["scores"], tables["choices"], bounds, about)
