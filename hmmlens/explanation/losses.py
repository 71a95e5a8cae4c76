"""The losses of a network at its targets, and of the best constant answer."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hmmlens.errors import DataError
from hmmlens.recording.activations import output_distribution
from hmmlens.typing import Floats
from hmmlens.validation.baselines.constant import marginal_mse, mean_squared_error
from hmmlens.validation.grading.recorded import Losses


def losses_of(acts: xr.DataTree, sequences: xr.Dataset, floor: float | None = None) -> Losses:
    """Return the test losses of a network at its targets.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the network.
    sequences : Dataset
        The ``sequences`` store, with ``target`` where the task is known.
    floor : float, optional
        Smallest possible loss, where it is known.

    Returns
    -------
    Losses
        NaN where the task is not known: cross-entropy in nats per step for symbols, mean squared
        error for values; and the same of the best constant answer.

    Raises
    ------
    DataError
        When targets do not fit the outputs, or the smallest possible loss is no smaller than that
        of the best constant answer.
    """
    if "target" not in sequences:
        if floor is not None:
            raise DataError(f"floor is {floor}, and there are no targets whose loss it could be")
        return Losses(np.nan, np.nan)
    losses = _losses_at_targets(acts, sequences)
    if floor is None:
        return losses
    if not 0 <= floor < losses.marginal:
        raise DataError(
            f"floor is {floor}; a loss from 0 to below {losses.marginal:.6g} is needed, which is "
            "that of the best constant answer"
        )
    return losses._replace(floor=float(floor))


def _losses_at_targets(acts: xr.DataTree, sequences: xr.Dataset) -> Losses:
    """Return the test losses of a network at its targets and of the best constant answer."""
    output = acts["output"].to_numpy().astype(np.float64)
    chosen = acts["sequence"].to_numpy()
    split = sequences["split"].to_numpy()
    target = sequences["target"].to_numpy()
    symbols = sequences.attrs["target_kind"] == "symbols"
    if symbols != (target.ndim == 2) or (not symbols and target.shape[2] != output.shape[2]):
        raise DataError(_other_targets(target, output.shape[2], symbols))
    test, train = acts["split"].to_numpy() == 2, target[split == 0]
    given, wanted = output[test], target[chosen[test]]
    if not symbols:
        return Losses(
            mean_squared_error(given, wanted),
            marginal_mse(train, wanted),
        )
    if wanted.max() >= output.shape[2]:
        raise DataError(
            f"targets hold the symbol {wanted.max()}; the network has {output.shape[2]} outputs"
        )
    known = wanted >= 0
    counts = np.bincount(train[train >= 0], minlength=output.shape[2]) + 1.0
    logs = np.log(output_distribution(given[known], "symbols") + 1e-300)
    rows = np.arange(len(logs))
    return Losses(
        float(-logs[rows, wanted[known]].mean()),
        float(-np.log(counts / counts.sum())[wanted[known]].mean()),
    )


def _other_targets(target: Floats, n_outputs: int, symbols: bool) -> str:
    """Return what is wrong with targets of another kind than the outputs, and what to do."""
    if symbols:
        return (
            f"targets are values ({target.shape[2]} for each step), but outputs are logits, whose "
            "targets are symbols: whole numbers from 0, for each step or for each sequence"
        )
    values = f"{n_outputs} value" + ("" if n_outputs == 1 else "s")
    if target.ndim == 2:
        return (
            f"targets are whole numbers, which are symbols, but the network returns {values} for "
            "each step; if these are logits of the symbols, set outputs to 'logits', else give "
            "targets as floating-point values (sequence, time, output)"
        )
    return f"targets have {target.shape[2]} values for each step; the network returns {values}"
