"""Outputs for every step of networks that return one for each sequence are those on prefixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hmmlens import extract
from hmmlens.errors import DataError
from hmmlens.recording.runner.part_outputs import BY, Way
from tests.recording import many_to_one as networks
from tests.recording.many_to_one import Last, inputs, on_prefixes

LENGTHS = np.array([9, 4, 7, 1, 7, 8])

MODELS: dict[str, tuple[Any, Way]] = {
    "last step": (lambda: Last(), Way.STEPS),
    "last step of two layers": (lambda: Last("LSTM", 2), Way.STEPS),
    "last step, time first": (lambda: Last(time_first=True), Way.STEPS),
    "last states of an LSTM": (networks.Final, Way.STEPS),
    "packed": (networks.Packed, Way.STEPS),
    "last states, packed": (networks.PackedFinal, Way.STEPS),
    "mask": (networks.Masked, Way.STEPS),
    "loop of a cell": (networks.Looped, Way.STEPS),
    "loop of an LSTM cell": (lambda: networks.Looped("LSTMCell"), Way.STEPS),
    "encoder and decoder": (networks.Decoder, Way.STEPS),
    "two layers": (networks.Two, Way.STEPS),
    "mean over time": (networks.Mean, Way.STATES),
    "mean over time of an LSTM": (lambda: networks.Mean("LSTM", 2), Way.STATES),
    "attention": (networks.Attention, Way.STATES),
    "both directions": (networks.Both, Way.RUNS),
    "mean of the inputs": (networks.Normalised, Way.RUNS),
}


def made(kind: str) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = MODELS[kind][0]()
    return model.eval()


def options(model: nn.Module) -> dict[str, Any]:
    chosen = {"output": "score"} if isinstance(model, networks.Two) else {}
    return chosen | ({"batch_first": False} if getattr(model, "time_first", False) else {})


@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize("kind", MODELS)
def test_outputs_are_those_of_runs_on_every_prefix(kind: str, ragged: bool) -> None:
    model, x = made(kind), inputs()
    lengths = LENGTHS if ragged else None
    tree = extract(model, x, lengths, batch_size=4, step_outputs="prefix", **options(model))
    wanted = on_prefixes(model, x, lengths)
    assert tree["output"].dims == ("sequence", "time", "output")
    np.testing.assert_allclose(tree["output"], wanted, atol=2e-6)
    assert tree.attrs["step_outputs_by"] == BY[MODELS[kind][1]]
    assert tree.attrs["step_outputs_error"] < 2e-6
    assert tree.attrs["both_directions"] == (kind == "both directions")
    assert tree.attrs["reads_later"] == (kind == "mean of the inputs")


def test_states_are_those_without_outputs_for_every_step() -> None:
    model = made("last states of an LSTM")
    one, other = extract(model, inputs()), extract(model, inputs(), step_outputs="prefix")
    for node in one.children:
        for name in ("hidden", "cell"):
            np.testing.assert_array_equal(one[node][name], other[node][name])
    assert "step_outputs" not in one.attrs
    np.testing.assert_allclose(one["output"], other["output"][:, -1], atol=1e-6)


@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
def test_outputs_on_suffixes_are_those_of_runs(ragged: bool) -> None:
    model, x = made("both directions"), inputs()
    lengths = LENGTHS if ragged else np.full(6, 9)
    tree = extract(model, x, lengths, step_outputs="suffix")
    for i, length in enumerate(lengths):
        for t in range(length):
            with torch.no_grad():
                alone = model(torch.from_numpy(x[i : i + 1, t:length]))[0]
            np.testing.assert_allclose(tree["output"][i, t], alone, atol=2e-6)
    assert "suffix that begins there" in tree.attrs["step_outputs"]


def test_as_many_outputs_as_steps_are_outputs_of_the_sequence() -> None:
    model = Last()
    model.out = nn.Linear(5, 9)
    tree = extract(model, inputs(), step_outputs="prefix")
    np.testing.assert_allclose(tree["output"], on_prefixes(model, inputs()), atol=2e-6)


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_outputs_at_every_step_have_one_dimension(shape: tuple[int, ...]) -> None:
    class Every(Last):
        def forward(self, x: Tensor) -> Tensor:
            steps: Tensor = self.rnn(x)[0]
            return steps[..., : int(np.prod(shape))].reshape(*x.shape[:2], *shape)

    model = Every("RNN")
    model.rnn = nn.RNN(3, 6, batch_first=True)
    tree = extract(model, inputs(), step_outputs="prefix")
    assert tree["output"].shape == (6, 9, int(np.prod(shape)))
    assert "step_outputs" not in tree.attrs
    hidden = tree["rnn"]["hidden"][..., : int(np.prod(shape))]
    np.testing.assert_array_equal(tree["output"].values, hidden.values)


class Late(Last):
    """Reads the last step, but the mean where a sequence holds a value above 3."""

    def forward(self, x: Tensor) -> Tensor:
        steps = self.rnn(x)[0]
        high = (x.amax(dim=(1, 2)) > 3)[:, None]
        read: Tensor = self.out(torch.where(high, steps.mean(dim=1), steps[:, -1]))
        return read


def test_a_later_batch_changes_the_way_for_all(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model, x = Late(), np.clip(inputs(12), -2, 2)
    x[9, 3, 0] = 5
    tree = extract(model, x, batch_size=3, step_outputs="prefix", store=tmp_path / "s.zarr")
    np.testing.assert_allclose(tree["output"], on_prefixes(model, x), atol=2e-6)
    assert tree.attrs["step_outputs_by"] == BY[Way.STATES]


def test_noise_is_reported_as_not_known() -> None:
    class Noisy(Last):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + 0.1 * torch.randn(1)

    tree = extract(Noisy(), inputs(), step_outputs="prefix")
    assert np.isnan(tree.attrs["step_outputs_error"])


def test_a_network_that_fails_on_prefixes_is_refused() -> None:
    class Fixed(Last):
        def forward(self, x: Tensor) -> Tensor:
            read: Tensor = self.out(self.rnn(x.reshape(-1, 9, 3))[0][:, -1])
            return read

    with pytest.raises(DataError, match=r"one output for each sequence, .* fails on parts of 4 st"):
        extract(Fixed(), inputs(), step_outputs="prefix")


def test_a_network_that_fails_when_tried_on_parts_is_not_taken_for_one_of_whole_sequences() -> None:
    class EveryStep(Last):
        def forward(self, x: Tensor) -> Tensor:
            read: Tensor = self.rnn(x.reshape(-1, 9, 3))[0].mean(dim=2)
            return read

    with pytest.raises(DataError, match="to find out whether it returns an output for each step"):
        extract(EveryStep(), inputs(), step_outputs="prefix")


def test_another_word_is_refused() -> None:
    with pytest.raises(DataError, match="step_outputs wants 'prefix', 'suffix' or None, found 'a'"):
        extract(Last(), inputs(), step_outputs="a")  # type: ignore[arg-type]
