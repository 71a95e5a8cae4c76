"""Make a dataset, as its settings say, into the labelled arrays of a ``sequences`` store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hmmlens.datasets.own.files import FileSettings, from_file
from hmmlens.datasets.recorded import gait, speech
from hmmlens.datasets.recorded.sources import SOURCE_OF
from hmmlens.datasets.settings import FlipFlopData, GaitData, GaitPhaseData, HMMData, SpeechData
from hmmlens.datasets.synthetic import generators, machines, targets
from hmmlens.datasets.synthetic.settings import TargetData
from hmmlens.errors import DataError

Settings = (
    HMMData | FlipFlopData | TargetData | GaitData | GaitPhaseData | SpeechData | FileSettings
)


def build(
    settings: Settings, seed: int, source: Path | None = None, frozen: bool = False
) -> xr.Dataset:
    """Return the sequences of one dataset.

    Parameters
    ----------
    settings : the dataset's section of the study.
    seed : of everything that is drawn.
    source : the fetched file, for the kinds in ``SOURCE_OF``.
    frozen : whether no network is trained on it, see :func:`hmmlens.datasets.own.files.from_file`.

    Returns
    -------
    xr.Dataset
        ``input`` (sequence, time) symbols or (sequence, time, feature) values; ``target`` alike,
        -1 or NaN where there is none; ``length``, ``split`` (0 train, 1 select, 2 test) and
        ``group`` (sequence); ``state`` (sequence, time), -1 where unknown. Where a network reads
        more than can be shown, ``fed`` (sequence, time, sample) is what it reads and ``input``
        describes that. What stands past a sequence's ``length`` means nothing. The attributes say
        how to read them: among them ``n_symbols``, and ``n_target_symbols`` where targets are
        symbols of their own.
    """
    rng = np.random.default_rng(seed)
    if isinstance(settings, HMMData):
        return _hmm(settings, rng)
    if isinstance(settings, FlipFlopData):
        return _flipflop(settings, rng)
    if isinstance(settings, TargetData):
        made = targets.make(settings, rng)
        n = settings.n_sequences
        split = _split(n, settings, rng)
        return _assemble(*made[:3], split, np.arange(n), made.attributes)
    if isinstance(settings, FileSettings):
        return from_file(settings, rng, frozen)
    if source is None:
        raise DataError(f"{settings.kind} needs the fetched {SOURCE_OF[settings.kind].file}")
    if isinstance(settings, SpeechData):
        return _speech(settings, source, rng)
    if isinstance(settings, GaitPhaseData):
        windows, attributes = gait.phase_ahead(settings, source)
    else:
        windows, attributes = gait.ahead(settings, source)
    data = _assemble(
        windows.inputs.astype(np.float32),
        windows.target.astype(np.float32),
        windows.states,
        windows.split,
        windows.group,
        attributes,
    )
    # Zeros are the middle of the angles, and very nearly no velocity.
    data["input"].attrs["zeros"] = "a leg held still"
    return data


def _speech(settings: SpeechData, source: Path, rng: np.random.Generator) -> xr.Dataset:
    mixed, attributes = speech.mix(settings, source, rng)
    data = _assemble(
        mixed.levels.astype(np.float32),
        mixed.speaking[:, :, None].astype(np.float32),
        mixed.speaking,
        mixed.split,
        np.arange(len(mixed.split)),
        attributes,
    )
    return data.assign(fed=(("sequence", "time", "sample"), mixed.frames, {"zeros": "silence"}))


def _model(settings: HMMData) -> tuple[machines.StateForm, list[str]]:
    """Return the model, which state of the truth each of its states is, and the truth's names."""
    if settings.preset in machines.MACHINES:
        machine = machines.MACHINES[settings.preset]
        return machines.state_form(machine), list(machine.state_names)
    if settings.preset is not None:
        hmm = generators.preset_hmm(settings.preset)
    else:
        hmm = generators.check_hmm(
            settings.startprob or [], settings.transmat or [], settings.emissionprob or []
        )
    n = len(hmm.startprob)
    return machines.StateForm(hmm, np.arange(n)), [f"s{i + 1}" for i in range(n)]


def _hmm(settings: HMMData, rng: np.random.Generator) -> xr.Dataset:
    (hmm, truth_of), names = _model(settings)
    symbols, states = generators.sample_hmm(hmm, settings.n_sequences, settings.n_steps, rng)
    target = np.full_like(symbols, -1)
    target[:, :-1] = symbols[:, 1:]
    data = _assemble(
        symbols.astype(np.int16),
        target.astype(np.int16),
        truth_of[states],
        _split(settings.n_sequences, settings, rng),
        np.arange(settings.n_sequences),
        {
            "input_kind": "symbols",
            "target_kind": "symbols",
            "n_symbols": hmm.emissionprob.shape[1],
            "task": "predict the next symbol",
            "target_delay": 1,
            "truth": "the state of the generating hidden Markov model",
            "state_names": names,
        },
    )
    return data.assign(
        startprob=("state_from", hmm.startprob),
        transmat=(("state_from", "state_to"), hmm.transmat),
        emissionprob=(("state_from", "symbol"), hmm.emissionprob),
        truth_of=("state_from", truth_of),
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
