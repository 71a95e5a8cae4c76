"""The machine of the classes, fitted to sequences whose machine is known."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.futures import machine
from hmmlens.futures.machine import Path
from hmmlens.futures.settings import FutureSettings


def parity(small: float) -> Path:
    """Return a bit that symbol 1 toggles, and an unrelated second output of a given size."""
    rng = np.random.default_rng(0)
    symbols = rng.integers(0, 2, size=(40, 60))
    classes = symbols.cumsum(axis=1) % 2
    unrelated = 0.5 + small * rng.normal(size=symbols.shape)
    outputs = np.stack([2.0 * classes - 1, unrelated], axis=2)
    return Path(classes, np.eye(2)[symbols], outputs, np.arange(40) >= 25, np.arange(40))


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-4])
def test_an_output_that_hardly_varies_is_not_measured(size: float) -> None:
    found = machine.fit(parity(size), 2)
    assert found.by_output[0] == pytest.approx(1) and np.isnan(found.by_output[1])
    assert found.closed_loop[20] == pytest.approx(1)


def test_an_output_that_varies_little_but_visibly_is_measured() -> None:
    # Its variance is all noise, which no machine of the classes predicts.
    found = machine.fit(parity(0.05), 2)
    assert found.by_output[1] < 0.1
    assert np.isnan(machine.fit(parity(0.05), 2, resolution=0.1).by_output[1])


def test_the_smallest_variation_is_that_of_the_settings() -> None:
    edge = FutureSettings().resolution
    for factor, measured in ((0.8, False), (1.25, True)):
        assert np.isfinite(machine.fit(parity(factor * edge), 2).by_output[1]) == measured
