"""The speech detector's port equals its equations and the packaged file."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hmmlens.datasets.build import build
from hmmlens.datasets.published_packages import SILERO, SPEECH, fetch
from hmmlens.datasets.recorded.speech import SpeechData
from hmmlens.errors import DataError
from hmmlens.rnn.adapters import ADAPTERS, silero
from hmmlens.rnn.equations import numpy_step

#: Shapes of the arrays in the file, in their order.
SHAPES = [
    (128, 129, 3), (128,), (64, 128, 3), (64,), (64, 64, 3), (64,), (128, 64, 3), (128,),
    (512, 128), (512, 128), (512,), (512,), (1, 128, 1), (1,),
]  # fmt: skip


def wheel(path: Path, arrays: list[np.ndarray]) -> Path:
    """Write a wheel with a script file whose arrays are numbered from 3, as in the package."""
    script = io.BytesIO()
    with zipfile.ZipFile(script, "w") as archive:
        for number, array in enumerate(arrays, 3):
            archive.writestr(f"some_name/data/{number}", array.astype("<f4").tobytes())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("silero_vad/data/silero_vad.jit", script.getvalue())
    return path


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """Return relu of a convolution of (in, time), one zero at each end."""
    x = np.pad(x, ((0, 0), (1, 1)))
    steps = [
        np.tensordot(weight, x[:, t : t + 3], axes=([1, 2], [0, 1])) + bias
        for t in range(0, x.shape[1] - 2, stride)
    ]
    return np.maximum(np.stack(steps, axis=1), 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def frame_by_frame(frames: np.ndarray, arrays: list[np.ndarray]) -> np.ndarray:
    """Return the probability of speech (time) of one sequence, as the detector streams."""
    convolutions = list(zip(arrays[0:8:2], arrays[1:8:2], (1, 2, 2, 1), strict=True))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = dict(zip(names, arrays[8:12], strict=True))
    out, out_bias = arrays[12:]
    state = (np.zeros(128),) * 2
    context, result = np.zeros(64), []
    for frame in frames:
        samples = np.pad(np.concatenate([context, frame]), (0, 64), mode="reflect")
        context = frame[-64:]
        window = np.hanning(257)[:256]
        cuts = [samples[s : s + 256] * window for s in range(0, len(samples) - 255, 128)]
        x = np.abs(np.fft.rfft(np.stack(cuts, axis=1), axis=0))
        for weight, bias, stride in convolutions:
            x = convolve(x, weight, bias, stride)
        (step,) = x.T
        state, _, _ = numpy_step("lstm", weights, step, state)
        result.append(sigmoid(out[0, :, 0] @ np.maximum(state[0], 0) + out_bias[0]))
    return np.array(result)


def test_port_equals_the_equations_frame_by_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.normal(scale=2 / np.sqrt(np.prod(s[1:])), size=s) for s in SHAPES]
    arrays = [a.astype(np.float32).astype(np.float64) for a in arrays]
    network = silero.load(wheel(tmp_path / "w.whl", arrays)).double()
    network.fourier = silero._fourier().double()
    frames = rng.normal(scale=0.1, size=(2, 12, 512))
    with torch.no_grad():
        found = network(torch.from_numpy(frames)).numpy()
    assert found.shape == (2, 12, 1)
    for row, sequence in enumerate(frames):
        expected = frame_by_frame(sequence, arrays)
        # The network's cosines are stored in single precision.
        np.testing.assert_allclose(found[row, :, 0], expected, atol=1e-5)
        assert np.ptp(expected) > 1e-3


def test_untrained_control_has_the_same_transform() -> None:
    network = silero.build()
    assert "fourier" not in network.state_dict()
    assert not network.training
    assert torch.isfinite(network(torch.zeros(1, 3, 512))).all()


@pytest.mark.parametrize("n_arrays", [0, 5])
def test_another_wheel_is_refused(n_arrays: int, tmp_path: Path) -> None:
    arrays = [np.zeros(s) for s in SHAPES[:n_arrays]]
    with pytest.raises(DataError, match="holds no weights of silero-vad"):
        silero.load(wheel(tmp_path / "w.whl", arrays))
    wrong = [np.zeros(3)] * len(SHAPES)
    with pytest.raises(DataError, match="holds no weights of silero-vad"):
        silero.load(wheel(tmp_path / "w.whl", wrong))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="the clips are a Debian package")
def test_port_equals_the_packaged_file_on_real_clips(tmp_path: Path) -> None:
    assert ADAPTERS["silero-vad"].source is SILERO
    files = {source: tmp_path / source.file for source in (SILERO, SPEECH)}
    for source, path in files.items():
        fetch(source, path)
    settings = SpeechData(kind="speech", n_sequences=5, n_steps=200)
    data = build(settings, seed=1, source=files[SPEECH])
    frames = torch.from_numpy(data["fed"].to_numpy())
    network = silero.load(files[SILERO])
    with zipfile.ZipFile(files[SILERO]) as archive:
        # Its hash was checked by fetch.
        packaged = torch.jit.load(io.BytesIO(archive.read(silero.FILE))).eval()
    with torch.no_grad():
        expected = torch.stack([packaged(frames[:, t], 16000) for t in range(200)], dim=1)
        found = network(frames)
    assert float((found - expected).abs().max()) < 1e-4
    assert float(((found[:, :, 0] > 0.5).numpy() == data["state"].to_numpy()).mean()) > 0.85
