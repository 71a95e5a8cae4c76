"""Keras keeps the gates of its cells in another order than torch. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Weights = dict[str, Floats]


def gru_weights(kernel: Floats, recurrent: Floats, bias: Floats | None) -> Weights:
    """Return torch's GRU weights for those of a Keras GRU with ``reset_after``.

    Keras has update, reset, candidate; torch has reset, update, candidate.

    Parameters
    ----------
    kernel, recurrent : (input, 3 unit), (unit, 3 unit).
    bias : (2, 3 unit), that of the input and that of the state; or none.

    Returns
    -------
    dict
        ``weight_ih`` (3 unit, input), ``weight_hh`` (3 unit, unit), ``bias_ih``, ``bias_hh``.
    """

    def reordered(columns: Floats) -> Floats:
        update, reset, candidate = np.split(columns, 3, axis=-1)
        return np.concatenate([reset, update, candidate], axis=-1)

    weights = {"weight_ih": reordered(kernel).T, "weight_hh": reordered(recurrent).T}
    if bias is not None:
        weights["bias_ih"], weights["bias_hh"] = reordered(bias)
    return weights


def plain_weights(kernel: Floats, recurrent: Floats, bias: Floats | None) -> Weights:
    """Return torch's weights for those of a Keras SimpleRNN or LSTM, whose gates agree.

    Both have input, forget, candidate, output. Keras has one bias, torch two that are added.

    Parameters
    ----------
    kernel, recurrent : (input, gate unit), (unit, gate unit).
    bias : (gate unit), or none.

    Returns
    -------
    dict
        As :func:`gru_weights`; ``bias_hh`` is zero.
    """
    weights = {"weight_ih": kernel.T, "weight_hh": recurrent.T}
    if bias is not None:
        weights |= {"bias_ih": bias, "bias_hh": np.zeros_like(bias)}
    return weights
