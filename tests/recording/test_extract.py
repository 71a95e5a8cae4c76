"""What is recorded of which model: names, steps, units, lengths, precision, and nothing changed."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import hmmlens
from hmmlens.errors import DataError
from hmmlens.rnn import recurrent_network
from tests.recording.oracle import Custom, Loop, Wrapped, seeded, values

X = values().astype(np.float32)


def gru(n_units: int = 5, **options: Any) -> nn.GRU:
    return seeded(nn.GRU, options.pop("n_inputs", 3), n_units, batch_first=True, **options)


def run(model: nn.Module, *args: Any) -> Any:
    with torch.no_grad():
        return model(*(torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in args))


# --- Wherever the layers sit ----------------------------------------------------------------


def test_nested_modules_are_named_by_their_place() -> None:
    inner = Custom(lambda m, x: m.rnn(x)[0], rnn=gru())
    outer = Custom(lambda m, x: m.decoder(m.blocks[0](x))[0], blocks=nn.ModuleList([inner]))
    outer.decoder = gru(n_inputs=5, num_layers=2)
    tree = hmmlens.extract(outer, X)
    assert list(tree.children) == ["blocks_0_rnn", "decoder_l0", "decoder_l1"]


def test_names_that_meet_are_made_unique() -> None:
    inner = Custom(lambda m, x: m.b(x)[0], b=gru())
    outer = Custom(lambda m, x: m.a_b(m.a(x))[0], a=inner, a_b=gru(n_inputs=5))
    assert list(hmmlens.extract(outer, X).children) == ["a_b", "a_b_2"]


@pytest.mark.parametrize("name", ["input", "output", "length", "time"])
def test_a_layer_may_have_the_name_of_an_array(name: str, tmp_path: Path) -> None:
    layer = gru()
    model = Custom(lambda m, x: getattr(m, name)(x)[0], **{name: layer})
    tree = hmmlens.extract(model, X, layers=[name], store=tmp_path / "a")
    assert list(tree.children) == [f"{name}_2"]
    np.testing.assert_allclose(tree[f"{name}_2/hidden"], run(layer, X)[0], atol=1e-6)
    np.testing.assert_array_equal(tree["input"], X)


@pytest.mark.parametrize("own", [["lower", "upper"], {"rnn": 3}, {"conv": "rnn"}])
def test_an_attribute_that_names_something_else_is_no_name(own: Any) -> None:
    model = Custom(lambda m, x: m.rnn(x)[0], rnn=gru(), layer_names=own)
    assert list(hmmlens.extract(model, X).children) == ["rnn"]


def test_a_compiled_module_has_the_names_of_the_module() -> None:
    inner = torch.compile(Custom(lambda m, x: m.rnn(x)[0], rnn=gru()), backend="eager")
    model = torch.compile(Custom(lambda m, x: m.inner(x), inner=inner), backend="eager")
    with torch.no_grad():
        expected = model(torch.from_numpy(X))
    tree = hmmlens.extract(model, X, layers=["inner.rnn"])
    assert list(tree.children) == ["inner_rnn"]
    np.testing.assert_allclose(tree["inner_rnn/hidden"], expected, atol=1e-6)
    assert tree.attrs["replay_error"] < 1e-6


def test_a_scripted_module_is_refused() -> None:
    model = torch.jit.trace(gru(), torch.from_numpy(X))
    with pytest.raises(DataError, match="a scripted or traced module hides its layers"):
        hmmlens.extract(model, X)


def test_the_names_of_two_modules_are_not_mixed_up() -> None:
    parts = {"rnn": gru(num_layers=2), "rnn_l0": gru(n_inputs=5), "rnn_left": gru(n_inputs=5)}
    model = Custom(lambda m, x: m.rnn_left(m.rnn_l0(m.rnn(x)[0])[0])[0], **parts)
    tree = hmmlens.extract(model, X)
    assert list(tree.children) == ["rnn_l0", "rnn_l1", "rnn_l0_2", "rnn_left"]
    assert list(hmmlens.extract(model, X, layers=["rnn"]).children) == ["rnn_l0", "rnn_l1"]


def test_networks_of_the_workflow_keep_their_names() -> None:
    net = recurrent_network.initialise(
        1, cell="lstm", n_inputs=3, n_outputs=2, n_units=5, n_layers=2,
        symbols_in=False, symbols_out=False,
    )  # fmt: skip
    tree = hmmlens.extract(net, X)
    assert list(tree.children) == ["layer0", "layer1"]
    states = [net.start(5)]
    for t in range(9):
        states.append(net.step(states[-1], torch.from_numpy(X[:, t])))
    for index in range(2):
        for position, name in enumerate(("hidden", "cell")):
            expected = torch.stack([s[index][position] for s in states[1:]], dim=1).detach()
            np.testing.assert_allclose(tree[f"layer{index}/{name}"], expected, atol=1e-6)


def test_a_bare_layer_is_called_rnn() -> None:
    layer = gru(bidirectional=True)
    tree = hmmlens.extract(layer, X)
    assert list(tree.children) == ["rnn", "rnn_reverse"]
    output = run(layer, X)[0]
    np.testing.assert_allclose(tree["output"], output, atol=1e-6)
    np.testing.assert_allclose(tree["rnn/hidden"], output[..., :5], atol=1e-6)
    np.testing.assert_allclose(tree["rnn_reverse/hidden"], output[..., 5:], atol=1e-6)


def test_a_bare_layer_packs_what_is_ragged() -> None:
    layer, lengths = gru(bidirectional=True), [9, 2, 5, 1, 9]
    tree = hmmlens.extract(layer, X, lengths)
    for row, length in enumerate(lengths):
        alone = run(layer, X[row : row + 1, :length])[0][0]
        np.testing.assert_allclose(
            tree["rnn_reverse/hidden"][row, :length], alone[:, 5:], atol=1e-6
        )
        np.testing.assert_allclose(tree["output"][row, :length], alone, atol=1e-6)
        for name in ("rnn/hidden", "rnn_reverse/hidden", "output"):
            assert tree[name][row, length:].isnull().all()
            np.testing.assert_array_equal(tree[name]["inside"][row], np.arange(9) < length)
        assert (tree["input"][row, length:] == 0).all()


@pytest.mark.parametrize("bare", [True, False])
def test_models_that_take_time_first(bare: bool) -> None:
    layer = seeded(nn.GRU, 3, 5)
    model = layer if bare else Custom(lambda m, x: m.rnn(x)[0], rnn=layer)
    tree = hmmlens.extract(model, X, batch_first=None if bare else False)
    expected = run(layer, X.transpose(1, 0, 2))[0].numpy().transpose(1, 0, 2)
    np.testing.assert_allclose(tree["rnn/hidden"], expected, atol=1e-6)
    np.testing.assert_allclose(tree["output"], expected, atol=1e-6)
    if not bare:
        with pytest.raises(DataError, match="layer rnn ran on 9 sequences where the batch has 5"):
            hmmlens.extract(model, X)


def test_symbols_go_through_an_embedding() -> None:
    model = Custom(lambda m, x: m.rnn(m.embedding(x))[0], embedding=nn.Embedding(4, 3), rnn=gru())
    symbols = np.random.default_rng(0).integers(0, 4, size=(5, 9)).astype(np.int16)
    tree = hmmlens.extract(model, symbols)
    assert tree["input"].dims == ("sequence", "time")
    assert tree["input"].dtype == np.int16
    np.testing.assert_allclose(tree["output"], run(model, symbols.astype(int)), atol=1e-6)


# --- Layers that run several times ----------------------------------------------------------


def test_a_layer_that_runs_step_by_step_is_one_recurrence() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        state, outputs = None, []
        for t in range(x.shape[1]):
            output, state = model.rnn(x[:, t : t + 1], state)
            outputs.append(output)
        return torch.cat(outputs, dim=1)

    layer = seeded(nn.LSTM, 3, 5, batch_first=True)
    pieces, whole = hmmlens.extract(Custom(way, rnn=layer), X), hmmlens.extract(layer, X)
    for name in ("hidden", "cell"):
        np.testing.assert_allclose(pieces[f"rnn/{name}"], whole[f"rnn/{name}"], atol=1e-6)
    assert pieces.attrs["replay_error"] < 1e-6


def test_separate_runs_of_a_layer_are_separate_nodes() -> None:
    layer = gru(3)
    tree = hmmlens.extract(Custom(lambda m, x: m.rnn(m.rnn(x)[0])[0], rnn=layer), X)
    assert list(tree.children) == ["rnn_call0", "rnn_call1"]
    first = run(layer, X)[0]
    np.testing.assert_allclose(tree["rnn_call0/hidden"], first, atol=1e-6)
    np.testing.assert_allclose(tree["rnn_call1/hidden"], run(layer, first)[0], atol=1e-6)


def test_a_run_that_goes_on_has_steps_of_its_own() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        _, state = model.rnn(x)
        return model.rnn(x[:, :4], state)[0]

    layer = gru()
    tree = hmmlens.extract(Custom(way, rnn=layer), X)
    assert tree["rnn/hidden"].dims == ("sequence", "step", "unit")
    longer = run(layer, np.concatenate([X, X[:, :4]], axis=1))[0]
    np.testing.assert_allclose(tree["rnn/hidden"], longer, atol=1e-6)
    np.testing.assert_array_equal(tree["rnn/length"], [13] * 5)
    assert tree["output"].dims == ("sequence", "output_step", "output")


def test_interleaved_recurrences_of_one_cell_are_kept_apart() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        one = other = torch.full((len(x), 3), 0.5)
        for t in range(x.shape[1]):
            one = model.cell(x[:, t], one)
            other = model.cell(one, other + 0 if t else other - 1)
        return other

    cell = seeded(nn.GRUCell, 3, 3)
    tree = hmmlens.extract(Custom(way, cell=cell), X)
    assert list(tree.children) == ["cell_call0", "cell_call1"]
    single = Custom(
        lambda m, x: torch.stack(unroll(m.cell, x, torch.full((len(x), 3), 0.5)), 1), cell=cell
    )
    expected = hmmlens.extract(single, X)["cell/hidden"]
    np.testing.assert_allclose(tree["cell_call0/hidden"], expected, atol=1e-6)
    np.testing.assert_allclose(tree["output"], tree["cell_call1/hidden"][:, -1], atol=1e-6)


def unroll(cell: nn.Module, x: Tensor, state: Tensor) -> list[Tensor]:
    states = []
    for t in range(x.shape[1]):
        state = cell(x[:, t], state)
        states.append(state)
    return states


def test_states_that_the_loop_changes_still_replay() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 5)
        for t in range(x.shape[1]):
            state = model.norm(model.cell(x[:, t], state))
        return state

    model = Custom(way, cell=seeded(nn.GRUCell, 3, 5), norm=nn.LayerNorm(5))
    tree = hmmlens.extract(model, X)
    assert tree["cell/hidden"].shape == (5, 9, 5)
    assert tree.attrs["replay_error"] < 1e-6


def test_changes_in_place_do_not_reach_what_is_recorded() -> None:
    layer = gru()
    tree = hmmlens.extract(Custom(lambda m, x: m.rnn(x)[0].relu_(), rnn=layer), X)
    expected = run(layer, X)[0]
    assert (expected < 0).any()
    np.testing.assert_allclose(tree["rnn/hidden"], expected, atol=1e-6)
    np.testing.assert_allclose(tree["output"], expected.relu(), atol=1e-6)
    assert tree.attrs["replay_error"] < 1e-6


def test_one_sequence_at_a_time_without_its_dimension() -> None:
    model = Custom(lambda m, x: m.rnn(x[0])[0][None], rnn=seeded(nn.LSTM, 3, 5, 2))
    tree = hmmlens.extract(model, X, batch_size=1)
    expected = run(model.rnn, X.transpose(1, 0, 2))[0].transpose(0, 1)
    np.testing.assert_allclose(tree["rnn_l1/hidden"], expected, atol=1e-6)
    assert tree.attrs["replay_error"] < 1e-6
    with pytest.raises(DataError, match="or batch_size=1 if it takes one sequence at a time"):
        hmmlens.extract(model, X)


def test_a_layer_behind_a_pooling_has_steps_of_its_own() -> None:
    def way(model: Any, x: Tensor) -> Tensor:
        return model.rnn(nn.functional.avg_pool1d(x.transpose(1, 2), 3).transpose(1, 2))[0]

    model = Custom(way, rnn=gru())
    tree = hmmlens.extract(model, X, warm_up=1)
    assert tree["rnn/hidden"].dims == ("sequence", "step", "unit")
    np.testing.assert_allclose(tree["rnn/hidden"], run(model, X)[:, 1:], atol=1e-6)
    np.testing.assert_array_equal(tree["rnn/length"], [2] * 5)
    assert tree["input"].shape[1] == 8
    shorter = hmmlens.extract(model, X, [9, 9, 9, 8, 9])
    np.testing.assert_array_equal(shorter["rnn/length"], [3, 3, 3, 2, 3])
    np.testing.assert_allclose(shorter["rnn/hidden"][3, :2], run(model, X[3:4, :8])[0], atol=1e-6)
    # Two steps are too few for the pooling.
    with pytest.raises(DataError, match="layer rnn ran on 3 steps where the input has 9"):
        hmmlens.extract(model, X, [9, 9, 9, 2, 9])
    with pytest.raises(DataError, match="fails on sequences of 2 steps, which run without padding"):
        hmmlens.extract(model, X, [9, 8, 9, 2, 9], batch_size=3)


# --- Ragged data ----------------------------------------------------------------------------


def test_a_list_of_sequences_needs_no_padding() -> None:
    layer, lengths = gru(), [4, 9, 1]
    tree = hmmlens.extract(layer, [X[i, :n] for i, n in enumerate(lengths)])
    padded = hmmlens.extract(layer, X[:3], lengths)
    for name in ("input", "output", "length", "rnn/hidden"):
        np.testing.assert_array_equal(tree[name], padded[name])
    np.testing.assert_array_equal(tree["length"], lengths)


def test_no_batch_needs_to_reach_the_longest_sequence() -> None:
    model = seeded(Wrapped, "lstm", 2, True, True, True)
    lengths = np.array([3, 2, 9, 1, 4])
    small = hmmlens.extract(model, X, lengths, batch_size=2)
    whole = hmmlens.extract(model, X, lengths, batch_size=5)
    for node in whole.subtree:
        for name, array in node.data_vars.items():
            np.testing.assert_allclose(small[node.path][name], array, atol=1e-6)


def sorted_by_hand(model: Any, x: Tensor) -> Tensor:
    lengths = (x.abs().sum(dim=2) > 0).sum(dim=1)
    lengths, order = lengths.sort(descending=True)
    packed = model.rnn(pack_padded_sequence(x[order], lengths, batch_first=True))[0]
    return pad_packed_sequence(packed, batch_first=True)[0][order.argsort()]


def test_sequences_that_the_model_sorts_are_refused_or_given_in_order() -> None:
    model, lengths = Custom(sorted_by_hand, rnn=gru()), np.array([9, 3, 5, 1, 9])
    x = X * (np.arange(9) < lengths[:, None])[..., None]
    with pytest.raises(DataError, match="layer rnn sees the sequences in another order"):
        hmmlens.extract(model, x, lengths)
    order = np.argsort(-lengths, kind="stable")
    tree = hmmlens.extract(model, x[order], lengths[order])
    for row, length in zip(order, lengths[order], strict=True):
        alone = run(model.rnn, x[row : row + 1, :length])[0][0]
        place = int(np.flatnonzero(order == row)[0])
        np.testing.assert_allclose(tree["rnn/hidden"][place, :length], alone, atol=1e-6)


def test_padding_may_be_anything() -> None:
    lengths = np.array([4, 9, 2, 5, 1])
    x = np.where((np.arange(9) < lengths[:, None])[..., None], X, np.float32(np.nan))
    model = seeded(Wrapped, "gru", 2, False, True, False)
    tree, clean = (hmmlens.extract(model, a, lengths) for a in (x, X))
    for node in clean.subtree:
        for name, array in node.data_vars.items():
            np.testing.assert_array_equal(tree[node.path][name], array)


# --- What is chosen -------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(4, 9), min_size=5, max_size=5),
    warm_up=st.integers(0, 3),
    steps=st.one_of(
        st.none(),
        st.builds(slice, st.integers(0, 3), st.none(), st.integers(1, 3)),
        st.sets(st.integers(0, 8)).map(lambda s: sorted(s | {3})),
    ),
    batch_size=st.integers(1, 6),
)
def test_chosen_steps_are_those_of_the_whole_record(
    lengths: list[int], warm_up: int, steps: Any, batch_size: int
) -> None:
    model = seeded(Wrapped, "gru", 1, False, True, False)
    whole = hmmlens.extract(model, X, lengths)
    index = [i for i in (np.arange(9)[steps] if isinstance(steps, slice) else steps or range(9))]
    index = [i for i in index if i >= warm_up]
    counts = [sum(i < length for i in index) for length in lengths]
    options = {"steps": steps, "warm_up": warm_up, "batch_size": batch_size}
    if not all(counts):
        with pytest.raises(DataError, match=r"none of them is kept|no step is left"):
            hmmlens.extract(model, X, lengths, **options)
        return
    tree = hmmlens.extract(model, X, lengths, **options)
    np.testing.assert_array_equal(tree["time"], index)
    np.testing.assert_array_equal(tree["length"], counts)
    for name in ("input", "output", "rnn/hidden"):
        np.testing.assert_allclose(tree[name], whole[name][:, index], atol=1e-6)


def test_layers_are_chosen_by_node_or_module() -> None:
    model = seeded(Wrapped, "gru", 2, True, True, False)
    both = ["rnn_l0", "rnn_l0_reverse", "rnn_l1", "rnn_l1_reverse"]
    assert list(hmmlens.extract(model, X, np.full(5, 9), layers=["rnn"]).children) == both
    one = hmmlens.extract(model, X, layers=["rnn_l1_reverse"])
    assert list(one.children) == ["rnn_l1_reverse"]
    reason = "there is no layer 'rnn_l2' (did you mean 'rnn_l1'?); there are: " + ", ".join(both)
    with pytest.raises(DataError) as caught:
        hmmlens.extract(model, X, layers=["rnn_l2"])
    assert str(caught.value) == reason
    with pytest.raises(DataError, match=r"layers wants a list of names, such as \['rnn'\]"):
        hmmlens.extract(model, X, layers="rnn")


def test_units_are_chosen_by_number_or_for_each_layer() -> None:
    model = seeded(Wrapped, "lstm", 2, False, True, False)
    whole = hmmlens.extract(model, X, gates=True)
    some = hmmlens.extract(model, X, gates=True, units=[3, 1])
    np.testing.assert_array_equal(some["rnn_l0"]["unit"], [3, 1])
    each = hmmlens.extract(model, X, gates=True, units={"rnn_l1": [4]})
    for name, array in whole["rnn_l1"].data_vars.items():
        np.testing.assert_array_equal(some["rnn_l1"][name], array[:, :, [3, 1]])
        np.testing.assert_array_equal(each["rnn_l1"][name], array[:, :, [4]])
        np.testing.assert_array_equal(each["rnn_l0"][name], whole["rnn_l0"][name])
    for wrong, reason in (
        ([5], r"units of rnn_l0 must be from 0 to 4, found \[5\]"),
        ([1, 1], "must be different whole numbers"),
        ({"rnn": [1]}, "there is no layer 'rnn'; there are: rnn_l0, rnn_l1"),
        (0, "units must be 1 or more, found 0"),
    ):
        with pytest.raises(DataError, match=reason):
            hmmlens.extract(model, X, units=wrong)


@settings(max_examples=20, deadline=None)
@given(
    n_units=st.integers(1, 6),
    batch_size=st.integers(1, 6),
    warm_up=st.integers(0, 2),
    lengths=st.lists(st.integers(4, 9), min_size=5, max_size=5),
)
def test_the_most_variable_units_are_those_of_all_kept_steps(
    n_units: int, batch_size: int, warm_up: int, lengths: list[int]
) -> None:
    model = seeded(Wrapped, "gru", 2, False, True, False)
    whole = hmmlens.extract(model, X, lengths, warm_up=warm_up)
    tree = hmmlens.extract(model, X, lengths, warm_up=warm_up, units=n_units, batch_size=batch_size)
    for name, node in tree.children.items():
        hidden = whole[name]["hidden"].to_numpy().astype(float)
        parts = [h[: length - warm_up] for h, length in zip(hidden, lengths, strict=True)]
        best = np.sort(np.argsort(-np.concatenate(parts).var(axis=0))[:n_units])
        np.testing.assert_array_equal(node["unit"], best)
        np.testing.assert_allclose(node["hidden"], hidden[:, :, best], atol=1e-6)


def test_what_is_not_wanted_is_not_there() -> None:
    tree = hmmlens.extract(seeded(Wrapped, "lstm", 1, False, True, False), X, cell=False)
    assert set(tree["rnn"].data_vars) == {"hidden"}


@pytest.mark.parametrize(("kind", "scale"), [("gru", 1), ("relu", 1)])
def test_half_precision_reports_what_it_rounds_off(kind: str, scale: float) -> None:
    model = seeded(Wrapped, kind, 1, False, True, False)
    half, full = (hmmlens.extract(model, X, dtype=d) for d in ("float16", "float32"))
    assert half["rnn/hidden"].dtype == np.float16
    assert half["output"].dtype == np.float32
    gap = abs(half["rnn/hidden"].astype(np.float32) - full["rnn/hidden"])
    assert half.attrs["rounding_error"] == float(gap.max()) > 0
    assert "rounding_error" not in full.attrs
    np.testing.assert_array_equal(half["rnn/hidden"], full["rnn/hidden"].astype(np.float16))


def test_what_half_precision_cannot_hold_is_reported() -> None:
    model = seeded(Wrapped, "relu", 1, False, True, False)
    with torch.no_grad():
        model.rnn.weight_ih_l0 *= 1e7
    with pytest.raises(DataError, match="rnn/hidden is too large for float16; store it as float32"):
        hmmlens.extract(model, X, dtype="float16")


# --- Nothing is changed, whatever the batches -----------------------------------------------


@settings(max_examples=20, deadline=None)
@given(batch_size=st.integers(1, 8), kind=st.sampled_from(["gru", "lstm", "projected"]))
def test_batches_do_not_matter(batch_size: int, kind: str) -> None:
    model = seeded(Wrapped, kind, 2, True, True, False)
    whole = hmmlens.extract(model, X, gates=True)
    parts = hmmlens.extract(model, X, gates=True, batch_size=batch_size)
    for node in whole.subtree:
        for name, array in node.data_vars.items():
            np.testing.assert_allclose(parts[node.path][name], array, atol=1e-6)


def test_the_model_is_left_as_it_was() -> None:
    model = seeded(Wrapped, "lstm", 2, False, True, False)
    model.train()
    model.after.eval()
    modes = [m.training for m in model.modules()]
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    hmmlens.extract(model, X, gates=True)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(m._forward_hooks or "forward" in vars(m) for m in model.modules())
    assert torch.is_grad_enabled()
    model(torch.from_numpy(X), torch.full((5,), 9)).sum().backward()


def test_a_failure_leaves_the_model_as_it_was() -> None:
    model = seeded(Loop, nn.GRUCell, True)
    with pytest.raises(RuntimeError):
        hmmlens.extract(model, values(n_features=4).astype(np.float32))
    assert model.training
    assert not any(m._forward_hooks or "forward" in vars(m) for m in model.modules())


# --- What goes in and comes out -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["torch", "xarray", "float64"])
def test_inputs_of_any_kind(kind: str) -> None:
    inputs: Any = {
        "torch": torch.from_numpy(X),
        "xarray": xr.DataArray(X),
        "float64": X.astype(np.float64),
    }[kind]
    layer = gru()
    np.testing.assert_array_equal(
        hmmlens.extract(layer, inputs)["rnn/hidden"], hmmlens.extract(layer, X)["rnn/hidden"]
    )


def test_outputs_of_any_kind() -> None:
    ways = {
        "dict": lambda m, x: {"loss": None, "logits": m.rnn(x)[0]},
        "last": lambda m, x: m.rnn(x)[1][0],
        "scalar": lambda m, x: m.rnn(x)[0].mean(dim=2),
        "label": lambda m, x: m.rnn(x)[0].argmax(dim=2),
        "yes or no": lambda m, x: m.rnn(x)[0][..., 0] > 0,
        "nothing": lambda m, x: m.rnn(x) and None,
    }
    found = {name: hmmlens.extract(Custom(way, rnn=gru()), X) for name, way in ways.items()}
    assert found["dict"]["output"].dims == ("sequence", "time", "output")
    assert found["last"]["output"].dims == ("sequence", "output")
    assert found["scalar"]["output"].dims == ("sequence", "time")
    assert found["label"]["output"].dtype == np.int64
    assert set(np.unique(found["yes or no"]["output"])) == {0, 1}
    assert "output" not in found["nothing"]
    assert found["nothing"].attrs["replay"] == "unknown: the module returns no tensor to compare"
    for name in ("dict", "last", "scalar", "label"):
        assert found[name].attrs["replay_error"] < 1e-6


def test_labels_travel_along() -> None:
    tree = hmmlens.extract(gru(), X, labels={"split": [0, 0, 1, 2, 2]}, made_by={"seed": 3})
    np.testing.assert_array_equal(tree["split"], [0, 0, 1, 2, 2])
    assert tree.attrs["seed"] == 3
    for labels, reason in (
        ({"split": [1, 2]}, "'split' must be a number for each of the 5 sequences"),
        ({"who": list("abcde")}, "'who' must be a number for each of the 5 sequences"),
        ({"output": range(5)}, "'output' is the name of another array"),
        ({"rnn": range(5)}, "'rnn' is the name of a layer"),
    ):
        with pytest.raises(DataError, match=reason):
            hmmlens.extract(gru(), X, labels=labels)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"inputs": np.zeros(4)},
            r"inputs must be \(sequence, time\) or .* found the shape \(4,\)",
        ),
        ({"inputs": np.zeros((0, 3, 3))}, r"not empty, found the shape \(0, 3, 3\)"),
        ({"inputs": []}, "a list must hold at least one sequence"),
        ({"inputs": [np.zeros((0, 3))]}, "none of them empty"),
        ({"inputs": [np.zeros((2, 3)), np.zeros((1, 3))], "lengths": [1, 1]}, "leave lengths out"),
        (
            {"inputs": [np.zeros((2, 3)), np.zeros((4, 2))]},
            r"a step of sequence 1 has the shape \(2,\), one of sequence 0 \(3,\)",
        ),
        ({"inputs": np.full((5, 9), "a")}, "inputs must be real numbers, found <U1"),
        ({"lengths": [1, 2]}, r"lengths has shape \(2,\); \(5,\) is needed, one for each"),
        ({"lengths": [1.0] * 5}, "found float64"),
        ({"lengths": [1, 2, 0, 4, 5]}, r"lengths\[2\] is 0; each must lie between 1 and 9"),
        ({"lengths": [1, 2, 10, 4, 5]}, r"lengths\[2\] is 10; each must lie between 1 and 9"),
        ({"steps": [1, 9]}, "there is no step 9, the last one is 8"),
        ({"steps": [2, 1]}, "each larger than the one before it"),
        ({"warm_up": 9}, "no step is left of 9 with a warm-up of 9"),
        ({"warm_up": -1}, "warm_up must be 0 or more, found -1"),
        ({"dtype": "int8"}, "dtype wants one of float16, float32, float64, found 'int8'"),
        ({"model": object()}, "object is no torch.nn.Module and lacks some of start, step"),
        ({"model": nn.Linear(3, 3)}, "Linear holds no recurrent layer of torch"),
        ({"batch_size": 0}, "batch_size must be 1 or more, found 0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        hmmlens.extract(**({"model": gru(), "inputs": X} | options))


def test_progress_counts_batches(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[int, int]] = []
    hmmlens.extract(gru(), X, batch_size=2, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    hmmlens.extract(gru(), X, batch_size=2, progress=True)
    shown = capsys.readouterr().err
    assert shown.startswith("\rrecording [" + 10 * "#" + 20 * "." + "] 1 of 3 batches\r")
    assert shown.endswith("\rrecording [" + 30 * "#" + "] 3 of 3 batches\n")


@pytest.mark.parametrize(
    ("terminal", "batch_size", "shown"), [(True, 2, True), (True, 9, False), (False, 2, False)]
)
def test_progress_shows_by_itself_in_a_terminal_only(
    terminal: bool, batch_size: int, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(errors, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", errors)
    hmmlens.extract(gru(), X, batch_size=batch_size)
    assert ("3 of 3 batches\n" in errors.getvalue()) is shown
    assert shown or not errors.getvalue()


# --- What is no model -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.GRU, r"model is the class GRU; give an instance, GRU\(...\)"),
        (nn.GRU(3, 5).state_dict(), r"model is a dict, .*module.load_state_dict\(...\)"),
        ("weights.pt", "model is the path 'weights.pt'; build the module"),
        (None, "NoneType is no torch.nn.Module and lacks some of start, step, readout"),
        (nn.Sequential(nn.Linear(3, 5)), "Sequential holds no recurrent layer of torch"),
        (nn.GRU(3, 5, device="meta"), "'weight_ih_l0' of GRU is on the meta device, .*to_empty"),
    ],
)
def test_what_is_no_model_is_refused(model: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hmmlens.extract(model, X)
