"""A training that is listened to is the same training, and its states are recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from tests.recording.oracle import Loop, Wrapped, seeded, stack, values

X = torch.from_numpy(values().astype(np.float32))
FULL = torch.full((5,), 9)


def train(model: Any, n_steps: int = 4) -> list[Tensor]:
    """Take some steps of a plain training loop; return the weights before each."""
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    before = []
    torch.manual_seed(5)
    for _ in range(n_steps):
        before.append({k: v.clone() for k, v in model.state_dict().items()})
        loss = (model(X, FULL) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return before


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_every_step_of_a_training_is_recorded(kind: str) -> None:
    model = seeded(Wrapped, kind, 1, True, True, False)
    with torch.random.fork_rng(), hmmlens.record(model, gates=True) as acts:
        weights = train(model)
    assert [a.attrs["call"] for a in acts] == [0, 1, 2, 3]
    for tree, state in zip(acts, weights, strict=True):
        assert tree.attrs["training"]
        assert tree.attrs["left_out"] == ""
        model.load_state_dict(state)
        with torch.no_grad():
            x = model.before(X).double().numpy()
        for suffix, arrays in stack(kind, model.rnn, x, FULL.numpy()).items():
            for name in set(arrays) - {"layer_input"}:
                found = tree[f"rnn{suffix}"][name]
                assert found.dims == ("sequence", "time", "unit")
                np.testing.assert_allclose(found, arrays[name], atol=1e-6)


def test_listening_changes_nothing() -> None:
    results = []
    for listens in (False, True):
        model = seeded(Wrapped, "lstm", 3, True, True, True)
        with torch.random.fork_rng():
            if listens:
                with hmmlens.record(model, gates=True) as acts:
                    train(model)
                assert len(acts) == 4
                assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
            else:
                train(model)
        results.append(model.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_what_dropout_hides_is_left_out() -> None:
    model = seeded(Wrapped, "lstm", 3, False, True, False)
    with torch.random.fork_rng(), hmmlens.record(model) as acts:
        train(model, 1)
        model.eval()
        model(X, FULL)
    assert {n: set(c.data_vars) for n, c in acts[0].children.items()} == {
        "rnn_l0": {"hidden", "cell"},
        "rnn_l2": {"hidden"},
    }
    assert acts[0].attrs["left_out"] == (
        "rnn_l1: behind dropout; rnn_l2: all but hidden, behind dropout"
    )
    assert acts[1].attrs["left_out"] == ""
    assert not acts[1].attrs["training"]
    full = hmmlens.extract(model, X)
    for name, node in full.children.items():
        for variable, array in node.data_vars.items():
            np.testing.assert_allclose(acts[1][name][variable], array, atol=1e-6)


def test_only_some_calls_are_recorded_or_kept() -> None:
    model = seeded(Wrapped, "gru", 1, False, True, False)
    with hmmlens.record(model, every=3) as acts, hmmlens.record(model, keep=2) as last:
        for _ in range(8):
            model(X, FULL)
    assert [a.attrs["call"] for a in acts] == [0, 3, 6]
    assert [a.attrs["call"] for a in last] == [6, 7]
    assert len(acts[:2]) == 2
    model(X, FULL)
    assert len(acts) == 3
    for wrong in ({"every": 0}, {"keep": 0}):
        with (
            pytest.raises(DataError, match="must be 1 or more, found 0"),
            hmmlens.record(model, **wrong),
        ):
            pass


def test_cells_in_a_loop_and_packed_sequences() -> None:
    loop = seeded(Loop, nn.LSTMCell, True)
    with hmmlens.record(loop, layers=["high"]) as acts:
        loop(X)
    expected = hmmlens.extract(loop, X)
    assert list(acts[0].children) == ["high"]
    for name in ("hidden", "cell"):
        np.testing.assert_allclose(acts[0]["high"][name], expected["high"][name], atol=1e-6)
    model, lengths = seeded(Wrapped, "gru", 1, True, True, True), torch.tensor([9, 2, 4, 1, 9])
    with hmmlens.record(model) as acts:
        model(X, lengths)
    expected = hmmlens.extract(model, X, lengths.numpy())
    np.testing.assert_array_equal(acts[0]["rnn"]["length"], lengths)
    for name in ("rnn", "rnn_reverse"):
        np.testing.assert_allclose(acts[0][name]["hidden"], expected[name]["hidden"], atol=1e-6)


class Trained(nn.Module):
    """What a trainer drives by a step of its own, which calls a layer and not the module."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 5, batch_first=True)

    def training_step(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0].mean()


def test_layers_that_a_trainer_calls_by_itself() -> None:
    model = seeded(Trained)
    with hmmlens.record(model) as acts:
        for _ in range(3):
            model.training_step(X).backward()
    assert [a.attrs["call"] for a in acts] == [0, 1, 2]
    with torch.no_grad():
        np.testing.assert_allclose(acts[1]["rnn"]["hidden"], model.rnn(X)[0], atol=1e-6)


def test_a_failed_call_leaves_no_record() -> None:
    model = seeded(Loop, nn.GRUCell, True)
    with hmmlens.record(model) as acts:
        with pytest.raises(RuntimeError):
            model(X[:, :, :2])
        model.out.forward = lambda _: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            model(X)
        del model.out.forward
        model(X)
    assert len(acts) == 1
    assert acts[0]["low/hidden"].shape == (5, 9, 5)


def test_calls_are_recorded_while_an_error_is_dealt_with() -> None:
    model = seeded(Loop, nn.GRUCell, True)
    with hmmlens.record(model) as acts:
        try:
            raise MemoryError
        except MemoryError:
            model(X)
    assert len(acts) == 1


def test_a_layer_that_does_not_replay_does_not_stop_a_training() -> None:
    model = seeded(Wrapped, "lstm", 1, False, True, False)
    model.rnn.register_forward_hook(lambda m, i, o: (o[0] + 1, o[1]))
    with hmmlens.record(model) as acts:
        model(X, FULL)
    assert set(acts[0]["rnn"].data_vars) == {"hidden"}
    assert "the recorded states do not replay: layer rnn" in acts[0].attrs["left_out"]
