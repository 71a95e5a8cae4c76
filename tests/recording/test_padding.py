"""What is recorded of a sequence is what the network gives for it alone, whatever the padding."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional

import hmmlens
from hmmlens.errors import DataError
from hmmlens.recording.store.writers import Store
from tests.recording.oracle import Custom, seeded, values

LENGTHS = np.array([5, 9, 8, 3, 5, 2, 9, 8])
BY_LENGTH = "sequences of equal length together, because the module reads padding"


def layer(kind: Any, *sizes: int, **options: Any) -> Any:
    return seeded(kind, *sizes, batch_first=True, **options)


def both_ways(kind: Any) -> nn.Module:
    """A bidirectional layer, a causal layer that reads its states, and a readout."""
    parts = {"rnn": layer(kind, 3, 4, bidirectional=True), "top": layer(nn.GRU, 8, 5)}
    out = seeded(nn.Linear, 5, 2)
    return Custom(lambda m, x: m.out(m.top(m.rnn(x)[0])[0]), **parts, out=out)


def attends(m: Any, x: Tensor) -> Tensor:
    return m.rnn(x + m.heads(x, x, x)[0])[0]


def convolves(m: Any, x: Tensor) -> Tensor:
    # The second convolution reads what the bias of the first one gives in padding.
    return m.rnn(m.second(m.first(x.transpose(1, 2))).transpose(1, 2))[0]


class WithLengths(nn.Module):
    """Takes lengths, and looks at them for the readout only."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = layer(nn.GRU, 3, 4, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        states = self.rnn(x)[0]
        return states * (torch.arange(x.shape[1]) < lengths[:, None])[..., None]


NOT_CAUSAL: dict[str, Callable[[], nn.Module]] = {
    "bidirectional RNN": lambda: both_ways(nn.RNN),
    "bidirectional GRU": lambda: both_ways(nn.GRU),
    "bidirectional LSTM": lambda: both_ways(nn.LSTM),
    "attention": lambda: Custom(
        attends, heads=layer(nn.MultiheadAttention, 3, 1), rnn=layer(nn.GRU, 3, 4)
    ),
    "convolutions": lambda: Custom(
        convolves,
        first=seeded(nn.Conv1d, 3, 3, 3, padding=1),
        second=seeded(nn.Conv1d, 3, 3, 3, padding=1),
        rnn=layer(nn.GRU, 3, 4),
    ),
    "normalisation over time": lambda: Custom(
        lambda m, x: m.rnn(m.norm(x.transpose(1, 2)).transpose(1, 2))[0],
        norm=nn.InstanceNorm1d(3), rnn=layer(nn.GRU, 3, 4),
    ),
    "mean over time to begin with": lambda: Custom(
        lambda m, x: m.rnn(x, m.first(x.mean(1))[None])[0],
        first=seeded(nn.Linear, 3, 4), rnn=layer(nn.GRU, 3, 4),
    ),
    "number of steps": lambda: Custom(
        lambda m, x: m.rnn(x / x.shape[1])[0], rnn=layer(nn.GRU, 3, 4)
    ),
    "attention behind the layer": lambda: Custom(
        lambda m, x: m.heads(*[m.rnn(x)[0]] * 3)[0],
        rnn=layer(nn.GRU, 3, 4), heads=layer(nn.MultiheadAttention, 4, 1),
    ),
    # One class is masked: its logit is infinite at every step.
    "attention behind the layer, and masked logits": lambda: Custom(
        lambda m, x: functional.pad(m.heads(*[m.rnn(x)[0]] * 3)[0], (0, 1), value=-math.inf),
        rnn=layer(nn.GRU, 3, 4), heads=layer(nn.MultiheadAttention, 4, 1),
    ),
    "takes lengths": WithLengths,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [*((name, 3) for name in NOT_CAUSAL), ("bidirectional GRU", 64), ("bidirectional GRU", 1)],
)
def test_states_and_outputs_are_those_of_each_sequence_alone(name: str, batch_size: int) -> None:
    model = NOT_CAUSAL[name]().eval()
    x = torch.from_numpy(values(8).astype(np.float32))
    listed = [sequence[:n] for sequence, n in zip(x, LENGTHS, strict=True)]
    padded = x.clone()
    padded[torch.arange(9) >= torch.from_numpy(LENGTHS)[:, None]] = math.nan
    trees = [
        hmmlens.extract(model, listed, batch_size=batch_size),
        hmmlens.extract(model, padded, LENGTHS, batch_size=batch_size),
    ]
    for tree in trees:
        assert tree.attrs["replay_error"] < 1e-5
        assert tree.attrs["batches"] == BY_LENGTH
    options: Any = {"lengths": None} if name == "takes lengths" else {}
    caught: list[Tensor] = []
    model.rnn.register_forward_hook(lambda *call: caught.append(call[2][0][0].detach()))
    for row, sequence in enumerate(listed):
        n = len(sequence)
        options = {name: torch.tensor([n]) for name in options}
        with torch.no_grad():
            output = model(sequence[None], **options)[0]
        states = caught[-1]
        for tree in trees:
            nodes = [tree["rnn"], tree["rnn_reverse"]] if "rnn_reverse" in tree else [tree["rnn"]]
            found = np.concatenate([node["hidden"][row] for node in nodes], axis=1)
            np.testing.assert_allclose(found[:n], states, atol=1e-6)
            np.testing.assert_allclose(tree["output"][row, :n], output, atol=1e-6)
            assert np.isnan(found[n:]).all() and tree["output"][row, n:].isnull().all()


