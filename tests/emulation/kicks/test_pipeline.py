"""The whole analysis on networks with known kick units, with none, and without exits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.emulation.interventions import Ablation
from hmmlens.emulation.kicks.group_selection import KickGroup
from hmmlens.emulation.kicks.groups import GroupTests
from hmmlens.emulation.kicks.intervention_tests import Comparison
from hmmlens.emulation.kicks.kick_tables import is_kick_group, kicks_table
from hmmlens.emulation.kicks.matched_sets import MatchedSets
from hmmlens.emulation.kicks.pipeline import kick_analysis as analyse
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.bootstrap import Estimate
from tests.emulation.kicks.kicked import KICKS, SYMBOLS, kicked, unkicked

TABLES = {
    "kicks", "kick_units", "kick_by_label", "kick_null", "kick_gated", "kick_dose",
    "kick_noise_cut", "kick_blocks", "kick_connectivity", "kick_levels", "kick_activity",
    "kick_critical", "kick_repeat", "kick_gates", "kick_verdict", "kick_plane", "kick_paths",
}  # fmt: skip


#: Fewer initial states, sets and runs: planted effects are large.
SETTINGS = KickSettings(
    n_screening=60,
    n_racing=80,
    n_held_out=150,
    n_pool_runs=40,
    max_units=4,
    n_sets=100,
    n_initial=40,
    n_effect=150,
    n_noise_sets=40,
    n_permutations=20,
    factors=(0.0, 1.0),
    stability_factors=(0.0, 1.0),
    n_gated_runs=15,
    n_inputs=10,
    n_each=2,
    n_spectra=3,
)


def units(text: str) -> set[int]:
    return {int(word) for word in text.split()}


@pytest.mark.study
def test_network_with_planted_kicks_meets_both_criteria() -> None:
    tables = analyse(kicked(), SYMBOLS, 3, SETTINGS)
    assert set(tables) == TABLES
    table = tables["kicks"].set_index(["exit", "kind"])
    for side in (0, 1):
        for kind in ("group", "three"):
            row = table.loc[(side, kind)]
            assert row["kicks"] and units(row["units"]) == set(KICKS[side])
            assert row["low"] > 0.9 and row["unread_low"] > 0.9 and row["symbol"] == SYMBOLS[side]
            assert row["matched_p"] == 1 / 101
    assert (tables["kick_repeat"]["jaccard"] == 1).all()
    assert tables["kick_gated"].iloc[0]["reduction"] > 0.9
    assert tables["kick_verdict"].iloc[0].to_dict() == {
        "n_exits": 2, "n_with_kicks": 2, "g1": True, "g2": True,
    }  # fmt: skip
    cut = tables["kick_noise_cut"]
    assert (
        (cut["n_inputs"] == 10).all() and (cut["low"] > 0.9).all() and (cut["median"] < 0.8).all()
    )
    dose_response = tables["kick_dose"]
    assert (dose_response.loc[dose_response["factor"] == 1, ["hazard", "rate"]] == 1).all().all()
    assert dose_response.groupby("of").size().to_dict() == {"drive": 4, "noise": 4, "control": 4}
    assert dose_response["lyapunov"].notna().sum() == 4
    null = tables["kick_null"]
    assert set(null["test"]) == {"group", "three", "gated", "noise cut"}
    some = null[(null["test"] == "group") & (null["exit"] == 0) & (null["null"] == "matched")]
    assert len(some) == 100 and some["reduction"].mean() == pytest.approx(
        table.loc[(0, "group"), "matched_mean"]
    )
    by_label = tables["kick_by_label"].set_index(["exit", "kind", "to"])["reduction"]
    assert by_label[0, "group", 1] == pytest.approx(table.loc[(0, "group"), "reduction"])
    candidates = tables["kick_units"]
    chosen = candidates[(candidates["exit"] == 0) & (candidates["place_group"] > 0)]
    assert set(chosen["unit"]) == set(KICKS[0]) and chosen["rank"].max() == 3
    assert len(tables["kick_blocks"]) == 16 and len(tables["kick_connectivity"]) == 16
    assert len(tables["kick_gates"]) == 0 and len(tables["kick_critical"]) == 2 * (4 + 3 + 3)


@pytest.mark.slow
def test_same_seed_gives_same_tables() -> None:
    one, two = (analyse(unkicked(), SYMBOLS, 3, SETTINGS) for _ in range(2))
    for name in TABLES:
        pd.testing.assert_frame_equal(one[name], two[name])


@pytest.mark.slow
def test_network_without_effects_has_none() -> None:
    tables = analyse(unkicked(), SYMBOLS, 4, SETTINGS)
    table = tables["kicks"]
    assert not table["kicks"].any() and (table["units"] == "none").all()
    assert (table["reason"] == "no more than other units").all() and (table["n_units"] == 0).all()
    assert tables["kick_verdict"].iloc[0].to_dict() == {
        "n_exits": 2, "n_with_kicks": 0, "g1": False, "g2": False,
    }  # fmt: skip


@pytest.mark.parametrize("cell", ["relu", "lstm"])
def test_network_without_exits_has_none_and_a_reason(cell: str) -> None:
    net = NoiseDriven(cell, 3, 30, 3, bias=True)
    with torch.no_grad():
        net.out.weight.zero_()
        net.out.bias[:] = torch.tensor([0.0, 1.0, 2.0])
    tables = analyse(net, SYMBOLS, 0, SETTINGS)
    assert set(tables) == TABLES
    assert (tables["kicks"]["reason"] == "no exits were seen").all()
    empty = TABLES - {"kicks", "kick_verdict"}
    assert all(len(tables[name]) == 0 for name in empty)
    assert all(len(tables[name].columns) > 1 for name in TABLES - {"kick_units"})
    verdict = tables["kick_verdict"].iloc[0]
    assert verdict["n_with_kicks"] == 0 and not verdict["g1"] and not verdict["g2"]


@pytest.mark.parametrize(
    ("low", "matched", "selective", "wanted"),
    [(0.3, 0.01, 0.05, True), (0.2, 0.005, 0.005, False), (0.9, 0.02, 0.005, False),
     (0.9, 0.005, 0.06, False)],
)  # fmt: skip
def test_kicks_need_an_effect_and_both_nulls(
    low: float, matched: float, selective: float, wanted: bool
) -> None:
    effect, null = Estimate(0.95, low, 0.99), np.zeros(3)
    group = KickGroup(0, None, Ablation("drive", np.zeros(2)), np.array([1]), [effect], "")
    found = GroupTests(
        group,
        0.1,
        effect,
        effect,
        Comparison(effect, null, matched),
        Comparison(effect, null, selective),
        MatchedSets(np.zeros((3, 1), int), np.ones(3)),
        [effect],
    )
    assert is_kick_group(found) is wanted
    assert callable(kicks_table)
