"""Mistakes in a config are each reported in one exact sentence; a valid config loads."""

from __future__ import annotations

import copy
import datetime
import json
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import ConfigError, DataError
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.rnn.settings import Training
from hmmlens.settings import Name
from hmmlens.study import schema
from hmmlens.study.config import Study, load, read

MINIMAL: dict[str, Any] = {
    "study": "demo",
    "datasets": {"fully3": {"kind": "hmm", "preset": "fully3"}},
    "networks": {"fully3-gru": {"dataset": "fully3", "cell": "gru"}},
    "reducers": {"pca-8": {"kind": "pca"}},
}

#: Every section of every kind, with every key.
FULL: dict[str, Any] = yaml.safe_load(
    """
study: demo
title: A study
seed: 3
device: cpu
datasets:
  symbols: {kind: hmm, preset: chain3, n_sequences: 20, n_steps: 50,
            split: {train: 0.5, select: 0.25, test: 0.25}}
  matrices: {kind: hmm, startprob: [0.5, 0.5], transmat: [[0.9, 0.1], [0.1, 0.9]],
             emissionprob: [[1, 0], [0, 1]]}
  bits: {kind: flipflop, n_bits: 2, pulse_probability: 0.2, n_sequences: 20, n_steps: 50,
         split: {train: 0.5, select: 0.25, test: 0.25}}
  turns: {kind: toggle, pulse_probability: 0.2, n_sequences: 20, n_steps: 50,
          split: {train: 0.5, select: 0.25, test: 0.25}}
  count: {kind: counter, modulus: 4, pulse_probability: 0.2, n_sequences: 20, n_steps: 50,
          split: {train: 0.5, select: 0.25, test: 0.25}}
  words: {kind: tomita, grammar: 3, mistake_probability: 0.1, n_sequences: 20, n_steps: 50,
          split: {train: 0.5, select: 0.25, test: 0.25}}
  nothing: {kind: continuum, law: ring, n_sequences: 20, n_steps: 50,
            split: {train: 0.5, select: 0.25, test: 0.25}}
  known: {kind: task, name: lexer, n_sequences: 20, n_steps: 50,
          split: {train: 0.5, select: 0.25, test: 0.25}}
  steps: {kind: table, path: d.csv, horizon: 2, standardise: true, split_by: group,
          split: {train: 0.5, select: 0.25, test: 0.25}, input_kind: values, target_kind: symbols,
          time_step: 0.1, separator: ";", columns: {sequence: a, time: b, inputs: [c, d],
          targets: [e], truth: f, group: g, split: h}}
  arrays: {kind: npz, path: d.npz, horizon: 2, standardise: true, split_by: group,
           split: {train: 0.5, select: 0.25, test: 0.25}}
  store: {kind: zarr, path: d.zarr, horizon: 2, standardise: true, split_by: group,
          split: {train: 0.5, select: 0.25, test: 0.25}}
  walk: {kind: gait, rate_hz: 25, n_steps: 100, horizon: 3, select_recordings: [H_4km],
         test_recordings: [J_4km]}
  phase: {kind: gait_phase, n_steps: 100, select_recordings: [H_3km], test_recordings: [J_4km]}
  talk: {kind: speech, n_sequences: 9, n_steps: 60, noise_db: -10, select_clips: ["0930"],
         test_clips: ["0880"], split: {train: 0.5, select: 0.25, test: 0.25}}
networks:
  one: {dataset: symbols, cell: vanilla, n_units: 8, n_layers: 2, n_seeds: 1,
        lstm_state: both, training: {max_epochs: 1}}
  two: {dataset: bits, cell: gru}
  three: {kind: trained, dataset: walk, cell: lstm, lstm_state: cell}
  four: {kind: torch, dataset: bits, factory: "mine.models:build", weights: folder/w.safetensors,
         kwargs: {}, layers: [rnn_l0, rnn_l1], lstm_state: hidden}
  five: {kind: keras, dataset: bits, file: folder/m.keras, layers: [lstm], lstm_state: both}
  six: {kind: adapter, dataset: talk, adapter: silero-vad, lstm_state: cell}
training: {max_epochs: 2, patience: 1, batch_size: 4, learning_rate: 1, clip_norm: 1.5,
           checkpoint_every: 1}
activations: {max_frames: 1000, batch_size: 8}
reducers:
  pca-8: {kind: pca, n_components: 8}
  fa: {kind: factor_analysis, n_components: 4}
  ica: {kind: ica, n_components: 4}
  all: {kind: identity}
  map: {kind: tsne, n_components: 2, perplexity: 20, max_fit_frames: 500}
sweep: {engine: hmmlearn, n_states: [1, 2, 4], covariance_types: [diag, full], n_restarts: 2,
        max_iter: 10, tol: 1.0e-4, min_covar: 0.001}
selection: {criterion: held_out, fidelity_tolerance: 0.05}
validation: {n_bootstrap: 50}
controls: {untrained: false, raw_input: true}
"""
)

