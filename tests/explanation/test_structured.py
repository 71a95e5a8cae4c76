"""Explanations of networks with several inputs, several outputs, or missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from hmmlens import check, explain, extract
from hmmlens.datasets.missing_values import described
from hmmlens.errors import DataError
from tests.explanation.planted import QUICK, latch, pulses
from tests.recording.structured.networks import Streamflow, batch


class Joined(nn.Module):
    """The two bits of a latch as one input and one output."""

    def __init__(self) -> None:
        super().__init__()
        network: Any = latch(3.0)
        self.rnn, self.out = network.layers[0], network.out

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(self.rnn(x)[0])
        return found


class Apart(Joined):
    """The same with an input for each bit, and its states among its outputs."""

    def forward(self, right: Tensor, left: Tensor) -> Any:  # type: ignore[override]
        hidden, last = self.rnn(torch.cat([left, right], dim=-1))
        return {"h_n": last.transpose(0, 1), "y_hat": self.out(hidden)}


class Masked(nn.Module):
    """Reads missing values with a mask, and the last known value in their place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.out = nn.GRU(4, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        known = ~x.isnan()
        last, held = torch.zeros_like(x[:, 0]), []
        for t in range(x.shape[1]):
            last = torch.where(known[:, t], x[:, t], last)
            held.append(last)
        read = torch.cat([torch.stack(held, dim=1), known.to(x.dtype)], dim=-1)
        found: Tensor = self.out(self.rnn(read)[0])
        return found


def gaps() -> np.ndarray:
    """Return values of which a tenth of the first feature is missing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 24, 2)).astype(np.float32)
    x[..., 0][rng.random((20, 24)) < 0.1] = np.nan
    return x


@pytest.mark.study
def test_the_explanation_is_that_of_one_input_and_one_output() -> None:
    inputs, truth = (array[:20, :40] for array in pulses())
    options = {"truth": truth, **QUICK}
    named = {"left": inputs[..., :1], "right": inputs[..., 1:]}
    found = explain(Apart(), named, output="y_hat", **options)
    wanted = explain(Joined(), inputs, **options)
    pd.testing.assert_frame_equal(found.scores, wanted.scores)
    assert found.verdict["grade"] == wanted.verdict["grade"]
    assert found.futures is not None and wanted.futures is not None
    numbers = pd.DataFrame([found.futures.numbers, wanted.futures.numbers])
    np.testing.assert_allclose(numbers.iloc[0], numbers.iloc[1], rtol=1e-5, atol=1e-6)
    assert found.sequences.attrs["feature_names"] == ["left", "right"]
    assert found.about["output"] == "y_hat"
    assert "left" in str(found.summary())


def test_symbols_values_and_static_features_are_explained_together() -> None:
    names = [*"abcd", "e", "f", "g", "basin id"]
    found = explain(
        Streamflow(), batch(n=20), output="y_hat", effort="quick", names={"input": names}
    )
    assert found.sequences.attrs["feature_names"] == names
    assert found.sequences["input"].shape == (20, 14, 8)
    summary = str(found.summary())
    assert "Verdict" in summary
    assert "'_orig_mod'" not in summary and "FeedingModule" not in summary


def test_a_check_refuses_what_cannot_be_called() -> None:
    passed = check(Streamflow(), batch(n=20), output="y_hat")
    assert passed.passed, str(passed)
    found = check(Streamflow(), batch(n=20))
    assert not found.passed
    assert "several tensors by name: h_n, y_hat, c_n" in str(found)
    found = check(Apart(), {"x": np.zeros((20, 9, 2))}, output="y_hat")
    assert "Apart.forward(right: 'Tensor', left: 'Tensor')" in str(found)
    assert "give feed" in str(found)
    found = check(Streamflow(), batch(n=20), output="y_hat", untrained=nn.GRU(2, 3))
    assert "the untrained control" in str(found) and not found.passed


def test_an_untrained_control_of_the_user_takes_the_same_inputs() -> None:
    found = check(Streamflow(), batch(n=20), output="y_hat", untrained=Streamflow())
    assert found.passed, str(found)


# --- Missing values ---------------------------------------------------------------------------


def test_a_network_receives_missing_values_and_their_descriptions_are_numbers() -> None:
    x, network = gaps(), Masked().eval()
    acts = extract(network, x, verify="all")
    with torch.no_grad():
        np.testing.assert_allclose(acts["output"], network(torch.from_numpy(x)), atol=1e-6)
    np.testing.assert_array_equal(acts["input"], x)
    names = {"input": ["rain", "temperature"]}
    found = explain(network, x, untrained=None, names=names, **QUICK)
    about, missing = found.sequences, np.isnan(x[..., 0])
    assert about.attrs["feature_names"] == ["rain", "temperature", "rain is missing"]
    np.testing.assert_array_equal(about["input"][..., 2], missing)
    train = about["split"].to_numpy() == 0
    mean = np.nanmean(x[train][..., 0], dtype=np.float64)
    np.testing.assert_allclose(about["input"].to_numpy()[..., 0][missing], mean, rtol=1e-6)
    np.testing.assert_array_equal(about["input"].to_numpy()[..., 0][~missing], x[..., 0][~missing])
    share = f"{100 * missing.mean():.0f}"
    assert f"The inputs lack values of rain ({share} % of steps)" in str(found.summary())
    assert len(found.raw) > 1
    assert found.futures is not None


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_network_that_does_not_take_missing_values_is_refused(kind: Any) -> None:
    x = gaps()
    row, step = (int(i) for i in np.argwhere(np.isnan(x[..., 0]))[0])
    place = rf"NaN at sequence {row}, step {step}, "
    network = kind(2, 3, batch_first=True)
    for verify in ("all", "none"):
        with pytest.raises(DataError, match=place + "feature 0"):
            extract(network, x, verify=verify)
    with pytest.raises(DataError, match=place + "column 'values.0'"):
        extract(network, {"values": x}, feed=lambda data: data["values"])
    found = check(network, x, names={"input": ["rain", "temperature"]})
    assert "column 'rain'" in str(found) and not found.passed


def test_missing_values_past_the_end_are_padding() -> None:
    x, lengths = np.nan_to_num(gaps()), np.full(20, 20)
    x[:, 20:] = np.nan
    found = extract(nn.GRU(2, 3, batch_first=True), x, lengths)
    assert np.isfinite(found["output"][:, :20]).all()
    inside = np.arange(24) < lengths[:, None]
    assert described(x, inside, np.ones(20, bool), ["a", "b"]) is None


def test_a_column_that_is_missing_in_training_is_described_by_the_other_splits() -> None:
    values = np.array([[[np.nan, np.nan]], [[3.0, np.nan]]])
    found = described(values, np.ones((2, 1), bool), np.array([True, False]), ["a", "b"])
    assert found is not None
    assert found.values.tolist() == [[[3.0, 0.0, 1.0, 1.0]], [[3.0, 0.0, 0.0, 1.0]]]
    assert found.names == ["a", "b", "a is missing", "b is missing"]
    assert "a (50 % of steps) and b (100 % of steps)" in found.note
