"""A cluster's settings: one file, whose mistakes are each reported in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hmmlens.errors import ConfigError
from hmmlens.study.cluster import site

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "profiles" / "slurm" / "site.yaml"


def of(text: str, tmp_path: Path) -> site.Site:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    return site.read(file)


def test_shipped_file_names_every_key_and_leaves_every_choice_to_slurm() -> None:
    shipped = site.read(SHIPPED)
    raw = yaml.safe_load(SHIPPED.read_text())
    assert raw.keys() == site.Site.model_fields.keys()
    assert raw["gpu"].keys() == site.GPU.model_fields.keys()
    assert raw["limits"].keys() == site.Limits.model_fields.keys()
    assert shipped.resources(0) == shipped.resources(1) == {}
    assert len(SHIPPED.read_text().splitlines()) < 40


def test_jobs_with_a_gpu_go_elsewhere(tmp_path: Path) -> None:
    found = of(
        "partition: short\naccount: lab\nqos: normal\ngpu: {partition: gpus, model: a100}\n",
        tmp_path,
    )
    common = {"slurm_account": "lab", "qos": "normal"}
    assert found.resources(0) == common | {"slurm_partition": "short"}
    assert found.resources(1) == common | {"slurm_partition": "gpus", "gpu_model": "a100"}
    mixed = of('gpu: {constraint: "a100|v100"}', tmp_path)
    assert mixed.resources(1) == {"constraint": "a100|v100"}
    assert mixed.resources(0) == {}
    # An empty file is a cluster without settings and without GPUs.
    assert of("", tmp_path).resources(1) == {}


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'partitions' .did you mean 'partition'"):
        of("partitions: short", tmp_path)
    with pytest.raises(ConfigError, match=r"site.yaml: limits.runtime: .*1-00:00:00"):
        of("limits: {runtime: '1-00:00:00'}", tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("partition: shrot", "partition: this cluster has no partition 'shrot' .did you mean"),
        ("gpu: {partition: gpux}", "gpu.partition: this cluster has no partition 'gpux'"),
        (
            "gpu: {model: h100}",
            "gpu.model: this cluster has no GPU named 'h100'.*it has: a100, v100",
        ),
    ],
)
def test_names_are_held_against_the_cluster(text: str, sentence: str, tmp_path: Path) -> None:
    gres = ["(null)", "gpu:a100:4(S:0-1),shard:8", "gpu:v100:2"]
    good = of("partition: short\ngpu: {partition: gpus, model: v100}", tmp_path)
    site.check_names(good, ["short", "gpus"], gres, "site.yaml")
    with pytest.raises(ConfigError, match=sentence):
        site.check_names(of(text, tmp_path), ["short", "gpus"], gres, "site.yaml")


def test_gpus_that_are_not_there(tmp_path: Path) -> None:
    asked = of("gpu: {partition: null}", tmp_path)
    with pytest.raises(ConfigError, match="gpu: this cluster shows no node with a GPU"):
        site.check_names(asked, ["short"], ["(null)", "shard:8"], "site.yaml")
    site.check_names(asked, ["short"], ["gpu:4"], "site.yaml")
    with pytest.raises(ConfigError, match="it has: no names"):
        site.check_names(of("gpu: {model: a100}", tmp_path), ["s"], ["gpu:4"], "site.yaml")