#: A network that was trained elsewhere.
TORCH = {
    "kind": "torch",
    "dataset": "fully3",
    "factory": "mine:build",
    "weights": "w.pt",
    "layers": ["rnn"],
}

GONE = object()

NAME = (
    "wants a name of lowercase letters, digits and hyphens that begins with a letter or digit, "
    "at most 40 characters"
)
TOP_KEYS = (
    "study, title, seed, device, datasets, networks, training, activations, reducers, sweep, "
    "selection, validation, controls"
)
TRAINING_KEYS = "max_epochs, patience, batch_size, learning_rate, clip_norm, checkpoint_every"
NETWORK_KEYS = "kind, dataset, cell, n_units, n_layers, n_seeds, lstm_state, training"
SWEEP_KEYS = (
    "engine, n_states, covariance_types, n_restarts, max_iter, tol, min_covar, halving, n_jobs"
)
CELL_NAMES = ", ".join((*TRAINABLE, *MODERN))
KINDS = "pca, factor_analysis, ica, identity, tsne"
QUOTE_BOOL = "YAML reads yes, no, on and off as true or false, so put the word in quotes"


def changed(config: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a copy of a config in which one key is set, or left out."""
    out = copy.deepcopy(config)
    section = out
    for key in path[:-1]:
        section = section.setdefault(key, {})
    if value is GONE:
        del section[path[-1]]
    else:
        section[path[-1]] = value
    return out


def mistakes(raw: Any) -> list[str]:
    """Return the sentences that a config is refused with, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(raw, "c.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("c.yaml: ") for line in lines)
    return [line.removeprefix("c.yaml: ") for line in lines]


NET = ("networks", "fully3-gru")
DATA = ("datasets", "fully3")
PCA8 = ("reducers", "pca-8")
OWN = ("datasets", "own")


def table(**change: Any) -> dict[str, Any]:
    """Return the settings of a table with some keys set."""
    columns = {"sequence": "s", "time": "t", "inputs": ["x"], **change.pop("columns", {})}
    return {"kind": "table", "path": "d.csv", "columns": columns, **change}


TABLE: list[tuple[tuple[Any, ...], Any, list[str]]] = [
    # Unknown keys, at every level.
    (("swep",), {}, [f"swep: unknown key 'swep' (did you mean 'sweep'?); valid keys: {TOP_KEYS}"]),
    (("zzz",), 1, [f"zzz: unknown key 'zzz'; valid keys: {TOP_KEYS}"]),
    (
        ("sweep", "n_state"),
        [1, 2],
        [
            "sweep.n_state: unknown key 'n_state' (did you mean 'n_states'?); "
            f"valid keys of sweep: {SWEEP_KEYS}"
        ],
    ),
    (
        (*NET, "n-units"),
        8,
        [
            "networks.fully3-gru.n-units: unknown key 'n-units' (did you mean 'n_units'?); "
            f"valid keys of networks.fully3-gru: {NETWORK_KEYS}"
        ],
    ),
    (
        (*NET, "training", "Patience"),
        8,
        [
            "networks.fully3-gru.training.Patience: unknown key 'Patience' (did you mean "
            f"'patience'?); valid keys of networks.fully3-gru.training: {TRAINING_KEYS}"
        ],
    ),
    (
        (*PCA8, "n_component"),
        8,
        [
            "reducers.pca-8.n_component: unknown key 'n_component' (did you mean "
            "'n_components'?); valid keys of reducers.pca-8: kind, n_components"
        ],
    ),
    (
        # A key that is spelled as the kind that pydantic puts into the path.
        (*PCA8, "pca"),
        8,
        ["reducers.pca-8.pca: unknown key 'pca'; valid keys of reducers.pca-8: kind, n_components"],
    ),
    (
        (*DATA, "split", "val"),
        0.1,
        [
            "datasets.fully3.split.val: unknown key 'val'; "
            "valid keys of datasets.fully3.split: train, select, test"
        ],
    ),
    (
        (*NET, "a.b\n"),
        1,
        [
            "networks.fully3-gru.'a.b\\n': unknown key 'a.b\\n'; "
            f"valid keys of networks.fully3-gru: {NETWORK_KEYS}"
        ],
    ),
    (
        ("sweep", True),
        1,
        [f"sweep.true: found the key true, wants text; valid keys of sweep: {SWEEP_KEYS}"],
    ),
    ((None,), 1, [f"null: found the key null, wants text; valid keys: {TOP_KEYS}"]),
    (
        (*PCA8, 8),
        1,
        [
            "reducers.pca-8.8: found the key 8, wants text; "
            "valid keys of reducers.pca-8: kind, n_components"
        ],
    ),
    # Kinds and choices.
    (
        (*PCA8, "kind"),
        "pcaa",
        [f"reducers.pca-8.kind: found 'pcaa' (did you mean 'pca'?), wants one of: {KINDS}"],
    ),
    (
        (*PCA8, "kind"),
        "FactorAnalysis",
        [
            "reducers.pca-8.kind: found 'FactorAnalysis' (did you mean 'factor_analysis'?), "
            f"wants one of: {KINDS}"
        ],
    ),
    ((*PCA8, "kind"), [1], [f"reducers.pca-8.kind: found the list [1], wants one of: {KINDS}"]),
    ((*PCA8, "kind"), None, [f"reducers.pca-8.kind: found nothing, wants one of: {KINDS}"]),
    (
        (*NET, "cell"),
        "GRU",
        [
            "networks.fully3-gru.cell: found 'GRU' (did you mean 'gru'?), "
            f"wants one of: {CELL_NAMES}"
        ],
    ),
    (
        (*DATA, "preset"),
        "fuly3",
        [
            "datasets.fully3.preset: found 'fuly3' (did you mean 'fully3'?), "
            "wants one of: chain2, chain3, chain4, chain5, fully3, cyclic4, fully5, fully8, "
            "mess3, rrxor, z1r"
        ],
    ),
    (
        ("device",),
        "tpu",
        ["device: found 'tpu' (did you mean 'cpu'?), wants one of: auto, cpu, cuda"],
    ),
    (("device",), "x", ["device: found 'x', wants one of: auto, cpu, cuda"]),
    (
        ("sweep", "engine"),
        "hmmlern",
        [
            "sweep.engine: found 'hmmlern' (did you mean 'hmmlearn'?), "
            "wants one of: numpy, torch, hmmlearn"
        ],
    ),
    (
        ("sweep", "covariance_types"),
        ["full", "tide"],
        [
            "sweep.covariance_types[1]: found 'tide' (did you mean 'tied'?), "
            "wants one of: spherical, diag, full, tied"
        ],
    ),
    # Types.
    (
        ("seed",),
        "1",
        ["seed: found text '1', wants a whole number from 0 to 4294967295; remove the quotes"],
    ),
    (("seed",), True, ["seed: found true, wants a whole number from 0 to 4294967295"]),
    (("seed",), 2.0, ["seed: found 2.0, wants a whole number from 0 to 4294967295; write 2"]),
    (("seed",), "yes", ["seed: found text 'yes', wants a whole number from 0 to 4294967295"]),
    (("seed",), 2.5, ["seed: found 2.5, wants a whole number from 0 to 4294967295"]),
    (
        ("seed",),
        "1e3",
        ["seed: found text '1e3', wants a whole number from 0 to 4294967295; write 1000"],
    ),
    (
        ("seed",),
        None,
        [
            "seed: found nothing, wants a whole number from 0 to 4294967295; "
            "remove the key to keep the default"
        ],
    ),
    (
        ("training", "learning_rate"),
        "1e-3",
        [
            "training.learning_rate: found text '1e-3', wants a number above 0; "
            "YAML reads 1e-3 as text, write 1.0e-3 or 0.001"
        ],
    ),
    (
        ("training", "learning_rate"),
        True,
        ["training.learning_rate: found true, wants a number above 0"],
    ),
    (
        ("training", "learning_rate"),
        "fast",
        ["training.learning_rate: found text 'fast', wants a number above 0"],
    ),
    (
        ("training", "learning_rate"),
        {"start": 1},
        ["training.learning_rate: found a mapping with the keys 'start', wants a number above 0"],
    ),
    (
        ("training", "learning_rate"),
        float("inf"),
        [
            "training.learning_rate: found inf, wants a number above 0; "
            "infinity and nan are not allowed"
        ],
    ),
    (
        ("controls", "untrained"),
        "yes",
        ["controls.untrained: found text 'yes', wants true or false; remove the quotes"],
    ),
    (("controls", "untrained"), 1, ["controls.untrained: found 1, wants true or false"]),
    (("study",), 3, [f"study: found 3, {NAME}; put it in quotes"]),
    (("study",), False, [f"study: found false, {NAME}; {QUOTE_BOOL}"]),
    (
        ("study",),
        datetime.date(2025, 11, 22),
        [f"study: found the date 2025-11-22, {NAME}; put it in quotes"],
    ),
    (("title",), "", ["title: found '', wants text that is not empty"]),
    (
        ("sweep", "n_states"),
        5,
        [
            "sweep.n_states: found 5, wants a list of at least 1 item, "
            "each a whole number from 1 to 64; write it as a list: [5]"
        ],
    ),
    (
        ("sweep", "n_states"),
        [],
        [
            "sweep.n_states: found an empty list, wants a list of at least 1 item, "
            "each a whole number from 1 to 64"
        ],
    ),
    (
        ("sweep", "n_states"),
        [1, "2"],
        ["sweep.n_states[1]: found text '2', wants a whole number from 1 to 64; remove the quotes"],
    ),
    (
        ("sweep", "covariance_types"),
        "tied",
        [
            "sweep.covariance_types: found text 'tied', wants a list of at least 1 item, "
            "each one of: spherical, diag, full, tied; write it as a list: [tied]"
        ],
    ),
    (
        (*DATA, "transmat"),
        [[1, "a"]],
        ["datasets.fully3.transmat[0][1]: found text 'a', wants a number from 0 to 1"],
    ),
    (
        ("training",),
        None,
        [
            f"training: found nothing, wants a section with the keys: {TRAINING_KEYS}; "
            "remove the key to keep the default"
        ],
    ),
    (
        (*NET, "training"),
        5,
        [f"networks.fully3-gru.training: found 5, wants a section with the keys: {TRAINING_KEYS}"],
    ),
    (
        PCA8,
        "pca",
        [
            f"reducers.pca-8: found text 'pca', wants a section with a kind, one of: {KINDS}; "
            "write {kind: pca}"
        ],
    ),
    (
        ("reducers",),
        ["pca"],
        [
            "reducers: found the list ['pca'], wants a mapping of one or more names, "
            f"each to a section with a kind, one of: {KINDS}"
        ],
    ),
    (
        ("networks",),
        {},
        [
            "networks: found an empty mapping, wants a mapping of one or more names, "
            "each to a section with a kind, one of: trained, torch, keras, adapter"
        ],
    ),
    # Networks that were trained elsewhere.
    (
        ("networks", "mine"),
        TORCH | {"weights": "w.pkl"},
        [
            "networks.mine.weights: found 'w.pkl', wants a .safetensors file, or a torch file .pt, "
            ".pth, .ckpt or .bin"
        ],
    ),
    (
        ("networks", "mine"),
        TORCH | {"factory": "mine.build"},
        [
            "networks.mine.factory: found 'mine.build', wants a function that returns the module, "
            "as package.module:function"
        ],
    ),
    (
        ("networks", "mine"),
        TORCH | {"layers": ["../rnn"]},
        [
            "networks.mine.layers[0]: found '../rnn', wants a name of letters, digits and "
            "underscores"
        ],
    ),
    (
        ("networks", "mine"),
        TORCH | {"kwargs": [1]},
        ["networks.mine.kwargs: found the list [1], wants a mapping"],
    ),
    (
        ("networks", "mine"),
        TORCH | {"kind": "torhc"},
        [
            "networks.mine.kind: found 'torhc' (did you mean 'torch'?), wants one of: trained, "
            "torch, keras, adapter"
        ],
    ),
    # Ranges.
    (("seed",), -1, ["seed: found -1, wants a whole number from 0 to 4294967295"]),
    (
        ("datasets", "bits"),
        {"kind": "flipflop", "n_bits": 7},
        ["datasets.bits.n_bits: found 7, wants a whole number from 1 to 6"],
    ),
    (
        ("datasets", "bits"),
        {"kind": "flipflop", "pulse_probability": 1},
        ["datasets.bits.pulse_probability: found 1, wants a number above 0 and below 1"],
    ),
    (
        ("datasets", "walk"),
        {"kind": "gait", "rate_hz": 100},
        ["datasets.walk.rate_hz: found 100, wants a number above 1 and at most 90"],
    ),
    (
        ("reducers", "map"),
        {"kind": "tsne", "n_components": True},
        ["reducers.map.n_components: found true, wants a whole number from 1 to 2"],
    ),
    (
        ("sweep", "n_states"),
        [1, 65],
        ["sweep.n_states[1]: found 65, wants a whole number from 1 to 64"],
    ),
    # Names.
    (("study",), "Fully3", [f"study: found 'Fully3', {NAME}"]),
    (
        ("reducers", "../x"),
        {"kind": "pca"},
        [f"reducers.'../x': found '../x', {NAME}"],
    ),
    (
        ("networks", "Fully3"),
        {"dataset": "fully3", "cell": "gru"},
        [f"networks.Fully3: found 'Fully3', {NAME}"],
    ),
    (("reducers", 8), {"kind": "pca"}, [f"reducers.8: found 8, {NAME}; put it in quotes"]),
    (
        ("reducers", False),
        {"kind": "pca"},
        [f"reducers.false: found false, {NAME}; {QUOTE_BOOL}"],
    ),
    (
        ("reducers", "x" * 41),
        {"kind": "pca"},
        [f"reducers.{'x' * 41}: found '{'x' * 17}...{'x' * 18}', {NAME}"],
    ),
    (
        (*NET, "dataset"),
        "Fully3",
        ["networks.fully3-gru.dataset: found 'Fully3', wants the name of a section of datasets"],
    ),
    # Missing keys.
    (("study",), GONE, [f"study: the key 'study' is missing, it {NAME}"]),
    (
        ("reducers",),
        GONE,
        [
            "reducers: the key 'reducers' is missing, it wants a mapping of one or more names, "
            f"each to a section with a kind, one of: {KINDS}"
        ],
    ),
    (
        (*PCA8, "kind"),
        GONE,
        [f"reducers.pca-8.kind: the key 'kind' is missing, it wants one of: {KINDS}"],
    ),
    (
        NET,
        {"dataste": "fully3", "cell": "gru"},
        [
            "networks.fully3-gru.dataste: unknown key 'dataste', and 'dataset' is missing "
            "(did you mean 'dataset'?), which wants the name of a section of datasets"
        ],
    ),
    (
        NET,
        {"dataset": "fully3", "unit": "gru", "cel": "gru"},
        [
            "networks.fully3-gru.unit: unknown key 'unit' (did you mean 'n_units'?); "
            f"valid keys of networks.fully3-gru: {NETWORK_KEYS}",
            "networks.fully3-gru.cel: unknown key 'cel', and 'cell' is missing "
            f"(did you mean 'cell'?), which wants one of: {CELL_NAMES}",
        ],
    ),
    (
        PCA8,
        {"knd": "pca", "n_components": 3},
        [
            "reducers.pca-8.knd: unknown key 'knd', and 'kind' is missing "
            f"(did you mean 'kind'?), which wants one of: {KINDS}"
        ],
    ),
    (
        PCA8,
        {"type": "pca"},
        [
            "reducers.pca-8.type: unknown key 'type'; valid keys of reducers.pca-8: "
            "kind, n_components, perplexity, max_fit_frames, n_iter",
            f"reducers.pca-8.kind: the key 'kind' is missing, it wants one of: {KINDS}",
        ],
    ),
    # Contradictions between several keys.
    (
        (*NET, "dataset"),
        "fuly3",
        [
            "networks.fully3-gru.dataset: there is no dataset 'fuly3' (did you mean 'fully3'?), "
            "wants one of: fully3"
        ],
    ),
    (
        ("networks",),
        {
            "raw-x": {"dataset": "fully3", "cell": "gru"},
            "x-untrained": {"dataset": "walk", "cell": "gru"},
        },
        [
            "networks.raw-x: a network's name may not begin with raw- or end with -untrained; "
            "those names are for controls",
            "networks.x-untrained.dataset: there is no dataset 'walk', wants one of: fully3",
            "networks.x-untrained: a network's name may not begin with raw- or end with "
            "-untrained; those names are for controls",
        ],
    ),
    (
        ("networks",),
        {"vad": {"kind": "adapter", "adapter": "silero-vad", "dataset": "fully3"}},
        [
            "networks.vad.dataset: silero-vad cannot read a dataset of kind hmm; "
            "allowed: speech, table, npz, zarr"
        ],
    ),
    (
        PCA8,
        {"kind": "tsne"},
        [
            "reducers: found t-SNE alone, which is only exploratory; add another reducer, "
            "such as pca-8: {kind: pca, n_components: 8}"
        ],
    ),
    (
        ("sweep", "n_states"),
        [2, 3],
        ["sweep: n_states must begin with 1, the baseline without states, found [2, 3]"],
    ),
    (
        ("sweep", "n_states"),
        [1, 3, 3],
        ["sweep: n_states must rise and hold no number twice, found [1, 3, 3]"],
    ),
    (
        ("sweep", "covariance_types"),
        ["full", "full"],
        ["sweep: covariance_types must hold no type twice, found [full, full]"],
    ),
    (
        (*DATA, "split"),
        {"train": 0.7},
        [
            "datasets.fully3.split: train, select and test must add up to 1, "
            "found 0.7 + 0.2 + 0.2 = 1.1"
        ],
    ),
    (
        (*DATA, "split"),
        {"train": 0.8, "select": 0},
        ["datasets.fully3.split: train, select and test must each be above 0, found 0.8 + 0 + 0.2"],
    ),
    (
        (*DATA, "startprob"),
        [1],
        [
            "datasets.fully3: give either preset, or all three of startprob, transmat and "
            "emissionprob, found preset and startprob"
        ],
    ),
    (
        (*DATA, "preset"),
        GONE,
        [
            "datasets.fully3: give either preset, or all three of startprob, transmat and "
            "emissionprob, found none of them"
        ],
    ),
    # Tables.
    (
        OWN,
        {"kind": "table", "path": "d.csv"},
        [
            "datasets.own.columns: the key 'columns' is missing, it wants a section with the keys: "
            "sequence, time, inputs, targets, truth, group, split"
        ],
    ),
    (
        OWN,
        {"kind": "npz"},
        ["datasets.own.path: the key 'path' is missing, it wants text that is not empty"],
    ),
    (
        OWN,
        table(columns={"input": ["x"]}),
        [
            "datasets.own.columns.input: unknown key 'input' (did you mean 'inputs'?); valid keys "
            "of datasets.own.columns: sequence, time, inputs, targets, truth, group, split"
        ],
    ),
    (
        OWN,
        table(columns={"time": True}),
        [f"datasets.own.columns.time: found true, wants text that is not empty; {QUOTE_BOOL}"],
    ),
    (
        OWN,
        table(columns={"inputs": "x"}),
        [
            "datasets.own.columns.inputs: found text 'x', wants a list of at least 1 item, each "
            "text that is not empty; write it as a list: [x]"
        ],
    ),
    (
        OWN,
        table(path="steps.xlsx"),
        ["datasets.own: path must end in .csv, .csv.gz or .parquet, found 'steps.xlsx'"],
    ),
    (
        OWN,
        table(columns={"inputs": ["x", "x"]}),
        ["datasets.own: columns.inputs must name no column twice, found ['x', 'x']"],
    ),
    (
        OWN,
        table(columns={"inputs": ["x", "y"]}, input_kind="symbols"),
        ["datasets.own: symbols are one column, found columns.inputs ['x', 'y']"],
    ),
    (
        OWN,
        table(target_kind="symbols"),
        [
            "datasets.own: target_kind symbols needs columns.targets; without it the inputs, "
            "which are values, are predicted"
        ],
    ),
    (
        OWN,
        table(horizon=0),
        [
            "datasets.own: horizon 0 needs columns.targets; a network that predicts its present "
            "input learns to copy"
        ],
    ),
    (
        OWN,
        table(split_by="group"),
        ["datasets.own: split_by: group needs columns.group"],
    ),
    (
        OWN,
        table(split_by="person"),
        ["datasets.own.split_by: found 'person', wants one of: sequence, group"],
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    TABLE,
    ids=[f"{'.'.join(map(str, p))}-{n}".replace("\n", "n") for n, (p, _, _) in enumerate(TABLE)],
)
def test_mistake_is_reported_in_one_exact_sentence(
    path: tuple[Any, ...], value: Any, expected: list[str]
) -> None:
    assert mistakes(changed(MINIMAL, path, value)) == expected


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (None, "nothing"),
        ([], "an empty list"),
        ("x: 1", "text 'x: 1'"),
        (3, "3"),
    ],
)
def test_what_is_no_mapping_is_refused(raw: Any, found: str) -> None:
    assert mistakes(raw) == [f"found {found}, wants a section with the keys: {TOP_KEYS}"]


def test_every_mistake_of_a_file_is_reported() -> None:
    raw = changed(MINIMAL, ("seed",), -1)
    raw = changed(raw, (*PCA8, "n_components"), 0)
    raw = changed(raw, (*NET, "cells"), "gru")
    assert [line.partition(":")[0] for line in mistakes(raw)] == [
        "seed",
        "reducers.pca-8.n_components",
        "networks.fully3-gru.cells",
    ]


@pytest.mark.parametrize("text", ["1e-3", "5E-3", "2e3", "-1e-2", "1.5e3", "25e-1"])
def test_advice_on_a_number_is_a_number_to_yaml(text: str) -> None:
    assert isinstance(yaml.safe_load(text), str)
    (line,) = mistakes(changed(MINIMAL, ("training", "learning_rate"), text))
    advice = re.search(r"write (\S+) or (\S+)$", line)
    assert advice is not None
    for number in map(yaml.safe_load, advice.groups()):
        assert type(number) in (int, float)
        assert number == float(text)


MATRICES = {
    "kind": "hmm",
    "startprob": [1.0, 0.0],
    "transmat": [[0.5, 0.4], [0.5, 0.5]],
    "emissionprob": [[1.0, 0.0], [0.0, 1.0]],
}


def test_sentence_about_matrices_has_the_path_of_their_dataset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*matrices: Any) -> None:
        assert matrices == (MATRICES["startprob"], MATRICES["transmat"], MATRICES["emissionprob"])
        raise DataError("transmat row 0 adds up\n to 0.9")

    monkeypatch.setattr("hmmlens.datasets.synthetic.generators.check_hmm", refuse)
    assert mistakes(changed(MINIMAL, DATA, MATRICES)) == [
        "datasets.fully3: transmat row 0 adds up to 0.9"
    ]


