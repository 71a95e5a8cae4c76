"""Endpoints of networks and clouds whose attractors are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.dynamics.covering import covering_number
from hmmlens.dynamics.endpoints import (
    EndpointSettings,
    count_endpoints,
    find_endpoints,
    sample_starts,
    settle,
)
from hmmlens.dynamics.neutral_input import neutral_input
from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import RecurrentNetwork


def cloud(centres: np.ndarray, n: int = 240, spread: float = 1e-3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return centres[np.arange(n) % len(centres)] + spread * rng.normal(size=(n, centres.shape[1]))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_tight_clusters_are_counted_at_both_radii(n: int, d: int, seed: int) -> None:
    # Corners of a grid, at least 2 apart; discs of .2 and .05 of an rms of at most a few.
    grid = np.stack(np.meshgrid(*[np.arange(8.0) * 2] * d), axis=-1).reshape(-1, d)
    centres = np.random.default_rng(seed).permutation(grid)[:n]
    points = cloud(centres, spread=1e-4)
    assert covering_number(points, 0.5) == covering_number(points, 0.01) == n


def test_few_stragglers_need_no_disc() -> None:
    points = np.zeros((100, 1))
    points[:5, 0] = 10 + np.arange(5)
    assert covering_number(points, 0.1) == 1
    points[5, 0] = 20
    assert covering_number(points, 0.1) == 2
    assert covering_number(points, 0.1, covered=1.0) == 7


def test_covering_number_of_line_and_ring_grows_with_their_length() -> None:
    # A disc holds its centre and as many points on either side as its radius reaches. Greedy
    # choices may leave gaps of less than a disc, so they need at most twice the fewest.
    line = np.linspace(0, 1, 401)[:, None]
    for radius in (0.101, 0.021):
        fewest = math.ceil(0.95 * 401 / (2 * math.floor(radius * 400) + 1))
        assert fewest <= covering_number(line, radius) <= 2 * fewest
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for radius in (0.2, 0.05):
        reach = math.floor(2 * math.asin(radius / 2) / angle[1])
        fewest = math.ceil(0.95 * 400 / (2 * reach + 1))
        assert fewest <= covering_number(ring, radius) <= 2 * fewest


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.floats(0.01, 2), st.integers(0, 2**32 - 1))
def test_covering_number_is_bounded_by_separated_points(n: int, radius: float, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    # Points further apart than two radii never share a disc.
    apart: list[np.ndarray] = []
    for point in points:
        if all(np.linalg.norm(point - other) > 2 * radius for other in apart):
            apart.append(point)
    assert len(apart) <= covering_number(points, radius, covered=1.0) <= n


def test_points_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="an endpoint is not finite"):
        covering_number(np.array([[0.0], [np.nan]]), 0.1)


def test_scale_is_that_of_the_driven_output() -> None:
    # Two values -s and s by turns have a root mean square of s around their mean, whatever it is.
    visited = np.array([[-3.0], [3]] * 50) + 7
    apart = np.array([[0.0], [0.55]] * 50)
    found = count_endpoints(still(apart), visited)
    # 0.2 * 3 = .6 takes both at once, .05 * 3 = .15 does not.
    assert (found.n_coarse, found.n_fine, found.ratio) == (1, 2, 2.0)
    wider = count_endpoints(still(2 * apart), 2 * (visited - 7))
    assert (wider.n_coarse, wider.n_fine) == (1, 2)
    np.testing.assert_array_equal(found.outputs, apart)


def test_ratio_separates_points_from_a_continuum() -> None:
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    points = count_endpoints(still(cloud(corners)), cloud(corners))
    assert (points.n_coarse, points.n_fine, points.ratio) == (4, 4, 1.0)
    angle = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # Finer by four: a curve needs about four times as many discs.
    assert 3 < count_endpoints(still(ring), ring).ratio < 5


def still(points: np.ndarray) -> np.ndarray:
    """Return endpoints that no longer move."""
    return np.stack([points, points])


def test_drift_is_what_most_stay_within() -> None:
    visited = np.array([[-2.0], [2]] * 50)
    later = visited.copy()
    later[:4] += 100.0
    assert count_endpoints(np.stack([visited, later]), visited).drift == 0
    # Less than a twentieth is forgiven; else it is the distance in units of the root mean square.
    later[4:] -= 0.3
    assert count_endpoints(np.stack([visited, later]), visited).drift == pytest.approx(0.15)
    with pytest.raises(DataError, match="driven network is constant"):
        count_endpoints(still(visited), np.ones((10, 1)))


def test_leak_drifts_by_its_closed_form() -> None:
    # h <- .95 h at every step: what is left after 20 steps loses another 1 - .95 ** 20.
    start = np.linspace(-1, 1, 101)[:, None]
    settled = np.stack([0.95**20 * start, 0.95**40 * start])
    scale = float(np.sqrt((start**2).mean()))
    wanted = np.quantile(abs(start) * 0.95**20 * (1 - 0.95**20), 0.95) / scale
    assert count_endpoints(settled, start).drift == pytest.approx(wanted)
    assert wanted > 0.3


def test_cycle_of_points_comes_round_and_a_slow_turn_does_not() -> None:
    def turning(period: float, phases: np.ndarray) -> np.ndarray:
        n = EndpointSettings.n_steps
        steps = np.r_[n, np.arange(2 * n, 3 * n + 1)]
        angle = 2 * np.pi * (phases[None] + steps[:, None] / period)
        return np.stack([np.cos(angle), np.sin(angle)], axis=2)

    for period in (2, 3, 7, 20):
        phases = np.arange(300) % period / period
        found = count_endpoints(turning(period, phases), turning(period, phases)[0])
        assert found.drift < 1e-9 and found.ratio == 1
        assert period > 7 or found.n_coarse == period
    slow = turning(200, np.linspace(0, 1, 300))
    assert count_endpoints(slow, slow[0]).drift > 0.3


def test_neutral_input_follows_from_the_task() -> None:
    values = {"input_kind": "values", "target_kind": "values", "feature_names": ["x"]}
    symbols = {"input_kind": "symbols", "target_kind": "symbols"}
    for attributes, wanted in (
        (symbols | {"target_delay": 1}, "symbol"),
        # Symbols that state whether a word is in a language are not the next input.
        (symbols | {"target_delay": 0}, None),
        # Nor are symbols of another kind, one step ahead.
        (symbols | {"target_delay": 1, "feature_names": ["a"], "target_names": ["b"]}, None),
        (values | {"target_delay": 1, "target_names": ["x"]}, "prediction"),
        (values | {"target_delay": 0, "target_names": ["bit"]}, "zero"),
        # A prediction five steps ahead cannot be the next input.
        (values | {"target_delay": 5, "target_names": ["x"]}, "zero"),
    ):
        assert neutral_input(attributes) == wanted


def test_starts_lie_inside_and_after_the_warm_up() -> None:
    lengths = np.array([50, 5, 30])
    sequences, times = sample_starts(lengths, 20, np.random.default_rng(0))
    assert len(sequences) == len(times) == EndpointSettings.n_starts
    assert (times < lengths[sequences]).all()
    assert (times >= np.where(sequences == 1, 4, 20)).all()
    assert set(sequences) == {0, 1, 2}


def latch(weight: float, gain: float = 1.0) -> RecurrentNetwork:
    """Return h <- tanh(weight h + 5 x), y = gain h."""
    net = RecurrentNetwork("vanilla", 1, 1, 1, symbols_in=False, symbols_out=False)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.layers[0].weight_hh_l0.fill_(weight)
        net.layers[0].weight_ih_l0.fill_(5.0)
        net.out.weight.fill_(gain)
    return net


def pulses(n: int, n_steps: int = 12, seed: int = 0) -> torch.Tensor:
    """Return inputs of rare pulses of either sign, one at the first step."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1.0, 0, 1], p=[0.1, 0.8, 0.1], size=(n, n_steps, 1))
    x[:, 0, 0] = rng.choice([-1, 1], size=n)
    return torch.from_numpy(x.astype(np.float32))


