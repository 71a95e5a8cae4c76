"""Replay lets nothing through that the network did not do, and says when it cannot know."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import hmmlens
from hmmlens.errors import DataError
from hmmlens.recording.settings import ReplaySampling
from tests.recording.oracle import KINDS, Loop, Wrapped, losing_a_unit, seeded, values

X = values().astype(np.float32)


def model_of(kind: str, n_layers: int = 1, bidirectional: bool = False) -> Any:
    return seeded(Wrapped, kind, n_layers, bidirectional, True, False)


def refusal(model: nn.Module, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        hmmlens.extract(model, X, **options)
    return str(caught.value)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(list(KINDS)),
    step=st.integers(0, 8),
    row=st.integers(0, 4),
    size=st.sampled_from([1e-3, 0.1, -1.0]),
)
def test_one_changed_state_is_caught_with_its_step(
    kind: str, step: int, row: int, size: float
) -> None:
    model = model_of(kind)

    def change(_: Any, __: Any, output: Any) -> Any:
        states = output[0].clone()
        states[row, step] += size
        return states, output[1]

    model.rnn.register_forward_hook(change)
    reason = refusal(model)
    assert reason.startswith("the recorded states do not replay: layer rnn, step ")
    # The state itself differs, and the step after it, which is computed from it.
    assert int(reason.split("step ")[1].split()[0]) in (step, step + 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift", [1, -1])
def test_states_one_step_off_are_caught(kind: str, shift: int) -> None:
    model = model_of(kind)
    model.rnn.register_forward_hook(lambda m, i, o: (o[0].roll(shift, 1), o[1]))
    assert "layer rnn, step" in refusal(model)


def swap_gates(module: nn.Module, *_: Any) -> None:
    """Exchange the first two gates, once the layer has run."""
    n = module.hidden_size
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "hr" not in name:
                weight[: 2 * n] = weight[: 2 * n].roll(n, 0)


@pytest.mark.parametrize("kind", ["gru", "lstm", "projected"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_exchanged_gates_are_detected(kind: str, n_layers: int) -> None:
    model = model_of(kind, n_layers)
    model.rnn.register_forward_hook(swap_gates)
    assert "the recorded states do not replay: layer rnn" in refusal(model)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_changed_step_of_a_cell_is_caught(cell: Any) -> None:
    model = seeded(Loop, cell, True)
    counts = iter(range(10**6))

    def change(_: Any, __: Any, output: Any) -> Any:
        if next(counts) != 4:
            return output
        return (output[0], output[1] + 0.01) if isinstance(output, tuple) else output + 0.01

    model.high.register_forward_hook(change)
    assert "layer high, step 4 differs by 0.01" in refusal(model)


def test_a_wrong_last_cell_state_is_caught() -> None:
    model = model_of("lstm", 2, True)
    model.rnn.register_forward_hook(lambda m, i, o: (o[0], (o[1][0], o[1][1] + 0.01)))
    assert "layer rnn_l0, step 8 differs by 0.01" in refusal(model)


def test_a_layer_below_the_last_is_checked_too() -> None:
    model = model_of("gru", 3)

    def change(module: nn.Module, *_: Any) -> None:
        with torch.no_grad():
            module.bias_hh_l1 += 0.01

    model.rnn.register_forward_hook(change)
    assert "layer rnn_l1, step" in refusal(model)


class Beside(nn.Module):
    """A module whose output does not follow from the states alone."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.rnn, self.way, self.calls = nn.GRU(3, 5, batch_first=True), way, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        states = self.rnn(x)[0]
        if self.way == "random":
            return states + torch.randn_like(states)
        return states + self.calls


