"""Closed loops of planted states and of networks, and their distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import energy_distance as scipy_energy

from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import RecurrentNetwork, initialise
from hmmlens.validation.closed_loop import energy_distance, generate_symbols, read_once


def network(**kinds: bool) -> RecurrentNetwork:
    return initialise(0, cell="gru", n_inputs=3, n_outputs=3, n_units=8, n_layers=1, **kinds)


def test_states_read_once_follow_products_of_tables() -> None:
    rng = np.random.default_rng(3)
    first, tables = rng.dirichlet(np.ones(3), 2), rng.dirichlet(np.ones(3), (2, 3))
    classes = rng.integers(2, size=(2, 6))
    distributions = read_once(first, tables, classes)
    for n in range(2):
        distribution = first[n]
        for t in range(6):
            distribution = distribution @ tables[classes[n, t]] if t else distribution
            np.testing.assert_allclose(distributions[n, t], distribution, atol=1e-12)


def test_network_emits_symbols_of_its_own_distribution() -> None:
    net = network(symbols_in=True, symbols_out=True)
    prompts = torch.tensor([[0, 2]] * 3000)
    emitted = generate_symbols(net, prompts, 2, np.random.default_rng(0))
    with torch.no_grad():
        first = net(prompts[:1])[0, -1].softmax(0).numpy()
        prompts_and_first = torch.tensor([[0, 2, k] for k in range(3)])
        second = net(prompts_and_first)[:, -1].softmax(1).numpy()
    np.testing.assert_allclose(np.bincount(emitted[:, 0], minlength=3) / 3000, first, atol=0.03)
    for k in range(3):
        rest = emitted[emitted[:, 0] == k, 1]
        np.testing.assert_allclose(np.bincount(rest, minlength=3) / len(rest), second[k], atol=0.05)


def test_network_of_values_cannot_run_on_its_own_output() -> None:
    with pytest.raises(DataError, match="only a network that takes symbols"):
        generate_symbols(
            network(symbols_in=False, symbols_out=True),
            torch.zeros(1, 1, 3),
            2,
            np.random.default_rng(0),
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_energy_distance_on_a_line_is_that_of_scipy(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=50), shift + rng.normal(size=70)
    found = energy_distance(one[:, None], two[:, None], rng)
    assert found == pytest.approx(scipy_energy(one, two) ** 2, abs=1e-9)


def test_energy_distance_distinguishes_clouds_even_thinned() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(5000, 2))
    same = energy_distance(cloud, rng.normal(size=(5000, 2)), rng)
    wide = energy_distance(cloud, 2 * rng.normal(size=(5000, 2)), rng)
    assert 0 <= same < 0.01 < 0.1 < wide