def test_latch_settles_on_its_two_attractors() -> None:
    net, inputs = latch(3.0, gain=2.0), pulses(100)
    times = np.random.default_rng(1).integers(0, 12, size=100)
    both = settle(net, inputs, times, "zero").numpy()
    settled = both[0]
    # The stable solutions of h = tanh(3 h), by iteration.
    fixed = 1.0
    for _ in range(100):
        fixed = math.tanh(3 * fixed)
    np.testing.assert_allclose(abs(settled), 2 * fixed, atol=1e-5)
    # Each keeps the sign of its last pulse until then; later pulses are not used.
    last = [
        row[: t + 1][row[: t + 1] != 0][-1] for row, t in zip(inputs[..., 0], times, strict=True)
    ]
    np.testing.assert_array_equal(np.sign(settled[:, 0]), np.array(last))
    with torch.no_grad():
        visited = net(inputs).numpy().reshape(-1, 1)
    found = count_endpoints(both.astype(float), visited)
    assert (found.n_coarse, found.n_fine) == (2, 2) and found.drift < 1e-5


def test_endpoints_ignore_padding_and_need_a_neutral_input() -> None:
    net, inputs = latch(3.0), pulses(40, n_steps=60).numpy()
    lengths = np.where(np.arange(40) % 2, 60, 35)
    with torch.no_grad():
        output = net(torch.from_numpy(inputs)).double().numpy()
    attributes = {"input_kind": "values", "target_kind": "values", "target_delay": 0}
    attributes |= {"feature_names": ["pulse"], "target_names": ["bit"]}
    found = []
    for fill in (0.0, np.nan):
        padded, outputs = inputs.copy(), output.copy()
        past = np.arange(60) >= lengths[:, None]
        padded[past], outputs[past] = fill, fill
        rng = np.random.default_rng(0)
        found.append(find_endpoints(net, padded, outputs, lengths, attributes, rng))
    one, two = found
    assert one is not None and two is not None
    assert (one.n_coarse, one.n_fine) == (2, 2) and one.drift < 1e-5
    np.testing.assert_array_equal(one.outputs, two.outputs)
    assert one[1:] == two[1:]
    unnamed = attributes | {"input_kind": "symbols"}
    assert find_endpoints(net, inputs, output, lengths, unnamed, np.random.default_rng(0)) is None


