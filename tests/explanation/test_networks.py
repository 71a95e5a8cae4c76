"""The networks of an explanation: the untrained control, losses, and what does not fit."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from hmmlens import extract
from hmmlens.errors import DataError
from hmmlens.explanation import networks
from hmmlens.explanation.losses import losses_of
from hmmlens.recording import in_memory
from hmmlens.recording.inputs import Source
from tests.explanation.planted import Last, latch, pulses
from tests.futures.machines import PARITY

SPLIT = np.array([0, 0, 1, 2])
INPUTS = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0], [1, 1, 0]])


def sequences(targets: Any = None, kind: str = "values") -> xr.Dataset:
    """Return four sequences of three steps: two of train, one of select and one of test."""
    made = in_memory.sequences(Source(INPUTS), None, SPLIT, {}, 0, targets=targets)
    return made.assign_attrs(target_kind=kind, target_names=["one", "two"])


def recording(output: Any) -> xr.DataTree:
    """Return what was recorded of a network with one layer and these outputs."""
    steps = ("sequence", "time")
    root = xr.Dataset(
        {
            "output": ((*steps, "output"), np.asarray(output, dtype=np.float32)),
            "length": ("sequence", np.full(4, 3)),
            "split": ("sequence", SPLIT),
        },
        {"sequence": np.arange(4)},
    )
    layer = xr.Dataset({"hidden": ((*steps, "unit"), np.zeros((4, 3, 2)))})
    return xr.DataTree.from_dict({"/": root, "/layer0": layer})


# --- Losses ---------------------------------------------------------------------------------


def test_without_targets_no_loss_is_known() -> None:
    losses = losses_of(recording(np.zeros((4, 3, 2))), sequences())
    assert np.isnan(losses.network) and np.isnan(losses.marginal)


def test_losses_of_values_are_those_of_the_known_steps_of_test() -> None:
    targets = np.zeros((4, 3, 2))
    # Train has the mean (2, 0); select, which is in neither loss, has large values.
    targets[:2, :, 0], targets[2] = 2, 100
    targets[3] = [[1, 0], [np.nan, 0], [3, 4]]
    output = np.zeros((4, 3, 2))
    output[3] = [[1, 1], [50, 50], [3, 2]]
    losses = losses_of(recording(output), sequences(targets))
    # Of two known steps with two values each: 1 and 4 in all by the network, 1, 1 and 16 by (2, 0).
    assert losses.network == pytest.approx((1 + 4) / 4)
    assert losses.marginal == pytest.approx((1 + 1 + 16) / 4)


def test_losses_of_symbols_are_cross_entropies_in_nats() -> None:
    targets = np.array([[0, 0, 1], [0, -1, 0], [1, 1, 1], [0, 1, -1]])
    output = np.zeros((4, 3, 2))
    # Odds of 3 to 1 for symbol 0, then of 1 to 1.
    output[3, 0] = [np.log(3.0), 0.0]
    losses = losses_of(recording(output), sequences(targets, "symbols"))
    assert losses.network == pytest.approx(-(np.log(3 / 4) + np.log(1 / 2)) / 2)
    # Train shows symbol 0 four times and symbol 1 once, each counted once more.
    assert losses.marginal == pytest.approx(-(np.log(5 / 7) + np.log(2 / 7)) / 2)


def test_the_smallest_possible_loss_goes_with_the_losses() -> None:
    targets = np.random.default_rng(0).normal(size=(4, 3, 2))
    given = recording(targets), sequences(targets)
    without = losses_of(*given)
    assert np.isnan(without.floor)
    assert losses_of(*given, 0) == without._replace(floor=0.0)
    for floor in (-0.1, without.marginal, np.nan):
        with pytest.raises(DataError, match=rf"^floor is {floor}; a loss from 0 to below "):
            losses_of(*given, floor)
    with pytest.raises(DataError, match=r"^floor is 0.1, and there are no targets"):
        losses_of(recording(targets), sequences(), 0.1)


@pytest.mark.parametrize(
    ("targets", "kind", "message"),
    [
        (
            np.zeros((4, 3, 3)),
            "values",
            "have 3 values for each step; the network returns 2 values",
        ),
        (
            np.zeros((4, 3), dtype=int),
            "values",
            "returns 2 values for each step; if these are logits",
        ),
        (np.zeros((4, 3, 2)), "symbols", "outputs are logits, whose targets are symbols"),
        (np.full((4, 3), 2), "symbols", "targets hold the symbol 2; the network has 2 outputs"),
    ],
)
def test_targets_that_do_not_fit_the_outputs_are_refused(
    targets: Any, kind: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        losses_of(recording(np.zeros((4, 3, 2))), sequences(targets, kind))


# --- Layers and outputs ---------------------------------------------------------------------


def test_a_control_that_differs_from_the_trained_network_is_refused() -> None:
    rising = np.arange(24.0).reshape(4, 3, 2)
    trained, data = recording(rising), sequences()
    networks.check_output(trained, "layer0", trained, data)
    with pytest.raises(DataError, match=r"\(4, 3, 1\), the trained network one of \(4, 3, 2\)"):
        networks.check_output(recording(rising[..., :1]), "layer0", trained, data)
    with pytest.raises(DataError, match="it has no layer 'rnn_reverse'; it has: layer0"):
        networks.check_output(trained, "layer0+rnn_reverse", trained, data)
    with pytest.raises(DataError, match="output never changes"):
        networks.check_output(recording(np.ones((4, 3, 2))), "layer0", trained, data)


def test_the_name_of_a_module_means_its_one_layer_and_of_several_none() -> None:
    inputs = np.zeros((4, 3, 2), np.float32)
    one = extract(Last(2, every_step=True), inputs)
    assert networks.layer_and_outputs(one, "rnn", sequences(), {})[0] == "rnn"
    assert networks.layer_and_outputs(one, "encoder", sequences(), {})[0] == "rnn"
    both = torch.nn.GRU(2, 3, batch_first=True, num_layers=2)
    two = extract(torch.nn.Sequential(both, torch.nn.Identity()), inputs)
    names = list(two.children)
    assert len(names) == 2
    # A GRU alone returns states and no tensor of outputs.
    outputs = recording(np.zeros((4, 3, 2)))["output"]
    two = two.assign({"output": outputs.variable})
    name, data = networks.layer_and_outputs(two, "+".join(names), sequences(), {"output": "ab"})
    assert name == "+".join(names) and data.attrs["target_names"] == ["a", "b"]
    with pytest.raises(DataError, match=rf"layer 'encoder' is several: {names[0]}, {names[1]};"):
        networks.layer_and_outputs(two, "encoder", sequences(), {})


# --- The untrained control ------------------------------------------------------------------


def test_the_untrained_control_has_other_weights_of_the_same_seed_each_time() -> None:
    model = latch(3.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    made = [networks.untrained_control(model, "redraw", seed) for seed in (0, 0, 1)]
    weights = [control.layers[0].weight_hh_l0.detach().numpy() for control in made]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert abs(weights[0] - weights[2]).max() > 0.01
    assert abs(weights[0] - before["layers.0.weight_hh_l0"].numpy()).max() > 0.01
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_control_is_what_a_caller_gives(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = latch(0.5)
    assert networks.untrained_control(latch(3.0), other, 0) is other
    assert networks.untrained_control(latch(3.0), None, 0) is None
    with pytest.raises(DataError, match="untrained is 'fresh'; a network, 'redraw' or None"):
        networks.untrained_control(latch(3.0), "fresh", 0)
    # What is no torch module has no weights that could be sampled anew.
    assert networks.untrained_control(PARITY, "redraw", 0) is None
    assert "MachineNetwork is no torch module" in caplog.text


def test_a_model_without_a_copy_names_the_option() -> None:
    class Alone(Last):
        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("only one of me")

    with pytest.raises(DataError, match=r"\(RuntimeError: only one of me\).*or untrained=None"):
        networks.untrained_control(Alone(2, every_step=True), "redraw", 0)


def test_an_error_of_the_control_names_it() -> None:
    with (
        pytest.raises(DataError, match=r"^the untrained control: no.*untrained=None"),
        networks.naming_the_control("untrained"),
    ):
        raise DataError("no")
    with pytest.raises(DataError, match=r"^no$"), networks.naming_the_control("trained"):
        raise DataError("no")


# --- Recording ------------------------------------------------------------------------------


def test_what_was_recorded_is_taken_up_only_of_the_same_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    inputs, _ = pulses()
    data = in_memory.sequences(Source(inputs), None, None, {}, 0)
    chosen, path = np.arange(4), tmp_path / "trained.zarr"

    def recorded(gain: float) -> tuple[xr.DataTree, bool]:
        caplog.clear()
        tree = networks.record_network(latch(gain), data, chosen, None, None, path, {})
        return tree, "taking what a run before this one has recorded" in caplog.text

    first, again = recorded(3.0)[0].load(), recorded(3.0)
    assert again[1]
    xr.testing.assert_equal(first["layer0"]["hidden"], again[0]["layer0"]["hidden"])
    other = recorded(0.5)
    assert not other[1]
    # From the equation of the network: a state that a gain of 0.5 does not keep.
    state = np.zeros((4, 2))
    for t in range(60):
        state = np.tanh(0.5 * state + 6 * inputs[:4, t])
        np.testing.assert_allclose(other[0]["layer0"]["hidden"][:, t], state, atol=1e-6)
