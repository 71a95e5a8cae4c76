"""What jobs ask a cluster for: more for more work, within what the site allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hmmlens.study import config, emulation_study, roundtrip_study
from hmmlens.study.cluster import needs, sizes
from hmmlens.study.rules import EMULATING, RULES
from hmmlens.study.work import OfSize, Size

ROOT = Path(__file__).parents[3]
STUDY: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())

#: Peaks of memory in MB and CPU seconds that were measured on one thread, with the size of the
#: work: two datasets of 2,000, 40,000 and 300,000 steps, networks of 8, 32 and 128 units.
SMALL = Size(2000, 6, 1500, 8, 8, 10, 10 * 2 * 2 * 20 * 3.0, 5, 2)
MIDDLE = Size(40000, 6, 10000, 32, 32, 10, 36 * 3 * 4 * 30 * 2.0, 5, 2)
LARGE = Size(300000, 6, 40000, 128, 128, 4, 36 * 3 * 4 * 30 * 2.0, 5, 2)
MEASURED = {
    ("make_dataset", SMALL): (131, 0.5),
    ("make_dataset", LARGE): (173, 0.8),
    ("find_ceilings", SMALL): (173, 1.0),
    ("find_ceilings", LARGE): (237, 1.0),
    ("train_network", SMALL): (419, 3.5),
    ("train_network", MIDDLE): (427, 5.9),
    ("train_network", LARGE): (484, 7.2),
    ("record_activations", SMALL): (333, 3.1),
    ("record_activations", LARGE): (379, 2.8),
    ("find_endpoints", SMALL): (324, 2.8),
    ("find_endpoints", LARGE): (331, 3.1),
    ("reduce_layer", SMALL): (219, 3.6),
    ("reduce_layer", MIDDLE): (254, 4.9),
    ("reduce_layer", LARGE): (444, 7.6),
    ("sweep_states", SMALL._replace(n_components=8)): (228, 2.4),
    ("sweep_states", MIDDLE._replace(n_components=8)): (237, 3.4),
    ("sweep_states", LARGE._replace(n_components=8)): (264, 5.2),
    ("sweep_states", LARGE._replace(n_recorded=400_000, n_components=8)): (637, 6),
    ("validate_layer", SMALL): (178, 1.5),
    ("validate_layer", MIDDLE): (186, 2.6),
    ("interpret_layer", MIDDLE): (159, 1.0),
    ("judge_network", MIDDLE): (258, 3.8),
    ("check_network", MIDDLE): (257, 3.9),
    ("judge_reservoirs", SMALL): (445, 3.5),
    ("judge_reservoirs", MIDDLE): (481, 6.7),
    ("judge_reservoirs", LARGE): (983, 8.2),
}


@pytest.mark.parametrize(("rule", "size"), MEASURED, ids=lambda v: v if isinstance(v, str) else "")
def test_model_lies_above_what_was_measured_and_not_far(rule: str, size: Size) -> None:
    mb, seconds = MEASURED[rule, size]
    model = RULES[rule].model
    assert isinstance(model, OfSize)
    work = model.work(size)
    assert mb < work.mb < 3 * mb
    assert seconds < work.seconds < 60 + 60 * seconds


@pytest.mark.parametrize("rule", [n for n, r in RULES.items() if isinstance(r.model, OfSize)])
def test_needs_grow_with_the_work_and_with_each_attempt(rule: str) -> None:
    first = needs.need(rule, SMALL)
    assert needs.need(rule, SMALL, attempt=3) == (
        pytest.approx(4 * first.mem_mb, abs=400),
        pytest.approx(4 * first.runtime, abs=4),
    )
    huge = Size(10**9, 20, 10**8, 1024, 64, 50, 1e9, 10, 20)
    grown = needs.need(rule, huge)
    assert grown.mem_mb > first.mem_mb
    assert grown.runtime > first.runtime or rule == "raw_input"


def test_every_rule_of_the_workflow_has_a_row_and_asks_for_what_it_states() -> None:
    text = "".join(file.read_text() for file in (ROOT / "workflow" / "rules").rglob("*.smk"))
    blocks = {block.split(":")[0]: block for block in text.split("\nrule ")[1:]}
    # What is downloaded is no result of a study.
    del blocks["fetch_source"]
    assert blocks.keys() == RULES.keys()
    for name, block in blocks.items():
        assert f'**needs("{name}"' in block
        assert ("localrule: True" in block) == RULES[name].local


def test_steps_of_emulation_ask_for_more_at_each_attempt() -> None:
    raw = yaml.safe_load((ROOT / "workflow" / "studies" / "torre-smoke.yaml").read_text())
    study = emulation_study.load(raw, "torre-smoke.yaml")
    network = next(iter(study.networks))
    for rule, row in EMULATING.items():
        wildcards = dict.fromkeys(row.wildcards, "0") | {"network": network}
        if "target" in row.wildcards or row.local:
            wildcards.pop("network")
        one, three = (needs.of_job(study, rule, wildcards, attempt) for attempt in (1, 3))
        assert three == (3 * one.mem_mb, 3 * one.runtime)


def test_sizes_come_from_the_settings() -> None:
    study = config.load(STUDY)
    size = sizes.of_network(study, "fully3-vanilla")
    assert (size.n_steps, size.n_recorded, size.n_units) == (50000, 5000, 24)
    assert (size.n_epochs, size.n_reducers, size.n_networks) == (40, 3, 4)
    assert size.n_components == 8
    assert sizes.of_network(study, "fully3-vanilla-untrained").n_epochs == 0
    pair, eight = (sizes.of_reduction(study, "fully3-vanilla", name) for name in ("pca-2", "pca-8"))
    assert (pair.n_components, eight.n_components) == (2, 8)
    assert pair.n_fits < eight.n_fits == size.n_fits
    assert sizes.of_raw(study, "gait").n_steps == 40_000
    slow = config.load(STUDY | {"sweep": {"engine": "hmmlearn"}})
    fast = config.load(STUDY | {"sweep": {"engine": "numpy"}})
    ratio = sizes.of_raw(slow, "fully3").n_fits / sizes.of_raw(fast, "fully3").n_fits
    assert ratio == pytest.approx(30)


def test_files_are_measured_by_their_bytes(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("trial,t,x,y\n" + "1,0.25,1.25,-0.5\n" * 1000)
    columns = {"sequence": "trial", "time": "t", "inputs": ["x", "y"]}
    read = config.load(
        {
            "study": "mine",
            "datasets": {"t": {"kind": "table", "path": str(table), "columns": columns}},
            "networks": {"n": {"dataset": "t", "cell": "gru"}},
            "reducers": {"pca-8": {"kind": "pca"}},
        }
    )
    size = sizes.of_network(read, "n")
    assert size.n_values == 4
    # From above, and not by much.
    assert 1000 <= size.n_steps < 3000
    weights = tmp_path / "w.pt"
    weights.write_bytes(bytes(4 * 3 * 64 * 64 * 2))
    loaded = config.load(
        {
            "study": "mine",
            "datasets": {"bits": {"kind": "flipflop"}},
            "networks": {
                "n": {
                    "kind": "torch",
                    "dataset": "bits",
                    "factory": "mine:build",
                    "weights": str(weights),
                    "layers": ["rnn"],
                }
            },
            "reducers": {"all": {"kind": "identity"}},
        }
    )
    assert 64 <= sizes.of_network(loaded, "n").n_units < 200
    assert sizes.of_network(loaded, "n").n_components == sizes.of_network(loaded, "n").n_units


def test_a_round_trip_has_a_size() -> None:
    raw = yaml.safe_load((ROOT / "workflow" / "studies" / "roundtrip.yaml").read_text())
    study = roundtrip_study.load(raw, "roundtrip.yaml")
    for name in study.all_trips:
        need = needs.need("round_trip", sizes.of_trip(study, name))
        assert 1500 < need.mem_mb < 16000
        assert 10 < need.runtime < 600
