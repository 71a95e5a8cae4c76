"""Whatever is chosen is the same when the test sequences are other ones."""

from __future__ import annotations

import numpy as np
import torch

from hmmlens.rnn import recurrent_network
from hmmlens.stages.endpoints import find_endpoints
from hmmlens.validation.grading.measurements import COMPONENTS, measure
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS, Losses, Recorded
from hmmlens.validation.grading.rules import DEFAULT

SPLIT = np.repeat([0, 0, 0, 1, 2], 10)


def test_endpoints_are_those_of_other_than_test_sequences() -> None:
    torch.manual_seed(0)
    network = recurrent_network.initialise(
        0, cell="gru", n_inputs=1, n_outputs=2, n_units=6, symbols_in=False, symbols_out=False
    )
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(50, 30, 1)).astype(np.float32)
    with torch.no_grad():
        outputs = network(torch.from_numpy(inputs)).double().numpy()
    length = np.full(50, 30)
    task = {"input_kind": "values", "target_kind": "values", "target_delay": 0}
    found = []
    for fill in (0.0, 7.0):
        given, returned, ends = inputs.copy(), outputs.copy(), length.copy()
        given[SPLIT == 2] += fill
        returned[SPLIT == 2] += fill
        ends[SPLIT == 2] -= int(fill)
        one = find_endpoints(network, given, returned, ends, SPLIT, task, 0)
        assert one is not None
        found.append(one)
    np.testing.assert_array_equal(found[0].outputs, found[1].outputs)
    assert found[0][1:] == found[1][1:]


def counter(seed: int) -> Recorded:
    rng = np.random.default_rng(seed)
    pulses = rng.normal(size=(50, 60, 2)) * (rng.random((50, 60, 1)) < 0.2)
    output = np.eye(3)[(pulses[..., 0] > 0).cumsum(axis=1) % 3]
    output = output + 0.05 * rng.normal(size=output.shape)
    mix = np.random.default_rng(0).normal(size=(3, 8))
    hidden = output @ mix + 0.1 * rng.normal(size=(50, 60, 8))
    return Recorded(hidden, output, pulses, np.full(50, 60), SPLIT)


def test_numbers_of_states_and_spaces_are_chosen_without_test_sequences() -> None:
    one, other = counter(0), counter(5)
    two = one._replace(
        **{name: getattr(one, name).copy() for name in ("hidden", "distribution", "inputs")}
    )
    for name in ("hidden", "distribution", "inputs"):
        getattr(two, name)[SPLIT == 2] = 3 * getattr(other, name)[SPLIT == 2] + 1
    found = [
        measure(recorded, Losses(0.1, 1.0), None, 0, DEFAULT, DEFAULT_SETTINGS)
        for recorded in (one, two)
    ]
    for name in ("n_states", "resolution", "best_space"):
        assert getattr(found[0], name) == getattr(found[1], name), name
    kept = SPLIT != 2
    np.testing.assert_array_equal(found[0].data.classes[kept], found[1].data.classes[kept])
    np.testing.assert_array_equal(
        found[0].spaces[COMPONENTS][kept], found[1].spaces[COMPONENTS][kept]
    )
    for space, curve in found[0].curves.items():
        np.testing.assert_array_equal(curve.select, found[1].curves[space].select)
        assert not np.allclose(curve.test, found[1].curves[space].test)
        assert found[0].elbow(space) == found[1].elbow(space)
        fit, again = found[0].fits[space], found[1].fits[space]
        np.testing.assert_array_equal(fit.model.transmat, again.model.transmat)
        np.testing.assert_array_equal(fit.means, again.means)
        np.testing.assert_array_equal(fit.select, again.select)
