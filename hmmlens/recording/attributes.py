"""Attributes of a recording, from what was noted of its batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import hmmlens
from hmmlens.io import store as stores

#: The attribute ``batches`` of what was recorded without padding.
BY_LENGTH = "sequences of equal length together, because the module reads padding"


#: Node -> ``hidden`` or ``cell`` -> name of each entry.
StateNames = Mapping[str, Mapping[str, Sequence[str]]]


def attributes(
    done: Sequence[Mapping[str, Any]],
    made_by: Mapping[str, Any],
    n_batches: int,
    by_length: bool,
    names: StateNames | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the attributes of every node from what was noted of the batches.

    Parameters
    ----------
    done : sequence of mapping
        What :func:`hmmlens.extract` notes of each batch: how it was replayed, with which
        differences, and the names of its layers.
    made_by : mapping of str to object
        More attributes of the root.
    n_batches : int
        All batches.
    by_length : bool
        Whether sequences of equal length were run together, without padding.
    names : mapping of str to mapping of str to sequence of str, optional
        Node -> ``hidden`` or ``cell`` -> name of each of its entries.

    Returns
    -------
    dict of str to dict
        The attributes of ``/`` and of ``/NODE`` for each node; see :func:`hmmlens.extract`.
    """
    unknown = next((about["unknown"] for about in done if about["unknown"]), "")
    whole = [about["error"] for about in done if about["whole"]]
    if not whole:
        unknown = "no batch was to be replayed whole"
    nodes = {name: _largest(about["nodes"][name] for about in done) for name in done[0]["nodes"]}
    summary = f"{len(whole)} of {n_batches} batches replayed whole"
    creator = {"created_by": f"hmmlens.extract, hmmlens {hmmlens.__version__}"}
    root: dict[str, Any] = stores.store_attributes("activations", {**creator, **made_by})
    root["layers"] = [list(layer) for layer in done[0]["layers"]]
    root["replay_error"] = math.nan if unknown else _largest([*whole, *nodes.values()])
    root["replay"] = f"unknown: {unknown}" if unknown else summary
    steps = [about["steps"] for about in done if about.get("steps")]
    if steps:
        part = steps[0]["part"]
        root["step_outputs"] = (
            f"the network returns one output for each sequence, so the output at each step is the "
            f"network's own on the {part} that {'ends' if part == 'prefix' else 'begins'} there"
        )
        root["step_outputs_by"] = steps[-1]["by"]
        root["step_outputs_error"] = _largest(about["error"] for about in steps)
        root["reads_later"] = any(about["later"] for about in steps)
        root["both_directions"] = any(about["both"] for about in steps)
    rounding = [about["rounding"] for about in done if about["rounding"] is not None]
    if rounding:
        root["rounding_error"] = max(rounding)
    if by_length:
        root["batches"] = BY_LENGTH
    found: dict[str, dict[str, Any]] = {"/": root}
    for name, error in nodes.items():
        own = (names or {}).get(name, {})
        entries = {f"{kind}_names": list(values) for kind, values in own.items()}
        found[f"/{name}"] = {"replay_error": error, **entries}
    return found


def _largest(errors: Iterable[float]) -> float:
    """Return the largest of those that are known."""
    return max((error for error in errors if not math.isnan(error)), default=math.nan)
