"""Levels against sums done by hand, and rules on histories that were drawn by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm
from hmmlens.emulation.analysis.plateau.detection import (
    PlateauSettings,
    frequencies,
    levels,
    onset,
    plateau,
)
from hmmlens.emulation.objectives import OBJECTIVES
from hmmlens.errors import DataError


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("chain2", [0.495, 0.01, 0.495]),
        ("chain5", [0.495, 0.01, 0.495]),
        ("fully3", [1 / 3, 1 / 3, 1 / 3]),
        ("cyclic4", [0.25, 0.5, 0.25]),
    ],
)
def test_frequencies_of_the_targets(name: str, wanted: list[float]) -> None:
    np.testing.assert_allclose(frequencies(preset_hmm(name), 30), wanted, atol=1e-12)


def test_frequencies_while_the_state_distribution_converges() -> None:
    # From state 0 into state 1 for ever: symbol 0 at the first of four steps only.
    hmm = check_hmm([1, 0], [[0, 1], [0, 1]], [[1, 0], [0, 1]])
    np.testing.assert_allclose(frequencies(hmm, 4), [0.25, 0.75])


def test_level_is_that_of_independent_symbols() -> None:
    """An objective that can be done by hand: how the batches' shares of repeated symbols differ."""

    def repeats(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        emitted, target = ((x[:, 1:] * x[:, :-1]).sum(dim=2).mean() for x in (one, two))
        return target - emitted

    hmm = preset_hmm("chain2")
    level, floor = levels(
        hmm, 400, 30, repeats, np.random.default_rng(0), PlateauSettings(n_repeats=40)
    )
    again = hmm.startprob[:, None] * hmm.transmat
    wanted = np.trace(hmm.emissionprob.T @ again @ hmm.emissionprob)
    wanted -= 2 * 0.495**2 + 0.01**2
    # A batch's share has a standard deviation of about .005, so this is four standard errors.
    assert level.value == pytest.approx(wanted, abs=0.0033)
    assert floor.value == pytest.approx(0, abs=0.0033)
    assert level.low < level.value < level.high < level.low + 0.006


def test_level_lies_above_the_floor_for_every_objective() -> None:
    # With fewer repeats the intervals of means are wide (Student).
    hmm, settings = preset_hmm("fully3"), PlateauSettings(n_repeats=12)
    for name, objective in OBJECTIVES.items():
        level, floor = levels(hmm, 128, 30, objective, np.random.default_rng(0), settings)
        assert level.low > floor.high, name
        if name != "sinkhorn":
            # Unbiased objectives are 0 where the distributions are equal; the paper's is not.
            assert abs(floor.value) < 0.3 * level.value
        else:
            assert floor.value > 0.1 * level.value


def history(*stretches: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return updates from 1 and losses: stretches of a length and a value, with some noise."""
    loss = np.concatenate([np.full(n, value) for n, value in stretches])
    loss = loss + 0.05 * np.random.default_rng(0).normal(size=len(loss))
    return np.arange(1, len(loss) + 1), loss


def test_plateau_and_escape() -> None:
    updates, loss = history((10, 25.0), (100, 17.0), (10, 12.0), (80, 5.0))
    found = plateau(updates, loss, level=17.0, floor=5.0)
    assert found.start == 11
    # Half the way is 11; the median over nine rows passes it when five of them are below.
    assert found.escape == 121
    assert found.length == 110 and found.loss == pytest.approx(17, abs=0.1)
    assert found.final == pytest.approx(5, abs=0.1)


def test_a_short_dip_is_no_escape_and_a_spike_does_not_undo_one() -> None:
    updates, loss = history((60, 17.0), (15, 5.0), (60, 17.0), (80, 5.0))
    loss[150:153] = 30.0
    assert plateau(updates, loss, 17.0, 5.0).escape == 136


def test_no_escape_and_no_plateau() -> None:
    updates, loss = history((200, 17.0))
    stuck = plateau(updates, loss, 17.0, 5.0)
    assert stuck.start == 1 and np.isnan(stuck.escape) and np.isnan(stuck.length)
    # A loss that falls past the level at once was never on it.
    updates, loss = history((5, 25.0), (100, 5.0))
    quick = plateau(updates, loss, 17.0, 5.0)
    assert np.isnan(quick.start) and quick.length == 0 and quick.escape <= 8
    with pytest.raises(DataError, match="not above the floor"):
        plateau(updates, loss, 5.0, 5.0)


def checkpoints(critical: list[float]) -> pd.DataFrame:
    values = np.array(critical)
    return pd.DataFrame(
        {
            "update": 10 * np.arange(len(values)),
            "critical": values,
            "critical_low": np.maximum(values - 0.03, 0),
        }
    )


def test_onset_is_the_first_rise_that_stays() -> None:
    # One checkpoint of .5 does not stay; .04 is not above .02 with its interval.
    table = checkpoints([0.0, 0.0, 0.5, 0.0, 0.04, 0.04, 0.04, 0.06, 0.2, 0.1, 0.0])
    found = onset(table, "critical", escape=40)
    assert found.update == 70 and found.before == 0.0 and found.above == 0.02
    # Where the share was high before, it has to rise from there.
    high = onset(checkpoints([0.1, 0.1, 0.1, 0.13, 0.2, 0.2, 0.2]), "critical", escape=30)
    assert high.update == 40 and high.above == pytest.approx(0.12)


def test_no_onset() -> None:
    table = checkpoints([0.0, 0.0, 0.2, np.nan, 0.2, 0.2, np.nan])
    assert np.isnan(onset(table, "critical", escape=20).update)
    assert np.isnan(onset(table, "critical", escape=np.nan).update)
    assert np.isnan(onset(table.iloc[:2], "critical", escape=20).update)
    # An unknown loss or an escape before the second checkpoint leaves the first to compare with.
    assert onset(table, "critical", escape=None).before == 0.0
    early = onset(checkpoints([0.0, 0.2, 0.2, 0.2]), "critical", escape=3)
    assert early.update == 10 and early.before == 0
