"""The speech detector silero-vad (Silero Team, MIT): sound in, probability of speech out.

Its weights are in the package's TorchScript file, which is a zip with a file of plain numbers
for each array. Only those are read: nothing in the file is run. ``silero_vad_16k.safetensors``
in the same package holds other weights.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import State

FILE = "silero_vad/data/silero_vad.jit"

#: Samples of a frame at 16 kHz, and samples of the frame before that are read with it.
FRAME, CONTEXT = 512, 64

#: Short-time Fourier transform: window and stride in samples.
WINDOW, STRIDE = 256, 128

N_UNITS = 128

#: The file that each array has in the zip.
ARRAYS = {
    "encoder.0.weight": 3,
    "encoder.0.bias": 4,
    "encoder.2.weight": 5,
    "encoder.2.bias": 6,
    "encoder.4.weight": 7,
    "encoder.4.bias": 8,
    "encoder.6.weight": 9,
    "encoder.6.bias": 10,
    "lstm.weight_ih_l0": 11,
    "lstm.weight_hh_l0": 12,
    "lstm.bias_ih_l0": 13,
    "lstm.bias_hh_l0": 14,
    "out.weight": 15,
    "out.bias": 16,
}


class SileroVAD(nn.Module):
    """Magnitude spectra, four convolutions that leave one vector a frame, LSTM, linear, sigmoid.

    ``forward`` takes frames of 32 ms at 16 kHz, full scale being 1, and returns the probability of
    speech.

    It follows the recurrence protocol of :mod:`hmmlens.rnn.recurrent_network`. Behind the LSTM's
    entry, its state has one for the end of the last frame: ((hidden, cell), (samples,)).
    """

    fourier: Tensor

    #: Steps of input in the window of the filters: a frame, and the end of the one before.
    n_input_steps = 2

    def __init__(self) -> None:
        super().__init__()
        # A fixed transform, not a weight: it is the same in an untrained control.
        self.register_buffer("fourier", _fourier(), persistent=False)
        self.encoder = nn.Sequential(
            nn.Conv1d(WINDOW // 2 + 1, 128, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(128, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(64, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(64, N_UNITS, 3, padding=1),
            nn.ReLU(),
        )
        self.lstm = nn.LSTM(N_UNITS, N_UNITS, batch_first=True)
        self.out = nn.Linear(N_UNITS, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the probability of speech in each frame.

        Parameters
        ----------
        frames : Tensor of shape (sequence, time, 512)
            Sound.

        Returns
        -------
        Tensor of shape (sequence, time, 1)
            Probability of speech.
        """
        before = nn.functional.pad(frames[:, :-1, -CONTEXT:], (0, 0, 1, 0))
        encoded = self._encode(before.flatten(0, 1), frames.flatten(0, 1))
        return self._speech(self.lstm(encoded.unflatten(0, frames.shape[:2]))[0])

    def _encode(self, before: Tensor, frames: Tensor) -> Tensor:
        """Return (frame, unit) of frames (frame, sample) and of the samples before them."""
        window = torch.cat([before, frames], dim=1)
        window = nn.functional.pad(window, (0, CONTEXT), "reflect")
        waves = nn.functional.conv1d(window[:, None], self.fourier, stride=STRIDE)
        real, imaginary = waves.chunk(2, dim=1)
        encoded: Tensor = self.encoder((real**2 + imaginary**2).sqrt()).squeeze(2)
        return encoded

    def _speech(self, hidden: Tensor) -> Tensor:
        return torch.sigmoid(self.out(torch.relu(hidden)))

    def start(self, n_sequences: int) -> State:
        """Return the state before the first frame: zeros.

        Parameters
        ----------
        n_sequences : int
            Sequences that run at once.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, number)
            ((hidden, cell), (samples,)).
        """
        zeros = self.out.weight.new_zeros
        unit = zeros(n_sequences, N_UNITS)
        return (unit, unit), (zeros(n_sequences, CONTEXT),)

    def step(self, state: State, inputs: Tensor) -> State:
        """Advance by one frame.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, number)
            The state before the frame.
        inputs : Tensor of shape (sequence, 512)
            Sound.

        Returns
        -------
        tuple of tuple of Tensor of shape (sequence, number)
            The state after the frame.
        """
        (hidden, cell), (before,) = state
        encoded = self._encode(before, inputs)
        # A sequence of one frame, so that the layer's own code runs.
        moved = self.lstm(encoded[:, None], (hidden[None], cell[None]))[1]
        return tuple(part[0] for part in moved), (inputs[:, -CONTEXT:],)

    def readout(self, state: State) -> Tensor:
        """Return the probability of speech of a state.

        Parameters
        ----------
        state : tuple of tuple of Tensor of shape (sequence, number)
            A state.

        Returns
        -------
        Tensor of shape (sequence, 1)
            Probability of speech.
        """
        return self._speech(state[0][0])


def _fourier() -> Tensor:
    """Return cosines and sines under a Hann window, (2 (WINDOW / 2 + 1), 1, WINDOW)."""
    sample = np.arange(WINDOW)
    angle = 2 * np.pi * np.arange(WINDOW // 2 + 1)[:, None] * sample / WINDOW
    window = 0.5 - 0.5 * np.cos(2 * np.pi * sample / WINDOW)
    basis = np.concatenate([np.cos(angle), -np.sin(angle)]) * window
    return torch.from_numpy(basis[:, None].astype(np.float32))


def build() -> SileroVAD:
    """Return the architecture with torch's default initial weights, in evaluation mode.

    Returns
    -------
    SileroVAD
        The network.
    """
    return SileroVAD().eval()


def load(wheel: Path) -> SileroVAD:
    """Return the network with the weights in the wheel of silero-vad.

    The arrays are known by their place in the file, so the wheel's hash must have been checked.

    Parameters
    ----------
    wheel : Path
        The fetched file.

    Returns
    -------
    SileroVAD
        The network.

    Raises
    ------
    DataError
        When the wheel does not hold these weights.
    """
    network = build()
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    weights = {}
    try:
        with zipfile.ZipFile(wheel) as outer:
            script = zipfile.ZipFile(io.BytesIO(outer.read(FILE)))
        root = script.namelist()[0].split("/")[0]
        for name, number in ARRAYS.items():
            values = np.frombuffer(script.read(f"{root}/data/{number}"), dtype="<f4")
            weights[name] = torch.from_numpy(values.reshape(shapes[name]).copy())
    except (KeyError, IndexError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{wheel}: holds no weights of silero-vad ({error})") from error
    network.load_state_dict(weights)
    return network
