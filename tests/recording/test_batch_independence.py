"""What was recorded of a sequence is that sequence's own, or an error states that it is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import hmmlens
from hmmlens.errors import DataError
from hmmlens.recording.verification.batch_independence import shifted
from tests.recording.oracle import Custom, seeded, values


def gru() -> nn.GRU:
    return seeded(nn.GRU, 3, 5, batch_first=True)


class Sorts(nn.Module):
    """Puts its sequences into another order, and the output back into the first one."""

    def __init__(self, order: Callable[[np.ndarray], Any], packs: bool = True) -> None:
        super().__init__()
        self.rnn, self.order, self.packs = gru(), order, packs

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        order = torch.from_numpy(np.array(self.order(lengths.numpy())))
        if not self.packs:
            return self.rnn(x[order])[0][order.argsort()]
        packed = pack_padded_sequence(x[order], lengths[order], batch_first=True)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return states[order.argsort()]


TOLD = "layer rnn sees the sequences in another order than the input"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_exchange_of_sequences_of_one_length_is_refused(data: Any) -> None:
    n = data.draw(st.integers(1, 7))
    lengths = np.sort(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))[::-1].copy()
    order = np.arange(n)
    for length in set(lengths):
        places = np.flatnonzero(lengths == length)
        order[places] = data.draw(st.permutations(places.tolist()))
    model = Sorts(lambda _: order)
    inputs = values(n, 4).astype(np.float32)
    if (order == np.arange(n)).all():
        tree = hmmlens.extract(model, inputs, lengths)
        assert tree.attrs["replay_error"] < 1e-6
        return
    with pytest.raises(DataError, match=TOLD):
        hmmlens.extract(model, inputs, lengths)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.data())
def test_no_order_but_the_first_looks_the_same_when_shifted(lengths: list[int], data: Any) -> None:
    places = shifted(np.array(lengths))
    assert (np.array(lengths)[places] == lengths).all()
    order = np.array(data.draw(st.permutations(range(len(lengths)))))
    assume((np.array(lengths)[order] == lengths).all())
    assert (places[order] == order[places]).all() == (order == np.arange(len(order))).all()


@pytest.mark.parametrize("packs", [True, False])
def test_the_usual_way_to_sort_from_the_end_is_refused(packs: bool) -> None:
    model = Sorts(lambda lengths: np.argsort(lengths)[::-1], packs)
    with pytest.raises(DataError, match=TOLD):
        hmmlens.extract(model, values(6).astype(np.float32), [9] * 6)


class Remembers(nn.Module):
    """Begins where the call before it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = gru()
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        states, self.state = self.rnn(x, self.state)
        return states


MODELS: dict[str, Callable[[], nn.Module]] = {
    "noise before": lambda: Custom(lambda m, x: m.rnn(x + torch.randn_like(x))[0], rnn=gru()),
    "noise to begin with": lambda: Custom(
        lambda m, x: m.rnn(x, torch.randn(1, len(x), 5))[0], rnn=gru()
    ),
    "dropout that stays": lambda: Custom(
        lambda m, x: m.rnn(nn.functional.dropout(x))[0], rnn=gru()
    ),
    "carried over": Remembers,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("lengths", [[9] * 4, [9, 8, 7, 6]], ids=["same", "different"])
def test_states_that_differ_when_the_module_runs_again_are_unknown(
    name: str, lengths: list[int]
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = MODELS[name]()
        inputs = values(4).astype(np.float32)
        tree = hmmlens.extract(model, inputs, lengths)
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"].startswith(
        "unknown: layer rnn holds other states when the module runs again: it is given noise, or"
    )
    assert tree["rnn"].attrs["replay_error"] < 1e-6
    if name == "carried over":
        # The first batch is that of a fresh network.
        fresh = hmmlens.extract(gru(), inputs, lengths)
        np.testing.assert_allclose(tree["rnn/hidden"], fresh["rnn/hidden"], atol=1e-6)


def test_states_that_depend_on_the_batch_are_unknown() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        return model.rnn(model.norm(x.transpose(1, 2)).transpose(1, 2))[0]

    model = Custom(way, rnn=gru(), norm=nn.BatchNorm1d(3, track_running_stats=False))
    tree = hmmlens.extract(model, values(4).astype(np.float32))
    reason = "unknown: the states of layer rnn depend on the other sequences of the batch"
    assert tree.attrs["replay"] == reason


def test_as_many_sequences_as_steps_do_not_hide_a_wrong_order_of_dimensions() -> None:
    inputs = values(9, 9).astype(np.float32)
    model = Custom(lambda m, x: m.rnn(x)[0], rnn=seeded(nn.GRU, 3, 5))
    with pytest.raises(
        DataError, match="the module reads the sequences as steps; give batch_first"
    ):
        hmmlens.extract(model, inputs)
    tree = hmmlens.extract(model, inputs, batch_first=False)
    assert tree.attrs["replay_error"] < 1e-6


def test_chaos_is_no_doubt() -> None:
    # Some matrix products round the rows of a batch differently, which soon is everything.
    def way(model: Any, x: Tensor) -> Tensor:
        return model.rnn(x * (1 + 3e-7 * torch.arange(len(x))[:, None, None]))[0]

    model = Custom(way, rnn=seeded(nn.RNN, 3, 64, batch_first=True))
    with torch.no_grad():
        model.rnn.weight_hh_l0 *= 30
    inputs = values(7, 300).astype(np.float32)
    tree = hmmlens.extract(model, inputs)
    assert tree.attrs["replay"] == "1 of 1 batches replayed whole"
    other = hmmlens.extract(model, inputs[shifted(np.full(7, 300))])
    assert abs(other["rnn/hidden"][1:] - tree["rnn/hidden"].to_numpy()[:-1])[:, -1].max() > 0.5