def test_network_that_forgets_settles_on_one_point() -> None:
    net, inputs = latch(0.5), pulses(60)
    settled = settle(net, inputs, np.full(60, 11), "zero").numpy()
    # Contracted by one half at each of 20 steps.
    assert abs(settled[0]).max() < 0.5**EndpointSettings.n_steps
    found = count_endpoints(settled.astype(float), inputs.numpy().reshape(-1, 1))
    assert (found.n_coarse, found.n_fine) == (1, 1)


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_settling_equals_one_sequence_at_a_time(cell: str) -> None:
    torch.manual_seed(0)
    net = RecurrentNetwork(cell, 2, 2, 4, 2, symbols_in=False, symbols_out=False)
    inputs = torch.randn(5, 9, 2)
    times = np.array([0, 8, 3, 5, 3])
    found = settle(net, inputs, times, "zero")
    assert EndpointSettings.n_steps == 20 and found.shape == (22, 5, 2)
    for i, t in enumerate(times):
        for place, n_steps in ((0, 20), (1, 40), (4, 43), (21, 60)):
            rest = torch.zeros(1, n_steps, 2)
            with torch.no_grad():
                alone = net(torch.cat([inputs[i : i + 1, : t + 1], rest], dim=1))[0, -1]
            np.testing.assert_allclose(found[place, i], alone, atol=1e-6)


def test_symbols_become_the_next_input() -> None:
    torch.manual_seed(1)
    net = RecurrentNetwork("gru", 3, 3, 4, symbols_in=True, symbols_out=True)
    inputs = torch.randint(0, 3, (4, 6))
    found = settle(net, inputs, np.array([5, 2, 0, 4]), "symbol")[0]
    for i, t in enumerate([5, 2, 0, 4]):
        path = inputs[i, : t + 1].tolist()
        with torch.no_grad():
            for _ in range(EndpointSettings.n_steps):
                path.append(int(net(torch.tensor([path]))[0, -1].argmax()))
            alone = net(torch.tensor([path]))[0, -1]
        np.testing.assert_allclose(found[i], alone, atol=1e-5)


def test_predictions_become_the_next_input() -> None:
    torch.manual_seed(2)
    net = RecurrentNetwork("lstm", 2, 2, 4, symbols_in=False, symbols_out=False)
    inputs = torch.randn(2, 5, 2)
    found = settle(net, inputs, np.array([4, 1]), "prediction")[0]
    for i, t in enumerate([4, 1]):
        read = inputs[i : i + 1, : t + 1]
        with torch.no_grad():
            for _ in range(EndpointSettings.n_steps):
                read = torch.cat([read, net(read)[:, -1:]], dim=1)
            alone = net(read)[0, -1]
        np.testing.assert_allclose(found[i], alone, atol=1e-5)
