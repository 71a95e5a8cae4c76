"""Make a dataset, as its settings say, into the labelled arrays of a ``sequences`` store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hmmlens.config import FlipFlopData, GaitData, HMMData
from hmmlens.datasets import generators, sources
from hmmlens.errors import DataError

SPLITS = ("train", "select", "test")


def build(
    settings: HMMData | FlipFlopData | GaitData, seed: int, wheel: Path | None = None
) -> xr.Dataset:
    """Return the sequences of one dataset.

    Returns
    -------
    xr.Dataset
        ``input`` (sequence, time) symbols or (sequence, time, feature) values; ``target`` alike,
        -1 or NaN where there is none; ``length``, ``split`` (0 train, 1 select, 2 test) and
        ``group`` (sequence); ``state`` (sequence, time), -1 where unknown. The attributes say
        how to read them.
    """
    rng = np.random.default_rng(seed)
    if isinstance(settings, HMMData):
        return _hmm(settings, rng)
    if isinstance(settings, FlipFlopData):
        return _flipflop(settings, rng)
    if wheel is None:
        raise DataError("gait needs the downloaded wheel")
    return _gait(settings, wheel)


def _hmm(settings: HMMData, rng: np.random.Generator) -> xr.Dataset:
    if settings.preset is not None:
        hmm = generators.preset_hmm(settings.preset)
    else:
        hmm = generators.check_hmm(
            settings.startprob or [], settings.transmat or [], settings.emissionprob or []
        )
    symbols, states = generators.sample_hmm(hmm, settings.n_sequences, settings.n_steps, rng)
    target = np.full_like(symbols, -1)
    target[:, :-1] = symbols[:, 1:]
    data = _assemble(
        symbols.astype(np.int16),
        target.astype(np.int16),
        states,
        _split(settings.n_sequences, settings, rng),
        np.arange(settings.n_sequences),
        {
            "input_kind": "symbols",
            "target_kind": "symbols",
            "n_symbols": hmm.emissionprob.shape[1],
            "task": "predict the next symbol",
            "target_delay": 1,
            "truth": "the state of the generating hidden Markov model",
            "state_names": [f"s{i + 1}" for i in range(len(hmm.startprob))],
        },
    )
    return data.assign(
        startprob=("state_from", hmm.startprob),
        transmat=(("state_from", "state_to"), hmm.transmat),
        emissionprob=(("state_from", "symbol"), hmm.emissionprob),
    )


def _flipflop(settings: FlipFlopData, rng: np.random.Generator) -> xr.Dataset:
    inputs, target, states = generators.sample_flipflop(
        settings.n_bits,
        settings.pulse_probability,
        settings.n_sequences,
        settings.n_steps,
        rng,
    )
    codes = range(2**settings.n_bits)
    return _assemble(
        inputs.astype(np.float32),
        target.astype(np.float32),
        states,
        _split(settings.n_sequences, settings, rng),
        np.arange(settings.n_sequences),
        {
            "input_kind": "values",
            "target_kind": "values",
            "feature_names": [f"pulse {i + 1}" for i in range(settings.n_bits)],
            "target_names": [f"bit {i + 1}" for i in range(settings.n_bits)],
            "task": "hold the sign of each channel's last pulse",
            "target_delay": 0,
            "truth": "the signs of the last pulses",
            "state_names": [
                "".join("+" if code >> bit & 1 else "-" for bit in range(settings.n_bits))
                for code in codes
            ],
            "floor_mse": 0.0,
        },
    )


def _gait(settings: GaitData, wheel: Path) -> xr.Dataset:
    held = [*settings.select_recordings, *settings.test_recordings]
    for name in held:
        if name not in sources.GAIT_RECORDINGS:
            raise DataError(
                f"there is no gait recording {name!r}; "
                f"allowed: {', '.join(sources.GAIT_RECORDINGS)}"
            )
    if len(set(held)) != len(held):
        raise DataError("a gait recording is named twice in select_recordings and test_recordings")
    windows, targets, states, split, group = [], [], [], [], []
    n, h = settings.n_steps, settings.horizon
    for index, name in enumerate(sources.GAIT_RECORDINGS):
        recording = sources.read_gait(wheel, name, settings.rate_hz)
        part = (
            2
            if name in settings.test_recordings
            else 1
            if name in settings.select_recordings
            else 0
        )
        for start in range(0, len(recording.values) - n - h + 1, n):
            windows.append(recording.values[start : start + n])
            targets.append(recording.values[start + h : start + h + n])
            states.append(recording.standing[start : start + n].astype(np.int64))
            split.append(part)
            group.append(index)
    if set(split) != {0, 1, 2}:
        empty = SPLITS[min({0, 1, 2} - set(split))]
        raise DataError(
            f"the {empty} split of gait holds no window of {n} steps; "
            "give it another recording, or make n_steps smaller"
        )
    values, target, parts = np.stack(windows), np.stack(targets), np.array(split, dtype=np.int8)
    train = values[parts == 0].reshape(-1, values.shape[2])
    mean, scale = train.mean(axis=0), train.std(axis=0)
    return _assemble(
        ((values - mean) / scale).astype(np.float32),
        ((target - mean) / scale).astype(np.float32),
        np.stack(states),
        parts,
        np.array(group),
        {
            "input_kind": "values",
            "target_kind": "values",
            "feature_names": ["hip angle (rad)", "hip velocity (rad/s)"],
            "target_names": ["hip angle (rad)", "hip velocity (rad/s)"],
            "group_names": list(sources.GAIT_RECORDINGS),
            "task": f"predict hip angle and velocity {1000 * h / settings.rate_hz:.0f} ms ahead",
            "target_delay": h,
            "rate_hz": settings.rate_hz,
            "truth": "walking or standing (derived from the signal, not annotated by people)",
            "state_names": ["walk", "stand"],
            "offset": mean.tolist(),
            "scale": scale.tolist(),
            "source": sources.GAIT.citation,
            "licence": sources.GAIT.licence,
            "sha256": sources.GAIT.sha256,
        },
    )


def _split(n: int, settings: Any, rng: np.random.Generator) -> np.ndarray:
    return generators.split_sequences(n, settings.split.model_dump(), rng)


def _assemble(
    inputs: np.ndarray,
    target: np.ndarray,
    states: np.ndarray,
    split: np.ndarray,
    group: np.ndarray,
    attributes: dict[str, Any],
) -> xr.Dataset:
    feature = ("feature",) if inputs.ndim == 3 else ()
    output = ("output",) if target.ndim == 3 else ()
    n_sequences, n_steps = inputs.shape[:2]
    return xr.Dataset(
        {
            "input": (("sequence", "time", *feature), inputs),
            "target": (("sequence", "time", *output), target),
            "state": (("sequence", "time"), states.astype(np.int16)),
            "length": ("sequence", np.full(n_sequences, n_steps, dtype=np.int32)),
            "split": ("sequence", split),
            "group": ("sequence", group.astype(np.int32)),
        },
        attrs=attributes,
    )
