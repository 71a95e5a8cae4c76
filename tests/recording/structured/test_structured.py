"""Recordings of networks with structured inputs and outputs are those of the networks alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hmmlens import extract, list_layers
from hmmlens.errors import DataError
from hmmlens.recording.store.resume import fingerprint
from hmmlens.recording.structured.network import structured
from hmmlens.rnn.loading import duplicate, reinitialise
from tests.recording.structured.networks import (
    N_UNITS,
    FromStatic,
    OfAnyKeywords,
    OfKeywords,
    OfSample,
    Pair,
    Sample,
    Streamflow,
    T,
    batch,
    start_from_static,
    tensors,
)

COLUMNS = ["season", "event", "x_d.0", "x_d.1", "x_s.0", "x_s.1", "x_s.2", "basin"]


def y_hat(network: nn.Module, given: Any, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """Return what the plain network returns for a batch."""
    with torch.no_grad():
        return Streamflow.forward(network, tensors(given, dtype))["y_hat"].float().numpy()


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        (Streamflow, "y_hat"),
        (OfSample, "y_hat"),
        (OfSample, 1),
        (OfKeywords, 1),
        (OfKeywords, "1"),
        (OfAnyKeywords, "y_hat"),
    ],
)
def test_the_output_and_the_states_are_those_of_the_network(kind: Any, output: Any) -> None:
    network, given = kind(), batch()
    found = extract(network, given, output=output, verify="all")
    np.testing.assert_allclose(found["output"], y_hat(network, given), atol=1e-6)
    assert found["lstm"]["hidden"].shape == (len(given["basin"]), T, N_UNITS)
    assert found.attrs["columns"] == COLUMNS
    assert found.attrs["replay"] == "1 of 1 batches replayed whole"
    np.testing.assert_array_equal(found["input"][:, :, 1], given["event"])
    np.testing.assert_array_equal(found["input"][:, 5, 7], given["basin"])


def test_lists_of_sequences_are_those_of_each_alone() -> None:
    network, given = Streamflow(bidirectional=True), batch()
    lengths = np.array([14, 3, 9, 14, 7, 5, 8, 14, 6, 2, 11, 9])
    listed = {
        name: [a[:k] for a, k in zip(array, lengths, strict=True)] if array.ndim > 1 and (
            array.shape[1] == T
        ) else array
        for name, array in given.items()
    }  # fmt: skip
    found = extract(network, listed, output="y_hat", verify="all")
    np.testing.assert_array_equal(found["length"], lengths)
    padded = extract(network, given, lengths, output="y_hat", verify="all")
    np.testing.assert_array_equal(found["output"], padded["output"])
    for row, length in enumerate(lengths):
        alone = {
            name: array[row : row + 1, :length] if array.ndim > 1 and array.shape[1] == T else (
                array[row : row + 1]
            )
            for name, array in given.items()
        }  # fmt: skip
        np.testing.assert_allclose(
            found["output"][row, :length], y_hat(network, alone)[0], atol=1e-6
        )


def test_time_may_be_first() -> None:
    network, given = Streamflow(batch_first=False), batch()
    found = extract(network, given, output="y_hat", batch_first=False, verify="all")
    turned = {
        name: np.swapaxes(array, 0, 1) if array.ndim > 1 and array.shape[1] == T else array
        for name, array in given.items()
    }
    np.testing.assert_allclose(found["output"], y_hat(network, turned).swapaxes(0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float64, 1e-6), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)]
)
def test_networks_of_any_precision_read_symbols_exactly(dtype: torch.dtype, limit: float) -> None:
    class Many(nn.Module):
        """Reads more symbols than half precision counts."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embed, self.rnn = nn.Embedding(5000, 4), nn.GRU(5, 3, batch_first=True)

        def forward(self, word: Tensor, x: Tensor) -> Tensor:
            assert x.dtype == dtype
            found: Tensor = self.rnn(torch.cat([self.embed(word), x], dim=-1))[0]
            return found

    rng = np.random.default_rng(0)
    given = {"word": rng.integers(4000, 5000, (6, 10)), "x": rng.normal(size=(6, 10, 1))}
    network = Many().to(dtype).eval()
    with torch.no_grad():
        wanted = network(**tensors(given, dtype)).double().numpy()
    found = extract(network, given, verify="all", dtype="float64")
    np.testing.assert_allclose(found["output"], wanted, atol=limit)
    if dtype == torch.float64:
        np.testing.assert_array_equal(found["output"], wanted)
        np.testing.assert_array_equal(found["input"][..., 1:], given["x"])


