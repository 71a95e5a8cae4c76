"""Jacobians compared with finite differences and with each other; counts of eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmmlens.dynamics.jacobians import (
    by_differentiation,
    critical_pairs,
    eigenvalues,
    jacobians,
    spectra,
    unstable,
)
from hmmlens.dynamics.rollouts import drive
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven

CASES = [
    ("relu", False, 1.0),
    ("relu", True, 0.3),
    ("tanh", False, 1.0),
    ("tanh", True, 0.4),
    ("gru", True, 1.0),
    ("lstm", True, 1.0),
]


def setting(cell: str, bias: bool, leak: float) -> tuple[NoiseDriven, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    net = NoiseDriven(cell, 4, 6, 3, bias=bias, leak=leak).double()
    run = drive(net, 5, 4, torch.Generator().manual_seed(0))
    return net, run.states[:, 0].clone(), run.noise[:, 1].clone()


def modulation() -> Modulation:
    generator = torch.Generator().manual_seed(9)
    drive_, noise, output = torch.rand(3, 6, generator=generator, dtype=torch.float64) * 2
    return Modulation(drive_, noise, output)


def differences(
    net: NoiseDriven, entries: torch.Tensor, noise: torch.Tensor, changed: Modulation | None
) -> torch.Tensor:
    """Return Jacobians by central differences."""
    size, h = entries.shape[1], 1e-6
    found = torch.zeros(len(entries), size, size, dtype=torch.float64)
    with torch.no_grad():
        for j in range(size):
            move = torch.zeros(size, dtype=torch.float64)
            move[j] = h
            ends = [
                flatten(net.step(unflatten(entries + s * move, net), noise, changed))
                for s in (1, -1)
            ]
            found[:, :, j] = (ends[0] - ends[1]) / (2 * h)
    return found


@pytest.mark.parametrize(("cell", "bias", "leak"), CASES)
@pytest.mark.parametrize("changed", [False, True])
def test_jacobians_by_finite_differences(cell: str, bias: bool, leak: float, changed: bool) -> None:
    net, entries, noise = setting(cell, bias, leak)
    factors = modulation() if changed else None
    wanted = differences(net, entries, noise, factors)
    torch.testing.assert_close(
        jacobians(net, entries, noise, factors), wanted, atol=1e-7, rtol=1e-6
    )
    torch.testing.assert_close(
        by_differentiation(net, entries, noise, factors), wanted, atol=1e-7, rtol=1e-6
    )


def test_a_factor_on_a_units_drive_scales_its_row() -> None:
    net, entries, noise = setting("relu", False, 1.0)
    factor = torch.ones(6, dtype=torch.float64)
    factor[2] = 0.0
    plain = jacobians(net, entries, noise)
    found = jacobians(net, entries, noise, Modulation(drive=factor))
    assert (found[:, 2] == 0).all()
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(found[:, others], plain[:, others])


def test_differentiation_in_parts_is_the_same() -> None:
    net, entries, noise = setting("gru", True, 1.0)
    whole = by_differentiation(net, entries, noise)
    parts = by_differentiation(net, entries, noise, most_numbers=4 * 36 * 2)
    torch.testing.assert_close(parts, whole)


def ordered(values: np.ndarray) -> np.ndarray:
    return np.sort_complex(np.round(values, 8))


@pytest.mark.parametrize(("bias", "leak"), [(False, 1.0), (True, 0.3)])
def test_units_that_are_off_give_known_eigenvalues(bias: bool, leak: float) -> None:
    net, entries, noise = setting("relu", bias, leak)
    quick = spectra(net, entries, noise)
    full = eigenvalues(jacobians(net, entries, noise))
    for one, two in zip(quick, full, strict=True):
        np.testing.assert_allclose(ordered(one), ordered(two), atol=1e-7)


def test_counts_of_eigenvalues() -> None:
    # A pair that rotates by 10 degrees without decay, the same at a modulus of .5, a slow real one.
    turn = np.exp(1j * np.deg2rad(10))
    values = np.array([[turn, turn.conjugate(), 0.5 * turn, 0.5 * turn.conjugate(), 0.99, 0.0]])
    assert critical_pairs(values).tolist() == [1]
    # Its image is i tan(5 degrees) = .087 i, above .05; a rotation by 5 degrees has .044 i, below.
    slow = np.exp(1j * np.deg2rad(5))
    assert critical_pairs(np.array([slow, slow.conjugate()])) == 0
    assert critical_pairs(np.array([slow, slow.conjugate()]), imaginary=0.04) == 1
    # -1 has its image at infinity: not critical.
    assert critical_pairs(np.array([-1.0 + 0j])) == 0
    assert unstable(np.array([[1.01, -1.2, 0.3], [0.1, 1.0, -1.0]])).tolist() == [2, 0]
