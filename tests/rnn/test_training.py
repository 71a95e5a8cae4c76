"""Losses against hand-computed ones; a run that was interrupted ends as one that was not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import norm

from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.hmm import HMMData
from hmmlens.rnn import recurrent_network, training
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.rnn.settings import Training
from hmmlens.rnn.training import Losses, Sequences


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return build(HMMData(kind="hmm", preset="fully3", n_sequences=20, n_steps=15), seed=3)


def fresh(data: xr.Dataset) -> RecurrentNetwork:
    settings = {"cell": "gru", "n_units": 4, "n_layers": 1}
    return recurrent_network.for_dataset(settings, data.attrs, data.sizes, seed=5)


def settings_of(**change: Any) -> Training:
    base = {"max_epochs": 7, "patience": 7, "batch_size": 5, "learning_rate": 0.02}
    return Training(**(base | {"checkpoint_every": 2} | change))


class KilledError(Exception):
    """The job was killed."""


def kill_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    whole, calls = training.evaluate, iter(range(1000))

    def evaluate(*args: Any) -> Losses:
        if next(calls) == epoch:
            raise KilledError
        return whole(*args)

    monkeypatch.setattr(training, "evaluate", evaluate)


def same_history(one: list[dict[str, float]], two: list[dict[str, float]]) -> bool:
    """Return whether all numbers are the same to the last bit; NaN equals NaN."""
    return repr(one) == repr(two)


def same_weights(one: RecurrentNetwork, two: RecurrentNetwork) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def straight(data: xr.Dataset, **change: Any) -> tuple[RecurrentNetwork, list[dict[str, float]]]:
    """Train without a checkpoint."""
    net = fresh(data)
    splits = training.by_split(data, torch.device("cpu"))
    return net, training.train(net, splits, settings_of(**change), seed=8)


def test_by_split_takes_each_sequence_where_it_belongs(data: xr.Dataset) -> None:
    splits = training.by_split(data, torch.device("cpu"))
    for part, name in enumerate(("train", "select", "test")):
        chosen = data["split"].to_numpy() == part
        np.testing.assert_array_equal(splits[name].inputs, data["input"][chosen])
        np.testing.assert_array_equal(splits[name].target, data["target"][chosen])


def test_fingerprint_changes_with_the_data(data: xr.Dataset) -> None:
    first = training.fingerprint(data)
    assert first == training.fingerprint(data.copy(deep=True))
    for name in ("input", "target", "split"):
        other = data.copy(deep=True)
        other[name].values.flat[0] += 1
        assert training.fingerprint(other) != first
    other = data.copy(deep=True)
    other["state"].values[:] = 0
    assert training.fingerprint(other) == first


@pytest.mark.parametrize("epoch", [1, 4, 5])
def test_killed_run_continues_to_the_same_end(
    data: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    whole, history = straight(data)
    splits = training.by_split(data, torch.device("cpu"))
    checkpoint = tmp_path / "folder" / "checkpoint.pt"
    with monkeypatch.context() as patch:
        kill_in_epoch(patch, epoch)
        with pytest.raises(KilledError):
            training.train(fresh(data), splits, settings_of(), 8, checkpoint, "me")
    # A checkpoint every second epoch; none yet when the second one was cut.
    assert checkpoint.exists() == (epoch > 1)
    epochs: list[int] = []
    batches = training._batches
    monkeypatch.setattr(
        training, "_batches", lambda n, size, seed, e: epochs.append(e) or batches(n, size, seed, e)
    )
    net = fresh(data)
    found = training.train(net, splits, settings_of(), 8, checkpoint, "me")
    assert epochs == list(range(epoch - epoch % 2, 7))
    assert same_history(found, history)
    assert same_weights(net, whole)
    assert not (tmp_path / "folder" / "checkpoint.pt.partial").exists()


def test_run_with_more_epochs_continues_to_the_same_end(data: xr.Dataset, tmp_path: Path) -> None:
    whole, history = straight(data)
    splits, checkpoint = training.by_split(data, torch.device("cpu")), tmp_path / "c.pt"
    training.train(fresh(data), splits, settings_of(max_epochs=3), 8, checkpoint, "me")
    net = fresh(data)
    assert same_history(training.train(net, splits, settings_of(), 8, checkpoint, "me"), history)
    assert same_weights(net, whole)
    assert len(history) == 7


def test_checkpoint_that_cannot_be_read_is_ignored(data: xr.Dataset, tmp_path: Path) -> None:
    whole, _ = straight(data)
    splits, checkpoint = training.by_split(data, torch.device("cpu")), tmp_path / "c.pt"
    training.train(fresh(data), splits, settings_of(), 8, checkpoint, "me")
    content = checkpoint.read_bytes()
    for part in (b"", content[: len(content) // 2]):
        checkpoint.write_bytes(part)
        net = fresh(data)
        training.train(net, splits, settings_of(), 8, checkpoint, "me")
        assert same_weights(net, whole)


def test_checkpoint_of_other_settings_is_ignored(data: xr.Dataset, tmp_path: Path) -> None:
    whole, history = straight(data)
    splits, checkpoint = training.by_split(data, torch.device("cpu")), tmp_path / "c.pt"
    training.train(fresh(data), splits, settings_of(learning_rate=0.5), 8, checkpoint, "other")
    net = fresh(data)
    assert same_history(training.train(net, splits, settings_of(), 8, checkpoint, "me"), history)
    assert same_weights(net, whole)


def scripted(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> list[RecurrentNetwork]:
    """Let the select split answer with these losses; return copies of the weights it saw."""
    seen: list[RecurrentNetwork] = []

    def evaluate(net: RecurrentNetwork, data: Sequences) -> Losses:
        copy = RecurrentNetwork("gru", 3, 3, 4, symbols_in=True, symbols_out=True)
        copy.load_state_dict(net.state_dict())
        seen.append(copy)
        return Losses(losses[len(seen) - 1], math.nan)

    monkeypatch.setattr(training, "evaluate", evaluate)
    return seen


def test_training_stops_early_and_keeps_the_best_epoch(
    data: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [3.0, 1.0, 2.0, 1.0, 2.0, 0.0, 0.0])
    net, history = straight(data, patience=3)
    # Epoch 1 is best; 2, 3 and 4 are no better.
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    assert [row["select_nll"] for row in history] == [3, 1, 2, 1, 2]
    assert same_weights(net, seen[1])
    assert not same_weights(net, seen[4])


def test_checkpoint_written_just_before_the_stop_trains_no_more(
    data: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [1.0, 2.0, 3.0, 4.0, 0.0])
    splits, checkpoint = training.by_split(data, torch.device("cpu")), tmp_path / "c.pt"
    one, two = fresh(data), fresh(data)
    settings = settings_of(patience=3)
    history = training.train(one, splits, settings, 8, checkpoint, "me")
    assert len(history) == 4
    assert same_history(training.train(two, splits, settings, 8, checkpoint, "me"), history)
    assert len(seen) == 4
    assert same_weights(one, two)


def test_loss_that_is_not_finite_stops_and_keeps_the_best(
    data: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, [1.0, math.nan])
    net, history = straight(data)
    assert len(history) == 2
    assert same_weights(net, seen[0])


def test_training_learns(data: xr.Dataset) -> None:
    net, history = straight(data, max_epochs=40, patience=40)
    splits = training.by_split(data, torch.device("cpu"))
    # Fully3 switches with probability .086; uniform guesses cost log 3.
    assert training.evaluate(fresh(data), splits["select"]).nll > 0.9
    best = min(row["select_nll"] for row in history)
    assert best < 0.6
    assert training.evaluate(net, splits["select"]).nll == pytest.approx(best, rel=1e-6)


def symbol_example() -> tuple[RecurrentNetwork, Sequences]:
    net = recurrent_network.initialise(
        0, cell="gru", n_inputs=3, n_outputs=3, n_units=4, symbols_in=True, symbols_out=True
    )
    rng = np.random.default_rng(1)
    inputs, target = rng.integers(0, 3, size=(2, 6, 5)).astype(np.int16)
    target[:, -1] = -1
    target[2, 1:] = -1
    return net, Sequences(torch.from_numpy(inputs), torch.from_numpy(target))


def value_example() -> tuple[RecurrentNetwork, Sequences]:
    net = recurrent_network.initialise(
        0, cell="gru", n_inputs=2, n_outputs=2, n_units=4, symbols_in=False, symbols_out=False
    )
    with torch.no_grad():
        net.log_variance[:] = torch.tensor([0.5, -1.0])
    inputs, target = np.random.default_rng(1).normal(size=(2, 6, 5, 2)).astype(np.float32)
    target[:, 0] = np.nan
    target[3, 2, 1] = np.nan  # one of two is missing, so the step is left out
    return net, Sequences(torch.from_numpy(inputs), torch.from_numpy(target))


@torch.no_grad()
def test_symbol_loss_by_hand() -> None:
    net, batch = symbol_example()
    logits, target = net(batch.inputs).double().numpy(), batch.target.numpy()
    by_hand = []
    for sequence in range(6):
        for t in range(5):
            if target[sequence, t] >= 0:
                p = np.exp(logits[sequence, t]) / np.exp(logits[sequence, t]).sum()
                by_hand.append(-math.log(p[target[sequence, t]]))
    nll, squared, count = training.losses(net, batch)
    assert int(count) == len(by_hand) == 5 * 4 + 1
    assert float(nll) == pytest.approx(sum(by_hand), rel=1e-6)
    assert math.isnan(squared)


@torch.no_grad()
def test_value_loss_by_hand() -> None:
    net, batch = value_example()
    mean, target = net(batch.inputs).double().numpy(), batch.target.double().numpy()
    sd = np.exp(0.5 * np.array([0.5, -1.0]))
    nll, squared, n = 0.0, 0.0, 0
    for sequence in range(6):
        for t in range(5):
            if np.isfinite(target[sequence, t]).all():
                nll -= norm.logpdf(target[sequence, t], mean[sequence, t], sd).sum()
                squared += ((target[sequence, t] - mean[sequence, t]) ** 2).mean()
                n += 1
    found = training.losses(net, batch)
    assert int(found[2]) == n == 6 * 4 - 1
    assert float(found[0]) == pytest.approx(nll, rel=1e-6)
    assert float(found[1]) == pytest.approx(squared, rel=1e-6)


@pytest.mark.parametrize("example", [symbol_example, value_example])
def test_missing_targets_give_no_gradient(example: Any) -> None:
    net, batch = example()
    nll, _, _ = training.losses(net, batch)
    nll.backward()
    gradients = [p.grad for p in net.parameters() if p.numel()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert all(gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("example", [symbol_example, value_example])
def test_evaluation_is_per_step_whatever_the_batches(example: Any) -> None:
    net, batch = example()
    nll, squared, n = (float(value.detach()) for value in training.losses(net, batch))
    for batch_size in (1, 4, 256):
        found = training.evaluate(net, batch, batch_size)
        assert found.nll == pytest.approx(nll / n, rel=1e-6)
        assert found.mse == pytest.approx(squared / n, rel=1e-6, nan_ok=True)
