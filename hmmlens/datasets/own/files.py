"""Make a dataset of a user's own file: targets, split and standardised values.

The formats are read in :mod:`hmmlens.datasets.own.tables` and :mod:`hmmlens.datasets.own.arrays`.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.datasets.content import Content
from hmmlens.datasets.own import blocks
from hmmlens.datasets.own.precision import moments, single_precision
from hmmlens.datasets.splits import SPLITS, split_sequences
from hmmlens.datasets.unseen_symbols import unseen
from hmmlens.errors import DataError
from hmmlens.io.hashes import sha256_of
from hmmlens.typing import Bools, Ints

if TYPE_CHECKING:
    from hmmlens.datasets.own.base import FileData

log = logging.getLogger(__name__)

#: What to do where there are too few groups.
BY_SEQUENCE = "split by sequence (split_by: sequence in a study, or --split-by sequence)"


def from_file(
    settings: FileData, rng: np.random.Generator, frozen: bool = False, missing: bool = False
) -> xr.Dataset:
    """Read a user's file and return it as sequences, see :func:`hmmlens.datasets.build.build`.

    Parameters
    ----------
    settings : FileData
        The dataset's section of the study.
    rng : numpy.random.Generator
        Source of everything that is sampled.
    frozen : bool
        Whether no network is trained on it, so that its train split may lack input symbols.
    missing : bool
        Whether values of inputs may be missing, for a network that takes NaN.

    Returns
    -------
    xarray.Dataset
        The arrays that :func:`hmmlens.datasets.build.build` documents.

    Raises
    ------
    DataError
        With the file, and the place in it where something does not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> from hmmlens.datasets.own.table import TableData
    >>> steps = [(trial, step, step % 3) for trial in range(6) for step in range(9)]
    >>> table = pd.DataFrame(steps, columns=["trial", "second", "symbol"])
    >>> table.to_csv("trials.csv", index=False)
    >>> columns = {"sequence": "trial", "time": "second", "inputs": ["symbol"]}
    >>> settings = TableData(
    ...     kind="table", path="trials.csv", columns=columns, input_kind="symbols"
    ... )
    >>> from_file(settings, np.random.default_rng(0))["input"].shape
    (6, 9)
    """
    data = sequences(settings.read(missing), settings, rng, frozen)
    sha256 = _sha256(Path(settings.path), settings.files())
    return data.assign_attrs(source=settings.path, sha256=sha256)


def _sha256(path: Path, files: list[Path]) -> str:
    """Return the hash of a file, or that of the names and hashes of all files of a store."""
    if path.is_file():
        return sha256_of(path)
    lines = [f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sequences(
    content: Content, settings: FileData, rng: np.random.Generator, frozen: bool = False
) -> xr.Dataset:
    """Give content its targets and split, and standardise its values; see :func:`from_file`.

    Parameters
    ----------
    content : Content
        What the file holds.
    settings : FileData
        The dataset's section of the study.
    rng : numpy.random.Generator
        Source of everything that is sampled.
    frozen : bool
        Whether no network is trained on the dataset.

    Returns
    -------
    xarray.Dataset
        The arrays that :func:`hmmlens.datasets.build.build` documents.

    Raises
    ------
    DataError
        With the place where something does not fit.
    """
    own = content.target is not None
    horizon = settings.horizon if settings.horizon is not None else int(not own)
    parts = None
    if settings.split_by != "group" and blocks.needed(len(content.length), content.split):
        content, parts = _in_blocks(content, settings, horizon)
    inputs, length, names = content.input, content.length, content.names
    symbols_in = inputs.ndim == 2
    _check_lengths(content, horizon, settings.path)
    inside = np.arange(inputs.shape[1]) < length[:, None]
    present = content.target
    if present is None:
        if horizon == 0:
            raise DataError(f"{settings.path}: horizon 0 needs targets, which the file has not")
        # A missing input is no reason to leave out a step.
        present = _marked(np.nan_to_num(inputs) if inputs.dtype.kind == "f" else inputs, inside)
    symbols_out = present.ndim == 2
    target = np.full_like(present, -1 if symbols_out else np.nan)
    target[:, : inputs.shape[1] - horizon] = present[:, horizon:]
    split = _split(content, settings, rng)
    _check_splits(split, target, content, settings.path)
    lacking = unseen(inputs, inside, split) if symbols_in else None
    if lacking and not frozen:
        raise DataError(
            f"{settings.path}: input symbol {lacking.symbols[0]} does not occur in the train "
            "split, so nothing can be learnt about it; join it with another, or choose another "
            "split"
        )
    in_names, out_names = names["input"], names["target"] if own else names["input"]
    attributes: dict[str, Any] = {
        "input_kind": "symbols" if symbols_in else "values",
        "target_kind": "symbols" if symbols_out else "values",
        "feature_names": in_names,
        "target_names": out_names,
        "task": _task(
            _listed(in_names, symbols_in), _listed(out_names, symbols_out) if own else None, horizon
        ),
        "target_delay": horizon,
        # Else the inputs ahead, which a network from elsewhere may never have been taught.
        "own_target": own,
        "truth": f"the labels in {content.truth}" if "state" in names else "not known",
        "state_names": names.get("state", []),
    }
    if symbols_in:
        attributes["n_symbols"] = len(in_names)
    if content.parts:
        attributes["parts"] = content.parts
        if settings.standardise:
            raise DataError(
                f"{settings.path}: several inputs, of which some may be symbols, are not "
                "standardised; give them as the network reads them"
            )
    if lacking:
        attributes |= lacking.attributes()
        log.info(lacking.sentence())
    if symbols_out:
        attributes["n_target_symbols"] = len(out_names)
    if "group" in names:
        attributes["group_names"] = names["group"]
    if settings.standardise:
        train = inside & (split == 0)[:, None]
        if not symbols_in:
            mean, scale = moments(inputs[train], in_names, settings.path)
            inputs = np.where(inside[..., None], (inputs - mean) / scale, 0.0)
            attributes |= {"offset": mean.tolist(), "scale": scale.tolist()}
        if not symbols_out:
            if out_names != in_names:
                known = target[train][np.isfinite(target[train]).all(axis=1)]
                mean, scale = moments(known, out_names, settings.path)
            target = (target - mean) / scale
            attributes |= {"target_offset": mean.tolist(), "target_scale": scale.tolist()}
    state = content.state if content.state is not None else np.full(inside.shape, -1)
    group = content.group if content.group is not None else np.arange(len(inputs))
    if parts is not None:
        attributes["cut"] = parts.note
        log.warning("%s: %s", settings.path, parts.note)
    log.info("%d sequences of %d to %d steps", len(length), length.min(), length.max())
    data = xr.Dataset(
        {
            "input": (
                ("sequence", "time", "feature")[: inputs.ndim],
                inputs.astype(np.int16)
                if symbols_in
                else single_precision(inputs, inside, in_names, settings.path),
            ),
            "target": (
                ("sequence", "time", "output")[: target.ndim],
                target.astype(np.int16)
                if symbols_out
                else single_precision(target, inside, out_names, settings.path),
            ),
            "state": (("sequence", "time"), state.astype(np.int16)),
            "length": ("sequence", length.astype(np.int32)),
            "split": ("sequence", split.astype(np.int8)),
            "group": ("sequence", group.astype(np.int32)),
        },
        attrs=attributes,
    )
    return data if parts is None else data.assign(parts.places())


def _in_blocks(content: Content, settings: FileData, horizon: int) -> tuple[Content, blocks.Cut]:
    """Cut the recordings of a file in time."""
    recordings = content.names["sequence"]
    try:
        parts = blocks.cut(
            content.length, settings.split.model_dump(), settings.blocks, recordings, horizon + 1
        )
    except DataError as error:
        raise DataError(f"{settings.path}: {error}") from None
    numbers = np.concatenate([np.arange(n) for n in np.bincount(parts.recording)])
    names = [
        f"{recordings[i]}, block {number + 1}"
        for i, number in zip(parts.recording, numbers, strict=True)
    ]
    target, state, group = content.target, content.state, content.group
    if target is not None:
        target = parts.of_steps(target, -1 if target.ndim == 2 else np.nan)
    cut = content._replace(
        input=parts.of_steps(content.input, 0),
        target=target,
        length=parts.length,
        state=None if state is None else parts.of_steps(state, -1),
        split=parts.split,
        group=None if group is None else group[parts.recording],
        names={**content.names, "sequence": names},
    )
    return cut, parts


def _marked(inputs: NDArray[Any], inside: Bools) -> NDArray[Any]:
    """Return inputs as targets: -1 or NaN past each end."""
    if inputs.ndim == 2:
        return np.where(inside, inputs, -1)
    return np.where(inside[..., None], inputs, np.nan)


def _task(inputs: str, targets: str | None, horizon: int) -> str:
    ahead = f" {horizon} step{'s' if horizon > 1 else ''} ahead" if horizon else ""
    return (
        f"predict {inputs}{ahead}" if targets is None else f"predict {targets}{ahead} from {inputs}"
    )


def _listed(names: list[str], symbols: bool) -> str:
    if symbols:
        return f"{len(names)} symbols"
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} columns"


# --- Split and checks -----------------------------------------------------------------------


def _split(content: Content, settings: FileData, rng: np.random.Generator) -> Ints:
    """Return the file's split (sequence), or draw one of sequences or groups."""
    if content.split is not None:
        return content.split
    by = settings.split_by or ("group" if content.group is not None else "sequence")
    if by == "group":
        if content.group is None:
            raise DataError(f"{settings.path}: split_by: group needs groups, which it has not")
        unit = content.group
    else:
        unit = np.arange(len(content.length))
    n_units = int(unit.max()) + 1
    if n_units < len(SPLITS):
        raise DataError(
            f"{settings.path}: holds {n_units} {by}{'s' if n_units > 1 else ''}, but train, select "
            f"and test each need one; give more, or "
            f"{BY_SEQUENCE if by == 'group' else 'cut long sequences into several'}"
        )
    return split_sequences(n_units, settings.split.model_dump(), rng)[unit]


def _check_lengths(content: Content, horizon: int, path: str) -> None:
    least = max(2, horizon + 1)
    short = np.flatnonzero(content.length < least)
    if len(short):
        n = content.length[short[0]]
        raise DataError(
            f"{path}: sequence {content.names['sequence'][short[0]]!r} has {n} "
            f"step{'s' if n > 1 else ''}, wants {least} or more"
            f"{f' with horizon {horizon}' if horizon > 1 else ''}; leave it out"
        )


def _check_splits(split: Ints, target: NDArray[Any], content: Content, path: str) -> None:
    known = target >= 0 if target.ndim == 2 else np.isfinite(target).all(axis=2)
    for part, name in enumerate(SPLITS):
        if not (split == part).any():
            raise DataError(f"{path}: the {name} split holds no sequence")
        if not known[split == part].any():
            raise DataError(f"{path}: the {name} split holds no step whose target is known")
    if content.group is not None:
        parts = {(int(g), int(s)) for g, s in zip(content.group, split, strict=True)}
        if len(parts) > len({g for g, _ in parts}):
            log.warning("a group has sequences in several splits: scores on test flatter")
