"""One tolerance of fidelity for the table of choices and for the verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hmmlens.hmm import HMMSweep, storage
from hmmlens.hmm.settings import Selection
from hmmlens.validation import network_outputs, scorecard
from hmmlens.validation.grading.evidence import judge
from hmmlens.validation.grading.recorded import EvidenceSettings, Losses, Recorded, prepare


def ring() -> Recorded:
    """Return units on a ring, on which fidelity grows slowly with the number of states."""
    rng = np.random.default_rng(0)
    turns = rng.integers(-2, 3, size=(50, 80))
    angle = rng.uniform(0, 2 * np.pi, (50, 1)) + 0.25 * turns.cumsum(axis=1)
    distribution = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    hidden = distribution @ rng.normal(size=(2, 10)) + 0.02 * rng.normal(size=(50, 80, 10))
    split = np.repeat([0, 0, 0, 1, 2], 10)
    return Recorded(hidden, distribution, turns[..., None], np.full(50, 80), split)


def test_the_default_tolerance_is_that_of_a_study() -> None:
    assert EvidenceSettings().fidelity_tolerance == Selection().fidelity_tolerance == 0.02


@pytest.mark.study
def test_a_tolerance_of_a_user_moves_the_table_and_the_verdict() -> None:
    data, sweeps = ring(), HMMSweep([1, 2, 3, 4, 5, 6], ("tied",), n_restarts=1, random_state=0)
    sweeps.fit(data.distribution[data.split == 0])
    network = network_outputs.Network(
        data.distribution, "values", data.length, data.split, np.full((50, 80), -1)
    )
    stored = storage.to_dataset(sweeps)
    scores = scorecard.score_sweep(network, data.distribution, stored, 0, 0)
    scores = scores.assign(reducer="identity")
    compact, resolution = {}, {}
    for tolerance in (0.02, 0.1):
        table = scorecard.choices(
            scores, {"identity": stored}, {"identity": False}, "bic", tolerance
        )
        chosen: pd.Series = table[table["pick"] == "explained"].iloc[0]
        compact[tolerance] = int(chosen["n_states"])
        assert f"within {tolerance:g} of the best" in chosen["sentence"]
        settings = EvidenceSettings(fidelity_tolerance=tolerance)
        row, _ = judge(data, Losses(0.1, 1.0), None, 0, settings=settings)
        resolution[tolerance] = row["resolution"]
    assert compact[0.1] < compact[0.02] and resolution[0.1] < resolution[0.02]


def test_the_old_name_of_the_seed_is_accepted_with_a_warning() -> None:
    data = ring()._replace(hidden=np.ones((50, 80, 10)))
    with (
        pytest.warns(DeprecationWarning, match="judge: the parameter 'seed' is deprecated"),
        pytest.raises(Exception, match="no unit of this layer ever changes"),
    ):
        judge(data, Losses(0.1, 1.0), None, seed=0)


def test_the_settings_set_the_warm_up() -> None:
    rng = np.random.default_rng(0)
    hidden, output = rng.normal(size=(6, 50, 3)), rng.normal(size=(6, 50, 2))
    layer = Recorded(
        hidden, output, rng.normal(size=(6, 50, 1)), np.full(6, 50), np.repeat([0, 1, 2], 2)
    )
    for steps, skipped in ((0, 0), (5, 5), (30, 10)):
        data, space = prepare(layer, 0, EvidenceSettings(warm_up=steps))
        assert data.distribution.shape[1] == space.shape[1] == 50 - skipped
