"""Sequences that a caller holds in memory, as a ``sequences`` store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from hmmlens import arrays
from hmmlens.datasets import missing_values
from hmmlens.datasets.last_step import of_last_steps
from hmmlens.datasets.own import blocks
from hmmlens.datasets.own.base import Blocks
from hmmlens.datasets.splits import SPLITS, split_sequences
from hmmlens.datasets.unseen_symbols import unseen
from hmmlens.errors import DataError
from hmmlens.recording import labels
from hmmlens.recording.inputs import Source
from hmmlens.settings import Split

log = logging.getLogger(__name__)


def sequences(
    source: Source,
    truth: Any,
    split: Any,
    names: Mapping[str, Sequence[str]],
    seed: int,
    groups: ArrayLike | None = None,
    shares: Split = Split(),  # noqa: B008
    cutting: Blocks = Blocks(),  # noqa: B008
    targets: Any = None,
) -> xr.Dataset:
    """Return a ``sequences`` store, without targets, of arrays in memory.

    Parameters
    ----------
    source : Source
        The inputs and their lengths.
    truth : array_like of shape (sequence, time) or None
        True states, -1 or NaN where unknown, or words, empty where unknown.
    split : array_like of shape (sequence,) or None
        0 train, 1 select, 2 test, or these words; or None to sample it with ``shares``.
        One or two sequences are then cut in time, see :func:`hmmlens.datasets.own.blocks.cut`;
        ``recording`` and ``first_step`` hold the origin of each block.
    names : mapping of str to sequence of str
        ``input``, ``output``, ``truth``: names along these dimensions.
    seed : int
        Seed of the split.
    groups : array_like of shape (sequence,), optional
        To whom or what each sequence belongs, numbers or text. A split that is sampled keeps the
        sequences of a group together.
    shares : Split, optional
        Shares of train, select and test.
    cutting : Blocks, optional
        How recordings are cut.
    targets : array_like of shape (sequence, time) or (sequence, time, output), optional
        Symbols, -1 where there is none, or values, NaN where there is none; or of the last step
        alone: symbols (sequence), or values (sequence) or (sequence, output).

    Returns
    -------
    Dataset
        ``input``, ``state``, ``length``, ``split`` and, where they are given, ``target`` and
        ``group``; where inputs lack values, ``fed`` holds them as the network reads them, and
        ``input`` describes them, see :func:`hmmlens.datasets.missing_values.described`.

    Raises
    ------
    DataError
        When shapes, types or names do not fit.
    """
    values = source.batch(slice(0, len(source)))
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf":
        raise DataError(
            f"inputs hold {values.dtype} of the shape {values.shape}; numbers (sequence, time) or "
            "(sequence, time, feature) are needed"
        )
    shape, symbols = values.shape[:2], values.ndim == 2
    if symbols and values.dtype.kind == "f":
        raise DataError(
            "inputs (sequence, time) are symbols, whole numbers from 0; give values as "
            "(sequence, time, 1)"
        )
    inside = np.arange(shape[1]) < source.lengths[:, None]
    if symbols and values[inside].min() < 0:
        raise DataError(f"inputs hold the symbol {values[inside].min()}; symbols count from 0")
    known, words = labels.truth_codes(truth, source, names.get("truth"))
    group_names, group = _groups(groups, shape[0])
    target = None if targets is None else _targets(targets, source)
    length, cut = source.lengths, None
    if blocks.needed(shape[0], split):
        cut = blocks.cut(length, shares.model_dump(), cutting, [str(i) for i in range(shape[0])])
        values, known = cut.of_steps(values, 0), cut.of_steps(known, -1)
        group = group[cut.recording]
        if target is not None:
            target = cut.of_steps(target, np.nan if target.ndim == 3 else -1)
        length, split, shape = cut.length, cut.split, values.shape[:2]
        inside = np.arange(shape[1]) < length[:, None]
        log.warning("%s", cut.note)
    drawn = _sampled_split(group, shares.model_dump(), seed) if split is None else split
    parts = labels.split_codes(drawn, shape[0], list(SPLITS))
    strange = sorted(set(names) - {"input", "output", "truth"})
    if strange:
        raise DataError(f"names holds {strange[0]!r}; allowed: input, output, truth")
    n_kinds = int(values[inside].max()) + 1 if symbols else values.shape[2]
    n_truth = len(words) if words else int(known[inside].max()) + 1
    inputs = named("input", names.get("input"), n_kinds, at_least=symbols)
    attributes: dict[str, Any] = {
        "input_kind": "symbols" if symbols else "values",
        "feature_names": inputs,
        "truth": "the truth" if n_truth else "not known",
        "state_names": named("truth", names.get("truth") or words, n_truth, at_least=True),
    }
    if symbols:
        attributes["n_symbols"] = len(inputs)
        if missing := unseen(values, inside, parts):
            attributes |= missing.attributes()
            log.warning(missing.sentence())
    if cut is not None:
        attributes["cut"] = cut.note
    dims = ("sequence", "time", "feature")
    lacking = None if symbols else missing_values.described(values, inside, parts == 0, inputs)
    if lacking is not None:
        attributes |= {"feature_names": lacking.names, "missing_values_note": lacking.note}
        log.warning(lacking.note)
    found = xr.Dataset(
        {
            "input": (dims[: values.ndim], values if lacking is None else lacking.values),
            "state": (dims[:2], np.where(inside, known, -1).astype(np.int16)),
            "length": ("sequence", length.astype(np.int32)),
            "split": ("sequence", parts.astype(np.int8)),
        },
        attrs=attributes,
    )
    if lacking is not None:
        found = found.assign(fed=(("sequence", "time", "column"), values))
    if target is not None:
        found = found.assign(target=(("sequence", "time", "output")[: target.ndim], target))
    if cut is not None:
        found = found.assign(cut.places())
    if groups is None:
        return found
    return found.assign(group=("sequence", group)).assign_attrs(group_names=group_names)


def _targets(targets: Any, source: Source) -> NDArray[Any]:
    """Return targets as an array, padded as the inputs are."""
    if hasattr(targets, "shape"):
        values = arrays.numbers(targets, "targets")
        ends = of_last_steps(values, source.lengths, source.shape[1])
        if ends is not None:
            return ends
    given = Source(targets, None if hasattr(targets, "shape") else source.lengths)
    values = given.batch(slice(0, len(given)))
    if values.shape[:2] != source.shape[:2] or values.ndim not in (2, 3):
        raise DataError(
            f"targets have the shape {values.shape}; (sequence, time) symbols or (sequence, time, "
            f"output) values for the {source.shape[0]} sequences of up to {source.shape[1]} steps "
            "of the inputs are needed"
        )
    if values.ndim == 2 and values.dtype.kind not in "biu":
        raise DataError(
            "targets (sequence, time) are symbols, whole numbers from 0; give values as "
            "(sequence, time, 1)"
        )
    inside = np.arange(values.shape[1]) < source.lengths[:, None]
    if values.ndim == 2:
        return np.where(inside, values.astype(np.int64), -1)
    return np.where(inside[..., None], values.astype(np.float64), np.nan)


def _groups(groups: ArrayLike | None, n_sequences: int) -> tuple[list[str], NDArray[np.int32]]:
    """Return the names of the groups and the group of each sequence; each its own without any."""
    if groups is None:
        return [], np.arange(n_sequences, dtype=np.int32)
    values = np.asarray(groups)
    if values.shape != (n_sequences,):
        raise DataError(f"groups has shape {values.shape}; one for each of {n_sequences} sequences")
    kinds, group = np.unique(values, return_inverse=True)
    return [str(kind) for kind in kinds], group.astype(np.int32)


def _sampled_split(
    group: NDArray[np.int32], shares: dict[str, float], seed: int
) -> NDArray[np.int8]:
    """Return a random split (sequence) that keeps groups together."""
    n_groups = int(group.max()) + 1
    if n_groups < len(SPLITS):
        raise DataError(
            f"there are {n_groups} groups or sequences, but train, select and test need one each; "
            "give a split, or more of them"
        )
    drawn: NDArray[np.int8] = split_sequences(n_groups, shares, np.random.default_rng(seed))
    return drawn[group]


def named(dim: str, names: Sequence[str] | None, n: int, at_least: bool = False) -> list[str]:
    """Return names along a dimension: those given, or numbers.

    Parameters
    ----------
    dim : str
        Name of the dimension.
    names : sequence of str or None
        Names of the caller.
    n : int
        Entries of the dimension.
    at_least : bool, default=False
        Whether there may be more names than entries.

    Returns
    -------
    list of str
        ``n`` names, or more.

    Raises
    ------
    DataError
        When there are too few or too many.
    """
    if names is None:
        return [f"{'true' if dim == 'truth' else dim} {i + 1}" for i in range(n)]
    if len(names) < n or (len(names) > n and not at_least):
        raise DataError(
            f"names[{dim!r}] holds {len(names)} names; {n}{' or more' if at_least else ''} for "
            f"{dim} are needed"
        )
    return [str(name) for name in names]