def test_matrices_that_do_not_fit_are_refused() -> None:
    (line,) = mistakes(changed(MINIMAL, DATA, MATRICES))
    assert line.startswith("datasets.fully3: ")
    assert "transmat" in line


# --- What is right --------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [MINIMAL, FULL], ids=["minimal", "full"])
def test_valid_study_loads_and_fits_the_json_schema(raw: dict[str, Any]) -> None:
    load(raw)
    document = json.loads((schema.FOLDER / "config.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.validate(raw, document)


def test_full_study_has_every_section_of_every_kind() -> None:
    models = set(json.loads(schema.text())["$defs"])
    study = load(FULL)
    loaded = {type(study.networks["one"]), type(study.datasets["symbols"].split)}  # type: ignore[union-attr]
    loaded.add(type(study.datasets["steps"].columns))  # type: ignore[union-attr]
    loaded.add(type(study.datasets["steps"].blocks))  # type: ignore[union-attr]
    for field in Study.model_fields:
        value = getattr(study, field)
        loaded |= {type(v) for v in (value.values() if isinstance(value, dict) else [value])}
    assert models <= {model.__name__ for model in loaded}


@pytest.mark.parametrize("path", [("reducers", "../x"), ("networks", "Fully3"), ("swep",)])
def test_json_schema_refuses_what_load_refuses(path: tuple[str, ...]) -> None:
    document = json.loads((schema.FOLDER / "config.schema.json").read_text(encoding="utf-8"))
    good = {"reducers": {"kind": "pca"}, "networks": {"dataset": "fully3", "cell": "gru"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(MINIMAL, path, good.get(path[0], {})), document)


def test_whole_number_is_a_number() -> None:
    study = load(changed(MINIMAL, ("training", "learning_rate"), 1))
    assert study.training.learning_rate == 1.0
    assert type(study.training.learning_rate) is float


def test_training_of_a_network_replaces_the_study_s() -> None:
    study = load(FULL)
    assert study.training_of("one") == Training(max_epochs=1)
    assert study.training_of("two") == study.training != Training()


def test_ordered_mappings_of_snakemake_load() -> None:
    ordered = json.loads(json.dumps(FULL), object_pairs_hook=OrderedDict)
    assert load(ordered) == load(FULL)


def test_load_leaves_the_mapping_alone() -> None:
    raw = copy.deepcopy(FULL)
    load(raw)
    assert raw == FULL


def test_names_are_worded_as_they_are_checked() -> None:
    document = json.loads(schema.text())
    # The patterns of a loaded network have descriptions of their own.
    torch = document["$defs"].pop("TorchNetwork")["properties"]
    keras = document["$defs"].pop("KerasNetwork")["properties"]
    layers = (torch["layers"]["items"], keras["layers"]["items"])
    for node in (torch["factory"], torch["weights"], keras["file"], *layers):
        assert node["description"]
    names = re.findall(r'"pattern": "(.*?)"', json.dumps(document))
    assert set(names) == {r"^[a-z0-9][a-z0-9-]*$"}
    assert get_args(Name)[1].max_length == 40
    load(changed(MINIMAL, ("study",), "0" * 40))


# --- Schema file ----------------------------------------------------------------------------


def test_schema_file_is_in_step() -> None:
    assert (schema.FOLDER / "config.schema.json").read_text(encoding="utf-8") == schema.text()
    assert schema.main(["--check"]) == 0


def test_schema_check_reports_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.schema.json"
    monkeypatch.setattr(schema, "FILES", {path.name: Study})
    folder = str(tmp_path)
    message = f"{path}: differs from hmmlens/study/config.py; run python -m hmmlens.study.schema\n"
    assert schema.main(["--check", folder]) == 1
    assert capsys.readouterr().err == message
    assert schema.main([folder]) == 0
    assert schema.main(["--check", folder]) == 0
    path.write_text(path.read_text().replace("hmmlearn", "other"))
    assert schema.main(["--check", folder]) == 1
    assert capsys.readouterr().err == message
    assert schema.main([str(tmp_path / "absent")]) == 2
    assert "there is no folder" in capsys.readouterr().err


# --- Files ----------------------------------------------------------------------------------


def test_read_returns_the_study_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(FULL, sort_keys=False))
    assert read(path) == load(FULL)


def test_section_may_override_what_it_merges(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = yaml.safe_dump(changed(MINIMAL, ("networks",), GONE))
    path.write_text(
        text + "networks:\n"
        "  one: &one {dataset: fully3, cell: gru}\n"
        "  two: &two {<<: *one, cell: lstm}\n"
        "  three: {<<: *two, cell: vanilla}\n"
    )
    cells = {name: network.cell for name, network in read(path).networks.items()}
    assert cells == {"one": "gru", "two": "lstm", "three": "vanilla"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"found nothing, wants a section with the keys: {TOP_KEYS}"),
        (
            "seed: 1\nstudy: a\nseed: 2\n",
            "line 3: not valid YAML: the key 'seed' is given twice, first on line 1",
        ),
        (
            'sweep:\n  tol: 1\n  "tol": 2\n',
            "line 3: not valid YAML: the key 'tol' is given twice, first on line 2",
        ),
        ("study: a: b\n", "line 1: not valid YAML: mapping values are not allowed here"),
        (
            "sweep:\n\ttol: 1\n",
            "line 2: not valid YAML: while scanning for the next token, found character '\\t' "
            "that cannot start any token; indent with spaces, not tabs",
        ),
        ("study: *x\n", "line 1: not valid YAML: found undefined alias 'x'"),
        (
            "study: {{name}}\n",
            "line 1: not valid YAML: while constructing a mapping, found unhashable key",
        ),
        ("\nstudy: 2025-13-01\n", "line 2: not valid YAML: month must be in 1..12"),
        (
            "a: 1\n---\nb: 2\n",
            "line 2: not valid YAML: expected a single document in the stream, "
            "but found another document",
        ),
        ("[" * 5000, "not valid YAML: brackets nested too deeply"),
        (b"a: \xff", "not a text file in UTF-8: invalid start byte at position 3"),
        ("a: \x07", "not a text file in UTF-8: special characters are not allowed at position 3"),
    ],
)
def test_file_that_is_no_yaml_is_reported_in_one_sentence(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "no.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'no.yaml'}: the file cannot be read: No such file or directory"
    )


def test_yaml_1_1_surprises_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = yaml.safe_dump(changed(MINIMAL, ("study",), GONE))
    path.write_text(text + "study: no\nseed: '1'\ntraining: {learning_rate: 1e-3}\n")
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).splitlines() == [
        f"{path}: study: found false, {NAME}; {QUOTE_BOOL}",
        f"{path}: seed: found text '1', wants a whole number from 0 to 4294967295; "
        "remove the quotes",
        f"{path}: training.learning_rate: found text '1e-3', wants a number above 0; "
        "YAML reads 1e-3 as text, write 1.0e-3 or 0.001",
    ]