def test_what_is_output_once_for_a_sequence_belongs_to_it_alone() -> None:
    model = Custom(lambda m, x: m.rnn(x)[0].mean(1), rnn=layer(nn.GRU, 3, 4))
    x = [sequence[:n] for sequence, n in zip(values(8).astype(np.float32), LENGTHS, strict=True)]
    tree = hmmlens.extract(model, x)
    assert tree["output"].dims == ("sequence", "output")
    for row, sequence in enumerate(x):
        states = tree["rnn"]["hidden"][row, : len(sequence)]
        np.testing.assert_allclose(tree["output"][row], states.mean("time"), atol=1e-6)


def test_a_model_that_takes_time_first_is_run_without_padding_too() -> None:
    inner = seeded(nn.LSTM, 3, 4, bidirectional=True)
    model = Custom(lambda m, x: m.rnn(x)[0], rnn=inner)
    x = values(8).astype(np.float32)
    tree = hmmlens.extract(model, x, LENGTHS, batch_first=False)
    for row, n in enumerate(LENGTHS):
        alone = inner(torch.from_numpy(x[row, :n, None]))[0][:, 0].detach()
        np.testing.assert_allclose(tree["rnn_reverse"]["hidden"][row, :n], alone[:, 4:], atol=1e-6)


def test_layers_with_steps_of_their_own_get_lengths_of_their_own() -> None:
    model = Custom(
        lambda m, x: m.rnn(m.pool(x.transpose(1, 2)).transpose(1, 2))[0],
        pool=nn.AvgPool1d(2), rnn=layer(nn.GRU, 3, 4),
    )  # fmt: skip
    x = values(8).astype(np.float32)
    tree = hmmlens.extract(model, x, LENGTHS)
    np.testing.assert_array_equal(tree["rnn"]["length"], LENGTHS // 2)
    for row, n in enumerate(LENGTHS):
        alone = model(torch.from_numpy(x[row : row + 1, :n]))[0].detach()
        np.testing.assert_allclose(tree["rnn"]["hidden"][row, : n // 2], alone, atol=1e-6)


# --- Modules that padding does not enter ------------------------------------------------------


@pytest.mark.parametrize("gain", [1.0, 30.0], ids=["calm", "chaotic"])
def test_states_of_causal_modules_are_those_of_the_padded_batch_to_the_bit(gain: float) -> None:
    rnn = layer(nn.RNN, 3, 64)
    with torch.no_grad():
        rnn.weight_hh_l0 *= gain
    model = Custom(lambda m, x: m.out(m.rnn(x)[0]), rnn=rnn, out=seeded(nn.Linear, 64, 2))
    lengths = np.array([300, 40, 299, 40, 120, 300, 7])
    x = values(7, 300).astype(np.float32)
    x[np.arange(300) >= lengths[:, None]] = 0
    tree = hmmlens.extract(model, x, lengths)
    assert "batches" not in tree.attrs
    with torch.no_grad():
        states = rnn(torch.from_numpy(x))[0].numpy()
    for row, n in enumerate(lengths):
        np.testing.assert_array_equal(tree["rnn"]["hidden"][row, :n], states[row, :n])


def test_symbols_past_the_end_need_not_exist() -> None:
    parts = {"embed": seeded(nn.Embedding, 4, 3), "rnn": layer(nn.GRU, 3, 4)}
    model = Custom(lambda m, x: m.rnn(m.embed(x))[0], **parts)
    x = np.random.default_rng(0).integers(0, 4, (8, 9))
    past = np.arange(9) >= LENGTHS[:, None]
    expected = hmmlens.extract(model, np.where(past, 0, x), LENGTHS)
    for pad in (-1, 99):
        tree = hmmlens.extract(model, np.where(past, pad, x), LENGTHS)
        xr.testing.assert_identical(tree, expected)


def test_a_module_that_needs_all_steps_is_doubted() -> None:
    model = Custom(
        lambda m, x: m.rnn(m.mix(x.transpose(1, 2)).transpose(1, 2))[0],
        mix=seeded(nn.Linear, 9, 9), rnn=layer(nn.GRU, 3, 4),
    )  # fmt: skip
    tree = hmmlens.extract(model, values(8).astype(np.float32), LENGTHS)
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"].startswith(
        "unknown: padding enters the states, and the module does not run on a sequence without it "
        "(RuntimeError (test_padding.py, line "
    )


# --- When it is noticed -----------------------------------------------------------------------


def later(m: Any, x: Tensor) -> Tensor:
    """Read from the end where an input is large, which the first batch does not have."""
    return m.rnn(x + x.flip(1) if x.max() > 50 else x)[0]


@pytest.mark.parametrize("in_memory", [True, False])
def test_padding_that_a_later_batch_reads_changes_how_all_are_run(
    in_memory: bool, tmp_path: Path
) -> None:
    model = Custom(later, rnn=layer(nn.GRU, 3, 4))
    x = values(8).astype(np.float32)
    x[5, 0] = 60
    path = None if in_memory else tmp_path / "a.zarr"
    tree = hmmlens.extract(model, x, LENGTHS, batch_size=2, verify="all", store=path)
    assert tree.attrs["batches"] == BY_LENGTH
    for row, n in enumerate(LENGTHS):
        alone = model(torch.from_numpy(x[row : row + 1, :n]))[0].detach()
        np.testing.assert_allclose(tree["rnn"]["hidden"][row, :n], alone, atol=1e-6)


def test_a_recording_without_padding_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"batch_size": 2, "store": tmp_path / "a.zarr"}
    x = values(8).astype(np.float32)
    whole = hmmlens.extract(both_ways(nn.LSTM), x, LENGTHS, batch_size=2)
    done = Store.batch_done

    def killed(self: Store, about: Any) -> None:
        done(self, about)
        if len(self.done) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "batch_done", killed)
        hmmlens.extract(both_ways(nn.LSTM), x, LENGTHS, **options)
    with caplog.at_level(logging.INFO, "hmmlens"):
        tree = hmmlens.extract(both_ways(nn.LSTM), x, LENGTHS, **options)
    assert "continuing after batch 3" in caplog.messages
    xr.testing.assert_identical(tree.load(), whole)


@pytest.mark.parametrize("verify", ["all", "none"])
def test_steps_taken_for_sequences_are_noticed_where_no_two_lengths_agree(verify: Any) -> None:
    model = Custom(lambda m, x: m.rnn(x)[0], rnn=seeded(nn.GRU, 3, 5))
    x = values(9, 9).astype(np.float32)
    for lengths in (np.arange(1, 10), np.full(9, 9)):
        with pytest.raises(DataError, match="give batch_first=False"):
            hmmlens.extract(model, x, lengths, verify=verify)