def test_feed_gives_an_initial_state_for_each_sequence() -> None:
    network, given = FromStatic(), {k: v for k, v in batch().items() if k in ("x_d", "x_s")}
    found = extract(network, given, feed=start_from_static, verify="all", step_outputs="prefix")
    with torch.no_grad():
        args, _ = start_from_static(tensors(given))
        wanted = network(*args)
    np.testing.assert_allclose(found["output"], wanted, atol=1e-6)
    assert found.attrs["replay_error"] < 1e-5
    np.testing.assert_allclose(
        found["output"],
        extract(network, given, np.full(12, T), feed=start_from_static, batch_size=5)["output"],
        atol=1e-6,
    )


def test_feed_may_split_the_only_array() -> None:
    network, given = FromStatic(), batch()
    joined = np.concatenate(
        [given["x_d"], np.repeat(given["x_s"][:, None], T, axis=1)], axis=-1
    )  # fmt: skip

    def feed(x: Tensor) -> Any:
        return (x[..., :2], (x[:, 0, 2:], 2 * x[:, 0, 2:])), {}

    parts = {name: given[name] for name in ("x_d", "x_s")}
    np.testing.assert_array_equal(
        extract(network, joined, feed=feed)["output"],
        extract(network, parts, feed=start_from_static)["output"],
    )


def test_feed_may_be_a_class_or_return_the_only_argument() -> None:
    class OfPair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn = nn.GRU(5, 3, batch_first=True)

        def forward(self, pair) -> Tensor:  # type: ignore[no-untyped-def]
            assert isinstance(pair, Pair)
            x = torch.cat([pair.x_d, pair.x_s[:, None].expand(-1, pair.x_d.shape[1], -1)], dim=-1)
            found: Tensor = self.rnn(x)[0]
            return found

    network, given = OfPair().eval(), {k: batch()[k] for k in ("x_d", "x_s")}
    of_class = extract(network, given, feed=Pair)
    of_function = extract(network, given, feed=lambda data: Pair(**data))
    np.testing.assert_array_equal(of_class["output"], of_function["output"])
    with torch.no_grad():
        wanted = network(Pair(**tensors(given)))
    np.testing.assert_allclose(of_class["output"], wanted, atol=1e-6)


def test_feed_is_given_lengths_where_it_takes_them() -> None:
    seen = []

    def feed(data: dict[str, Tensor], lengths: Tensor) -> Any:
        seen.append(lengths.tolist())
        return (data["x"],), {}

    x = np.random.default_rng(0).normal(size=(4, 6, 2))
    extract(nn.GRU(2, 3, batch_first=True), {"x": x}, [6, 4, 2, 6], feed=feed)
    assert seen[0] == [6, 4, 2, 6]


def test_outputs_of_each_sequence_are_made_for_prefixes_with_static_features() -> None:
    class Last(OfKeywords):
        def forward(self, **data: Tensor) -> Tensor:  # type: ignore[override]
            found: Tensor = super().forward(**data)[1][:, -1]
            return found

    network, given = Last(), batch()
    found = extract(network, given, step_outputs="prefix", verify="all")
    np.testing.assert_allclose(found["output"], y_hat(network, given), atol=1e-6)


def test_one_input_of_symbols_stays_symbols() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn = nn.Embedding(5, 4), nn.GRU(4, 3, batch_first=True)

        def forward(self, tokens: Tensor) -> Tensor:
            found: Tensor = self.rnn(self.embed(tokens))[0]
            return found

    tokens, network = np.random.default_rng(0).integers(0, 5, (6, 8)), Words().eval()
    found = extract(network, {"tokens": tokens})
    assert found["input"].dims == ("sequence", "time")
    np.testing.assert_array_equal(found["output"], extract(network, tokens)["output"])


def test_layers_keep_their_names_and_are_listed() -> None:
    table = list_layers(Streamflow(), batch(), output="y_hat")
    assert table["layer"].tolist() == ["lstm"]
    assert table[["n_units", "n_steps", "replay", "prefix_readout"]].to_numpy().tolist() == [
        [N_UNITS, T, "yes", "yes"]
    ]
    given = {k: batch()[k] for k in ("x_d", "x_s")}
    found = extract(FromStatic().gru, given, feed=lambda d: ((d["x_d"], d["x_s"][None]), {}))
    assert list(found.children) == ["rnn"]