def test_import_is_light() -> None:
    code = (
        "import sys, hmmlens.study.config\n"
        "heavy = {'numpy', 'yaml', 'torch', 'difflib', 'hmmlens.setting_messages'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout.strip() == "[]"


# --- Random mistakes ------------------------------------------------------------------------


def fixed_keys(section: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List the paths of all keys whose spelling is fixed, so not of the names a user chose."""
    if not isinstance(section, dict):
        return []
    chosen = path in {("datasets",), ("networks",), ("reducers",)}
    found = [] if chosen else [(*path, key) for key in section]
    for key, value in section.items():
        found += fixed_keys(value, (*path, key))
    return found


FIXED = fixed_keys(FULL)
LETTERS = st.characters(exclude_categories=["Cs"])


@st.composite
def typos(draw: st.DrawFn) -> tuple[tuple[str, ...], str]:
    """Draw a key of the full study, and the key with one letter lost, added or changed."""
    path = draw(st.sampled_from(FIXED))
    key = path[-1]
    at = draw(st.integers(0, len(key) - 1))
    letter, rest = draw(LETTERS), draw(st.sampled_from([at, at + 1]))
    typo = key[:at] + draw(st.sampled_from(["", letter])) + key[rest:]
    section: Any = FULL
    for part in path[:-1]:
        section = section[part]
    if typo in section:
        typo += "x"
    return path, typo


@settings(max_examples=300, deadline=None)
@given(typos())
def test_typo_in_any_key_is_reported_with_its_path(drawn: tuple[tuple[str, ...], str]) -> None:
    path, typo = drawn
    raw = copy.deepcopy(FULL)
    section: Any = raw
    for key in path[:-1]:
        section = section[key]
    items = [(typo if key == path[-1] else key, value) for key, value in section.items()]
    section.clear()
    section.update(items)
    lines = mistakes(raw)
    word = typo if re.fullmatch(r"[\w-]+", typo) else repr(typo)
    where = ".".join((*path[:-1], word))
    assert sum(line.startswith(f"{where}: unknown key {typo!r}") for line in lines) == 1
    # A second sentence only where a key that must be there was changed beyond recognition.
    assert lines[1:] in ([], [line for line in lines if "is missing, it wants" in line])
    assert not re.search("pydantic|Traceback", "".join(lines))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["pca", "hmm", "1e-3", "kind", "[key]"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(SCALARS | st.sampled_from(["kind", "dataset"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([*FIXED, *((*p[:2],) for p in FIXED if len(p) > 1)]), ANYTHING)
def test_any_value_anywhere_is_accepted_or_reported(path: tuple[str, ...], value: Any) -> None:
    try:
        load(changed(FULL, path, value), "c.yaml")
    except ConfigError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(re.match(r"c\.yaml: [\w.'-]+", line) for line in lines)
        assert not re.search("pydantic|Traceback|Value error", str(error))
        assert any(path[0] in line for line in lines)
