"""What a verdict reads from the codebooks of two spaces."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.validation.baselines.codebook import DEFAULT_CODEBOOKS, Curve
from hmmlens.validation.grading.measurements import COMPONENTS, OUTPUT, Measurements
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS
from hmmlens.validation.grading.rules import DEFAULT

COUNTS = np.array(DEFAULT_CODEBOOKS.counts)
HORIZON = DEFAULT_SETTINGS.horizon


def curve(select: np.ndarray, test: np.ndarray) -> Curve:
    """Return a curve with the same R2 at every number of steps ahead."""
    wide = [np.repeat(one[:, None], HORIZON + 1, axis=1) for one in (select, test)]
    return Curve(COUNTS, *wide, select[None])


def measurements(**curves: Curve) -> Measurements:
    named = {OUTPUT: curves["output"], COMPONENTS: curves["components"]}
    return Measurements(*(None, None, None, None, {}), named, 2, {}, DEFAULT, DEFAULT_SETTINGS)  # type: ignore[arg-type]


def test_few_cells_are_those_of_the_space_that_is_best_with_few() -> None:
    """A space that needs 16 cells must not hide another one in which 2 are enough."""
    output = np.where(COUNTS >= 2, 0.956, 0.0)
    components = np.where(COUNTS >= 16, 0.999, 0.02)
    found = measurements(
        output=curve(output, output - 0.006), components=curve(components, components)
    )
    assert found.few_states_fidelity == pytest.approx(0.95)
    # The resolution is about any number of cells, and needs the 16 of the better space.
    assert found.resolution == 16


def test_few_cells_are_chosen_on_select_and_scored_on_test() -> None:
    rng = np.random.default_rng(0)
    select, test = rng.random((2, 2, len(COUNTS)))
    found = measurements(output=curve(select[0], test[0]), components=curve(select[1], test[1]))
    few = DEFAULT.most_states >= COUNTS
    space, cell = np.unravel_index(select[:, few].argmax(), select[:, few].shape)
    assert found.few_states_fidelity == test[space, cell]
