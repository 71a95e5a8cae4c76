"""Tables, figures and the partial report of a study, from the files that its jobs left."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from hmmlens.cli import command as cli
from hmmlens.errors import DataError
from hmmlens.report import partial
from hmmlens.report.explain import study as whole
from hmmlens.report.explain import tables
from hmmlens.study import jobs, layout, table_parts
from hmmlens.study.rules import Job
from tests.report.explain import finished_study
from tests.report.explain.finished_study import DATASET, LAYER, NETWORK, Finished

UNTRAINED = f"{NETWORK}{layout.UNTRAINED}"
Tables = dict[str, pd.DataFrame]

pytestmark = pytest.mark.usefixtures("no_png")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_study.write(tmp_path_factory.mktemp("finished") / "results" / "planted")


@pytest.fixture(scope="module")
def made(finished: Finished) -> Tables:
    parts = table_parts.parts(finished.study)
    found, about = whole.gather_tables(finished.results, parts, [])
    assert about[DATASET]["target_names"] == ["sign"]
    return found


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Path:
    """Return a copy of the results, to be changed."""
    own = shutil.ignore_patterns(partial.FOLDER)
    return shutil.copytree(finished.results, tmp_path / "results" / "planted", ignore=own)


def lose(results: Path, *lost: Job) -> None:
    for job in lost:
        for path in (*job.outputs, job.benchmark):
            where = results / path
            shutil.rmtree(where) if where.is_dir() else where.unlink()


# --- Tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["scores", "choices", "fits", "states", "transitions", "by_count", "agreement"]
)
def test_a_study_gathers_what_explain_does(finished: Finished, made: Tables, name: str) -> None:
    expected = finished.explanation.tables[name].drop(columns="dataset")
    networks = {
        "network": NETWORK,
        "network-untrained": UNTRAINED,
        "raw-sequences": f"raw-{DATASET}",
    }
    if "network" in expected:
        expected = expected.assign(network=expected["network"].map(networks))
    found = made[name].drop(columns="dataset").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_like=True)


def test_numbers_of_the_tables_are_those_of_the_task(finished: Finished, made: Tables) -> None:
    data = finished.data
    test = data["split"].to_numpy() == 2
    sign = np.where(np.cumsum(data["input"].to_numpy()[..., 0] > 0, axis=1) % 2, 1.0, -1.0)
    np.testing.assert_array_equal(data["target"][..., 0], sign)
    networks = made["networks"].set_index("role")
    assert networks.loc["trained", "test"] == 0 and networks.loc["trained", "n_epochs"] == 2
    # The untrained control, step by step.
    state, output = np.array([1.0, 0.0]) * np.ones((len(sign), 1)), []
    for t in range(sign.shape[1]):
        state = np.array([0.5, 0.8]) * state + data["input"].to_numpy()[:, t]
        output.append(state.sum(axis=1))
    error = ((np.stack(output, axis=1) - sign) ** 2)[test].mean()
    assert networks.loc["untrained", "test"] == pytest.approx(error)
    assert made["endpoints"].set_index("role")["n_coarse"].to_dict() == {
        "trained": 2, "untrained": 1,
    }  # fmt: skip
    # Only what was trained has a learning curve.
    assert made["training"]["network"].tolist() == [NETWORK, NETWORK]
    verdicts = made["verdicts"].set_index("role")
    assert verdicts.loc["trained", "grade"] == "D" and verdicts.loc["trained", "n_states"] == 2
    methods = made["methods"].set_index("method")
    assert methods.loc["k-means", "ari"] == 1


# --- The partial report ---------------------------------------------------------------------


@pytest.mark.study
def test_the_partial_report_of_a_finished_study_is_whole(
    finished: Finished, made: Tables, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "planted.yaml").write_text(json.dumps(finished_study.SETTINGS))
    monkeypatch.chdir(finished.results.parents[1])
    assert cli.main(["partial", "--configfile", str(tmp_path / "planted.yaml")]) == 0
    printed = capsys.readouterr().out.splitlines()
    n = sum(job.rule not in partial.LAST for job in jobs.of_study(finished.study))
    assert printed[0].startswith(f"{n} of {n} jobs are done, all but those that write the study's")
    assert printed[1] == "The partial report: results/planted/partial_report/report.pdf"
    folder = finished.results / partial.FOLDER
    assert pd.read_csv(folder / "missing.csv").empty
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    for name, table in made.items():
        tables.save(table, tmp_path / "own" / name)
        own = (tmp_path / "own" / f"{name}.csv").read_bytes()
        assert (folder / "tables" / f"{name}.csv").read_bytes() == own, name
    (network,) = json.loads((folder / "findings.json").read_text())["networks"]
    assert (network["network"], network["layer"]) == (NETWORK, LAYER)
    assert network["verdict"] == "Discrete states, 2 of them."
    # Pictures show the planted states and no others.
    drawn = {path.stem for path in (folder / "figures" / NETWORK).glob("*.pdf")}
    assert {f"{LAYER}-{name}" for name in ("futures", "states", "bands", "scores")} <= drawn
    pairs = pd.read_csv(folder / "figures" / NETWORK / f"{LAYER}-futures.csv")
    assert (
        pairs[pairs["same_class"]]["distance"].max() < pairs[~pairs["same_class"]]["distance"].min()
    )
    assert "one for each true state" in network["conclusion"] and network["start_up"] == ""
    assert {path.stem for path in (folder / "figures" / "overview").glob("*.pdf")} >= {
        "training", "methods",
    }  # fmt: skip
    bands = pd.read_csv(folder / "figures" / NETWORK / f"{LAYER}-bands.csv")
    explained = bands.iloc[:, bands.columns.get_loc("truth") + 1]
    assert adjusted_rand_score(bands["truth"], explained) == 1


def test_what_is_missing_is_left_out_and_listed(finished: Finished, copied: Path) -> None:
    place = (UNTRAINED, "0", LAYER)
    lose(copied, Job("sweep_states", (*place, "pca-2")), Job("check_network", (NETWORK,)))
    folder, found = partial.write(finished.study, copied)
    n = sum(job.rule not in partial.LAST for job in jobs.of_study(finished.study))
    assert found.sentence == (
        f"{n - 2} of {n} jobs are done; of 1 networks, 0 are whole, 1 are begun, and 0 are not."
    )
    (row,) = pd.read_csv(folder / "missing.csv").to_dict("records")
    assert row["what"] == f"network {NETWORK}"
    assert row["missing"] == "sweep_states 1, check_network 1"
    choices = pd.read_csv(folder / "tables" / "choices.csv")
    assert set(choices["network"]) == {NETWORK}
    assert len(pd.read_csv(folder / "tables" / "scores.csv"))
    # Figures compare a network with its control, so they are drawn when both are there.
    assert {path.name for path in (folder / "figures").iterdir()} == {"overview"}
    assert not (folder / "figures" / "overview" / "methods.pdf").exists()


def test_a_layer_that_is_being_written_is_not_read(finished: Finished, copied: Path) -> None:
    scores = copied / layout.LAYER_SCORES.format(network=NETWORK, seed=0, layer=LAYER)
    scores.write_text(scores.read_text()[:100])
    os.utime(scores, (2.1e9, 2.1e9))
    with pytest.raises(
        DataError, match=r"no network's layer has been read: 23 of 24 jobs are done"
    ):
        partial.write(finished.study, copied)
    assert not (copied / partial.FOLDER).exists()


def test_a_result_that_is_replaced_meanwhile_is_an_error(finished: Finished, copied: Path) -> None:
    curve = copied / layout.CURVE.format(network=NETWORK, seed=0)
    curve.write_text("")
    with pytest.raises(DataError, match=r"was replaced while it was read .*make the report again"):
        partial.write(finished.study, copied)
    assert not (copied / partial.FOLDER).exists()
