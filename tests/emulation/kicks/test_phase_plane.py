"""What figures of kick units show: levels along runs, and paths with their drive multiplied."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hmmlens.dynamics.labels import latent
from hmmlens.emulation.interventions import select_rows
from hmmlens.emulation.kicks.groups import KickContext, prepare
from hmmlens.emulation.kicks.phase_plane import plane_tables
from hmmlens.emulation.kicks.settings import KickSettings
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from tests.emulation.kicks.kicked import KICKS, SYMBOLS, kicked

DEFAULTS = KickSettings()
N_PATHS, N_STEPS = DEFAULTS.n_paths, DEFAULTS.n_path_steps
PATH_FACTORS = DEFAULTS.path_factors
GROUPS = {side: np.array(units) for side, units in enumerate(KICKS)}


@pytest.fixture(scope="module")
def case() -> KickContext:
    return prepare(kicked(), SYMBOLS, 3)


@pytest.fixture(scope="module")
def tables(case: KickContext) -> dict[str, pd.DataFrame]:
    return plane_tables(case, GROUPS)


def test_levels_are_high_just_before_the_label_ends(tables: dict[str, pd.DataFrame]) -> None:
    plane = tables["kick_plane"]
    for side in GROUPS:
        part = plane[plane["exit"] == side].sort_values(["run", "time"])
        here = part["label"].eq(side) & part["time"].diff(-1).eq(-1)
        leaves = here & part["label"].shift(-1).ne(side)
        assert leaves.sum() > 20
        assert part["level"][leaves].mean() > part["level"][here & ~leaves].mean() + 1


def test_paths_are_those_of_single_runs(case: KickContext, tables: dict[str, pd.DataFrame]) -> None:
    paths = tables["kick_paths"]
    assert len(paths) == 2 * N_PATHS * len(PATH_FACTORS) * (N_STEPS + 1)
    assert (paths.groupby(["exit", "path"]).apply(_starts, include_groups=False) == 1).all()
    net, side = case.network, 1
    starts = case.initial_states(side, N_PATHS, "paths")
    for factor in PATH_FACTORS:
        drive = torch.ones(net.n_units)
        drive[GROUPS[side]] = factor
        state, labels = select_rows(starts.state, torch.tensor([2])), []
        with torch.inference_mode():
            for given in starts.noise_input[:N_STEPS, 2:3]:
                state = net.advance(state, given, Modulation(drive=drive))
                labels.append(int(latent(net.readout(state), SYMBOLS)))
        own = paths[(paths["exit"] == side) & (paths["path"] == 2) & (paths["factor"] == factor)]
        assert own.sort_values("time")["label"].tolist() == [side, *labels]


def _starts(path: pd.DataFrame) -> int:
    return len(path[path["time"] == 0][["pc1", "pc2"]].drop_duplicates())


def test_without_kicks_labels_last(tables: dict[str, pd.DataFrame]) -> None:
    paths = tables["kick_paths"].sort_values(["exit", "factor", "path", "time"])
    # What kicks did before the first step is still to come.
    later = paths[(paths["time"] > 2) & paths["label"].shift().eq(paths["exit"])]
    left = later["label"].ne(later["exit"]).groupby(later["factor"]).sum()
    assert left[0.0] == 0 and left[1.9] > 5


def test_gated_cells_have_levels_and_no_paths() -> None:
    net = NoiseDriven("gru", 4, 12, 3, bias=True)
    found = plane_tables(prepare(net, SYMBOLS, 3), {0: np.array([1, 2])})
    assert len(found["kick_plane"]) and found["kick_paths"].empty
    assert found["kick_paths"].columns.tolist() == [
        "exit", "factor", "path", "time", "pc1", "pc2", "label"
    ]  # fmt: skip