def test_variables_of_loops_and_own_cells_are_found_within() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.Linear(5, 3)

        def forward(self, x: Tensor, level: Tensor) -> Tensor:
            h = level
            states = []
            for t in range(x.shape[1]):
                h = torch.tanh(self.cell(torch.cat([x[:, t], h], dim=-1)))
                states.append(h)
            return torch.stack(states, dim=1)

    given = {"x": batch()["x_d"], "level": batch()["x_s"]}
    network = Loop().eval()
    assert list_layers(network, given)["layer"].tolist() == ["forward:h"]
    found = extract(network, given, layers=["forward:h"])
    np.testing.assert_array_equal(found["h"]["hidden"], found["output"])


def test_a_copy_with_new_weights_takes_the_same_array() -> None:
    given = structured(Streamflow(), batch(), output="y_hat")
    copy = reinitialise(duplicate(given.model), 3)
    x = torch.from_numpy(given.inputs[:4])
    with torch.no_grad():
        assert not torch.equal(copy(x), given.model(x))
        inner = Streamflow.forward(copy._orig_mod, tensors(batch()))["y_hat"]
        np.testing.assert_allclose(copy(x), inner[:4], atol=1e-6)


def test_networks_with_another_feed_or_output_are_others() -> None:
    def feed(data: dict[str, Tensor]) -> Any:
        (x, (a, b)), _ = start_from_static(data)
        return (x, (a, -b)), {}

    given = {k: batch()[k] for k in ("x_d", "x_s")}
    models = [
        structured(FromStatic(), given, feed=f, output=o).model
        for f, o in ((start_from_static, None), (start_from_static, 0), (feed, None), (feed, None))
    ]
    prints = [fingerprint(model, [], {}) for model in models]
    assert None not in prints
    assert len(set(prints)) == 3


# --- What is refused ------------------------------------------------------------------------


def test_several_named_outputs_are_refused_with_their_names() -> None:
    with pytest.raises(DataError, match=r"several tensors by name: h_n, y_hat, c_n; name its outp"):
        extract(Streamflow(), batch())


@pytest.mark.parametrize(
    ("network", "output", "message"),
    [
        (Streamflow, "y_hut", r"no output 'y_hut' \(did you mean 'y_hat'\?\); it returns h_n, y_h"),
        (OfSample, "z", "no output 'z'; it returns hidden, y_hat"),
        (OfKeywords, 2, "no output 2; it returns a tuple of 2, counted from 0"),
        (OfKeywords, "y_hat", "no output 'y_hat'; it returns a tuple of 2"),
    ],
)
def test_an_output_that_is_not_there_is_refused(network: Any, output: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract(network(), batch(), output=output)


def test_names_that_fit_no_argument_are_refused_with_the_signature() -> None:
    given = batch() | {"snow": batch()["x_s"]}
    with pytest.raises(DataError) as raised:
        extract(OfKeywords(), given, output=1)
    text = str(raised.value)
    assert "season, event, x_d, x_s, basin, snow" in text
    assert "OfKeywords.forward(season: 'Tensor'" in text
    assert "give feed" in text
    with pytest.raises(DataError, match=r"Sample has the fields x_d, x_s, basin, .* give feed"):
        extract(OfSample(), given, output="y_hat")
    with pytest.raises(DataError, match="give feed"):
        extract(FromStatic(), {"x": given["x_d"], "other": given["x_s"]})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": np.zeros((4, 5, 2)), "lengths": np.full(4, 5)}, "give them as the argument lengths"),
        ({3: np.zeros((4, 5, 2))}, "inputs has the key 3"),
        ({"x": [np.zeros((3, 2)), np.zeros((4, 2))], "y": [np.zeros(3, int), np.zeros(2, int)]},
         "different numbers of steps"),
        ({"x": [np.zeros((3, 2)), np.zeros((4, 2))], "y": [np.zeros((4, 1)), np.zeros((3, 1))]},
         r"sequence 0 has 3 steps in inputs\['x'\] and 4 in inputs\['y'\]"),
        ({"x": np.array([["a", "b"], ["c", "d"]])}, "real numbers"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extract(nn.GRU(2, 3, batch_first=True), inputs, feed=lambda data: data["x"])


def test_feed_that_returns_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="feed returns nothing"):
        extract(nn.GRU(2, 3, batch_first=True), np.zeros((4, 5, 2)), feed=lambda x: None)
    with pytest.raises(DataError, match="feed is 3"):
        extract(nn.GRU(2, 3, batch_first=True), np.zeros((4, 5, 2)), feed=3)


def test_a_dataclass_of_the_batch_may_have_other_fields_with_defaults() -> None:
    network = OfSample()
    found = extract(network, batch(), feed=Sample, output="y_hat")
    np.testing.assert_allclose(found["output"], y_hat(network, batch()), atol=1e-6)
