"""One whole small study through Snakemake, looked at from several sides."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from hmmlens.io import store
from hmmlens.validation.grading.verdict import GRADES, SUPPORTED
from hmmlens.validation.model_checks.checks import CHECKS
from tests.study.test_names import EXPLAINING, names_in, refused, with_layers, with_name
from tests.workflow.runs import SMOKE, csv_files, kill_when, snakemake

pytestmark = pytest.mark.study

TABLES = {
    "agreement",
    "by_count",
    "ceilings",
    "choices",
    "endpoints",
    "fits",
    "networks",
    "scores",
    "states",
    "training",
    "transitions",
    "input_transitions",
    "entropies",
    "scores_by_output",
    "audit",
    "sample_sizes",
    "verdicts",
    "checks",
    "methods",
}


def test_every_stage_leaves_its_result(smoke: Path) -> None:
    results = smoke / "results" / "smoke"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert {path.stem for path in (results / "tables").glob("*.csv")} == TABLES
    for figure in (results / "figures").rglob("*.pdf"):
        assert figure.with_suffix(".png").stat().st_size > 5000
        assert len(pd.read_csv(figure.with_suffix(".csv"))) > 0
    store.check(results / "data" / "fully3" / "fully3.zarr", "sequences")
    store.check(results / "flipflop-gru" / "0" / "activations" / "activations.zarr", "activations")
    assert not list(results.rglob("*.partial"))
    assert not list((results / "checkpoints").glob("*"))


def test_no_name_of_a_config_can_be_that_of_a_result(smoke: Path) -> None:
    """The folders of a study as they lie on the disk, whatever the layout says of them."""
    results = smoke / "results" / "smoke"
    networks = {"fully3-lstm", "flipflop-gru"}
    named = networks | {f"{name}-untrained" for name in networks} | {"raw-fully3", "raw-flipflop"}
    fixed = (names_in(results) - named) | (names_in(results / "figures") - networks)
    assert {"data", "tables", "figures", "logs", "benchmarks", "overview"} <= fixed
    for name in fixed:
        assert f"networks.{name}: the name" in refused(with_name(EXPLAINING, "networks", name))
    run = results / "fully3-lstm" / "0"
    beside = names_in(run) - {"layer0", "layer1"}
    assert {"activations", "endpoints"} <= beside
    for name in beside:
        assert "is reserved" in refused(with_layers(name))
    below = names_in(run / "layer0") - {"pca-2", "tsne"}
    assert {"validation", "explanation"} <= below
    for name in below:
        assert f"reducers.{name}: the name" in refused(with_name(EXPLAINING, "reducers", name))


def test_tables_hold_every_network_seed_layer_and_role(smoke: Path) -> None:
    tables = smoke / "results" / "smoke" / "tables"
    fits = pd.read_csv(tables / "fits.csv")
    places = set(fits[["network", "layer", "reducer"]].itertuples(index=False, name=None))
    lstm = {("fully3-lstm" + end, f"layer{i}") for end in ("", "-untrained") for i in (0, 1)}
    gru = {("flipflop-gru" + end, "layer0") for end in ("", "-untrained")}
    expected = {(*place, "pca-2") for place in lstm | gru}
    # Maps serve to look at, and nobody looks at a control's.
    expected |= {(*place, "tsne") for place in lstm | gru if "untrained" not in place[0]}
    expected |= {
        (f"raw-{name}", "input", control)
        for name in ("fully3", "flipflop")
        for control in ("raw-input", "raw-input-pca-2", "lagged-input-pca-2")
    }
    assert places == expected
    # One fit of one state, two of each other count.
    assert (fits.groupby(["network", "layer", "reducer"]).size() == 1 + 3 * 2).all()
    agreement = pd.read_csv(tables / "agreement.csv")
    assert set(agreement["role"]) == {"trained", "untrained", "raw input", "lagged input"}
    choices = pd.read_csv(tables / "choices.csv")
    chosen = choices[choices["chosen_reducer"]]
    assert not chosen["exploratory"].any()
    assert set(chosen["reducer"]) == {"pca-2"}


def test_the_report_states_what_the_tables_hold(smoke: Path) -> None:
    results = smoke / "results" / "smoke"
    findings = json.loads((results / "findings.json").read_text())["networks"]
    assert [(t["network"], t["layer"]) for t in findings] == [
        ("fully3-lstm", "layer0"),
        ("fully3-lstm", "layer1"),
        ("flipflop-gru", "layer0"),
    ]
    networks = pd.read_csv(results / "tables" / "networks.csv")
    row = networks[(networks["network"] == "fully3-lstm")].iloc[0]
    assert f"{row['test']:.3f} nats per step" in findings[0]["task"]


def test_every_layer_has_a_verdict_and_every_network_a_reservoir(smoke: Path) -> None:
    results = smoke / "results" / "smoke"
    table = pd.read_csv(results / "tables" / "verdicts.csv")
    rows = table.set_index(["network", "role", "layer"])
    lstm = {("fully3-lstm" + end, f"layer{i}") for end in ("", "-untrained") for i in (0, 1)}
    gru = {("flipflop-gru" + end, "layer0") for end in ("", "-untrained")}
    roles = {n: "untrained" if n.endswith("-untrained") else "trained" for n, _ in lstm | gru}
    expected = {(network, roles[network], layer) for network, layer in lstm | gru}
    tops = (("fully3-lstm", "layer1"), ("flipflop-gru", "layer0"))
    reservoirs = {(network, "reservoir", layer) for network, layer in tops}
    permuted = {(network, "permuted", layer) for network, layer in tops}
    assert set(rows.index) == expected | reservoirs | permuted
    assert set(rows["grade"]) <= set(GRADES)
    # Untrained networks say nothing about their task, whatever their states look like.
    assert (rows.xs("untrained", level="role")["grade"] == "X").all()
    for network, role, layer in reservoirs:
        mine, beside = rows.loc[(network, "trained", layer)], rows.loc[(network, role, layer)]
        same = mine["grade"] == beside["grade"] and mine["grade"] in SUPPORTED
        assert mine["input_driven"] == same
        # A readout that is fitted to the task says more of it than one that is not.
        untrained = rows.loc[(f"{network}-untrained", "untrained", layer)]
        assert beside["loss"] < untrained["loss"] and beside["marginal"] == untrained["marginal"]
    # Only the top layer has a reservoir to stand beside.
    assert pd.isna(rows.loc[("fully3-lstm", "trained", "layer0"), "input_driven"])
    networks = json.loads((results / "findings.json").read_text())["networks"]
    for entry in networks:
        mine = rows.loc[(entry["network"], "trained", entry["layer"])]
        assert entry["verdict"] == mine["sentence"]
        if mine["grade"] == "D":
            assert f"fall into {mine['n_states']} classes" in mine["reasons"]


def test_the_compact_model_of_every_trained_layer_is_checked(smoke: Path) -> None:
    tables = smoke / "results" / "smoke" / "tables"
    found = pd.read_csv(tables / "checks.csv")
    layers = [("flipflop-gru", "layer0"), ("fully3-lstm", "layer0"), ("fully3-lstm", "layer1")]
    places = found.groupby(["network", "layer"])["check"].agg(list)
    wanted = [*CHECKS, "other trainings"]
    assert places.to_dict() == {place: wanted for place in layers}
    assert found["sentence"].notna().all()
    # Names of states and numbers are those of the explained model's own picture.
    choices = pd.read_csv(tables / "choices.csv")
    compact = choices[choices["chosen_reducer"] & (choices["pick"] == "explained")]
    counts = compact.set_index(["network", "layer"])["n_states"]
    methods = pd.read_csv(tables / "methods.csv").set_index(["network", "layer", "method"])
    for place in layers:
        row = methods.loc[(*place, "chosen hmm")]
        assert row["n_states"] == counts[place]
        agreement = compact.set_index(["network", "layer"]).loc[place, "ari"]
        assert row["ari"] == pytest.approx(agreement, rel=1e-5)
    # Each layer's p value is corrected for all three.
    shifted = found[found["check"] == "truth shifted"]
    assert (shifted["p_adjusted"] >= shifted["p"]).all()


def test_a_finished_study_has_nothing_to_do(smoke: Path) -> None:
    done = snakemake(smoke, SMOKE, "--cores", "1", "--dry-run")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_one_networks_settings_rerun_its_branch_only(smoke: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.yaml"
    text = SMOKE.read_text()
    assert "flipflop-gru: {dataset: flipflop, cell: gru, n_units: 8" in text
    changed.write_text(text.replace("cell: gru, n_units: 8", "cell: gru, n_units: 9"))
    done = snakemake(
        smoke,
        changed,
        "--cores",
        "1",
        "--dry-run",
        "--quiet",
        "host",
        "--rerun-triggers",
        "params",
        "input",
    )
    jobs = [line for line in done.stdout.splitlines() if line.strip().startswith("output:")]
    trained = [line for line in jobs if "network.safetensors" in line]
    assert sorted(line.split("/")[2] for line in trained) == [
        "flipflop-gru",
        "flipflop-gru-untrained",
    ]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke study on one core, killed once in a training and once in a sweep."""
    folder = tmp_path_factory.mktemp("killed")
    results = "results/smoke"
    sweep = f"*{results}/*fully3-lstm/0/layer0/*sweep.zarr*"
    for name, at in (("training", f"*{results}/checkpoints/*.pt"), ("sweep", sweep)):
        hooks = tmp_path_factory.mktemp(name)
        kill_when(folder, SMOKE, hooks, at, 2, "kill the run", "--cores", "1")
    done = snakemake(folder, SMOKE, "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:]
    return folder


def test_a_killed_training_continues_from_its_checkpoint(killed: Path) -> None:
    logs = (killed / "results" / "smoke" / "logs" / "train_network").rglob("*.log")
    assert any("continuing after epoch" in log.read_text() for log in logs)


def test_kills_and_cores_do_not_change_any_table(smoke: Path, killed: Path) -> None:
    undisturbed, disturbed = csv_files(smoke), csv_files(killed)
    assert undisturbed.keys() == disturbed.keys()
    differing = [name for name in undisturbed if undisturbed[name] != disturbed[name]]
    assert differing == []


def test_the_report_is_the_same_to_the_byte(smoke: Path, killed: Path) -> None:
    report = Path("results") / "smoke" / "report.pdf"
    assert (smoke / report).read_bytes() == (killed / report).read_bytes()


def test_the_run_report_builds(smoke: Path) -> None:
    target = smoke / "run.html"
    done = snakemake(smoke, SMOKE, "--report", str(target))
    assert done.returncode == 0, done.stdout[-2000:]
    text = target.read_text()
    for category in ("0 Report", "1 Overview", "2 Networks", "3 Tables"):
        assert category in text
