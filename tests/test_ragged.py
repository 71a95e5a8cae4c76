"""What stands past a sequence's end changes no number, from training to figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from hmmlens.datasets.content import Content
from hmmlens.datasets.own.files import sequences
from hmmlens.datasets.own.npz import NpzData
from hmmlens.dynamics import endpoints
from hmmlens.dynamics.neutral_input import neutral_input
from hmmlens.hmm import HMMSweep, storage
from hmmlens.interpretation.states import read_states
from hmmlens.ragged import without_padding
from hmmlens.recording.activations import output_distribution
from hmmlens.reduction.fitting import fit_transform
from hmmlens.report.explain.figures import layer as figures
from hmmlens.rnn import recurrent_network, training
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.study.config import Training
from hmmlens.validation import ceilings, network_outputs, scorecard

KINDS = ("symbols", "values", "labels")
#: What whole numbers are past an end: no symbol and no state.
NO_SYMBOL = 30_000
SIZES = {"cell": "gru", "n_units": 4, "n_layers": 1}


def made(kind: str) -> xr.Dataset:
    """Return a ragged dataset: symbols to next symbols, values to values, or values to symbols."""
    rng = np.random.default_rng(0)
    length = rng.integers(5, 21, size=24)
    inside = np.arange(20) < length[:, None]
    state = (rng.random((24, 20)) < 0.15).cumsum(axis=1) % 2
    symbols = np.where(rng.random((24, 20)) < 0.85, 2 * state, 1)
    values = np.stack([state, 1 - 2 * state], axis=2) + 0.3 * rng.normal(size=(24, 20, 2))
    names = {"input": ["x", "y"], "state": ["off", "on"]}
    names |= {"sequence": [str(i) for i in range(24)], "target": ["a", "b", "c"]}
    symbol_names = names | {"input": ["a", "b", "c"]}
    held = Content(
        input=np.where(inside, symbols, 0)
        if kind == "symbols"
        else np.where(inside[..., None], values, 0),
        target=np.where(inside, symbols, -1) if kind == "labels" else None,
        length=length,
        state=np.where(inside, state, -1),
        split=None,
        group=None,
        names=symbol_names if kind == "symbols" else names,
        truth="state",
    )
    return sequences(held, NpzData(kind="npz", path="d.npz"), np.random.default_rng(1))


def past(data: xr.Dataset) -> np.ndarray:
    return np.arange(data.sizes["time"]) >= data["length"].to_numpy()[:, None]


def poisoned(data: xr.Dataset, value: float) -> xr.Dataset:
    """Return a copy with something absurd past each end."""
    out = data.copy(deep=True)
    for name in ("input", "target", "state"):
        array = out[name].to_numpy()
        array[past(data)] = NO_SYMBOL if array.dtype.kind == "i" else value
    return out


def filled(array: np.ndarray, data: xr.Dataset, value: float) -> np.ndarray:
    out = array.astype(float)
    out[past(data)] = value
    return out


@pytest.fixture(scope="module", params=KINDS)
def clean(request: pytest.FixtureRequest) -> xr.Dataset:
    return made(request.param)


@pytest.fixture(scope="module")
def network(clean: xr.Dataset) -> RecurrentNetwork:
    net = recurrent_network.for_dataset(SIZES, clean.attrs, clean.sizes, seed=3)
    splits = training.by_split(clean, torch.device("cpu"))
    training.train(net, splits, Training(max_epochs=20, learning_rate=0.05), seed=4)
    return net


@pytest.fixture(scope="module")
def recorded(clean: xr.Dataset, network: RecurrentNetwork) -> tuple[np.ndarray, np.ndarray]:
    """Hidden states and outputs (sequence, time, ...)."""
    with torch.no_grad():
        hidden = network.hidden(torch.from_numpy(clean["input"].to_numpy()))[-1]
        return hidden.numpy(), network.out(hidden).numpy()


POISON = pytest.mark.parametrize("value", [1e6, np.nan])


@POISON
def test_dataset_is_cleaned(clean: xr.Dataset, value: float) -> None:
    bad = poisoned(clean, value)
    assert (bad["state"].to_numpy()[past(clean)] == NO_SYMBOL).all()
    # What is read from files has nothing there, so this gives it back, bit for bit.
    for name in clean:
        np.testing.assert_array_equal(without_padding(bad)[name], clean[name])
    inside = ~past(clean)
    for name in ("input", "target", "state"):
        np.testing.assert_array_equal(bad[name].to_numpy()[inside], clean[name].to_numpy()[inside])


@POISON
def test_training_and_its_scores(clean: xr.Dataset, value: float) -> None:
    found = []
    for data in (clean, poisoned(clean, value)):
        net = recurrent_network.for_dataset(SIZES, data.attrs, data.sizes, seed=3)
        splits = training.by_split(data, torch.device("cpu"))
        history = training.train(net, splits, Training(max_epochs=3), seed=4)
        scores = [training.evaluate(net, part) for part in splits.values()]
        weights = [w.tolist() for w in net.state_dict().values()]
        found.append(repr((history, scores, weights)))
    assert found[0] == found[1]
    assert "nan" not in found[0].replace("mse=nan", "").replace("'select_mse': nan", "")
    fingerprints = [training.fingerprint(d) for d in (clean, poisoned(clean, value))]
    assert fingerprints[0] == fingerprints[1]


def test_loss_is_that_of_each_sequence_alone(clean: xr.Dataset, network: RecurrentNetwork) -> None:
    total, count = 0.0, 0
    for row, n in enumerate(clean["length"].to_numpy()):
        alone = clean.isel(sequence=[row], time=slice(0, int(n)))
        target = torch.from_numpy(alone["target"].to_numpy())
        part = training.Sequences(torch.from_numpy(alone["input"].to_numpy()), target)
        with torch.no_grad():
            nll, _, steps = training.losses(network, part)
        total, count = total + float(nll), count + int(steps)
    one = clean.assign(split=xr.zeros_like(clean["split"]))
    together = training.evaluate(network, training.by_split(one, torch.device("cpu"))["train"])
    assert together.nll == pytest.approx(total / count, rel=1e-5)
    ahead = 1 if clean.attrs["target_delay"] else 0
    assert count == (clean["length"] - ahead).sum()


@POISON
def test_floors_baselines_and_ceilings(clean: xr.Dataset, value: float) -> None:
    one, two = (ceilings.of_dataset(data) for data in (clean, poisoned(clean, value)))
    pd.testing.assert_frame_equal(one, two)
    assert np.isfinite(one["value"]).all()


@POISON
@pytest.mark.parametrize(
    "reducer",
    [
        {"kind": "pca", "n_components": 2},
        {"kind": "factor_analysis", "n_components": 2},
        {"kind": "ica", "n_components": 2},
        {"kind": "identity"},
        {"kind": "tsne", "n_components": 2, "perplexity": 10.0, "max_fit_frames": 80},
    ],
    ids=lambda reducer: reducer["kind"],
)
def test_reductions(
    clean: xr.Dataset,
    recorded: tuple[np.ndarray, np.ndarray],
    reducer: dict[str, Any],
    value: float,
) -> None:
    train, length = clean["split"].to_numpy() == 0, clean["length"].to_numpy()
    one, about = fit_transform(recorded[0].astype(float), train, reducer, 0, length)
    bad = filled(recorded[0], clean, value)
    two, about_two = fit_transform(bad, train, reducer, 0, length)
    np.testing.assert_array_equal(one, two)
    assert about == about_two
    assert np.isnan(one[past(clean)]).all()
    assert np.isfinite(one[~past(clean)]).all()


@pytest.fixture(scope="module")
def reduced(clean: xr.Dataset, recorded: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    settings = {"kind": "pca", "n_components": 2}
    train = clean["split"].to_numpy() == 0
    return fit_transform(recorded[0].astype(float), train, settings, 0, clean["length"])[0]


def fitted(clean: xr.Dataset, reduced: np.ndarray) -> xr.Dataset:
    split, length = clean["split"].to_numpy(), clean["length"].to_numpy()
    sweep = HMMSweep([1, 2, 3], ["tied", "diag"], n_restarts=2, max_iter=15, random_state=0)
    (train, ends), (select, select_ends) = [
        (reduced[split == k], length[split == k]) for k in (0, 1)
    ]
    return storage.to_dataset(sweep.fit(train, ends, select, select_ends)).drop_vars("seconds")


def explained(
    clean: xr.Dataset, data: xr.Dataset, reduced: np.ndarray, outputs: np.ndarray, value: float
) -> Iterator[tuple[str, Any]]:
    """Fit, score, choose, read and draw; yield each result with its name."""
    sweep = fitted(clean, reduced)
    yield "sweep", sweep
    root = xr.Dataset(
        {
            "output": (("sequence", "time", "output"), outputs),
            **{name: clean[name] for name in ("length", "split")},
            "sequence": ("sequence", np.arange(24)),
        }
    )
    net = network_outputs.network_of(root, data)
    scores = scorecard.score_sweep(net, reduced, sweep, 20, 0).assign(reducer="pca")
    yield "scores", scores
    choices = scorecard.choices(scores, {"pca": sweep}, {"pca": False}, "bic", 0.02)
    yield "choices", choices
    symbols = clean.attrs["input_kind"] == "symbols"
    inputs = data["input"].to_numpy()
    length = clean["length"].to_numpy()
    readings = []
    given = np.eye(3)[clean["input"].to_numpy()] if symbols else inputs.astype(float)
    given, distribution = (
        filled(given, clean, value),
        output_distribution(outputs, clean.attrs["target_kind"]),
    )
    truth = data["state"].to_numpy()
    for covariance_type in ("tied", "diag"):
        model = storage.model(sweep, covariance_type, 3)
        reading = read_states(model, reduced, given, distribution, truth, length, n_truth=2)
        readings.append(reading.assign(n_states=3))
    reading = xr.concat(readings, dim="pick")
    yield "reading", reading
    task = figures.Task(
        inputs=inputs,
        truth=data["state"].to_numpy(),
        length=length,
        split=clean["split"].to_numpy(),
        names={
            "input": clean.attrs["feature_names"],
            "output": clean.attrs["target_names"],
            "truth": clean.attrs["state_names"],
        },
        symbols=symbols,
        symbols_out=clean.attrs["target_kind"] == "symbols",
        step_label="step",
    )
    about = {"reducer": "pca", "exploratory": False}
    tables = {
        "fits": storage.results(sweep).assign(**about),
        "choices": choices,
        "by_count": scores.assign(role="trained"),
    }
    reading = reading.assign_attrs(picks=["bic", "explained"], reducer="pca")
    for name, figure, source in figures.draw_figures(
        task, reading, None, {"pca": reduced}, tables.get, "bic", np.nan
    ):
        plt.close(figure)
        yield name, source
        extents = [ax.dataLim.get_points().tolist() for ax in figure.axes]
        yield f"{name}, what is drawn", pd.DataFrame({"extent": extents})


@POISON
def test_sweep_scores_reading_and_figures(
    clean: xr.Dataset,
    recorded: tuple[np.ndarray, np.ndarray],
    reduced: np.ndarray,
    value: float,
) -> None:
    one = dict(explained(clean, clean, reduced, recorded[1].astype(float), 0.0))
    bad = filled(reduced, clean, value), filled(recorded[1], clean, value)
    two = dict(explained(clean, poisoned(clean, value), *bad, value))
    assert one.keys() == two.keys()
    assert {"bands", "trajectories", "states", "card", "selection", "scores"} <= one.keys()
    for name, result in one.items():
        same: Callable[..., None] = (
            xr.testing.assert_identical
            if isinstance(result, xr.Dataset)
            else pd.testing.assert_frame_equal
        )
        same(result, two[name])
    real = int((~past(clean)).sum())
    assert len(one["trajectories"]) == real
    # The band that is drawn is that of the test sequence with the most changes.
    state, length = clean["state"].to_numpy(), clean["length"].to_numpy()
    rows = [state[s, : length[s]] for s in np.flatnonzero(clean["split"] == 2)]
    most = max(rows, key=lambda row: (np.diff(row) != 0).sum())
    np.testing.assert_array_equal(one["bands"]["truth"], most)
    assert one["sweep"].attrs["n_frames"] == real - int((~past(clean))[clean["split"] != 0].sum())


def test_truth_past_an_end_is_no_truth(
    clean: xr.Dataset, recorded: tuple[np.ndarray, np.ndarray], reduced: np.ndarray
) -> None:
    unknown = clean.assign(state=xr.full_like(clean["state"], -1))
    results = explained(clean, poisoned(unknown, 1e6), reduced, recorded[1], 0.0)
    scores = next(result for name, result in results if name == "scores")
    assert not {"ari", "nmi", "accuracy"} & set(scores.columns)


@POISON
def test_endpoints(clean: xr.Dataset, network: RecurrentNetwork, value: float) -> None:
    length = clean["length"].to_numpy()
    chosen, times = endpoints.sample_starts(length, 3, np.random.default_rng(0))
    assert (times < length[chosen]).all()
    neutral = neutral_input(clean.attrs)
    assert (
        neutral
        == {"symbols": "symbol", "values": "prediction", "labels": "zero"}[
            "labels" if clean.attrs["target_delay"] == 0 else clean.attrs["input_kind"]
        ]
    )
    inputs = clean["input"].to_numpy()
    # Symbols past an end must be symbols to be run through the network at all.
    bad = np.where(past(clean), 2, inputs) if neutral == "symbol" else filled(inputs, clean, value)
    one, two = (
        endpoints.settle(network, torch.from_numpy(x.astype(inputs.dtype)[chosen]), times, neutral)
        for x in (inputs, bad)
    )
    np.testing.assert_array_equal(one, two)
