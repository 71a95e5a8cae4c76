"""A small study with all that its jobs leave, of networks whose states are known.

Its task is the toggle, whose bit each pulse inverts. The trained network is the automaton of the
task, and its untrained control only forgets its inputs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens import Explanation, explain
from hmmlens.datasets.build import build
from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.futures.summary import to_dataset
from hmmlens.io import store
from hmmlens.naming import RAW_LAYER
from hmmlens.recording import activations
from hmmlens.recording.store.writers import write_tree
from hmmlens.report.explain.result import Layer
from hmmlens.stages.endpoints import to_store
from hmmlens.study import config, jobs, layout
from hmmlens.study.config import Study
from hmmlens.study.rules import Job
from hmmlens.validation import ceilings
from hmmlens.validation.baselines import comparison
from hmmlens.validation.grading import verdict_inputs
from hmmlens.validation.model_checks import checks

DATASET, NETWORK, LAYER = "bits", "toggler", "layer0"
SETTINGS: dict[str, Any] = {
    "study": "planted",
    "title": "A planted toggle",
    "datasets": {DATASET: {"kind": "toggle", "n_sequences": 30, "n_steps": 40}},
    "networks": {NETWORK: {"dataset": DATASET, "cell": "gru", "n_units": 2, "n_seeds": 1}},
    "reducers": {"pca-2": {"kind": "pca", "n_components": 2}},
    "sweep": {"n_states": [1, 2, 3], "n_restarts": 1},
    "validation": {"n_bootstrap": 50},
    "controls": {"reservoir": False},
}


BITS = Endpoints(np.array([[-1.0], [1.0]]), 2, 2, 1.0, 0.0)
ZERO = Endpoints(np.zeros((2, 1)), 1, 1, 1.0, 0.0)


class Toggle:
    """A unit for each value of the bit; a pulse exchanges them."""

    def start(self, n_sequences: int) -> NDArray[np.float64]:
        return np.tile([1.0, 0.0], (n_sequences, 1))

    def step(self, state: NDArray[np.float64], inputs: NDArray[np.float64]) -> Any:
        return np.where(inputs > 0.5, state[:, ::-1], state)

    def readout(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        return state @ np.array([[-1.0], [1.0]])


class Leaky(Toggle):
    """Two leaky integrators of the input, which output their sum."""

    def step(self, state: NDArray[np.float64], inputs: NDArray[np.float64]) -> Any:
        return np.array([0.5, 0.8]) * state + inputs

    def readout(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        return state.sum(axis=1, keepdims=True)


class Finished(NamedTuple):
    """A study, the folder of its results, and the explanation that they were taken from."""

    study: Study
    results: Path
    explanation: Explanation
    data: xr.Dataset


def write(results: Path) -> Finished:
    """Write all that the jobs of the study leave, but for its tables, figures and report."""
    study = config.load(SETTINGS, "planted")
    data = build(study.datasets[DATASET], seed=0)
    networks = {"trained": Toggle(), "untrained": Leaky()}
    found = explain(
        networks["trained"], data["input"].to_numpy(), truth=data["state"].to_numpy(),
        targets=data["target"].to_numpy(), split=data["split"].to_numpy(),
        untrained=networks["untrained"], settings={n: SETTINGS[n] for n in _SECTIONS},
        names={"input": data.attrs["feature_names"], "output": data.attrs["target_names"],
               "truth": data.attrs["state_names"]},
    )  # fmt: skip

    def _keep(what: Any, path: str, kind: str, **place: Any) -> None:
        store.write(what, store.inside(results / path.format(**place)), kind, {"study": "planted"})

    _keep(data, layout.SEQUENCES, "sequences", dataset=DATASET)
    _csv(ceilings.of_dataset(data), results / layout.CEILINGS.format(dataset=DATASET))
    for role, layer in found.layers.items():
        place = {"network": NETWORK + (layout.UNTRAINED if role == "untrained" else ""), "seed": 0}
        root = layer.activations.to_dataset()
        path = store.inside(results / layout.ACTIVATIONS.format(**place))
        path.parent.mkdir(parents=True)
        write_tree(layer.activations, path)
        output = root["output"].to_numpy().astype(float)
        # Without pulses the bit stays, and the integrators go to zero.
        ends = BITS if role == "trained" else ZERO
        _keep(to_store(ends, "zeros", 1), layout.ENDPOINTS, "endpoints", **place)
        futures = found.futures if role == "trained" else None
        _keep(to_dataset(futures), layout.FUTURES, "futures", **place)
        # Weights are not read again.
        (results / layout.WEIGHTS.format(**place)).touch()
        _csv(_scores(output, data), results / layout.SCORES.format(**place))
        curve = pd.DataFrame({"epoch": [1, 2], "train_mse": [0.9, 0.1], "select_mse": [0.9, 0.1]})
        _csv(curve[: 2 if role == "trained" else 0], results / layout.CURVE.format(**place))
        place |= {"layer": LAYER, "reducer": layer.reducer}
        _keep(layer.reduced, layout.REDUCED, "reduced", **place)
        _keep(layer.sweep, layout.SWEEP, "sweep", **place)
        _keep(layer.states, layout.EXPLANATION, "explanation", **place)
        _csv(layer.scores, results / layout.LAYER_SCORES.format(**place))
        _csv(layer.choices, results / layout.CHOICES.format(**place))
    for name, stores in found.raw.items():
        place = {"network": f"{layout.RAW}{DATASET}", "seed": 0, "layer": RAW_LAYER}
        for data_of, path, kind in zip(
            stores, (layout.REDUCED, layout.SWEEP), ("reduced", "sweep"), strict=True
        ):
            _keep(data_of, path, kind, reducer=name, **place)
    graded = pd.DataFrame([found.verdict.to_dict()])[list(found.verdict.index[5:])]
    verdicts = [
        graded.assign(network=name, seed=0, layer=LAYER)
        for name in (NETWORK, f"{NETWORK}{layout.UNTRAINED}")
    ]
    _csv(pd.concat(verdicts), results / layout.VERDICTS.format(network=NETWORK))
    for name, table in _checked(found.layers["trained"], data).items():
        _csv(table.assign(seed=0, layer=LAYER), results / name.format(network=NETWORK))
    for job in jobs.of_study(study):
        end(results, job)
    return Finished(study, results, found, data)


_SECTIONS = ("reducers", "sweep", "validation")


def _checked(layer: Layer, data: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Return the checks of the explained model, and its comparison with other methods."""
    recorded = verdict_inputs.recorded(
        layer.activations.to_dataset(), activations.layer_of(layer.activations, LAYER), data, "both"
    )
    picked = layer.choices.query("pick == 'explained' and chosen_reducer").iloc[0]
    chosen = verdict_inputs.chosen(
        recorded, picked, layer.states, layer.reduced, layer.sweep, data["state"].to_numpy(), None
    )
    return {
        layout.CHECKS: checks.run(chosen, 0),
        layout.METHODS: comparison.compare(chosen, recorded.hidden, False, 0),
    }


def _csv(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def _scores(output: NDArray[np.float64], data: xr.Dataset) -> pd.DataFrame:
    """Return the mean squared error of each split, as a training leaves it."""
    errors = ((output - data["target"].to_numpy()) ** 2).mean(axis=(1, 2))
    rows = [
        {"split": name, "mse": errors[data["split"].to_numpy() == k].mean()}
        for k, name in enumerate(("train", "select", "test"))
    ]
    about = {"cell": "gru", "n_units": 2, "n_layers": 1, "n_parameters": 9}
    return pd.DataFrame(rows).assign(nll=np.nan, **about)


def end(results: Path, job: Job) -> None:
    """Leave the benchmark file of a job whose results are there."""
    file = results / job.benchmark
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (2e9, 2e9))
