"""The gait GRU's port equals Keras, and forecasts the phase at its own lead."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.published_packages import GAIT, fetch
from hmmlens.datasets.recorded.gait_recordings import RECORDINGS, phase_scale
from hmmlens.datasets.recorded.names import PHASE_LEAD
from hmmlens.errors import DataError
from hmmlens.rnn.adapters import ADAPTERS, gait_gru

pytest.importorskip("h5py", reason='needs Keras: pip install "hmmlens[keras]"')
keras = pytest.importorskip(
    "hmmlens.rnn.adapters.keras",
    reason='needs Keras: pip install "hmmlens[keras]"',
    exc_type=ImportError,
).keras


def wheel(path: Path, model: Any) -> Path:
    """Write a wheel that holds a model where the package holds its own."""
    model.save(path.with_suffix(".keras"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".keras"), gait_gru.FILE)
    return path


def architecture() -> Any:
    """Return the layers as the package's training script lists them."""
    layers = keras.layers
    inputs = keras.Input((60, 2))
    x = layers.Conv1D(16, 20, padding="causal", name="conv1d")(inputs)
    x = layers.BatchNormalization(name="batch_normalization")(x)
    x = layers.ZeroPadding1D((2, 0), name="zero_padding1d")(x)
    x = layers.AveragePooling1D(3, strides=1, padding="valid", name="average_pooling1d")(x)
    x = layers.GRU(16, return_sequences=True, dropout=0.2, name="gru")(x)
    x = layers.Dense(2, name="dense")(x)
    return keras.Model(inputs, layers.UnitNormalization(name="phase")(x))


def outputs(network: torch.nn.Module, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        phase: np.ndarray = network(torch.from_numpy(inputs.astype(np.float32))).numpy()
    return phase


def keras_outputs(model: Any, inputs: np.ndarray) -> np.ndarray:
    phase: np.ndarray = keras.ops.convert_to_numpy(model(inputs.astype(np.float32), training=False))
    return phase


def test_port_equals_keras(tmp_path: Path) -> None:
    model = architecture()
    rng = np.random.default_rng(2)
    # Variances are positive, and everything else is not.
    model.set_weights(
        [
            np.abs(rng.normal(size=w.shape)) + 0.1
            if "variance" in v.path
            else rng.normal(scale=0.4, size=w.shape)
            for v, w in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    network = gait_gru.load(wheel(tmp_path / "w.whl", model))
    inputs = rng.normal(size=(3, 60, 2))
    expected = keras_outputs(model, inputs)
    np.testing.assert_allclose(outputs(network, inputs), expected, atol=1e-5)
    assert np.ptp(expected) > 1
    assert isinstance(network.gru, torch.nn.GRU)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.whl"
    for name, content in (("other", b""), (gait_gru.FILE, b"no zip")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, content)
        with pytest.raises(DataError, match="holds no weights of gait-gru"):
            gait_gru.load(path)
    model = keras.Sequential([keras.Input((9, 2)), keras.layers.GRU(16, name="gru")])
    with pytest.raises(DataError, match="holds no weights of gait-gru"):
        gait_gru.load(wheel(path, model))


def phase_errors(phase: np.ndarray, target: np.ndarray, lead: int) -> np.ndarray:
    """Return rad between outputs (time, 2) and the phase ``lead`` samples later."""
    angle, truth = (np.arctan2(x[:, 0], x[:, 1]) for x in (phase, target))
    return np.abs(np.angle(np.exp(1j * (angle[: len(angle) - lead] - truth[lead:]))))


@pytest.mark.slow
def test_real_weights_forecast_the_phase_at_their_lead(tmp_path: Path) -> None:
    source = ADAPTERS["gait-gru"].source
    assert source is GAIT
    path = tmp_path / source.file
    fetch(source, path)
    network = gait_gru.load(path)
    centre, scale = phase_scale(path)
    with zipfile.ZipFile(path) as archive:
        folder = gait_gru.FILE.rsplit("/", 1)[0]
        # The authors' scaler is a pickle: its numbers are looked for, and nothing is run.
        pickled = archive.read(f"{folder}/scaler.pkl")
        assert centre.tobytes() in pickled
        assert scale.tobytes() in pickled
        (tmp_path / "model.keras").write_bytes(archive.read(gait_gru.FILE))
        tables = {
            name: pd.read_csv(
                io.BytesIO(
                    archive.read(
                        f"ao_compensation_model/dataset/training/training_data_{name}_target.csv"
                    )
                ),
                sep=";",
            )
            for name in RECORDINGS
        }
    errors: dict[int, list[np.ndarray]] = {0: [], PHASE_LEAD: []}
    # Row by row, as it was trained.
    for table in tables.values():
        inputs = (table[["Hip_x", "Hip_vel"]].to_numpy() - centre) / scale
        phase = outputs(network, inputs[None])[0]
        for lead, found in errors.items():
            target = table[["target_sin", "target_cos"]].to_numpy()
            found.append(phase_errors(phase, target, lead))
    medians = {lead: float(np.median(np.concatenate(e))) for lead, e in errors.items()}
    assert medians[PHASE_LEAD] < 0.25 < medians[0]
    validation = {lead: float(np.median(e[0])) for lead, e in errors.items()}
    # Measured once with another port of the same file.
    assert validation == {0: pytest.approx(1.12, abs=0.01), 20: pytest.approx(0.175, abs=0.001)}
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    # The stored model takes 128 windows of 200 rows at a time.
    inputs = (tables["H_3km"][["Hip_x", "Hip_vel"]].to_numpy() - centre) / scale
    windows = inputs[: 128 * 200].reshape(128, 200, 2)
    np.testing.assert_allclose(outputs(network, windows), keras_outputs(model, windows), atol=1e-5)
