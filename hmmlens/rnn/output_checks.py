"""Checks of a network's recorded output before anything is fitted to its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError

#: Probabilities that differ by no more than rounding are the same.
SAME = 1e-12


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
    output : (sequence, time, output)
    length : (sequence); steps past it are not looked at.
    kind : ``symbols`` for logits, among which minus infinity rules a symbol out, or ``values``.
    names : (output), for messages.
    rows : (sequence), the number of each sequence, for messages.

    Raises
    ------
    DataError
        Saying which output at which step of which sequence is not finite.
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
    told = ", ".join(f"{value + 0.0:.4g}" for value in values[:most])
    return f"({told}{', ...' if len(values) > most else ''})"