@pytest.mark.parametrize("way", ["random", "remembers"])
def test_a_module_that_differs_between_runs_is_recorded_as_unknown(way: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        tree = hmmlens.extract(seeded(Beside, way), X)
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"] == "unknown: the module gives another output when it runs again"
    assert tree["rnn"].attrs["replay_error"] < 1e-6
    assert tree["rnn/hidden"].shape == (5, 9, 5)


def test_an_output_that_the_states_do_not_give_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from hmmlens.recording.verification import module_replay

    monkeypatch.setattr(module_replay, "_as_layer", losing_a_unit(module_replay._as_layer))
    reason = refusal(model_of("gru"))
    assert "with all layers stepped, the module's output at step 6 differs by" in reason


def test_states_that_are_not_numbers_are_refused() -> None:
    model = model_of("gru")
    with torch.no_grad():
        model.rnn.weight_hh_l0[0, 0] = math.nan
    assert (
        refusal(model) == "layer rnn, step 0 is not a number; look into the inputs and the weights"
    )


def test_outputs_may_hold_infinities() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(3, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            states = self.rnn(x)[0]
            return states.masked_fill(torch.arange(5) == 2, -math.inf)

    tree = hmmlens.extract(seeded(Masked), X)
    assert tree.attrs["replay_error"] < 1e-6


@pytest.mark.parametrize(("scale", "passes"), [(1e4, True), (1.0, False)])
def test_large_states_may_differ_by_more_rounding(scale: float, passes: bool) -> None:
    """The same difference is rounding in states of 1e4 and a change in states of 1."""
    model = seeded(Wrapped, "relu", 1, False, True, False)
    with torch.no_grad():
        model.rnn.weight_ih_l0 *= scale
        # Without the recurrent weights a changed step leaves the next ones as they are.
        model.rnn.weight_hh_l0 *= 0

    def change(_: Any, __: Any, output: Any) -> Any:
        states = output[0].clone()
        states[:, 4] += 0.01
        return states, output[1]

    model.rnn.register_forward_hook(change)
    if not passes:
        assert "layer rnn, step 4 differs by 0.01" in refusal(model)
        return
    tree = hmmlens.extract(model, X)
    assert tree.attrs["replay_error"] == pytest.approx(0.01, rel=0.2)
    assert tree.attrs["replay_error"] < 1e-4 * float(abs(tree["rnn/hidden"]).max())


def test_chaos_does_not_fail_the_replay() -> None:
    # States diverge from a run of their own within some ten steps; each single step does not.
    model = seeded(nn.RNN, 3, 64, batch_first=True)
    with torch.no_grad():
        model.weight_hh_l0 *= 30
    inputs = values(4, 300)
    tree = hmmlens.extract(model, inputs.astype(np.float32))
    assert tree.attrs["replay_error"] < 1e-4
    exact = hmmlens.extract(model.double(), inputs, dtype="float64")
    assert abs(tree["rnn/hidden"] - exact["rnn/hidden"])[:, -1].max() > 0.5


class ByHand(nn.Module):
    """A gated cell written by hand, in a network of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(8, 5)
        self.out = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = x.new_zeros(len(x), 5), []
        for t in range(x.shape[1]):
            state = 0.5 * state + 0.5 * self.cell(torch.cat([x[:, t], state], dim=1))
            outputs.append(self.out(state))
        return torch.stack(outputs, dim=1)


def test_custom_code_is_recorded_by_name_and_unknown() -> None:
    model = seeded(ByHand)
    with pytest.raises(DataError, match="ByHand holds no recurrent layer of torch; name the"):
        hmmlens.extract(model, X)
    tree = hmmlens.extract(model, X, layers=["cell"])
    assert math.isnan(tree.attrs["replay_error"])
    assert tree.attrs["replay"] == "unknown: the equations of cell are not known"
    hidden, state = tree["cell/hidden"].to_numpy(), np.zeros((5, 5))
    weights = model.cell.weight.detach().numpy(), model.cell.bias.detach().numpy()
    for t in range(9):
        new = np.concatenate([X[:, t], state], axis=1) @ weights[0].T + weights[1]
        np.testing.assert_allclose(hidden[:, t], new, atol=1e-6)
        state = 0.5 * state + 0.5 * new


def test_a_layer_with_a_forward_of_its_own_is_unknown() -> None:
    class Louder(nn.LSTM):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)[0]

    model = seeded(Louder, 3, 5, batch_first=True)
    tree = hmmlens.extract(model, X)
    assert tree.attrs["replay"] == "unknown: the equations of rnn are not known"
    with torch.no_grad():
        np.testing.assert_allclose(tree["rnn/hidden"], model(torch.from_numpy(X)), atol=1e-6)


def test_a_sample_of_batches_is_replayed_whole() -> None:
    inputs = values(60, 4).astype(np.float32)
    model = model_of("gru")
    tree = hmmlens.extract(model, inputs, batch_size=2)
    assert tree.attrs["replay"] == "4 of 30 batches replayed whole"
    tree = hmmlens.extract(model, inputs, batch_size=2, verify="all")
    assert tree.attrs["replay"] == "30 of 30 batches replayed whole"
    tree = hmmlens.extract(model, inputs, batch_size=2, verify="none")
    assert tree.attrs["replay"] == "unknown: no batch was to be replayed whole"
    assert math.isnan(tree.attrs["replay_error"])
    for sampling, n in ((ReplaySampling(2, 100), 2), (ReplaySampling(2, 5), 6)):
        tree = hmmlens.extract(model, inputs, batch_size=2, verify=sampling)
        assert tree.attrs["replay"] == f"{n} of 30 batches replayed whole"
    with pytest.raises(DataError, match="verify wants min_batches of 2 or more"):
        hmmlens.extract(model, inputs, batch_size=2, verify=ReplaySampling(min_batches=1))
    with pytest.raises(DataError, match="verify wants 'sample', 'all', 'none' or a Replay"):
        hmmlens.extract(model, inputs, batch_size=2, verify="some")


def test_a_fault_in_the_last_batch_is_found_by_the_sample() -> None:
    inputs = values(60, 4).astype(np.float32)
    inputs[59, 2, 1] = np.nan
    with pytest.raises(DataError, match="layer rnn, step 2 is not a number"):
        hmmlens.extract(model_of("gru"), inputs, batch_size=2)
