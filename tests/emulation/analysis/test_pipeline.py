"""The whole reverse engineering of a network that noise switches between two states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import brentq

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.analysis import pipeline
from hmmlens.emulation.analysis.along_training import EvolutionSettings
from hmmlens.emulation.analysis.context import Context, thinned
from hmmlens.emulation.analysis.settings import PictureSettings, ReverseSettings
from hmmlens.emulation.analysis.stochastic_resonance import ResonanceSettings
from hmmlens.errors import DataError
from hmmlens.rnn.noise_driven import NoiseDriven

#: Units that hold the state, and all with two that pass it on.
GAIN, N_HOLD, N = 1.5, 4, 6


def bistable(gain: float = GAIN) -> NoiseDriven:
    """Return h <- tanh(gain mean(h) + .9 x), whose sign is passed on twice and then read.

    When noise has switched the state, the label follows two steps later for sure.
    """
    net = NoiseDriven("tanh", N_HOLD, N, 3)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
        net.recurrent.weight[:N_HOLD, :N_HOLD] = gain / N_HOLD
        net.recurrent.weight[N_HOLD, :N_HOLD] = 5 / N_HOLD
        net.recurrent.weight[N_HOLD + 1, N_HOLD] = 5
        net.noise.weight[:N_HOLD] = 0.9 * torch.eye(N_HOLD)
        net.out.weight[0, -1], net.out.weight[2, -1] = 4.0, -4.0
    return net


#: Fewer runs than in a study.
FEW = ReverseSettings(
    n_runs=40,
    n_each=10,
    n_pair_runs=20,
    pair_every=100,
    resonance=ResonanceSettings(n_steps=300),
    evolution=EvolutionSettings(every={"tanh": 60}),
)


def weights() -> list[tuple[int, dict[str, Any]]]:
    """Return a training in which units come to excite one another: one state, then two."""
    return [(10 * i, bistable(0.25 * i).state_dict()) for i in range(9)]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return pipeline.reverse_engineer(
        bistable(), weights(), preset_hmm("chain2"), 0, escape=25.0, settings=FEW
    )


@pytest.fixture(scope="module")
def pictures() -> dict[str, pd.DataFrame]:
    return pipeline.pictures(bistable(), weights(), preset_hmm("chain2"), 0, turn=40, settings=FEW)


def test_every_table_is_there(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables) == {
        "fixed_points", "decay", "orbits", "sizes", "regions", "switches", "sensitivity", "readout",
        "pairs", "homogeneity", "noise_sweep", "resonance", "evolution", "second_order", "onset",
        "notes",
    }  # fmt: skip
    assert tables["notes"].empty and all(len(t) for n, t in tables.items() if n != "notes")


def test_two_states_and_the_saddle_between_them(tables: dict[str, pd.DataFrame]) -> None:
    points = tables["fixed_points"]
    high = brentq(lambda h: np.tanh(GAIN * h) - h, 0.3, 1)
    ordered = points.sort_values("length")
    assert points["kind"].tolist() == ["fixed"] * 3
    assert ordered["n_unstable"].tolist() == [1, 0, 0]
    assert ordered["radius"].tolist() == pytest.approx([GAIN, *2 * [GAIN * (1 - high**2)]])
    # Without noise states go to one of the two, never to the saddle.
    saddle = points.index[points["n_unstable"] == 1]
    assert (tables["decay"]["distance"] < 1e-6).all()
    assert not tables["decay"]["nearest"].isin(saddle).any()


def test_readout_reads_the_axis_between_the_states(tables: dict[str, pd.DataFrame]) -> None:
    readout = tables["readout"].set_index("symbol")
    assert list(readout.index) == [0, 2, -1]
    assert (readout["projection"] > readout["chance"] * 0.6).all()
    orbits = tables["orbits"].set_index("measure")
    # Units that follow others rotate with them in one direction.
    assert orbits["value"]["pc1"] > 0.5 and orbits["low"]["rotation"] > 0


def test_regions_are_those_of_two_states(tables: dict[str, pd.DataFrame]) -> None:
    regions = tables["regions"].set_index(["region", "measure"])["value"]
    shares = regions.xs("share", level="measure")
    assert shares.sum() == pytest.approx(1)
    assert regions[("transition", "residency")] < 2 < 8 < regions[("cluster", "residency")]
    # The saddle's unstable direction is felt near it, and in neither state.
    assert regions[("transition", "n_unstable")] > regions[("cluster", "n_unstable")]


def test_noise_sweep_and_homogeneity_of_tanh(tables: dict[str, pd.DataFrame]) -> None:
    assert not tables["homogeneity"]["by_design"].any()
    rate = tables["noise_sweep"].query("measure == 'switching_rate'").set_index("noise_sd")["value"]
    assert rate[0.1] == 0 and (np.diff(rate.to_numpy()) >= 0).all() and rate[4.0] > 0.1


def test_states_appear_in_training(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["evolution"].set_index("update")
    assert table.index.tolist() == list(range(0, 81, 10)) and table["finite"].all()
    assert table["unstable"][0] == 0 < table["unstable"][80]
    assert table["switching_rate"][0] > 0.4 > table["switching_rate"][80]
    onset = tables["onset"].set_index("measure")
    # A gain above 1 is needed for an unstable direction: from update 50 at the earliest.
    assert onset["update"]["unstable"] >= 50 and onset["before"]["unstable"] == 0
    assert np.isnan(onset["update"]["critical"])
    second = tables["second_order"]
    assert len(second) == 9 * N and np.isfinite(second["term"]).all()


def test_seed_and_stage_decide() -> None:
    def drawn(seed: int, stage: str) -> tuple[float, float]:
        context = Context(bistable(), preset_hmm("chain2"), seed, FEW)
        uniform = torch.rand(1, generator=context.generator(stage))
        return float(uniform), context.rng(stage).random()

    assert drawn(0, "a") == drawn(0, "a")
    first, second, third = drawn(0, "a"), drawn(1, "a"), drawn(0, "b")
    assert len({first[0], second[0], third[0]}) == len({first[1], second[1], third[1]}) == 3


def test_same_seed_gives_the_same_tables(tables: dict[str, pd.DataFrame]) -> None:
    context = Context(bistable(), preset_hmm("chain2"), 0, FEW)
    for again in (
        pipeline.sensitivity_tables(context),
        pipeline.orbit_tables(context),
        pipeline.fixed_point_tables(context),
    ):
        for name, table in again.items():
            pd.testing.assert_frame_equal(table, tables[name], obj=name)


def test_pictures_show_the_same_states(
    pictures: dict[str, pd.DataFrame], tables: dict[str, pd.DataFrame]
) -> None:
    assert set(pictures) == {
        "states", "driven", "silent", "contours", "rollouts", "longest", "stack", "notes",
    }  # fmt: skip
    shares = tables["regions"].query("measure == 'share'").set_index("region")["value"]
    seen = pictures["states"]["region"].value_counts(normalize=True)
    for region, share in shares.items():
        assert seen.get(region, 0.0) == pytest.approx(share)
    # The first axis separates labels.
    assert pictures["states"].groupby("label")["pc1"].mean().abs().min() > 0.3


def test_silent_trajectories_come_to_rest(pictures: dict[str, pd.DataFrame]) -> None:
    silent = pictures["silent"]
    assert silent["start"].nunique() == 100 and silent["time"].max() == 60
    ends = silent[silent["time"] == 60]
    assert ends.groupby("label")["pc1"].std().max() < 0.05
    assert silent[silent["time"] == 0].groupby("label")["pc1"].std().min() > 0.1


def test_contours_hold_their_share_and_grow(pictures: dict[str, pd.DataFrame]) -> None:
    contours = pictures["contours"]
    areas = []
    for _, part in contours.groupby("noise_sd"):
        inside = part["density"] >= part["level"]
        assert part["density"][inside].sum() == pytest.approx(0.95, abs=0.01)
        cell = (
            part["x"].drop_duplicates().diff().iloc[1] * part["y"].drop_duplicates().diff().iloc[1]
        )
        areas.append(inside.sum() * cell)
    assert areas[0] < areas[1] < areas[2]


def test_rollouts_start_together_and_spread_with_fresh_noise(
    pictures: dict[str, pd.DataFrame],
) -> None:
    spread = pictures["rollouts"].groupby(["point", "share", "step"])["pc1"].std()
    assert set(spread.index.get_level_values("point")) == {"cluster", "kick"}
    assert (spread.xs(0, level="step") < 1e-6).all()
    last = spread.xs(5, level="step")
    assert (last.xs(0.0, level="share") < 1e-6).all()
    assert (last.xs(1.0, level="share") > 0.1).all()


def test_stack_and_longest(pictures: dict[str, pd.DataFrame]) -> None:
    assert pictures["stack"]["update"].unique().tolist() == [0, 20, 40, 50, 70, 80]
    assert set(pictures["longest"]["label"]) == {0, 1}
    assert len(pictures["driven"]) == PictureSettings.n_driven


def test_network_that_stays_has_notes_instead() -> None:
    context = Context(bistable(6.0), preset_hmm("chain2"), 0, FEW)
    found = pipeline.sensitivity_tables(context)
    assert found["sensitivity"].empty and len(found["switches"]) == 0
    one = bistable(0.5)
    with torch.no_grad():
        one.out.weight.zero_()
    silent = pipeline.reverse_engineer(one, None, preset_hmm("chain2"), 0, settings=FEW)
    assert silent["notes"]["stage"].tolist() == ["readout", "pairs"]
    assert "pairs" not in silent and len(silent["regions"])


def test_divergence_is_refused() -> None:
    net = NoiseDriven("relu", N, N, 3)
    with torch.no_grad():
        net.recurrent.weight.copy_(100 * torch.eye(N))
    with pytest.raises(DataError, match="diverges"):
        pipeline.reverse_engineer(net, None, preset_hmm("chain2"), 0, settings=FEW)


def test_thinned_checkpoints_keep_both_ends() -> None:
    many: list[tuple[int, dict[str, torch.Tensor]]] = [(i, {}) for i in range(101)]
    kept = [update for update, _ in thinned(many, 5)]
    assert kept == [0, 25, 50, 75, 100]
    assert [u for u, _ in thinned(many[:3])] == [0, 1, 2]
