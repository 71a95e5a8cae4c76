"""The sequences and the layers of an explanation, from its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr
from numpy.typing import ArrayLike

from hmmlens.errors import DataError
from hmmlens.explanation.settings import Plan
from hmmlens.recording import activations, in_memory
from hmmlens.recording.inputs import Source


def prepare_sequences(
    inputs: Any,
    lengths: Any,
    truth: Any,
    targets: Any,
    split: Any,
    groups: ArrayLike | None,
    names: Mapping[str, Sequence[str]],
    outputs: str,
    note: str | None,
    plan: Plan,
) -> xr.Dataset:
    """Return the ``sequences`` store of the arguments of :func:`hmmlens.explain`.

    Parameters
    ----------
    inputs, lengths, truth, targets, split, groups, names, outputs, note : object
        See :func:`hmmlens.explain`.
    plan : Plan
        What is computed.

    Returns
    -------
    Dataset
        See :func:`hmmlens.recording.in_memory.sequences`; with the attribute ``target_kind``.

    Raises
    ------
    DataError
        When they do not fit.
    """
    if outputs not in ("logits", "values"):
        raise DataError(f"outputs is {outputs!r}; logits or values is needed")
    sequences = in_memory.sequences(
        Source(inputs, lengths), truth, split, names, plan.seed, groups,
        plan.settings.split, plan.settings.blocks, targets,
    )  # fmt: skip
    kind = "symbols" if outputs == "logits" else "values"
    sequences = sequences.assign_attrs(target_kind=kind)
    return sequences if note is None else sequences.assign_attrs(cut=note)


def wanted_layers(layer: str | None, layers: Sequence[str] | None) -> Sequence[str] | None:
    """Return the layers to record.

    Parameters
    ----------
    layer : str or None
        The layer that is explained.
    layers : sequence of str or None
        The layers that a caller asks to record.

    Returns
    -------
    sequence of str or None
        None for all.

    Raises
    ------
    DataError
        When ``layer`` holds an empty name.
    """
    if layer is not None and not all(layer.split(activations.TOGETHER)):
        raise DataError(
            f"layer is {layer!r}; the name of a layer is needed, or none for the last layer"
        )
    if layers is None and layer is not None:
        return layer.split(activations.TOGETHER)
    return layers
