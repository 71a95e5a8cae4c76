"""Weights of Keras's cells in the order of gates that torch has. NumPy only."""

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
    kernel : ndarray of shape (feature, 3 * unit)
        Weights of the input.
    recurrent : ndarray of shape (unit, 3 * unit)
        Weights of the state.
    bias : ndarray of shape (2, 3 * unit) or None
        Those of the input and of the state.

    Returns
    -------
    dict of str to ndarray
        ``weight_ih`` (3 * unit, feature), ``weight_hh`` (3 * unit, unit), ``bias_ih``, ``bias_hh``.
    """

    def _reordered(columns: Floats) -> Floats:
        update, reset, candidate = np.split(columns, 3, axis=-1)
        return np.concatenate([reset, update, candidate], axis=-1)

    weights = {"weight_ih": _reordered(kernel).T, "weight_hh": _reordered(recurrent).T}
    if bias is not None:
        weights["bias_ih"], weights["bias_hh"] = _reordered(bias)
    return weights


def plain_weights(kernel: Floats, recurrent: Floats, bias: Floats | None) -> Weights:
    """Return torch's weights for those of a Keras SimpleRNN or LSTM, whose gates agree.

    Both have input, forget, candidate, output. Keras has one bias, torch two that are added.

    Parameters
    ----------
    kernel : ndarray of shape (feature, gate * unit)
        Weights of the input.
    recurrent : ndarray of shape (unit, gate * unit)
        Weights of the state.
    bias : ndarray of shape (gate * unit,) or None
        Bias of the gates.

    Returns
    -------
    dict of str to ndarray
        As :func:`gru_weights`; ``bias_hh`` is zero.
    """
    weights = {"weight_ih": kernel.T, "weight_hh": recurrent.T}
    if bias is not None:
        weights |= {"bias_ih": bias, "bias_hh": np.zeros_like(bias)}
    return weights
