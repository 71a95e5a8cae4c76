"""Checks of a network's recorded output before anything is fitted to its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import DataError

#: Probabilities that differ by no more than rounding are the same.
SAME = 1e-12


def check_recording(tree: xr.DataTree, data: xr.Dataset, layers: list[str]) -> NDArray[Any]:
    """Return the recorded output of a loaded network, if it fits its dataset.

    Parameters
    ----------
    tree : DataTree
        The recording of all sequences of ``data``.
    data : Dataset
        The ``sequences`` store.
    layers : list of str
        The names in the config.

    Returns
    -------
    ndarray of shape (sequence, time, output)
        Logits of symbols, or values.

    Raises
    ------
    DataError
        When the output or a layer does not fit the dataset and the config.
    """
    missing = [name for name in layers if name not in tree.children]
    if missing:
        raise DataError(
            f"there is no layer {missing[0]!r}; the layers of this network are: "
            f"{', '.join(tree.children)}"
        )
    for name in layers:
        if "time" not in tree[name].dims:
            raise DataError(f"layer {name} has other steps than the input; name another one")
    symbols = data.attrs["target_kind"] == "symbols"
    size = int(data.attrs["n_symbols"] if symbols else data.sizes["output"])
    shape = (data.sizes["sequence"], data.sizes["time"], size)
    found = tree["output"].shape if "output" in tree else None
    if found != shape:
        wanted = "a logit for each symbol" if symbols else "a value for each target"
        raise DataError(
            f"the network's output must be (sequence, time, output) = {shape}, {wanted} at every "
            f"step, found {found or 'no tensor'}"
        )
    output: NDArray[np.floating] = tree["output"].to_numpy()
    names = list(data.attrs.get("target_names", ()))
    names = names if len(names) == size else [f"output {i + 1}" for i in range(size)]
    length = tree["length"].to_numpy()
    check_output(output, length, data.attrs["target_kind"], names, np.arange(shape[0]))
    return output


def check_output(
    output: NDArray[np.floating[Any]],
    length: NDArray[np.integer[Any]],
    kind: str,
    names: Sequence[str],
    rows: NDArray[np.integer[Any]],
) -> None:
    """Refuse an output that is not finite, or that never changes.

    Parameters
    ----------
    output : ndarray of shape (sequence, time, output)
        What the network returned.
    length : ndarray of shape (sequence,)
        Steps of each sequence; those past it are not checked.
    kind : str
        ``symbols`` for logits, among which minus infinity rules a symbol out, or ``values``.
    names : sequence of str
        Name of each output, for messages.
    rows : ndarray of shape (sequence,)
        Number of each sequence, for messages.

    Raises
    ------
    DataError
        With the output, the step and the sequence at which it is not finite.
    """
    inside = np.arange(output.shape[1]) < length[:, None]
    good = np.isfinite(output)
    if kind == "symbols":
        good |= np.isneginf(output) & good.any(axis=2, keepdims=True)
    bad = np.argwhere(~good & inside[..., None])
    if len(bad):
        sequence, step, index = bad[0]
        value = output[sequence, step, index]
        what = "NaN" if np.isnan(value) else str(value)
        steps = len({(s, t) for s, t, _ in bad.tolist()})
        more = f", as are outputs at {steps - 1} other steps" if steps > 1 else ""
        raise DataError(
            f"the network's output {names[index]!r} is {what} at sequence {rows[sequence]}, step "
            f"{step}{more}; look into the weights and the inputs"
        )
    frames = output[inside].astype(np.float64)
    if kind == "symbols":
        frames = np.exp(frames - frames.max(axis=1, keepdims=True))
        frames /= frames.sum(axis=1, keepdims=True)
    if (np.ptp(frames, axis=0) <= (SAME if kind == "symbols" else 0)).all():
        raise DataError(
            f"the network's output never changes (it is {_listed(output[inside][0])} at every "
            "step), so no state can stand in for it; look into the weights and the inputs, or "
            "reduce its states and fit models to them step by step (hmmlens.reduce, "
            "hmmlens.HMMSweep)"
        )


def _listed(values: NDArray[Any], most: int = 3) -> str:
    numbers = ", ".join(f"{value + 0.0:.4g}" for value in values[:most])
    return f"({numbers}{', ...' if len(values) > most else ''})"
