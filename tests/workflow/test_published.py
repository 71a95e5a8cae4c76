"""Two networks that others trained, from their published files to the report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hmmlens.datasets.published_packages import GAIT, SILERO
from tests.workflow.runs import PUBLISHED, snakemake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="the clips are a Debian package"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the study once on all its data, with a small grid and no map to look at."""
    pytest.importorskip("h5py", reason='needs h5py: pip install "hmmlens[keras]"')
    folder = tmp_path_factory.mktemp("published")
    study = yaml.safe_load(PUBLISHED.read_text())
    study["sweep"] |= {"n_states": [1, 2, 3]}
    study["validation"] = {"n_bootstrap": 40}
    del study["reducers"]["tsne"]
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    done = snakemake(folder, folder / "study.yaml", "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:]
    return folder / "results" / "published"


def test_both_are_replayed_and_do_their_task(results: Path) -> None:
    networks = pd.read_csv(results / "tables" / "networks.csv").set_index("network")
    assert (networks["replay_error"] < 1e-3).all()
    for name in ("gait-gru", "silero-vad"):
        row, untrained = networks.loc[name], networks.loc[f"{name}-untrained"]
        assert row["test"] < 0.5 * untrained["test"]
    # Half a radian of phase is an error of .12, and the share of speech alone gives .22.
    assert networks.loc["gait-gru", "select"] < 0.1
    assert networks.loc["silero-vad", "test"] < 0.1


def test_states_are_compared_with_the_truth_and_all_controls(results: Path) -> None:
    table = pd.read_csv(results / "tables" / "agreement.csv")
    table = table[table["rule"] == "true"].set_index(["network", "covariance_type", "role"])
    table = table.sort_index()
    assert (table["n_states"] == 2).all()
    for name in ("gait-gru", "silero-vad"):
        for kind in ("tied", "diag"):
            roles = {"trained", "untrained", "raw input", "lagged input"}
            assert set(table.loc[name, kind].index) == roles
            assert table.loc[(name, kind, "trained"), "shift_p"] < 0.05
    nmi = table["nmi"]
    # Floors of two thirds of what was once measured.
    assert nmi["gait-gru", "diag", "trained"] > 0.4
    assert nmi["silero-vad", "tied", "trained"] > 0.4
    for role in ("untrained", "raw input"):
        assert nmi["gait-gru", "diag", role] < 0.25
    # Which states EM finds in the controls depends on the grid, so intervals are compared too.
    for role in ("untrained", "raw input", "lagged input"):
        high = table.loc[("gait-gru", "diag", role), "nmi_high"]
        assert table.loc[("gait-gru", "diag", "trained"), "nmi_low"] > high
    assert nmi["silero-vad", "tied", "untrained"] < 0.2
    # Loudness alone tells speech in steady noise.
    assert nmi["silero-vad", "tied", "raw input"] > nmi["silero-vad", "tied", "trained"]


def test_the_report_states_what_that_shows(results: Path) -> None:
    networks = {
        n["network"]: n for n in json.loads((results / "findings.json").read_text())["networks"]
    }
    assert "walking or standing (derived from the signal" in networks["gait-gru"]["agreement"]
    assert "trained on all recordings but H_3km" in networks["gait-gru"]["task"]
    silero = networks["silero-vad"]["agreement"]
    assert "inside a sentence or between sentences" in silero
    assert "below the raw input" in silero
    assert "do not show that the network added anything" in silero
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    log = (results / "logs" / "record_activations" / "gait-gru" / "0.log").read_text()
    assert "\r" not in log
    for source in (GAIT, SILERO):
        assert (results.parents[1] / "data" / source.file).exists()


def test_both_run_autonomously_with_a_neutral_input(results: Path) -> None:
    ends = pd.read_csv(results / "tables" / "endpoints.csv").set_index("network")
    assert ends.loc["silero-vad", "neutral_input"] == "silence"
    assert ends.loc["gait-gru", "neutral_input"] == "a leg held still"
    assert (ends[["n_coarse", "n_fine"]] >= 1).all(axis=None)
    # In silence it forgets that somebody spoke.
    assert ends.loc["silero-vad", "n_coarse"] == 1
